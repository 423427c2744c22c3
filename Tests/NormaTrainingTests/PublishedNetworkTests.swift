import Foundation
import Norma
import TestSupport
import Testing

/// Networks that were published under torchvision's names, held against what `make_family_fixtures.py` says of torchvision's.
@Suite struct PublishedNetworkTests {
  /// What is known of a network's state dictionary.
  struct Network: Sendable, CustomStringConvertible {
    let name: String
    let count: Int
    let checksum: UInt32, order: UInt32
    /// Each entry with its shape, where they are listed.
    var entries: Set<String> = []
    var description: String { name }
  }

  static let networks: [Network] = {
    let text = try? String(contentsOf: fixturesDirectory.appending(path: "families.txt"), encoding: .utf8)
    var networks: [Network] = []
    for line in (text ?? "").split(separator: "\n") {
      let words = line.split(separator: " ").map(String.init)
      if words[0] == "=" {
        networks.append(
          Network(
            name: words[1], count: Int(words[2]) ?? 0, checksum: UInt32(words[3]) ?? 0, order: UInt32(words[4]) ?? 0))
      } else if words[1] == "norm" {
        for entry in ["weight", "bias", "running_mean", "running_var"] {
          networks[networks.count - 1].entries.insert("\(words[0]).\(entry) \(words[2])")
        }
        networks[networks.count - 1].entries.insert("\(words[0]).num_batches_tracked -")
      } else {
        networks[networks.count - 1].entries.insert(String(line))
      }
    }
    return networks
  }()

  private func model<Element: TensorElement>(
    _ name: String, outputs: Int, side: Int, of type: Element.Type = Element.self
  ) throws -> Sequential<Element> {
    try ModelArchitecture(parsing: name).recipe.build(
      sampleShape: [side, side, 3], outputCount: outputs, random: RandomGenerator(seed: 0))
  }

  @Test func allFamiliesAreThere() {
    #expect(Self.networks.count == 67)
    #expect(Self.networks.filter { !$0.entries.isEmpty }.count == 17)
  }

  @Test(arguments: networks) func namesShapesAndOrderAreTorchvisions(network: Network) throws {
    let model: Sequential<Float> = try model(network.name, outputs: 1000, side: 224)
    let (tensors, counts) = model.stateShapes
    let entries =
      tensors.map { name, shape in "\(name) \(shape.map(String.init).joined(separator: "x"))" }
      + counts.map { "\($0) -" }
    if !network.entries.isEmpty { #expect(Set(entries).symmetricDifference(network.entries).sorted() == []) }
    #expect(entries.count == network.count)
    func checksum(_ lines: [String]) -> UInt32 { Checksum(of: Array(lines.joined(separator: "\n").utf8)).value }
    let sorted = entries.sorted { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) }
    #expect(checksum(sorted) == network.checksum)
    #expect(checksum(model.namedParameters.map(\.name)) == network.order)
  }

  @Test(arguments: networks) func theRecipeIsReadAsItIsWritten(network: Network) throws {
    let architecture = try ModelArchitecture(parsing: network.name)
    #expect(architecture.description == network.name)
    #expect(try JSONDecoder().decode(ModelArchitecture.self, from: JSONEncoder().encode(architecture)) == architecture)
  }

  @Test func normalizationsAreAsPublished() throws {
    func conventions(_ name: String) throws -> BatchNormalizationConventions {
      try ModelArchitecture(parsing: name).recipe.conventions
    }
    #expect(try conventions("resnet50") == .pyTorch && conventions("efficientnet_b0") == .pyTorch)
    for name in ["mobilenet_v3_small", "efficientnet_b5"] {
      #expect(try conventions(name).epsilon == 1e-3 && conventions(name).rule == .updating(0.01))
    }
    for name in ["efficientnet_v2_s", "googlenet"] {
      #expect(try conventions(name).epsilon == 1e-3 && conventions(name).rule == .updating(0.1))
    }
    #expect(try conventions("mnasnet1_0").rule == .updating(1 - 0.9997))
    #expect(try conventions("convnext_tiny").epsilon == 1e-6)
    #expect(try ModelArchitecture(parsing: "vgg16").recipe.normalization == .none)
    #expect(try ModelArchitecture(parsing: "vgg16_bn").recipe.normalization == .batch)
    #expect(try ModelArchitecture(parsing: "convnext_tiny").recipe.normalization == .layer)
  }

