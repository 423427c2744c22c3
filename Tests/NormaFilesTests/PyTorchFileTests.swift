import Foundation
import NormaFiles
import NormaTensor
import TestSupport
import Testing

/// Files of `torch.save`, made by `make_pytorch_file_fixtures.py`.
@Suite struct PyTorchFileTests {
  private func path(_ name: String) -> String { fixturesDirectory.appending(path: "pytorch/\(name)").path }

  private func bytes(_ name: String) throws -> [UInt8] { try FileAccess.read(path(name)) }

  private func error(_ name: String, dictionary: String? = nil) -> FormatError? {
    #expect(throws: FormatError.self) { try PyTorchFile(contentsOf: path(name), dictionary: dictionary) }
  }

  @Test(arguments: ["state.pt", "protocol4.pt", "earlier.pt", "big.pt"])
  func tensorsOfEveryTypeAndLayoutAreRead(name: String) throws {
    let expected = try Safetensors(contentsOf: path("expected.safetensors")).entries
    let file = try PyTorchFile(contentsOf: path(name))
    #expect(file.dictionary.isEmpty && file.otherNames.isEmpty)
    #expect(
      Set(file.tensors.map(\.name))
        == (name == "big.pt"
          ? ["float32", "float64", "int16"] : Set(expected.keys).subtracting(name == "earlier.pt" ? ["uint16"] : [])))
    for tensor in file.tensors {
      let entry = try #require(try file.entry(tensor.name))
      #expect(entry == expected[tensor.name], "\(tensor.name)")
      #expect(entry.shape == tensor.shape && entry.elementType == tensor.elementType)
    }
    #expect(try file.entry("nothing") == nil)
  }

  @Test(arguments: ["state.pt", "earlier.pt", "big.pt"]) func aReaderGoesThroughTheSameNumbers(name: String) throws {
    let reader = try TensorReader(contentsOf: path(name))
    let file = try TensorFile(contentsOf: path(name))
    #expect(reader.tensors.count == file.entries.count)
    for tensor in reader.tensors {
      var numbers: [Double] = []
      try reader.forEachValue(of: tensor.name) { numbers.append($0) }
      #expect(numbers == file.entries[tensor.name]?.values(of: Double.self).elements)
      #expect(try reader.entry(tensor.name) == file.entries[tensor.name])
    }
  }

  /// Beside it stand tensors of one number, in the checkpoint itself and in what a callback remembers.
  @Test func aStateDictionaryWithinACheckpointIsFound() throws {
    let file = try PyTorchFile(contentsOf: path("checkpoint.pt"))
    #expect(file.dictionary == "model_state_dict")
    #expect(
      file.tensors.map(\.name) == [
        "0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var", "1.num_batches_tracked",
      ])
    #expect(try file.entry("1.num_batches_tracked")?.count == 1)
  }

  @Test func ofSeveralDictionariesOneIsAskedFor() throws {
    let refused = error("two.pt")
    #expect(refused?.problem == "it holds 2 dictionaries of tensors: 'averaged', 'model'")
    #expect(refused?.remedy == "--dictionary says which one is meant.")
    #expect(error("two.pt", dictionary: "other")?.remedy == "It has these: 'averaged', 'model'.")
    #expect(try PyTorchFile(contentsOf: path("two.pt"), dictionary: "averaged").tensors.map(\.name) == ["weight"])
    let file = try TensorFile(contentsOf: path("two.pt"), dictionary: "model")
    #expect(file.dictionary == "model" && file.leftOut == ["note", "none"])
    #expect(file.entries["steps"]?.count == 5 && file.entries["rate"] == .double(Tensor(repeating: 0.5, shape: [])))
    #expect(file.entries["done"]?.wholeNumbers == [1])
    #expect(throws: FormatError.self) {
      try TensorFile(contentsOf: path("expected.safetensors"), dictionary: "model")
    }
  }

  @Test(arguments: [("system.pt", "posix.system"), ("build.pt", "os.system")])
  func whatWouldBeCalledIsNamedAndNotCalled(name: String, function: String) throws {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    let refused = error(name)
    #expect(refused?.problem.hasPrefix("it would have to call '\(function)'") == true, "\(String(describing: refused))")
    #expect(FileAccess.kind(of: "called") == nil)
  }

  @Test func whatIsNoStateDictionaryIsRefusedByName() throws {
    #expect(error("module.pt")?.problem.contains("'torch.nn.modules.linear.Linear'") == true)
    #expect(error("script.pt")?.problem == "it is a TorchScript program")
    func refused(_ pickle: [UInt8]) -> String? {
      #expect(throws: FormatError.self) { try PyTorchFile(bytes: archive(pickle), file: "f") }?.problem
    }
    #expect(refused([0x80, 2, UInt8(ascii: "}"), UInt8(ascii: ".")]) == "it holds no dictionary of tensors")
    #expect(
      refused([0x80, 2] + Array("ctorch\nComplexFloatStorage\n.".utf8))
        == "numbers of the type 'torch.ComplexFloatStorage' are not supported")
    #expect(refused([0x80, 2, UInt8(ascii: "i")])?.contains("instruction 105") == true)
    #expect(refused([0x80, 0])?.contains("protocol 0") == true)
    #expect(refused([0x80, 2, UInt8(ascii: "X"), 255, 255, 255, 255])?.contains("cut off") == true)
    #expect(refused([0x80, 2, UInt8(ascii: "t")])?.contains("mark") == true)
    #expect(refused([0x80, 2, UInt8(ascii: "h"), 1])?.contains("not noted") == true)
  }

  @Test(arguments: ["state.pt", "earlier.pt", "checkpoint.pt"]) func aFileCutAtAnyByteIsRefused(name: String) throws {
    let bytes = try bytes(name)
    for length in stride(from: 0, to: bytes.count, by: 7) {
      #expect(throws: FormatError.self, "\(length) bytes") {
        try PyTorchFile(bytes: Array(bytes.prefix(length)), file: "f")
      }
    }
  }

  @Test(arguments: ["state.pt", "earlier.pt", "checkpoint.pt"]) func noDamagedByteCrashes(name: String) throws {
    let bytes = try bytes(name)
    for position in bytes.indices {
      for change in [1, 0x80, 0xFF] as [UInt8] {
        var damaged = bytes
        damaged[position] ^= change
        if let file = try? PyTorchFile(bytes: damaged, file: "f") {
          for tensor in file.tensors { _ = try? file.entry(tensor.name) }
        }
      }
    }
  }

  @Test func aDamagedStorageIsNoticed() throws {
    let whole = try bytes("checkpoint.pt")
    // The first weight's numbers.
    let weight = try #require(try PyTorchFile(bytes: whole, file: "f").entry("0.weight")?.tensor(of: Float.self))
    let pattern = weight.elements.flatMap { element in withUnsafeBytes(of: element.bitPattern) { Array($0) } }
    var damaged = whole
    damaged[try #require(whole.firstRange(of: pattern)).lowerBound] ^= 1
    let error = #expect(throws: FormatError.self) { try PyTorchFile(bytes: damaged, file: "f").entry("0.weight") }
    #expect(error?.problem == "it is damaged: its checksum is wrong")
  }

  /// A tensor `w` of so many lengths and strides over a storage of four numbers.
  private func file(
    lengths: [Int], strides: [Int], offset: Int = 0, promised: Int = 4, key: String = "0"
  ) throws -> PyTorchFile {
    var pickle: [UInt8] = [0x80, 2, UInt8(ascii: "}")]
    func text(_ text: String) { pickle += [0x8C, UInt8(text.utf8.count)] + text.utf8 }
    func integer(_ number: Int) {
      pickle += [0x8A, 8] + withUnsafeBytes(of: number.littleEndian) { Array($0) }
    }
    func tuple(_ numbers: [Int]) {
      pickle.append(UInt8(ascii: "("))
      numbers.forEach(integer)
      pickle.append(UInt8(ascii: "t"))
    }
    text("w")
    pickle += Array("ctorch._utils\n_rebuild_tensor_v2\n((".utf8)
    text("storage")
    pickle += Array("ctorch\nFloatStorage\n".utf8)
    text(key)
    text("cpu")
    integer(promised)
    pickle += Array("tQ".utf8)
    integer(offset)
    tuple(lengths)
    tuple(strides)
    pickle += Array("tRs.".utf8)
    return try PyTorchFile(bytes: archive(pickle), file: "f")
  }

  private func archive(_ pickle: [UInt8]) -> [UInt8] {
    var writer = ZipWriter()
    writer.add("archive/data.pkl", pickle)
    writer.add("archive/data/0", [UInt8](repeating: 0x40, count: 16))
    return writer.archive()
  }

  @Test func tensorsStayWithinTheirStorages() throws {
    #expect(try file(lengths: [2, 2], strides: [1, 2]).entry("w")?.shape == [2, 2])
    #expect(try file(lengths: [0, 9], strides: [5, 5], offset: 99).entry("w")?.shape == [0, 9])
    #expect(try file(lengths: [], strides: [], offset: 3).entry("w")?.shape == [])
    func problem(_ make: @autoclosure () throws -> PyTorchFile) -> String? {
      #expect(throws: FormatError.self) { try make() }?.problem
    }
    #expect(problem(try file(lengths: [5], strides: [1]))?.contains("reaches beyond") == true)
    #expect(problem(try file(lengths: [2], strides: [3], offset: 1))?.contains("reaches beyond") == true)
    #expect(problem(try file(lengths: [3], strides: [Int.max / 2]))?.contains("reaches beyond") == true)
    #expect(problem(try file(lengths: [2], strides: [1], offset: Int.max))?.contains("reaches beyond") == true)
    #expect(problem(try file(lengths: [1 << 40], strides: [0]))?.contains("the same numbers") == true)
    #expect(problem(try file(lengths: [1 << 40, 1 << 40], strides: [0, 0]))?.contains("too many elements") == true)
    #expect(problem(try file(lengths: [1], strides: [1], promised: 5))?.contains("has 16 bytes") == true)
    #expect(problem(try file(lengths: [1], strides: [1], promised: Int.max))?.contains("has 16 bytes") == true)
    #expect(problem(try file(lengths: [1], strides: [1], key: "1"))?.contains("not in the file") == true)
    #expect(problem(try file(lengths: [-1], strides: [1]))?.contains("there cannot be") == true)
    #expect(problem(try file(lengths: [1], strides: [1, 1]))?.contains("there cannot be") == true)
    #expect(
      problem(try file(lengths: [Int](repeating: 1, count: 9), strides: [Int](repeating: 1, count: 9)))?
        .contains("9 axes") == true)
  }

  /// A pickle in which one thing holds another a hundred thousand times, itself among them, neither overflows the stack nor takes long.
  @Test(arguments: ["\u{85}", "l", "d"]) func deepContainersAreRefusedInTime(container: String) {
    var pickle: [UInt8] = [0x80, 2, UInt8(ascii: "N")]
    for _ in 0..<100_000 {
      switch container {
      case "l": pickle += Array("(Nl".utf8) + [0x94]
      case "d": pickle += Array("(NNd".utf8) + [0x94]
      default: pickle += [0x85, 0x94]
      }
    }
    pickle.append(UInt8(ascii: "."))
    #expect(throws: FormatError.self) { try PyTorchFile(bytes: archive(pickle), file: "f") }
    // A dictionary in itself.
    let own = [0x80, 2, UInt8(ascii: "}"), 0x94, 0x8C, 1, UInt8(ascii: "a"), UInt8(ascii: "h"), 0, UInt8(ascii: "s")]
    #expect(throws: FormatError.self) {
      try PyTorchFile(bytes: archive(own + [UInt8(ascii: ".")]), file: "f")
    }
  }

  @Test func kindsAreToldByTheFirstBytes() throws {
    for name in ["state.pt", "earlier.pt", "checkpoint.pt", "module.pt", "system.pt", "script.pt"] {
      #expect(try FileKind(ofFile: path(name)) == .pyTorch, "\(name)")
    }
  }

  @Test(.enabled(if: Python.has("torch", "safetensors"), "NORMA_PYTHON names no Python with PyTorch"))
  func whatThisPyTorchWritesIsRead() throws {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    _ = try Python.runScript("make_pytorch_file_fixtures.py", folder.path)
    let expected = try Safetensors(contentsOf: folder.appending(path: "expected.safetensors").path).entries
    for name in ["state.pt", "protocol4.pt", "earlier.pt", "big.pt"] {
      let entries = try TensorFile(contentsOf: folder.appending(path: name).path).entries
      #expect(!entries.isEmpty && entries.allSatisfy { expected[$0.key] == $0.value }, "\(name)")
    }
  }
}
