import NormaFiles
import Testing

@Suite struct TarArchiveTests {
  static let deepName = Array(repeating: "directory", count: 12).joined(separator: "/") + "/deep.txt"
  static let longName = "folder/" + String(repeating: "long", count: 40) + ".txt"

  @Test(arguments: [
    ("ustar", ["folder/short.txt", deepName]),
    ("gnu", ["folder/short.txt", deepName, longName, "größe.txt"]),
    ("pax", ["folder/short.txt", deepName, longName, "größe.txt"]),
  ])
  func theFilesOfEveryFlavourAreFound(flavour: String, names: [String]) throws {
    let bytes = try FileAccess.read(fixture("\(flavour).tar"))
    #expect(TarArchive.isTar(bytes))
    let archive = try TarArchive(bytes, file: "archive")
    #expect(archive.entries.map(\.name) == names)
    for entry in archive.entries {
      #expect(String(decoding: entry.bytes, as: UTF8.self) == "This is \(entry.name).")
    }
  }

  @Test(arguments: ["ustar", "gnu", "pax"])
  func anArchiveCutAnywhereIsRefused(flavour: String) throws {
    let bytes = try FileAccess.read(fixture("\(flavour).tar"))
    // Two blocks of zeros mark the end; the first of them is enough.
    for length in 0..<(bytes.count - 512) {
      #expect(throws: FormatError.self, "\(length) bytes") { try TarArchive(Array(bytes.prefix(length)), file: "f") }
    }
  }

  @Test func aDamagedHeaderIsRefusedWithItsPosition() throws {
    var bytes = try FileAccess.read(fixture("ustar.tar"))
    bytes[512 + 3] ^= 1
    let error = #expect(throws: FormatError.self) { try TarArchive(bytes, file: "archive") }
    #expect(
      error?.description
        == "'archive', byte 512: the tar header is damaged (wrong checksum). Download it again.")
  }

  @Test func anotherFileIsNoArchive() {
    let text = Array(String(repeating: "text ", count: 400).utf8)
    #expect(!TarArchive.isTar(text))
    #expect(!TarArchive.isTar([]))
    let error = #expect(throws: FormatError.self) { try TarArchive(text, file: "archive") }
    #expect(error?.problem == "it is not a tar archive")
  }
}
