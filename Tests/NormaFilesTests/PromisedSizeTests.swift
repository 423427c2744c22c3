import Foundation
import NormaFiles
import NormaTensor
import TestSupport
import Testing

/// Files that promise more than they hold, or more than there is memory for.
@Suite struct PromisedSizeTests {
  private func withFolder(_ body: (String) throws -> Void) throws {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder.path)
  }

  /// A file with holes: as long as one likes, and nothing on the disk.
  private func makeLongFile(_ start: [UInt8], count: Int, at path: String) throws {
    try Data(start).write(to: URL(filePath: path))
    try #require(truncate(path, off_t(count)) == 0)
  }

  @Test func moreThanThereIsMemoryForIsRefusedByTheFilesWords() throws {
    let count = 1 << 43
    func isTooLarge(_ error: any Error) -> Bool {
      guard let error = error as? FormatError else { return false }
      return error.problem.hasPrefix("it takes 8796 GB of memory, and ") && error.problem.hasSuffix(" are left")
    }
    try withFolder { folder in
      let npy = "{'descr': '|u1', 'fortran_order': False, 'shape': (\(count),)}"
      let header = array(npy, [])
      // Few file systems hold as long a file; where this one does not, there is nothing to refuse.
      guard (try? makeLongFile(header, count: header.count + count, at: "\(folder)/x.npy")) != nil else { return }
      #expect { try NumPyArray(contentsOf: "\(folder)/x.npy") } throws: { isTooLarge($0) }
      #expect { try TensorFile(contentsOf: "\(folder)/x.npy") } throws: { isTooLarge($0) }
      let shapes = try TensorReader(contentsOf: "\(folder)/x.npy").tensors.map(\.shape)
      #expect(shapes == [[count]])
    }
  }

  @Test func anArchivesFileIsReadNoFurtherThanItsHeaderPromises() throws {
    // A member that says it has ten bytes, and inflates to three hundred.
    var writer = ZipWriter()
    writer.add(
      "x.npy", array("{'descr': '|u1', 'fortran_order': False, 'shape': (300,)}", [UInt8](repeating: 7, count: 300)))
    let bytes = writer.archive()
    #expect(try NumPyArchive(bytes: bytes, file: "f").entries["x"]?.shape == [300])
    for shape in ["(299,)", "(301,)", "(3,)"] {
      var writer = ZipWriter()
      writer.add(
        "x.npy", array("{'descr': '|u1', 'fortran_order': False, 'shape': \(shape)}", [UInt8](repeating: 7, count: 300))
      )
      let error = #expect(throws: FormatError.self) { try NumPyArchive(bytes: writer.archive(), file: "f") }
      #expect(error?.file == "f: x.npy")
    }
  }

  @Test func aHeaderOfMoreThanAnyArrayNeedsIsRefused() throws {
    let header: [UInt8] = [0x93] + Array("NUMPY".utf8) + [2, 0, 0, 0, 0, 0x10]
    try withFolder { folder in
      try makeLongFile(header, count: 0x1000_0000 + 100, at: "\(folder)/x.npy")
      let error = #expect(throws: FormatError.self) { try TensorReader(contentsOf: "\(folder)/x.npy") }
      #expect(error?.problem == "it says its header has 268435456 bytes, more than any array needs")
    }
  }

  /// Whichever of the formats a file has, its numbers come one after the other as they come all at once.
  @Test(arguments: ["written.npz", "compressed.npz", "big-i4.npy", "columns-f8.npy", "u2.npy", "f2.npy", "b1.npy"])
  func numbersThatComePieceByPieceAreThoseThatAreReadAtOnce(name: String) throws {
    let path = numpyFixture(name)
    let entries = try TensorFile(contentsOf: path).entries
    let reader = try TensorReader(contentsOf: path)
    #expect(Set(reader.tensors.map(\.name)) == Set(entries.keys))
    for tensor in reader.tensors {
      let entry = try #require(entries[tensor.name])
      #expect(tensor.elementType == entry.elementType && tensor.shape == entry.shape)
      var numbers: [Double] = []
      try reader.forEachValue(of: tensor.name) { numbers.append($0) }
      // The order of the file may be another one.
      #expect(numbers.sorted() == entry.values(of: Double.self).elements.sorted())
      #expect(try reader.entry(tensor.name) == entry)
    }
  }

  @Test func numbersOfSeveralPiecesAreAllThere() throws {
    try withFolder { folder in
      let numbers = (0..<200_001).map { Float($0) }
      let path = "\(folder)/x.safetensors"
      try Safetensors(entries: ["x": .float(Tensor(numbers)), "y": .integers([], shape: [0])]).write(to: path)
      var found: [Float] = []
      let reader = try TensorReader(contentsOf: path)
      try reader.forEachValue(of: "x") { found.append(Float($0)) }
      #expect(found == numbers)
      try reader.forEachValue(of: "y") { _ in Issue.record("there is none") }
    }
  }
}
