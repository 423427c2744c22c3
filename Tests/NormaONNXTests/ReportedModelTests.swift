import Norma
import NormaONNX
import TestSupport
import Testing

/// Models that people reported to ONNX Runtime because it ran them wrong, or refused them. Each is named by number in its
/// public tracker and told in own words; what is right is computed by hand, from the operators' definitions.
struct ReportedModelTests {
  private typealias Bytes = ModelBytes

  private static func bytes(_ value: Float) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
  }

  /// A constant of the model.
  private static func floats(_ name: String, _ values: [Float], shape: [Int]? = nil) -> [UInt8] {
    (shape ?? [values.count]).flatMap { Bytes.field(1, $0) } + Bytes.field(2, 1) + Bytes.field(8, name)
      + Bytes.field(9, values.flatMap(bytes))
  }

  private static func attribute(_ name: String, _ value: Float) -> [UInt8] {
    Bytes.field(5, Bytes.field(1, name) + Bytes.varint(2 << 3 | 5) + bytes(value) + Bytes.field(20, 1))
  }

  /// What a model of one `BatchNormalization` makes of x, with so many channels.
  private func normalized(
    _ x: Tensor<Float>, gamma: [Float], beta: [Float], mean: [Float], variance: [Float], parameterShape: [Int]? = nil,
    outputs: [String] = ["y"], attributes: [UInt8] = [], version: Int = 17
  ) throws(ONNXError) -> Tensor<Float>? {
    let node = Bytes.node("BatchNormalization", ["x", "gamma", "beta", "mean", "variance"], outputs, attributes)
    let tensors = [("gamma", gamma), ("beta", beta), ("mean", mean), ("variance", variance)].map {
      Self.floats($0.0, $0.1, shape: parameterShape)
    }
    let model = try ONNXModel(
      bytes: Bytes.model([node], x: Array(x.shape), tensors: tensors, version: version))
    guard case .floats(let y) = try model([.floats(x)]).first else { return nil }
    return y
  }

  // onnxruntime#12754: a batch of one axis, whose only channel it is, came out as zeros. Here the deviation is 1/2.
  @Test func aBatchOfOneAxisIsNormalizedAsOneChannel() throws {
    let x = Tensor<Float>([1, -2, 0.5, 10])
    let y = try normalized(x, gamma: [2], beta: [1], mean: [0.5], variance: [0.25 - 1e-5])
    let expected = x.elements.map { 4 * Double($0) - 1 }
    // The variance and epsilon are rounded, and so is each of four steps.
    let bound = expected.map { 8 * Float.unitRoundoff * (abs($0) + 2) }
    #expect(try errorOverBound(#require(y), reference: expected, bound: bound) <= 1)
    #expect(y?.shape == x.shape)
  }

  // onnxruntime#25230: whether a batch `[N, C]` without any place is one; some ways of running it said that it was not.
  @Test func aBatchWithoutPlacesHasItsChannelsInTheLastAxis() throws {
    let x = Tensor<Float>([1, 10, 3, 30], shape: [2, 2])
    let y = try normalized(
      x, gamma: [1, 2], beta: [0, 1], mean: [2, 20], variance: [1, 100], attributes: Self.attribute("epsilon", 0))
    #expect(y == Tensor([-1, -1, 1, 3], shape: [2, 2]))
  }

  // onnxruntime#29790: in training, what comes out changed with `momentum`, which is for the running statistics alone.
  @Test(arguments: [0, 0.5, 1] as [Float]) func inTrainingMomentumDoesNotChangeTheOutput(momentum: Float) throws {
    let x = Tensor<Float>((0..<24).map { Float($0 * $0 % 7) }, shape: [2, 4, 3])
    let training = Bytes.attribute("training_mode", [1], isList: false)
    func output(_ momentum: Float, mean: Float) throws -> Tensor<Float>? {
      try normalized(
        x, gamma: [1, 1, 1, 1], beta: [0, 0, 0, 0], mean: [Float](repeating: mean, count: 4), variance: [1, 1, 1, 1],
        outputs: ["y", "m", "v"], attributes: training + Self.attribute("momentum", momentum))
    }
    let y = try #require(try output(momentum, mean: 0))
    let (expected, _) = try BatchNormalization.forward(x, layout: .channelsFirst)
    #expect(y == expected)
    #expect(try output(0.9, mean: 5) == y)
  }

  // onnxruntime#2175: models from another program normalize each place by itself (`spatial` 0), with parameters for each,
  // which the format no longer has. That is said, rather than computed as something else.
  @Test func statisticsForEachPlaceAreRefusedByName() {
    let error = #expect(throws: ONNXError.self) {
      try normalized(
        Tensor([1, 2, 3, 4], shape: [1, 1, 2, 2]), gamma: [1, 1, 1, 1], beta: [0, 0, 0, 0], mean: [0, 0, 0, 0],
        variance: [1, 1, 1, 1], parameterShape: [1, 2, 2], attributes: Bytes.attribute("spatial", [0], isList: false),
        version: 7)
    }
    #expect(error?.description.contains("BatchNormalization") == true)
  }

  // onnxruntime#11010: what is no number became 0 behind a rectifier, on some devices.
  @Test func aRectifierLetsWhatIsNoNumberThrough() throws {
    let model = try ONNXModel(bytes: Bytes.model([Bytes.node("Relu", ["x"], ["y"])]))
    let result = try model([.floats(Tensor([.nan, 1, .nan, -2, 0, .infinity], shape: [2, 3]))])
    guard case .floats(let y) = result.first else {
      Issue.record("no tensor came out")
      return
    }
    #expect(haveSameBits(y, Tensor([.nan, 1, .nan, 0, 0, .infinity], shape: [2, 3])))
  }
}
