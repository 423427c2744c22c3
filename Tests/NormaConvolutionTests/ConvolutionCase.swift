import NormaConvolution
import NormaTensor

/// A convolution drawn at random: odd sizes, strides, paddings, dilations, groups and batches.
struct ConvolutionCase: CustomStringConvertible, Sendable {
  var input: Shape
  var weight: Shape
  var window: Window
  var groups: Int
  var description: String { "\(input) · \(weight), \(window), \(groups) groups" }

  init(seed: UInt64) {
    var random = RandomGenerator(seed: seed)
    func draw(_ range: ClosedRange<Int>) -> Int {
      Int.random(in: range, using: &random)
    }
    let groups = [1, 1, 1, 2, 3, 4][draw(0...5)]
    let perGroup = [1, 2, 3, 5, 8, 16, 17, 40][draw(0...7)]
    let outputs = [1, 2, 3, 7, 16, 20, 33][draw(0...6)]
    let size = Extent2d(height: draw(1...5), width: draw(1...5))
    window = Window(
      size, stride: Extent2d(height: draw(1...3), width: draw(1...3)),
      padding: Extent2d(height: draw(0...3), width: draw(0...3)),
      dilation: Extent2d(height: draw(1...2), width: draw(1...3)))
    let least = Extent2d(
      height: max(1, (size.height - 1) * window.dilation.height + 1 - 2 * window.padding.height),
      width: max(1, (size.width - 1) * window.dilation.width + 1 - 2 * window.padding.width))
    input = [draw(1...5), least.height + draw(0...12), least.width + draw(0...12), perGroup * groups]
    weight = [outputs * groups, perGroup, size.height, size.width]
    self.groups = groups
  }

  init(input: Shape, weight: Shape, window: Window, groups: Int = 1) {
    self.input = input
    self.weight = weight
    self.window = window
    self.groups = groups
  }

  /// Shapes of networks: those that are cut into bands, into several samples a ticket, long sums, no padding.
  static let ofNetworks: [ConvolutionCase] = [
    ConvolutionCase(input: [3, 32, 32, 16], weight: [16, 16, 3, 3], window: Window(3, padding: 1)),
    ConvolutionCase(input: [1, 32, 32, 3], weight: [16, 3, 3, 3], window: Window(3, padding: 1)),
    ConvolutionCase(input: [2, 32, 32, 16], weight: [32, 16, 3, 3], window: Window(3, stride: 2, padding: 1)),
    ConvolutionCase(input: [2, 32, 32, 16], weight: [32, 16, 1, 1], window: Window(1, stride: 2)),
    ConvolutionCase(input: [17, 8, 8, 64], weight: [64, 64, 3, 3], window: Window(3, padding: 1)),
    ConvolutionCase(input: [5, 4, 4, 300], weight: [70, 300, 3, 3], window: Window(3, padding: 1)),
    ConvolutionCase(input: [4, 7, 9, 160], weight: [48, 160, 3, 3], window: Window(3, padding: 1)),
    ConvolutionCase(input: [1, 8, 8, 64], weight: [64, 64, 3, 3], window: Window(3, padding: 1)),
    ConvolutionCase(input: [1, 61, 67, 3], weight: [24, 3, 7, 7], window: Window(7, stride: 2, padding: 3)),
    ConvolutionCase(input: [2, 40, 80, 48], weight: [48, 48, 3, 3], window: Window(3, padding: 1)),
    ConvolutionCase(input: [33, 6, 6, 32], weight: [32, 1, 3, 3], window: Window(3, padding: 1), groups: 32),
    ConvolutionCase(
      input: [3, 9, 11, 50], weight: [50, 1, 3, 5],
      window: Window(Extent2d(height: 3, width: 5), stride: 2, padding: 2, dilation: 2), groups: 50),
    ConvolutionCase(input: [9, 20, 20, 17], weight: [17, 1, 5, 5], window: Window(5, padding: 2), groups: 17),
    ConvolutionCase(input: [0, 6, 6, 4], weight: [8, 4, 3, 3], window: Window(3, padding: 1)),
  ]

  /// A 3×3 window in steps of one, which is computed in tiles: images that fill them and that do not, every padding, channels beside
  /// whole blocks.
  static func tiled(seed: UInt64) -> ConvolutionCase {
    var random = RandomGenerator(seed: 1000 + seed)
    func draw(_ values: [Int]) -> Int { values.randomElement(using: &random) ?? 0 }
    let padding = Extent2d(height: draw([0, 1, 1, 2]), width: draw([0, 1, 1, 2]))
    let (inputs, outputs) = (draw([16, 17, 20, 32, 45, 64]), draw([16, 19, 31, 32, 48]))
    let input: Shape = [
      draw([1, 2, 3, 9]), max(1, 3 - 2 * padding.height) + draw([0, 1, 2, 5, 8]),
      max(1, 3 - 2 * padding.width) + draw([0, 1, 2, 5, 8]), inputs,
    ]
    return ConvolutionCase(input: input, weight: [outputs, inputs, 3, 3], window: Window(3, padding: padding))
  }

  var output: Shape { Convolution2d.outputShape(for: input, outputs: weight[0], window: window)! }
  var area: Int { window.size.height * window.size.width }
}

/// What a convolution and its gradients are found from.
struct ConvolutionInputs<Element: TensorElement> {
  var x, weight, bias, gradient: Tensor<Element>

  /// Normal numbers.
  init(_ test: ConvolutionCase, seed: UInt64) {
    var random = RandomGenerator(seed: seed)
    x = .normal(test.input, using: &random)
    weight = .normal(test.weight, using: &random)
    bias = .normal([test.weight[0]], using: &random)
    gradient = .normal(test.output, using: &random)
  }

  init<Other: TensorElement>(_ other: ConvolutionInputs<Other>, _ map: (Tensor<Element>) -> Tensor<Element> = { $0 }) {
    x = map(other.x.converted())
    weight = map(other.weight.converted())
    bias = map(other.bias.converted())
    gradient = map(other.gradient.converted())
  }

  /// Their magnitudes.
  var magnitudes: ConvolutionInputs {
    ConvolutionInputs(self) { Tensor($0.elements.map(abs), shape: $0.shape) }
  }
}

/// A convolution's output, and the gradients of its input and weight.
struct ConvolutionResults<Element: TensorElement> {
  var output, inputGradient, weightGradient: Tensor<Element>

  init(output: Tensor<Element>, inputGradient: Tensor<Element>, weightGradient: Tensor<Element>) {
    self.output = output
    self.inputGradient = inputGradient
    self.weightGradient = weightGradient
  }

  /// What the library gives.
  init(_ test: ConvolutionCase, _ inputs: ConvolutionInputs<Element>) {
    output = Convolution2d.forward(
      inputs.x, weight: inputs.weight, bias: inputs.bias, window: test.window, groups: test.groups)
    inputGradient = Convolution2d.inputGradient(
      inputs.gradient, inputShape: test.input, weight: inputs.weight, window: test.window, groups: test.groups)
    weightGradient = Convolution2d.weightGradient(
      inputs.gradient, input: inputs.x, weightShape: test.weight, window: test.window, groups: test.groups)
  }

  var all: [(name: String, values: Tensor<Element>)] {
    [("output", output), ("input's gradient", inputGradient), ("weight's gradient", weightGradient)]
  }
}
