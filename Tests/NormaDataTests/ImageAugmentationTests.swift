import Foundation
import NormaData
import NormaTensor
import TestSupport
import Testing

@Suite struct ImageAugmentationTests {
  /// Images in which no value occurs twice, none of them 0.
  private static func images<Element: TensorElement>(_ shape: Shape) -> Tensor<Element> {
    Tensor((1...shape.elementCount).map { Element($0) }, shape: shape)
  }

  /// One image `[height, width, channels]` cut out of its zero-padded self, value by value.
  private func cut(
    _ image: Tensor<Float>, padding: Int, top: Int, left: Int, isFlipped: Bool
  ) -> [Float] {
    let (height, width, channels) = (image.shape[0], image.shape[1], image.shape[2])
    var values: [Float] = []
    for row in 0..<height {
      for column in 0..<width {
        let (y, x) = (row + top - padding, (isFlipped ? width - 1 - column : column) + left - padding)
        for channel in 0..<channels {
          values.append((0..<height).contains(y) && (0..<width).contains(x) ? image[y, x, channel] : 0)
        }
      }
    }
    return values
  }

  @Test(arguments: [(0, true), (2, false), (2, true), (4, true)])
  func everyImageIsAPartOfItsPaddedSelf(padding: Int, flips: Bool) throws {
    let images: Tensor<Float> = Self.images([400, 5, 6, 3])
    var random = RandomGenerator(seed: 8)
    let changed = ImageAugmentation(padding: padding, flipsHorizontally: flips).applied(to: images, using: &random)
    try #require(changed.shape == images.shape)
    var seen: [[Int]: Int] = [:]
    for index in 0..<400 {
      let image = images[rows: index..<index + 1].reshaped(to: [5, 6, 3])
      let found = changed[rows: index..<index + 1].elements
      var ways: [[Int]] = []
      for top in 0...2 * padding {
        for left in 0...2 * padding {
          for isFlipped in flips ? [false, true] : [false]
          where cut(image, padding: padding, top: top, left: left, isFlipped: isFlipped) == found {
            ways.append([top, left, isFlipped ? 1 : 0])
          }
        }
      }
      try #require(ways.count == 1, "image \(index)")
      seen[ways[0], default: 0] += 1
    }
    // With 400 draws from at most 50 ways, one is missing with a probability of 50 · 0.98⁴⁰⁰ = 0.016; from 162, many are.
    let count = (2 * padding + 1) * (2 * padding + 1) * (flips ? 2 : 1)
    if padding <= 2 { #expect(seen.count == count) } else { #expect(Double(seen.count) > 0.8 * Double(count)) }
    let flipped = seen.reduce(0) { $0 + ($1.key[2] == 1 ? $1.value : 0) }
    // Half of them, give or take five deviations of 10.
    #expect(flips ? (150...250).contains(flipped) : flipped == 0)
  }

  @Test func nothingToDoChangesNothing() {
    let images: Tensor<Double> = Self.images([3, 4, 4, 1])
    var random = RandomGenerator(seed: 1)
    #expect(ImageAugmentation().applied(to: images, using: &random) == images)
  }

  @Test func theFlipsAreTheSameWithAndWithoutCrops() {
    let images: Tensor<Float> = Self.images([50, 4, 4, 1])
    func flips(padding: Int) -> [Bool] {
      var random = RandomGenerator(seed: 3)
      let changed = ImageAugmentation(padding: padding, flipsHorizontally: true).applied(to: images, using: &random)
      return (0..<50).map { index in
        // Within a row values grow to the right unless the image was flipped; two that are no padding stand in the middle.
        let row = changed[rows: index..<index + 1].elements[4..<8].filter { $0 > 0 }
        return row.first! > row.last!
      }
    }
    #expect(flips(padding: 0) == flips(padding: 1))
    #expect(Set(flips(padding: 0)).count == 2)
  }

  @Test func bothElementTypesAreChangedTheSameWay() {
    var (first, second) = (RandomGenerator(seed: 5), RandomGenerator(seed: 5))
    let augmentation = ImageAugmentation(padding: 2, flipsHorizontally: true)
    let float = augmentation.applied(to: Self.images([20, 6, 5, 2]) as Tensor<Float>, using: &first)
    let double = augmentation.applied(to: Self.images([20, 6, 5, 2]) as Tensor<Double>, using: &second)
    #expect(float.converted(to: Double.self) == double)
    #expect(first.state.drawn == 60 && second.state.drawn == 60)
    #expect(augmentation.applied(to: Tensor<Float>.zeros([0, 6, 5, 2]), using: &first).count == 0)
  }

  @Test func whatCannotBeChangedIsSaidBefore() {
    let augmentation = ImageAugmentation(padding: 4)
    #expect(augmentation.problem(forExamplesOf: [32, 32, 3]) == nil)
    #expect(augmentation.problem(forExamplesOf: [64])?.contains("examples of shape [64] are no images") == true)
    #expect(augmentation.problem(forExamplesOf: [4, 32, 3])?.contains("32 × 4 pixels") == true)
  }

  @Test func itIsSavedAndWrittenAsTheCommandTakesIt() throws {
    for (augmentation, text) in [
      (ImageAugmentation(padding: 4, flipsHorizontally: true), "crop:4,flip"),
      (ImageAugmentation(padding: 2), "crop:2"),
      (ImageAugmentation(flipsHorizontally: true), "flip"), (ImageAugmentation(), "none"),
    ] {
      #expect(augmentation.description == text)
      let data = try JSONEncoder().encode(augmentation)
      #expect(try JSONDecoder().decode(ImageAugmentation.self, from: data) == augmentation)
    }
  }
}
