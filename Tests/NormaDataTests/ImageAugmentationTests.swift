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

  @Test func pixelsAreChangedWhereThereAreAny() throws {
    let shape: Shape = [6, 8, 8, 3]
    func data(_ features: RawDataset.Features) throws -> Dataset<Float> {
      let raw = RawDataset(features: features, targets: .classes((0..<6).map { $0 % 2 }, count: 2), name: "t")
      return try RawData(training: raw).datasets().training
    }
    let augmentation = ImageAugmentation(jitter: ColorJitter(hue: 0.1))
    let pixels = try data(.bytes([UInt8](repeating: 1, count: shape.elementCount), shape: shape))
    #expect(augmentation.problem(for: pixels) == nil && augmentation.changesPixels)
    #expect(augmentation.problem(for: try data(.floats(.zeros(shape))))?.contains("these are other numbers") == true)
    #expect(ImageAugmentation(padding: 2).problem(for: try data(.floats(.zeros(shape)))) == nil)
    let channels = try data(.bytes([UInt8](repeating: 1, count: 6 * 8 * 8 * 2), shape: [6, 8, 8, 2]))
    #expect(augmentation.problem(for: channels)?.contains("an image of 2 channels is neither grey nor red") == true)
  }

  // MARK: Chance

  @Test func cropsAreOfTheSharesAndProportionsAskedFor() {
    var random = RandomGenerator(seed: 4)
    var (shares, ratios) = ([Double](), [Double]())
    for _ in 0..<2000 {
      let found = ResizedCrop().rectangle(height: 300, width: 400, using: &random)
      #expect(found.top >= 0 && found.left >= 0)
      #expect(found.top + found.height <= 300 && found.left + found.width <= 400)
      shares.append(Double(found.height * found.width) / 120_000)
      ratios.append(Double(found.width) / Double(found.height))
    }
    // Sides are rounded by up to half a pixel, of at least 84.
    #expect(shares.allSatisfy { (0.079...1).contains($0) })
    #expect(ratios.allSatisfy { (0.74...1.35).contains($0) })
    // Of draws that fit, more are small; the proportions are even on both sides of 1 but for those that do not fit.
    #expect(shares.min()! < 0.1 && shares.max()! > 0.9)
    #expect((600...1400).contains(ratios.count { $0 > 1 }))
  }

  @Test func rectanglesAreErasedAsOftenAsAskedFor() {
    let images = Tensor<Float>(repeating: 1, shape: [500, 20, 30, 2])
    var random = RandomGenerator(seed: 9)
    let changed = ImageAugmentation(erasing: RandomErasing(probability: 0.4)).applied(to: images, using: &random)
    var erased = 0
    for index in 0..<500 {
      let image = changed[rows: index..<index + 1].elements
      let zeros = image.indices.filter { image[$0] == 0 }
      guard let first = zeros.first, let last = zeros.last else { continue }
      erased += 1
      let (top, left, bottom, right) = (first / 60, first % 60 / 2, last / 60, last % 60 / 2)
      let area = (bottom - top + 1) * (right - left + 1)
      #expect(zeros.count == 2 * area, "a rectangle, in both channels")
      // Each side is rounded by up to half a pixel, of at least 2 and at most 25.
      #expect((0.01...0.37).contains(Double(area) / 600))
    }
    // 200, give or take five deviations of 11.
    #expect((145...255).contains(erased))
  }

  @Test func whatIsDrawnForAnImageDependsOnItsPlaceAloneAndOnNothingElseThatIsTurnedOn() throws {
    var random = RandomGenerator(seed: 2)
    let bytes = (0..<5 * 9 * 9 * 3).map { _ in UInt8.random(in: 0...255, using: &random) }
    let raw = RawDataset(
      features: .bytes(bytes, shape: [5, 9, 9, 3]), targets: .classes([0, 1, 0, 1, 0], count: 2), name: "t")
    let data = try RawData(training: raw).datasets().training
    func changed(_ rows: [Int], _ list: String, from start: Int = 0) throws -> Tensor<Float> {
      var random = RandomGenerator(state: RandomGenerator.State(key: 8, drawn: UInt64(3 * start)))
      let changed = data.batch(rows, changedBy: try ImageAugmentation(list: list), using: &random)
      #expect(random.state.drawn == UInt64(3 * (start + rows.count)))
      return changed.features
    }
    let all = "resized-crop,randaugment:2:12,jitter:0.4:0.1,crop:1,flip,erasing:0.6"
    let whole = try changed([0, 1, 2, 3, 4], all)
    #expect(try changed([2, 3], all, from: 2) == whole[rows: 2..<4])
    #expect(try changed([3, 1], all) != whole[rows: 0..<2])
    // The crop is the same with and without what comes after it: pixels of one image cut out and scaled.
    let alone = try changed([0, 1, 2, 3, 4], "resized-crop")
    func ways(_ list: String, _ image: RasterImage) -> [RasterImage] {
      guard list.contains("randaugment") else {
        // The hue is shifted by whole 255ths, cut down towards 0.
        return (-127...127).map { image.withHueShifted((Double($0) + ($0 < 0 ? -0.25 : 0.25)) / 255) }
      }
      return [image, image.withFullContrast(), image.equalized(), image.solarized(from: 255)]
    }
    for later in ["resized-crop,randaugment:1:0", "resized-crop,jitter:0:0.5"] {
      let both = try changed([0, 1, 2, 3, 4], later)
      for index in 0..<5 {
        let cut: [UInt8] = alone[rows: index..<index + 1].elements.map { UInt8($0) }
        let image = RasterImage(height: 9, width: 9, channelCount: 3, pixels: cut)
        let found: [UInt8] = both[rows: index..<index + 1].elements.map { UInt8($0) }
        #expect(ways(later, image).contains { $0.pixels == found }, "\(later), image \(index)")
      }
    }
  }

  // MARK: Text

  @Test(arguments: [
    "resized-crop,flip", "resized-crop:0.2", "resized-crop:0.2:0.9", "resized-crop:0.2:1.0:0.5:2.0",
    "randaugment:2:9", "jitter:0.4", "jitter:0.4:0.1", "jitter:0.1:0.2:0.3:0.05", "erasing:0.25",
    "resized-crop,randaugment:3:30,jitter:0.4:0.1,crop:4,flip,erasing:1.0",
  ])
  func whatIsWrittenIsReadAgain(list: String) throws {
    let augmentation = try ImageAugmentation(list: list)
    #expect(augmentation.description == list)
    #expect(try ImageAugmentation(list: list.split(separator: ",").reversed().joined(separator: ",")) == augmentation)
    let data = try JSONEncoder().encode(augmentation)
    #expect(try JSONDecoder().decode(ImageAugmentation.self, from: data) == augmentation)
  }

  @Test(arguments: [
    ("", "'' is no change of images"), ("crop", "'crop' is no change of images, or not with these numbers; there are"),
    ("crop:0", "'crop:0' is no change"), ("crop:x", "'crop:x' is no change"), ("flip:1", "'flip:1' is no change"),
    ("flip,flip", "'flip' is asked for twice"), ("crop:1,crop:1", "'crop' is asked for twice"),
    ("resized-crop:2", "'resized-crop:2' asks for a crop of 2.0 to 1.0 of an image"),
    ("resized-crop:0.1:0.2:0.3", "is no change"), ("resized-crop:0.1:1:2:1", "a crop of proportions from 2.0 to 1.0"),
    ("randaugment:2:31", "asks for 2 operations of magnitude 31, of 0 to 30"), ("randaugment:1.5:3", "is no change"),
    ("jitter:-1", "asks for a jitter of -1.0"), ("jitter:0.1:0.6", "the hue by 0.6 turns, of which there are 0 to 0.5"),
    ("jitter", "jitter:SHARE[:HUE]"), ("erasing:0", "a rectangle erased with a probability of 0.0"),
    ("rotate:3", "resized-crop[:SMALLEST[:LARGEST]], randaugment"),
  ])
  func whatCannotBeReadIsSaidWithWhatWouldBeRight(list: String, words: String) {
    let error = #expect(throws: ImageAugmentation.ListError.self) { try ImageAugmentation(list: list) }
    #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
  }

  @Test func settingsOfEarlierVersionsAreRead() throws {
    let data = Data(#"{"padding": 4, "flipsHorizontally": true}"#.utf8)
    #expect(
      try JSONDecoder().decode(ImageAugmentation.self, from: data)
        == ImageAugmentation(padding: 4, flipsHorizontally: true))
  }

  @Test func itIsSavedAndWrittenAsTheCommandTakesIt() throws {
    for (augmentation, text) in [
      (ImageAugmentation(padding: 4, flipsHorizontally: true), "crop:4,flip"),
      (ImageAugmentation(padding: 2), "crop:2"),
      (ImageAugmentation(flipsHorizontally: true), "flip"), (ImageAugmentation(), "none"),
    ] {
      #expect(augmentation.description == text)
      #expect(try ImageAugmentation(list: text) == augmentation)
      let data = try JSONEncoder().encode(augmentation)
      #expect(try JSONDecoder().decode(ImageAugmentation.self, from: data) == augmentation)
    }
  }
}
