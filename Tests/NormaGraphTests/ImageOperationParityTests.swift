import NormaConvolution
import NormaGraph
import NormaTensor
import TestSupport
import Testing

/// Transposed convolution, signals, images of other sizes and indices against PyTorch's double-precision results.
///
/// u is the unit roundoff of the element type, v that of doubles, which PyTorch's results are rounded in: bounds are in
/// terms of `U = u + 2v`. A sum of k terms is off by at most k·U·Σ|terms| in any order (Higham 2002, equation 3.5). All these
/// operations are linear in each input, so the sums of magnitudes are what they make of the magnitudes.
@Suite struct ImageOperationParityTests {
  static let transposedCases = ParityFixture.cases(of: "transposed_convolution", TransposedConvolutionSettings.self)
  static let signalCases = ParityFixture.cases(of: "signals", SignalSettings.self)
  static let resizingCases = ParityFixture.cases(of: "resizing", ResizingSettings.self)
  static let channelCases = ParityFixture.cases(of: "channels", ChannelSettings.self)

  /// The results of an operation and its gradients, by their names: `y`, `dx` …
  private typealias Results<Element: TensorElement> = [String: Tensor<Element>]

  private func expect<Element: TensorElement>(
    _ found: Tensor<Element>?, _ reference: Tensor<Double>, terms: Int, _ magnitudes: Tensor<Double>?,
    beside absolute: Double = 0, _ what: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    guard let found, let magnitudes, found.shape == reference.shape else {
      Issue.record("\(what) is \(found?.shape as Any), not \(reference.shape)", sourceLocation: sourceLocation)
      return
    }
    let unit = Element.unitRoundoff + 2 * Double.unitRoundoff
    let bound = magnitudes.elements.map { Double(terms) * unit * $0 + absolute }
    let ratio = errorOverBound(found, reference: reference.elements, bound: bound)
    #expect(ratio <= 1, "\(what) in \(Element.self)", sourceLocation: sourceLocation)
  }

  private func results<Element: TensorElement>(
    _ inputs: [String: Tensor<Element>], dy: Tensor<Element>,
    _ function: ([String: Variable<Element>]) throws -> Variable<Element>
  ) rethrows -> Results<Element> {
    let graph = Graph<Element>()
    let variables = Dictionary(uniqueKeysWithValues: inputs.map { ($0, graph.input($1, name: $0)) })
    let y = try function(variables)
    let gradients = graph.gradients(of: y, seed: dy)
    var results = ["y": y.value]
    for (name, variable) in variables { results["d\(name)"] = gradients[variable] }
    return results
  }

  private func magnitudes(_ tensor: Tensor<Double>) -> Tensor<Double> {
    Tensor(tensor.elements.map(abs), shape: tensor.shape)
  }

  private func extent(_ lengths: [Int]) -> Extent2d { Extent2d(height: lengths[0], width: lengths[1]) }

