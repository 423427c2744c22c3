import Foundation
import Norma
import NormaONNX
import TestSupport
import Testing

/// Models as they are met: with elements in files beside them, of half width, and of older versions of ONNX's operators.
struct WildModelTests {
  private typealias Bytes = ModelBytes

  /// A tensor whose elements are in another file, as `entries` say.
  private func external(_ name: String, _ lengths: [Int], type: Int = 1, _ entries: [(String, String)]) -> [UInt8] {
    lengths.flatMap { Bytes.field(1, $0) } + Bytes.field(2, type) + Bytes.field(8, name)
      + entries.flatMap { Bytes.field(13, Bytes.field(1, $0.0) + Bytes.field(2, $0.1)) } + Bytes.field(14, 1)
  }

  private func sum(_ tensor: [UInt8]) -> [UInt8] {
    Bytes.model([Bytes.node("Add", ["x", "w"], ["y"])], tensors: [tensor])
  }

  /// What is said of a model in a folder, beside a file of the numbers 0 to 7.
  private func run(
    _ model: [UInt8], in folder: URL, name: String = "model.onnx"
  ) -> (result: [Float]?, complaint: String?) {
    do {
      try FileManager.default.createDirectory(at: folder.appending(path: "inner"), withIntermediateDirectories: true)
      let numbers = (0..<8).map { Float($0) }
      let weights = numbers.withUnsafeBytes { Data($0) }
      try weights.write(to: folder.appending(path: "weights.bin"))
      try weights.write(to: folder.appending(path: "inner/weights.bin"))
      let path = folder.appending(path: name)
      try Data(model).write(to: path)
      let model = try ONNXModel(contentsOf: path.path)
      guard case .floats(let y) = try model([.floats(Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3]))])[0] else {
        return (nil, "integers")
      }
      return (y.elements, nil)
    } catch { return (nil, "\(error)") }
  }

  @Test func elementsInAFileBesideTheModelAreRead() throws {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    func result(_ entries: [(String, String)]) -> [Float]? { run(sum(external("w", [3], entries)), in: folder).result }
    #expect(result([("location", "weights.bin"), ("offset", "4"), ("length", "12")]) == [2, 4, 6, 5, 7, 9])
    #expect(result([("location", "inner/weights.bin"), ("length", "12")]) == [1, 3, 5, 4, 6, 8])
    #expect(result([("location", "weights.bin"), ("offset", "20")]) == [6, 8, 10, 9, 11, 13])
    #expect(result([("location", "weights.bin"), ("length", "12"), ("checksum", "x")]) == [1, 3, 5, 4, 6, 8])
  }

  @Test func aFileThatLeadsOutOfTheFolderIsRefused() throws {
    let outer = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: outer) }
    let folder = outer.appending(path: "model")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let secret = outer.appending(path: "secret.bin")
    try Data(count: 12).write(to: secret)
    try FileManager.default.createSymbolicLink(
      at: folder.appending(path: "link.bin"), withDestinationURL: secret)
    for name in ["../secret.bin", secret.path, "link.bin", "inner/../../secret.bin"] {
      let complaint = run(sum(external("w", [3], [("location", name)])), in: folder).complaint
      #expect(complaint?.contains("which is not in the model's folder") == true, "\(complaint ?? "nothing")")
    }
    // A model that is reached by a link has its files where it is itself.
    let link = outer.appending(path: "linked")
    try FileManager.default.createSymbolicLink(at: link, withDestinationURL: folder)
    #expect(run(sum(external("w", [3], [("location", "weights.bin"), ("length", "12")])), in: link).complaint == nil)
  }

  @Test func aFileThatHasNotWhatIsToldIsTold() throws {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    let cases: [(entries: [(String, String)], words: String)] = [
      ([], "it does not say which file its elements are in"),
      ([("location", "none.bin")], "its elements are in another file"),
      ([("location", "weights.bin"), ("offset", "-4")], "'offset' is '-4'"),
      ([("location", "weights.bin"), ("offset", "24"), ("length", "12")], "which has 32"),
      ([("location", "weights.bin"), ("offset", "9223372036854775807"), ("length", "12")], "which has 32"),
      ([("location", "weights.bin"), ("length", "8")], "8 bytes in 'weights.bin', and its shape takes 12"),
    ]
    for (entries, words) in cases {
      let complaint = run(sum(external("w", [3], entries)), in: folder).complaint
      #expect(complaint?.contains(words) == true, "\(complaint ?? "nothing")")
    }
  }

  @Test func elementsThatStayInTheModelsFileAreThoseOfItsBytes() throws {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    func tensor(_ name: String, _ type: Int, _ byteCount: Int, lengths: [Int], pieces: Int = 1) -> [UInt8] {
      let raw = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 * 37 % 113) }
      return lengths.flatMap { Bytes.field(1, $0) } + Bytes.field(2, type) + Bytes.field(8, name)
        + (0..<pieces).flatMap { _ in Bytes.field(9, raw) }
    }
    func model(_ more: [UInt8]...) -> [UInt8] {
      let plain =
        Bytes.field(1, 3) + Bytes.field(2, 1) + Bytes.field(8, "w") + Bytes.field(9, [UInt8](repeating: 0, count: 12))
      return Bytes.model([Bytes.node("Add", ["x", "w"], ["y"])], tensors: [plain] + more)
    }
    let path = folder.appending(path: "model.onnx")
    func read(_ bytes: [UInt8]) throws -> ONNXModel {
      try Data(bytes).write(to: path)
      return try ONNXModel(contentsOf: path.path)
    }
    // Many bytes and few, of floats, doubles, whole numbers, half width and bytes; in one piece, and in two, the last of which counts.
    let bytes = model(
      tensor("a", 1, 4000, lengths: [10, 100]), tensor("b", 11, 8000, lengths: [1000]),
      tensor("c", 7, 1024, lengths: [128]),
      tensor("d", 10, 3000, lengths: [1500]), tensor("e", 2, 1023, lengths: [1023]),
      tensor("f", 2, 1500, lengths: [1500]),
      tensor("g", 1, 2000, lengths: [500], pieces: 2))
    #expect(try read(bytes) == ONNXModel(bytes: bytes))
    // Cut off anywhere, it is told in the same words.
    for end in stride(from: 0, to: bytes.count, by: 211) {
      let cut = Array(bytes[..<end])
      let expected = #expect(throws: ONNXError.self) { try ONNXModel(bytes: cut) }
      let found = #expect(throws: ONNXError.self) { try read(cut) }
      guard let expected, let found else { continue }
      #expect("\(found)".hasSuffix("\(expected)".suffix(40)), "\(found)")
    }
    let wrong = #expect(throws: ONNXError.self) { try read(model(tensor("a", 1, 3996, lengths: [10, 100]))) }
    #expect(wrong.map { "\($0)".contains("'a'") && "\($0)".contains("3996 bytes, and its shape takes 4000") } == true)
  }

  @Test func numbersOfHalfWidthAreComputedWithAsFloats() throws {
    // 1.5, −2 and 0.5 in both formats, and a sum that the output rounds: 1 + 1.5, 2 − 2, 3 + 0.5 …
    for (type, bits) in [(10, [0x3e00, 0xc000, 0x3800]), (16, [0x3fc0, 0xc000, 0x3f00])] {
      let raw = bits.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
      let tensors = [
        Bytes.field(1, 3) + Bytes.field(2, type) + Bytes.field(8, "w") + Bytes.field(9, raw),
        Bytes.field(1, 3) + Bytes.field(2, type) + Bytes.field(8, "w") + bits.flatMap { Bytes.field(5, $0) },
      ]
      for tensor in tensors {
        let model = try ONNXModel(
          bytes: Bytes.model([Bytes.node("Add", ["x", "w"], ["y"])], type: type, tensors: [tensor]))
        let y = try model([.floats(Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3]))])
        #expect(y == [.floats(Tensor([2.5, 0, 3.5, 5.5, 3, 6.5], shape: [2, 3]))])
        // 1/3 has no end in either.
        let third = try model([.floats(Tensor(repeating: 1 / 3, shape: [2, 3]))])
        guard case .floats(let values) = third[0] else { continue }
        let precision: HalfPrecision = type == 10 ? .float16 : .bfloat16
        #expect(values.elements.allSatisfy { precision.value(of: precision.bits(of: $0)) == $0 })
      }
    }
  }

  @Test func olderVersionsOfOperatorsAreTheirOwn() throws {
    func run(_ nodes: [[UInt8]], _ tensors: [[UInt8]], version: Int) throws -> [Float] {
      let model = try ONNXModel(bytes: Bytes.model(nodes, tensors: tensors, version: version))
      guard case .floats(let y) = try model([.floats(Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3]))])[0] else { return [] }
      return y.elements
    }
    func floats(_ values: [Float]) -> [UInt8] {
      Bytes.field(1, values.count) + Bytes.field(2, 1) + Bytes.field(8, "w")
        + Bytes.field(9, values.flatMap { value in (0..<4).map { UInt8(value.bitPattern >> (8 * $0) & 255) } })
    }
    // A vector that stands for the rows, which NumPy's rule does not know.
    let add = Bytes.node(
      "Add", ["x", "w"], ["y"], Bytes.attribute("broadcast", [1], isList: false),
      Bytes.attribute("axis", [0], isList: false))
    #expect(try run([add], [floats([10, 20])], version: 6) == [11, 12, 13, 24, 25, 26])
    #expect(throws: ONNXError.self) { try run([add], [floats([10, 20])], version: 7) }
    let dropout = Bytes.node("Dropout", ["x"], ["y"], Bytes.attribute("is_test", [1], isList: false))
    #expect(try run([dropout], [], version: 6) == [1, 2, 3, 4, 5, 6])
    let reshape = Bytes.node("Reshape", ["x"], ["y"], Bytes.attribute("shape", [3, 2]))
    #expect(try run([reshape], [], version: 1) == [1, 2, 3, 4, 5, 6])
    let squeeze = [
      Bytes.node("Unsqueeze", ["x"], ["a"], Bytes.attribute("axes", [0, 3])),
      Bytes.node("Squeeze", ["a"], ["y"], Bytes.attribute("axes", [0])),
    ]
    #expect(try run(squeeze, [], version: 11) == [1, 2, 3, 4, 5, 6])
  }
}
