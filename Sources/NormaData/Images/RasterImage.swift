import NormaTensor

/// A picture of 8-bit pixels, grey or red, green and blue. `NormaImages` reads it from PNG and JPEG files.
public struct RasterImage: Hashable, Sendable {
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
      for pixel in stride(from: 0, to: pixels.count, by: 3) {
        converted.append(Self.luminance(pixels[pixel], pixels[pixel + 1], pixels[pixel + 2]))
      }
    }
    return RasterImage(height: height, width: width, channelCount: count, pixels: converted)
  }

  /// How bright a colour is, see ``converted(toChannels:)``. The weights in 2⁻¹⁶ add up to 1, so white stays white.
  @inline(__always) static func luminance(_ red: UInt8, _ green: UInt8, _ blue: UInt8) -> UInt8 {
    let (red, green, blue) = (UInt32(red), UInt32(green), UInt32(blue))
    let sum: UInt32 = 19595 * red + 38470 * green + 7471 * blue
    return UInt8((sum + 0x8000) >> 16)
  }

  /// An image of the same size, made by a function that writes all its values.
  func replacingPixels(
    _ write: (_ pixels: UnsafeBufferPointer<UInt8>, _ result: UnsafeMutableBufferPointer<UInt8>) -> Void
  ) -> RasterImage {
    let changed = [UInt8](unsafeUninitializedCapacity: pixels.count) { result, count in
      count = pixels.count
      pixels.withUnsafeBufferPointer { write($0, UnsafeMutableBufferPointer(rebasing: result[..<count])) }
    }
    return RasterImage(height: height, width: width, channelCount: channelCount, pixels: changed)
  }
}
