import Foundation
import NormaFiles
import NormaImages
import Testing

/// Pictures that people reported to other projects because they were read as something else than what is seen. Each is named
/// by project and number in that project's public tracker, told in own words, and made here byte by byte.
@Suite struct ReportedImageTests {
  // MARK: Orientation

  /// What a camera notes beside the pixels, in the form of TIFF that EXIF has, with the high byte first or last.
  private static func exif(orientation: Int, isBigEndian: Bool = true) -> [UInt8] {
    func bytes(_ value: Int, _ count: Int) -> [UInt8] {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
      return isBigEndian ? bytes.reversed() : bytes
    }
    let mark = Array((isBigEndian ? "MM" : "II").utf8)
    let entry = bytes(0x0112, 2) + bytes(3, 2) + bytes(1, 4) + bytes(orientation, 2) + bytes(0, 2)
    return mark + bytes(42, 2) + bytes(8, 4) + bytes(1, 2) + entry + bytes(0, 4)
  }

  /// Where in the file the pixel stands that is seen in a row and column, if the file has so many rows and columns.
  private static func source(_ orientation: Int, row: Int, column: Int, height: Int, width: Int) -> (Int, Int) {
    switch orientation {
    case 2: (row, width - 1 - column)
    case 3: (height - 1 - row, width - 1 - column)
    case 4: (height - 1 - row, column)
    case 5: (column, row)
    case 6: (height - 1 - column, row)
    case 7: (height - 1 - column, width - 1 - row)
    case 8: (column, width - 1 - row)
    default: (row, column)
    }
  }

  private static func seen(_ image: RasterImage, orientation: Int) -> RasterImage {
    let isTurned = (5...8).contains(orientation)
    let (height, width) = isTurned ? (image.width, image.height) : (image.height, image.width)
    var pixels: [UInt8] = []
    for row in 0..<height {
      for column in 0..<width {
        let (y, x) = source(orientation, row: row, column: column, height: image.height, width: image.width)
        let start = (y * image.width + x) * image.channelCount
        pixels += image.pixels[start..<start + image.channelCount]
      }
    }
    return RasterImage(height: height, width: width, channelCount: image.channelCount, pixels: pixels)
  }

  // Pillow#3748, Pillow#9109, Pillow#1188: photographs of telephones were read lying on their side or on their head, as the
  // sensor saw them. What 0 and 9 mean is not defined; they change nothing.
  @Test(arguments: 0...9, [true, false])
  func aPhotographIsReadAsItWasHeld(orientation: Int, isBigEndian: Bool) throws {
    let file = [UInt8](try Data(contentsOf: RasterImageTests.folder.appending(path: "color-444.jpg")))
    let exif = Array("Exif\0\0".utf8) + Self.exif(orientation: orientation, isBigEndian: isBigEndian)
    let segment = [0xFF, 0xE1, UInt8((exif.count + 2) >> 8), UInt8((exif.count + 2) & 255)] + exif
    let photograph = try RasterImage(bytes: file.prefix(2) + segment + file.dropFirst(2), file: "photograph")
    #expect(photograph == Self.seen(try RasterImage(bytes: file, file: "sensor"), orientation: orientation))
  }

  // Pillow#4537: a PNG may carry the same note. The letters a to f, of which the first row of the file holds three.
  @Test(arguments: [
    (1, "abcdef"), (2, "cbafed"), (3, "fedcba"), (4, "defabc"), (5, "adbecf"), (6, "daebfc"), (7, "fcebda"),
    (8, "cfbead"),
  ])
  func aPNGIsReadAsItsNoteSays(orientation: Int, letters: String) throws {
    let image = try read(
      PNGBytes.file(
        width: 3, height: 2, depth: 8, colorType: 0, chunks: [("eXIf", Self.exif(orientation: orientation))],
        rows: [Array("abc".utf8), Array("def".utf8)]))
    #expect(image.pixels == Array(letters.utf8))
    #expect(image.width == (orientation > 4 ? 2 : 3) && image.height == (orientation > 4 ? 3 : 2))
  }

  // MARK: Depth, transparency and gamma

  private func read(_ bytes: [UInt8]) throws -> RasterImage { try RasterImage(bytes: bytes, file: "reported.png") }

  // Pillow#2574, Pillow#3011, keras#4486: of 16 bits of grey everything above 255 became white.
  @Test func sixteenBitsOfGreyAreScaledAndNotCut() throws {
    let levels = [0, 1, 100, 128, 200, 255]
    let row = levels.flatMap { [UInt8($0), UInt8($0)] }
    let image = try read(PNGBytes.file(width: 6, height: 1, depth: 16, colorType: 0, rows: [row]))
    #expect(image.channelCount == 1 && image.pixels == levels.map(UInt8.init))
  }

  // Pillow#3379: a picture of one bit whose black is declared transparent was read as black.
  @Test func transparentBlackOfOneBitIsWhite() throws {
    let image = try read(
      PNGBytes.file(width: 8, height: 1, depth: 1, colorType: 0, chunks: [("tRNS", [0, 0])], rows: [[0b0101_0011]]))
    #expect(image.pixels == [UInt8](repeating: 255, count: 8))
  }

