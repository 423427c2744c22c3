import NormaConvolution
import NormaGraph
import NormaTensor
import TestSupport
import Testing

/// Gradients of activations that are kept in half width.
@Suite struct KeptActivationTests {
  /// A tensor of a shape, of numbers around 1.
  private static func numbers<Element: TensorElement>(_ shape: Shape, _ seed: UInt64) -> Tensor<Element> {
    var random = RandomGenerator(seed: seed)
    return Tensor<Element>.normal(shape, using: &random)
  }

  @Test(arguments: HalfPrecision.allCases)
  func resultsAreTheSameAndGradientsThoseOfTheRoundedActivations(precision: HalfPrecision) {
    let x: Tensor<Float> = Self.numbers([5, 7], 1)
    let (first, second): (Tensor<Float>, Tensor<Float>) = (Self.numbers([6, 7], 2), Self.numbers([3, 6], 3))
    func run(_ graph: Graph<Float>) -> (output: Tensor<Float>, first: Tensor<Float>, second: Tensor<Float>) {
      let (w, v) = (graph.parameter(first, name: "w"), graph.parameter(second, name: "v"))
      let output = Variable(x).linear(weight: w, bias: nil).hyperbolicTangent().linear(weight: v, bias: nil)
      let gradients = graph.gradients(of: output)
      return (output.value, gradients[w], gradients[v])
    }
    let (exact, kept) = (run(Graph()), run(Graph(keptActivations: precision)))
    #expect(kept.output == exact.output)
    // What tanh keeps is what the second product keeps, rounded; weights and the batch are as they are.
    let hidden = x.matrixProduct(first, transposingOther: true).applying(.hyperbolicTangent)
    let rounded: Tensor<Float> = hidden.rounded(to: precision).widened()
    let g = Tensor<Float>.ones([5, 3])
    #expect(kept.second == g.matrixProduct(rounded, transposingSelf: true))
    let inner = rounded.applying(.hyperbolicTangentGradient, g.matrixProduct(second))
    #expect(kept.first == inner.matrixProduct(x, transposingSelf: true))
    #expect(kept.second != exact.second)
  }

  @Test func weightsThatAreComputedAndVectorsKeepTheirWidth() throws {
    let x: Tensor<Float> = Self.numbers([40, 6], 4)
    let (v, gamma): (Tensor<Float>, Tensor<Float>) = (Self.numbers([5, 6], 5), Self.numbers([5], 6))
    func gradients(_ graph: Graph<Float>) throws -> [Tensor<Float>] {
      let (v, gamma) = (graph.parameter(v, name: "v"), graph.parameter(gamma, name: "gamma"))
      let input = graph.input(x, name: "x")
      let weight = v.rmsNormalized().scaled(by: 0.7)
      let scale = gamma.squared()
      let output = input.linear(weight: weight, bias: scale)
      let gradients = graph.gradients(of: output)
      return [gradients[input], gradients[v], gradients[gamma]]
    }
    #expect(try gradients(Graph(keptActivations: .bfloat16)) == gradients(Graph()))
  }

  /// Pooling looks for the largest of what it finds again: each gradient goes to one place, or to several that are alike.
  @Test(arguments: [false, true]) func aPoolingHandsOnAllOfItsGradient(isRecomputed: Bool) throws {
    let x: Tensor<Float> = Self.numbers([4, 6, 6, 3], 7)
    for adaptive in [false, true] {
      let graph = Graph<Float>(keptActivations: .bfloat16)
      let input = graph.input(x, name: "x")
      let y = try input.scaled(by: 3).batchNormalized(isRecomputed: isRecomputed).output.named("y")
      let pooled =
        adaptive ? y.adaptivelyMaxPooled(to: Extent2d(height: 3, width: 3)) : y.maxPooled(Window(2, stride: 2))
      let ofInput = graph.gradients(of: pooled)[input]
      #expect(ofInput.elements.contains { $0 != 0 })
      // The gradient of what is pooled, had by way of a sum before it.
      let other = graph.input(.zeros(x.shape), name: "other")
      let result =
        adaptive
        ? (y + other).adaptivelyMaxPooled(to: Extent2d(height: 3, width: 3))
        : (y + other).maxPooled(Window(2, stride: 2))
      let found = graph.gradients(of: result)[other].elements
      #expect(found.reduce(0, +) == Float(4 * 3 * 3 * 3))
    }
  }

