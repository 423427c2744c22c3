import NormaNormalization
import NormaTensor
import TestSupport
import Testing

/// Normalizations on half width: the bits of expanding the whole tensor, normalizing, and rounding what comes out.
@Suite struct HalfWidthTests {
  private static func numbers(_ shape: Shape, _ precision: HalfPrecision, _ seed: UInt64, offset: Float = 0)
    -> HalfTensor
  {
    var random = RandomGenerator(seed: seed)
    return (offset + Tensor<Float>.normal(shape, using: &random)).rounded(to: precision)
  }

  private static func vector(_ count: Int, _ seed: UInt64) -> Tensor<Float> {
    var random = RandomGenerator(seed: seed)
    return Tensor<Float>.normal([count], using: &random)
  }

  /// Few channels, which are folded, whole vectors of them and not, many; rows that fill blocks and tickets and do not.
  private static let shapes: [Shape] = [
    [1, 16], [2, 1], [7, 3], [300, 1], [5000, 3], [4097, 5], [65, 16], [3000, 16], [129, 20], [1500, 33], [200, 64],
    [70, 100], [900, 130], [40, 255], [512, 256], [700, 256], [130, 300], [513, 515], [66, 1030], [3, 2049],
    [4, 5, 5, 7], [2, 33, 3, 24],
  ]

  private static func expectSame(
    _ found: HalfWidthGradients, _ expected: NormalizationGradients<Float>, _ precision: HalfPrecision, _ what: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(found.input == expected.input.rounded(to: precision), "\(what)", sourceLocation: sourceLocation)
    #expect(haveSameBits(found.gamma, expected.gamma), "\(what)", sourceLocation: sourceLocation)
    #expect(haveSameBits(found.beta, expected.beta), "\(what)", sourceLocation: sourceLocation)
  }

  private static func expectSame(
    _ found: NormalizationGradients<Float>, _ expected: NormalizationGradients<Float>, _ what: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(haveSameBits(found.input, expected.input), "\(what)", sourceLocation: sourceLocation)
    #expect(haveSameBits(found.gamma, expected.gamma), "\(what)", sourceLocation: sourceLocation)
    #expect(haveSameBits(found.beta, expected.beta), "\(what)", sourceLocation: sourceLocation)
  }

