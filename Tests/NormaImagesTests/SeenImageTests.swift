import Foundation
import NormaFiles
import NormaImages
import NormaTensor
import TestSupport
import Testing

/// Images that are not seen as they stand in their file, and what Pillow sees: `Tests/Fixtures/make_seen_image_fixtures.py`.
@Suite struct SeenImageTests {
  static let folder = fixturesDirectory.appending(path: "images/seen")

  private static let names: [String] = {
    let names = try? FileAccess.names(inDirectory: folder.path)
    return (names ?? []).filter { $0 != "expected.safetensors" }
  }()

  /// Whole files of both kinds are the same to the bit but for JPEG's own rounding, by a step, in which versions differ.
  @Test(arguments: names) func anImageIsSeenAsPillowSeesIt(name: String) throws {
    let file = try Safetensors(contentsOf: Self.folder.appending(path: "expected.safetensors").path)
    let entry = try #require(file.entries[name])
    let expected = try #require(entry.wholeNumbers)
    let image = try RasterImage(contentsOf: Self.folder.appending(path: name).path)
    try #require([image.height, image.width, image.channelCount] == Array(entry.shape))
    let difference = zip(image.pixels, expected).map { abs(Int64($0) - $1) }.max()
    #expect(difference ?? .max <= (name.hasSuffix(".png") ? 0 : 1))
  }

  @Test func thereAreFilesOfEveryKind() {
    #expect(Self.names.count == 41)
  }

  /// Black with the opacities 255, 192, 128 and 64; and samples with a gamma of 1.
  @Test func samplesAreMixedAndReadAsTheyAreStored() throws {
    func pixels(_ name: String) throws -> [UInt8] {
      try RasterImage(contentsOf: fixturesDirectory.appending(path: "cases/\(name)").path).pixels
    }
    #expect(try pixels("07-png-alpha/alpha.png") == [0, 63, 127, 191])
    #expect(try pixels("08-png-gamma/gamma1.png") == [50, 100, 150, 200])
  }

  /// A camera's note is for people: where it is damaged the picture is there still.
  @Test(arguments: ["orientation-6.jpg", "orientation-6.png"]) func noDamagedByteOfANoteCrashes(name: String) throws {
    let bytes = try FileAccess.read(Self.folder.appending(path: name).path)
    let place = try #require(
      bytes.indices.dropLast(4).first {
        bytes[$0..<$0 + 4].elementsEqual(name.hasSuffix("jpg") ? "Exif".utf8 : "eXIf".utf8)
      })
    for position in place..<place + 60 {
      for change in [1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80, 0xFF] as [UInt8] {
        var damaged = bytes
        damaged[position] ^= change
        _ = try? RasterImage(bytes: damaged, file: "f")
      }
    }
  }
}