  // Pillow#421: a colour declared transparent counted for nothing unless the picture had a palette.
  @Test func aColourThatIsDeclaredTransparentIsWhite() throws {
    let image = try read(
      PNGBytes.file(
        width: 3, height: 1, depth: 8, colorType: 2, chunks: [("tRNS", [0, 10, 0, 20, 0, 30])],
        rows: [[10, 20, 30, 10, 20, 31, 0, 0, 0]]))
    #expect(image.pixels == [255, 255, 255, 10, 20, 31, 0, 0, 0])
  }

  // Pillow#1838: a palette all of whose colours are transparent lost that, and its black became visible.
  @Test func aPaletteMayBeTransparentAltogether() throws {
    let image = try read(
      PNGBytes.file(
        width: 4, height: 1, depth: 8, colorType: 3,
        chunks: [("PLTE", [0, 0, 0, 200, 10, 10]), ("tRNS", [0, 0])], rows: [[0, 1, 1, 0]]))
    #expect(image.pixels == [UInt8](repeating: 255, count: 12))
  }

  // Pillow#6156: a file claims a gamma of 2147; samples are what they are. So do smaller, likelier claims nothing.
  @Test(arguments: [214_748_365, 100_000, 45_455, 22_727, 1]) func whatAFileClaimsOfGammaChangesNoSample(gamma: Int)
    throws
  {
    let claim = (0..<4).map { UInt8(truncatingIfNeeded: gamma >> (24 - 8 * $0)) }
    let image = try read(
      PNGBytes.file(
        width: 4, height: 1, depth: 8, colorType: 0, chunks: [("gAMA", claim)], rows: [[50, 100, 150, 200]]))
    #expect(image.pixels == [50, 100, 150, 200])
  }

  // MARK: Damage that is none, and damage

  // Pillow#4472: a wrong checksum of something that is not the picture, here of a colour profile, keeps nobody from seeing it.
  @Test func aDamagedColourProfileDoesNotCostThePicture() throws {
    let image = try read(
      PNGBytes.file(
        width: 2, height: 1, depth: 8, colorType: 2,
        chunks: [("iCCP", Array("p\0\0".utf8) + PNGBytes.stored([1, 2, 3]))],
        rows: [[1, 2, 3, 250, 251, 252]], damaging: "iCCP"))
    #expect(image.pixels == [1, 2, 3, 250, 251, 252])
  }

  // Pillow#2445: a small picture with more than a million bytes of profile behind it was refused.
  @Test func aLargeColourProfileDoesNotCostThePicture() throws {
    let profile = PNGBytes.stored([UInt8](repeating: 0, count: 1_200_000))
    let image = try read(
      PNGBytes.file(
        width: 1, height: 1, depth: 8, colorType: 2, chunks: [("iCCP", Array("p\0\0".utf8) + profile)],
        rows: [[9, 8, 7]]))
    #expect(image.pixels == [9, 8, 7])
  }

  // Pillow#6118: a download that ended early is shown by browsers as far as it goes, the rest grey. It is an error.
  @Test func aPictureThatEndsEarlyIsAnError() throws {
    let rows = (0..<64).map { row in (0..<64).map { UInt8(($0 * row) & 255) } }
    let whole = PNGBytes.file(width: 64, height: 64, depth: 8, colorType: 0, rows: rows)
    #expect(try read(whole).pixels == rows.flatMap(\.self))
    for count in [whole.count / 2, whole.count * 9 / 10] {
      let error = #expect(throws: FormatError.self) { try read(Array(whole.prefix(count))) }
      #expect(error?.description.contains("cut off") == true)
    }
  }
}

/// PNG files written by hand, with what is not compressed.
private enum PNGBytes {
  private static func bytes(_ value: Int) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
  }

  /// A file of the given rows of samples.
  ///
  /// - Parameters:
  ///   - chunks: what stands before the pixels, with its name.
  ///   - name: a chunk whose checksum is to be wrong.
  static func file(
    width: Int, height: Int, depth: UInt8, colorType: UInt8, chunks: [(String, [UInt8])] = [], rows: [[UInt8]],
    damaging name: String? = nil
  ) -> [UInt8] {
    let header = bytes(width) + bytes(height) + [depth, colorType, 0, 0, 0]
    let all = [("IHDR", header)] + chunks + [("IDAT", stored(rows.flatMap { [0] + $0 })), ("IEND", [])]
    return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
      + all.flatMap { chunk in
        let content = Array(chunk.0.utf8) + chunk.1
        return bytes(chunk.1.count) + content + bytes(Int(checksum(content)) ^ (chunk.0 == name ? 1 : 0))
      }
  }

  /// A stream of zlib that holds the bytes as they are.
  static func stored(_ content: [UInt8]) -> [UInt8] {
    var result: [UInt8] = [0x78, 0x01]
    var start = 0
    repeat {
      let end = min(start + 65_535, content.count)
      let (low, high) = (UInt8((end - start) & 255), UInt8((end - start) >> 8))
      result += [end == content.count ? 1 : 0, low, high, ~low, ~high] + content[start..<end]
      start = end
    } while start < content.count
    var (first, second) = (1, 0)
    for byte in content {
      first = (first + Int(byte)) % 65_521
      second = (second + first) % 65_521
    }
    return result + bytes(second << 16 | first)
  }

  private static func checksum(_ content: [UInt8]) -> UInt32 {
    var remainder: UInt32 = 0xFFFF_FFFF
    for byte in content {
      remainder ^= UInt32(byte)
      for _ in 0..<8 { remainder = remainder >> 1 ^ (remainder & 1 == 1 ? 0xEDB8_8320 : 0) }
    }
    return ~remainder
  }
}
