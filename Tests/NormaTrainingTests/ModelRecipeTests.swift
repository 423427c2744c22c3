import Foundation
import Norma
import TestSupport
import Testing

/// A recipe of a program's own: a linear map to a narrow layer and back, then one to the outputs.
private struct Bottleneck: ModelRecipe {
  static let name = "tests.bottleneck"
  static let forms: [(form: String, meaning: String)] = [("bottleneck:WIDTH", "narrow, then wide")]
  var width: Int
  var normalization = NormalizationKind.layer
  var initialization = Initialization.xavierUniform
  var conventions = BatchNormalizationConventions.norma

  var description: String { "bottleneck:\(width)" }

  init(width: Int) { self.width = width }

  init?(parsing text: String) throws(ModelArchitectureError) {
    guard text.hasPrefix("bottleneck:") else { return nil }
    guard let width = Int(text.dropFirst(11)) else { throw ModelArchitectureError("'\(text)' has no width") }
    self.init(width: width)
  }

  func build<Element: TensorElement>(
    sampleShape: Shape, outputCount: Int, random: RandomGenerator
  ) throws(ModelArchitectureError) -> Sequential<Element> {
    var network = try NetworkBuilder<Element>(self, sampleShape: sampleShape, outputCount: outputCount, random: random)
    try network.linear(width, named: "narrow")
    try network.normalization(named: "norm")
    try network.activation(named: "relu")
    try network.linear(sampleShape.elementCount, named: "wide")
    try network.linear(outputCount, named: "head")
    return try network.finished()
  }
}

@Suite struct ModelRecipeTests {
  init() throws { try ModelRegistry.shared.register(Bottleneck.self) }

