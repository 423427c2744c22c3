import Norma
import TestSupport

/// An operation or a small network by chance, on inputs of a shape by chance.
struct RandomOperation: CustomStringConvertible {
  typealias Function = ([Variable<Float>]) throws -> Variable<Float>

  let description: String
  /// The batch, and what else the operation takes.
  let inputs: [Tensor<Float>]
  /// Whether a sample's result is a matter of that sample alone.
  let isPerSample: Bool
  /// Some multiplications and additions that it takes.
  let work: Int
  let function: Function

  private init(
    _ description: String, _ inputs: [Tensor<Float>], isPerSample: Bool = true, work: Int? = nil,
    _ function: @escaping Function
  ) {
    self.description = "\(description) of \(inputs.map(\.shape))"
    self.inputs = inputs
    self.isPerSample = isPerSample
    self.work = work ?? inputs[0].count
    self.function = function
  }

  /// The operation of a number; each kind in turn.
  init(number: Int) throws {
    var source = Source(number: number)
    let kinds: [(inout Source) throws -> RandomOperation] = [
      Self.linear, Self.matrixProduct, Self.convolution, Self.convolution, Self.depthwise, Self.batchNormalization,
      Self.scopedBatchNormalization, Self.fixedBatchNormalization, Self.groupNormalization, Self.rowNormalization,
      Self.unary, Self.binary,
      Self.pooling,
      Self.loss, Self.reduction, Self.network, Self.residualNetwork, Self.everyday, Self.everyday, Self.batchedProduct,
      Self.transposedConvolution, Self.signals,
      Self.resizing, Self.channels, Self.attention, Self.form, Self.modulation, Self.style, Self.whitening,
      Self.normalizedWeight, Self.halfWidthNormalization,
    ]
    self = try kinds[number % kinds.count](&source)
  }

  // MARK: Kinds

  private static func linear(_ source: inout Source) -> RandomOperation {
    let (samples, inputs, outputs) = (source.length(400), source.length(1000), source.length(400))
    let hasBias = source.chance()
    let tensors = [source.numbers([samples, inputs]), source.numbers([outputs, inputs]), source.numbers([outputs])]
    return RandomOperation("linear", Array(tensors[..<(hasBias ? 3 : 2)]), work: samples * inputs * outputs) {
      $0[0].linear(weight: $0[1], bias: hasBias ? $0[2] : nil)
    }
  }

  private static func matrixProduct(_ source: inout Source) -> RandomOperation {
    let (rows, inner, columns) = (source.length(400), source.length(1000), source.length(400))
    return RandomOperation(
      "product", [source.numbers([rows, inner]), source.numbers([inner, columns])], work: rows * inner * columns
    ) { $0[0].matrixProduct($0[1]) }
  }

  private static func batchedProduct(_ source: inout Source) -> RandomOperation {
    let (rows, inner, columns) = (source.length(60), source.length(300), source.length(60))
    let (samples, heads) = (source.length(20), source.length(8))
    let (left, right) = (source.chance(), source.chance())
    let x = source.numbers(Shape([samples, heads] + (left ? [inner, rows] : [rows, inner])))
    let y = source.numbers(Shape([samples, heads] + (right ? [columns, inner] : [inner, columns])))
    return RandomOperation(
      "products \(left), \(right)", [x, y], isPerSample: false, work: samples * heads * rows * inner * columns
    ) { $0[0].matrixProduct($0[1], transposingSelf: left, transposingOther: right) }
  }

  private static func everyday(_ source: inout Source) -> RandomOperation {
    let operation = EverydayOperation.allCases[source.below(EverydayOperation.allCases.count)]
    let (height, width, channels) = (3 + source.length(10), 4 + source.length(10), 4 + source.length(60))
    let sample = operation.sampleShape(height: height, width: width, channels: channels)
    let samples = source.length(max(1, (1 << 17) / sample.elementCount))
    return RandomOperation(operation.rawValue, [source.numbers(Shape([samples] + sample), bound: 4)]) {
      operation($0[0])
    }
  }

