import Foundation
import Norma

/// The data of a lab, read when first asked for.
public final class LabData: Sendable {
  /// Which examples of a set of data, and what is done to them before.
  public struct Part: Codable, Hashable, Sendable {
    /// What is done to the values.
    public enum Preparation: String, Codable, Sendable {
      /// The mean image of all that can be trained on is subtracted; the values keep their scale, as in CS231n.
      case meanSubtracted
      /// The values are brought to 0...1.
      case unitRange
    }

    /// The set.
    public var dataset: LabDataset
    /// How many examples to train on, from the first on: at most as many as there are.
    public var trainingCount: Int
    /// How many examples to validate on: of those that nothing else uses.
    public var validationCount: Int
    /// How many test examples, from the first on: at most as many as there are.
    public var testCount: Int
    /// What is done to the values.
    public var preparation: Preparation

    /// A part of a set of data.
    public init(
      _ dataset: LabDataset, trainingCount: Int, validationCount: Int = 1000, testCount: Int = 1000,
      preparation: Preparation = .meanSubtracted
    ) {
      self.dataset = dataset
      self.trainingCount = trainingCount
      self.validationCount = validationCount
      self.testCount = testCount
      self.preparation = preparation
    }
  }

  /// The examples of a part, prepared.
  public struct Examples: Sendable {
    /// To train on, and to validate on.
    public var training: Dataset<Float>, validation: Dataset<Float>
    /// To test with.
    public var test: Dataset<Float>
  }

  private struct Loaded {
    var training: Dataset<Float>, test: Dataset<Float>
    var fingerprint: String
  }

  private struct Cache {
    var loaded: [LabDataset: Loaded] = [:]
    /// By set and how many examples they are the mean of.
    var means: [LabDataset: [Int: Tensor<Float>]] = [:]
    var parts: [Part: Examples] = [:]
  }

  private let sources: [LabDataset: DataSource]
  private let onNote: @Sendable (String) -> Void
  private let cache = Guarded(Cache())

  /// Data of the given sources; the digits are always there.
  ///
  /// - Parameters:
  ///   - sources: where the data are.
  ///   - onNote: called with what is to be said of data once they are read, such as files that are missing.
  public init(_ sources: [LabDataset: DataSource] = [:], onNote: @escaping @Sendable (String) -> Void = { _ in }) {
    self.sources = sources
    self.onNote = onNote
  }

  /// What an experiment meant for some data runs on: those, or the digits where they are not at hand.
  public func atHand(_ wanted: LabDataset?) -> LabDataset? { wanted.map { sources[$0] == nil ? .digits : $0 } }

  /// The sources that were named, as on the command line.
  public var named: [String] { LabDataset.allCases.compactMap { sources[$0]?.description } }

  /// A short text that differs where the data do.
  ///
  /// - Throws: what reading the source throws.
  public func fingerprint(_ dataset: LabDataset) throws -> String {
    try cache.withLock { try load(dataset, &$0).fingerprint }
  }

  /// How many examples there are to train on and to test with, before any are set aside for validation.
  ///
  /// - Throws: what reading the source throws.
  public func counts(_ dataset: LabDataset) throws -> (training: Int, test: Int) {
    let data = try cache.withLock { try load(dataset, &$0) }
    return (data.training.count, data.test.count)
  }

  /// The examples of a part, ready for training.
  ///
  /// - Throws: what reading the source throws; `DataError` where there are too few examples.
  public func prepared(_ part: Part) throws -> Examples {
    try cache.withLock { cache in
      if let known = cache.parts[part] { return known }
      let data = try load(part.dataset, &cache)
      let available = data.training.count - part.validationCount
      guard available > 0 else { throw DataError.validationCount(part.validationCount, of: data.training.count) }
      let standardization: Standardization<Float>
      switch part.preparation {
      case .meanSubtracted:
        let mean: Tensor<Float>
        if let known = cache.means[part.dataset]?[available] {
          mean = known
        } else {
          mean = try Standardization(fittedOn: data.training.subset(rows: 0..<available), mode: .perFeature).mean
          cache.means[part.dataset, default: [:]][available] = mean
        }
        standardization = Standardization(mode: .perFeature, mean: mean, scale: .ones(mean.shape))
      case .unitRange:
        let largest: Float = part.dataset == .digits ? 16 : 255
        standardization = Standardization(mode: .overall, mean: .scalar(0), scale: .scalar(largest))
      }
      func prepare(_ examples: Dataset<Float>, _ rows: Range<Int>) throws -> Dataset<Float> {
        var examples = examples.subset(rows: rows)
        examples.features = try standardization.applied(to: examples.features)
        return examples
      }
      let prepared = Examples(
        training: try prepare(data.training, 0..<min(part.trainingCount, available)),
        validation: try prepare(data.training, available..<data.training.count),
        test: try prepare(data.test, 0..<min(part.testCount, data.test.count)))
      cache.parts[part] = prepared
      return prepared
    }
  }

  private func load(_ dataset: LabDataset, _ cache: inout Cache) throws -> Loaded {
    if let known = cache.loaded[dataset] { return known }
    let parts: (training: Dataset<Float>, test: Dataset<Float>)
    if let source = sources[dataset] {
      let read = try source.read()
      read.notes.forEach(onNote)
      let data = try read.datasets()
      // Both sources that can be named have test data of their own.
      parts = (data.training, data.test ?? data.training)
    } else {
      // The digits come without a division: the last ones are set aside for tests, as images.
      let digits = Dataset<Float>.digits()
      let testCount = 400
      func part(_ rows: Range<Int>) -> Dataset<Float> {
        var part = digits.subset(rows: rows)
        part.features = part.features.reshaped(to: [rows.count, 8, 8, 1])
        return part
      }
      parts = (part(0..<digits.count - testCount), part(digits.count - testCount..<digits.count))
    }
    var hash = StableHash()
    for part in [parts.training, parts.test] {
      hash.combine(part.features)
      if case .classes(let labels, _) = part.targets { for label in labels { hash.combine(UInt64(label)) } }
    }
    let loaded = Loaded(training: parts.training, test: parts.test, fingerprint: hash.text)
    cache.loaded[dataset] = loaded
    return loaded
  }
}

/// The FNV-1a hash (Fowler, Noll, Vo), word by word: the same on every machine and in every run, unlike `Hasher`.
struct StableHash {
  private var state: UInt64 = 0xcbf2_9ce4_8422_2325

  mutating func combine(_ word: UInt64) { state = (state ^ word) &* 0x100_0000_01b3 }

  mutating func combine(_ text: String) { for byte in text.utf8 { combine(UInt64(byte)) } }

  mutating func combine(_ tensor: Tensor<Float>) {
    for length in tensor.shape { combine(UInt64(length)) }
    tensor.withUnsafeElements { for value in $0 { combine(UInt64(value.bitPattern)) } }
  }

  /// Sixteen hexadecimal digits.
  var text: String {
    let digits = String(state, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
