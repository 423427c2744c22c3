import NormaConvolution
import NormaTensor
import TestSupport
import Testing

/// Convolution against products summed one by one in double precision.
///
/// A sum of k terms is off by at most k·u·Σ|terms| in any order (Higham 2002, equation 3.5), u being the unit roundoff of the
/// element type; one in chunks of 256 terms by as many roundings as a term passes: those of its chunk, then one for each chunk.
/// 3×3 windows in steps of one are computed from transformed tiles, where a value passes twelve additions besides, and the terms are
/// those of ``TiledMagnitudes``.
@Suite struct ConvolutionTests {
  private func expectNear<Element: TensorElement>(
    _ found: Tensor<Element>, _ expected: Tensor<Double>, roundings: Int, _ magnitudes: Tensor<Double>, _ what: String
  ) {
    #expect(found.shape == expected.shape, "\(what)")
    // The reference is rounded too, term by term in double precision.
    let unit = Element.unitRoundoff + 40 * Double.unitRoundoff
    let bound = magnitudes.elements.map { 1.001 * Double(roundings) * unit * $0 }
    let ratio = errorOverBound(found, reference: expected.elements, bound: bound)
    #expect(ratio <= 1, "\(what) in \(Element.self)")
  }

  /// The roundings that a term passes in a sum of so many, bias included.
  private func roundings(terms: Int) -> Int { min(terms, 256) + (terms + 255) / 256 + 1 }

  private func check(_ test: ConvolutionCase, seed: UInt64) {
    let inputs = ConvolutionInputs<Double>(ConvolutionInputs<Float>(test, seed: seed))
    let reference = ConvolutionReference(test: test)
    let (expected, magnitudes) = (reference.results(inputs), reference.magnitudes(inputs))
    func check<Element: TensorElement>(_ found: ConvolutionResults<Element>) {
      let isTiled = TiledMagnitudes(window: test.window, groups: test.groups, weight: inputs.weight) != nil
      let (taps, around) = isTiled ? (1, 12) : (test.area, 0)
      expectNear(
        found.output, expected.output, roundings: roundings(terms: taps * test.weight[1]) + around, magnitudes.output,
        "output of \(test)")
      expectNear(
        found.inputGradient, expected.inputGradient,
        roundings: roundings(terms: taps * test.weight[0] / test.groups) + around, magnitudes.inputGradient,
        "input of \(test)")
      expectNear(
        found.weightGradient, expected.weightGradient, roundings: test.output.rowCount + around,
        magnitudes.weightGradient, "weight of \(test)")
    }
    check(ConvolutionResults(test, ConvolutionInputs<Float>(inputs)))
    check(ConvolutionResults(test, inputs))
  }

  @Test(arguments: 0..<150) func randomConvolutionsKeepToTheirBounds(seed: UInt64) {
    check(ConvolutionCase(seed: seed), seed: seed)
  }

  @Test(arguments: ConvolutionCase.ofNetworks.indices) func convolutionsOfNetworksKeepToTheirBounds(index: Int) {
    check(ConvolutionCase.ofNetworks[index], seed: UInt64(index))
  }

  @Test(arguments: 0..<60) func tiledConvolutionsKeepToTheirBounds(seed: UInt64) {
    check(.tiled(seed: seed), seed: seed)
  }

  /// The tiles' sums have C terms each instead of 9·C, and what stands before and behind them adds at most four values
  /// at a time: their errors must stay near those of the definition's sums, one term after the other in single
  /// precision.
  @Test(arguments: [16, 64, 256]) func tilesRoundHardlyMoreThanTheDefinition(channels: Int) {
    let test = ConvolutionCase(
      input: [1, 8, 8, channels], weight: [16, channels, 3, 3], window: Window(3, padding: 1))
    let inputs = ConvolutionInputs<Float>(test, seed: 5)
    let exact = ConvolutionReference(test: test).results(ConvolutionInputs(inputs))
    let plain = definition(test, inputs)
    let found = ConvolutionResults(test, inputs).output
    func error(_ values: Tensor<Float>) -> Double {
      let squares = zip(values.elements, exact.output.elements).map { (Double($0) - $1) * (Double($0) - $1) }
      return (squares.reduce(0, +) / Double(squares.count)).squareRoot()
    }
    #expect(error(found) < 2 * error(plain), "\(error(found)) beside \(error(plain))")
  }

  /// The output by the definition, in single precision.
  private func definition(_ test: ConvolutionCase, _ data: ConvolutionInputs<Float>) -> Tensor<Float> {
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

  @Test func theGradientsAreThoseOfTheForwardPass() {
    // <g, conv(x, w)> is linear in x and in w: its derivatives are found exactly by pairing.
    for seed in UInt64(200)..<240 {
      let test = ConvolutionCase(seed: seed)
      let data = ConvolutionInputs<Double>(test, seed: seed)
      let results = ConvolutionResults(test, data)
      let output =
        results.output - Tensor<Double>.zeros(results.output.shape).applying(.add, data.bias, broadcast: .perChannel)
      let value = (output * data.gradient).sum()
      let byInput = (results.inputGradient * data.x).sum()
      let byWeight = (results.weightGradient * data.weight).sum()
      let bound = 1e-12 * Double(output.count + 1) * 10
      #expect(abs(value - byInput) < bound, "\(test)")
      #expect(abs(value - byWeight) < bound, "\(test)")
    }
  }

  @Test func aResidualAndReLUAreDoneWithTheLastSum() {
    let tests = (UInt64(300)..<330).map { ConvolutionCase(seed: $0) } + ConvolutionCase.ofNetworks
    for (seed, test) in zip(UInt64(300)..., tests) {
      let data = ConvolutionInputs<Float>(test, seed: seed)
      let prepared = PreparedConvolution(weight: data.weight, bias: data.bias, window: test.window, groups: test.groups)
      let expected = (prepared(data.x) + data.gradient).applying(.leakyReLU(slope: 0))
      let found = prepared(data.x, residual: data.gradient, rectifies: true)
      #expect(found == expected, "\(test)")
    }
  }

  /// As in mathematics: nothing comes of no channels, and no number of the mean of nothing.
  @Test func aMeanOverImagesOfNothingStopsNothing() {
    #expect(Pooling2d.globalAverage(Tensor<Float>.zeros([2, 3, 3, 0])).shape == [2, 0])
    #expect(Pooling2d.globalAverage(Tensor<Float>.zeros([0, 3, 3, 4])).shape == [0, 4])
    let mean = Pooling2d.globalAverage(Tensor<Float>.zeros([2, 0, 3, 4]))
    #expect(mean.shape == [2, 4] && mean.elements.allSatisfy(\.isNaN))
  }
}