  private func checkTransposed<Element: TensorElement>(
    _ type: Element.Type, _ parity: ParityCase<TransposedConvolutionSettings>
  ) {
    let settings = parity.settings
    let window = Window(
      extent(settings.size), stride: extent(settings.stride), padding: extent(settings.padding),
      dilation: extent(settings.dilation))
    let names = ["x", "weight"] + (settings.bias ? ["bias"] : [])
    func run<Other: TensorElement>(_ read: (String) -> Tensor<Other>) -> Results<Other> {
      results(Dictionary(uniqueKeysWithValues: names.map { ($0, read($0)) }), dy: read("dy")) {
        $0["x"]!.transposedConvolved(
          weight: $0["weight"]!, bias: $0["bias"], window: window, outputPadding: extent(settings.outputPadding),
          groups: settings.groups)
      }
    }
    let found = run { parity.input($0, Element.self) }
    var bounds = run { magnitudes(parity.input($0)) }
    let (x, weight) = (parity.input("x", Double.self), parity.input("weight", Double.self))
    let area = window.size.height * window.size.width
    var terms = [
      "y": area * weight.shape[0] / settings.groups + 1, "dx": area * weight.shape[1], "dweight": x.shape.rowCount,
      "dbias": (found["y"]?.shape.rowCount ?? 0) + 1,
    ]
    // Where the convolution that it is the gradient of is computed from transformed tiles, so is this.
    if let tiled = TiledMagnitudes(window: window, groups: settings.groups, weight: weight) {
      let (x, dy, weight) = (magnitudes(x), magnitudes(parity.input("dy")), magnitudes(weight))
      let bias = settings.bias ? magnitudes(parity.input("bias")) : .zeros([settings.outputs])
      bounds["y"] = tiled.inputGradient(of: x, weight: weight).applying(.add, bias, broadcast: .perChannel)
      bounds["dx"] = tiled.output(of: dy, weight: weight)
      bounds["dweight"] = tiled.weightGradient(of: x, input: dy)
      (terms["y"], terms["dx"]) = (weight.shape[0] + 13, weight.shape[1] + 12)
      terms["dweight"]! += 9
    }
    for name in ["y"] + names.map({ "d\($0)" }) {
      expect(found[name], parity.expected(name), terms: terms[name]!, bounds[name], name)
    }
  }

  @Test(arguments: transposedCases)
  func transposedConvolutionsArePyTorchs(parity: ParityCase<TransposedConvolutionSettings>) {
    checkTransposed(Double.self, parity)
    checkTransposed(Float.self, parity)
  }