  private static func checkBatch(
    _ x: HalfTensor, _ g: HalfTensor, layout: ChannelLayout = .channelsLast, rectifies: Bool = false,
    scope: StatisticsScope = .batch, weights: Tensor<Float>? = nil, excluded: ExcludedOutput = .zero,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let channels = layout == .channelsLast ? x.shape.channelCount : x.shape[1]
    let (gamma, beta) = (vector(channels, 5), vector(channels, 6))
    let what = "\(x.precision) \(x.shape) \(layout) \(rectifies) \(scope)"
    let (wide, wideGradient): (Tensor<Float>, Tensor<Float>) = (x.widened(), g.widened())
    let found = try BatchNormalization.forward(
      x, gamma: gamma, beta: beta, layout: layout, rectifies: rectifies, allowsSingleValue: true, scope: scope,
      weights: weights, excluded: excluded)
    let expected = try BatchNormalization.forward(
      wide, gamma: gamma, beta: beta, layout: layout, rectifies: rectifies, allowsSingleValue: true, scope: scope,
      weights: weights, excluded: excluded)
    #expect(found.output == expected.output.rounded(to: x.precision), "\(what)", sourceLocation: sourceLocation)
    #expect(
      haveSameBits(found.saved.moments.mean, expected.saved.moments.mean), "\(what)", sourceLocation: sourceLocation)
    #expect(
      haveSameBits(found.saved.moments.centredSecondMoment, expected.saved.moments.centredSecondMoment), "\(what)",
      sourceLocation: sourceLocation)
    #expect(
      haveSameBits(BatchNormalization.output(for: x, saved: found.saved), expected.output), "\(what)",
      sourceLocation: sourceLocation)
    let gradients = BatchNormalization.backward(wideGradient, input: wide, saved: expected.saved)
    expectSame(
      BatchNormalization.backward(g, input: x, saved: found.saved), gradients, g.precision, what,
      sourceLocation: sourceLocation)
    expectSame(
      BatchNormalization.backward(wideGradient, input: x, saved: found.saved), gradients, what,
      sourceLocation: sourceLocation)
    let (mean, variance) = (vector(channels, 7), vector(channels, 8).applying(.square))
    let inferred = BatchNormalization.inference(
      wide, mean: mean, variance: variance, gamma: gamma, beta: beta, layout: layout, rectifies: rectifies)
    #expect(
      BatchNormalization.inference(
        x, mean: mean, variance: variance, gamma: gamma, beta: beta, layout: layout, rectifies: rectifies)
        == inferred.rounded(to: x.precision), "\(what)", sourceLocation: sourceLocation)
  }

  @Test(arguments: HalfPrecision.allCases) func batchNormalizationHasTheBitsOfFullWidth(precision: HalfPrecision) throws
  {
    for (number, shape) in Self.shapes.enumerated() {
      let x = Self.numbers(shape, precision, UInt64(number), offset: number % 3 == 0 ? 30 : 0)
      let g = Self.numbers(shape, number % 2 == 0 ? precision : .bfloat16, UInt64(100 + number))
      try Self.checkBatch(x, g, rectifies: number % 2 == 1)
    }
  }

  @Test(arguments: HalfPrecision.allCases) func planesHaveTheBitsOfFullWidth(precision: HalfPrecision) throws {
    for (number, shape) in [[2, 3, 7, 9], [5, 16, 4, 4], [3, 5, 70, 70], [1, 40, 33], [6, 1, 1, 1]].enumerated() {
      let x = Self.numbers(Shape(shape), precision, UInt64(number))
      try Self.checkBatch(
        x, Self.numbers(x.shape, precision, UInt64(50 + number)), layout: .channelsFirst, rectifies: number % 2 == 0)
    }
  }

  @Test(arguments: HalfPrecision.allCases) func selectedRowsHaveTheBitsOfFullWidth(precision: HalfPrecision) throws {
    var random = RandomGenerator(seed: 9)
    for (number, shape) in ([[6, 50, 3], [8, 90, 16], [40, 33], [600, 20], [5, 80, 256], [1200, 5]] as [[Int]])
      .enumerated()
    {
      let x = Self.numbers(Shape(shape), precision, UInt64(number))
      let g = Self.numbers(x.shape, precision, UInt64(60 + number))
      let rows = x.shape.rowCount
      let mask = Tensor<Float>((0..<rows).map { _ in Float.random(in: 0..<1, using: &random) < 0.4 ? 0 : 1 }).reshaped(
        to: Shape(shape.dropLast()))
      try Self.checkBatch(x, g, rectifies: number % 2 == 0, weights: mask, excluded: number % 2 == 0 ? .beta : .zero)
      let uneven = Tensor<Float>((0..<rows).map { _ in Float(Int.random(in: 0..<3, using: &random)) }).reshaped(
        to: Shape(shape.dropLast()))
      try Self.checkBatch(x, g, weights: uneven)
      try Self.checkBatch(x, g, scope: .ghosts(ofSize: 4))
      try Self.checkBatch(x, g, scope: .parts(3))
      let planes = Self.numbers([4, 3, 5, 7], precision, 77)
      let places = Tensor<Float>((0..<140).map { _ in Float(Int.random(in: 0..<2, using: &random)) }, shape: [4, 5, 7])
      try Self.checkBatch(planes, planes, layout: .channelsFirst, weights: places)
    }
  }

  @Test(arguments: HalfPrecision.allCases) func rowsOfTheirOwnHaveTheBitsOfFullWidth(precision: HalfPrecision) {
    for (number, shape) in Self.shapes.enumerated() {
      let channels = shape.channelCount
      let x = Self.numbers(shape, precision, UInt64(number), offset: number % 3 == 0 ? 30 : 0)
      let g = Self.numbers(shape, number % 2 == 0 ? precision : .float16, UInt64(100 + number))
      let (gamma, beta) = (Self.vector(channels, 5), Self.vector(channels, 6))
      let (wide, wideGradient): (Tensor<Float>, Tensor<Float>) = (x.widened(), g.widened())
      let layer = LayerNormalization.forward(x, gamma: gamma, beta: beta)
      let wideLayer = LayerNormalization.forward(wide, gamma: gamma, beta: beta)
      #expect(layer.output == wideLayer.output.rounded(to: precision), "\(shape)")
      let ofLayer = LayerNormalization.backward(wideGradient, input: wide, saved: wideLayer.saved)
      Self.expectSame(
        LayerNormalization.backward(g, input: x, saved: layer.saved), ofLayer, g.precision, "layer \(shape)")
      Self.expectSame(
        LayerNormalization.backward(wideGradient, input: x, saved: layer.saved), ofLayer, "layer \(shape)")
      let rms = RMSNormalization.forward(x, gamma: gamma)
      let wideRMS = RMSNormalization.forward(wide, gamma: gamma)
      #expect(rms.output == wideRMS.output.rounded(to: precision), "\(shape)")
      let ofRMS = RMSNormalization.backward(wideGradient, input: wide, saved: wideRMS.saved)
      Self.expectSame(RMSNormalization.backward(g, input: x, saved: rms.saved), ofRMS, g.precision, "RMS \(shape)")
      Self.expectSame(RMSNormalization.backward(wideGradient, input: x, saved: rms.saved), ofRMS, "RMS \(shape)")
    }
  }

  /// Values that single precision does not hold once they are squared, constant channels and rows, and what is no number.
  @Test func numbersThatAreLeftToTheDefinitionHaveTheBitsOfFullWidth() throws {
    for (number, shape) in ([[300, 5], [200, 40], [70, 300], [9, 4, 24]] as [Shape]).enumerated() {
      let channels = shape.channelCount
      var random = RandomGenerator(seed: UInt64(number))
      var wide = Tensor<Float>.normal(shape, using: &random)
      wide.withUnsafeMutableElements { wide in
        for place in wide.indices {
          switch place % channels % 5 {
          case 0: wide[place] *= 1e30
          case 1: wide[place] = 7
          case 2: wide[place] *= 1e-30
          default: break
          }
          if place / channels % 7 == 3 { wide[place] *= 1e-25 }
        }
        if number == 3 { wide[5] = .nan }
      }
      let x = wide.rounded(to: .bfloat16)
      let g = Self.numbers(shape, .bfloat16, UInt64(40 + number))
      if number < 3 { try Self.checkBatch(x, g, rectifies: number == 1) }
      wide = x.widened()
      let layer = LayerNormalization.forward(x, epsilon: 0), wideLayer = LayerNormalization.forward(wide, epsilon: 0)
      #expect(haveSameBits(layer.output.widened(), wideLayer.output.rounded(to: .bfloat16).widened() as Tensor<Float>))
      let gradient: Tensor<Float> = g.widened()
      Self.expectSame(
        LayerNormalization.backward(gradient, input: x, saved: layer.saved),
        LayerNormalization.backward(gradient, input: wide, saved: wideLayer.saved), "\(shape)")
      let rms = RMSNormalization.forward(x), wideRMS = RMSNormalization.forward(wide)
      #expect(haveSameBits(rms.output.widened(), wideRMS.output.rounded(to: .bfloat16).widened() as Tensor<Float>))
    }
  }

  @Test func theBitsDoNotDependOnProcessorsOrThreads() throws {
    let x = Self.numbers([3000, 24], .float16, 1), g = Self.numbers([3000, 24], .float16, 2)
    func run() throws -> (HalfTensor, HalfTensor, HalfTensor, HalfTensor) {
      let batch = try BatchNormalization.forward(x, rectifies: true), layer = LayerNormalization.forward(x)
      return (
        batch.output, BatchNormalization.backward(g, input: x, saved: batch.saved).input, layer.output,
        LayerNormalization.backward(g, input: x, saved: layer.saved).input
      )
    }
    let expected = try run()
    for (name, found) in try resultsByKernels({ try resultsByThreadCount(run) }) {
      for found in found { #expect(found == expected, "\(name)") }
    }
  }

  @Test func emptyBatchesAndSingleValuesAreTreatedAsInFullWidth() throws {
    let empty = Self.numbers([0, 4], .bfloat16, 1)
    #expect(try BatchNormalization.forward(empty).output.count == 0)
    #expect(LayerNormalization.forward(empty).output.count == 0)
    let rms = RMSNormalization.forward(empty)
    #expect(RMSNormalization.backward(empty, input: empty, saved: rms.saved).gamma == .zeros([4]))
    #expect(throws: NormalizationError.self) { try BatchNormalization.forward(Self.numbers([1, 4], .float16, 1)) }
  }
}
