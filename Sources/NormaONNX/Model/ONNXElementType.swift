import NormaTensor

/// A kind of element that ONNX tensors have; the raw values are those of its files.
public enum ONNXElementType: Int32, Hashable, Sendable, CustomStringConvertible {
  /// The only kind that is calculated with in earnest.
  case float = 1
  /// Numbers of half width, which are calculated with as `float`.
  case float16 = 10, bfloat16 = 16
  /// Whole numbers: shapes, axes, and what is added and multiplied of them.
  case uint8 = 2, int8, uint16, int16, int32, int64
  /// 0 or 1.
  case bool = 9
  case uint32 = 12, uint64

  public var description: String {
    switch self {
    case .float: "float"
    case .float16: "float16"
    case .bfloat16: "bfloat16"
    case .uint8: "uint8"
    case .int8: "int8"
    case .uint16: "uint16"
    case .int16: "int16"
    case .int32: "int32"
    case .int64: "int64"
    case .bool: "bool"
    case .uint32: "uint32"
    case .uint64: "uint64"
    }
  }

  /// The width of numbers that are calculated with as `float`; nil for all others.
  var halfPrecision: HalfPrecision? {
    switch self {
    case .float16: .float16
    case .bfloat16: .bfloat16
    default: nil
    }
  }

  /// What elements are while they are calculated with.
  var computed: ONNXElementType { halfPrecision == nil ? self : .float }

  /// How many bytes an element takes in a file.
  var byteCount: Int {
    switch self {
    case .uint8, .int8, .bool: 1
    case .uint16, .int16, .float16, .bfloat16: 2
    case .float, .int32, .uint32: 4
    case .int64, .uint64: 8
    }
  }

  /// The number that remains when one that is too large wraps around. Numbers of `uint64` are held by their bits.
  func wrapping(_ number: Int64) -> Int64 {
    switch self {
    case .uint8: Int64(UInt8(truncatingIfNeeded: number))
    case .int8: Int64(Int8(truncatingIfNeeded: number))
    case .uint16: Int64(UInt16(truncatingIfNeeded: number))
    case .int16: Int64(Int16(truncatingIfNeeded: number))
    case .int32: Int64(Int32(truncatingIfNeeded: number))
    case .uint32: Int64(UInt32(truncatingIfNeeded: number))
    case .bool: number == 0 ? 0 : 1
    case .int64, .uint64, .float, .float16, .bfloat16: number
    }
  }

  /// What ONNX calls a number of an element type, for those that are not supported.
  static func name(of code: Int32) -> String {
    let others: [Int32: String] = [
      8: "string", 11: "double", 14: "complex64", 15: "complex128", 17: "float8e4m3fn", 18: "float8e4m3fnuz",
      19: "float8e5m2", 20: "float8e5m2fnuz", 21: "uint4", 22: "int4", 23: "float4e2m1", 24: "float8e8m0", 25: "uint2",
      26: "int2",
    ]
    return ONNXElementType(rawValue: code)?.description ?? others[code] ?? "type \(code)"
  }
}
