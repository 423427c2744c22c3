/// Models written byte by byte, right and wrong ones: protocol buffers with ONNX's field numbers.
enum ModelBytes {
  static func varint(_ number: UInt64) -> [UInt8] {
    number < 128 ? [UInt8(number)] : [UInt8(number & 127) | 128] + varint(number >> 7)
  }

  static func field(_ number: Int, _ value: Int) -> [UInt8] {
    varint(UInt64(number << 3)) + varint(UInt64(bitPattern: Int64(value)))
  }

  static func field(_ number: Int, _ bytes: [UInt8]) -> [UInt8] {
    varint(UInt64(number << 3 | 2)) + varint(UInt64(bytes.count)) + bytes
  }

  static func field(_ number: Int, _ text: String) -> [UInt8] { field(number, Array(text.utf8)) }

  /// An attribute of whole numbers; one that is not in a list if `isList` is not set.
  static func attribute(_ name: String, _ numbers: [Int], isList: Bool = true) -> [UInt8] {
    let values = isList ? numbers.flatMap { field(8, $0) } : field(3, numbers[0])
    return field(5, field(1, name) + values + field(20, isList ? 7 : 2))
  }

  static func node(_ operation: String, _ inputs: [String], _ outputs: [String], _ attributes: [UInt8]...) -> [UInt8] {
    inputs.flatMap { field(1, $0) } + outputs.flatMap { field(2, $0) } + field(4, operation)
      + attributes.flatMap(\.self)
  }

  /// An attribute that is a graph: a branch, or the body of a loop.
  static func attribute(_ name: String, graph: [UInt8]) -> [UInt8] {
    field(5, field(1, name) + field(6, graph) + field(20, 5))
  }

  /// A graph of nodes from inputs to outputs whose shapes are left open.
  static func graph(
    _ nodes: [[UInt8]], inputs: [(name: String, type: Int)] = [], outputs: [(name: String, type: Int)],
    tensors: [[UInt8]] = []
  ) -> [UInt8] {
    func value(_ name: String, _ type: Int) -> [UInt8] { field(1, name) + field(2, field(1, field(1, type))) }
    return nodes.flatMap { field(1, $0) } + field(2, "graph") + tensors.flatMap { field(5, $0) }
      + inputs.flatMap { field(11, value($0.name, $0.type)) } + outputs.flatMap { field(12, value($0.name, $0.type)) }
  }

  /// A model of a graph, with functions of its own.
  static func model(graph: [UInt8], functions: [[UInt8]] = [], version: Int = 17) -> [UInt8] {
    field(1, 8) + field(7, graph) + field(8, field(2, version)) + field(8, field(1, "own") + field(2, 1))
      + functions.flatMap { field(25, $0) }
  }

  /// An operator that a model defines itself, in the domain `own`.
  static func function(
    _ name: String, _ inputs: [String], _ outputs: [String], _ nodes: [[UInt8]], attributes: [String] = []
  ) -> [UInt8] {
    field(1, name) + inputs.flatMap { field(4, $0) } + outputs.flatMap { field(5, $0) }
      + attributes.flatMap { field(6, $0) } + nodes.flatMap { field(7, $0) } + field(9, field(2, 17)) + field(10, "own")
  }

  /// A call of such an operator.
  static func call(_ name: String, _ inputs: [String], _ outputs: [String], _ attributes: [UInt8]...) -> [UInt8] {
    node(name, inputs, outputs) + attributes.flatMap(\.self) + field(7, "own")
  }

  /// A tensor of zeros in `raw`, or of `bytes` bytes there.
  static func tensor(_ name: String, type: Int = 1, _ lengths: [Int], bytes: Int? = nil) -> [UInt8] {
    let zeros = [UInt8](repeating: 0, count: bytes ?? lengths.reduce(type == 7 ? 8 : 4, *))
    return lengths.flatMap { field(1, $0) } + field(2, type) + field(8, name) + field(9, zeros)
  }

  /// A tensor of numbers.
  static func floats(_ name: String, _ lengths: [Int], _ values: [Float]) -> [UInt8] {
    lengths.flatMap { field(1, $0) } + field(2, 1) + field(8, name) + field(9, values.withUnsafeBytes { Array($0) })
  }

  /// A tensor of whole numbers.
  static func integers(_ name: String, _ values: [Int]) -> [UInt8] {
    field(1, values.count) + field(2, 7) + values.flatMap { field(7, $0) } + field(8, name)
  }

  static func value(_ name: String, type: Int = 1, _ lengths: [Int]) -> [UInt8] {
    let shape = lengths.flatMap { field(1, field(1, $0)) }
    return field(1, name) + field(2, field(1, field(1, type) + field(2, shape)))
  }

  /// A model from `x` to `y`, whose shape is left open.
  static func model(
    _ nodes: [[UInt8]], x: [Int] = [2, 3], type: Int = 1, tensors: [[UInt8]] = [], version: Int = 17
  ) -> [UInt8] {
    let output = field(1, "y") + field(2, field(1, field(1, type)))
    let graph =
      nodes.flatMap { field(1, $0) } + field(2, "test") + tensors.flatMap { field(5, $0) }
      + field(11, value("x", type: type, x)) + field(12, output)
    return field(1, 8) + field(7, graph) + field(8, field(2, version))
  }
}
