import Norma
import TestSupport
import Testing

@Suite struct ModelArchitectureTests {
  /// Those that fully connected layers can have.
  static let normalizations = NormalizationKind.allCases.filter { !$0.needsPositions }

  private func linearWeights(_ model: Sequential<Float>) -> [Tensor<Float>] {
    model.namedParameters.filter { $0.parameter.kind == .weight }.map(\.parameter.value)
  }

  @Test func networksStartFromTheSameLinearWeightsWhateverTheirNormalization() throws {
    let weights = try Self.normalizations.map { normalization in
      linearWeights(
        try MultilayerPerceptron(hidden: [7, 5], normalization: normalization)
          .build(sampleShape: [4], outputCount: 3, random: RandomGenerator(seed: 9)))
    }
    #expect(weights[0].map(\.shape) == [[7, 4], [5, 7], [3, 5]])
    for other in weights { #expect(zip(other, weights[0]).allSatisfy { haveSameBits($0, $1) }) }
    let otherSeed = linearWeights(
      try MultilayerPerceptron(hidden: [7, 5]).build(sampleShape: [4], outputCount: 3, random: RandomGenerator(seed: 8))
    )
    #expect(otherSeed[0] != weights[0][0])
  }

  @Test(arguments: normalizations) func theParameterCountIsThatOfTheBuiltModel(
    normalization: NormalizationKind
  ) throws {
    for hidden in [[], [2], [100, 100], [7, 5, 3]] {
      for shape in [[4], [2, 3], [3, 3, 2]] as [Shape] {
        let architecture = ModelArchitecture(
          MultilayerPerceptron(hidden: hidden, normalization: normalization, keepProbability: 0.5))
        let model: Sequential<Float> = try architecture.recipe.build(
          sampleShape: shape, outputCount: 3, random: RandomGenerator(seed: 0))
        #expect(try architecture.recipe.parameterCount(sampleShape: shape, outputCount: 3) == model.parameterCount)
        #expect(try model.outputShape(for: Shape([6] + shape)) == [6, 3])
      }
    }
  }

  @Test func theRecipeDecidesWhatStandsBetweenTheLinearLayers() throws {
    func summaries(_ recipe: MultilayerPerceptron, _ shape: Shape = [4]) throws -> [String] {
      try recipe.build(sampleShape: shape, outputCount: 2, random: RandomGenerator(seed: 0)).children.map {
        (name: String, layer: any Layer<Float>) in layer.summary
      }
    }
    #expect(
      try summaries(MultilayerPerceptron(hidden: [3], normalization: .batch), [2, 2])
        == ["Flatten", "Linear(4 → 3, no bias)", "BatchNorm(3)", "ReLU", "Linear(3 → 2)"])
    #expect(
      try summaries(MultilayerPerceptron(hidden: [3], normalization: .layer, activation: .tanh, keepProbability: 0.5))
        == ["Linear(4 → 3)", "LayerNorm(3)", "Tanh", "Dropout(keeps 0.5)", "Linear(3 → 2)"])
    #expect(
      try summaries(MultilayerPerceptron(hidden: [3], normalization: .none, activation: .sigmoid))
        == ["Linear(4 → 3)", "Sigmoid", "Linear(3 → 2)"])
    #expect(
      try summaries(MultilayerPerceptron(hidden: [3, 2], normalization: .evonormS0, keepProbability: 0.5))
        == [
          "Linear(4 → 3)", "EvoNormS0(3, 1 group)", "Dropout(keeps 0.5)", "Linear(3 → 2)", "EvoNormS0(2, 1 group)",
          "Dropout(keeps 0.5)", "Linear(2 → 2)",
        ])
    #expect(
      try summaries(MultilayerPerceptron(hidden: [3], normalization: .none, activation: .leakyReLU))
        == ["Linear(4 → 3)", "LeakyReLU(0.01)", "Linear(3 → 2)"])
  }

  @Test(arguments: [
    ("mlp:512,512", [512, 512]), ("mlp:1", [1]), ("mlp:", []), ("mlp", []), ("mlp:16777216", [1 << 24]),
  ])
  func namesAreParsed(name: String, hidden: [Int]) throws {
    let architecture = try ModelArchitecture(parsing: name)
    #expect(architecture == ModelArchitecture(MultilayerPerceptron(hidden: hidden)))
    #expect(try ModelArchitecture(parsing: architecture.description) == architecture)
  }

  @Test(arguments: [
    "", "resnet", "resnet19", "resnet51", "resnet020", "resnet20:3", "resnet2", "resnet1208", "vgg:", "vgg:0", "vgg:3,",
    "convnet:", "convnet:32", "convnet:32x7", "convnet:32x6,100", "convnet:0x7,100", "convnet:32x257,100",
    "convnet:32x7,0", "convnet:32x7,100,100", "convnet:axb,c", "MLP:3", "mlp:0", "mlp:-3", "mlp:1.5", "mlp:3,",
    "mlp:,3", "mlp:a", "mlp: 3", "mlp:16777217",
    "mlp:99999999999999999999", "mlp:3:4",
  ])
  func namesThatSayNothingGiveAnErrorThatRepeatsThem(name: String) throws {
    let error = try #require(throws: ModelArchitectureError.self) { try ModelArchitecture(parsing: name) }
    #expect(error.description.contains("'\(name)'"))
    #expect(["mlp:", "vgg:64", "convnet:32x7,100"].contains { error.description.contains($0) })
  }

  @Test(arguments: [
    "convnet:32x7,100", "convnet:8x1,3", "resnet8", "resnet20", "resnet110", "resnet18", "vgg:4", "vgg:64,128,256",
  ])
  func theNameOfAConvolutionalNetworkLeadsToItAgain(name: String) throws {
    let architecture = try ModelArchitecture(parsing: name)
    #expect(architecture.description == name)
    #expect(architecture.recipe.takesImages)
    #expect(architecture.recipe.normalization == .batch)
  }

  @Test func namesAloneStandForTheUsualNumbers() throws {
    #expect(try ModelArchitecture(parsing: "convnet").description == "convnet:32x7,100")
    #expect(try ModelArchitecture(parsing: "vgg").description == "vgg:64,128,256")
    #expect(try ModelArchitecture(parsing: "resnet20") == ModelArchitecture(ResidualNetwork.cifar(depth: 20)))
    #expect(try ModelArchitecture(parsing: "resnet18") == ModelArchitecture(ResidualNetwork.resNet18))
  }

  @Test func recipesThatCannotBeBuiltAreRefusedBeforeAnythingIsBuilt() {
    func count(_ hidden: [Int], keepProbability: Double = 1, outputs: Int = 2) throws -> Int {
      try MultilayerPerceptron(hidden: hidden, keepProbability: keepProbability)
        .parameterCount(sampleShape: [4], outputCount: outputs)
    }
    #expect(throws: ModelArchitectureError.self) { try count([-1]) }
    #expect(throws: ModelArchitectureError.self) { try count([0]) }
    #expect(throws: ModelArchitectureError.self) { try count([.max]) }
    #expect(throws: ModelArchitectureError.self) { try count([3], outputs: 0) }
    #expect(throws: ModelArchitectureError.self) { try count([Int](repeating: 1, count: 100_000)) }
    for keepProbability in [0, -1, 1.5, .nan] {
      #expect(throws: ModelArchitectureError.self) { try count([3], keepProbability: keepProbability) }
    }
  }
}
