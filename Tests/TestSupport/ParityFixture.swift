import Foundation
import NormaFiles
import NormaTensor

/// What PyTorch computed for one topic: a file of `Tests/Fixtures/parity`, whose README says what each tensor is.
public struct ParityFixture: Sendable {
  /// The topic, which is the file's name.
  public let topic: String
  private let file: Safetensors

  /// Reads a topic's file. Without it no test of the topic can say anything, so the process stops.
  public init(_ topic: String) {
    self.topic = topic
    do {
      file = try Safetensors(contentsOf: fixturesDirectory.appending(path: "parity/\(topic).safetensors").path)
    } catch {
      fatalError("the fixture of \(topic) cannot be read: \(error)")
    }
  }

  /// The cases of a topic, with their settings.
  public static func cases<Settings: ParitySettings>(
    of topic: String, _ type: Settings.Type = Settings.self
  ) -> [ParityCase<Settings>] {
    let fixture = ParityFixture(topic)
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    do {
      let settings = try decoder.decode([Settings].self, from: Data((fixture.file.metadata["cases"] ?? "").utf8))
      return settings.map { ParityCase(settings: $0, fixture: fixture) }
    } catch {
      fatalError("the cases of \(topic) are not as the README says: \(error)")
    }
  }

  /// Whether there is a tensor of that name.
  public func has(_ name: String) -> Bool { file.entries[name] != nil }

  /// The tensor of that name, rounded to another element type where that is asked for.
  public func tensor<Element: TensorElement>(_ name: String, _ type: Element.Type = Element.self) -> Tensor<Element> {
    guard let tensor = file.entries[name]?.tensor(of: type) else { fatalError("\(topic) has no numbers '\(name)'") }
    return tensor
  }

  /// The whole numbers of that name, in row-major order.
  public func integers(_ name: String) -> [Int] {
    guard case .integers(let numbers, _)? = file.entries[name] else { fatalError("\(topic) has no integers '\(name)'") }
    return numbers.map { Int($0) }
  }
}

/// The settings of one case, decoded from the file's metadata; `null` is nil.
public protocol ParitySettings: Decodable, Sendable {
  var name: String { get }
}

/// One case of a fixture: what was asked, what went in and what PyTorch made of it.
public struct ParityCase<Settings: ParitySettings>: Sendable, CustomStringConvertible {
  public let settings: Settings
  /// The file it comes from, for the tensors that several cases share.
  public let fixture: ParityFixture

  public var description: String { settings.name }

  /// Whether the case has an input of that name.
  public func has(_ name: String) -> Bool { fixture.has("\(settings.name).\(name)") }

  /// An input. All are single precision, so every element type holds them exactly.
  public func input<Element: TensorElement>(_ name: String, _ type: Element.Type = Element.self) -> Tensor<Element> {
    fixture.tensor("\(settings.name).\(name)")
  }

  /// An input of whole numbers.
  public func integers(_ name: String) -> [Int] { fixture.integers("\(settings.name).\(name)") }

  /// PyTorch's result in double precision, which stands for the exact one.
  public func expected(_ name: String) -> Tensor<Double> { fixture.tensor("\(settings.name).f64.\(name)") }

  /// PyTorch's result in single precision.
  public func expectedFloat(_ name: String) -> Tensor<Float> { fixture.tensor("\(settings.name).f32.\(name)") }

  /// Whether there is such a result, in double or single precision.
  public func hasExpected(_ name: String, precision: String = "f64") -> Bool { has("\(precision).\(name)") }
}

// MARK: - Inputs that are not stored, and results of which digests are

extension ParityCase {
  /// Hashed numbers around an offset: the stream of the case's and the input's names, as the script has it.
  public func hashed<Element: TensorElement>(
    _ name: String, _ shape: Shape, bound: Double = 1, offset: Double = 0, _ type: Element.Type = Element.self
  ) -> Tensor<Element> {
    (HashedNumbers("\(settings.name).\(name)").values(shape, bound: bound) + Float(offset)).converted()
  }

  /// How far results are from those whose digests the case holds, by name.
  ///
  /// A digest is two sums of all elements, each times a hashed number. Its error, divided by the sum of the magnitudes of these numbers
  /// and by the largest element (at least `floor`), is no larger than ``errorRelativeToScale`` of the tensors is.
  public func digestErrors(
    of results: [String: Tensor<Double>], floor: Double = 1e-30
  ) -> [(name: String, error: Double)] {
    let digests: Tensor<Double> = input("digests")
    guard digests.shape == [results.count, 2] else {
      return [("\(results.keys.sorted()), of which there should be \(digests.shape[0])", .infinity)]
    }
    return results.sorted { $0.key < $1.key }.enumerated().map { row, result in
      let scale = max(floor, result.value.elements.map(abs).max() ?? 0)
      let errors = ["first", "second"].enumerated().map { column, stream in
        let weights = hashed("\(result.key).\(stream)", result.value.shape, Double.self)
        let difference = (weights * result.value).elements.reduce(-digests[row, column], +)
        return abs(difference) / max(1e-30, scale * weights.elements.reduce(0) { $0 + abs($1) })
      }
      // What is no number is the largest error of all.
      return (result.key, errors.allSatisfy(\.isFinite) ? errors.max()! : .infinity)
    }
  }
}

/// How far results in single precision are from those in double precision, by name.
public func errors(
  of results: [String: Tensor<Float>], reference: [String: Tensor<Double>], floor: Double = 1e-30
) -> [(name: String, error: Double)] {
  results.sorted { $0.key < $1.key }.map { name, values in
    guard let reference = reference[name], reference.shape == values.shape else { return (name, .infinity) }
    return (name, errorRelativeToScale(values.converted(), reference: reference, floor: floor))
  }
}
