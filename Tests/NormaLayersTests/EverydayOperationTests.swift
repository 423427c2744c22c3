import Norma
import TestSupport
import Testing

/// The everyday operations in a network: what a training step keeps, and how they serve.
@Suite struct EverydayOperationTests {
  @Test func aStepKeepsWhatIsSaid() async {
    await #expect(processExitsWith: .success) {
      for operation in EverydayOperation.allCases {
        let sample = operation.sampleShape(height: 12, width: 10, channels: 16)
        let layer = EverydayLayer<Float>(operation, channels: sample.channelCount)
        let kept = try MemoryTrace(of: layer, batchShape: Shape([32] + sample)).layers[0].keptBytes
        var random = RandomGenerator(seed: 1)
        let x = Variable(Tensor<Float>.normal(Shape([32] + sample), using: &random))
        // What is made once and stays, such as the threads', is there after the first time.
        for isMeasured in [false, true] {
          let before = BufferPool.shared.usage.inUse
          let pass = Pass<Float>.training(random: random)
          _ = layer(x, in: pass)
          let found = BufferPool.shared.usage.inUse - before
          withExtendedLifetime(pass) {}
          // A buffer is up to an eighth larger than what it holds, and holds 256 bytes at least.
          if isMeasured {
            #expect(
              Double(kept) * 0.99...Double(kept) * 1.125 + 2048 ~= Double(found), "\(operation): \(found), not \(kept)")
          }
        }
      }
    }
  }

  @Test(arguments: EverydayOperation.allCases) func itServesWithTheSameBits(operation: EverydayOperation) throws {
    let sample = operation.sampleShape(height: 5, width: 4, channels: 6)
    let layer = EverydayLayer<Float>(operation, channels: sample.channelCount)
    layer.gain.value = HashedNumbers("gain").values([sample.channelCount]) + 1.5
    let x = HashedNumbers("x").values(Shape([17] + sample), bound: 2)
    let expected = layer(Variable(x), in: .inference).value
    // Known without the shape of a sample, and for batches of any size.
    let serving = try InferenceModel(layer)
    #expect(haveSameBits(try serving(x), expected))
    #expect(haveSameBits(try serving(x[rows: 3..<4]), expected[rows: 3..<4]))
    #expect(throws: LayerError.self) { try layer.outputShape(for: [2, 3]) }
    #expect(try layer.outputShape(for: Shape([17] + sample)) == expected.shape)
  }

  @Test(arguments: ActivationKind.allCases) func networksAreBuiltWithEveryActivation(kind: ActivationKind) throws {
    let model: Sequential<Double> = try MultilayerPerceptron(hidden: [4, 3], normalization: .none, activation: kind)
      .build(sampleShape: [5], outputCount: 2, random: RandomGenerator(seed: 1))
    let x = HashedNumbers("x").values([7, 5]).converted(to: Double.self)
    // By hand: every second layer is the activation.
    var expected = Variable(x)
    let linears = model.children.compactMap { $0.layer as? Linear<Double> }
    #expect(linears.count == 3)
    for (index, linear) in linears.enumerated() {
      if index > 0 { expected = kind.function(expected) }
      expected = expected.linear(weight: Variable(linear.weight.value), bias: linear.bias.map { Variable($0.value) })
    }
    #expect(haveSameBits(try model(Variable(x), in: .inference).value, expected.value))
  }

  @Test func aParametricReLULearnsItsSlopes() throws {
    let layer = PReLU<Double>(channels: 3)
    #expect(layer.summary == "PReLU(3)" && PReLU<Double>().summary == "PReLU")
    #expect(layer.namedParameters.map(\.name) == ["weight"] && layer.slope.value == Tensor(repeating: 0.25, shape: [3]))
    let x = Tensor<Double>([-1, 2, -3, 4, -5, 6], shape: [2, 3])
    #expect(layer(Variable(x), in: .inference).value.elements == [-0.25, 2, -0.75, 4, -1.25, 6])
    var random = RandomGenerator(seed: 0)
    let step = try layer.differentiate(x, random: &random) { $0.sum() }
    #expect(step[layer.slope]?.elements == [-1, -5, -3])
    #expect(throws: LayerError.self) { try layer.outputShape(for: [2, 4]) }
  }
}

