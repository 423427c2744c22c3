import NormaTensor

/// What a safetensors header says of one tensor.
struct TensorInformation {
  var name: String
  var type: StoredNumber
  /// The type's name in the header.
  var typeName: String
  var shape: Shape
  /// Offsets from the end of the header.
  var start: Int
  var end: Int

  /// The types that are read, by their names in the header.
  static let types: [(name: String, type: StoredNumber)] = [
    ("F64", .float64), ("F32", .float32), ("F16", .float16), ("BF16", .bfloat16), ("I64", .int64), ("I32", .int32),
    ("I16", .int16), ("I8", .int8), ("U64", .uint64), ("U32", .uint32), ("U16", .uint16), ("U8", .uint8),
    ("BOOL", .boolean),
  ]

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
    self.typeName = typeName
    guard let type = Self.types.first(where: { $0.name == typeName })?.type else {
      let names = Self.types.map(\.name)
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
        "shape \(shape) of \(typeName) takes \(expected) bytes, its data_offsets span \(end - start)", file: file)
    }
  }

  func error(_ problem: String, file: String) -> FormatError {
    FormatError(file: file, location: "tensor '\(name)'", problem: problem, remedy: wholeFileRemedy)
  }

  /// The tensor whose bytes are given, as many as its shape and type ask.
  func entry(from bytes: UnsafeRawBufferPointer, file: String) throws(FormatError) -> Safetensors.Entry {
    do {
      return try type.entry(from: bytes, shape: shape)
    } catch {
      switch error {
      case .boolean: throw self.error("it is \(typeName), and has bytes that are neither 0 nor 1", file: file)
      case .tooLarge(let number):
        throw FormatError(
          file: file, location: "tensor '\(name)'",
          problem: "it is \(typeName), and has \(number), more than the \(Int64.max) that can be held",
          remedy: "Store it as F64, which rounds it, or leave it out.")
      }
    }
  }
}

extension JSONValue {
  /// The value as a length or position; nil if it is none.
  fileprivate var size: Int? {
    if case .integer(let number) = self, number >= 0 { number } else { nil }
  }
}