  private static func form(_ source: inout Source) -> RandomOperation {
    let form = NormalizationForm.allCases[source.below(NormalizationForm.allCases.count)]
    let channels = source.length(100)
    let image = source.images(channels: channels, smallest: 1)
    let layer: any Layer<Float> = form.layer(channels, parametersOf: "\(form)")
    return RandomOperation("\(form)", [image], isPerSample: form.isPerSample) { inputs in
      try layer(inputs[0], in: .measuring)
    }
  }

  private static func convolution(_ source: inout Source) -> RandomOperation {
    let size = [1, 2, 3, 3, 5, 7][source.below(6)]
    let padding = source.below(size)
    let window = Window(
      Extent2d(integerLiteral: size), stride: Extent2d(integerLiteral: 1 + source.below(5) / 4),
      padding: Extent2d(integerLiteral: padding), dilation: Extent2d(integerLiteral: 1 + source.below(6) / 5))
    let groups = [1, 1, 1, 2, 3][source.below(5)]
    let (inputs, outputs) = (groups * source.length(60), groups * source.length(60))
    let image = source.images(channels: inputs, smallest: size * 2)
    let weight = source.numbers([outputs, inputs / groups, size, size])
    let hasBias = source.chance()
    let tensors = hasBias ? [image, weight, source.numbers([outputs])] : [image, weight]
    return RandomOperation(
      "convolution \(window), \(groups) groups", tensors, work: image.count * outputs / groups * size * size
    ) { $0[0].convolved(weight: $0[1], bias: hasBias ? $0[2] : nil, window: window, groups: groups) }
  }

  private static func depthwise(_ source: inout Source) -> RandomOperation {
    let size = 1 + source.below(5)
    let window = Window(
      Extent2d(integerLiteral: size), stride: Extent2d(integerLiteral: 1 + source.below(2)),
      padding: Extent2d(integerLiteral: source.below(size)))
    let channels = source.length(100)
    let image = source.images(channels: channels, smallest: size)
    return RandomOperation(
      "depthwise convolution \(window)", [image, source.numbers([channels, 1, size, size])],
      work: image.count * size * size
    ) { $0[0].convolved(weight: $0[1], window: window, groups: channels) }
  }

  private static func batchNormalization(_ source: inout Source) -> RandomOperation {
    let layout: ChannelLayout = source.chance() ? .channelsLast : .channelsFirst
    let (channels, rectifies) = (source.length(300), source.chance())
    let x = source.batch(channels: channels, layout)
    return RandomOperation(
      "batch normalization, \(layout)", [x, source.numbers([channels]), source.numbers([channels])], isPerSample: false
    ) {
      try $0[0].batchNormalized(
        gamma: $0[1], beta: $0[2], layout: layout, rectifies: rectifies, allowsSingleValue: true
      ).output
    }
  }

  /// By the moments of rows that count, of parts or ghost batches, or led to others.
  private static func scopedBatchNormalization(_ source: inout Source) -> RandomOperation {
    let layout: ChannelLayout = source.chance() ? .channelsLast : .channelsFirst
    let (channels, rectifies) = (source.length(300), source.chance())
    let x = source.batch(channels: channels, layout)
    let scope: StatisticsScope =
      source.chance() ? .batch : source.chance() ? .parts(1 + source.below(5)) : .ghosts(ofSize: 1 + source.below(8))
    let axes = layout == .channelsLast ? Array(x.shape.dropLast()) : [x.shape[0]] + x.shape.dropFirst(2)
    var weights: Tensor<Float>?
    if source.chance() {
      let drawn = source.numbers(Shape(Array(axes.prefix(1 + source.below(axes.count)))))
      let isMask = source.chance()
      weights = Tensor(drawn.elements.map { $0 < -0.4 ? 0 : isMask ? 1 : $0 + 1 }, shape: drawn.shape)
    }
    let reference =
      source.chance()
      ? BatchRenormalization.Reference(
        mean: source.numbers([channels]), variance: source.numbers([channels]).applying(.square), largestRatio: 3,
        largestDistance: 0.5) : nil
    return RandomOperation(
      "batch normalization, \(scope), \(layout)", [x, source.numbers([channels]), source.numbers([channels])],
      isPerSample: false
    ) {
      try $0[0].batchNormalized(
        gamma: $0[1], beta: $0[2], layout: layout, rectifies: rectifies, allowsSingleValue: true, scope: scope,
        weights: weights, renormalization: reference
      ).output
    }
  }

