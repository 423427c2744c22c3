import Norma
import TestSupport
import Testing

/// The convolutional networks that are built by name.
@Suite struct ConvolutionalNetworkTests {
  /// Small ones of each kind, and samples for them.
  static let networks: [(architecture: ModelArchitecture, sample: Shape)] = [
    (ModelArchitecture(ThreeLayerConvolutionalNetwork(filters: 4, filterSize: 3, hidden: 8)), [7, 6, 2]),
    (ModelArchitecture(ResidualNetwork(blocks: [1, 2], width: 4)), [8, 8, 3]),
    (ModelArchitecture(ResidualNetwork(blocks: [2, 1], width: 6, shortcut: .padded)), [7, 9, 1]),
    (ModelArchitecture(ResidualNetwork(stem: .large, blocks: [1, 1], width: 4)), [16, 16, 3]),
    (ModelArchitecture(VGGNetwork(widths: [4, 6], keepProbability: 0.9)), [8, 9, 2]),
  ]

  @Test(arguments: networks.indices, NormalizationKind.allCases)
  func theParameterCountIsThatOfTheBuiltModel(index: Int, normalization: NormalizationKind) throws {
    var (architecture, sample) = Self.networks[index]
    architecture.recipe.normalization = normalization
    let model: Sequential<Float> = try architecture.recipe.build(
      sampleShape: sample, outputCount: 5, random: RandomGenerator(seed: 2))
    #expect(try architecture.recipe.parameterCount(sampleShape: sample, outputCount: 5) == model.parameterCount)
    #expect(try model.outputShape(for: Shape([3] + sample)) == [3, 5])
  }

  @Test(arguments: networks.indices)
  func networksStartFromTheSameWeightsWhateverTheirNormalization(index: Int) throws {
    var (architecture, sample) = Self.networks[index]
    let weights = try NormalizationKind.allCases.map { normalization in
      architecture.recipe.normalization = normalization
      let model: Sequential<Float> = try architecture.recipe.build(
        sampleShape: sample, outputCount: 5, random: RandomGenerator(seed: 2))
      return model.namedParameters.filter { $0.parameter.kind == .weight }
    }
    #expect(weights[0].count >= 3)
    for other in weights {
      #expect(other.map(\.name) == weights[0].map(\.name))
      #expect(zip(other, weights[0]).allSatisfy { haveSameBits($0.parameter.value, $1.parameter.value) })
    }
  }

