import Norma
import NormaONNX

/// A training of a network of own parts on the built-in digits.
public enum OwnTraining {
  private static let configuration = TrainingConfiguration(
    epochs: 15, batchSize: 32, loss: BrierScore(), optimizer: Lion(), learningRate: 3e-3, schedule: InverseRoot(),
    seed: 7)

  private static func data() throws -> DataSplits {
    try DataSplits(
      DataSource.digits.read(), validationCount: 300, standardizing: .overall,
      random: RandomGenerator(seed: configuration.seed))
  }

  /// Trains, going on from the state in a file if there is one, and leaves the model in another.
  ///
  /// - Parameters:
  ///   - statePath: where the state of the training is kept, so that it can be killed at any moment.
  ///   - modelPath: where the trained model goes.
  public static func train(statePath: String, modelPath: String) throws {
    let data = try data()
    let architecture = try ModelArchitecture(parsing: "scaled:48,32")
    let model: Sequential<Float> = try architecture.recipe.build(
      sampleShape: data.training.exampleShape, outputCount: 10, random: RandomGenerator(seed: 1))
    let trainer = try Trainer(model, configuration: configuration)
    if let state = try? TrainingState<Float>(contentsOf: statePath) {
      try trainer.restore(state)
      print("goes on after \(state.history.stepLosses.count) steps")
    }
    try trainer.fit(data.training, validation: data.validation) { event in
      if case .step(let step) = event, step.number % 10 == 0 { try trainer.state.write(to: statePath) }
      if case .epoch(let epoch) = event { print("epoch \(epoch.number): \(epoch.validationMetric ?? 0)") }
      return .proceed
    }
    try Checkpoint(trainer, architecture: architecture, data: data).write(to: modelPath)
  }

  /// Reads a model, answers with it, and writes it to ONNX.
  ///
  /// - Parameters:
  ///   - answersPath: where inputs, in ONNX's order, and the outputs for them go, as safetensors.
  ///   - onnxPath: where the ONNX model goes.
  /// - Returns: the share of right answers on the validation data.
  public static func serve(modelPath: String, answersPath: String, onnxPath: String) throws -> Double {
    let model = try Checkpoint(contentsOf: modelPath).makeModel()
    let data = try data()
    let x = data.validation.features
    let serving = try InferenceModel(model)
    let y = try serving(x)
    var answers = Safetensors()
    let isImage = x.rank == 4
    answers.entries["x"] = .float(isImage ? x.transposed([0, 3, 1, 2]) : x)
    answers.entries["y"] = .float(y)
    try answers.write(to: answersPath)
    try ONNXModel(model, sampleShape: data.validation.exampleShape).write(to: onnxPath)
    guard case .classes(let labels, _) = data.validation.targets else { return 0 }
    let right = zip(y.indicesOfMaximaOverChannels(), labels).filter { $0 == $1 }.count
    return Double(right) / Double(labels.count)
  }
}
