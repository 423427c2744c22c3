import Foundation
import NormaFiles
import NormaTensor
import TestSupport
import Testing

@Suite struct SafetensorsFileTests {
  /// Writes a file of two tensors into a folder of its own.
  private func withFile(_ body: (_ path: String, _ contents: Safetensors) throws -> Void) throws {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "two.safetensors").path
    let contents = Safetensors(
      entries: [
        "first": .integers([1, 2, 3], shape: [3]),
        "second": .float(.linearlySpaced(from: 0, through: 1, shape: [4096])),
      ],
      metadata: ["made by": "a test"])
    try contents.write(to: path)
    try body(path, contents)
  }

  @Test func theHeaderIsThereAtOnceAndTensorsWhenTheyAreAskedFor() throws {
    try withFile { path, contents in
      let file = try SafetensorsFile(contentsOf: path)
      #expect(file.metadata == contents.metadata)
      #expect(file.tensors.map(\.name) == ["first", "second"])
      #expect(file.tensors.map(\.elementType) == ["I64", "F32"])
      #expect(file.tensors.map(\.shape) == [[3], [4096]])
      #expect(file.tensors.map(\.byteCount) == [24, 16384])
      #expect(try file.entry("second") == contents.entries["second"])
      #expect(try file.entry("first") == contents.entries["first"])
      #expect(try file.entry("third") == nil)
    }
  }

  @Test func theElementTypesAreThoseOfTheFile() throws {
    let file = try SafetensorsFile(contentsOf: fixture("read.safetensors"))
    let types = Dictionary(uniqueKeysWithValues: file.tensors.map { ($0.name, $0.elementType.lowercased()) })
    #expect(types.allSatisfy { $0.key == $0.value })
    #expect(types.count == 10)
  }

  @Test func aFileThatIsReplacedOrRemovedIsReadOn() throws {
    try withFile { path, contents in
      let file = try SafetensorsFile(contentsOf: path)
      try Safetensors().write(to: path)
      #expect(try file.entry("second") == contents.entries["second"])
      try FileManager.default.removeItem(atPath: path)
      #expect(try file.entry("first") == contents.entries["first"])
    }
  }

  @Test func aFileThatIsCutWhileItIsReadIsAnError() throws {
    try withFile { path, _ in
      let file = try SafetensorsFile(contentsOf: path)
      let handle = try FileHandle(forWritingTo: URL(filePath: path))
      try handle.truncate(atOffset: 200)
      let error = #expect(throws: FileError.self) { try file.entry("second") }
      #expect(error?.reason == "It became shorter while it was read")
    }
  }

  @Test func aFileThatIsCutIsRefusedBeforeAnythingIsRead() throws {
    try withFile { path, _ in
      let bytes = try FileAccess.read(path)
      for length in [0, 1, 8, 100, bytes.count - 1] {
        try FileAccess.write(Array(bytes.prefix(length)), to: path)
        #expect(throws: FormatError.self, "\(length) bytes") { try SafetensorsFile(contentsOf: path) }
      }
    }
    #expect(throws: FileError.self) { try SafetensorsFile(contentsOf: fixture("none.safetensors")) }
    #expect(throws: FileError.self) { try SafetensorsFile(contentsOf: fixturesDirectory.path) }
  }
}
