import NormaFiles
import TestSupport
import Testing

@Suite struct ZipArchiveTests {
  /// The problem of an archive that is refused.
  private func problem(_ bytes: [UInt8]) -> String? {
    #expect(throws: FormatError.self) {
      let archive = try ZipArchive(bytes, file: "f")
      for member in archive.members { _ = try archive.contents(of: member) }
    }?.problem
  }

  private func archive(_ members: [(name: String, contents: [UInt8])], limit: Int = 0x7FFF_FFFF) -> [UInt8] {
    var writer = ZipWriter(limit: limit)
    for (name, contents) in members { writer.add(name, contents) }
    return writer.archive()
  }

  /// Where the nth record of a kind begins: 1 and 2 for the directory, 3 and 4 for a member's header.
  private func place(_ kind: [UInt8], _ number: Int = 0, in bytes: [UInt8]) throws -> Int {
    let places = bytes.indices.dropLast(3).filter { bytes[$0..<$0 + 4].elementsEqual([0x50, 0x4B] + kind) }
    return try #require(places.dropFirst(number).first)
  }

  private let members: [(name: String, contents: [UInt8])] = [
    ("a", [1, 2, 3]), ("folder/b", []), ("ü", [UInt8](repeating: 7, count: 300)),
  ]

  @Test(arguments: [0x7FFF_FFFF, 100, 10, 0])
  func sizesOf64BitsAreWrittenAndRead(limit: Int) throws {
    let archive = try ZipArchive(archive(members, limit: limit), file: "f")
    #expect(archive.members.map(\.name) == members.map(\.name))
    for (member, (_, contents)) in zip(archive.members, members) {
      #expect(try archive.contents(of: member) == contents)
    }
  }

  @Test func aCommentBehindTheDirectoryIsAllowed() throws {
    var bytes = archive(members)
    bytes[bytes.count - 2] = 5
    #expect(try ZipArchive(bytes + Array("hello".utf8), file: "f").members.count == 3)
    #expect(problem(bytes + Array("hell".utf8))?.contains("cut off, or no archive") == true)
  }

  @Test func membersOfTheSameNameAreRefused() {
    #expect(problem(archive([("a", []), ("b", []), ("a", [])])) == "two members are called 'a'")
  }

  @Test func membersThatOverlapAreRefused() throws {
    // The second member's header stands within the data of the first, as in bombs that use the same data many times.
    let inner = archive([("b", [5])])
    let header = Array(inner[..<(try place([1, 2], in: inner))])
    var bytes = archive([("a", header), ("b", [5])])
    let second = try place([1, 2], 1, in: bytes)
    let innerOffset = try place([3, 4], 1, in: bytes)
    for index in 0..<4 { bytes[second + 42 + index] = UInt8(truncatingIfNeeded: innerOffset >> (8 * index)) }
    #expect(problem(bytes) == "the member 'b' overlaps another")
  }

  @Test func encryptedAndOddlyCompressedMembersAreRefused() throws {
    let whole = archive(members)
    let first = try place([1, 2], in: whole)
    var encrypted = whole
    encrypted[first + 8] |= 1
    #expect(problem(encrypted) == "it is encrypted")
    var compressed = whole
    compressed[first + 10] = 12
    #expect(problem(compressed) == "it is compressed by method 12")
  }

  @Test func sizesThatCannotBeAreRefusedBeforeMemoryIsTaken() throws {
    var bytes = try FileAccess.read(numpyFixture("compressed.npz"))
    let first = try place([1, 2], in: bytes)
    for index in 0..<3 { bytes[first + 24 + index] = 0xFF }
    #expect(problem(bytes)?.hasSuffix("has impossible sizes") == true)
    // An offset, a size and a count at the end of the archive.
    for position in [6, 10, 12] {
      var bytes = archive(members)
      bytes[bytes.count - position] ^= 0x40
      #expect(throws: FormatError.self) { try ZipArchive(bytes, file: "f") }
    }
  }

  @Test func aWrongChecksumIsSeen() throws {
    var bytes = archive(members)
    bytes[try place([3, 4], in: bytes) + 31 + 20] ^= 1
    #expect(problem(bytes) == "it is damaged: its checksum is wrong")
  }
}
