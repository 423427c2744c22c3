import Foundation
import NormaFiles
import NormaImages
import Testing

@Suite struct RasterImageBadInputTests {
  private func bytes(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: RasterImageTests.folder.appending(path: name)))
  }

  private func error(_ bytes: [UInt8]) -> FormatError? {
    do {
      _ = try RasterImage(bytes: bytes, file: "picture")
      return nil
    } catch { return error }
  }

  @Test(arguments: ["color.png", "color-interlaced.png", "palette-alpha.png", "color.jpg", "color-progressive.jpg"])
  func aFileThatIsCutAnywhereGivesAnErrorOrTheWholePicture(name: String) throws {
    let whole = try bytes(name)
    let picture = try RasterImage(bytes: whole, file: name)
    // What follows the pixels: the end of PNG's data is a checksum and an empty chunk, that of JPEG's a mark.
    let tail = name.hasSuffix("png") ? 20 : 2
    for count in 0..<whole.count {
      do {
        let cut = try RasterImage(bytes: Array(whole.prefix(count)), file: name)
        #expect(cut == picture && count >= whole.count - tail, "cut to \(count) of \(whole.count) bytes")
      } catch {
        #expect(error.file == name)
      }
    }
  }

  @Test(arguments: ["color.png", "gray-16.png", "palette-alpha.png", "color.jpg", "cmyk.jpg", "color-progressive.jpg"])
  func noChangedByteCrashesAnything(name: String) throws {
    let whole = try bytes(name)
    for position in whole.indices {
      for change: UInt8 in [0x01, 0x80, 0xFF] {
        var changed = whole
        changed[position] ^= change
        // A size in the header may become one that takes long to clear the memory for; those have a test of their own.
        guard !isSize(position, name) else { continue }
        _ = error(changed)
      }
    }
  }

  private func isSize(_ position: Int, _ name: String) -> Bool { name.hasSuffix("png") && (16..<24).contains(position) }

  /// A PNG's header with another size and the checksum that belongs to it.
  private func png(width: UInt32, height: UInt32) throws -> [UInt8] {
    var bytes = try bytes("color.png")
    func put(_ value: UInt32, at position: Int) {
      for byte in 0..<4 { bytes[position + byte] = UInt8(truncatingIfNeeded: value >> UInt32(24 - 8 * byte)) }
    }
    put(width, at: 16)
    put(height, at: 20)
    var remainder: UInt32 = 0xFFFF_FFFF
    for byte in bytes[12..<29] {
      remainder ^= UInt32(byte)
      for _ in 0..<8 { remainder = remainder >> 1 ^ (remainder & 1 == 1 ? 0xEDB8_8320 : 0) }
    }
    put(~remainder, at: 29)
    return bytes
  }

  @Test func aHeaderThatClaimsMorePixelsThanThereAreIsFoundOut() throws {
    #expect(try error(png(width: 23, height: 19)) == nil)
    #expect(try error(png(width: 23, height: 20))?.problem.contains("damaged or cut off") == true)
    #expect(try error(png(width: 5000, height: 5000))?.problem.contains("damaged or cut off") == true)
  }

  @Test func aHeaderThatClaimsMoreThanAnyPictureHasIsRefusedBeforeMemoryIsAskedFor() throws {
    let large = try #require(try error(png(width: 100_000, height: 100_000)))
    #expect(large.description.contains("'picture': it claims to be 100000 × 100000 pixels large. An image may have"))
    #expect(try error(png(width: 0, height: 10)) != nil)
    #expect(try error(png(width: .max, height: .max)) != nil)
    // A JPEG's size stands in its frame header: FF C0, length, precision, height, width.
    var jpeg = try bytes("color.jpg")
    let frame = try #require(jpeg.indices.dropLast().first { jpeg[$0] == 0xFF && jpeg[$0 + 1] == 0xC0 })
    // 240 · 256 + 240 of each, which is below the most that a JPEG can have.
    for position in frame + 5..<frame + 9 { jpeg[position] = 240 }
    #expect(error(jpeg)?.problem == "it claims to be 61680 × 61680 pixels large")
  }

  @Test func whatIsNeitherPNGNorJPEGIsNamed() {
    for text in ["", "GIF89a", "\u{89}PN", "<html>"] {
      #expect(error(Array(text.utf8))?.problem == "it is neither a PNG nor a JPEG")
    }
    #expect(!RasterImage.isImage([0xFF, 0xD8]) && RasterImage.isImage([0xFF, 0xD8, 0xFF]))
    #expect(throws: FileError.self) { try RasterImage(contentsOf: "/nowhere/picture.png") }
  }
}
