import Foundation
import Norma
import TestSupport
import Testing

/// Convolutional networks from recipe to checkpoint.
@Suite struct ConvolutionalTrainingTests {
  static let recipes: [any ModelRecipe] = [
    ThreeLayerConvolutionalNetwork(filters: 4, filterSize: 3, hidden: 8, keepProbability: 0.9),
    ResidualNetwork(blocks: [1, 1], width: 4), ResidualNetwork(blocks: [1, 1], width: 4, shortcut: .padded),
    VGGNetwork(widths: [4, 6]),
  ]

  /// Pictures of 8×8 pixels whose class is the brightest of three channels.
  static func pictures(_ count: Int, seed: UInt64 = 7) -> Dataset<Float> {
    var random = RandomGenerator(seed: seed)
    var features = Tensor<Float>.normal([count, 8, 8, 3], using: &random)
    let labels = (0..<count).map { $0 % 3 }
    for (sample, label) in labels.enumerated() {
      for row in 0..<8 {
        for column in 0..<8 { features[sample, row, column, label] += 2 }
      }
    }
    return Dataset(features: features, targets: .classes(labels, count: 3), name: "pictures")
  }

  static func makeCheckpoint(
    _ architecture: ModelArchitecture, _ training: TrainingConfiguration
  ) throws -> Checkpoint {
    let data = pictures(26)
    let model: Sequential<Float> = try architecture.recipe.build(
      sampleShape: data.exampleShape, outputCount: 3, random: RandomGenerator(seed: 1))
    let before = model.state
    let history = try Trainer(model, configuration: training).fit(data)
    #expect(history.stepLosses.allSatisfy { $0.isFinite })
    for (name, tensor) in before.tensors { #expect(model.state.tensors[name] != tensor, "\(name) has not changed") }
    return Checkpoint(
      settings: Checkpoint.Settings(
        architecture: architecture, exampleShape: [8, 8, 3], outputs: .classes(names: ["a", "b", "c"]),
        featureNames: nil,
        standardization: Checkpoint.SavedStandardization(
          try Standardization(fittedOn: data.features, mode: .perChannel)),
        training: training, data: Checkpoint.SavedData(source: "pictures", validationCount: 0), history: history),
      state: model.state)
  }

  @Test(arguments: recipes.indices, NormalizationKind.allCases)
  func aTrainedNetworkIsReadAsItWasWritten(index: Int, normalization: NormalizationKind) throws {
    var architecture = ModelArchitecture(Self.recipes[index])
    architecture.recipe.normalization = normalization
    // A high rate is too much for values that nothing brings to a scale.
    let training = TrainingConfiguration(
      epochs: 2, batchSize: 9, optimizer: .sgd(momentum: 0.9, nesterov: true),
      learningRate: normalization.setsScale ? 0.05 : 0.005, keepsBest: false)
    let checkpoint = try Self.makeCheckpoint(architecture, training)
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "model.safetensors").path
    try checkpoint.write(to: path)
    let read = try Checkpoint(contentsOf: path)
    #expect(read.settings == checkpoint.settings)
    #expect(read.settings.architecture.recipe.normalization == normalization)
    let x = Self.pictures(5, seed: 8).features
    let model = try read.makeModel()
    #expect(haveSameBits(try model.predict(x), try checkpoint.makeModel().predict(x)))
    let served = try InferenceModel(model)(x)
    #expect(errorRelativeToScale(served.converted(to: Double.self), reference: try model.predict(x).converted()) < 1e-5)
  }

  @Test(arguments: recipes.indices)
  func recomputingNormalizedActivationsChangesNoBit(index: Int) throws {
    let states = try [false, true].map { recomputes in
      let training = TrainingConfiguration(
        epochs: 2, batchSize: 9, optimizer: .sgd(momentum: 0.9), learningRate: 0.05, keepsBest: false,
        recomputesNormalized: recomputes)
      return try Self.makeCheckpoint(ModelArchitecture(Self.recipes[index]), training).state
    }
    #expect(haveSameBits(states[0], states[1]))
  }

  @Test func blocksThatStartAsNothingLearn() throws {
    let recipe = ResidualNetwork(blocks: [1, 1], width: 4, startsAtIdentity: true)
    let training = TrainingConfiguration(epochs: 8, batchSize: 13, optimizer: .sgd(momentum: 0.9), learningRate: 0.05)
    let checkpoint = try Self.makeCheckpoint(ModelArchitecture(recipe), training)
    let evaluation = try checkpoint.makeModel().evaluate(on: Self.pictures(60, seed: 9), loss: .softmaxCrossEntropy)
    #expect(evaluation.metric > 0.9)
  }

  @Test func settingsThatNoNetworkCouldHaveAreRefused() throws {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "model.safetensors").path
    let training = TrainingConfiguration(epochs: 1, batchSize: 13, optimizer: .sgd(), keepsBest: false)
    try Self.makeCheckpoint(ModelArchitecture(ResidualNetwork(blocks: [1, 1], width: 4)), training).write(to: path)
    let original = try Safetensors(contentsOf: path)
    let text = try #require(original.metadata["norma"])
    for (old, new) in [
      (#""blocks":[1,1]"#, #""blocks":[]"#), (#""blocks":[1,1]"#, #""blocks":[1,1,1]"#),
      (#""blocks":[1,1]"#, #""blocks":[9223372036854775807]"#), (#""blocks":[1,1]"#, #""blocks":[-1]"#),
      (#""width":4"#, #""width":0"#), (#""width":4"#, #""width":5"#), (#""width":4"#, #""width":9223372036854775807"#),
      (#""stem":"small""#, #""stem":"huge""#), (#""shortcut":"projection""#, #""shortcut":"padded""#),
      (#""shortcut":"projection""#, #""shortcut":"none""#), (#""normalization":"batch""#, #""normalization":"none""#),
      (#""exampleShape":[8,8,3]"#, #""exampleShape":[192]"#), (#""exampleShape":[8,8,3]"#, #""exampleShape":[8,8,4]"#),
      (#""exampleShape":[8,8,3]"#, #""exampleShape":[8,8,3,1]"#), (#""residualNetwork""#, #""vggNetwork""#),
    ] {
      var file = original
      let changed = text.replacing(old, with: new)
      try #require(changed != text, "\(old)")
      file.metadata["norma"] = changed
      try file.write(to: path)
      #expect(throws: FormatError.self, "\(new)") { try Checkpoint(contentsOf: path) }
    }
  }
}
