import NormaConvolution
import NormaTensor
import TestSupport
import Testing

/// Every set of kernels, and the twins in Swift, give a convolution the same bits.
@Suite struct ConvolutionKernelTests {
  private func results(_ test: ConvolutionCase, _ inputs: ConvolutionInputs<Float>) -> [Tensor<Float>] {
    let convolution = PreparedConvolution(
      weight: inputs.weight, bias: inputs.bias, window: test.window, groups: test.groups)
    return ConvolutionResults(test, inputs).all.map(\.values)
      + [convolution(inputs.x, residual: inputs.gradient, rectifies: true)]
  }

  private func check(
    _ test: ConvolutionCase, seed: UInt64, _ change: (inout ConvolutionInputs<Float>) -> Void = { _ in }
  ) {
    var inputs = ConvolutionInputs<Float>(test, seed: seed)
    change(&inputs)
    var expected: [Tensor<Float>]?
    for (kernels, found) in resultsByKernels({ resultsByThreadCount { results(test, inputs) } }) {
      for found in found {
        for (found, expected) in zip(found, expected ?? found) {
          #expect(haveSameBits(found, expected), "\(test), \(kernels)")
        }
        expected = expected ?? found
      }
    }
  }

  @Test(arguments: 0..<60) func everySetHasTheSameBitsForRandomConvolutions(seed: UInt64) {
    check(ConvolutionCase(seed: 700 + seed), seed: seed)
  }

  @Test(arguments: 0..<30) func everySetHasTheSameBitsForTiledConvolutions(seed: UInt64) {
    check(.tiled(seed: 500 + seed), seed: seed)
  }

  @Test(arguments: ConvolutionCase.ofNetworks.indices) func everySetHasTheSameBitsForNetworks(index: Int) {
    var test = ConvolutionCase.ofNetworks[index]
    // The twins take long: as many images as there are kinds of tickets will do.
    if test.input[0] > 3 { test.input = Shape([3] + test.input.dropFirst()) }
    check(test, seed: 3)
  }

  /// Fused multiply-add is exact for what is hardly a number any more, too.
  @Test(arguments: [1e-38, 1e-22, 1e19, 3e38] as [Float])
  func everySetHasTheSameBitsForNumbersOfAnySize(size: Float) {
    let cases = (0..<6).map { ConvolutionCase(seed: 800 + $0) } + [.tiled(seed: 801), ConvolutionCase.ofNetworks[10]]
    for test in cases {
      check(test, seed: 4) { inputs in
        inputs.x = inputs.x.applying(.scale(size))
        inputs.gradient = inputs.gradient.applying(.scale(size))
        if size < 1 { inputs.weight = inputs.weight.applying(.scale(size)) }
      }
    }
  }

  @Test func everySetPassesOnWhatIsNotANumber() {
    for test in [ConvolutionCase(seed: 812), .tiled(seed: 802), ConvolutionCase.ofNetworks[10]] {
      for value in [Float.nan, .infinity] {
        check(test, seed: 4) { inputs in
          inputs.x[0, 0, 0, 0] = value
          inputs.weight[0, 0, 0, 0] = -value
        }
      }
    }
  }
}
