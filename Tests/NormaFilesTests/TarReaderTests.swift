import NormaFiles
import Testing

@Suite struct TarReaderTests {
  /// Everything in an archive.
  private func files(_ bytes: [UInt8]) throws -> [(name: String, contents: [UInt8])] {
    let archive = TarReader(bytes: bytes, file: "archive")
    var files: [(name: String, contents: [UInt8])] = []
    while let entry = try archive.next() {
      files.append((entry.name, try archive.contents()))
      #expect(files.last?.contents.count == entry.size)
    }
    return files
  }

  static let deepName = Array(repeating: "directory", count: 12).joined(separator: "/") + "/deep.txt"
  static let longName = "folder/" + String(repeating: "long", count: 40) + ".txt"

  @Test(arguments: [
    ("ustar", ["folder/short.txt", deepName]),
    ("gnu", ["folder/short.txt", deepName, longName, "größe.txt"]),
    ("pax", ["folder/short.txt", deepName, longName, "größe.txt"]),
  ])
  func theFilesOfEveryFlavourAreFound(flavour: String, names: [String]) throws {
    let bytes = try FileAccess.read(fixture("\(flavour).tar"))
    let files = try files(bytes)
    #expect(files.map(\.name) == names)
    for file in files {
      #expect(String(decoding: file.contents, as: UTF8.self) == "This is \(file.name).")
    }
  }

  @Test(arguments: ["ustar", "gnu", "pax"])
  func anArchiveCutAnywhereIsRefused(flavour: String) throws {
    let bytes = try FileAccess.read(fixture("\(flavour).tar"))
    // Two blocks of zeros mark the end; the first of them is enough.
    for length in 0..<(bytes.count - 512) {
      #expect(throws: FormatError.self, "\(length) bytes") { try files(Array(bytes.prefix(length))) }
    }
  }

  @Test func aDamagedHeaderIsRefusedWithItsPosition() throws {
    var bytes = try FileAccess.read(fixture("ustar.tar"))
    bytes[512 + 3] ^= 1
    let error = #expect(throws: FormatError.self) { try files(bytes) }
    #expect(
      error?.description
        == "'archive', byte 512: the tar header is damaged (wrong checksum). Download it again.")
  }

  @Test func anotherFileIsNoArchive() {
    let text = Array(String(repeating: "text ", count: 400).utf8)
    for bytes in [text, [], [1, 2, 3]] {
      let error = #expect(throws: FormatError.self) { try files(bytes) }
      #expect(error?.problem == "it is not a tar archive")
    }
  }

  @Test func whatNobodyAsksForIsPassedOver() throws {
    let bytes = try FileAccess.read(fixture("gnu.tar"))
    let archive = TarReader(bytes: bytes, file: "archive")
    var names: [String] = []
    while let entry = try archive.next() { names.append(entry.name) }
    #expect(names == ["folder/short.txt", Self.deepName, Self.longName, "größe.txt"])
    #expect(try archive.next() == nil && archive.contents().isEmpty)
  }

  /// A header of the given name, size and kind.
  private func header(_ name: String, size: String, kind: UInt8 = UInt8(ascii: "0")) -> [UInt8] {
    var header = [UInt8](repeating: 0, count: 512)
    func put(_ text: String, at offset: Int) {
      header.replaceSubrange(offset..<offset + text.utf8.count, with: text.utf8)
    }
    put(name, at: 0)
    put(size, at: 124)
    header[156] = kind
    put("        ", at: 148)
    put(String(header.reduce(0) { $0 + Int($1) }, radix: 8) + "\0", at: 148)
    return header
  }

  @Test func aNameOfMoreThanAnyNameHasIsRefusedBeforeItIsRead() {
    let error = #expect(throws: FormatError.self) {
      try files(header("long", size: "77777777777", kind: UInt8(ascii: "L")))
    }
    #expect(error?.problem == "a name of 8589934591 bytes is none")
  }

  @Test func whatComesAfterTheEndIsStopped() throws {
    let end = [UInt8](repeating: 0, count: 1024)
    #expect(try files(header("a", size: "0") + end + [UInt8](repeating: 0, count: 1 << 19)).map(\.name) == ["a"])
    let error = #expect(throws: FormatError.self) {
      try files(header("a", size: "0") + end + [UInt8](repeating: 0, count: 2 << 20))
    }
    #expect(error?.problem == "it goes on behind its end")
  }

  /// Where more is promised than there is, memory is taken for what there is.
  @Test func aSizeThatIsNotThereIsFoundOut() {
    let error = #expect(throws: FormatError.self) { try files(header("a", size: "07777777777") + [1, 2, 3]) }
    #expect(error?.problem == "the tar archive is cut off")
  }
}
