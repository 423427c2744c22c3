import Foundation
import NormaFiles
import NormaTensor
import TestSupport
import Testing

@Suite struct NumPyArchiveTests {
  private var written: [String: Safetensors.Entry] {
    NumPyFixtures.written.merging(["größe": .float(.scalar(1.5))]) { $1 }
  }

  @Test func theBytesAreNumPys() throws {
    #expect(try NumPyArchive(entries: written).serialized() == FileAccess.read(numpyFixture("written.npz")))
  }

  @Test func archivesOfNumPyAreRead() throws {
    #expect(try NumPyArchive(contentsOf: numpyFixture("written.npz")).entries == written)
    #expect(try NumPyArchive(contentsOf: numpyFixture("compressed.npz")).entries == NumPyFixtures.written)
    #expect(try NumPyArchive(bytes: NumPyArchive().serialized(), file: "f").entries.isEmpty)
  }

  @Test func whatAFileIsShowsInItsFirstBytes() throws {
    #expect(try TensorFile(contentsOf: numpyFixture("written.npz")).entries == written)
    #expect(try TensorFile(contentsOf: numpyFixture("f4.npy")).entries == ["f4": written["f4"]])
    let file = try TensorFile(contentsOf: fixture("written.safetensors"))
    #expect(file.entries.count == 6 && file.metadata.count == 1)
    #expect(throws: FormatError.self) { try TensorFile(contentsOf: fixture("ustar.tar")) }
    #expect(throws: FileError.self) { try TensorFile(contentsOf: fixture("nothing.npz")) }
  }

  @Test(arguments: ["written", "compressed"]) func anArchiveCutAtAnyByteIsRefused(name: String) throws {
    let bytes = try FileAccess.read(numpyFixture("\(name).npz"))
    for length in 0..<bytes.count {
      #expect(throws: FormatError.self, "\(length) bytes") {
        try NumPyArchive(bytes: Array(bytes.prefix(length)), file: "f")
      }
    }
    #expect(throws: FormatError.self) { try NumPyArchive(bytes: bytes + [0], file: "f") }
  }

  @Test(arguments: ["written", "compressed"]) func noDamagedByteChangesWhatIsRead(name: String) throws {
    let bytes = try FileAccess.read(numpyFixture("\(name).npz"))
    let whole = try NumPyArchive(bytes: bytes, file: "f")
    for position in bytes.indices {
      for change in [1, 0x80, 0xFF] as [UInt8] {
        var damaged = bytes
        damaged[position] ^= change
        // Times and attributes may be anything; all else is refused.
        if let read = try? NumPyArchive(bytes: damaged, file: "f") { #expect(read == whole, "byte \(position)") }
      }
    }
  }

  @Test func whatIsNoArrayIsRefusedByName() throws {
    let error = try #require(throws: FormatError.self) { try NumPyArchive(contentsOf: numpyFixture("object.npz")) }
    #expect(error.file == "\(numpyFixture("object.npz")): object.npy")
    #expect(error.problem.contains("Python objects"))
    var writer = ZipWriter()
    writer.add("readme.txt", [1, 2, 3])
    let other = #expect(throws: FormatError.self) { try NumPyArchive(bytes: writer.archive(), file: "f") }
    #expect(other?.location == "member 'readme.txt'")
    #expect(other?.problem == "it is no .npy file")
  }
}
