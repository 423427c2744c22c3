import NormaConvolution
import NormaGraph
import NormaTensor
import TestSupport
import Testing

/// Convolution and pooling against PyTorch's double-precision results.
///
/// u is the unit roundoff of the element type, v that of doubles, which PyTorch's results are rounded in: bounds are in
/// terms of `U = u + 2v`. A sum of k terms is off by at most k·U·Σ|terms| in any order (Higham 2002, equation 3.5),
/// where the sum of magnitudes is the same operation on the magnitudes. 3×3 windows in steps of one are computed from
/// transformed tiles, where that operation is the one with the magnitudes of the transformations, ``TiledMagnitudes``.
@Suite struct ConvolutionParityTests {
  static let convolutionCases = ParityFixture.cases(of: "convolution", ConvolutionSettings.self)
  static let poolingCases = ParityFixture.cases(of: "pooling", PoolingSettings.self)

  private func expect<Element: TensorElement>(
    _ found: Tensor<Element>, _ reference: Tensor<Double>, terms: Int, _ magnitudes: Tensor<Double>, _ what: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(found.shape == reference.shape, "\(what)", sourceLocation: sourceLocation)
    let unit = Element.unitRoundoff + 2 * Double.unitRoundoff
    let bound = magnitudes.elements.map { Double(terms) * unit * $0 }
    let ratio = errorOverBound(found, reference: reference.elements, bound: bound)
    #expect(ratio <= 1, "\(what) in \(Element.self)", sourceLocation: sourceLocation)
  }

  private func extent(_ lengths: [Int]) -> Extent2d { Extent2d(height: lengths[0], width: lengths[1]) }

  private func checkConvolution<Element: TensorElement>(
    _ type: Element.Type, _ parity: ParityCase<ConvolutionSettings>
  ) {
    let settings = parity.settings
    let window = Window(
      extent(settings.size), stride: extent(settings.stride), padding: extent(settings.padding),
      dilation: extent(settings.dilation))
    func magnitudes(_ name: String) -> Tensor<Double> {
      let tensor: Tensor<Double> = parity.input(name)
      return Tensor(tensor.elements.map(abs), shape: tensor.shape)
    }
    let (x, dy, weight) = (magnitudes("x"), magnitudes("dy"), magnitudes("weight"))
    let bias = settings.bias ? magnitudes("bias") : nil

    let graph = Graph<Element>()
    let input = graph.input(parity.input("x"), name: "x")
    let w = graph.parameter(parity.input("weight"), name: "weight")
    let b = settings.bias ? graph.parameter(parity.input("bias"), name: "bias") : nil
    let y = input.convolved(weight: w, bias: b, window: window, groups: settings.groups)
    let gradients = graph.gradients(of: y, seed: parity.input("dy"))

    let area = window.size.height * window.size.width
    let rows = dy.shape.rowCount
    if let tiled = TiledMagnitudes(window: window, groups: settings.groups, weight: weight) {
      let output = tiled.output(of: x, weight: weight)
        .applying(.add, bias ?? .zeros([settings.outputs]), broadcast: .perChannel)
      expect(y.value, parity.expected("y"), terms: weight.shape[1] + 12, output, "y")
      expect(
        gradients[input], parity.expected("dx"), terms: settings.outputs + 12,
        tiled.inputGradient(of: dy, weight: weight), "dx")
      expect(
        gradients[w], parity.expected("dweight"), terms: rows + 9, tiled.weightGradient(of: dy, input: x), "dweight")
    } else {
      expect(
        y.value, parity.expected("y"), terms: area * weight.shape[1] + 1,
        Convolution2d.forward(x, weight: weight, bias: bias, window: window, groups: settings.groups), "y")
      expect(
        gradients[input], parity.expected("dx"), terms: area * settings.outputs / settings.groups,
        Convolution2d.inputGradient(
          dy, inputShape: x.shape, weight: weight, window: window, groups: settings.groups), "dx")
      expect(
        gradients[w], parity.expected("dweight"), terms: rows,
        Convolution2d.weightGradient(
          dy, input: x, weightShape: weight.shape, window: window, groups: settings.groups), "dweight")
    }
    if let b {
      expect(gradients[b], parity.expected("dbias"), terms: rows, dy.sumOverRows(), "dbias")
    }
  }

