import Foundation
import NormaConvolution
import NormaTensor
import Testing

/// An operation uses the kernels that it found in use when it began, whatever another thread chooses meanwhile.
@Suite struct KernelChoiceTests {
  /// In a process of its own, as tests beside this one hold convolutions to the bits of one set of kernels.
  @Test func choosingKernelsWhileConvolutionsRunLeavesNoResultUnwritten() async {
    await #expect(processExitsWith: .success) {
      let x = Tensor<Float>.linearlySpaced(from: -1, through: 1, shape: [2, 6, 6, 16])
      let weight = Tensor<Float>.linearlySpaced(from: -1, through: 1, shape: [16, 16, 3, 3])
      let expected = convolutions(x.converted(to: Double.self), weight.converted())
      let choosing = Thread {
        var number = 0
        while true {
          Kernels.select(Kernels.availableNames[number % Kernels.availableNames.count])
          number += 1
        }
      }
      choosing.start()
      for _ in 0..<300 {
        for (found, expected) in zip(convolutions(x, weight), expected) {
          // Up to 144 products of at most 1, in single precision.
          let isNear = zip(found.elements, expected.elements).allSatisfy { abs(Double($0) - $1) < 1e-3 }
          if !isNear { exit(EXIT_FAILURE) }
        }
      }
      exit(EXIT_SUCCESS)
    }
  }

  @Test func aPoolingThatReachesOverTheImageByMoreThanHalfItsWindowHasNoShape() {
    #expect(Pooling2d.outputShape(for: [1, 5, 5, 1], window: Window(2, padding: 2)) == nil)
    #expect(Pooling2d.outputShape(for: [1, 5, 5, 1], window: Window(Extent2d(height: 4, width: 1), padding: 1)) == nil)
    #expect(Pooling2d.outputShape(for: [1, 5, 5, 1], window: Window(2, padding: 1)) == [1, 6, 6, 1])
  }
}

/// A convolution's output and both of its gradients.
private func convolutions<Element: TensorElement>(_ x: Tensor<Element>, _ weight: Tensor<Element>) -> [Tensor<Element>]
{
  let window = Window(3, padding: 1)
  return [
    Convolution2d.forward(x, weight: weight, window: window),
    Convolution2d.inputGradient(x, inputShape: x.shape, weight: weight, window: window),
    Convolution2d.weightGradient(x, input: x, weightShape: weight.shape, window: window),
  ]
}