  /// Deviations as PyTorch's initializations have them; of so many weights a sample deviation is within a few hundredths.
  @Test func weightsStartAsPublished() throws {
    func deviation(_ network: String, _ name: String) throws -> Double {
      let model: Sequential<Float> = try model(network, outputs: 1000, side: 64)
      let values = try #require(model.namedParameters.first { $0.name == name }).parameter.value.elements.map(
        Double.init)
      return (values.reduce(0) { $0 + $1 * $1 } / Double(values.count)).squareRoot()
    }
    func expect(_ network: String, _ name: String, _ expected: Double) throws {
      let found = try deviation(network, name)
      #expect(abs(found / expected - 1) < 0.05, "\(network) \(name): \(found), not \(expected)")
    }
    // A depthwise convolution's outputs are those of all groups.
    try expect("mobilenet_v2", "features.18.0.weight", (2.0 / 1280).squareRoot())
    try expect("mobilenet_v2", "features.17.conv.1.0.weight", (2.0 / (9 * 960)).squareRoot())
    try expect("mobilenet_v2", "classifier.1.weight", 0.01)
    try expect("efficientnet_b0", "classifier.1.weight", (1.0 / 3 / 1000).squareRoot())
    try expect("mnasnet1_0", "classifier.1.weight", (1.0 / 1000).squareRoot())
    try expect("densenet121", "features.conv0.weight", (2.0 / 147).squareRoot())
    try expect("densenet121", "classifier.weight", (1.0 / 3 / 1024).squareRoot())
    try expect("convnext_tiny", "features.7.0.block.3.weight", 0.02)
    try expect("squeezenet1_1", "classifier.1.weight", 0.01)
  }

  /// Along a direction for all parameters, the derivative of the loss is that of the gradients: with everything that is in training.
  @Test(arguments: [
    "mobilenet_v3_small", "shufflenet_v2_x0_5", "squeezenet1_1", "googlenet", "efficientnet_b0",
    "resnet:width=8,block=bottleneck,blocks=1-1",
  ])
  func gradientsAreThoseOfTheLoss(name: String) throws {
    let model: Sequential<Double> = try model(name, outputs: 3, side: 32)
    var random = RandomGenerator(seed: 3)
    // Biases and betas of 0 leave channels whose inputs are all 0 exactly where rectifiers have their kinks.
    for (name, parameter) in model.namedParameters where name.hasSuffix("bias") {
      parameter.value = .normal(parameter.shape, using: &random) * 0.3
    }
    let x = Tensor<Double>.normal([3, 32, 32, 3], using: &random)
    func loss(_ pass: Pass<Double>) throws -> Variable<Double> {
      let y = try model(Variable(x), in: pass)
      return y.softmaxCrossEntropy(labels: [0, 1, 2])
    }
    let pass = Pass<Double>.training(random: RandomGenerator(seed: 4))
    let gradients = pass.gradients(of: try loss(pass))
    let parameters = model.namedParameters.map(\.parameter)
    let directions = parameters.map { Tensor<Double>.normal($0.shape, using: &random) }
    var expected = 0.0
    for (parameter, direction) in zip(parameters, directions) {
      let gradient = try #require(gradients[parameter])
      expected += zip(gradient.elements, direction.elements).reduce(0) { $0 + $1.0 * $1.1 }
    }
    func moved(_ step: Double) throws -> Double {
      let values = parameters.map(\.value)
      for (parameter, direction) in zip(parameters, directions) {
        parameter.value = parameter.value + step * direction
      }
      defer { for (parameter, value) in zip(parameters, values) { parameter.value = value } }
      return try loss(Pass<Double>.training(random: RandomGenerator(seed: 4))).value.elements[0]
    }
    // Over a long step the loss, normalized by few values, is not straight and crosses kinks of rectifiers; over a short one the
    // difference is mostly rounding. A gradient that is wrong is so for every step.
    let steps = [1e-4, 1e-5, 1e-6].map { $0 / max(1, abs(expected)) }
    let found = try steps.map { (try moved($0) - moved(-$0)) / (2 * $0) }
    #expect(found.contains { abs($0 - expected) < 1e-5 * max(abs(expected), 1) }, "\(found), not \(expected)")
  }

  @Test func variantsOfResidualNetworksAreNamedByOptions() throws {
    let text = "resnet:stem=small,block=bottleneck,blocks=1-2,width=32,groups=4,groupwidth=16"
    let architecture = try ModelArchitecture(parsing: text)
    #expect(architecture.description == text)
    let recipe = try #require(architecture.recipe as? ResidualNetwork)
    #expect(recipe.stem == .small && recipe.blocks == [1, 2] && recipe.width == 32 && recipe.groups == 4)
    let model: Sequential<Float> = try recipe.build(
      sampleShape: [8, 8, 3], outputCount: 2, random: RandomGenerator(seed: 0))
    #expect(model.stateShapes.tensors["layer2.0.conv2.weight"] == [64, 16, 3, 3])
    #expect(
      try ModelArchitecture(parsing: "resnet:stem=large,block=basic,blocks=2-2-2-2,width=64").description == "resnet18")
    for bad in [
      "resnet:", "resnet:stem=wide", "resnet:blocks=3-0", "resnet:width=0", "resnet:depth=3", "resnet:groups",
    ] {
      #expect(throws: ModelArchitectureError.self, "\(bad)") { try ModelArchitecture(parsing: bad) }
    }
    for recipe in [
      ResidualNetwork(blocks: [1], width: 8, groups: 2),
      ResidualNetwork(block: .bottleneck, blocks: [1], width: 6, groups: 1, groupWidth: 4),
    ] {
      #expect(throws: ModelArchitectureError.self) {
        try recipe.parameterCount(sampleShape: [8, 8, 3], outputCount: 2)
      }
    }
  }

  /// Zeros around the channels, as in PyTorch's `pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 2, 2))`.
  @Test func aShortcutHasItsZerosAroundTheChannels() throws {
    let x = Tensor<Float>((0..<48).map { Float($0 + 1) }, shape: [1, 4, 4, 3])
    let y = PaddedShortcut<Float>(stride: 2, channels: 7, before: 2)(Variable(x), in: .inference).value
    #expect(y.shape == [1, 2, 2, 7])
    #expect(y.elements.prefix(14) == [0, 0, 1, 2, 3, 0, 0, 0, 0, 7, 8, 9, 0, 0])
    var recipe = ResidualNetwork.cifar(depth: 8)
    recipe.shortcut = .paddedAround
    #expect(recipe.unseenSettings == ["shortcuts have half of their zeros before the channels there are"])
  }

  @Test func aNetworkWithoutNormalizationIsNotGivenOne() throws {
    for name in ["alexnet", "squeezenet1_1"] {
      var recipe = try ModelArchitecture(parsing: name).recipe
      recipe.normalization = .batch
      #expect(throws: ModelArchitectureError("\(name) has no normalization; take none")) {
        try recipe.parameterCount(sampleShape: [96, 96, 3], outputCount: 2)
      }
    }
  }

  @Test(arguments: [NormalizationKind.layer, .group, .frn, .evonormB0, .groupStandardized, .none])
  func otherNormalizationsStandInTheSamePlaces(kind: NormalizationKind) throws {
    for name in [
      "resnet50", "mobilenet_v2", "densenet121", "shufflenet_v2_x0_5", "efficientnet_b0", "regnet_y_400mf", "vgg11",
    ] {
      var recipe = try ModelArchitecture(parsing: name).recipe
      recipe.normalization = kind
      let model: Sequential<Float> = try recipe.build(
        sampleShape: [64, 64, 3], outputCount: 3, random: RandomGenerator(seed: 0))
      #expect(try model.outputShape(for: [2, 64, 64, 3]) == [2, 3])
    }
  }

  /// A count of batches of any type, absent, or 0 beside statistics that are none of a new network.
  @Test func countsOfBatchesMayBeAnything() throws {
    let network = try ConvertedNetwork.named("convnet")
    let state = try network.stateDictionary()
    let names = state.entries.keys.filter { $0.hasSuffix("num_batches_tracked") }
    let entries: [Safetensors.Entry?] = [
      nil, .integers([0], shape: []), .float(Tensor(repeating: 0, shape: [1])),
      .double(Tensor(repeating: 5, shape: [])),
      .other(StoredTensor(.int32, shape: [], bytes: [5, 0, 0, 0])), .integers([5], shape: [1]),
    ]
    for (index, entry) in entries.enumerated() {
      var changed = state
      for name in names { changed.entries[name] = entry }
      let model = try network.makeModel()
      let remarks = try changed.load(into: model, sampleShape: network.sampleShape)
      #expect(remarks == (index < 3 ? names.sorted().map { .suppliedCount($0) } : []))
      #expect(model.state.counts.values.allSatisfy { $0 == (index < 3 ? 1 : 5) })
      _ = try InferenceModel(model)
    }
  }
}