  private func checkSignal<Element: TensorElement>(_ type: Element.Type, _ parity: ParityCase<SignalSettings>) {
    let settings = parity.settings
    let window = Window(
      length: settings.size, stride: settings.stride, padding: settings.padding, dilation: settings.dilation)
    let names =
      settings.operation == "convolution" ? ["x", "weight"] + (settings.bias ? ["bias"] : []) : ["x"]
    func run<Other: TensorElement>(_ read: (String) -> Tensor<Other>) -> Results<Other> {
      results(Dictionary(uniqueKeysWithValues: names.map { ($0, read($0)) }), dy: read("dy")) {
        let x = $0["x"]!
        switch settings.operation {
        case "max": return x.maxPooledAlongSignals(window)
        case "average": return x.averagePooledAlongSignals(window, countsPadding: settings.countIncludePad ?? true)
        default:
          return x.convolved(weight: $0["weight"]!, bias: $0["bias"], window: window, groups: settings.groups)
        }
      }
    }
    let found = run { parity.input($0, Element.self) }
    // Where the largest are, the values themselves say.
    let isMaximum = settings.operation == "max"
    let bounds = run { isMaximum && $0 == "x" ? parity.input($0) : magnitudes(parity.input($0)) }
    if isMaximum { #expect(haveSameBits(found["y"]!, parity.expected("y").converted())) }
    let terms =
      settings.size * settings.shape[2] * max(1, settings.outputs ?? 1) + settings.shape[0] * settings.shape[1]
    for name in (isMaximum ? [] : ["y"]) + names.map({ "d\($0)" }) {
      expect(found[name], parity.expected(name), terms: terms, bounds[name], name)
    }
  }

  @Test(arguments: signalCases) func signalsArePyTorchs(parity: ParityCase<SignalSettings>) {
    #expect(["convolution", "max", "average"].contains(parity.settings.operation))
    checkSignal(Double.self, parity)
    checkSignal(Float.self, parity)
  }

  private func checkResizing<Element: TensorElement>(_ type: Element.Type, _ parity: ParityCase<ResizingSettings>) {
    let settings = parity.settings
    let size = extent(settings.size)
    func run<Other: TensorElement>(_ read: (String) -> Tensor<Other>) -> Results<Other> {
      results(["x": read("x")], dy: read("dy")) {
        let x = $0["x"]!
        switch settings.operation {
        case "adaptive_average": return x.adaptivelyAveragePooled(to: size)
        case "adaptive_max": return x.adaptivelyMaxPooled(to: size)
        case "nearest": return x.resampled(to: size)
        default: return x.resampled(to: size, .bilinear(alignsCorners: settings.alignCorners ?? false))
        }
      }
    }
    let found = run { parity.input($0, Element.self) }
    let isMaximum = settings.operation == "adaptive_max"
    let bounds = run { isMaximum && $0 == "x" ? parity.input($0) : magnitudes(parity.input($0)) }
    let isExact = isMaximum || settings.operation == "nearest"
    if isExact { #expect(found["y"] == parity.expected("y").converted()) }
    // Of one value of an image all results, or of one result all values: more terms there cannot be. Each passes a weight's rounding
    // and a product's, along both axes, besides.
    let terms = max(settings.shape[1] * settings.shape[2], size.height * size.width) + 4
    // PyTorch finds places, below 16, with three roundings, which are off in both weights along both axes: this much of a value.
    let places = settings.operation == "bilinear" ? 4 * 3 * 16 * Double.unitRoundoff : 0
    let (x, dy) = (parity.input("x", Double.self), parity.input("dy", Double.self))
    if !isExact {
      let largest = magnitudes(x).maximum() ?? 0
      expect(found["y"], parity.expected("y"), terms: terms, bounds["y"], beside: places * largest, "y")
    }
    let sum = Double(size.height * size.width) * (magnitudes(dy).maximum() ?? 0)
    expect(found["dx"], parity.expected("dx"), terms: terms, bounds["dx"], beside: places * sum, "dx")
  }

  @Test(arguments: resizingCases) func imagesOfOtherSizesArePyTorchs(parity: ParityCase<ResizingSettings>) {
    #expect(["adaptive_average", "adaptive_max", "nearest", "bilinear"].contains(parity.settings.operation))
    checkResizing(Double.self, parity)
    checkResizing(Float.self, parity)
  }

  private func checkEmbedding<Element: TensorElement>(
    _ type: Element.Type, _ parity: ParityCase<ChannelSettings>
  ) throws {
    func run<Other: TensorElement>(_ read: (String) -> Tensor<Other>) throws -> Results<Other> {
      let indices = Variable(read("x"))
      return try results(["weight": read("weight")], dy: read("dy")) { try indices.embedded(in: $0["weight"]!) }
    }
    let found = try run { parity.input($0, Element.self) }
    #expect(haveSameBits(found["y"]!, parity.expected("y").converted()))
    let bounds = try run { magnitudes(parity.input($0)) }
    expect(
      found["dweight"], parity.expected("dweight"), terms: parity.settings.shape.reduce(1, *), bounds["dweight"],
      "dweight")
  }

  @Test(arguments: channelCases.filter { $0.settings.operation == "embedding" })
  func vectorsByTheirIndicesArePyTorchs(parity: ParityCase<ChannelSettings>) throws {
    try checkEmbedding(Double.self, parity)
    try checkEmbedding(Float.self, parity)
  }

  @Test func theFixturesHaveEveryKindOfCase() {
    let settings = Self.transposedCases.map(\.settings)
    #expect(settings.contains { $0.groups > 1 && $0.groups == $0.shape[3] && $0.groups == $0.outputs })
    #expect(settings.contains { $0.outputPadding[0] >= $0.stride[0] && $0.padding[0] > 0 })
    #expect(settings.contains { $0.shape[3] > 16 && $0.outputs > 16 })
    #expect(Set(settings.map(\.bias)).count == 2)
    #expect(Set(Self.signalCases.map(\.settings.countIncludePad)) == [nil, true, false])
    #expect(Set(Self.resizingCases.map(\.settings.alignCorners)) == [nil, true, false])
    #expect(Self.channelCases.contains { $0.settings.operation == "embedding" && $0.settings.shape.count == 3 })
  }
}
