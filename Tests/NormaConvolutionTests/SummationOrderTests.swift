import NormaConvolution
import NormaTensor
import TestSupport
import Testing

/// The bits of a convolution are those of its definition, written here for one result at a time: terms in the order of tap rows, tap
/// columns and channels, those outside the image zero; chains of 256 terms from zero, added up in their order; then bias, the
/// residual and ReLU.
@Suite struct SummationOrderTests {
  /// A sum of products as it is defined, in the type's own addition of a term.
  struct Sum<Element: TensorElement> {
    private var total: Element?
    private var chain: Element = 0
    private var count = 0

    mutating func add(_ x: Element, _ weight: Element) {
      if count == 256 {
        total = total.map { $0 + chain } ?? chain
        (chain, count) = (0, 0)
      }
      chain = Element.self == Float.self ? chain.addingProduct(x, weight) : chain + x * weight
      count += 1
    }

    var value: Element { total.map { $0 + chain } ?? chain }
  }

  private func pixel<Element: TensorElement>(
    _ x: [Element], _ shape: Shape, _ sample: Int, _ row: Int, _ column: Int, _ channel: Int
  ) -> Element {
    guard (0..<shape[1]).contains(row), (0..<shape[2]).contains(column) else { return 0 }
    return x[((sample * shape[1] + row) * shape[2] + column) * shape[3] + channel]
  }

  /// The output for a residual, rectified.
  private func output<Element: TensorElement>(
    _ test: ConvolutionCase, _ inputs: ConvolutionInputs<Element>
  ) -> Tensor<Element> {
    let (x, weight, window, shape) = (inputs.x.elements, inputs.weight.elements, test.window, test.output)
    let (terms, outputs) = (test.weight[1], test.weight[0] / test.groups)
    let values = (0..<shape.elementCount).map { place -> Element in
      let (channel, pixel) = (place % shape[3], place / shape[3])
      let (column, row, sample) = (pixel % shape[2], pixel / shape[2] % shape[1], pixel / shape[2] / shape[1])
      var sum = Sum<Element>()
      for tapRow in 0..<window.size.height {
        for tapColumn in 0..<window.size.width {
          for term in 0..<terms {
            sum.add(
              self.pixel(
                x, test.input, sample,
                row * window.stride.height + tapRow * window.dilation.height - window.padding.height,
                column * window.stride.width + tapColumn * window.dilation.width - window.padding.width,
                channel / outputs * terms + term),
              weight[((channel * terms + term) * window.size.height + tapRow) * window.size.width + tapColumn])
          }
        }
      }
      let value = sum.value + inputs.bias[channel] + inputs.gradient.elements[place]
      return value <= 0 ? 0 : value
    }
    return Tensor(values, shape: shape)
  }

  /// The gradient of the input: the terms of each of its pixels are the results that it went into, in the order in which these lie,
  /// including those that would lie beside the output.
  private func inputGradient<Element: TensorElement>(
    _ test: ConvolutionCase, _ inputs: ConvolutionInputs<Element>
  ) -> Tensor<Element> {
    let (gradient, weight, window, shape) = (
      inputs.gradient.elements, inputs.weight.elements, test.window, test.input
    )
    let (terms, outputs) = (test.weight[1], test.weight[0] / test.groups)
    let values = (0..<shape.elementCount).map { place -> Element in
      let (channel, pixel) = (place % shape[3], place / shape[3])
      let (column, row, sample) = (pixel % shape[2], pixel / shape[2] % shape[1], pixel / shape[2] / shape[1])
      var sum = Sum<Element>()
      for tapRow in (0..<window.size.height).reversed() {
        let resultRow = row + window.padding.height - tapRow * window.dilation.height
        guard resultRow % window.stride.height == 0 else { continue }
        for tapColumn in (0..<window.size.width).reversed() {
          let resultColumn = column + window.padding.width - tapColumn * window.dilation.width
          guard resultColumn % window.stride.width == 0 else { continue }
          for output in 0..<outputs {
            let number = channel / terms * outputs + output
            sum.add(
              self.pixel(
                gradient, test.output, sample, resultRow / window.stride.height, resultColumn / window.stride.width,
                number),
              weight[
                ((number * terms + channel % terms) * window.size.height + tapRow) * window.size.width + tapColumn])
          }
        }
      }
      return sum.value
    }
    return Tensor(values, shape: shape)
  }

  private func check<Element: TensorElement>(_ test: ConvolutionCase, seed: UInt64, as type: Element.Type) {
    let inputs = ConvolutionInputs<Element>(ConvolutionInputs<Float>(test, seed: seed))
    let convolution = PreparedConvolution(
      weight: inputs.weight, bias: inputs.bias, window: test.window, groups: test.groups)
    #expect(
      haveSameBits(convolution(inputs.x, residual: inputs.gradient, rectifies: true), output(test, inputs)),
      "output of \(test) in \(type)")
    // A function that follows, while results are in the caches or not.
    for function in [UnaryOperation<Element>.activation(.silu), .clamp(-0.5...6)] {
      #expect(
        haveSameBits(convolution(inputs.x, then: function), convolution(inputs.x).applying(function)),
        "\(function) of \(test) in \(type)")
    }
    let found = Convolution2d.inputGradient(
      inputs.gradient, inputShape: test.input, weight: inputs.weight, window: test.window, groups: test.groups)
    #expect(haveSameBits(found, inputGradient(test, inputs)), "input of \(test) in \(type)")
  }

  /// Many are of more than 256 terms, most are cut somewhere.
  @Test(arguments: 0..<80) func sumsOfRandomConvolutionsAreThoseOfTheDefinition(seed: UInt64) {
    let test = ConvolutionCase(seed: 5000 + seed)
    guard TiledMagnitudes(window: test.window, groups: test.groups, weight: .zeros(test.weight)) == nil else { return }
    check(test, seed: seed, as: Float.self)
    check(test, seed: seed, as: Double.self)
  }

  @Test func longSumsOfBothKindsAreThoseOfTheDefinition() {
    for test in [
      ConvolutionCase(input: [2, 5, 6, 150], weight: [20, 150, 3, 2], window: Window(Extent2d(height: 3, width: 2))),
      ConvolutionCase(input: [3, 1, 1, 1000], weight: [300, 1000, 1, 1], window: Window(1)),
      ConvolutionCase(
        input: [2, 20, 21, 18], weight: [18, 1, 17, 19], window: Window(Extent2d(height: 17, width: 19), padding: 3),
        groups: 18),
      ConvolutionCase(
        input: [1, 70, 6, 48], weight: [8, 48, 5, 1],
        window: Window(Extent2d(height: 5, width: 1), stride: 2, padding: 2)),
      // Pixels of a page's length, which are set apart.
      ConvolutionCase(input: [1, 5, 4, 1024], weight: [70, 1024, 1, 1], window: Window(1)),
      ConvolutionCase(
        input: [2, 3, 4, 1024], weight: [64, 1024, 2, 2], window: Window(Extent2d(height: 2, width: 2), padding: 1)),
    ] {
      check(test, seed: 9, as: Float.self)
      check(test, seed: 9, as: Double.self)
    }
  }
}
