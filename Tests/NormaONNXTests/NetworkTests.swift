import Foundation
import Norma
import NormaONNX
import TestSupport
import Testing

/// ONNX models as networks: to be asked, folded, served and trained like any other.
struct NetworkTests {
  private typealias Bytes = ModelBytes

  /// What a network of a model takes of a batch: images with their channels last, everything else as the model has it.
  private func taken(_ batch: Tensor<Float>) -> Tensor<Float> {
    batch.rank == 4 || batch.rank < 3 ? batch : channelsFirst(batch)
  }

  /// Outputs as the model has them.
  private func given(_ output: Tensor<Float>) -> Tensor<Float> { output.rank == 4 ? channelsFirst(output) : output }

  /// Whether numbers differ by no more than sums in another order: some hundred roundings of the largest.
  private func expectSame(_ found: Tensor<Float>, _ wanted: Tensor<Float>, _ name: String) {
    guard found.shape == wanted.shape else {
      Issue.record("\(name): \(found.shape), not \(wanted.shape)")
      return
    }
    let scale = wanted.elements.map(\.magnitude).max() ?? 0
    let worst = zip(found.elements, wanted.elements).map { ($0 - $1).magnitude }.max() ?? 0
    #expect(worst <= 1e-5 * scale, "\(name): \(worst) of \(scale)")
  }

  @Test func aNetworkThatIsWrittenAndReadAgainComputesTheSame() throws {
    for exported in try ExportedNetwork.all() where exported.form == .inference {
      let network = try ONNXNetwork(exported.model())
      #expect(network.batchSize == nil && network.sampleShape == Shape(taken(exported.batch).shape.dropFirst()))
      let wanted = try #require(try exported.outputs()["output"])
      let batch = taken(exported.batch)
      expectSame(given(try network(Variable(batch), in: .inference).value), wanted, exported.name)
      // What keeps no statistics cannot serve, and goes by the batch's.
      if exported.name == "untracked" { continue }
      let serving = try InferenceModel(network)
      let served = try serving(batch)
      expectSame(given(served), wanted, "\(exported.name), served")
      // Each sample's answer is its own, and the same to the bit.
      for size in [1, 4] where !exported.name.contains("over_batches") {
        let part = try serving(batch[rows: 1..<1 + size])
        #expect(part == served[rows: 1..<1 + size], "\(exported.name), \(size) at a time")
      }
    }
  }

  @Test func trainingModeGathersStatistics() throws {
    let networks = try ExportedNetwork.all().filter { $0.form == .training }
    #expect(networks.count >= 2)
    for exported in networks {
      let network = try ONNXNetwork(exported.model())
      let wanted = try exported.outputs()
      let pass = Pass<Float>.training(random: RandomGenerator(seed: 0))
      let output = try network(Variable(taken(exported.batch)), in: pass).value
      expectSame(given(output), try #require(wanted["output"]), exported.name)
      try pass.updateRunningStatistics()
      let found = network.layers.compactMap { ($0.layer as? BatchNorm<Float>)?.runningStatistics }
      let means = wanted.filter { $0.key.hasSuffix("running_mean.next") }
      #expect(found.count == means.count && !found.isEmpty)
      for mean in means.values {
        // By ONNX's rule, whose variance is the biased one, means move as the network's do.
        #expect(
          found.contains { statistics in
            statistics.mean.shape == mean.shape
              && zip(statistics.mean.elements, mean.elements).allSatisfy { ($0 - $1).magnitude <= 1e-5 }
          }, "\(exported.name)")
      }
    }
  }

