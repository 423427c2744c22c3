import Foundation
import NormaData
import NormaTensor
import TestSupport
import Testing

/// Batches against the whole set, standardized and changed step by step.
@Suite struct BatchTests {
  private static let shape: Shape = [40, 6, 5, 3]
  /// Pixels of all values, as they are read, with their labels.
  private let source: RawData
  private let floats: Tensor<Float>

  init() {
    var random = RandomGenerator(seed: 2)
    let bytes = (0..<Self.shape.elementCount).map { _ in UInt8.random(in: 0...255, using: &random) }
    floats = Tensor(bytes.map(Float.init), shape: Self.shape)
    source = RawData(
      training: RawDataset(
        features: .bytes(bytes, shape: Self.shape), targets: .classes((0..<40).map { $0 % 4 }, count: 4), name: "t"))
  }

  private func prepared(_ mode: StandardizationMode?) throws -> DataSplits {
    try DataSplits(source, validationCount: 12, standardizing: mode, random: RandomGenerator(seed: 3))
  }

  private func labels(_ dataset: Dataset<Float>) -> [Int] {
    if case .classes(let labels, _) = dataset.targets { labels } else { [] }
  }

  private func haveSameBits(_ left: Tensor<Float>, _ right: Tensor<Float>) -> Bool {
    left.shape == right.shape && left.elements.map(\.bitPattern) == right.elements.map(\.bitPattern)
  }

  @Test(arguments: [nil] + StandardizationMode.allCases.map(Optional.some))
  func bytesBecomeTheBitsThatStandardizingTheWholeSetGives(mode: StandardizationMode?) throws {
    let data = try prepared(mode)
    var random = RandomGenerator(seed: 3)
    let rows = try source.training.split(.stratified, validationCount: 12, using: &random)
    let standardization = try mode.map {
      try Standardization(fittedOn: floats.gathering(rows: rows.training), mode: $0)
    }
    #expect(data.standardization?.converted() == standardization)
    for (part, rows) in [(data.training, rows.training), (data.validation, rows.validation)] {
      let chosen = floats.gathering(rows: rows)
      let expected = try standardization?.applied(to: chosen) ?? chosen
      #expect(part.shape == expected.shape && labels(part) == rows.map { $0 % 4 })
      #expect(haveSameBits(part.features, expected))
      #expect(haveSameBits(part.batch(3..<9).features, expected[rows: 3..<9]))
      let batch = part.batch([7, 0, 7])
      #expect(haveSameBits(batch.features, expected.gathering(rows: [7, 0, 7])))
      #expect(labels(batch) == [rows[7], rows[0], rows[7]].map { $0 % 4 })
      let subset = part.subset(rows: [5, 4, 3, 2]).subset(rows: [3, 0])
      #expect(haveSameBits(subset.features, expected.gathering(rows: [2, 5])))
    }
  }

  @Test(arguments: [true, false]) func aBatchIsChangedAsIfItHadBeenBroughtTogetherFirst(isDense: Bool) throws {
    let prepared = try prepared(.perChannel).training
    var data = prepared
    if isDense { data.features = prepared.features }
    let augmentation = ImageAugmentation(padding: 2, flipsHorizontally: true)
    var (random, same) = (RandomGenerator(seed: 9), RandomGenerator(seed: 9))
    let rows = [5, 1, 8, 8, 0]
    let batch = data.batch(rows, changedBy: augmentation, using: &random)
    let expected = augmentation.applied(to: prepared.features.gathering(rows: rows), using: &same)
    #expect(haveSameBits(batch.features, expected) && random.next() == same.next())
  }

  @Test func pixelsAreChangedBeforeTheyAreStandardizedAndNumbersAfter() throws {
    let data = try prepared(.perChannel)
    let standardization: Standardization<Float> = try #require(data.standardization).converted()
    // What nothing is left to chance of: every image is turned round in its values.
    var plain = ImageAugmentation(padding: 2, flipsHorizontally: true)
    var (random, same) = (RandomGenerator(seed: 9), RandomGenerator(seed: 9))
    let rows = [5, 1, 8, 8, 0]
    plain.jitter = ColorJitter(brightness: 0, contrast: 0, saturation: 0, hue: 1e-9)
    let batch = data.training.batch(rows, changedBy: plain, using: &random)
    plain.jitter = nil
    // A hue shifted by less than a 255th is one that went to whole numbers and back.
    var pixels = try standardization.undone(on: data.training.features.gathering(rows: rows))
    var shifted: [Float] = []
    for index in 0..<5 {
      let values: [UInt8] = pixels[rows: index..<index + 1].elements.map { UInt8($0.rounded()) }
      let image = RasterImage(height: 6, width: 5, channelCount: 3, pixels: values)
      for value in image.withHueShifted(0).pixels { shifted.append(Float(value)) }
    }
    pixels = Tensor(shifted, shape: pixels.shape)
    let expected = plain.applied(to: try standardization.applied(to: pixels), using: &same)
    #expect(haveSameBits(batch.features, expected) && random.next() == same.next())
  }