  private static func fixedBatchNormalization(_ source: inout Source) -> RandomOperation {
    let layout: ChannelLayout = source.chance() ? .channelsLast : .channelsFirst
    let (channels, rectifies) = (source.length(300), source.chance())
    let x = source.batch(channels: channels, layout)
    let mean = source.numbers([channels])
    let variance = source.numbers([channels]).applying(.square)
    return RandomOperation(
      "batch normalization by given statistics, \(layout)", [x, source.numbers([channels]), source.numbers([channels])]
    ) {
      $0[0].batchNormalized(
        mean: Variable(mean), variance: Variable(variance), gamma: $0[1], beta: $0[2], layout: layout,
        rectifies: rectifies)
    }
  }

  private static func groupNormalization(_ source: inout Source) -> RandomOperation {
    let layout: ChannelLayout = source.chance() ? .channelsLast : .channelsFirst
    let (groups, rectifies) = (source.length(12), source.chance())
    let channels = groups * source.length(20)
    let x = source.batch(channels: channels, layout)
    return RandomOperation(
      "normalization of \(groups) groups, \(layout)", [x, source.numbers([channels]), source.numbers([channels])]
    ) { $0[0].groupNormalized(groups: groups, gamma: $0[1], beta: $0[2], layout: layout, rectifies: rectifies) }
  }

  private static func rowNormalization(_ source: inout Source) -> RandomOperation {
    let channels = source.length(3000)
    let x = source.batch(channels: channels)
    let (gamma, beta) = (source.numbers([channels]), source.numbers([channels]))
    guard source.chance() else {
      return RandomOperation("RMS normalization", [x, gamma]) { $0[0].rmsNormalized(gamma: $0[1]) }
    }
    return RandomOperation("layer normalization", [x, gamma, beta]) { $0[0].layerNormalized(gamma: $0[1], beta: $0[2]) }
  }

  /// The output and the gradients, one after the other, of a normalization that reads and writes half width.
  private static func halfWidthNormalization(_ source: inout Source) -> RandomOperation {
    let precision = HalfPrecision.allCases[source.below(2)]
    let kind = ["batch", "layer", "RMS"][source.below(3)]
    let (channels, rectifies) = (source.length(600), source.chance())
    let x = source.batch(channels: channels)
    let tensors = [x, source.numbers([channels]), source.numbers([channels])]
    return RandomOperation("\(kind) normalization of \(precision)", tensors, isPerSample: false) {
      let (x, gamma, beta) = ($0[0].value.rounded(to: precision), $0[1].value, $0[2].value)
      let output: HalfTensor
      let gradients: HalfWidthGradients
      switch kind {
      case "batch":
        let found = try BatchNormalization.forward(
          x, gamma: gamma, beta: beta, rectifies: rectifies, allowsSingleValue: true)
        (output, gradients) = (found.output, BatchNormalization.backward(x, input: x, saved: found.saved))
      case "layer":
        let found = LayerNormalization.forward(x, gamma: gamma, beta: beta)
        (output, gradients) = (found.output, LayerNormalization.backward(x, input: x, saved: found.saved))
      default:
        let found = RMSNormalization.forward(x, gamma: gamma)
        (output, gradients) = (found.output, RMSNormalization.backward(x, input: x, saved: found.saved))
      }
      let parts: [Tensor<Float>] = [output.widened(), gradients.input.widened(), gradients.gamma, gradients.beta]
      return Variable(.concatenating(rows: parts.map { $0.reshaped(to: [$0.count]) }))
    }
  }