/// A function as a layer.
private final class FunctionLayer: Layer {
  let function: (Variable<Double>) -> Variable<Double>
  init(_ function: @escaping (Variable<Double>) -> Variable<Double>) { self.function = function }
  var summary: String { "function" }
  func callAsFunction(_ x: Variable<Double>, in pass: Pass<Double>) -> Variable<Double> { function(x) }
}

@Suite struct EverydayShapeTests {
  /// The shape of a function's result, or what is expected in place of its inputs.
  private func result(_ shape: Shape, _ function: @escaping (Variable<Double>) -> Variable<Double>) -> String {
    do { return "\(try FunctionLayer(function).outputShape(for: shape))" } catch { return "\(error)" }
  }

  private func zeros(_ shape: Shape) -> Variable<Double> { Variable(.zeros(shape)) }

  @Test func shapesThatDoNotFitAreTold() {
    #expect(result([2, 3, 4]) { $0.matrixProduct(self.zeros([3, 4, 5])) }.contains("[3, 4, 5]"))
    #expect(result([2, 3, 4]) { $0.matrixProduct(self.zeros([2, 5, 4])) }.contains("[2, 5, 4]"))
    #expect(result([2, 3, 4]) { $0.matrixProduct(self.zeros([2, 5, 4]), transposingOther: true) } == "[2, 3, 5]")
    #expect(result([2, 4, 3]) { $0.matrixProduct(self.zeros([2, 4, 5]), transposingSelf: true) } == "[2, 3, 5]")
    #expect(result([2, 3]) { $0.transposed([0, 2, 1]) }.contains("a tensor of 3 axes"))
    #expect(result([2, 4]) { $0.sliced(1..<5, axis: -1) }.contains("places 1..<5 of axis 1"))
    #expect(result([2, 4]) { $0.sliced(1..<2, axis: 2) }.contains("has axis 2"))
    #expect(result([2, 4]) { $0.gathering([0, 4], axis: 1) }.contains("place 4 of axis 1"))
    #expect(
      result([2, 4]) { .concatenating([$0, self.zeros([3, 4])], axis: 1) }.contains("follow one of shape [2, 4]"))
    #expect(result([2, 4]) { $0.padded(axis: 1, before: 0, after: 4, mode: .reflect) }.contains("padded by 0 and 4"))
    #expect(result([2, 4]) { $0.padded(axis: 1, before: 5, after: 0, mode: .circular) }.contains("padded by 5 and 0"))
    #expect(result([2, 4]) { $0.padded(axis: 1, before: 4, after: 0, mode: .circular) } == "[2, 8]")
    #expect(result([1, 2, 2, 6]) { $0.pixelShuffled(by: 2) }.contains("multiple of 4"))
    #expect(result([1, 3, 2, 6]) { $0.pixelUnshuffled(by: 2) }.contains("multiples of 2"))
    #expect(result([2, 4]) { $0.channelsSplit(into: 3) }.contains("a multiple of 3"))
    #expect(result([2, 4]) { $0.sum(over: [2]) }.contains("the axes of the sum"))
    #expect(result([2, 4]) { $0.cumulativeSum(axis: 2) }.contains("has axis 2"))
    #expect(result([]) { $0.softmax() }.contains("[…, channels]"))
    #expect(result([2, 4]) { $0.parametricReLU(slope: self.zeros([3])) }.contains("each of the 4 channels"))
    #expect(
      result([2, 3, 4]) { $0.adding(self.zeros([2, 3]), broadcast: .perSample) }.contains("each sample and channel"))
  }
}

extension ActivationKind {
  /// The function itself.
  fileprivate func function(_ x: Variable<Double>) -> Variable<Double> {
    switch self {
    case .relu: x.relu()
    case .relu6: x.clamped(to: 0...6)
    case .leakyReLU: x.leakyReLU(slope: 0.01)
    case .sigmoid: x.sigmoid()
    case .tanh: x.hyperbolicTangent()
    case .gelu: x.gelu()
    case .silu: x.silu()
    case .softplus: x.softplus()
    case .mish: x.mish()
    case .elu: x.elu()
    case .hardSigmoid: x.hardSigmoid()
    case .hardSwish: x.hardSwish()
    }
  }
}
