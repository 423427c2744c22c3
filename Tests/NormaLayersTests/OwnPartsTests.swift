import Norma
import TestSupport
import Testing

/// What a program adds to the layers: operations, parameters, buffers.
@Suite struct OwnPartsTests {
  /// `x · tanh(softplus(x))` would do as well: any function with a gradient of its own.
  struct Cubed<Element: TensorElement>: TensorOperation {
    let name = "cubed"
    func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
      (inputs[0] * inputs[0] * inputs[0], ())
    }
    func kept(for needs: Needs) -> KeptTensors { .input(0) }
    func backward(_ gradient: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
      [3 * (gradient * kept.input(0).applying(.square))]
    }
  }

  /// A scale and a shift of its own kinds, and a buffer that follows the batches.
  final class Own<Element: TensorElement>: Layer {
    let scale, shift: Parameter<Element>
    var direction: Tensor<Element> = .zeros([3])
    var batchCount = 0

    init(_ names: (String, String) = ("scale", "shift")) {
      scale = Parameter(Tensor([1, 2, 3]), name: names.0, kind: .weight)
      shift = Parameter(Tensor([0.5, 0, -0.5]), name: names.1, kind: .weight)
    }

    var parameters: [Parameter<Element>] { [scale, shift] }
    var buffers: [Buffer<Element>] {
      [Buffer("direction", of: self, \.direction), Buffer("batch_count", of: self, \.batchCount)]
    }
    var summary: String { "Own" }
    func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
      if pass.isTraining {
        pass.deferChange {
          self.batchCount += 1
          self.direction = self.direction + 1
        }
      }
      return x.applying(Cubed()).multiplied(by: pass.variable(for: scale), broadcast: .perChannel)
        .adding(pass.variable(for: shift), broadcast: .perChannel)
    }
  }

  @Test func anOperationOfOnesOwnHasTheGradientThatDifferencesFind() {
    var random = RandomGenerator(seed: 1)
    let x = Tensor<Double>.normal([4, 3], using: &random)
    let checks = checkGradients(at: [x], seed: .normal([4, 3], using: &random)) { $0[0].applying(Cubed()) }
    // Centred differences with h = 1e-5 are wrong by h² · f‴/6, 1e-10 here, and by rounding over h, some 1e-10.
    #expect(checks.allSatisfy { $0.relativeError < 1e-7 })
  }

  @Test func parametersAndBuffersOfOnesOwnAreSavedByTheirNames() throws {
    let model = Sequential<Float>([Own(), Own()])
    let pass = Pass<Float>.training(random: RandomGenerator(seed: 0))
    _ = try model(Variable(.ones([2, 3])), in: pass)
    #expect(model.state.counts == ["0.batch_count": 0, "1.batch_count": 0])
    try pass.updateRunningStatistics()
    try pass.updateRunningStatistics()
    let state = model.state
    #expect(
      Set(state.tensors.keys) == [
        "0.scale", "0.shift", "0.direction", "1.scale", "1.shift", "1.direction",
      ])
    #expect(state.counts == ["0.batch_count": 1, "1.batch_count": 1])
    let other = Sequential<Float>([Own(), Own()])
    try other.load(state)
    #expect(other.state == state && state.tensors["0.direction"]?.elements == [1, 1, 1])
  }

  @Test func itServesWithoutSayingMore() throws {
    let model = Sequential<Float>([Own(), ReLU()])
    var random = RandomGenerator(seed: 2)
    let x = Tensor<Float>.normal([5, 3], using: &random)
    let serving = try InferenceModel(model)
    #expect(serving.operations == ["cubed", "multiply", "add + ReLU"])
    #expect(haveSameBits(try serving(x), try model(Variable(x), in: .inference).value))
    #expect(throws: LayerError.self) { try serving(.zeros([5, 4])) }
  }

  @Test func twoTensorsOfOneNameAreRefused() throws {
    #expect(throws: ModelStructureError.self) { try Sequential<Float>([Own(("weight", "weight"))]).checkNames() }
    #expect(throws: ModelStructureError.self) { try Sequential<Float>([Own(("direction", "shift"))]).checkNames() }
    #expect(throws: Never.self) { try Sequential<Float>([Own(), Own()]).checkNames() }
  }

  @Test func whatStandsInAModelTwiceIsOne() throws {
    let layer = Linear<Float>(inputs: 3, outputs: 3, random: RandomGenerator(seed: 3))
    let norm = BatchNorm<Float>(3)
    let model = Sequential<Float>([layer, norm, ReLU(), layer, norm])
    try model.checkNames()
    #expect(model.namedParameters.map(\.name) == ["0.weight", "0.bias", "1.weight", "1.bias"])
    #expect(model.parameterCount == 9 + 3 + 6)
    #expect(
      Set(model.state.tensors.keys) == [
        "0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var",
      ])
    let pass = Pass<Float>.training(random: RandomGenerator(seed: 0))
    var random = RandomGenerator(seed: 4)
    let y = try model(Variable(.normal([4, 3], using: &random)), in: pass)
    #expect(pass.gradients(of: y.squared().sum())[layer.weight] != nil)
    try pass.updateRunningStatistics()
    #expect(norm.runningStatistics?.batchCount == 2)
    #expect(try InferenceModel(model).operations == ["linear + ReLU", "linear"])
  }

  @Test func aModelThatIsCountedOrLoadedDrawsNothing() throws {
    let large = Sequential<Float>([
      Linear(inputs: 1 << 20, outputs: 1 << 10, random: RandomGenerator(seed: 0)),
      Linear(inputs: 1 << 10, outputs: 1 << 20, random: RandomGenerator(seed: 1)),
    ])
    let before = BufferPool.shared.usage
    #expect(large.parameterCount == (1 << 31) + (1 << 20) + (1 << 10))
    #expect(try large.outputShape(for: [7, 1 << 20]) == [7, 1 << 20])
    _ = try MemoryTrace(of: large, batchShape: [64, 1 << 20])
    #expect(BufferPool.shared.usage.inUse - before.inUse < 4 << 30, "the weights would take 8 GiB")
  }

  @Test func statisticsWithoutACountAreStatistics() throws {
    let norm = BatchNorm<Float>(2)
    norm.runningStatistics?.mean = Tensor([0.25, 0])
    #expect(throws: Never.self) { try InferenceModel(Sequential<Float>([norm])) }
    norm.runningStatistics?.mean = Tensor([0, 0])
    #expect(throws: InferenceModelError.self) { try InferenceModel(Sequential<Float>([norm])) }
  }

  @Test func layersWithoutParametersKnowTheirWidth() throws {
    for layer: any Layer<Float> in [LayerNorm(4, isAffine: false), GroupNorm(4, groups: 2, isAffine: false)] {
      #expect(throws: LayerError.self) { try InferenceModel(layer)(.zeros([3, 6])) }
      #expect(throws: LayerError.self) { try layer.outputShape(for: [3, 6]) }
      #expect(try InferenceModel(layer)(.zeros([3, 4])).shape == [3, 4])
    }
  }

  @Test func aPoolingThatReachesTooFarIsRefusedByItsShape() {
    for layer: any Layer<Float> in [MaxPool2d(Window(2, padding: 2)), AveragePool2d(Window(3, padding: 2))] {
      #expect(throws: LayerError.self) { try layer.outputShape(for: [1, 8, 8, 3]) }
    }
  }
}