  /// The gradients of the parameters are those of the network that the model was made of.
  @Test func gradientsAreThoseOfTheNetwork() throws {
    // Without batch normalization, which is by running statistics in the model and by the batch's in the network.
    let names = ["mlp_none", "convnet_none", "resnet_layer", "resnet_group", "transformer"]
    var compared = 0
    for exported in try ExportedNetwork.all() where names.contains(exported.name) {
      let network = try ONNXNetwork(exported.model())
      #expect(network.operatorsWithoutGradient == [])
      func gradients(
        _ model: any Layer<Float>, _ batch: Tensor<Float>
      ) throws -> [String: Tensor<Float>] {
        let pass = Pass<Float>.training(random: RandomGenerator(seed: 0))
        let output = try model(pass.input(batch), in: pass)
        let found = pass.gradients(of: output.squared().mean())
        var byName: [String: Tensor<Float>] = [:]
        for (name, parameter) in model.namedParameters { byName[name] = found[parameter] }
        return byName
      }
      let wanted = try gradients(exported.network, exported.batch)
      let found = try gradients(network, taken(exported.batch))
      for (name, gradient) in wanted {
        guard var other = found[name], other.count == gradient.count else { continue }
        // A product's right factor lies the other way than a linear layer's weight.
        if name.hasSuffix("out_proj.weight") { other = other.transposed([1, 0]) }
        guard other.shape == gradient.shape else { continue }
        expectSame(other, gradient, "\(exported.name), \(name)")
        compared += 1
      }
    }
    #expect(compared >= 20)
  }

