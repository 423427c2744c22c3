import Norma
import TestSupport
import Testing

/// Models drawn at random, folded and not.
@Suite struct FoldingTests {
  @Test(arguments: 0..<300 as Range<UInt64>)
  func foldedOutputsAreThoseOfTheModelToRounding(seed: UInt64) throws {
    let (single, x) = try RandomModel<Float>.make(seed: seed)
    let expected = try single(Variable(x), in: .inference).value
    let found = try InferenceModel(single)(x)
    #expect(found.shape == expected.shape)
    let error = errorRelativeToScale(found.converted(to: Double.self), reference: expected.converted())
    #expect(error < 1e-5, "\(error) for \(single.layers.map(\.layer.summary))")

    let (double, y) = try RandomModel<Double>.make(seed: seed)
    let reference = try double(Variable(y), in: .inference).value
    #expect(errorRelativeToScale(try InferenceModel(double)(y), reference: reference) < 1e-12)
  }

  @Test(arguments: ConvolutionalNetworkTests.networks.indices, NormalizationKind.allCases)
  func networksBuiltByNameFoldToTheSameOutputs(index: Int, normalization: NormalizationKind) throws {
    var (architecture, sample) = ConvolutionalNetworkTests.networks[index]
    architecture.recipe.normalization = normalization
    var random = RandomGenerator(seed: 3)
    let model: Sequential<Float> = try architecture.recipe.build(sampleShape: sample, outputCount: 5, random: random)
    if normalization == .batch {
      let error = #expect(throws: InferenceModelError.self) { try InferenceModel(model) }
      #expect(error?.reason == .statisticsNeverGathered)
    }
    try gatherStatistics(model, sample, &random)
    // Fewer images than are worth taking apart, and more.
    for count in [9, 19] {
      let x = Tensor<Float>.normal(Shape([count] + sample), using: &random)
      let expected = try model(Variable(x), in: .inference).value
      let found = try InferenceModel(model)(x)
      #expect(errorRelativeToScale(found.converted(to: Double.self), reference: expected.converted()) < 1e-5)
    }
  }

  @Test func allBatchNormalizationOfAResidualNetworkIsFolded() throws {
    var random = RandomGenerator(seed: 3)
    let model: Sequential<Float> = try ResidualNetwork.cifar(depth: 8).build(
      sampleShape: [8, 8, 3], outputCount: 5, random: random)
    try gatherStatistics(model, [8, 8, 3], &random)
    let operations = try InferenceModel(model).operations
    #expect(!operations.contains { $0.contains("norm") || $0 == "ReLU" || $0 == "add" }, "\(operations)")
  }

  @Test func aLargeBatchThatDoesNotFitIsRefusedAsAWhole() throws {
    var random = RandomGenerator(seed: 3)
    let model: Sequential<Float> = try ResidualNetwork.cifar(depth: 8).build(
      sampleShape: [8, 8, 3], outputCount: 5, random: random)
    try gatherStatistics(model, [8, 8, 3], &random)
    let error = #expect(throws: LayerError.self) { try InferenceModel(model)(.zeros([40, 8, 8, 4])) }
    #expect(error?.found == [40, 8, 8, 4])
  }

  @Test func eightThreadsGetTheBitsThatOneGets() async throws {
    var random = RandomGenerator(seed: 3)
    for recipe in [
      ResidualNetwork(blocks: [1, 1], width: 16), ResidualNetwork(blocks: [1, 1], width: 8, shortcut: .padded),
    ] {
      let model: Sequential<Float> = try recipe.build(sampleShape: [12, 12, 3], outputCount: 5, random: random)
      try gatherStatistics(model, [12, 12, 3], &random)
      let serving = try InferenceModel(model)
      let batches = [1, 3, 8, 37].map { Tensor<Float>.normal([$0, 12, 12, 3], using: &random) }
      let expected = try batches.map { try serving($0) }
      await withTaskGroup(of: Bool.self) { group in
        for _ in 0..<8 {
          group.addTask {
            (0..<20).allSatisfy { turn in
              (try? serving(batches[turn % 4])).map { haveSameBits($0, expected[turn % 4]) } ?? false
            }
          }
        }
        for await agrees in group { #expect(agrees) }
      }
    }
  }
}

/// Lets a model see a few batches, and moves what it would leave at 0 or 1.
private func gatherStatistics<Element: TensorElement>(
  _ model: Sequential<Element>, _ sample: Shape, _ random: inout RandomGenerator
) throws {
  for (_, layer) in model.layers {
    for parameter in layer.parameters where parameter.kind != .weight {
      parameter.value += .normal(parameter.value.shape, standardDeviation: 0.3, using: &random)
    }
  }
  for _ in 0..<2 {
    let pass = Pass<Element>.training(random: random)
    _ = try model(Variable(.normal(Shape([6] + sample), mean: 0.5, using: &random)), in: pass)
    try pass.updateRunningStatistics()
  }
}

/// Puts together a small model of layers drawn at random.
private struct RandomModel<Element: TensorElement> {
  private var random: RandomGenerator
  private var layers: [any Layer<Element>] = []
  /// The shape of a sample after the layers so far.
  private var shape: Shape

  /// A model with statistics gathered, and a batch for it.
  static func make(seed: UInt64) throws -> (model: Sequential<Element>, x: Tensor<Element>) {
    var maker = RandomModel(seed: seed)
    let sample = maker.shape
    for _ in 0..<maker.number(1...6) { try maker.addSpatialLayer() }
    try maker.addHead()
    let model = Sequential(maker.layers)
    try gatherStatistics(model, sample, &maker.random)
    return (model, .normal(Shape([maker.number(1...5)] + sample), mean: 0.5, using: &maker.random))
  }

