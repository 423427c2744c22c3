import Foundation
import Norma
import NormaServe

/// Small models of known answers.
enum Fixtures {
  /// A model of the digits, as `norma train` would save it.
  ///
  /// - Parameter seed: another gives other weights.
  static func digits(seed: UInt64 = 1) throws -> Checkpoint {
    let random = RandomGenerator(seed: seed)
    let data = try DataSplits(
      DataSource.digits.read(), validationCount: 300, standardizing: .perFeature, random: random.split(0))
    let architecture = ModelArchitecture(MultilayerPerceptron(hidden: [30]))
    let model: Sequential<Float> = try architecture.recipe.build(
      sampleShape: [64], outputCount: 10, random: random.split(1))
    let trainer = try Trainer(model, configuration: TrainingConfiguration(epochs: 1, seed: seed))
    try trainer.fit(data.training)
    return Checkpoint(trainer, architecture: architecture, data: data)
  }

  /// A network without training, whose outputs are numbers.
  static func values() throws -> Checkpoint {
    let architecture = ModelArchitecture(MultilayerPerceptron(hidden: [], normalization: .none))
    let model: Sequential<Float> = try architecture.recipe.build(
      sampleShape: [3], outputCount: 2, random: RandomGenerator(seed: 1))
    let settings = Checkpoint.Settings(
      architecture: architecture, exampleShape: [3], outputs: .values(count: 2), featureNames: ["a", "b", "c"],
      standardization: nil,
      targetStandardization: Checkpoint.SavedStandardization(
        Standardization<Double>(mode: .perFeature, mean: Tensor([2e5, -3]), scale: Tensor([5e4, 2]))),
      training: TrainingConfiguration(loss: .meanSquaredError),
      data: Checkpoint.SavedData(source: "csv:a.csv", validationCount: 0), history: TrainingHistory())
    return Checkpoint(settings: settings, state: model.state)
  }

  /// A network of images 8 × 6 in colour, without normalization, of three classes whose names are to be escaped.
  static func images() throws -> Checkpoint {
    let architecture = ModelArchitecture(MultilayerPerceptron(hidden: [4], normalization: .none))
    let model: Sequential<Float> = try architecture.recipe.build(
      sampleShape: [8, 6, 3], outputCount: 3, random: RandomGenerator(seed: 2))
    let settings = Checkpoint.Settings(
      architecture: architecture, exampleShape: [8, 6, 3], outputs: .classes(names: ["a\"b", "<c>", "d\\\n"]),
      featureNames: nil,
      standardization: Checkpoint.SavedStandardization(
        Standardization<Double>(mode: .overall, mean: Tensor.scalar(128), scale: Tensor.scalar(64))),
      training: TrainingConfiguration(), data: Checkpoint.SavedData(source: "images:a", validationCount: 0),
      history: TrainingHistory())
    return Checkpoint(settings: settings, state: model.state)
  }

  /// The first digits as they are in the file: 64 numbers from 0 to 16.
  static func digitFeatures(_ count: Int) throws -> [[Float]] {
    let features = try DataSource.digits.read().datasets().training.features
    return (0..<count).map { features[rows: $0..<$0 + 1].elements }
  }

  /// 32-bit floats, little-endian.
  static func bytes(_ numbers: [Float]) -> Data {
    var data = Data()
    for number in numbers { withUnsafeBytes(of: number.bitPattern.littleEndian) { data.append(contentsOf: $0) } }
    return data
  }

  static func floats(_ data: Data) -> [Float] {
    let bytes = Array(data)
    return stride(from: 0, to: bytes.count, by: 4).map { place in
      Float(bitPattern: (0..<4).reduce(0) { $0 | UInt32(bytes[place + $1]) << UInt32(8 * $1) })
    }
  }

  /// Calls `body` with a folder that is gone afterwards.
  static func withFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appending(path: "norma-serve-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder)
  }

  /// Writes a model as `norma train --out NAME` does.
  static func write(_ checkpoint: Checkpoint, _ name: String, in folder: URL) throws {
    let model = folder.appending(path: name)
    try FileManager.default.createDirectory(at: model, withIntermediateDirectories: true)
    try checkpoint.write(to: model.appending(path: "model.safetensors").path)
  }
}

/// What the service says of an example.
struct Prediction: Codable, Equatable {
  var label: String?
  var probabilities: [String: Float]?
  var values: [Double]?
}
