import Foundation
import NormaFiles
import NormaLayers
import NormaTensor

extension TrainingState {
  /// The version of the format, raised whenever an earlier version of Norma could not read what is written. Earlier formats are
  /// read too: 1 had two slots of an optimizer, and losses, optimizers and schedules of a fixed list; 2 no mean of the weights, and no
  /// settings of a step beside the optimizer's.
  static var formatVersion: Int { 3 }
  /// The metadata's key for everything but tensors and notes.
  static var recordKey: String { "norma.training" }
  private static var bestPrefix: String { trainingPrefix + "best." }
  private static var averagePrefix: String { trainingPrefix + "average." }
  private static var optimizerPrefix: String { trainingPrefix + "optimizer." }
  /// The slots' names in the first version of the format.
  private static var earlySlotNames: [String] { ["first", "second"] }

  /// Everything but tensors and notes, as it is written.
  private struct Record: Codable {
    var version: Int
    var norma: String
    var configuration: TrainingConfiguration
    var history: TrainingHistory
    var layers: [String]
    /// Nil in files of versions that froze nothing by name.
    var frozen: [String]?
    var statistics: [String: StatisticsRule]
    var optimizerSteps: Int
    /// Of how many values of each weight their mean is.
    var averagedCount: Int?
    var orderRandom: RandomGenerator.State
    var dropoutRandom: RandomGenerator.State
    var progress: TrainingProgress?
    var dataChecksum: UInt32?

    enum CodingKeys: String, CodingKey {
      case version, norma, configuration, history, layers, frozen, statistics, optimizerSteps, averagedCount
      case orderRandom, dropoutRandom, progress, dataChecksum
    }
  }

  /// Writes the state as safetensors, whole or not at all: the model's tensors under the names they have, the others under
  /// names that begin with `norma.`, and the rest as metadata. The same state gives the same bytes: times are left out.
  public func write(to path: String) throws {
    var file = Safetensors(metadata: notes)
    let (history, tensors) = history.divided()
    file.entries = tensors
    file.metadata["format"] = "pt"
    file.metadata[Self.recordKey] = try Record(
      version: Self.formatVersion, norma: normaVersion, configuration: configuration, history: history,
      layers: layers, frozen: frozen.isEmpty ? nil : frozen, statistics: statistics,
      optimizerSteps: optimizer.stepCount,
      averagedCount: optimizer.averagedCount == 0 ? nil : optimizer.averagedCount, orderRandom: orderRandom,
      dropoutRandom: dropoutRandom, progress: progress, dataChecksum: dataChecksum
    ).json
    require(
      !model.tensors.keys.contains { $0.hasPrefix(trainingPrefix) }, "a layer cannot be called '\(trainingPrefix)'")
    model.add(to: &file)
    best?.add(to: &file, prefix: Self.bestPrefix)
    for (name, tensor) in averagedBuffers { file.entries[Self.averagePrefix + name] = Safetensors.Entry(tensor) }
    for (name, tensor) in optimizer.slots { file.entries[Self.optimizerPrefix + name] = Safetensors.Entry(tensor) }
    try file.write(to: path)
  }

  /// Reads a state.
  ///
  /// - Throws: `FileError` if the file cannot be read; `FormatError` if it is none that ``write(to:)`` wrote, is damaged, or
  ///   was written by a version of Norma whose states this one does not know.
  public init(contentsOf path: String) throws {
    try self.init(try Safetensors(contentsOf: path), path: path)
  }

  /// Reads a state from a file's bytes; `file` is what errors call it.
  public init(bytes: [UInt8], file: String) throws {
    try self.init(try Safetensors(bytes: bytes, file: file), path: file)
  }

