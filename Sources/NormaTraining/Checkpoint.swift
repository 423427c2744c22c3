import Foundation
import NormaData
import NormaFiles
import NormaLayers
import NormaTensor

/// A trained model as a file: safetensors with PyTorch's names, and everything needed to use it in the metadata.
///
/// The tensors alone are the state dictionary of the `nn.Sequential` of the same layers, but for those whose names begin with
/// `norma.`: where a training made very many steps, the numbers of its history are tensors too.
public struct Checkpoint: Sendable {
  /// Everything but the tensors.
  public var settings: Settings
  /// The tensors.
  public var state: ModelState<Float>

  /// A checkpoint of a model in a state.
  public init(settings: Settings, state: ModelState<Float>) {
    self.settings = settings
    self.state = state
  }

  /// The version of the format that is written, raised whenever an earlier version of Norma could not read what is written. All
  /// earlier ones are read: 1, which does not say its number, had losses, optimizers and schedules of a fixed list.
  public static let formatVersion = 2
  /// The metadata's key for the settings.
  package static let settingsKey = "norma"
}

extension Checkpoint {
  /// Writes the checkpoint: to a temporary name first, so that an earlier file stays whole if this fails.
  public func write(to path: String) throws { try FileAccess.write(try contents(of: path), to: path) }

  /// The file for `FileAccess.write(_:)`, which writes several at once; no tensor is copied.
  ///
  /// - Parameter path: what errors call the file.
  public func contents(of path: String) throws -> FileContents { try safetensors().contents(of: path) }

  /// The bytes of the file.
  public func serialized() throws -> [UInt8] { try safetensors().serialized() }

  private func safetensors() throws -> Safetensors {
    var settings = settings
    let (history, tensors) = settings.history.divided()
    settings.history = history
    var file = Safetensors(entries: tensors, metadata: ["format": "pt", Self.settingsKey: try settings.json])
    require(
      !state.tensors.keys.contains { $0.hasPrefix(trainingPrefix) }, "a layer cannot be called '\(trainingPrefix)'")
    state.add(to: &file)
    return file
  }

  /// Reads a checkpoint.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - allowsUnusableNumbers: whether it may hold numbers with which no network answers anything, to be looked at.
  /// - Throws: `FileError` if the file cannot be read, `FormatError` if it is no checkpoint, or one that does not hang
  ///   together, or as ``checkNumbers(file:)`` does.
  public init(contentsOf path: String, allowsUnusableNumbers: Bool = false) throws {
    try self.init(try Safetensors(contentsOf: path), path: path)
    if !allowsUnusableNumbers { try checkNumbers(file: path) }
  }

  /// Reads a checkpoint from a file's bytes; `file` is what errors call it. See `init(contentsOf:)`.
  public init(bytes: [UInt8], file: String) throws {
    try self.init(try Safetensors(bytes: bytes, file: file), path: file)
    try checkNumbers(file: file)
  }

  /// Makes sure that every number is finite and no running variance is below zero: otherwise each answer would be one that
  /// the model never learned, or none.
  ///
  /// - Parameter file: what the error calls the model.
  /// - Throws: `FormatError` with the layers, and how many of their numbers are so.
  public func checkNumbers(file: String) throws {
    let found = state.unusableNumbers
    guard !found.isEmpty else { return }
    let lines = found.prefix(10).map { name, numbers in
      let parts = name.split(separator: ".")
      let layer = parts.count > 1 ? "layer '\(parts.dropLast().joined(separator: "."))'" : "the network"
      return "in \(layer), of \(parts.last ?? ""), \(numbers)"
    }
    throw FormatError(
      file: file,
      problem: lines.joined(separator: ";\n") + (found.count > 10 ? ";\nand so in \(found.count - 10) more" : ""),
      remedy:
        "No answer can be had from such a model, which `norma inspect` shows. Running statistics `norma recalibrate` makes anew; otherwise "
        + "take an earlier model, or train anew: with a smaller learning rate if the training diverged.")
  }

  private init(_ file: Safetensors, path: String) throws {
    guard let text = file.metadata[Self.settingsKey] else {
      throw FormatError(
        file: path, problem: "the tensors come without Norma's settings",
        remedy: "A checkpoint that `norma train` wrote is needed.")
    }
    try Self.checkVersion(text, path: path)
    do {
      settings = try Settings(json: text)
    } catch let error as RegistryError {
      throw FormatError(
        file: path, location: "metadata '\(Self.settingsKey)'",
        problem: "the settings\(Self.origin(of: text)) cannot be read: \(error)",
        remedy: "The program that wrote it registers more, or is of another version.")
    } catch {
      throw FormatError(
        file: path, location: "metadata '\(Self.settingsKey)'",
        problem: "the settings\(Self.origin(of: text)) cannot be read",
        remedy: "A checkpoint that this version of `norma train` wrote is needed.")
    }
    try settings.history.take(
      from: file.entries, file: path, remedy: "The file was changed after it was written; train again.")
    // A state of training holds more than the model.
    let entries = file.entries.filter { !$0.key.hasPrefix(trainingPrefix) }
    state = try ModelState(
      entries, file: path, remedy: "A checkpoint that `norma train` wrote is needed.")
    try check(path)
  }

