import Norma
import NormaONNX

/// Models of one node each, made of bytes: which operator, what it is told, and what goes in.
///
/// A byte says how long a name is, which follows; one that there is not stands for one that there is. Then come the version of
/// ONNX's operators, how many outputs there are, the inputs and the attributes, a few bytes each, and zeros where there are no more.
struct OperatorModel {
  private var bytes: ArraySlice<UInt8>
  private var tensors: [[UInt8]] = []

  /// The model in ONNX's format.
  static func model(_ bytes: [UInt8]) -> [UInt8] {
    var maker = OperatorModel(bytes: bytes[...])
    return maker.model()
  }

  private init(bytes: ArraySlice<UInt8>) { self.bytes = bytes }

  private mutating func next() -> Int { Int(bytes.popFirst() ?? 0) }

  private mutating func model() -> [UInt8] {
    let operation = name()
    let version = next() % 28 + 1
    let outputCount = next() % 4 + 1
    let inputs = (0..<next() % 9).map { input($0) }
    let node = node(operation, inputs, (0..<outputCount).map { "y\($0)" }, depth: 0)
    let x = value("x", type: 1, [2, next() % 5, next() % 5].dropLast(next() % 3).map { $0 })
    let outputs = (0..<outputCount).flatMap { field(12, field(1, "y\($0)") + field(2, field(1, field(1, 1)))) }
    let graph = field(1, node) + tensors.flatMap { field(5, $0) } + field(11, x) + outputs
    return field(1, 10) + field(7, graph) + field(8, field(2, version))
      + field(8, field(1, "ai.onnx.preview") + field(2, 1))
  }

  /// One of some names.
  private mutating func name(among known: [String] = ONNXModel.supportedOperators) -> String {
    let name = String(decoding: (0..<next() % 32).map { _ in UInt8(next()) }, as: UTF8.self)
    if known.contains(name) { return name }
    return known[Int(name.utf8.reduce(0 as UInt) { $0 &* 31 &+ UInt($1) } % UInt(known.count))]
  }

  private mutating func node(_ operation: String, _ inputs: [String], _ outputs: [String], depth: Int) -> [UInt8] {
    let known = ONNXModel.attributes(ofOperator: operation)
    var named: Set<String> = []
    var attributes: [UInt8] = []
    for _ in 0..<next() % 8 where !known.isEmpty {
      let name = name(among: known)
      let content = attribute(depth: depth)
      if named.insert(name).inserted { attributes += field(5, field(1, name) + content) }
    }
    let parts = operation.split(separator: ".")
    let domain = parts.dropLast().joined(separator: ".")
    return inputs.flatMap { field(1, $0) } + outputs.flatMap { field(2, $0) } + field(4, String(parts.last ?? ""))
      + attributes + (domain.isEmpty ? [] : field(7, domain))
  }

  private mutating func attribute(depth: Int) -> [UInt8] {
    switch next() % 6 {
    case 0: return field(3, number()) + field(20, 2)
    case 1: return varint(2 << 3 | 5) + bits(Float(number()) / 8) + field(20, 1)
    case 2: return field(4, (0..<next() % 24).map { _ in UInt8(next()) }) + field(20, 3)
    case 3: return (0..<next() % 9).flatMap { _ in field(8, number()) } + field(20, 7)
    case 4: return (0..<next() % 9).flatMap { _ in varint(7 << 3 | 5) + bits(Float(number()) / 8) } + field(20, 6)
    default:
      guard depth < 2 else { return field(3, 1) + field(20, 2) }
      let inputs = (0..<next() % 4).map { "b\(depth)\($0)" }
      let results = (0..<next() % 4).map { "r\(depth)\($0)" }
      let nodes = results.map { result in
        let own = (0..<next() % 3).map { _ in next() % 4 }.map { $0 < inputs.count ? inputs[$0] : "x" }
        return field(1, node(name(), own, [result], depth: depth + 1))
      }
      let graph =
        nodes.flatMap(\.self) + inputs.flatMap { field(11, value($0, type: 1, [])) }
        + (results + inputs).flatMap { field(12, value($0, type: 1, [])) }
      return field(6, graph) + field(20, 5)
    }
  }

  /// A whole number, mostly a small one.
  private mutating func number() -> Int {
    let byte = next()
    return byte < 250
      ? Int(Int8(truncatingIfNeeded: byte)) : [1 << 31, 1 << 62, .min, .max, -1 << 32, 1000][byte - 250]
  }

  /// The name of an input: none, the model's own, or a tensor, of a few small lengths.
  private mutating func input(_ index: Int) -> String {
    let kind = next() % 32
    if kind == 0 { return "" }
    if kind == 1 { return "x" }
    let types = [1, 1, 1, 1, 7, 7, 7, 9, 6, 2, 3, 10, 11, 17, 22, 26]
    let type = types[kind % types.count]
    let lengths = (0..<next() % 6).map { _ in next() % 6 }
    let count = lengths.reduce(1, *)
    let values = (0..<min(count, 1 << 10)).map { _ in number() }
    guard values.count == count else { return "" }
    let content: [UInt8]
    switch type {
    case 1: content = field(9, values.flatMap { bits(Float($0) / 8) })
    case 11:
      content = field(
        9, values.flatMap { value in (0..<8).map { UInt8((Double(value) / 8).bitPattern >> (8 * UInt64($0)) & 255) } })
    case 7: content = values.flatMap { field(7, $0) }
    case 22, 26: content = field(9, [UInt8](repeating: 0x5a, count: (count * (type == 22 ? 4 : 2) + 7) / 8))
    default: content = values.flatMap { field(5, Int(Int32(truncatingIfNeeded: type == 9 ? $0 & 1 : $0))) }
    }
    tensors.append(lengths.flatMap { field(1, $0) } + field(2, type) + field(8, "t\(index)") + content)
    return "t\(index)"
  }
}

// Protocol buffers with ONNX's field numbers.

private func varint(_ number: UInt64) -> [UInt8] {
  number < 128 ? [UInt8(number)] : [UInt8(number & 127) | 128] + varint(number >> 7)
}

private func varint(_ number: Int) -> [UInt8] { varint(UInt64(bitPattern: Int64(number))) }

private func field(_ number: Int, _ value: Int) -> [UInt8] { varint(number << 3) + varint(value) }

private func field(_ number: Int, _ bytes: [UInt8]) -> [UInt8] { varint(number << 3 | 2) + varint(bytes.count) + bytes }

private func field(_ number: Int, _ text: String) -> [UInt8] { field(number, Array(text.utf8)) }

private func bits(_ number: Float) -> [UInt8] { (0..<4).map { UInt8(number.bitPattern >> (8 * UInt32($0)) & 255) } }

private func value(_ name: String, type: Int, _ lengths: [Int]) -> [UInt8] {
  let shape = lengths.isEmpty ? [] : field(2, lengths.flatMap { field(1, field(1, $0)) })
  return field(1, name) + field(2, field(1, field(1, type) + shape))
}