  private init(_ file: Safetensors, path: String) throws {
    let remedy = "Go on from another state of the training, or begin it anew."
    func error(_ problem: String) -> FormatError { FormatError(file: path, problem: problem, remedy: remedy) }
    guard let text = file.metadata[Self.recordKey] else {
      throw FormatError(
        file: path, problem: "there is no state of a training in it",
        remedy: "A file is needed that a training wrote to go on from; a trained model is not enough.")
    }
    try Self.checkVersion(text, path: path)
    var record: Record
    do {
      record = try Record(json: text)
    } catch let problem as RegistryError {
      throw FormatError(
        file: path, location: "metadata '\(Self.recordKey)'", problem: problem.description,
        remedy: "Go on in a program that registers it.")
    } catch {
      throw FormatError(
        file: path, location: "metadata '\(Self.recordKey)'", problem: "the state cannot be read", remedy: remedy)
    }
    try record.history.take(from: file.entries, file: path, remedy: remedy)
    var (model, best): ([String: Safetensors.Entry], [String: Safetensors.Entry]) = ([:], [:])
    var (slots, averages): ([String: Tensor<Element>], [String: Tensor<Element>]) = ([:], [:])
    let rule = record.configuration.optimizer
    for (name, entry) in file.entries {
      if name.hasPrefix(Self.bestPrefix) {
        best[String(name.dropFirst(Self.bestPrefix.count))] = entry
      } else if name.hasPrefix(Self.averagePrefix) {
        guard let tensor = entry.exactTensor(of: Element.self) else {
          throw error("'\(name)' holds no numbers of \(Element.typeName)")
        }
        averages[String(name.dropFirst(Self.averagePrefix.count))] = tensor
      } else if name.hasPrefix(Self.optimizerPrefix) {
        guard let tensor = entry.exactTensor(of: Element.self), tensor.rank == 1 else {
          throw error("'\(name)' is no vector of \(Element.typeName)")
        }
        var slot = String(name.dropFirst(Self.optimizerPrefix.count))
        if record.version == 1, let place = Self.earlySlotNames.firstIndex(of: slot), place < rule.slots.count {
          slot = rule.slots[place]
        }
        slots[slot] = tensor
      } else if !name.hasPrefix(TrainingHistory.tensorPrefix) {
        model[name] = entry
      }
    }
    self.model = try ModelState(model, file: path, remedy: remedy)
    self.best = best.isEmpty ? nil : try ModelState(best, file: path, remedy: remedy)
    optimizer = Optimizer(
      record.configuration, stepCount: record.optimizerSteps, averagedCount: record.averagedCount ?? 0, slots: slots)
    averagedBuffers = averages
    configuration = record.configuration
    history = record.history
    layers = record.layers
    frozen = record.frozen ?? []
    statistics = record.statistics
    orderRandom = record.orderRandom
    dropoutRandom = record.dropoutRandom
    progress = record.progress
    dataChecksum = record.dataChecksum
    notes = file.metadata.filter { $0.key != Self.recordKey && $0.key != "format" }
    if let problem { throw error(problem) }
  }

  /// Makes sure that the format is the one this version of Norma writes.
  private static func checkVersion(_ record: String, path: String) throws {
    guard let found = try? RecordVersion(json: record), !(1...formatVersion).contains(found.version) else { return }
    let isNewer = found.version > formatVersion
    throw FormatError(
      file: path, problem: "it is of version \(found.version), written by norma \(found.norma)",
      remedy: """
        This is norma \(normaVersion), which knows versions up to \(formatVersion): go on with \
        \(isNewer ? "the version that wrote it, or a later one" : "the version that wrote it"), or begin anew.
        """)
  }

  /// What does not hang together in a state that was read; nil if nothing.
  private var problem: String? {
    if let problem = configuration.problem { return "the training is one with \(problem)" }
    // More than any training reaches, and few enough to count on from.
    guard (0...1 << 53).contains(optimizer.stepCount) else { return "the optimizer made \(optimizer.stepCount) steps" }
    guard (0...1 << 53).contains(optimizer.averagedCount) else {
      return "the mean of the weights is of \(optimizer.averagedCount)"
    }
    guard history.epochs.indices.allSatisfy({ history.epochs[$0].number == $0 + 1 }) else {
      return "the epochs are not numbered from 1"
    }
    guard let progress else { return nil }
    guard (0...history.epochs.count).contains(progress.epochsBefore),
      (0...history.epochs.count).contains(progress.epochsSinceBest),
      (0...history.stepLosses.count).contains(progress.stepsOfEpoch),
      (0...1 << 53).contains(progress.sampleCount)
    else { return "its position in the training is none" }
    return nil
  }
}

/// What any version of a state's record says.
private struct RecordVersion: Decodable {
  var version: Int
  var norma: String
}
