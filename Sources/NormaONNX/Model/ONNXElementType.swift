import NormaTensor

/// A kind of element that ONNX tensors have; the raw values are those of its files.
public enum ONNXElementType: Int32, Hashable, Sendable, CustomStringConvertible {
  /// Numbers in single precision, which networks are calculated in.
  case float = 1
  /// Numbers in double precision.
  case double = 11
  /// Numbers of half width, which are calculated with as `float`.
  case float16 = 10, bfloat16 = 16
  /// Numbers of a byte, and of four bits, which are calculated with as `float`; the letters say how many bits the exponent and
  /// the fraction have, and `fn` and `uz` that there is no infinity, and one zero.
  case float8e4m3fn = 17, float8e4m3fnuz, float8e5m2, float8e5m2fnuz
  case float4e2m1 = 23, float8e8m0
  /// Whole numbers: shapes, axes, pixels, and what is added and multiplied of them.
  case uint8 = 2, int8, uint16, int16, int32, int64
  /// Texts.
  case string = 8
  /// 0 or 1.
  case bool = 9
  case uint32 = 12, uint64
  /// Whole numbers of four bits and of two.
  case uint4 = 21, int4
  case uint2 = 25, int2

  public var description: String {
    switch self {
    case .float: "float"
    case .double: "double"
    case .float16: "float16"
    case .bfloat16: "bfloat16"
    case .float8e4m3fn: "float8e4m3fn"
    case .float8e4m3fnuz: "float8e4m3fnuz"
    case .float8e5m2: "float8e5m2"
    case .float8e5m2fnuz: "float8e5m2fnuz"
    case .float8e8m0: "float8e8m0"
    case .float4e2m1: "float4e2m1"
    case .uint8: "uint8"
    case .int8: "int8"
    case .uint16: "uint16"
    case .int16: "int16"
    case .int32: "int32"
    case .int64: "int64"
    case .string: "string"
    case .bool: "bool"
    case .uint32: "uint32"
    case .uint64: "uint64"
    case .uint4: "uint4"
    case .int4: "int4"
    case .uint2: "uint2"
    case .int2: "int2"
    }
  }

  /// How numbers of floating point are laid out that are narrower than `float`, as which they are calculated with; nil for all others.
  var narrowFloat: NarrowFloat? {
    switch self {
    case .float16: .half(.float16)
    case .bfloat16: .half(.bfloat16)
    case .float8e4m3fn: .table(.e4m3fn)
    case .float8e4m3fnuz: .table(.e4m3fnuz)
    case .float8e5m2: .table(.e5m2)
    case .float8e5m2fnuz: .table(.e5m2fnuz)
    case .float4e2m1: .table(.e2m1)
    case .float8e8m0: .power
    default: nil
    }
  }

  /// What elements are while they are calculated with.
  var computed: ONNXElementType { narrowFloat == nil ? self : .float }

  /// Whether elements are whole numbers or truth values.
  var isWhole: Bool { computed != .float && self != .double && self != .string }

  /// How many bits an element takes in a file; 0 for texts.
  var bitCount: Int {
    switch self {
    case .string: 0
    case .uint2, .int2: 2
    case .uint4, .int4, .float4e2m1: 4
    case .uint8, .int8, .bool, .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz, .float8e8m0: 8
    case .uint16, .int16, .float16, .bfloat16: 16
    case .float, .int32, .uint32: 32
    case .int64, .uint64, .double: 64
    }
  }

  /// How many bytes so many elements take in a file, the last of which may have room left.
  func byteCount(of count: Int) -> Int { (count * bitCount + 7) / 8 }

  /// The number that remains when one that is too large wraps around. Numbers of `uint64` are held by their bits.
  func wrapping(_ number: Int64) -> Int64 {
    switch self {
    case .uint2: number & 3
    case .int2: (number & 3 ^ 2) - 2
    case .uint4: number & 15
    case .int4: (number & 15 ^ 8) - 8
    case .uint8: Int64(UInt8(truncatingIfNeeded: number))
    case .int8: Int64(Int8(truncatingIfNeeded: number))
    case .uint16: Int64(UInt16(truncatingIfNeeded: number))
    case .int16: Int64(Int16(truncatingIfNeeded: number))
    case .int32: Int64(Int32(truncatingIfNeeded: number))
    case .uint32: Int64(UInt32(truncatingIfNeeded: number))
    case .bool: number == 0 ? 0 : 1
    default: number
    }
  }

  /// The numbers that elements may be, of the whole numbers of up to 32 bits.
  var range: ClosedRange<Int64>? {
    switch self {
    case .uint2: 0...3
    case .int2: -2...1
    case .uint4: 0...15
    case .int4: -8...7
    case .uint8: 0...255
    case .int8: -128...127
    case .uint16: 0...65_535
    case .int16: -32_768...32_767
    case .int32: Int64(Int32.min)...Int64(Int32.max)
    case .uint32: 0...Int64(UInt32.max)
    default: nil
    }
  }

  /// What ONNX calls a number of an element type, for those that are not supported.
  static func name(of code: Int32) -> String {
    let others: [Int32: String] = [14: "complex64", 15: "complex128"]
    return ONNXElementType(rawValue: code)?.description ?? others[code] ?? "type \(code)"
  }
}