/// Its networks can be had where the package as a whole does not go with PyTorch's build for processors.
private let hasTorchvision =
  Python.has("torch", "safetensors")
  && (try? Python.runLines("import importlib.util\nassert importlib.util.find_spec('torchvision')")) != nil

/// Networks on their way from torchvision and back: the smallest and the largest of each family that do not take long. Where
/// `NORMA_FAMILIES` is `all`, as by `make families`, they are all there are; or it names those that are wanted.
@Suite(.serialized, .enabled(if: hasTorchvision, "NORMA_PYTHON names no Python with torchvision"))
struct PublishedNetworkComparison {
  private static let wanted = ProcessInfo.processInfo.environment["NORMA_FAMILIES"]?.split(separator: " ").map(
    String.init)

  /// Those that are made together, since PyTorch takes its time to start, and lie on the disk together.
  private static let batches =
    wanted.map { wanted in
      PublishedNetworkTests.networks.map(\.name).filter { wanted == ["all"] || wanted.contains($0) }.map { [$0] }
    } ?? [
      ["resnet18", "resnet101", "resnext50_32x4d", "vgg11_bn", "alexnet"],
      [
        "squeezenet1_0", "squeezenet1_1", "googlenet", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large",
        "densenet121", "densenet201", "efficientnet_b0", "efficientnet_b5", "efficientnet_v2_s",
      ],
      [
        "regnet_x_400mf", "regnet_x_3_2gf", "regnet_y_400mf", "regnet_y_3_2gf", "shufflenet_v2_x0_5",
        "shufflenet_v2_x2_0", "mnasnet0_5", "mnasnet1_3", "convnext_tiny",
      ],
    ]

