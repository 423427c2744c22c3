import CPNG
import NormaFiles

/// Decoding and encoding PNG, through libpng.
enum PNG {
  static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

  static func isPNG(_ bytes: some Collection<UInt8>) -> Bool { bytes.starts(with: signature) }

  static func decoded(_ bytes: [UInt8], file: String) throws(FormatError) -> RasterImage {
    let chunks = PNGChunks(bytes)
    let orientation = chunks.exif.flatMap { ImageOrientation(exif: $0) }
    return try samples(chunks.samplesOnly, file: file).turned(orientation ?? .upright)
  }

  /// The samples as they stand in the file, 16 bits rounded to 8, with what is transparent over white.
  private static func samples(_ bytes: [UInt8], file: String) throws(FormatError) -> RasterImage {
    // libpng's state points back at the image, which therefore must not move.
    let image = UnsafeMutablePointer<png_image>.allocate(capacity: 1)
    image.initialize(to: png_image())
    image.pointee.version = png_uint_32(PNG_IMAGE_VERSION)
    defer {
      png_image_free(image)
      image.deallocate()
    }
    return try bytes.withUnsafeBufferPointer { bytes throws(FormatError) in
      guard png_image_begin_read_from_memory(image, bytes.baseAddress, bytes.count) != 0 else {
        throw damaged(image.pointee, file: file)
      }
      let (height, width) = (Int(image.pointee.height), Int(image.pointee.width))
      try RasterImage.checkSize(height: height, width: width, file: file)
      let hasColor = image.pointee.format & png_uint_32(PNG_FORMAT_FLAG_COLOR) != 0
      let hasAlpha = image.pointee.format & png_uint_32(PNG_FORMAT_FLAG_ALPHA) != 0
      image.pointee.format = png_uint_32(
        (hasColor ? PNG_FORMAT_FLAG_COLOR : 0) | (hasAlpha ? PNG_FORMAT_FLAG_ALPHA : 0))
      // Otherwise files of 16 bits would be taken as linear in light, which hardly any are.
      image.pointee.flags |= png_uint_32(PNG_IMAGE_FLAG_16BIT_sRGB)
      let channelCount = hasColor ? 3 : 1
      let sampleCount = channelCount + (hasAlpha ? 1 : 0)
      try MemoryBudget.check(height * width * sampleCount * 2, for: file)
      var samples = [UInt8](repeating: 0, count: height * width * sampleCount)
      guard png_image_finish_read(image, nil, &samples, png_int_32(width * sampleCount), nil) != 0 else {
        throw damaged(image.pointee, file: file)
      }
      return RasterImage(
        height: height, width: width, channelCount: channelCount,
        pixels: hasAlpha ? overWhite(samples, channelCount: channelCount) : samples)
    }
  }

  /// Samples that an opacity follows, over white: mixed as they are stored, the way viewers do it, and rounded to nearest.
  private static func overWhite(_ samples: [UInt8], channelCount: Int) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(samples.count / (channelCount + 1) * channelCount)
    for pixel in stride(from: 0, to: samples.count, by: channelCount + 1) {
      let opacity = UInt32(samples[pixel + channelCount])
      for channel in 0..<channelCount {
        let mixed = UInt32(samples[pixel + channel]) * opacity + 255 * (255 - opacity)
        result.append(UInt8((mixed + 127) / 255))
      }
    }
    return result
  }

  static func encoded(_ image: RasterImage) throws(FormatError) -> [UInt8] {
    var state = png_image()
    state.version = png_uint_32(PNG_IMAGE_VERSION)
    state.width = png_uint_32(image.width)
    state.height = png_uint_32(image.height)
    state.format = png_uint_32(image.channelCount == 3 ? PNG_FORMAT_FLAG_COLOR : 0)
    // No size is known before, and one that is not compressible at all takes little more than its pixels.
    var size = png_alloc_size_t(image.pixels.count + image.pixels.count / 8 + image.height + 4096)
    var bytes = [UInt8](repeating: 0, count: Int(size))
    var isWritten = png_image_write_to_memory(&state, &bytes, &size, 0, image.pixels, 0, nil) != 0
    if !isWritten && Int(size) > bytes.count {
      bytes = [UInt8](repeating: 0, count: Int(size))
      isWritten = png_image_write_to_memory(&state, &bytes, &size, 0, image.pixels, 0, nil) != 0
    }
    guard isWritten else {
      throw FormatError(
        file: "image",
        problem: "\(image.width) × \(image.height) pixels could not be made a PNG (libpng: \(message(state)))",
        remedy: "Make it smaller.")
    }
    return Array(bytes[..<Int(size)])
  }

  private static func damaged(_ image: png_image, file: String) -> FormatError {
    FormatError(
      file: file, problem: "the PNG is damaged or cut off (libpng: \(message(image)))",
      remedy: "Fetch or write it again.")
  }

  private static func message(_ image: png_image) -> String {
    withUnsafeBytes(of: image.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}