  private static func modulation(_ source: inout Source) -> RandomOperation {
    let channels = source.length(300)
    let x = source.batch(channels: channels)
    let isPerPlace = source.chance()
    let shape: Shape = isPerPlace ? x.shape : [x.shape[0], channels]
    let addsOne = source.chance()
    return RandomOperation(
      "modulation, \(addsOne)", [x, source.numbers(shape), source.numbers(shape)], isPerSample: false
    ) { $0[0].modulated(scale: $0[1], shift: $0[2], broadcast: isPerPlace ? .none : .perSample, addsOne: addsOne) }
  }

  /// An image with the statistics of another.
  private static func style(_ source: inout Source) -> RandomOperation {
    let channels = source.length(100)
    let x = source.images(channels: channels, smallest: 1)
    let style = source.numbers([x.shape[0], 1 + source.length(8), 1 + source.length(8), channels])
    let layer = AdaptiveInstanceNorm<Float>(channels, epsilon: 1e-3)
    return RandomOperation("adaptive instance normalization", [x, style], isPerSample: false) {
      layer($0[0], given: $0[1], in: .measuring)
    }
  }

  private static func normalizedWeight(_ source: inout Source) -> RandomOperation {
    let (inputs, outputs) = (source.length(60), source.length(60))
    let normalization = WeightNormalizationTests.all[source.below(WeightNormalizationTests.all.count)]
    var random = RandomGenerator(seed: 0)
    let layer = Conv2d<Float>(
      inputs: inputs, outputs: outputs, window: Window(3, padding: 1), weightNormalization: normalization,
      using: &random)
    let image = source.images(channels: inputs, smallest: 3)
    return RandomOperation("\(layer.summary)", [image], work: 9 * image.count * outputs) {
      layer($0[0], in: .measuring)
    }
  }

  private static func whitening(_ source: inout Source) -> RandomOperation {
    let (groups, width, iterations) = (source.length(6), source.length(12), source.below(7))
    let x = source.numbers([2 + source.length(800), groups * width])
    return RandomOperation(
      "whitening of \(groups) groups, \(iterations) iterations", [x], isPerSample: false, work: x.count * width
    ) { try $0[0].whitened(groups: groups, iterations: iterations).output }
  }

  private static func unary(_ source: inout Source) -> RandomOperation {
    let functions: [(String, (Variable<Float>) -> Variable<Float>)] = [
      ("ReLU", { $0.relu() }), ("leaky ReLU", { $0.leakyReLU(slope: 0.1) }), ("sigmoid", { $0.sigmoid() }),
      ("hyperbolic tangent", { $0.hyperbolicTangent() }), ("exponential", { $0.exponential() }),
      ("logarithm", { $0.squared().offset(by: 0.01).logarithm() }), ("reciprocal", { $0.reciprocal() }),
      ("square root", { $0.squared().squareRoot() }), ("scale", { $0.scaled(by: 0.3) }),
    ]
    let (name, function) = functions[source.below(functions.count)]
    return RandomOperation(name, [source.batch(channels: source.length(3000))]) { function($0[0]) }
  }

  private static func binary(_ source: inout Source) -> RandomOperation {
    let channels = source.length(1000)
    let x = source.batch(channels: channels)
    let isBroadcast = source.chance()
    let broadcast: Broadcast = isBroadcast ? .perChannel : .none
    let y = isBroadcast ? source.numbers([channels]) : source.numbers(x.shape)
    let functions: [(String, Function)] = [
      ("sum", { $0[0].adding($0[1], broadcast: broadcast) }),
      ("difference", { $0[0].subtracting($0[1], broadcast: broadcast) }),
      ("product by elements", { $0[0].multiplied(by: $0[1], broadcast: broadcast) }),
      ("quotient", { $0[0].divided(by: $0[1], broadcast: broadcast) }),
      (
        "rectified sum",
        { isBroadcast ? $0[0].adding($0[1], broadcast: .perChannel).relu() : $0[0].adding($0[1], rectifies: true) }
      ),
    ]
    let (name, function) = functions[source.below(functions.count)]
    // Where both are batches, samples are parted in both.
    return RandomOperation(name, [x, y], isPerSample: isBroadcast, function)
  }