  @Test(arguments: convolutionCases) func convolutionsArePyTorchs(parity: ParityCase<ConvolutionSettings>) {
    checkConvolution(Double.self, parity)
    checkConvolution(Float.self, parity)
  }

  private func checkPooling<Element: TensorElement>(_ type: Element.Type, _ parity: ParityCase<PoolingSettings>) {
    let settings = parity.settings
    let window = Window(
      settings.size.map(extent) ?? 1, stride: extent(settings.stride), padding: extent(settings.padding),
      dilation: extent(settings.dilation))
    let (countsPadding, isPartial) = (settings.countIncludePad ?? true, settings.ceilMode ?? false)
    func pool<Other: TensorElement>(_ x: Variable<Other>) -> Variable<Other> {
      switch settings.pooling {
      case "max": x.maxPooled(window, countsPartialWindows: isPartial)
      case "average": x.averagePooled(window, countsPadding: countsPadding, countsPartialWindows: isPartial)
      default: x.globallyAveraged()
      }
    }
    func run<Other: TensorElement>(_ x: Tensor<Other>, _ dy: Tensor<Other>) -> (y: Tensor<Other>, dx: Tensor<Other>) {
      let graph = Graph<Other>()
      let input = graph.input(x, name: "x")
      let y = pool(input)
      return (y.value, graph.gradients(of: y, seed: dy)[input])
    }
    func magnitudes(_ name: String) -> Tensor<Double> {
      let tensor: Tensor<Double> = parity.input(name)
      return Tensor(tensor.elements.map(abs), shape: tensor.shape)
    }
    let found = run(parity.input("x", Element.self), parity.input("dy", Element.self))
    let area = window.size.height * window.size.width
    guard settings.pooling != "max" else {
      // The largest is one of the values; its gradient a sum over as many windows as there are values in one, at most.
      #expect(haveSameBits(found.y, parity.expected("y").converted()), "y in \(Element.self)")
      let bounds = run(parity.input("x", Double.self), magnitudes("dy")).dx
      return expect(found.dx, parity.expected("dx"), terms: area, bounds, "dx")
    }
    // The quotient, and where the mean is multiplied by the number's inverse, that too.
    let terms = settings.pooling == "global" ? settings.shape[1] * settings.shape[2] : area
    let bounds = run(magnitudes("x"), magnitudes("dy"))
    expect(found.y, parity.expected("y"), terms: terms + 2, bounds.y, "y")
    expect(found.dx, parity.expected("dx"), terms: area + 2, bounds.dx, "dx")
  }

  @Test(arguments: poolingCases) func poolingsArePyTorchs(parity: ParityCase<PoolingSettings>) {
    #expect(["max", "average", "global"].contains(parity.settings.pooling))
    checkPooling(Double.self, parity)
    checkPooling(Float.self, parity)
  }

  @Test func theFixtureHasEveryKindOfCase() {
    let settings = Self.convolutionCases.map(\.settings)
    #expect(settings.contains { $0.groups > 1 && $0.groups == $0.shape[3] && $0.groups == $0.outputs })
    #expect(settings.contains { $0.size == [1, 1] && $0.stride != [1, 1] })
    #expect(settings.contains { $0.dilation != [1, 1] && $0.stride != [1, 1] && $0.padding != [0, 0] })
    #expect(Set(settings.map(\.bias)).count == 2)
    #expect(Set(Self.poolingCases.map(\.settings.countIncludePad)) == [nil, true, false])
    let maxima = Self.poolingCases.filter { $0.settings.pooling == "max" }
    #expect(maxima.contains { $0.settings.ceilMode == true })
    #expect(maxima.contains { $0.expected("y").elements.contains { $0.isNaN } })
    #expect(maxima.contains { $0.expected("y").elements.contains { $0 == -.infinity } })
  }
}
