import Foundation
import Norma
import TestSupport
import Testing

/// Networks on their way from PyTorch and back.
@Suite struct StateDictionaryTests {
  /// The entries by name, compared by their bits.
  private func haveSameBits(_ left: StateDictionary, _ right: StateDictionary) throws -> Bool {
    try Safetensors(entries: left.entries).serialized() == Safetensors(entries: right.entries).serialized()
  }

  @Test(arguments: ConvertedNetwork.all) func aNetworkOfPyTorchComputesTheSameHere(network: ConvertedNetwork) throws {
    let model = try network.makeModel()
    try network.stateDictionary().load(into: model, sampleShape: network.sampleShape)
    let (x, y) = try network.sample()
    let found = try model(Variable(x), in: .inference).value.converted(to: Double.self)
    #expect(errorRelativeToScale(found, reference: y) < 1e-5)
    let served = try InferenceModel(model)(x).converted(to: Double.self)
    #expect(errorRelativeToScale(served, reference: y) < 1e-5)
  }

  @Test(arguments: ConvertedNetwork.all.filter { $0.name != "mlp_biased" })
  func theWayBackGivesTheSameBits(network: ConvertedNetwork) throws {
    let state = try network.stateDictionary()
    let model = try network.makeModel()
    #expect(try state.load(into: model, sampleShape: network.sampleShape) == [])
    #expect(try haveSameBits(try StateDictionary(model, sampleShape: network.sampleShape), state))
  }