  private static func pooling(_ source: inout Source) -> RandomOperation {
    let size = 1 + source.below(4)
    let window = Window(
      Extent2d(integerLiteral: size), stride: Extent2d(integerLiteral: 1 + source.below(3)),
      padding: Extent2d(integerLiteral: source.below(size / 2 + 1)))
    let image = source.images(channels: source.length(100), smallest: size)
    let (countsPadding, isPartial) = (source.chance(), source.chance())
    switch source.below(3) {
    case 0:
      return RandomOperation("largest of \(window)", [image]) {
        $0[0].maxPooled(window, countsPartialWindows: isPartial)
      }
    case 1:
      return RandomOperation("mean of \(window)", [image]) {
        $0[0].averagePooled(window, countsPadding: countsPadding, countsPartialWindows: isPartial)
      }
    default: return RandomOperation("mean of the image", [image]) { $0[0].globallyAveraged() }
    }
  }

  private static func transposedConvolution(_ source: inout Source) -> RandomOperation {
    let size = [1, 2, 3, 3, 4, 5][source.below(6)]
    let stride = 1 + source.below(3)
    let window = Window(
      Extent2d(integerLiteral: size), stride: Extent2d(integerLiteral: stride),
      padding: Extent2d(integerLiteral: source.below((size + 1) / 2)),
      dilation: Extent2d(integerLiteral: 1 + source.below(5) / 4))
    let groups = [1, 1, 1, 2, 3][source.below(5)]
    let (inputs, outputs) = (groups * source.length(40), groups * source.length(40))
    let image = source.images(channels: inputs, smallest: 2)
    let weight = source.numbers([inputs, outputs / groups, size, size])
    let hasBias = source.chance()
    let outputPadding = Extent2d(integerLiteral: source.below(stride))
    return RandomOperation(
      "transposed convolution \(window), \(groups) groups",
      hasBias ? [image, weight, source.numbers([outputs])] : [image, weight],
      work: image.count * outputs / groups * size * size
    ) {
      $0[0].transposedConvolved(
        weight: $0[1], bias: hasBias ? $0[2] : nil, window: window, outputPadding: outputPadding, groups: groups)
    }
  }

  private static func signals(_ source: inout Source) -> RandomOperation {
    let size = 1 + source.below(5)
    let window = Window(length: size, stride: 1 + source.below(2), padding: source.below(size / 2 + 1))
    let channels = source.length(60)
    let x = source.numbers([1 + source.length(40), size + source.length(60), channels])
    switch source.below(3) {
    case 0: return RandomOperation("largest of \(window)", [x]) { $0[0].maxPooledAlongSignals(window) }
    case 1: return RandomOperation("mean of \(window)", [x]) { $0[0].averagePooledAlongSignals(window) }
    default:
      let outputs = source.length(60)
      return RandomOperation(
        "convolution along \(window)", [x, source.numbers([outputs, channels, size])], work: x.count * outputs * size
      ) { $0[0].convolved(weight: $0[1], window: window) }
    }
  }

  private static func resizing(_ source: inout Source) -> RandomOperation {
    let image = source.images(channels: source.length(60), smallest: 1)
    let extent = Extent2d(height: source.length(20), width: source.length(20))
    switch source.below(5) {
    case 0: return RandomOperation("largest to \(extent)", [image]) { $0[0].adaptivelyMaxPooled(to: extent) }
    case 1: return RandomOperation("mean to \(extent)", [image]) { $0[0].adaptivelyAveragePooled(to: extent) }
    case 2: return RandomOperation("nearest to \(extent)", [image]) { $0[0].resampled(to: extent) }
    default:
      let alignsCorners = source.chance()
      return RandomOperation("bilinear to \(extent)", [image]) {
        $0[0].resampled(to: extent, .bilinear(alignsCorners: alignsCorners))
      }
    }
  }