  /// The published numbers: He and others' networks for CIFAR-10 with shortcuts without weights, torchvision's ResNet-18.
  @Test(arguments: [(20, 269_722), (32, 464_154), (44, 658_586), (56, 853_018), (110, 1_727_962)])
  func residualNetworksForCIFARHaveAsManyParametersAsPublished(depth: Int, count: Int) throws {
    var recipe = ResidualNetwork.cifar(depth: depth)
    recipe.shortcut = .padded
    #expect(try recipe.parameterCount(sampleShape: [32, 32, 3], outputCount: 10) == count)
    recipe.shortcut = .projection
    #expect(
      try recipe.parameterCount(sampleShape: [32, 32, 3], outputCount: 10)
        == count + (16 * 32 + 64) + (32 * 64 + 128))
  }

  @Test func theResidualNetworkOf18LayersIsTorchvisions() throws {
    #expect(
      try ResidualNetwork.resNet18.parameterCount(sampleShape: [224, 224, 3], outputCount: 1000) == 11_689_512)
    let model: Sequential<Float> = try ResidualNetwork(stem: .large, blocks: [1, 1], width: 4).build(
      sampleShape: [32, 32, 3], outputCount: 2, random: RandomGenerator(seed: 0))
    let names = Set(model.state.tensors.keys)
    for name in [
      "conv1.weight", "bn1.running_mean", "layer1.0.conv1.weight", "layer1.0.bn2.bias", "layer2.0.downsample.0.weight",
      "layer2.0.downsample.1.running_var", "fc.weight", "fc.bias",
    ] {
      #expect(names.contains(name), "\(name)")
    }
    #expect(!names.contains("layer1.0.downsample.0.weight"))
    var shape: Shape = [1, 224, 224, 3]
    var shapes: [Shape] = []
    let large: Sequential<Float> = try ResidualNetwork(stem: .large, blocks: [1, 1, 1, 1], width: 2).build(
      sampleShape: [224, 224, 3], outputCount: 1000, random: RandomGenerator(seed: 0))
    for (_, layer) in large.children {
      shape = try layer.outputShape(for: shape)
      shapes.append(shape)
    }
    #expect(shapes.contains([1, 112, 112, 2]) && shapes.contains([1, 56, 56, 2]) && shapes.contains([1, 7, 7, 16]))
  }

  @Test func aNormalizationThatBringsItsNonlinearityLeavesItOutBeforeASum() throws {
    let model: Sequential<Float> = try ResidualNetwork(blocks: [1, 1], width: 4, normalization: .frn).build(
      sampleShape: [8, 8, 3], outputCount: 2, random: RandomGenerator(seed: 0))
    let summaries = Dictionary(uniqueKeysWithValues: model.layers.map { ($0.path, $0.layer.summary) })
    #expect(summaries["relu"] == nil && summaries["layer1.0.relu"] == nil)
    #expect(summaries["bn1"] == "FilterResponseNorm(4)" && summaries["layer1.0.bn1"] == "FilterResponseNorm(4)")
    #expect(summaries["layer1.0.bn2"] == "FilterResponseNorm(4, no threshold)")
    #expect(summaries["layer2.0.downsample.1"] == "FilterResponseNorm(8, no threshold)")
    #expect(summaries["layer1.0"]?.hasSuffix("then ReLU)") == true)
  }

  @Test func gammaStartsAtZeroInTheLastNormalizationOfEachBlockIfAsked() throws {
    func zeros(_ startsAtIdentity: Bool) throws -> [String] {
      let model: Sequential<Float> = try ResidualNetwork(blocks: [1, 1], width: 4, startsAtIdentity: startsAtIdentity)
        .build(
          sampleShape: [8, 8, 3], outputCount: 2, random: RandomGenerator(seed: 0))
      return model.namedParameters.filter {
        $0.parameter.kind == .gamma && $0.parameter.value.elements.allSatisfy { $0 == 0 }
      }
      .map(\.name)
    }
    #expect(try zeros(false) == [])
    #expect(try zeros(true) == ["layer1.0.bn2.weight", "layer2.0.bn2.weight"])
  }

  @Test func theThreeLayersAreThoseOfTheCourse() throws {
    let recipe = ThreeLayerConvolutionalNetwork(normalization: .none)
    let model: Sequential<Float> = try recipe.build(
      sampleShape: [32, 32, 3], outputCount: 10, random: RandomGenerator(seed: 0))
    #expect(
      model.children.map { $0.layer.summary } == [
        "Conv2d(3 → 32, 7×7, padding 3)", "ReLU", "MaxPool2d(2×2, stride 2)", "Flatten", "Linear(8192 → 100)", "ReLU",
        "Linear(100 → 10)",
      ])
  }

  @Test func whatCannotBeBuiltIsRefusedBeforeAnythingIsBuilt() {
    func expectError(
      _ recipe: some ModelRecipe, _ sample: Shape, saying words: String,
      sourceLocation: SourceLocation = #_sourceLocation
    ) {
      let error = #expect(throws: ModelArchitectureError.self, sourceLocation: sourceLocation) {
        try recipe.parameterCount(sampleShape: sample, outputCount: 3)
      }
      #expect(error?.description.contains(words) == true, "\(error as Any)", sourceLocation: sourceLocation)
    }
    let image: Shape = [8, 8, 3]
    expectError(ResidualNetwork.cifar(depth: 20), [64], saying: "takes images")
    expectError(ThreeLayerConvolutionalNetwork(), [8, 8], saying: "takes images")
    expectError(ThreeLayerConvolutionalNetwork(), [1, 8, 3], saying: "larger images")
    expectError(VGGNetwork(), [7, 8, 3], saying: "larger images")
    expectError(VGGNetwork(widths: []), image, saying: "one stage")
    expectError(VGGNetwork(widths: [0]), image, saying: "0 channels")
    expectError(VGGNetwork(widths: [1 << 24, 1 << 24]), image, saying: "parameters")
    expectError(VGGNetwork(widths: [1 << 24]), [4096, 4096, 1], saying: "numbers of a sample")
    expectError(VGGNetwork(keepProbability: 0), image, saying: "no probability")
    expectError(ThreeLayerConvolutionalNetwork(filterSize: 4), image, saying: "odd size")
    expectError(ThreeLayerConvolutionalNetwork(filterSize: .max), image, saying: "odd size")
    expectError(ThreeLayerConvolutionalNetwork(filters: -1), image, saying: "-1 channels")
    expectError(ThreeLayerConvolutionalNetwork(hidden: .max), image, saying: "units")
    expectError(ResidualNetwork(blocks: [], width: 16), image, saying: "1 to 8 stages")
    expectError(ResidualNetwork(blocks: [1, 0], width: 16), image, saying: "1 to 1000 blocks")
    expectError(ResidualNetwork(blocks: [.max], width: 16), image, saying: "1 to 1000 blocks")
    expectError(ResidualNetwork(blocks: [1], width: .max), image, saying: "channels at first")
    expectError(
      ResidualNetwork(blocks: [1], width: 4, normalization: .none, startsAtIdentity: true), image, saying: "no gamma")
    expectError(
      ResidualNetwork(blocks: [1, 1, 1, 1], width: 4, normalization: .instance), image, saying: "leaves nothing")
    expectError(MultilayerPerceptron(hidden: [100], normalization: .instance), image, saying: "instance normalization")
    expectError(MultilayerPerceptron(hidden: [17], normalization: .group), image, saying: "group normalization")
  }
}
