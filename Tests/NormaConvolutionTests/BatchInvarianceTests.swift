import NormaConvolution
import NormaTensor
import TestSupport
import Testing

/// What comes of an image does not depend on the batch that it is in, on its place there, or on the number of threads.
@Suite struct BatchInvarianceTests {
  /// Applies a function to each image alone, then to batches in which it stands in other places, and expects the same bits.
  private func expectInvariance<Element: TensorElement>(
    _ images: Tensor<Element>, _ what: String, _ body: (Tensor<Element>) -> Tensor<Element>
  ) {
    let count = images.shape[0]
    func batch(_ numbers: [Int]) -> Tensor<Element> {
      Tensor(
        numbers.flatMap { images[rows: $0..<$0 + 1].elements }, shape: Shape([numbers.count] + images.shape.dropFirst())
      )
    }
    let alone = (0..<count).map { body(batch([$0])) }
    var batches = [2, 3, 5, 16, 33, 70].map { size in (0..<size).map { ($0 * 7 + size) % count } }
    batches.append(Array(0..<count))
    for numbers in batches {
      for found in resultsByThreadCount({ body(batch(numbers)) }) {
        for (place, number) in numbers.enumerated() {
          let same = haveSameBits(found[rows: place..<place + 1], alone[number])
          #expect(same, "image \(number) at \(place) of \(numbers.count): \(what)")
          if !same { return }
        }
      }
    }
  }

  private func check<Element: TensorElement>(_ test: ConvolutionCase, seed: UInt64, as type: Element.Type) {
    var test = test
    test.input = Shape([5] + test.input.dropFirst())
    let inputs = ConvolutionInputs<Element>(test, seed: seed)
    let convolution = PreparedConvolution(
      weight: inputs.weight, bias: inputs.bias, window: test.window, groups: test.groups)
    expectInvariance(inputs.x, "\(test) in \(type)") { convolution($0, rectifies: true) }
    expectInvariance(inputs.gradient, "gradient of \(test) in \(type)") { gradient in
      Convolution2d.inputGradient(
        gradient, inputShape: Shape([gradient.shape[0]] + test.input.dropFirst()), weight: inputs.weight,
        window: test.window, groups: test.groups)
    }
  }

  @Test(arguments: 0..<40) func randomConvolutionsAreThoseOfEachImage(seed: UInt64) {
    check(ConvolutionCase(seed: 900 + seed), seed: seed, as: Float.self)
    if seed % 4 == 0 { check(ConvolutionCase(seed: 900 + seed), seed: seed, as: Double.self) }
  }

  @Test(arguments: 0..<20) func tiledConvolutionsAreThoseOfEachImage(seed: UInt64) {
    check(.tiled(seed: 900 + seed), seed: seed, as: Float.self)
    if seed % 5 == 0 { check(.tiled(seed: 900 + seed), seed: seed, as: Double.self) }
  }

  @Test(arguments: ConvolutionCase.ofNetworks.indices) func convolutionsOfNetworksAreThoseOfEachImage(index: Int) {
    check(ConvolutionCase.ofNetworks[index], seed: 1, as: Float.self)
  }

  /// As a linear map, which is how a network's last layer is applied.
  @Test func linearMapsAreThoseOfEachRow() {
    for (inputs, outputs) in [(784, 512), (64, 10), (1000, 33), (3, 2)] {
      check(
        ConvolutionCase(input: [5, 1, 1, inputs], weight: [outputs, inputs, 1, 1], window: Window(1)), seed: 2,
        as: Float.self)
    }
  }

  @Test func poolingsAreThoseOfEachImage() {
    for seed in UInt64(0)..<20 {
      var random = RandomGenerator(seed: seed)
      func draw(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
      let size = Extent2d(height: draw(1...4), width: draw(1...4))
      let window = Window(
        size, stride: Extent2d(height: draw(1...3), width: draw(1...3)),
        padding: Extent2d(height: draw(0...size.height / 2), width: draw(0...size.width / 2)))
      let x = Tensor<Float>.normal([5, draw(4...9), draw(4...9), draw(1...40)], using: &random)
      for partial in [false, true] {
        expectInvariance(x, "maximum over \(window)") {
          Pooling2d.maximum($0, window: window, countsPartialWindows: partial)
        }
        for counts in [false, true] {
          expectInvariance(x, "average over \(window)") {
            Pooling2d.average($0, window: window, countsPadding: counts, countsPartialWindows: partial)
          }
        }
      }
      expectInvariance(x, "average over all") { Pooling2d.globalAverage($0) }
    }
  }

  /// The sum of what the window takes in, in the order of rows and columns, divided once.
  @Test func anAverageIsItsSumInOrderDividedOnce() {
    var random = RandomGenerator(seed: 3)
    let x = Tensor<Float>.normal([2, 7, 6, 5], using: &random)
    let window = Window(3, stride: 2, padding: 1)
    for counts in [false, true] {
      let found = Pooling2d.average(x, window: window, countsPadding: counts)
      for sample in 0..<2 {
        for row in 0..<found.shape[1] {
          for column in 0..<found.shape[2] {
            for channel in 0..<5 {
              var (sum, count): (Float, Float) = (0, 0)
              for y in max(0, 2 * row - 1)...min(6, 2 * row + 1) {
                for z in max(0, 2 * column - 1)...min(5, 2 * column + 1) {
                  sum += x[sample, y, z, channel]
                  count += 1
                }
              }
              #expect(found[sample, row, column, channel] == sum / (counts ? 9 : count))
            }
          }
        }
      }
    }
  }
}