  @Test func indicesAreNotRounded() throws {
    let graph = Graph<Float>(keptActivations: .bfloat16)
    let indices = graph.input(Tensor([1, 257, 515, 999], shape: [2, 2]), name: "indices").scaled(by: 1)
    let table = graph.parameter(Tensor<Float>.zeros([1000, 2]), name: "table")
    let gradient = graph.gradients(of: try indices.embedded(in: table))[table]
    for row in 0..<1000 { #expect(gradient[row, 0] == ([1, 257, 515, 999].contains(row) ? 1 : 0)) }
  }

  /// The pool counts one half-width copy, however many operations keep a variable or a view of it.
  @Test func operationsShareOneCopy() async {
    await #expect(processExitsWith: .success) {
      let x: Tensor<Float> = Self.numbers([64, 1024], 8)
      func kept(_ precision: HalfPrecision?, _ body: (Variable<Float>) -> Variable<Float>) -> Int {
        let before = BufferPool.shared.usage.inUse
        let graph = Graph<Float>(keptActivations: precision)
        let result: Variable<Float>
        do { result = body(graph.input(x, name: "x").scaled(by: 2)).sum() }
        defer { withExtendedLifetime((graph, result)) {} }
        return BufferPool.shared.usage.inUse - before
      }
      func uses(_ y: Variable<Float>) -> Variable<Float> {
        y.squared().sum() + y.exponential().multiplied(by: Variable(.zeros([64, 1024]))).sum()
          + (y * y).sum() + y.reshaped(to: [1024, 64]).absoluteValue().sum()
      }
      let size = 64 * 1024 * 4
      _ = kept(nil, uses)
      let (full, half) = (kept(nil, uses), kept(.float16, uses))
      // The variable itself, and the result of the exponential; and the constant.
      #expect(abs(full - 3 * size) < size / 8)
      #expect(abs(half - 2 * size) < size / 8)
    }
  }

  /// A gradient has the error of what it is computed from: each number is off by 2⁻⁹ or 2⁻¹² of itself, and sums of many by less.
  @Test func gradientsOfNetworksAreOffByTheRoundingOfTheirActivations() throws {
    let x: Tensor<Double> = Self.numbers([6, 8, 8, 3], 9)
    let weights: [Tensor<Double>] = [Self.numbers([8, 3, 3, 3], 10), Self.numbers([8, 8, 3, 3], 11)]
    func gradients(_ precision: HalfPrecision?, isRecomputed: Bool) throws -> [Tensor<Double>] {
      let graph = Graph<Double>(keptActivations: precision)
      let parameters = weights.enumerated().map { graph.parameter($1, name: "\($0)") }
      let window = Window(3, padding: 1)
      var y = try Variable(x).convolved(weight: parameters[0], window: window)
        .batchNormalized(rectifies: true, isRecomputed: isRecomputed).output
      y = try y.convolved(weight: parameters[1], window: window).batchNormalized(isRecomputed: isRecomputed).output
        .gelu()
      let found = graph.gradients(of: (y * y).globallyAveraged().sum())
      return parameters.map { found[$0] }
    }
    let exact = try gradients(nil, isRecomputed: false)
    for (precision, digits) in [(HalfPrecision.bfloat16, 0x1p-9), (.float16, 0x1p-12)] {
      for isRecomputed in [false, true] {
        for (found, expected) in zip(try gradients(precision, isRecomputed: isRecomputed), exact) {
          func length(_ x: Tensor<Double>) -> Double { x.elements.reduce(0) { $0 + $1 * $1 }.squareRoot() }
          let error = length(found - expected) / length(expected)
          // Some ten roundings on the way, none of which all others agree with.
          #expect(error > 0 && error < 10 * digits, "\(precision): \(error / digits)")
        }
      }
    }
  }

  /// The same bits on every instruction set and with every number of threads.
  @Test func theBitsDoNotDependOnProcessorsOrThreads() throws {
    let x: Tensor<Float> = Self.numbers([4, 9, 9, 16], 12)
    let weight: Tensor<Float> = Self.numbers([16, 16, 3, 3], 13)
    func gradients() throws -> [Tensor<Float>] {
      let graph = Graph<Float>(keptActivations: .float16)
      let (input, w) = (graph.input(x, name: "x"), graph.parameter(weight, name: "w"))
      let y = try input.convolved(weight: w, window: Window(3, padding: 1))
        .batchNormalized(rectifies: true, isRecomputed: true).output.convolved(weight: w, window: Window(3))
        .layerNormalized().relu()
      let found = graph.gradients(of: y, seed: Self.numbers(y.shape, 14))
      return [found[input], found[w]]
    }
    let expected = try gradients()
    for (name, found) in try resultsByKernels({ try resultsByThreadCount(gradients) }) {
      for found in found { #expect(zip(found, expected).allSatisfy { haveSameBits($0, $1) }, "\(name)") }
    }
  }
}
