import Foundation
import NormaNormalization
import NormaTensor
import TestSupport
import Testing

/// Batch normalization has the same bits for every instruction set and number of threads, whatever the shape.
@Suite struct RandomShapeTests {
  /// Shapes of all proportions, from few values to some hundred thousand: the exponents are drawn, not the lengths.
  static let cases: [(shape: [Int], layout: ChannelLayout)] = {
    var random = RandomGenerator(seed: 2026)
    func length(_ most: Double) -> Int { max(1, Int(exp2(random.uniform() * most))) }
    return (0..<120).map { index in
      switch index % 3 {
      case 0: ([length(11) + 1, length(8)], .channelsLast)
      case 1: ([length(5) + 1, length(4), length(4), length(8)], .channelsLast)
      default: ([length(5) + 1, length(7), length(5), length(5)], .channelsFirst)
      }
    }
  }()

  /// The forward pass, inference and the backward pass, on memory that starts in the middle of a buffer.
  private func results(_ index: Int) throws -> [Tensor<Float>] {
    let (shape, layout) = Self.cases[index]
    var random = RandomGenerator(seed: UInt64(index))
    let channels = layout == .channelsLast ? shape[shape.count - 1] : shape[1]
    var longer = shape
    longer[0] += 1
    // A view without the first row: not aligned to anything but its elements.
    func view(mean: Double) -> Tensor<Float> {
      Tensor<Float>.normal(Shape(longer), mean: mean, using: &random)[rows: 1..<longer[0]]
    }
    let (x, gradient) = (view(mean: index % 5 == 0 ? 1e4 : 1), view(mean: 0))
    let gamma = Tensor<Float>.uniform([channels], in: 0.5..<1.5, using: &random)
    let beta = Tensor<Float>.normal([channels], using: &random)
    let rectifies = index % 2 == 0
    let (y, batch) = try BatchNormalization.forward(
      x, gamma: gamma, beta: beta, layout: layout, rectifies: rectifies)
    let gradients = BatchNormalization.backward(gradient, input: x, saved: batch)
    let inference = BatchNormalization.inference(
      x, mean: batch.moments.mean.converted(), variance: batch.moments.variance(.biased).converted(), gamma: gamma,
      beta: beta, layout: layout, rectifies: rectifies)
    return [
      y, gradients.input, gradients.gamma, gradients.beta, batch.moments.mean.converted(),
      batch.moments.centredSecondMoment.converted(), inference,
    ]
  }

  @Test func everyShapeHasTheSameBitsOnEveryInstructionSetAndNumberOfThreads() throws {
    for index in Self.cases.indices {
      var expected: [Tensor<Float>]?
      for (name, found) in try resultsByKernels({
        try resultsByThreadCount { try results(index) }
      }) {
        for found in found {
          if let expected {
            for (found, expected) in zip(found, expected) {
              #expect(haveSameBits(found, expected), "\(Self.cases[index]), \(name)")
            }
          } else {
            expected = found
          }
        }
      }
    }
  }
}
