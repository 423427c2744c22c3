import CJPEG
import NormaFiles

/// Decoding JPEG, through libjpeg-turbo.
enum JPEG {
  static func isJPEG(_ bytes: some Collection<UInt8>) -> Bool { bytes.starts(with: [0xFF, 0xD8, 0xFF]) }

  static func decoded(_ bytes: [UInt8], file: String) throws(FormatError) -> RasterImage {
    guard let decoder = tjInitDecompress() else {
      throw FormatError(file: file, problem: "libjpeg-turbo could not start decoding it", remedy: "Free some memory.")
    }
    defer { tjDestroy(decoder) }
    func damaged() -> FormatError {
      let reason = tjGetErrorStr2(decoder).map { String(cString: $0) } ?? "no reason given"
      return FormatError(
        file: file, problem: "the JPEG is damaged, cut off or of a rare kind (libjpeg-turbo: \(reason))",
        remedy: "Fetch or write it again.")
    }
    var (width, height, subsampling, colorSpace): (Int32, Int32, Int32, Int32) = (0, 0, 0, 0)
    guard
      tjDecompressHeader3(decoder, bytes, UInt(bytes.count), &width, &height, &subsampling, &colorSpace) == 0
    else { throw damaged() }
    try RasterImage.checkSize(height: Int(height), width: Int(width), file: file)
    let (format, storedChannels) =
      switch colorSpace {
      case Int32(TJCS_GRAY.rawValue): (TJPF_GRAY, 1)
      case Int32(TJCS_CMYK.rawValue), Int32(TJCS_YCCK.rawValue): (TJPF_CMYK, 4)
      default: (TJPF_RGB, 3)
      }
    try MemoryBudget.check(Int(height) * Int(width) * storedChannels * 2, for: file)
    var pixels = [UInt8](repeating: 0, count: Int(height) * Int(width) * storedChannels)
    // What libjpeg warns of is data that do not hang together; a picture that ends in grey is no picture to learn from. The
    // limit on scans is for small files made to take very long.
    let flags = TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS
    guard
      tjDecompress2(
        decoder, bytes, UInt(bytes.count), &pixels, width, width * Int32(storedChannels), height,
        Int32(format.rawValue), flags) == 0
    else { throw damaged() }
    let image = RasterImage(
      height: Int(height), width: Int(width), channelCount: storedChannels == 1 ? 1 : 3,
      pixels: storedChannels == 4 ? rgb(invertedCMYK: pixels) : pixels)
    return image.turned(ImageOrientation(jpeg: bytes) ?? .upright)
  }

  /// Red, green and blue from what cyan, magenta, yellow and black leave of the light: 255 is no ink.
  private static func rgb(invertedCMYK pixels: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(pixels.count / 4 * 3)
    for pixel in stride(from: 0, to: pixels.count, by: 4) {
      let black = UInt32(pixels[pixel + 3])
      for channel in 0..<3 { result.append(UInt8((UInt32(pixels[pixel + channel]) * black + 127) / 255)) }
    }
    return result
  }
}
