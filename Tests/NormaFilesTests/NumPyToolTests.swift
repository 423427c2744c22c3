import Foundation
import NormaFiles
import NormaTensor
import TestSupport
import Testing

/// What NumPy itself and Python's zip reader say of our files, and we of theirs.
@Suite(.enabled(if: Python.has("numpy"), "NORMA_PYTHON names no Python with NumPy"))
struct NumPyToolTests {
  @Test func numPyReadsWhatIsWritten() throws {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    for (name, entry) in NumPyFixtures.written {
      try NumPyArray(entry).write(to: folder.appending(path: "\(name).npy").path)
    }
    try NumPyArchive(entries: NumPyFixtures.written).write(to: folder.appending(path: "all.npz").path)
    let printed = try Python.runLines(
      """
      import numpy
      archive = numpy.load(arguments[0] + "/all.npz")
      count = numpy.arange(24).reshape(2, 3, 4) - 5
      expected = {
          "f4": count.astype("f4") / 3, "f8": count / 3, "i8": count, "scalar": numpy.array(1.5, "f4"),
          "vector": numpy.arange(7.0), "empty": numpy.zeros((0, 3), "f4"),
          "deep": numpy.arange(8).reshape(1, 2, 1, 2, 1, 2, 1, 1),
      }
      assert set(archive) == set(expected)
      for name, array in expected.items():
          for found in (archive[name], numpy.load(f"{arguments[0]}/{name}.npy")):
              assert found.dtype == array.dtype and found.shape == array.shape, name
              assert found.tobytes() == array.tobytes(), name
      print("equal")
      """, folder.path)
    #expect(printed == "equal\n")
  }

  @Test func whatThisNumPyWritesIsRead() throws {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    _ = try Python.runLines(
      """
      import numpy
      x = numpy.arange(24).reshape(2, 3, 4)
      arrays = {f"{order}{kind}{layout}": numpy.array(x.astype(order + kind), order=layout)
                for order in "<>" for kind in ["f8", "f4", "f2", "i8", "i4", "i2", "i1", "u4", "u2", "u1"] for layout in "CF"}
      numpy.savez(arguments[0] + "/x.npz", **arrays)
      numpy.savez_compressed(arguments[0] + "/y.npz", **arrays)
      """, folder.path)
    for name in ["x", "y"] {
      let entries = try NumPyArchive(contentsOf: folder.appending(path: "\(name).npz").path).entries
      #expect(entries.count == 40)
      for (name, entry) in entries {
        #expect(entry.shape == [2, 3, 4])
        switch entry {
        case .integers(let numbers, _): #expect(numbers == NumPyFixtures.unsigned, "\(name)")
        case .float(let tensor): #expect(tensor.elements == NumPyFixtures.unsigned.map { Float($0) }, "\(name)")
        case .double(let tensor): #expect(tensor.elements == NumPyFixtures.unsigned.map { Double($0) }, "\(name)")
        case .other(let tensor):
          #expect(tensor.values().elements == NumPyFixtures.unsigned.map { Double($0) }, "\(name)")
          let kind = tensor.elementType.isFloatingPoint ? "f" : tensor.elementType.name.hasPrefix("U") ? "u" : "i"
          #expect(name.dropFirst().hasPrefix("\(kind)\(tensor.elementType.width)"), "\(name)")
        }
      }
    }
  }

  @Test func pythonReadsArchivesWithSizesOf64Bits() throws {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    for limit in [0, 10, 200] {
      var writer = ZipWriter(limit: limit)
      writer.add("a", [1, 2, 3])
      writer.add("b", [UInt8](repeating: 7, count: 300))
      let path = folder.appending(path: "\(limit).zip").path
      try FileAccess.write(writer.archive(), to: path)
      let printed = try Python.runLines(
        """
        import zipfile
        archive = zipfile.ZipFile(arguments[0])
        print(archive.testzip(), archive.read("a") == bytes([1, 2, 3]), archive.read("b") == bytes([7] * 300))
        """, path)
      #expect(printed == "None True True\n")
    }
  }
}
