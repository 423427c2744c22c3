import NormaTensor

/// The types of numbers in files that are read: each into a type that holds its values exactly.
enum StoredNumber: CaseIterable {
  case float64, float32, float16, bfloat16
  case int64, int32, int16, int8
  /// Numbers of up to 64 bits; those of `uint64` must be no more than `Int64` holds.
  case uint64, uint32, uint16, uint8
  /// A byte of 0 or 1.
  case boolean

  /// Bytes of one number.
  var width: Int {
    switch self {
    case .float64, .int64, .uint64: 8
    case .float32, .int32, .uint32: 4
    case .float16, .bfloat16, .int16, .uint16: 2
    case .int8, .uint8, .boolean: 1
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

  /// A number among an array's that cannot be read.
  enum Unreadable: Error {
    /// A boolean is neither 0 nor 1.
    case boolean
    /// An integer is more than `Int64` holds.
    case tooLarge(UInt64)
  }

  /// The array whose bytes are given, as many as its shape asks.
  func entry(
    from bytes: UnsafeRawBufferPointer, shape: Shape, isBigEndian: Bool = false
  ) throws(Unreadable) -> Safetensors.Entry {
    func word<Word: FixedWidthInteger>(at index: Int) -> Word {
      let word = bytes.loadUnaligned(fromByteOffset: index * MemoryLayout<Word>.size, as: Word.self)
      return isBigEndian ? Word(bigEndian: word) : Word(littleEndian: word)
    }
    func tensor<Word: FixedWidthInteger, Element>(_ value: (Word) -> Element) -> Tensor<Element> {
      Tensor(shape: shape) { result in
        for index in result.indices { result.initializeElement(at: index, to: value(word(at: index))) }
      }
    }
    func integers<Word: FixedWidthInteger>(_ type: Word.Type) -> Safetensors.Entry {
      .integers((0..<shape.elementCount).map { Int64(word(at: $0) as Word) }, shape: shape)
    }
    switch self {
    case .float64: return .double(tensor(Double.init(bitPattern:)))
    case .float32: return .float(tensor(Float.init(bitPattern:)))
    case .float16: return .float(tensor(Float.init(halfBitPattern:)))
    case .bfloat16: return .float(tensor { (bits: UInt16) in Float(bitPattern: UInt32(bits) << 16) })
    case .int64: return integers(Int64.self)
    case .int32: return integers(Int32.self)
    case .int16: return integers(Int16.self)
    case .int8: return integers(Int8.self)
    case .uint64:
      for index in 0..<shape.elementCount {
        let number: UInt64 = word(at: index)
        guard number <= Int64.max else { throw .tooLarge(number) }
      }
      return integers(UInt64.self)
    case .uint32: return integers(UInt32.self)
    case .uint16: return integers(UInt16.self)
    case .uint8: return integers(UInt8.self)
    case .boolean:
      guard bytes.allSatisfy({ $0 <= 1 }) else { throw .boolean }
      return integers(UInt8.self)
    }
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
