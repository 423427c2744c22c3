import Foundation
import NormaFiles
import TestSupport
import Testing

@Suite struct GzipTests {
  let members: [UInt8]

  init() throws { members = try FileAccess.read(fixture("members.gz")) }

  @Test func severalMembersAreOneText() throws {
    #expect(try Gzip.inflated(members, file: "f") == Array("The first member. The second.".utf8))
    #expect(try Gzip.contents(ofFile: fixture("members.gz")) == Array("The first member. The second.".utf8))
  }

  @Test func theZerosThatTapesArePaddedWithAreNoData() throws {
    #expect(try Gzip.contents(ofFile: fixture("padded.gz")) == Array("The first member. ".utf8))
  }

  @Test func whetherAFileIsGzipIsSeenFromItsBytes() throws {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "plain.gz").path
    try FileAccess.write("plain", to: path)
    #expect(try Gzip.contents(ofFile: path) == Array("plain".utf8))
  }

  @Test func everyPrefixOfAMemberIsSeenToBeCutOff() throws {
    let member = try FileAccess.read(fixture("padded.gz")).prefix(38)
    #expect(try Gzip.inflated(Array(member), file: "f").count == 18)
    for length in 2..<member.count {
      let error = #expect(throws: FormatError.self) { try Gzip.inflated(Array(member.prefix(length)), file: "f") }
      #expect(error?.location == "byte \(length)")
      #expect(error?.problem == "the gzip data are cut off")
    }
  }

  @Test func everyDamagedByteOfTheDataIsNoticed() {
    // Bytes 4 to 9 of each header are a time, a hint and a system, of which any value is as good as any other.
    for position in 10..<38 {
      var damaged = members
      damaged[position] ^= 0xFF
      #expect(throws: FormatError.self, "byte \(position)") { try Gzip.inflated(damaged, file: "f") }
    }
  }

  @Test func somethingElseBehindTheDataIsAnError() {
    let error = #expect(throws: FormatError.self) { try Gzip.inflated(members + [1, 2], file: "f") }
    #expect(error?.location == "byte \(members.count)")
  }

  @Test func whatInflatesToTooMuchIsStopped() {
    #expect(throws: FormatError.self) { try Gzip.inflated(members, file: "f", maximumSize: 28) }
    #expect(throws: Never.self) { try Gzip.inflated(members, file: "f", maximumSize: 29) }
  }
}

/// The path of a file that `make_file_fixtures.py` made.
func fixture(_ name: String) -> String { fixturesDirectory.appending(path: "files").appending(path: name).path }