  /// Makes sure that the format is one that this version of Norma knows.
  private static func checkVersion(_ settings: String, path: String) throws {
    struct Version: Decodable {
      var formatVersion: Int?
      var version: String?
    }
    guard let found = try? Version(json: settings), let number = found.formatVersion,
      !(1...formatVersion).contains(number)
    else { return }
    throw FormatError(
      file: path, location: "metadata '\(settingsKey)'",
      problem: "the file has format version \(number)\(found.version.map { ", written by norma \($0)" } ?? "")",
      remedy: "This is norma \(normaVersion), which knows versions up to \(formatVersion): take a later one.")
  }

  /// What settings that cannot be read say of the network and the version that wrote them: what a later version wrote may
  /// be a network that this one does not know.
  private static func origin(of settings: String) -> String {
    struct Origin: Decodable {
      struct Architecture: Decodable { var name: String? }
      var architecture: Architecture?
      var version: String?
    }
    guard let origin = try? JSONDecoder().decode(Origin.self, from: Data(settings.utf8)) else { return "" }
    return (origin.architecture?.name.map { " of a network '\($0)'" } ?? "")
      + (origin.version.map { ", written by norma \($0)," } ?? "")
  }

  /// Makes sure that settings and tensors belong together before anything is built from them.
  private func check(_ path: String) throws {
    func error(_ problem: String) -> FormatError {
      FormatError(file: path, problem: problem, remedy: "The file was changed after it was written; train again.")
    }
    let lengths = settings.exampleShape
    guard !lengths.isEmpty, lengths.count < Shape.maximumRank,
      lengths.allSatisfy({ (1...ModelArchitecture.maximumWidth).contains($0) }),
      lengths.reduce(1.0, { $0 * Double($1) }) <= Double(ModelArchitecture.maximumWidth), settings.outputs.count > 0
    else { throw error("no example has shape \(lengths)") }
    if let shorterSide = settings.shorterSide {
      guard let shape = imageShape, (max(shape[0], shape[1])...ModelArchitecture.maximumWidth).contains(shorterSide)
      else {
        throw error("images of shape \(lengths) are not cut out of those whose shorter side is \(shorterSide)")
      }
    }
    do {
      let model = try emptyModel()
      let expected = model.parameterCount
      let found = state.tensors.filter { !$0.key.contains("running_") }.reduce(0) { $0 + $1.value.count }
      guard expected == found else {
        throw error("\(settings.architecture) has \(expected) parameters, and the file \(found)")
      }
      try model.load(state)
    } catch let problem as ModelArchitectureError {
      throw error(problem.description)
    } catch let problem as ModelStateError {
      throw error(problem.description)
    }
    if let names = settings.featureNames, names.count != lengths.reduce(1, *) {
      throw error("examples of shape \(lengths) have other than \(names.count) features")
    }
    if let encoding = settings.encoding {
      guard encoding.isConsistent, encoding.featureCount == lengths.reduce(1, *) else {
        throw error("the columns of its table do not become examples of shape \(lengths)")
      }
    }
    try settings.standardization?.check("standardization", examplesOf: lengths, error)
    if let saved = settings.targetStandardization {
      guard case .values(let count) = settings.outputs else { throw error("classes have been standardized") }
      try saved.check("standardization of what is predicted", examplesOf: [count], error)
    }
    if let problem = settings.training.problem { throw error("the training is one with \(problem)") }
    guard settings.recalibrationCount.map({ $0 > 0 }) ?? true else {
      throw error("running statistics cannot be of \(settings.recalibrationCount ?? 0) examples")
    }
    guard settings.data.validationCount >= 0 else {
      throw error("\(settings.data.validationCount) examples cannot be set aside for validation")
    }
  }

  /// The model, in the state it was saved in.
  ///
  /// - Throws: `ModelArchitectureError` or `ModelStateError` where the settings were changed to others than the state's.
  public func makeModel() throws -> Sequential<Float> {
    let model = try emptyModel()
    try model.load(state)
    return model
  }

  /// The network, of which nothing has been drawn.
  private func emptyModel() throws(ModelArchitectureError) -> Sequential<Float> {
    try settings.architecture.recipe.build(
      sampleShape: Shape(settings.exampleShape), outputCount: settings.outputs.count, random: RandomGenerator(seed: 0))
  }

  /// What is done to features before the model sees them, as 32-bit numbers; those of tables are standardized in double
  /// precision: see ``preparation``.
  public var standardization: Standardization<Float>? { settings.standardization?.standardization() }

  /// How the columns of a table become features. Where the file does not say, each is one feature, of the name that it knows.
  public var tableEncoding: TableEncoding {
    settings.encoding
      ?? TableEncoding(numbers: settings.exampleShape.reduce(1, *), names: settings.featureNames)
  }

  /// What is done to examples before the model sees them, and undone on what it gives.
  public var preparation: Preparation {
    Preparation(
      encoding: tableEncoding, standardization: settings.standardization?.standardization(),
      targetStandardization: settings.targetStandardization?.standardization())
  }
}