  private static func attention(_ source: inout Source) throws -> RandomOperation {
    let heads = 1 + source.below(4)
    let width = heads * source.length(40)
    let (samples, length) = (source.length(20), source.length(60))
    let isCausal = source.chance()
    var random = RandomGenerator(seed: 0)
    let layer = MultiHeadAttention<Float>(width: width, heads: heads, isCausal: isCausal, using: &random)
    layer.inputWeight.value = source.numbers([3 * width, width])
    return RandomOperation(
      "attention of \(heads) heads\(isCausal ? ", causal" : "")", [source.numbers([samples, length, width])],
      work: samples * length * width * (4 * width + 2 * length)
    ) { try layer($0[0], in: .inference) }
  }

  private static func channels(_ source: inout Source) throws -> RandomOperation {
    let width = source.length(300)
    guard source.chance() else {
      let count = source.length(100)
      let samples = source.length(300)
      let indices = Tensor((0..<samples * 4).map { _ in Float(source.below(count)) }, shape: [samples, 4])
      return RandomOperation("embedding", [indices, source.numbers([count, width])]) { try $0[0].embedded(in: $0[1]) }
    }
    var random = RandomGenerator(seed: 0)
    let layer = SqueezeExcitation<Float>(width, ratio: 4, using: &random)
    return RandomOperation("squeeze and excitation", [source.batch(channels: width)]) {
      try layer($0[0], in: .inference)
    }
  }

  private static func loss(_ source: inout Source) -> RandomOperation {
    let (samples, classes) = (source.length(600), 1 + source.length(200))
    let scores = source.numbers([samples, classes], bound: 5)
    let labels = (0..<samples).map { _ in source.below(classes) }
    let weights: [Double]? =
      source.chance() ? (0..<samples).map { _ in 0.5 + Double(source.below(100)) / 100 } : nil
    let targets = source.numbers([samples, classes])
    let smoothing = source.chance() ? 0.1 : 0
    switch source.below(6) {
    case 0:
      return RandomOperation("cross-entropy", [scores], isPerSample: false) {
        $0[0].softmaxCrossEntropy(labels: labels, weights: weights, labelSmoothing: smoothing)
      }
    case 1:
      return RandomOperation("hinge loss", [scores], isPerSample: false) {
        $0[0].multiclassSVM(labels: labels, weights: weights)
      }
    case 2:
      return RandomOperation("focal loss", [scores], isPerSample: false) {
        $0[0].focalLoss(labels: labels, focus: 2, weights: weights)
      }
    case 3:
      return RandomOperation("Huber loss", [scores], isPerSample: false) {
        $0[0].huberLoss(targets: targets, threshold: 0.5, weights: weights)
      }
    case 4:
      return RandomOperation("binary cross-entropy", [scores], isPerSample: false) {
        $0[0].binaryCrossEntropy(targets: targets.applying(.sigmoid), weights: weights)
      }
    default:
      return RandomOperation("squared error", [scores], isPerSample: false) { $0[0].meanSquaredError(targets: targets) }
    }
  }

  private static func reduction(_ source: inout Source) -> RandomOperation {
    let functions: [(String, (Variable<Float>) -> Variable<Float>)] = [
      ("sum", { $0.sum() }), ("mean", { $0.mean() }), ("sum over rows", { $0.sumOverRows() }),
      ("mean over rows", { $0.meanOverRows() }),
    ]
    let (name, function) = functions[source.below(functions.count)]
    return RandomOperation(name, [source.batch(channels: source.length(3000))], isPerSample: false) { function($0[0]) }
  }

