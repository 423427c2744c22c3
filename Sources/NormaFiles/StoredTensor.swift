import NormaTensor

/// A tensor as it lies in a file: its numbers keep their type and their bits.
public struct StoredTensor: Hashable, Sendable {
  /// The type of the numbers.
  public let elementType: StoredNumber
  /// The lengths of the axes.
  public let shape: Shape
  /// The numbers, little-endian and in row-major order.
  public let bytes: [UInt8]

  /// A tensor of the given bytes, as many as type and shape ask.
  public init(_ elementType: StoredNumber, shape: Shape, bytes: [UInt8]) {
    require(
      bytes.count == shape.elementCount * elementType.width,
      "\(bytes.count) bytes for shape \(shape) of \(elementType.name)")
    self.elementType = elementType
    self.shape = shape
    self.bytes = bytes
  }

  /// The numbers as a tensor, rounded to nearest.
  public func values<Element: TensorElement>(of type: Element.Type = Element.self) -> Tensor<Element> {
    Tensor(shape: shape) { result in
      var place = 0
      bytes.withUnsafeBytes { bytes in
        elementType.forEachValue(in: bytes) { value in
          result.initializeElement(at: place, to: Element(value))
          place += 1
        }
      }
    }
  }

  /// A tensor of half width, with its bits.
  public init(_ tensor: HalfTensor) {
    let bytes = tensor.withUnsafeBits { bits in
      [UInt8](unsafeUninitializedCapacity: 2 * bits.count) { bytes, count in
        for (place, number) in bits.enumerated() {
          bytes.initializeElement(at: 2 * place, to: UInt8(truncatingIfNeeded: number))
          bytes.initializeElement(at: 2 * place + 1, to: UInt8(number >> 8))
        }
        count = 2 * bits.count
      }
    }
    self.init(tensor.precision == .float16 ? .float16 : .bfloat16, shape: tensor.shape, bytes: bytes)
  }

  /// Numbers of `F16` or `BF16` with their bits; nil for others.
  public var halfWidth: HalfTensor? {
    guard let precision: HalfPrecision = elementType == .float16 ? .float16 : elementType == .bfloat16 ? .bfloat16 : nil
    else { return nil }
    return HalfTensor(shape: shape, precision: precision) { bits in
      for place in bits.indices {
        bits.initializeElement(at: place, to: UInt16(bytes[2 * place]) | UInt16(bytes[2 * place + 1]) << 8)
      }
    }
  }

  /// The numbers, if they are whole and none is more than `Int64` holds.
  var wholeNumbers: [Int64]? {
    func numbers<Word: FixedWidthInteger>(_ type: Word.Type) -> [Int64]? {
      bytes.withUnsafeBytes { bytes in
        var result: [Int64] = []
        result.reserveCapacity(shape.elementCount)
        for offset in stride(from: 0, to: bytes.count, by: MemoryLayout<Word>.size) {
          let word = Word(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Word.self))
          guard let number = Int64(exactly: word) else { return nil }
          result.append(number)
        }
        return result
      }
    }
    switch elementType {
    case .int64: return numbers(Int64.self)
    case .int32: return numbers(Int32.self)
    case .int16: return numbers(Int16.self)
    case .int8: return numbers(Int8.self)
    case .uint64: return numbers(UInt64.self)
    case .uint32: return numbers(UInt32.self)
    case .uint16: return numbers(UInt16.self)
    case .uint8, .boolean: return numbers(UInt8.self)
    case .float64, .float32, .float16, .bfloat16: return nil
    }
  }
}
