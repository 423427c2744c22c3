import Foundation
import NormaFiles
import NormaTensor
internal import SwiftProtobuf

extension ONNXTensor {
  /// Reads a file that holds one tensor, as ONNX's test cases have them.
  ///
  /// - Throws: `FileError` if it cannot be read; ``ONNXError`` if it holds no tensor, or one of a kind that is not supported.
  public init(contentsOf path: String) throws {
    let bytes = try FileAccess.read(path)
    guard let message = try? ProtoTensor(serializedBytes: bytes) else {
      throw ONNXError.malformed("'\(path)'", "it is cut off, or holds no tensor")
    }
    do throws(ONNXError) { self = try ONNXTensor(message, at: "the tensor '\(message.name)'") } catch {
      throw error.within(path)
    }
  }

  /// The tensor of a message that has its elements.
  init(_ message: ProtoTensor, at place: @autoclosure () -> String) throws(ONNXError) {
    var files: ExternalFiles?
    try self.init(message, at: place(), &files)
  }

  /// The tensor of a message, whose elements may be in a file beside the model.
  init(
    _ message: ProtoTensor, at place: @autoclosure () -> String, _ files: inout ExternalFiles?
  ) throws(ONNXError) {
    guard let type = ONNXElementType(rawValue: message.elementType) else {
      throw .unsupported(place(), "elements of type \(ONNXElementType.name(of: message.elementType))")
    }
    let isExternal = message.location != 0 || !message.external.isEmpty
    guard !isExternal || files != nil else { throw .unsupported(place(), "its elements are in another file") }
    // No memory is asked for before the file is known to hold as many.
    let shape = try checkedShape(message.lengths.map { Int($0) }, atMost: 1 << 31, at: place())
    let count = shape.elementCount
    func check(_ found: Int) throws(ONNXError) {
      guard found == count else {
        throw .malformed(place(), "\(found) elements, and the shape \(shape) has \(count)")
      }
    }
    if isExternal {
      let name = place()
      self = try files!.withBytes(of: message, count: count * type.byteCount, at: name) { bytes throws(ONNXError) in
        var message = message
        (message.raw, message.external, message.location) = (bytes, [], 0)
        return try ONNXTensor(message, at: name)
      }
    } else if !message.raw.isEmpty {
      guard message.raw.count == count * type.byteCount else {
        throw .malformed(
          place(), "\(message.raw.count) bytes, and the shape \(shape) takes \(count * type.byteCount) of type \(type)")
      }
      if let precision = type.halfPrecision {
        self = .floats(HalfTensor(bits: type.halves(in: message.raw), shape: shape, precision: precision).widened())
        return
      }
      self =
        type == .float
        ? .floats(Tensor(shape: shape) { elements in message.raw.withUnsafeBytes { Self.copy($0, to: elements) } })
        : .integers(ONNXIntegers(type.numbers(in: message.raw), shape: shape, type: type))
    } else if type == .float {
      try check(message.floats.count)
      self = .floats(Tensor(message.floats, shape: shape))
    } else if let precision = type.halfPrecision {
      // A number of half width lies in the low bits of a whole number.
      try check(message.smallIntegers.count)
      let bits = message.smallIntegers.map { UInt16(truncatingIfNeeded: $0) }
      self = .floats(HalfTensor(bits: bits, shape: shape, precision: precision).widened())
    } else {
      let values: [Int64] =
        switch type {
        case .int64: message.integers
        case .uint32, .uint64: message.unsignedIntegers.map { Int64(bitPattern: $0) }
        default: message.smallIntegers.map { Int64($0) }
        }
      try check(values.count)
      self = .integers(ONNXIntegers(values.map(type.wrapping), shape: shape, type: type))
    }
  }

  /// Copies the bits of numbers, little-endian, wherever they begin.
  private static func copy(_ bytes: UnsafeRawBufferPointer, to elements: UnsafeMutableBufferPointer<Float>) {
    for index in elements.indices {
      let bits = bytes.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)
      elements.initializeElement(at: index, to: Float(bitPattern: UInt32(littleEndian: bits)))
    }
  }

  /// The message that says this tensor.
  func message(named name: String) -> ProtoTensor {
    .with { message in
      message.name = name
      message.elementType = elementType.rawValue
      message.lengths = shape.map(Int64.init)
      switch self {
      case .floats(let tensor):
        message.raw = tensor.withUnsafeElements { elements in
          #if _endian(little)
            Data(buffer: elements)
          #else
            elements.map(\.bitPattern.littleEndian).withUnsafeBytes { Data($0) }
          #endif
        }
      case .integers(let tensor):
        switch tensor.type {
        case .int64: message.integers = tensor.values
        case .uint32, .uint64: message.unsignedIntegers = tensor.values.map { UInt64(bitPattern: $0) }
        default: message.smallIntegers = tensor.values.map { Int32(truncatingIfNeeded: $0) }
        }
      }
    }
  }
}

extension ONNXElementType {
  /// The bits of numbers of half width as they lie in a file, little-endian.
  fileprivate func halves(in data: Data) -> [UInt16] {
    data.withUnsafeBytes { bytes in
      (0..<bytes.count / 2).map { UInt16(bytes[2 * $0]) | UInt16(bytes[2 * $0 + 1]) << 8 }
    }
  }

  /// Whole numbers as they lie in a file.
  fileprivate func numbers(in data: Data) -> [Int64] {
    data.withUnsafeBytes { bytes in
      (0..<bytes.count / byteCount).map { index in
        var bits: UInt64 = 0
        for place in 0..<byteCount { bits |= UInt64(bytes[index * byteCount + place]) << UInt64(8 * place) }
        // The sign of a narrow number is that of its highest bit, which `wrapping` finds.
        return wrapping(Int64(bitPattern: bits))
      }
    }
  }
}
