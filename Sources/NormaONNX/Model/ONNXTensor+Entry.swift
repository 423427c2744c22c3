import NormaFiles
import NormaTensor

extension ONNXTensor {
  /// The numbers of a file of tensors as elements of a type: to one of floating point they are rounded, whole numbers of another must be
  /// of that type's.
  ///
  /// - Parameters:
  ///   - entry: the numbers.
  ///   - type: what the elements are to be.
  ///   - name: what errors call them.
  /// - Throws: ``ONNXError`` for numbers that the type does not have, and for texts.
  public init(_ entry: Safetensors.Entry, as type: ONNXElementType, named name: String) throws(ONNXError) {
    switch type {
    case .double: self = .doubles(entry.values())
    case .string: throw .unsupported("'\(name)'", "texts, which no file of tensors holds")
    case _ where type.isWhole:
      let numbers: [Int64]
      if let whole = entry.wholeNumbers {
        numbers = whole
      } else {
        var found: [Int64] = []
        for value in entry.values(of: Double.self).elements {
          guard let number = Int64(exactly: value) else {
            throw .malformed("'\(name)'", "\(value) is among its numbers, and the model takes \(type)")
          }
          found.append(number)
        }
        numbers = found
      }
      if let other = numbers.first(where: { type.wrapping($0) != $0 }) {
        throw .malformed("'\(name)'", "\(other) is among its numbers, which is none of \(type)")
      }
      self = .integers(ONNXIntegers(numbers, shape: entry.shape, type: type))
    default: self = .floats(entry.values())
    }
  }

  /// The numbers as files of tensors hold them; nil for texts, sequences and what is missing.
  public var entry: Safetensors.Entry? {
    switch self {
    case .floats(let tensor): .float(tensor)
    case .narrow(let tensor): .float(tensor.values)
    case .doubles(let tensor): .double(tensor)
    case .integers(let tensor): tensor.entry
    case .strings, .sequence, .nothing: nil
    }
  }
}

extension ONNXIntegers {
  fileprivate var entry: Safetensors.Entry {
    func stored<Word: FixedWidthInteger>(_ number: StoredNumber, as type: Word.Type) -> Safetensors.Entry {
      let bytes = values.flatMap { withUnsafeBytes(of: Word(truncatingIfNeeded: $0).littleEndian) { Array($0) } }
      return .other(StoredTensor(number, shape: shape, bytes: bytes))
    }
    return switch type {
    case .bool: stored(.boolean, as: UInt8.self)
    case .int8, .int4, .int2: stored(.int8, as: Int8.self)
    case .uint8, .uint4, .uint2: stored(.uint8, as: UInt8.self)
    case .int16: stored(.int16, as: Int16.self)
    case .uint16: stored(.uint16, as: UInt16.self)
    case .int32: stored(.int32, as: Int32.self)
    case .uint32: stored(.uint32, as: UInt32.self)
    case .uint64: stored(.uint64, as: UInt64.self)
    default: .integers(values, shape: shape)
    }
  }
}
