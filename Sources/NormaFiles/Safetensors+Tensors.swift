import NormaTensor

/// What a safetensors header says of one tensor.
struct TensorInformation {
  var name: String
  var type: StoredNumber
  var shape: Shape
  /// Offsets from the end of the header.
  var start: Int
  var end: Int

  /// Checks one member of the header: its type is known, its shape can be had, and its data are as long as both ask.
  init(name: String, value: JSONValue, file: String) throws(FormatError) {
    self.name = name
    guard case .object(let members) = value,
      case .string(let typeName)? = members["dtype"], case .array(let lengths)? = members["shape"],
      case .array(let offsets)? = members["data_offsets"]
    else {
      throw FormatError(
        file: file, location: "tensor '\(name)'",
        problem: "the header lacks its dtype, shape or data_offsets", remedy: wholeFileRemedy)
    }
    guard let type = StoredNumber(rawValue: typeName) else {
      let names = StoredNumber.allCases.map(\.name)
      throw FormatError(
        file: file, location: "tensor '\(name)'", problem: "its dtype '\(typeName)' is not supported",
        remedy: "Store it as \(names.dropLast().joined(separator: ", ")) or \(names[names.count - 1]).")
    }
    guard lengths.count <= Shape.maximumRank else {
      throw FormatError(
        file: file, location: "tensor '\(name)'",
        problem: "it has \(lengths.count) axes, more than the \(Shape.maximumRank) that are supported",
        remedy: "Store it with fewer axes.")
    }
    self.type = type
    shape = []
    (start, end) = (0, 0)
    let sizes = lengths.compactMap(\.size)
    guard sizes.count == lengths.count, let expected = type.byteCount(sizes) else {
      throw error("its shape has a length that is negative, no whole number or too large", file: file)
    }
    shape = Shape(sizes)
    let bounds = offsets.compactMap(\.size)
    guard offsets.count == 2, bounds.count == 2, bounds[0] <= bounds[1] else {
      throw error("its data_offsets are not two ascending positions", file: file)
    }
    (start, end) = (bounds[0], bounds[1])
    guard end - start == expected else {
      throw error(
        "shape \(shape) of \(type.name) takes \(expected) bytes, its data_offsets span \(end - start)", file: file)
    }
  }

  func error(_ problem: String, file: String) -> FormatError {
    FormatError(file: file, location: "tensor '\(name)'", problem: problem, remedy: wholeFileRemedy)
  }

  /// The tensor whose bytes are given, as many as its shape and type ask.
  func entry(from bytes: UnsafeRawBufferPointer, file: String) throws(FormatError) -> Safetensors.Entry {
    let entry = type.entry(shape: shape) { $0.copyMemory(from: bytes) }
    guard !entry.hasOddTruthValues else {
      throw error("it is \(type.name), and has bytes that are neither 0 nor 1", file: file)
    }
    return entry
  }
}

extension JSONValue {
  /// The value as a length or position; nil if it is none.
  fileprivate var size: Int? {
    if case .integer(let number) = self, number >= 0 { number } else { nil }
  }
}
