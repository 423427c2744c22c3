import NormaFiles
import NormaTensor

/// A picture as it comes from a PNG or JPEG file, or goes into a PNG: 8-bit pixels, grey or red, green and blue.
///
/// What kind of file it is, its first bytes tell, not its name. A picture is turned as the camera noted it must be (EXIF).
public struct RasterImage: Hashable, Sendable {
  /// The most pixels an image may have, 2²⁷ (134 million). A few bytes can claim any size; this is checked before memory is
  /// asked for.
  public static let maximumPixelCount = 1 << 27

  /// The number of rows.
  public let height: Int
  /// The number of pixels in a row.
  public let width: Int
  /// 1 for grey, 3 for red, green and blue.
  public let channelCount: Int
  /// The values `[height, width, channelCount]`, row by row from the top.
  public let pixels: [UInt8]

  /// An image of the given pixels. It has at least one, with one channel or three.
  public init(height: Int, width: Int, channelCount: Int, pixels: [UInt8]) {
    require(
      height > 0 && width > 0 && (channelCount == 1 || channelCount == 3),
      "an image of \(height) × \(width) pixels with \(channelCount) channels")
    require(pixels.count == height * width * channelCount, "\(pixels.count) values for \(height) × \(width) pixels")
    self.height = height
    self.width = width
    self.channelCount = channelCount
    self.pixels = pixels
  }

  /// Reads a file.
  ///
  /// - Throws: `FileError` if it cannot be read, `FormatError` if it is no whole PNG or JPEG.
  public init(contentsOf path: String) throws {
    try self.init(bytes: try FileAccess.read(path), file: path)
  }

  /// Decodes a file's bytes.
  ///
  /// PNG of every kind is read: palettes, 1 to 16 bits (rounded to 8, where some readers keep the upper 8), interlaced. Its
  /// samples are taken as they stand: what is said of gamma and colours is not looked at, and what is transparent is mixed
  /// with white as it is stored, as viewers and Pillow do both. JPEG is read in grey, colour and CMYK (taken as inverted,
  /// which is how it is written everywhere), baseline and progressive. The orientation in EXIF data is obeyed.
  /// - Parameters:
  ///   - bytes: the whole file.
  ///   - file: what errors call the file.
  /// - Throws: `FormatError` if it is neither PNG nor JPEG, damaged or cut off, has more than ``maximumPixelCount`` pixels,
  ///   takes more memory than there is, or is one of the few kinds that the libraries do not read.
  public init(bytes: [UInt8], file: String) throws(FormatError) {
    if PNG.isPNG(bytes) {
      self = try PNG.decoded(bytes, file: file)
    } else if JPEG.isJPEG(bytes) {
      self = try JPEG.decoded(bytes, file: file)
    } else {
      throw FormatError(
        file: file, problem: "it is neither a PNG nor a JPEG", remedy: "Convert it, or take it away if it is no image.")
    }
  }

  /// The image as the bytes of a PNG file, 8 bits a value.
  ///
  /// - Throws: `FormatError` if it has more than a million rows or columns, which libpng refuses.
  public func encodedAsPNG() throws(FormatError) -> [UInt8] { try PNG.encoded(self) }

  /// Whether the bytes begin like a PNG or a JPEG.
  public static func isImage(_ bytes: some Collection<UInt8>) -> Bool { PNG.isPNG(bytes) || JPEG.isJPEG(bytes) }

  /// Makes sure that there are pixels, and not too many to ask memory for.
  static func checkSize(height: Int, width: Int, file: String) throws(FormatError) {
    // Neither library gives a length beyond 32 bits, so that the product cannot overflow.
    guard height > 0, width > 0, height * width <= maximumPixelCount else {
      throw FormatError(
        file: file, problem: "it claims to be \(width) × \(height) pixels large",
        remedy: "An image may have 1 to \(maximumPixelCount) pixels.")
    }
  }
}

extension RasterImage {
  /// The image in grey (one channel) or in colour (three).
  ///
  /// Grey is the luminance 0.299 · red + 0.587 · green + 0.114 · blue (ITU-R BT.601), rounded; colour from grey repeats it.
  public func converted(toChannels count: Int) -> RasterImage {
    require(count == 1 || count == 3, "an image of \(count) channels")
    guard count != channelCount else { return self }
    var converted: [UInt8] = []
    converted.reserveCapacity(height * width * count)
    if count == 3 {
      for value in pixels { converted.append(contentsOf: repeatElement(value, count: 3)) }
    } else {
      // The weights in 2⁻¹⁶; they add up to 1, so white stays white.
      for pixel in stride(from: 0, to: pixels.count, by: 3) {
        let (red, green, blue) = (UInt32(pixels[pixel]), UInt32(pixels[pixel + 1]), UInt32(pixels[pixel + 2]))
        converted.append(UInt8((19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16))
      }
    }
    return RasterImage(height: height, width: width, channelCount: count, pixels: converted)
  }
}