  private init(seed: UInt64) {
    random = RandomGenerator(seed: seed)
    shape = []
    shape = [number(4...11), number(4...11), number(1...6)]
  }

  private mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
  private mutating func chance() -> Bool { Bool.random(using: &random) }

  private mutating func add(_ layer: any Layer<Element>) throws {
    let output = try layer.outputShape(for: Shape([1] + shape))
    shape = Shape(output.dropFirst())
    layers.append(layer)
  }

  /// A branch that starts where the model is.
  private mutating func branch() -> RandomModel {
    var branch = self
    branch.layers = []
    random = random.split(UInt64(layers.count) + 1)
    return branch
  }

  private mutating func window(keepsSize: Bool = false) -> Window {
    while true {
      let dilation = Extent2d(height: number(1...2), width: number(1...2))
      if keepsSize { return Window(3, padding: dilation, dilation: dilation) }
      let size = Extent2d(height: number(1...3), width: number(1...3))
      let window = Window(
        size, stride: Extent2d(height: number(1...2), width: number(1...2)),
        padding: Extent2d(height: number(0...2), width: number(0...2)), dilation: dilation)
      if window.resultExtent(for: Extent2d(height: shape[0], width: shape[1])) != nil { return window }
    }
  }

  private mutating func addConvolution(_ window: Window, outputs wanted: Int? = nil) throws {
    let inputs = shape[2]
    let outputs = wanted ?? number(1...3) * [1, inputs].randomElement(using: &random)!
    let groups = (1...inputs).filter { inputs % $0 == 0 && outputs % $0 == 0 }.randomElement(using: &random)!
    let hasBias = chance()
    try add(
      Conv2d<Element>(
        inputs: inputs, outputs: outputs, window: window, groups: groups, hasBias: hasBias, using: &random))
  }

  private mutating func addNormalization() throws {
    let channels = shape.channelCount
    let positions = shape.dropLast().reduce(1, *)
    switch number(0...7) {
    // Of too few values, the deviation is next to nothing, and divides by it what rounding has left.
    case 0 where channels >= 4: try add(LayerNorm<Element>(channels))
    case 1 where positions >= 6: try add(InstanceNorm<Element>(channels, isAffine: chance()))
    case 2 where positions >= 6:
      let groups = (1...channels).filter { channels % $0 == 0 }.randomElement(using: &random)!
      try add(GroupNorm<Element>(channels, groups: groups))
    default: try add(BatchNorm<Element>(channels, isAffine: number(0...4) > 0))
    }
  }

  private mutating func addActivation() throws {
    switch number(0...5) {
    case 0: try add(LeakyReLU<Element>())
    case 1: try add(Tanh<Element>())
    case 2: try add(Sigmoid<Element>())
    default: try add(ReLU<Element>())
    }
  }

  private mutating func addSpatialLayer() throws {
    switch number(0...7) {
    case 0, 1:
      try addConvolution(window())
      if chance() { try addNormalization() }
      if chance() { try addActivation() }
    case 2: try addNormalization()
    case 3: try addActivation()
    case 4: try addPooling()
    case 5: try addSequential()
    default: try addResidual()
    }
  }

  private mutating func addPooling() throws {
    let size = Extent2d(height: min(shape[0], number(1...3)), width: min(shape[1], number(1...3)))
    let window = Window(
      size, stride: Extent2d(height: number(1...2), width: number(1...2)),
      padding: Extent2d(height: number(0...size.height / 2), width: number(0...size.width / 2)))
    if chance() {
      try add(MaxPool2d<Element>(window))
    } else {
      try add(AveragePool2d<Element>(window, countsPadding: chance()))
    }
  }

  /// A normalization whose convolution stands in another `Sequential`.
  private mutating func addSequential() throws {
    var inner = branch()
    try inner.addConvolution(inner.window())
    try add(Sequential(inner.layers))
    try addNormalization()
    if chance() { try addActivation() }
  }

  private mutating func addResidual() throws {
    var body = branch()
    let stride = min(number(1...2), shape[0], shape[1])
    let step = Extent2d(height: stride, width: stride)
    let isPadded = chance()
    let channels = isPadded ? shape[2] + number(0...3) : number(1...6)
    try body.addConvolution(Window(3, stride: step, padding: 1), outputs: channels)
    if chance() { try body.addNormalization() }
    if chance() {
      try body.addActivation()
      try body.addConvolution(body.window(keepsSize: true), outputs: channels)
    }
    if chance() { try body.addNormalization() }
    var shortcut: (any Layer<Element>)?
    if stride > 1 || channels != shape[2] {
      if isPadded {
        shortcut = PaddedShortcut<Element>(stride: stride, channels: channels)
      } else {
        var around = branch()
        try around.addConvolution(Window(1, stride: step), outputs: channels)
        if chance() { try around.addNormalization() }
        shortcut = Sequential(around.layers)
      }
    }
    try add(Residual(Sequential(body.layers), shortcut: shortcut, rectifies: chance()))
    if number(0...3) == 0 { try add(ReLU<Element>()) }
  }

  private mutating func addHead() throws {
    if chance() {
      try add(GlobalAveragePool<Element>())
    } else {
      try add(Flatten<Element>())
    }
    if chance() {
      let hasBias = chance()
      try add(Linear<Element>(inputs: shape[0], outputs: 7, hasBias: hasBias, using: &random))
      if chance() { try add(BatchNorm<Element>(7)) }
      try addActivation()
      if chance() { try add(Dropout<Element>(keepProbability: 0.7)) }
    }
    try add(Linear<Element>(inputs: shape[0], outputs: 3, using: &random))
  }
}