  @Test func whatOtherPeoplesModelsAreMadeOfIsWrittenAgain() throws {
    // A token before each sequence of an open batch, and images that are resized by cubic convolution.
    let constants = [
      Bytes.integers("rows", [-1, 1, 6]), Bytes.floats("token", [1, 1, 6], [9, 8, 7, 6, 5, 4]),
      Bytes.floats("scales", [4], [1, 1, 1.75, 1.7]),
    ]
    let sequence = [
      Bytes.node("Reshape", ["x", "rows"], ["a"]), Bytes.node("Shape", ["a"], ["s"]),
      Bytes.node("Expand", ["token", "s"], ["b"]),
      Bytes.node("Concat", ["b", "a"], ["y"], Bytes.attribute("axis", [1], isList: false)),
    ]
    let images = [
      Bytes.node(
        "Resize", ["x", "", "scales"], ["y"],
        Bytes.field(5, Bytes.field(1, "mode") + Bytes.field(4, "cubic") + Bytes.field(20, 3)))
    ]
    for (nodes, lengths) in [(sequence, [2, 3]), (images, [1, 4, 3])] {
      let axes = [Bytes.field(2, "batch")] + lengths.map { Bytes.field(1, $0) }
      let input =
        Bytes.field(1, "x")
        + Bytes.field(2, Bytes.field(1, Bytes.field(1, 1) + Bytes.field(2, axes.flatMap { Bytes.field(1, $0) })))
      let graph =
        Bytes.graph(nodes, outputs: [("y", 1)], tensors: constants) + Bytes.field(11, input)
      let model = try ONNXModel(bytes: Bytes.model(graph: graph))
      let network = try ONNXNetwork(model)
      let again = try ONNXModel(bytes: ONNXModel(network, sampleShape: network.sampleShape).encoded())
      let x: Tensor<Float> = HashedNumbers("again").values(Shape([4] + lengths), bound: 2)
      // What goes in has its channels first again where there are three axes of a sample; a sequence has its features last.
      let isSequence = lengths.count == 2
      let given = isSequence ? x.transposed([0, 2, 1]) : x
      guard case .floats(let expected) = try model([.floats(x)])[0],
        case .floats(let written) = try again([.floats(given)])[0]
      else {
        Issue.record("whole numbers")
        continue
      }
      let found = isSequence ? written.transposed([0, 2, 1]) : written
      #expect(found.shape == expected.shape)
      // Sums of at most sixteen terms in another order.
      for (a, b) in zip(found.elements, expected.elements) { #expect(abs(a - b) < 64 * 9 * Float.ulpOfOne) }
    }
  }

  @Test func aBatchOfAFixedSizeIsFilledUp() throws {
    // y = x · w, two rows at a time.
    let bytes = ModelBytes.model(
      [ModelBytes.node("MatMul", ["x", "w"], ["h"]), ModelBytes.node("Softmax", ["h"], ["y"])],
      tensors: [ModelBytes.floats("w", [3, 3], [1, 2, 3, 0.5, -1, 2, 0, 1, -2])])
    let network = try ONNXNetwork(ONNXModel(bytes: bytes))
    #expect(network.batchSize == 2 && network.sampleShape == [3])
    let x = Tensor<Float>((0..<15).map { Float($0) / 7 }, shape: [5, 3])
    let serving = try InferenceModel(network)
    let all = try serving(x)
    #expect(all.shape == [5, 3])
    for row in 0..<5 {
      #expect(try serving(x[rows: row..<row + 1]) == all[rows: row..<row + 1])
      #expect(try network(Variable(x[rows: row..<row + 1]), in: .inference).value == all[rows: row..<row + 1])
    }
    #expect(try serving(.zeros([0, 3])).shape == [0, 3])
    #expect(throws: LayerError.self) { try serving(.zeros([2, 4])) }
  }

  @Test func aCheckpointHoldsTheModelWithoutItsParameters() throws {
    try ModelRegistry.shared.register(ONNXRecipe.self)
    let exported = try #require(try ExportedNetwork.all().first { $0.name == "resnet_batch" })
    let network = try ONNXNetwork(exported.model())
    let settings = Checkpoint.Settings(
      convertedFrom: "resnet.onnx", architecture: ModelArchitecture(ONNXRecipe(network)),
      exampleShape: Array(network.sampleShape), outputs: .classes(names: ["a", "b", "c", "d"]), standardization: nil)
    let checkpoint = Checkpoint(settings: settings, state: Sequential<Float>([network]).state)
    let bytes = try checkpoint.serialized()
    let read = try Checkpoint(bytes: bytes, file: "model.safetensors")
    #expect(read.settings.architecture.description == checkpoint.settings.architecture.description)
    let wanted = try network(Variable(exported.batch), in: .inference).value
    #expect(try read.makeModel()(Variable(exported.batch), in: .inference).value == wanted)
    // What is trained stands in the file once.
    let parameters = 4 * network.parameterCount
    #expect(bytes.count < 2 * parameters + 200_000 && bytes.count > parameters)
    // A head for other outputs cannot be had.
    #expect(throws: ModelArchitectureError.self) {
      let _: Sequential<Float> = try ONNXRecipe(network).build(
        sampleShape: network.sampleShape, outputCount: 7, random: RandomGenerator(seed: 0))
    }
  }

  @Test(arguments: [
    ("NonZero", "depends on the numbers"), ("Compress", "depends on the numbers"),
  ])
  func whatDependsOnNumbersIsNoNetwork(operation: String, words: String) throws {
    let inputs = operation == "Compress" ? ["x", "x"] : ["x"]
    let bytes = ModelBytes.model([ModelBytes.node(operation, inputs, ["y"])], tensors: [])
    #expect {
      try ONNXNetwork(ONNXModel(bytes: bytes))
    } throws: { "\($0)".contains(words) }
  }

  @Test func whatIsMissingIsSaid() throws {
    let exported = try #require(try ExportedNetwork.all().first { $0.name == "mlp_none" })
    let model = try exported.model()
    #expect {
      try ONNXNetwork(model, output: "scores")
    } throws: { "\($0)".contains("no output 'scores' among 'output'") }
    #expect {
      try ONNXNetwork(model, sampleShape: [7])
    } throws: { "\($0)".contains("a sample is of [9], and not of [7]") }
    let network = try ONNXNetwork(model)
    #expect {
      try network(Variable(.zeros([2, 8])), in: .inference)
    } throws: { "\($0)".contains("takes [batch, 9]") }
  }
}
