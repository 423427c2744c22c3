import NormaTensor

/// What a safetensors header says of one tensor.
struct TensorInformation {
  /// The element types that are read.
  enum ElementType: String {
    case float64 = "F64"
    case float32 = "F32"
    case float16 = "F16"
    case bfloat16 = "BF16"
    case int64 = "I64"
    case int32 = "I32"

    /// Bytes of one element.
    var width: Int {
      switch self {
      case .float64, .int64: 8
      case .float32, .int32: 4
      case .float16, .bfloat16: 2
      }
    }
  }

  var name: String
  var type: ElementType
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
    guard let type = ElementType(rawValue: typeName) else {
      throw FormatError(
        file: file, location: "tensor '\(name)'", problem: "its dtype '\(typeName)' is not supported",
        remedy: "Store it as F64, F32, F16, BF16, I64 or I32.")
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
    // Zeros are left out of the product that must not overflow, because parts of the shape are multiplied too.
    guard sizes.count == lengths.count,
      let byteCount = TensorInformation.product(sizes.filter { $0 > 0 } + [type.width])
    else { throw error("its shape has a length that is negative, no whole number or too large", file: file) }
    shape = Shape(sizes)
    let bounds = offsets.compactMap(\.size)
    guard offsets.count == 2, bounds.count == 2, bounds[0] <= bounds[1] else {
      throw error("its data_offsets are not two ascending positions", file: file)
    }
    (start, end) = (bounds[0], bounds[1])
    let expected = sizes.contains(0) ? 0 : byteCount
    guard end - start == expected else {
      throw error(
        "shape \(shape) of \(typeName) takes \(expected) bytes, its data_offsets span \(end - start)", file: file)
    }
  }

  func error(_ problem: String, file: String) -> FormatError {
    FormatError(file: file, location: "tensor '\(name)'", problem: problem, remedy: wholeFileRemedy)
  }

  /// The product, or nil if it is too large for an `Int`.
  private static func product(_ factors: [Int]) -> Int? {
    var result = 1
    for factor in factors {
      let (product, overflow) = result.multipliedReportingOverflow(by: factor)
      guard !overflow else { return nil }
      result = product
    }
    return result
  }

  /// The tensor whose bytes are given, as many as its shape and type ask.
  func entry(from bytes: UnsafeRawBufferPointer) -> Safetensors.Entry {
    func word<Word: FixedWidthInteger>(at index: Int) -> Word {
      Word(littleEndian: bytes.loadUnaligned(fromByteOffset: index * MemoryLayout<Word>.size, as: Word.self))
    }
    func tensor<Word: FixedWidthInteger, Element>(_ value: (Word) -> Element) -> Tensor<Element> {
      Tensor(shape: shape) { result in
        for index in result.indices { result.initializeElement(at: index, to: value(word(at: index))) }
      }
    }
    return switch type {
    case .float64: .double(tensor(Double.init(bitPattern:)))
    case .float32: .float(tensor(Float.init(bitPattern:)))
    case .float16: .float(tensor(Float.init(halfBitPattern:)))
    case .bfloat16: .float(tensor { (bits: UInt16) in Float(bitPattern: UInt32(bits) << 16) })
    case .int64: .integers((0..<shape.elementCount).map { word(at: $0) }, shape: shape)
    case .int32: .integers((0..<shape.elementCount).map { Int64(word(at: $0) as Int32) }, shape: shape)
    }
  }
}

extension JSONValue {
  /// The value as a length or position; nil if it is none.
  fileprivate var size: Int? {
    if case .integer(let number) = self, number >= 0 { number } else { nil }
  }
}

extension Float {
  /// The value of an IEEE 754 half-precision number. `Float16` would do, but Macs with Intel processors lack it.
  fileprivate init(halfBitPattern bits: UInt16) {
    let sign: FloatingPointSign = bits & 0x8000 == 0 ? .plus : .minus
    let exponent = Int(bits >> 10 & 0x1F)
    let fraction = UInt32(bits & 0x3FF)
    let magnitude: Float =
      switch exponent {
      case 0: Float(fraction) * 0x1p-24
      case 31: Float(bitPattern: 0x7F80_0000 | fraction << 13)
      default: Float(bitPattern: UInt32(exponent - 15 + 127) << 23 | fraction << 13)
      }
    self = sign == .minus ? -magnitude : magnitude
  }
}
