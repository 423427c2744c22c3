import NormaData
import NormaFiles

// Who reads files of images names what is read from them.
@_exported import struct NormaData.RasterImage

/// Pictures from PNG and JPEG files, and as PNG files.
///
/// What kind of file it is, its first bytes tell, not its name. A picture is turned as the camera noted it must be (EXIF).
extension RasterImage {
  /// The most pixels an image may have, 2²⁷ (134 million). A few bytes can claim any size; this is checked before memory is
  /// asked for.
  public static let maximumPixelCount = 1 << 27

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