  @Test func aRegisteredRecipeIsAskedForByText() throws {
    let architecture = try ModelArchitecture(parsing: "bottleneck:3")
    #expect(architecture == ModelArchitecture(Bottleneck(width: 3)))
    #expect(architecture != ModelArchitecture(Bottleneck(width: 4)))
    #expect(ModelArchitecture.forms.contains { $0.form == "bottleneck:WIDTH" })
    #expect(throws: ModelArchitectureError("'bottleneck:x' has no width")) {
      try ModelArchitecture(parsing: "bottleneck:x")
    }
    let error = #expect(throws: ModelArchitectureError.self) { try ModelArchitecture(parsing: "bottle") }
    #expect(error?.description.contains("bottleneck:WIDTH (narrow, then wide)") == true)
  }

  @Test func aCheckpointOfARegisteredRecipeIsReadAsItWasWritten() throws {
    let architecture = ModelArchitecture(Bottleneck(width: 2))
    let model: Sequential<Float> = try architecture.recipe.build(
      sampleShape: [4], outputCount: 3, random: RandomGenerator(seed: 2))
    let training = TrainingConfiguration(epochs: 2, batchSize: 10, seed: 1)
    let history = try Trainer(model, configuration: training).fit(TrainingSamples.classes(30))
    let checkpoint = Checkpoint(
      settings: Checkpoint.Settings(
        architecture: architecture, exampleShape: [4], outputs: .classes(names: ["a", "b", "c"]), featureNames: nil,
        standardization: nil, training: training, data: Checkpoint.SavedData(source: "classes", validationCount: 0),
        history: history),
      state: model.state)
    let read = try Checkpoint(bytes: try checkpoint.serialized(), file: "model")
    #expect(read.settings == checkpoint.settings)
    #expect(read.settings.architecture.recipe is Bottleneck)
    let x = TrainingSamples.classes(9, seed: 2, Float.self).features
    #expect(haveSameBits(try read.makeModel().predict(x), try model.predict(x)))
    // A program that does not register it is told what is missing.
    let file = try Safetensors(bytes: try checkpoint.serialized(), file: "model")
    var other = file
    other.metadata["norma"] = file.metadata["norma"]?.replacing("tests.bottleneck", with: "tests.unregistered")
    let error = #expect(throws: FormatError.self) { try Checkpoint(bytes: other.serialized(), file: "model") }
    #expect(
      error?.problem.contains("no model is registered under the name 'tests.unregistered'; there are ") == true)
  }

  @Test func twoRecipesCannotHaveOneName() {
    struct Namesake: ModelRecipe {
      static let name = "tests.bottleneck"
      static let forms: [(form: String, meaning: String)] = []
      var normalization = NormalizationKind.none
      var initialization = Initialization.xavierNormal
      var conventions = BatchNormalizationConventions.norma
      func build<Element: TensorElement>(
        sampleShape: Shape, outputCount: Int, random: RandomGenerator
      ) throws(ModelArchitectureError) -> Sequential<Element> { throw ModelArchitectureError("nothing") }
    }
    #expect(throws: RegistryError.self) { try ModelRegistry.shared.register(Namesake.self) }
  }

  /// What files written before recipes were registered hold: the case of an enumeration.
  @Test(arguments: [
    ("mlp", MultilayerPerceptron(hidden: [4], keepProbability: 0.9, conventions: .norma) as any ModelRecipe),
    (
      "convnet",
      ThreeLayerConvolutionalNetwork(
        filters: 2, filterSize: 3, hidden: 4, normalization: .layer, activation: .tanh, conventions: .norma)
    ),
    ("vgg", VGGNetwork(widths: [2], normalization: .group, initialization: .xavierNormal, conventions: .norma)),
  ])
  func checkpointsThatHoldARecipeAsACaseAreRead(name: String, recipe: any ModelRecipe) throws {
    let path = fixturesDirectory.appending(path: "checkpoints/enumerated/\(name).safetensors").path
    let checkpoint = try Checkpoint(contentsOf: path)
    #expect(checkpoint.settings.architecture == ModelArchitecture(recipe))
    let model = try checkpoint.makeModel()
    #expect(model.state == checkpoint.state && !checkpoint.state.tensors.isEmpty)
    // Written again, it names its recipe.
    let again = try Checkpoint(bytes: try checkpoint.serialized(), file: name)
    #expect(again.settings == checkpoint.settings)
  }

  @Test func aResidualNetworkThatWasACaseIsRead() throws {
    let text = """
      {"residualNetwork":{"_0":{"blocks":[1,1,1],"conventions":{"epsilon":1e-05,"estimator":"unbiased",\
      "initialVariance":1,"rule":{"cumulativeFirst":{"_0":0.1}}},"initialization":{"kaimingNormal":{}},\
      "normalization":"batch","shortcut":"padded","startsAtIdentity":false,"stem":"small","width":16}}}
      """
    var recipe = ResidualNetwork.cifar(depth: 8)
    (recipe.shortcut, recipe.conventions) = (.padded, .norma)
    let read = try JSONDecoder().decode(ModelArchitecture.self, from: Data(text.utf8))
    #expect(read == ModelArchitecture(recipe))
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let written = String(decoding: try encoder.encode(read), as: UTF8.self)
    #expect(written.hasPrefix(#"{"name":"residualNetwork","settings":{"block":"basic","blocks":[1,1,1],"#))
  }

  @Test func countingTheParametersOfALargeNetworkTakesNoMemory() async {
    await #expect(processExitsWith: .success) {
      let before = BufferPool.shared.usage.inUse
      let recipe = MultilayerPerceptron(hidden: [1 << 24, 1, 1 << 24, 1, 1 << 24])
      // Six linear layers of 2²⁴ weights, a bias, and gamma and beta for each of 3 · 2²⁴ + 2 units.
      let count = try recipe.parameterCount(sampleShape: [1], outputCount: 1)
      #expect(count == (12 << 24) + 5)
      // Sixteen gigabytes of weights alone are refused before anything is drawn.
      #expect(throws: ModelArchitectureError.self) {
        try MultilayerPerceptron(hidden: [1 << 16, 1 << 16]).parameterCount(sampleShape: [1], outputCount: 1)
      }
      #expect(BufferPool.shared.usage.inUse == before)
    }
  }
}
