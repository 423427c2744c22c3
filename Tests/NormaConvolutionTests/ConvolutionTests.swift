import NormaConvolution
import NormaTensor
import TestSupport
import Testing

/// Convolution on the kernels against the plain loops in double precision, which follow the definition.
@Suite struct ConvolutionTests {
  /// A convolution drawn at random: odd sizes, strides, paddings, dilations, groups and batches.
  struct Case: CustomStringConvertible, Sendable {
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
  }

  /// Shapes of networks: those that are cut into bands, into several samples a ticket, long sums, no padding.
  static let networkCases: [Case] = [
    Case(input: [3, 32, 32, 16], weight: [16, 16, 3, 3], window: Window(3, padding: 1)),
    Case(input: [1, 32, 32, 3], weight: [16, 3, 3, 3], window: Window(3, padding: 1)),
    Case(input: [2, 32, 32, 16], weight: [32, 16, 3, 3], window: Window(3, stride: 2, padding: 1)),
    Case(input: [2, 32, 32, 16], weight: [32, 16, 1, 1], window: Window(1, stride: 2)),
    Case(input: [17, 8, 8, 64], weight: [64, 64, 3, 3], window: Window(3, padding: 1)),
    Case(input: [5, 4, 4, 300], weight: [70, 300, 3, 3], window: Window(3, padding: 1)),
    Case(input: [4, 7, 9, 160], weight: [48, 160, 3, 3], window: Window(3, padding: 1)),
    Case(input: [1, 8, 8, 64], weight: [64, 64, 3, 3], window: Window(3, padding: 1)),
    Case(input: [1, 61, 67, 3], weight: [24, 3, 7, 7], window: Window(7, stride: 2, padding: 3)),
    Case(input: [2, 40, 80, 48], weight: [48, 48, 3, 3], window: Window(3, padding: 1)),
    Case(input: [33, 6, 6, 32], weight: [32, 1, 3, 3], window: Window(3, padding: 1), groups: 32),
    Case(
      input: [3, 9, 11, 50], weight: [50, 1, 3, 5],
      window: Window(Extent2d(height: 3, width: 5), stride: 2, padding: 2, dilation: 2), groups: 50),
    Case(input: [9, 20, 20, 17], weight: [17, 1, 5, 5], window: Window(5, padding: 2), groups: 17),
    Case(input: [0, 6, 6, 4], weight: [8, 4, 3, 3], window: Window(3, padding: 1)),
  ]

  private struct Results<Element: TensorElement> {
    var output, inputGradient, weightGradient: Tensor<Element>
  }

  private struct Data {
    let x, weight, bias, gradient: Tensor<Float>

    init(_ test: Case, seed: UInt64) {
      var random = RandomGenerator(seed: seed)
      let output = Convolution2d.outputShape(for: test.input, outputs: test.weight[0], window: test.window)!
      x = .normal(test.input, using: &random)
      weight = .normal(test.weight, using: &random)
      bias = .normal([test.weight[0]], using: &random)
      gradient = .normal(output, using: &random)
    }
  }

  private func run<Element: TensorElement>(
    _ test: Case, _ data: Data, as type: Element.Type = Element.self
  ) -> Results<Element> {
    let (x, weight) = (data.x.converted(to: Element.self), data.weight.converted(to: Element.self))
    let gradient = data.gradient.converted(to: Element.self)
    return Results(
      output: Convolution2d.forward(
        x, weight: weight, bias: data.bias.converted(), window: test.window, groups: test.groups),
      inputGradient: Convolution2d.inputGradient(
        gradient, inputShape: x.shape, weight: weight, window: test.window, groups: test.groups),
      weightGradient: Convolution2d.weightGradient(
        gradient, input: x, weightShape: weight.shape, window: test.window, groups: test.groups))
  }

  /// Sums of n products of normal numbers: each of the n roundings is at most 2⁻²⁴ of a partial sum, which is below
  /// 6·√n nearly always.
  private func expectNear(_ found: Tensor<Float>, _ expected: Tensor<Double>, terms: Int, _ name: Comment) {
    let bound = Double(terms + 2) * 6 * Double(max(1, terms)).squareRoot() / Double(1 << 24)
    #expect(found.shape == expected.shape, name)
    for (found, expected) in zip(found.elements, expected.elements) where abs(Double(found) - expected) > bound {
      Issue.record("\(name): \(found) for \(expected), further than \(bound)")
      return
    }
  }

  private func check(_ test: Case, seed: UInt64) {
    let data = Data(test, seed: seed)
    let found = run(test, data, as: Float.self)
    let expected = run(test, data, as: Double.self)
    let taps = test.window.size.height * test.window.size.width
    expectNear(found.output, expected.output, terms: taps * test.weight[1] + 1, "output of \(test)")
    expectNear(
      found.inputGradient, expected.inputGradient, terms: taps * test.weight[0] / test.groups, "input of \(test)")
    expectNear(
      found.weightGradient, expected.weightGradient, terms: data.gradient.shape.rowCount, "weight of \(test)")
  }

  @Test(arguments: 0..<150) func randomConvolutionsAreThoseOfDoublePrecision(seed: UInt64) {
    check(Case(seed: seed), seed: seed)
  }

