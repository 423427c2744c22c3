import NormaTensor

/// The types of numbers in files of tensors.
public enum StoredNumber: String, CaseIterable, Sendable, Codable {
  /// Floating-point numbers of 64 and 32 bits, IEEE 754's of 16 bits, and the upper 16 bits of one of 32.
  case float64 = "F64"
  case float32 = "F32"
  case float16 = "F16"
  case bfloat16 = "BF16"
  /// Whole numbers with a sign.
  case int64 = "I64"
  case int32 = "I32"
  case int16 = "I16"
  case int8 = "I8"
  /// Whole numbers without one.
  case uint64 = "U64"
  case uint32 = "U32"
  case uint16 = "U16"
  case uint8 = "U8"
  /// A byte of 0 or 1.
  case boolean = "BOOL"

  /// The name in safetensors' headers, such as `F32`.
  public var name: String { rawValue }

  /// Bytes of one number.
  public var width: Int {
    switch self {
    case .float64, .int64, .uint64: 8
    case .float32, .int32, .uint32: 4
    case .float16, .bfloat16, .int16, .uint16: 2
    case .int8, .uint8, .boolean: 1
    }
  }

  /// Whether numbers have fractions.
  public var isFloatingPoint: Bool {
    switch self {
    case .float64, .float32, .float16, .bfloat16: true
    default: false
    }
  }

  /// How many bytes an array of the given lengths takes; nil if they are too many to count.
  func byteCount(_ lengths: [Int]) -> Int? {
    // Zeros are left out of the product that must not overflow, because parts of the shape are multiplied too.
    var product = width
    for length in lengths where length > 0 {
      let (result, overflow) = product.multipliedReportingOverflow(by: length)
      guard !overflow else { return nil }
      product = result
    }
    return lengths.contains(0) ? 0 : product
  }

  /// The values of numbers that lie in bytes as they are stored, little-endian; those of 64 bits are rounded.
  func forEachValue(in bytes: UnsafeRawBufferPointer, _ body: (Double) -> Void) {
    func each<Word: FixedWidthInteger>(_ value: (Word) -> Double) {
      for offset in stride(from: 0, to: bytes.count / width * width, by: width) {
        body(value(Word(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Word.self))))
      }
    }
    switch self {
    case .float64: each(Double.init(bitPattern:))
    case .float32: each { Double(Float(bitPattern: $0)) }
    case .float16: each { Double(HalfPrecision.float16.value(of: $0)) }
    case .bfloat16: each { Double(HalfPrecision.bfloat16.value(of: $0)) }
    case .int64: each { Double(Int64(bitPattern: $0)) }
    case .int32: each { Double(Int32(bitPattern: $0)) }
    case .int16: each { Double(Int16(bitPattern: $0)) }
    case .int8: each { Double(Int8(bitPattern: $0)) }
    case .uint64: each { (word: UInt64) in Double(word) }
    case .uint32: each { (word: UInt32) in Double(word) }
    case .uint16: each { (word: UInt16) in Double(word) }
    case .uint8, .boolean: each { (word: UInt8) in Double(word) }
    }
  }

  /// Turns the bytes of each number round.
  func swapBytes(in bytes: UnsafeMutableRawBufferPointer) {
    func swap<Word: FixedWidthInteger>(_ type: Word.Type) {
      for offset in stride(from: 0, to: bytes.count, by: MemoryLayout<Word>.size) {
        let word = bytes.loadUnaligned(fromByteOffset: offset, as: Word.self)
        bytes.storeBytes(of: word.byteSwapped, toByteOffset: offset, as: Word.self)
      }
    }
    switch width {
    case 8: swap(UInt64.self)
    case 4: swap(UInt32.self)
    case 2: swap(UInt16.self)
    default: break
    }
  }
}

extension TensorElement {
  /// The type's name in safetensors files, such as `F32`.
  package static var typeName: String {
    (MemoryLayout<Self>.size == MemoryLayout<Float>.size ? StoredNumber.float32 : .float64).name
  }
}