  /// A network that serves, of which nothing is differentiated.
  private static func serving(
    _ model: Sequential<Float>, _ x: Tensor<Float>, work: Int, _ source: inout Source
  ) throws -> RandomOperation {
    // Statistics of a batch make it one that can serve.
    for (_, parameter) in model.namedParameters { parameter.value = source.numbers(parameter.shape, bound: 0.5) }
    var random = RandomGenerator(seed: 0)
    let step = try model.differentiate(x, random: &random) { $0.squared().mean() }
    try step.updateRunningStatistics()
    let served = try InferenceModel(model)
    return RandomOperation(model.summaries, [x], work: work) { try Variable(served($0[0].value)) }
  }

  private static func network(_ source: inout Source) throws -> RandomOperation {
    // A layer of one value could not be normalized by itself.
    var widths = [1 + source.length(300), 1 + source.length(300)]
    if source.chance() { widths.append(1 + source.length(200)) }
    let inputs = source.length(800)
    let recipe = MultilayerPerceptron(
      hidden: widths, normalization: [.none, .batch, .layer][source.below(3)],
      activation: [.relu, .tanh, .sigmoid][source.below(3)])
    let model: Sequential<Float> = try recipe.build(
      sampleShape: [inputs], outputCount: source.length(30), random: RandomGenerator(seed: 0))
    let samples = 2 + source.length(200)
    return try serving(
      model, source.numbers([samples, inputs]), work: samples * model.parameterCount, &source)
  }

  private static func residualNetwork(_ source: inout Source) throws -> RandomOperation {
    let recipe = ResidualNetwork(
      blocks: source.chance() ? [1] : [1, 1], width: source.length(24),
      shortcut: source.chance() ? .padded : .projection, normalization: source.chance() ? .batch : .none)
    let side = 3 + source.length(12)
    let model: Sequential<Float> = try recipe.build(
      sampleShape: [side, side, 3], outputCount: source.length(12), random: RandomGenerator(seed: 0))
    let samples = 1 + source.length(40)
    return try serving(
      model, source.numbers([samples, side, side, 3]), work: samples * model.parameterCount * side * side, &source)
  }
}

extension Sequential {
  /// Its layers in a line.
  fileprivate var summaries: String { children.map(\.layer.summary).joined(separator: ", ") }
}

/// Numbers and shapes by chance: the same for the same number, with no function whose last digit could be another.
private struct Source {
  private var random: RandomGenerator

  init(number: Int) { random = RandomGenerator(seed: 16).split(UInt64(number)) }

  mutating func below(_ count: Int) -> Int { Int.random(in: 0..<count, using: &random) }
  mutating func chance() -> Bool { below(2) == 0 }

  /// A length up to `most`, small ones as likely as large ones: the number of its bits is drawn first.
  mutating func length(_ most: Int) -> Int {
    let half = 1 << below(Int.bitWidth - most.leadingZeroBitCount)
    return min(most, half + below(half))
  }

  /// Even over ±bound.
  mutating func numbers(_ shape: Shape, bound: Double = 1) -> Tensor<Float> {
    .uniform(shape, in: -bound..<bound, using: &random)
  }

  /// Images `[N, H, W, C]`.
  mutating func images(channels: Int, smallest: Int) -> Tensor<Float> {
    let (height, width) = (smallest + length(12), smallest + length(12))
    return numbers([1 + length(max(1, min(40, (1 << 16) / (height * width * channels)))), height, width, channels])
  }

  /// `[N, C]`, `[N, H, W, C]`, or with the channels behind the samples.
  mutating func batch(channels: Int, _ layout: ChannelLayout = .channelsLast) -> Tensor<Float> {
    let side = chance() ? 1 : length(20)
    let samples = 1 + length(max(1, (1 << 18) / (channels * side * side)))
    if side == 1 && layout == .channelsLast { return numbers([samples, channels], bound: 4) }
    return numbers(
      layout == .channelsLast ? [samples, side, side, channels] : [samples, channels, side, side], bound: 4)
  }
}
