import NormaConvolution
import NormaTensor
import TestSupport

/// A convolution as it is defined, one product after the other in double precision: what the library is held to.
struct ConvolutionReference {
  let test: ConvolutionCase

  /// Calls `body` for each product of the convolution, with the places of the value, of the weight and of the result.
  func forEachProduct(_ body: (_ x: Int, _ weight: Int, _ y: Int) -> Void) {
    let (input, weight, output, window) = (test.input, test.weight, test.output, test.window)
    let (inputs, outputs) = (weight[1], weight[0] / test.groups)
    for sample in 0..<output[0] {
      for row in 0..<output[1] {
        for column in 0..<output[2] {
          for tap in 0..<test.area {
            let (tapRow, tapColumn) = (tap / window.size.width, tap % window.size.width)
            let y = row * window.stride.height + tapRow * window.dilation.height - window.padding.height
            let x = column * window.stride.width + tapColumn * window.dilation.width - window.padding.width
            guard (0..<input[1]).contains(y), (0..<input[2]).contains(x) else { continue }
            for channel in 0..<weight[0] {
              for term in 0..<inputs {
                body(
                  ((sample * input[1] + y) * input[2] + x) * input[3] + channel / outputs * inputs + term,
                  (channel * inputs + term) * test.area + tap,
                  ((sample * output[1] + row) * output[2] + column) * weight[0] + channel)
              }
            }
          }
        }
      }
    }
  }

  func results(_ inputs: ConvolutionInputs<Double>) -> ConvolutionResults<Double> {
    let (x, weight, gradient) = (inputs.x.elements, inputs.weight.elements, inputs.gradient.elements)
    var output = (0..<test.output.elementCount).map { inputs.bias[$0 % test.weight[0]] }
    var inputGradient = [Double](repeating: 0, count: x.count)
    var weightGradient = [Double](repeating: 0, count: weight.count)
    forEachProduct { i, w, o in
      output[o] += x[i] * weight[w]
      inputGradient[i] += gradient[o] * weight[w]
      weightGradient[w] += gradient[o] * x[i]
    }
    return ConvolutionResults(
      output: Tensor(output, shape: test.output), inputGradient: Tensor(inputGradient, shape: test.input),
      weightGradient: Tensor(weightGradient, shape: test.weight))
  }

  /// The sums of the terms' magnitudes on the way to each result: those that an error is relative to.
  func magnitudes(_ inputs: ConvolutionInputs<Double>) -> ConvolutionResults<Double> {
    let magnitudes = inputs.magnitudes
    guard let tiled = TiledMagnitudes(window: test.window, groups: test.groups, weight: magnitudes.weight) else {
      return results(magnitudes)
    }
    return ConvolutionResults(
      output: tiled.output(of: magnitudes.x, weight: magnitudes.weight)
        .applying(.add, magnitudes.bias, broadcast: .perChannel),
      inputGradient: tiled.inputGradient(of: magnitudes.gradient, weight: magnitudes.weight),
      weightGradient: tiled.weightGradient(of: magnitudes.gradient, input: magnitudes.x))
  }
}