  @Test func originalsAreFittedForEvaluationAndCutOutOfForTraining() throws {
    var random = RandomGenerator(seed: 6)
    let images = [(12, 9), (7, 20), (8, 8), (31, 15)].map { height, width -> RasterImage in
      let pixels: [UInt8] = (0..<height * width * 3).map { _ in UInt8.random(in: 0...255, using: &random) }
      return RasterImage(height: height, width: width, channelCount: 3, pixels: pixels)
    }
    func data(_ images: OriginalImages) throws -> DataSplits {
      let raw = RawDataset(
        features: .originals(images), targets: .classes([0, 1, 0, 1], count: 2), name: "t")
      return try DataSplits(
        RawData(training: raw), validationCount: 0, standardizing: .perChannel, random: RandomGenerator(seed: 3))
    }
    for shorterSide in [nil, 10] {
      let held = try data(OriginalImages(images, shape: [8, 6, 3], shorterSide: shorterSide))
      // As files that are decoded each time: here an image is its file.
      let files: [[UInt8]] = images.map { image in [UInt8(image.height), UInt8(image.width)] + image.pixels }
      let decoded = try data(
        OriginalImages(files: files, shape: [8, 6, 3], shorterSide: shorterSide) {
          RasterImage(height: Int($0[0]), width: Int($0[1]), channelCount: 3, pixels: Array($0.dropFirst(2)))
        })
      let fitted = Tensor<Float>.concatenating(
        rows: images.map {
          $0.fitted(height: 8, width: 6, shorterSide: shorterSide).reshaped(to: [1, 8, 6, 3])
        })
      let scaled = try DataSplits(
        RawData(
          training: RawDataset(features: .floats(fitted), targets: .classes([0, 1, 0, 1], count: 2), name: "t")),
        validationCount: 0, standardizing: .perChannel, random: RandomGenerator(seed: 3))
      #expect(held.standardization == scaled.standardization)
      #expect(haveSameBits(held.training.features, scaled.training.features))
      #expect(haveSameBits(decoded.training.features, scaled.training.features))
      let augmentation = try ImageAugmentation(list: "resized-crop,jitter:0.3,flip")
      var (first, second) = (RandomGenerator(seed: 1), RandomGenerator(seed: 1))
      let batch = held.training.batch([3, 0, 1], changedBy: augmentation, using: &first)
      let again = decoded.training.batch([3, 0, 1], changedBy: augmentation, using: &second)
      #expect(haveSameBits(batch.features, again.features))
      #expect(batch.shape == [3, 8, 6, 3])
    }
  }

  @Test func partsOfImagesTakeNoMemoryOfTheirOwn() throws {
    var random = RandomGenerator(seed: 1)
    let data = RawDataset(
      features: .floats(.normal([2500, 32, 32, 3], using: &random)),
      targets: .classes((0..<2500).map { $0 % 2 }, count: 2), name: "t")
    let size = 2500 * 32 * 32 * 3 * MemoryLayout<Float>.size
    let before = BufferPool.shared.usage.inUse
    let folds = try DataSplits.Folds(
      RawData(training: data), count: 5, standardizing: .perChannel, random: RandomGenerator(seed: 1))
    let parts = try (0..<5).map { try folds.splits($0) }
    // Other tests run meanwhile, and may take some.
    #expect(BufferPool.shared.usage.inUse - before < 5 * size / 2)
    #expect(parts.map(\.validation.count) == [500, 500, 500, 500, 500])
  }

  @Test func aStandardizationFindsWhatABillionHides() throws {
    // The values are whole, and so their sums are exact: the definition in double precision has no rounding but the last.
    let offsets = (0..<5000).map { Double($0 * 7919 % 100) }
    let mean = offsets.reduce(0, +) / 5000
    let deviation = (offsets.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 5000).squareRoot()
    // 400 columns, so that the rows are measured in several parts.
    let features = Tensor<Double>(
      offsets.flatMap { offset in (0..<400).map { Double($0) * 1e9 + 1.7e9 + offset } }, shape: [5000, 400])
    let standardization = try Standardization(fittedOn: features, mode: .perFeature)
    for (column, scale) in standardization.scale.elements.enumerated() {
      // A few roundings of sums that are exact up to them.
      #expect(abs(scale / deviation - 1) < 1e-14, "column \(column)")
      let expected = Double(column) * 1e9 + 1.7e9 + mean
      #expect(abs(standardization.mean[column] - expected) <= expected.ulp)
    }
  }
}