  @Test(arguments: ["mlp", "mlp_images", "convnet"])
  func theFileThatComesBackIsByteForByteThatOfPyTorch(name: String) throws {
    let network = try ConvertedNetwork.named(name)
    let model = try network.makeModel()
    try network.stateDictionary().load(into: model, sampleShape: network.sampleShape)
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "back.safetensors").path
    try StateDictionary(model, sampleShape: network.sampleShape).write(to: path)
    let original = ConvertedNetwork.folder.appending(path: "\(name).safetensors").path
    #expect(try FileAccess.read(path) == FileAccess.read(original))
  }

  @Test func anArchiveOfNumPyHoldsTheSameState() throws {
    let archive = try StateDictionary(contentsOf: ConvertedNetwork.folder.appending(path: "convnet.npz").path)
    #expect(try haveSameBits(archive, try ConvertedNetwork.named("convnet").stateDictionary()))
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "back.npz").path
    try archive.write(to: path)
    #expect(try StateDictionary(contentsOf: path) == archive)
  }

  /// What goes into PyTorch's names has its channels first, and so has the network without images.
  @Test(arguments: [WeightNormalization.standardized(), .scaledStandardized(), .magnitude, .spectral()])
  func columnsOfNormalizedWeightsBehindAFlattenedImageChangePlaces(normalization: WeightNormalization) throws {
    var random = RandomGenerator(seed: 1)
    // As many outputs as inputs, so that no vector is told by its length.
    let model = Sequential<Float> {
      Flatten()
      Linear(inputs: 24, outputs: 24, weightNormalization: normalization, using: &random)
    }
    let vectors = Sequential<Float> {
      Flatten()
      Linear(inputs: 24, outputs: 24, weightNormalization: normalization, using: &random)
    }
    let state = try StateDictionary(model, sampleShape: [2, 3, 4])
    #expect(try state.load(into: vectors, sampleShape: [24]) == [])
    let x = Tensor<Float>.normal([5, 2, 3, 4], using: &random)
    let expected = try model(Variable(x), in: .inference).value
    let found = try vectors(Variable(x.transposed([0, 3, 1, 2]).flattened()), in: .inference).value
    // The same sums of 24 products in another order.
    #expect(errorRelativeToScale(found, reference: expected) < 100 * Float.unitRoundoff)
    let back = Sequential<Float> {
      Flatten()
      Linear(inputs: 24, outputs: 24, weightNormalization: normalization, using: &random)
    }
    try state.load(into: back, sampleShape: [2, 3, 4])
    #expect(back.state == model.state)
  }

  @Test(arguments: [WeightNormalization.magnitude, .spectral()])
  func namesBeforeParametrizationsAreUnderstood(normalization: WeightNormalization) throws {
    var random = RandomGenerator(seed: 2)
    func network() -> Sequential<Float> {
      Sequential<Float> {
        Conv1d(
          inputs: 3, outputs: 4, window: Window(length: 3), weightNormalization: normalization, using: &random)
        BatchNorm(4)
      }
    }
    let model = network()
    var state = try StateDictionary(model, sampleShape: [9, 3])
    let earlier =
      normalization == .magnitude
      ? ["original0": "weight_g", "original1": "weight_v"]
      : ["original": "weight_orig", "0._u": "weight_u", "0._v": "weight_v"]
    for (name, old) in earlier {
      state.entries["0." + old] = state.entries.removeValue(forKey: "0.parametrizations.weight." + name)
    }
    let other = network()
    #expect(try state.load(into: other, sampleShape: [9, 3]) == [.earlierNames(count: earlier.count)])
    #expect(other.state == model.state)
  }

  @Test func columnsBehindAFlattenedImageChangePlaces() throws {
    let network = try ConvertedNetwork.named("mlp_images")
    let state = try network.stateDictionary()
    let model = try network.makeModel()
    try state.load(into: model, sampleShape: network.sampleShape)
    let theirs: Tensor<Float> = try #require(state.entries["1.weight"]?.tensor())
    let ours = try #require(model.state.tensors["1.weight"])
    for unit in 0..<8 {
      for (row, column, channel) in [(0, 0, 0), (0, 1, 0), (1, 0, 2), (3, 4, 2), (2, 3, 1)] {
        #expect(ours[unit, (row * 5 + column) * 3 + channel] == theirs[unit, (channel * 4 + row) * 5 + column])
      }
    }
  }

  @Test func aBiasThatNormalizationCancelsGoesIntoTheRunningMean() throws {
    let network = try ConvertedNetwork.named("mlp_biased")
    let state = try network.stateDictionary()
    let model = try network.makeModel()
    let remarks = try state.load(into: model, sampleShape: network.sampleShape)
    #expect(
      remarks == [
        .cancelledBias("0.bias", runningMean: "1.running_mean"),
        .cancelledBias("4.bias", runningMean: "5.running_mean"),
      ])
    let bias: Tensor<Float> = try #require(state.entries["4.bias"]?.tensor())
    let mean: Tensor<Float> = try #require(state.entries["5.running_mean"]?.tensor())
    #expect(model.state.tensors["5.running_mean"] == mean - bias)
    #expect(model.state.tensors["8.bias"] == state.entries["8.bias"]?.tensor())
  }

  @Test func aBiasBeforeInstanceNormalizationIsLeftOut() throws {
    let recipe = ThreeLayerConvolutionalNetwork(filters: 5, filterSize: 3, hidden: 7, normalization: .instance)
    let model: Sequential<Float> = try recipe.build(
      sampleShape: [6, 8, 3], outputCount: 4, random: RandomGenerator(seed: 1))
    var state = try StateDictionary(model, sampleShape: [6, 8, 3])
    let before = model.state
    state.entries["conv1.bias"] = .float(.ones([5]))
    #expect(try state.load(into: model, sampleShape: [6, 8, 3]) == [.cancelledBias("conv1.bias", runningMean: nil)])
    #expect(model.state == before)
  }

  @Test func everythingThatDoesNotFitIsListedAtOnce() throws {
    let network = try ConvertedNetwork.named("mlp")
    var state = try network.stateDictionary()
    state.entries["0.weight"] = nil
    state.entries["1.running_var"] = nil
    state.entries["1.bias"] = .float(.zeros([11]))
    state.entries["0.bias"] = .float(.zeros([11]))
    state.entries["9.weight"] = .float(.zeros([2, 2]))
    state.entries["9.num_batches_tracked"] = .integers([1], shape: [])
    state.entries["3.weight"] = .integers([Int64](repeating: 1, count: 108), shape: [9, 12])
    state.entries["4.num_batches_tracked"] = .integers([-1], shape: [])
    state.entries["1.num_batches_tracked"] = .float(.scalar(3.5))
    let model = try network.makeModel()
    let before = model.state
    let error = #expect(throws: ModelStateError.self) {
      try state.load(into: model, sampleShape: network.sampleShape)
    }
    #expect(
      error?.problems == [
        "0.weight": .missing(shape: [12, 10]), "1.running_var": .missing(shape: [12]),
        "1.bias": .misshapen(expected: [12], found: [11]), "0.bias": .unexpected, "9.weight": .unexpected,
        "9.num_batches_tracked": .unexpected, "3.weight": .wrongType, "4.num_batches_tracked": .wrongType,
        "1.num_batches_tracked": .wrongType,
      ])
    #expect(error?.description.split(separator: "\n").count == 9)
    #expect(model.state == before)
  }

  @Test func whatWrappersOfModelsPutBeforeNamesIsLeftOut() throws {
    let network = try ConvertedNetwork.named("convnet")
    let state = try network.stateDictionary()
    for prefix in ["module.", "_orig_mod.", "module._orig_mod.", "model.", "net.backbone.", "0.", "a.0.1."] {
      let wrapped = StateDictionary(
        entries: Dictionary(uniqueKeysWithValues: state.entries.map { (prefix + $0.key, $0.value) }))
      let model = try network.makeModel()
      #expect(try wrapped.load(into: model, sampleShape: network.sampleShape) == [.prefix(prefix)])
      #expect(try haveSameBits(try StateDictionary(model, sampleShape: network.sampleShape), state))
    }
  }

  @Test func whatBeginsOtherwiseIsLeftOutAndTold() throws {
    let network = try ConvertedNetwork.named("convnet")
    let state = try network.stateDictionary()
    func named(_ prefix: String) -> [String: Safetensors.Entry] {
      Dictionary(uniqueKeysWithValues: state.entries.map { (prefix + $0.key, $0.value) })
    }
    // Weights of a loss, the step of an average.
    var whole = StateDictionary(entries: named("model."))
    whole.entries["loss.weight"] = .float(.ones([2]))
    whole.entries["n_averaged"] = .integers([7], shape: [])
    let model = try network.makeModel()
    #expect(
      Set(try whole.load(into: model, sampleShape: network.sampleShape)) == [
        .prefix("model."), .others(["loss.weight", "n_averaged"]),
      ])
    #expect(try haveSameBits(try StateDictionary(model, sampleShape: network.sampleShape), state))
    // Of two that fit alike neither is taken.
    let pair = StateDictionary(entries: named("student.").merging(named("teacher.")) { own, _ in own })
    let error = #expect(throws: ModelStateError.self) { try pair.load(into: model, sampleShape: network.sampleShape) }
    #expect(error?.problems.keys.sorted() == named("teacher.").keys.sorted())
    #expect(error?.problems.values.allSatisfy { $0 == .unexpected } == true)
    // A model of which a part is called as it is itself.
    let twice = StateDictionary(entries: state.entries.merging(named("model.")) { own, _ in own })
    #expect(throws: ModelStateError.self) { try twice.load(into: model, sampleShape: network.sampleShape) }
  }

  @Test func layersForTrainingAloneAreLeftOut() throws {
    let network = try ConvertedNetwork.named("convnet")
    var state = try network.stateDictionary()
    state.entries["aux1.fc.weight"] = .float(.ones([2, 2]))
    let model = try network.makeModel()
    #expect(throws: ModelStateError.self) { try state.load(into: model, sampleShape: network.sampleShape) }
    #expect(
      try state.load(into: model, sampleShape: network.sampleShape, auxiliaryLayers: ["aux1", "aux2"])
        == [.auxiliaryLayer("aux1")])
    #expect(try ModelArchitecture(parsing: "googlenet").recipe.auxiliaryLayers == ["aux1", "aux2"])
  }

  @Test func aStateWithoutCountsIsSupposedToHaveSeenABatch() throws {
    let network = try ConvertedNetwork.named("mlp")
    var state = try network.stateDictionary()
    state.entries["4.num_batches_tracked"] = nil
    let model = try network.makeModel()
    #expect(
      try state.load(into: model, sampleShape: network.sampleShape) == [.suppliedCount("4.num_batches_tracked")])
    #expect(model.state.counts["4.num_batches_tracked"] == 1)
    #expect(model.state.counts["1.num_batches_tracked"] == 4)
  }

  @Test func doublePrecisionIsRoundedAndSaidToBe() throws {
    let network = try ConvertedNetwork.named("mlp")
    var state = try network.stateDictionary()
    for (name, entry) in state.entries {
      if case .float(let tensor) = entry { state.entries[name] = .double(tensor.converted()) }
    }
    // Doubles that are Floats lose nothing.
    #expect(try state.load(into: network.makeModel(), sampleShape: network.sampleShape) == [])
    state.entries["6.bias"] = .double(Tensor(repeating: 0.1, shape: [4]))
    #expect(try state.load(into: network.makeModel(), sampleShape: network.sampleShape) == [.rounded(count: 1)])
  }

  @Test func normalizationBehindAFlattenedImageChangesPlacesToo() throws {
    var random = RandomGenerator(seed: 5)
    func makeModel() -> Sequential<Float> {
      Sequential {
        Flatten()
        BatchNorm(12)
        ReLU()
        LayerNorm(12)
        Linear(inputs: 12, outputs: 3, using: &random)
      }
    }
    let (model, other) = (makeModel(), makeModel())
    for (_, parameter) in model.namedParameters { parameter.value = .normal(parameter.value.shape, using: &random) }
    let state = try StateDictionary(model, sampleShape: [2, 3, 2])
    for name in ["1.weight", "1.bias", "3.weight", "3.bias"] {
      let theirs: Tensor<Float> = try #require(state.entries[name]?.tensor())
      let ours = try #require(model.state.tensors[name])
      for place in 0..<12 {
        let (channel, row, column) = (place / 6, place / 3 % 2, place % 3)
        #expect(ours.elements[(row * 3 + column) * 2 + channel] == theirs.elements[place])
      }
    }
    try state.load(into: other, sampleShape: [2, 3, 2])
    #expect(other.state == model.state)
  }

  @Test func whatMixesAFlattenedImageHasNoCounterpart() {
    let model = Sequential<Float> {
      Flatten()
      GroupNorm(12, groups: 2)
    }
    #expect(throws: LayerError.self) { try StateDictionary(model, sampleShape: [2, 3, 2]) }
    #expect(throws: Never.self) { try StateDictionary(model, sampleShape: [12]) }
    let hidden = Sequential<Float>([Branching(Flatten<Float>()), GroupNorm(12, groups: 2)])
    #expect(throws: LayerError.self) { try StateDictionary(hidden, sampleShape: [2, 3, 2]) }
  }

  @Test func anImageThatALayerOfOnesOwnFlattensIsSeen() throws {
    let random = RandomGenerator(seed: 3)
    let own = Sequential<Float>([Branching(Flatten<Float>()), Linear(inputs: 12, outputs: 2, random: random)])
    let plain = Sequential<Float>([Flatten(), Linear(inputs: 12, outputs: 2, random: random)])
    let (found, expected) = try (
      StateDictionary(own, sampleShape: [2, 3, 2]), StateDictionary(plain, sampleShape: [2, 3, 2])
    )
    #expect(found == expected && found.entries["1.weight"] != .float(own.state.tensors["1.weight"]!))
  }

  @Test func theNamesOfTheLargeResidualNetworkAreTorchvisions() throws {
    let model: Sequential<Float> = try ResidualNetwork(stem: .large, blocks: [2, 2, 2, 2], width: 4)
      .build(sampleShape: [64, 64, 3], outputCount: 10, random: RandomGenerator(seed: 0))
    func normalization(_ name: String) -> [String] {
      ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"].map { "\(name).\($0)" }
    }
    var expected = ["conv1.weight", "fc.weight", "fc.bias"] + normalization("bn1")
    for block in (1...4).flatMap({ ["layer\($0).0", "layer\($0).1"] }) {
      expected += ["\(block).conv1.weight", "\(block).conv2.weight"]
      expected += normalization("\(block).bn1") + normalization("\(block).bn2")
      if block.hasSuffix(".0") && block != "layer1.0" {
        expected += ["\(block).downsample.0.weight"] + normalization("\(block).downsample.1")
      }
    }
    #expect(expected.count == 122)
    #expect(try StateDictionary(model, sampleShape: [64, 64, 3]).entries.keys.sorted() == expected.sorted())
  }

  @Test(.enabled(if: Python.has("torch", "safetensors"), "NORMA_PYTHON names no Python with PyTorch and safetensors"))
  func theTripFromPyTorchAndBackIsTheSameWithTheRealOne() throws {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    _ = try Python.runScript("make_conversion_fixtures.py", folder.path)
    for network in ConvertedNetwork.all {
      let model = try network.makeModel()
      try network.stateDictionary(in: folder).load(into: model, sampleShape: network.sampleShape)
      let (x, y) = try network.sample(in: folder)
      let found = try model(Variable(x), in: .inference).value.converted(to: Double.self)
      #expect(errorRelativeToScale(found, reference: y) < 1e-5, "\(network)")
      try StateDictionary(model, sampleShape: network.sampleShape)
        .write(to: folder.appending(path: "back-\(network.name).safetensors").path)
    }
    _ = try Python.runScript("check_conversion.py", folder.path)
  }
}

/// A layer of a kind of its own, made of another.
private final class Branching: Layer {
  typealias Element = Float
  let children: [(name: String, layer: any Layer<Float>)]

  init(_ layer: any Layer<Float>) { children = [(name: "branch", layer: layer)] }

  var summary: String { "Branching" }
  func callAsFunction(_ x: Variable<Float>, in pass: Pass<Float>) throws -> Variable<Float> {
    try pass.apply(children[0].layer, named: children[0].name, to: x)
  }
}
