import NormaNormalization
import NormaTensor
import TestSupport
import Testing

@Suite struct LayerNormalizationTests {
  /// Holds layer normalization to batch normalization by plain loops of the transposed matrix: rows are its channels.
  /// There gamma belongs to what is a row here, so it is multiplied before and after.
  private func check<Element: TensorElement>(
    _ type: Element.Type, _ shape: Shape, mean: Double = 0.5, deviation: Double = 2, affine: Bool = true
  ) {
    let inputs = BatchNormalizationTests.Inputs<Element>(shape, mean: mean, deviation: deviation)
    let (rows, channels) = (shape.rowCount, shape.channelCount)
    let (output, normalized) = LayerNormalization.forward(
      inputs.x, gamma: affine ? inputs.gamma : nil, beta: affine ? inputs.beta : nil)
    let gradients = LayerNormalization.backward(
      inputs.gradient, input: inputs.x, saved: normalized)

    let gamma = affine ? inputs.gamma.elements.map { Double($0) } : Array(repeating: 1, count: channels)
    let beta = affine ? inputs.beta.elements.map { Double($0) } : Array(repeating: 0, count: channels)
    let x = inputs.x.reshaped(to: [rows, channels]).transposed([1, 0])
    let reference = ReferenceBatchNormalization(x)
    let g = inputs.gradient.elements.map { Double($0) }
    let scaled = Tensor<Double>(g.indices.map { g[$0] * gamma[$0 % channels] }, shape: [rows, channels])
    let expected = reference.gradients(scaled.transposed([1, 0]))
    /// The place of this tensor's element (row, channel) in the reference.
    func place(_ index: Int) -> Int { index % channels * rows + index / channels }

    let outputs = g.indices.map { gamma[$0 % channels] * reference.normalized[place($0)] + beta[$0 % channels] }
    let factors = zip(reference.outputBound, reference.normalized).map { $0 / (2 * abs($1) + 1) }
    let outputBounds = g.indices.map { index in
      factors[place(index)]
        * (abs(gamma[index % channels]) * (abs(reference.normalized[place(index)]) + 1) + abs(outputs[index]))
    }
    #expect(errorOverBound(output, reference: outputs, bound: outputBounds) <= 1)
    #expect(
      errorOverBound(
        gradients.input, reference: g.indices.map { expected.input[place($0)] },
        bound: g.indices.map { expected.inputBound[place($0)] }) <= 1)

    var (gammaSums, betaSums) = (Array(repeating: 0.0, count: channels), Array(repeating: 0.0, count: channels))
    var (gammaBounds, betaBounds) = (gammaSums, betaSums)
    // Each sum has a term a row, in double precision on both sides but for the kernels' blocks.
    let addition =
      Double(rows + 1) * Double.unitRoundoff + Element.unitRoundoff
      + NormalizationBounds.blockError(unit: Element.unitRoundoff)
    for index in g.indices {
      let (channel, xHat) = (index % channels, reference.normalized[place(index)])
      gammaSums[channel] += g[index] * xHat
      gammaBounds[channel] += abs(g[index]) * (factors[place(index)] * (abs(xHat) + 1) + 2 * addition * abs(xHat))
      betaSums[channel] += g[index]
      betaBounds[channel] += 2 * addition * abs(g[index])
    }
    #expect(errorOverBound(gradients.gamma, reference: gammaSums, bound: gammaBounds) <= 1)
    #expect(errorOverBound(gradients.beta, reference: betaSums, bound: betaBounds) <= 1)
  }

  @Test(arguments: [
    [1, 2], [3, 1], [4, 5], [33, 17], [2, 3, 4, 5], [700, 31], [21, 64], [19, 65], [3, 20_000],
  ])
  func resultsAreThoseOfPlainLoopsToTheRoundingOfTheirType(shape: [Int]) {
    for affine in [true, false] {
      check(Float.self, Shape(shape), affine: affine)
      check(Double.self, Shape(shape), affine: affine)
    }
  }

  @Test(arguments: [(1e4, 0.1), (1e6, 1), (0, 1e6)])
  func extremeMeansAndDeviationsCostNoDigits(mean: Double, deviation: Double) {
    check(Float.self, [13, 257], mean: mean, deviation: deviation)
    check(Double.self, [13, 257], mean: mean, deviation: deviation)
  }

  @Test func aConstantRowBecomesBetaExactly() {
    let x = Tensor<Float>(repeating: 0.1, shape: [2, 3])
    let beta = Tensor<Float>([1, 2, 3])
    let (output, rows) = LayerNormalization.forward(x, beta: beta)
    #expect(output.elements == [1, 2, 3, 1, 2, 3])
    #expect(LayerNormalization.backward(.ones([2, 3]), input: x, saved: rows).input == .zeros([2, 3]))
  }

  @Test func anEmptyBatchGivesAnEmptyOutputAndGradientsOfZero() {
    let x = Tensor<Float>.zeros([0, 3])
    let (output, rows) = LayerNormalization.forward(x, gamma: .ones([3]))
    #expect(output == x)
    let gradients = LayerNormalization.backward(x, input: x, saved: rows)
    #expect(gradients.input == x && gradients.gamma == .zeros([3]) && gradients.beta == .zeros([3]))
  }

  @Test(arguments: [3, 16, 50, 64, 100, 257, 768])
  func aRowHasTheSameBitsWhateverRowsAreBesideIt(channels: Int) {
    let inputs = BatchNormalizationTests.Inputs<Float>([37, channels])
    func run(_ rows: Range<Int>) -> [Tensor<Float>] {
      let x = inputs.x[rows: rows]
      let (output, statistics) = LayerNormalization.forward(x, gamma: inputs.gamma, beta: inputs.beta)
      let gradients = LayerNormalization.backward(
        inputs.gradient[rows: rows], input: x, saved: statistics)
      return [output, gradients.input]
    }
    let together = run(0..<37)
    for row in [0, 15, 16, 36] {
      for (alone, all) in zip(run(row..<row + 1), together) {
        #expect(haveSameBits(alone, all[rows: row..<row + 1]), "row \(row) of \(channels) channels")
      }
    }
  }

  @Test func resultsHaveTheSameBitsForEveryThreadCount() {
    let inputs = BatchNormalizationTests.Inputs<Float>([513, 129])
    let results = resultsByThreadCount {
      let (output, rows) = LayerNormalization.forward(inputs.x, gamma: inputs.gamma, beta: inputs.beta)
      let gradients = LayerNormalization.backward(inputs.gradient, input: inputs.x, saved: rows)
      return [output, gradients.input, gradients.gamma, gradients.beta]
    }
    for result in results { #expect(zip(result, results[0]).allSatisfy { haveSameBits($0, $1) }) }
  }
}