  @Test(arguments: networkCases.indices) func convolutionsOfNetworksAreThoseOfDoublePrecision(index: Int) {
    check(Self.networkCases[index], seed: UInt64(index))
  }

  /// 3×3 windows in steps of one, which are computed in tiles: images that fill them and that do not, every padding,
  /// channels beside whole blocks.
  @Test(arguments: 0..<120) func tiledConvolutionsAreThoseOfDoublePrecision(seed: UInt64) {
    var random = RandomGenerator(seed: 1000 + seed)
    func draw(_ values: [Int]) -> Int { values.randomElement(using: &random) ?? 0 }
    let padding = Extent2d(height: draw([0, 1, 1, 2]), width: draw([0, 1, 1, 2]))
    let (inputs, outputs) = (draw([16, 17, 20, 32, 45, 64]), draw([16, 19, 31, 32, 48]))
    let input: Shape = [
      draw([1, 2, 3, 9]), max(1, 3 - 2 * padding.height) + draw([0, 1, 2, 5, 8]),
      max(1, 3 - 2 * padding.width) + draw([0, 1, 2, 5, 8]), inputs,
    ]
    check(Case(input: input, weight: [outputs, inputs, 3, 3], window: Window(3, padding: padding)), seed: seed)
  }

  /// The tiles' sums have C terms each instead of 9·C, and what stands before and behind them adds at most four values
  /// at a time: their errors must stay near those of the definition's sums, one term after the other in single
  /// precision.
  @Test(arguments: [16, 64, 256]) func tilesRoundHardlyMoreThanTheDefinition(channels: Int) {
    let test = Case(input: [1, 8, 8, channels], weight: [16, channels, 3, 3], window: Window(3, padding: 1))
    let data = Data(test, seed: 5)
    let (found, exact) = (run(test, data, as: Float.self), run(test, data, as: Double.self))
    let plain = definition(test, data)
    func error(_ values: Tensor<Float>) -> Double {
      let squares = zip(values.elements, exact.output.elements).map { (Double($0) - $1) * (Double($0) - $1) }
      return (squares.reduce(0, +) / Double(squares.count)).squareRoot()
    }
    #expect(error(found.output) < 2 * error(plain), "\(error(found.output)) beside \(error(plain))")
  }

  /// The output by the definition, in single precision.
  private func definition(_ test: Case, _ data: Data) -> Tensor<Float> {
    let (height, width, inputs, outputs) = (test.input[1], test.input[2], test.input[3], test.weight[0])
    var y: [Float] = []
    for place in 0..<height * width {
      for output in 0..<outputs {
        var sum = data.bias[output]
        for tap in 0..<9 {
          let (row, column) = (place / width + tap / 3 - 1, place % width + tap % 3 - 1)
          guard (0..<height).contains(row), (0..<width).contains(column) else { continue }
          for input in 0..<inputs {
            sum += data.x[0, row, column, input] * data.weight[output, input, tap / 3, tap % 3]
          }
        }
        y.append(sum)
      }
    }
    return Tensor(y, shape: [1, height, width, outputs])
  }

  @Test(arguments: networkCases.indices) func anyNumberOfThreadsGivesTheSameBits(index: Int) throws {
    let test = Self.networkCases[index]
    let data = Data(test, seed: 7)
    let results = resultsByThreadCount { run(test, data, as: Float.self) }
    for other in results.dropFirst() {
      #expect(other.output == results[0].output)
      #expect(other.inputGradient == results[0].inputGradient)
      #expect(other.weightGradient == results[0].weightGradient)
    }
  }

  @Test func theGradientsAreThoseOfTheForwardPass() {
    // <g, conv(x, w)> is linear in x and in w: its derivatives are found exactly by pairing.
    for seed in UInt64(200)..<240 {
      let test = Case(seed: seed)
      let data = Data(test, seed: seed)
      let results = run(test, data, as: Double.self)
      let bias = data.bias.converted(to: Double.self)
      let output =
        results.output - Tensor<Double>.zeros(results.output.shape).applying(.add, bias, broadcast: .perChannel)
      let value = (output * data.gradient.converted()).sum()
      let byInput = (results.inputGradient * data.x.converted()).sum()
      let byWeight = (results.weightGradient * data.weight.converted()).sum()
      let bound = 1e-12 * Double(output.count + 1) * 10
      #expect(abs(value - byInput) < bound, "\(test)")
      #expect(abs(value - byWeight) < bound, "\(test)")
    }
  }

  @Test func aResidualAndReLUAreDoneWithTheLastSum() {
    let tests = (UInt64(300)..<330).map { Case(seed: $0) } + Self.networkCases
    for (seed, test) in zip(UInt64(300)..., tests) {
      let data = Data(test, seed: seed)
      let prepared = PreparedConvolution(weight: data.weight, bias: data.bias, window: test.window, groups: test.groups)
      let expected = (prepared(data.x) + data.gradient).applying(.leakyReLU(slope: 0))
      let found = prepared(data.x, residual: data.gradient, rectifies: true)
      #expect(found == expected, "\(test)")
    }
  }
}