  @Test(arguments: batches) func networksComputeTheSameAndComeBackToTheBit(names: [String]) throws {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    func path(_ name: String) -> String { folder.appending(path: name).path }
    _ = try Python.runScript("make_family_fixtures.py", [folder.path] + names)
    for name in names {
      let sample = try Safetensors(contentsOf: path("\(name).safetensors"))
      let x: Tensor<Float> = try #require(sample.entries["x"]?.tensor())
      let y: Tensor<Double> = try #require(sample.entries["y"]?.tensor())
      let shape = Shape(x.shape.dropFirst())
      let model: Sequential<Float> = try ModelArchitecture(parsing: name).recipe.build(
        sampleShape: shape, outputCount: 10, random: RandomGenerator(seed: 0))
      let state = try StateDictionary(contentsOf: path("\(name).pt"))
      #expect(try state.load(into: model, sampleShape: shape) == [], "\(name)")
      let found = try model(Variable(x), in: .inference).value.converted(to: Double.self)
      let served = try InferenceModel(model)(x).converted(to: Double.self)
      let distances = [found, served].map { errorRelativeToScale($0, reference: y) }
      // What a run of all of them is for: how far they are, as they are and served, beside PyTorch's own.
      if Self.wanted != nil {
        print(name, distances, sample.entries["distance"]?.values(of: Double.self).elements ?? [])
      }
      #expect(distances.allSatisfy { $0 < 1e-5 }, "\(name): \(distances)")
      try StateDictionary(model, sampleShape: shape).write(to: path("back-\(name).safetensors"))
    }
    _ = try Python.runScript("make_family_fixtures.py", ["--check", folder.path] + names)
  }
}
