import Foundation
import NormaFiles
import NormaImages
import NormaTensor
import TestSupport
import Testing

/// PNG and JPEG files, and what other programs read from them: `Tests/Fixtures/make_image_fixtures.py`.
@Suite struct RasterImageTests {
  static let folder = fixturesDirectory.appending(path: "images")

  /// What another program made of the files, values from 0 to 255.
  static func expected(_ name: String) throws -> Tensor<Float> {
    let file = try Safetensors(contentsOf: folder.appending(path: "expected.safetensors").path)
    return try #require(file.entries[name]?.tensor(of: Float.self))
  }

  static func image(_ name: String) throws -> RasterImage {
    try RasterImage(contentsOf: folder.appending(path: name).path)
  }

  /// The largest difference to what is expected.
  private func largestDifference(_ name: String) throws -> Float {
    let (image, expected) = (try Self.image(name), try Self.expected(name))
    try #require([image.height, image.width, image.channelCount] == Array(expected.shape))
    return zip(image.pixels, expected.elements).map { abs(Float($0) - $1) }.max() ?? .infinity
  }

  @Test(arguments: [
    "color.png", "color-interlaced.png", "gray.png", "gray-1.png", "gray-2.png", "gray-4.png", "palette.png",
    "small.png",
  ])
  func whatHasEightBitsOrFewerIsReadAsItIs(name: String) throws { #expect(try largestDifference(name) == 0) }

  @Test(arguments: ["color-16.png", "gray-16.png"])
  func sixteenBitsAreRoundedToEight(name: String) throws { #expect(try largestDifference(name) <= 0.5) }

  /// libpng mixes by tables of light and code, rounded both: a step for each.
  @Test(arguments: ["color-alpha.png", "gray-alpha.png", "palette-alpha.png"])
  func whatIsTransparentLiesOverWhite(name: String) throws { #expect(try largestDifference(name) <= 2) }

  /// Within one step: versions of libjpeg-turbo round differently.
  @Test(arguments: [
    "color.jpg", "color-444.jpg", "color-422.jpg", "color-progressive.jpg", "gray.jpg", "cmyk.jpg",
  ])
  func aJPEGIsReadAsPillowReadsIt(name: String) throws { #expect(try largestDifference(name) <= 1) }

  @Test(arguments: [1, 3])
  func aPNGHoldsThePixelsThatItWasMadeOf(channelCount: Int) throws {
    var random = RandomGenerator(seed: 2)
    for (height, width) in [(1, 1), (3, 1), (60, 47)] {
      let pixels = (0..<height * width * channelCount).map { _ in UInt8.random(in: 0...255, using: &random) }
      let image = RasterImage(height: height, width: width, channelCount: channelCount, pixels: pixels)
      #expect(try RasterImage(bytes: image.encodedAsPNG(), file: "test") == image)
    }
    // What can be compressed is.
    let flat = RasterImage(
      height: 500, width: 500, channelCount: channelCount, pixels: Array(repeating: 7, count: 250_000 * channelCount))
    #expect(try flat.encodedAsPNG().count < 10_000)
  }

  @Test func whatIsTooWideForAPNGIsAnError() {
    let image = RasterImage(height: 1, width: 2_000_000, channelCount: 1, pixels: Array(repeating: 0, count: 2_000_000))
    #expect(throws: FormatError.self) { try image.encodedAsPNG() }
  }

  @Test func aColourImageInGreyIsItsLuminance() throws {
    let gray = try Self.image("color.png").converted(toChannels: 1)
    #expect(try gray.pixels.map(Float.init) == Self.expected("luminance").elements)
    let white = RasterImage(height: 1, width: 1, channelCount: 3, pixels: [255, 255, 255])
    #expect(white.converted(toChannels: 1).pixels == [255])
  }

  @Test func aGreyImageInColourRepeatsItself() throws {
    let gray = try Self.image("gray.png")
    let color = gray.converted(toChannels: 3)
    #expect(color.channelCount == 3 && color.converted(toChannels: 1) == gray)
    #expect(color.pixels.prefix(6).elementsEqual([0, 0, 0, 1, 1, 1].map { gray.pixels[$0] }))
  }

  // MARK: Sizes

  /// In each of two passes a weight is rounded, and a sum of at most eight products: ten roundings. One more for the file.
  @Test(arguments: [7, 8, 19, 31])
  func otherSizesAreThoseOfTorch(size: Int) throws {
    let fitted = try Self.image("color.png").fitted(height: size, width: size)
    let expected = try Self.expected("fitted.\(size)")
    try #require(fitted.shape == expected.shape)
    let difference = zip(fitted.elements, expected.elements).map { abs($0 - $1) }.max() ?? .infinity
    #expect(difference <= 21 * 255 * 0x1p-24)
  }

  @Test func theOwnSizeChangesNothing() throws {
    let image = try Self.image("color.png")
    #expect(image.fitted(height: 19, width: 23).elements == image.pixels.map(Float.init))
  }

  @Test func theMiddleOfALongImageIsTaken() {
    // Columns 0 to 9, as values; two rows. The middle square of a height of 2 has the columns 4 and 5.
    let image = RasterImage(height: 2, width: 10, channelCount: 1, pixels: (0..<20).map { UInt8($0 % 10) })
    #expect(image.fitted(height: 2, width: 2).elements == [4, 5, 4, 5])
    #expect(image.fitted(height: 2, width: 4).elements == [3, 4, 5, 6, 3, 4, 5, 6])
    let tall = RasterImage(height: 10, width: 2, channelCount: 1, pixels: (0..<20).map { UInt8($0 / 2) })
    #expect(tall.fitted(height: 2, width: 2).elements == [4, 4, 5, 5])
  }

  @Test(arguments: [(1, 1), (1, 5000), (5000, 1), (3, 2)], [(1, 1), (5, 3), (64, 64)])
  func anyImageFitsAnySize(size: (Int, Int), target: (Int, Int)) {
    let image = RasterImage(
      height: size.0, width: size.1, channelCount: 3, pixels: [UInt8](repeating: 200, count: 3 * size.0 * size.1))
    let fitted = image.fitted(height: target.0, width: target.1)
    #expect(fitted.shape == [target.0, target.1, 3])
    // Every value is a mean of the same; its weights add up to 1 within their roundings.
    #expect(fitted.elements.allSatisfy { abs($0 - 200) < 0.01 })
  }
}
