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

  /// Reads a file that holds what a model declares: a tensor, a sequence, or a value that may be missing.
  init(contentsOf path: String, as value: ONNXValue) throws {
    guard value.form != .tensor else {
      self = try ONNXTensor(contentsOf: path)
      return
    }
    let bytes = try FileAccess.read(path)
    let place = "the value '\(value.name)'"
    do throws(ONNXError) {
      if value.form == .sequence {
        guard let message = try? ProtoSequence(serializedBytes: bytes) else {
          throw .malformed(place, "it is no sequence")
        }
        self = try ONNXTensor(message, at: place)
        return
      }
      guard let message = try? ProtoOptionalValue(serializedBytes: bytes) else {
        throw .malformed(place, "it is no optional value")
      }
      self =
        message.hasTensor
        ? try ONNXTensor(message.tensor, at: place)
        : message.hasSequence ? try ONNXTensor(message.sequence, at: place) : .nothing
    } catch { throw error.within(path) }
  }

  private init(_ message: ProtoSequence, at place: String) throws(ONNXError) {
    guard message.elementType <= 1 else { throw .unsupported(place, "a sequence of what are no tensors") }
    var tensors: [ONNXTensor] = []
    for tensor in message.tensors { tensors.append(try ONNXTensor(tensor, at: place)) }
    self = .sequence(tensors)
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
    func check(_ found: Int, _ expected: Int) throws(ONNXError) {
      guard found == expected else {
        throw .malformed(place(), "\(found) elements, and the shape \(shape) has \(count)")
      }
    }
    if isExternal {
      guard type != .string else { throw .malformed(place(), "texts that are not in its list of texts") }
      let name = place()
      self = try files!.withBytes(of: message, count: type.byteCount(of: count), at: name) { bytes throws(ONNXError) in
        var message = message
        (message.raw, message.external, message.location) = (bytes, [], 0)
        return try ONNXTensor(message, at: name)
      }
      return
    }
    if type == .string {
      try check(message.strings.count, count)
      self = .strings(ONNXStrings(message.strings.map { String(decoding: $0, as: UTF8.self) }, shape: shape))
      return
    }
    guard message.raw.isEmpty else {
      guard message.raw.count == type.byteCount(of: count) else {
        throw .malformed(
          place(),
          "\(message.raw.count) bytes, and the shape \(shape) takes \(type.byteCount(of: count)) of type \(type)")
      }
      switch type {
      case .float:
        self = .floats(
          Tensor(shape: shape) { elements in
            message.raw.withUnsafeBytes { bytes in
              for index in elements.indices {
                let bits = bytes.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)
                elements.initializeElement(at: index, to: Float(bitPattern: UInt32(littleEndian: bits)))
              }
            }
          })
      case .double:
        self = .doubles(
          Tensor(shape: shape) { elements in
            message.raw.withUnsafeBytes { bytes in
              for index in elements.indices {
                let bits = bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self)
                elements.initializeElement(at: index, to: Double(bitPattern: UInt64(littleEndian: bits)))
              }
            }
          })
      default: self = .init(bits: type.bits(in: message.raw, count: count), shape: shape, type: type)
      }
      return
    }
    switch type {
    case .float:
      try check(message.floats.count, count)
      self = .floats(Tensor(message.floats, shape: shape))
    case .double:
      try check(message.doubles.count, count)
      self = .doubles(Tensor(message.doubles, shape: shape))
    case .int64:
      try check(message.integers.count, count)
      self = .integers(ONNXIntegers(message.integers, shape: shape, type: type))
    case .uint32, .uint64:
      try check(message.unsignedIntegers.count, count)
      self = .init(bits: message.unsignedIntegers, shape: shape, type: type)
    default:
      // Elements of fewer bits than a byte share one, as in memory.
      let bytes = message.smallIntegers
      guard type.bitCount < 8 else {
        try check(bytes.count, count)
        self = .init(bits: bytes.map { UInt64(truncatingIfNeeded: $0) }, shape: shape, type: type)
        return
      }
      try check(bytes.count, type.byteCount(of: count))
      let raw = Data(bytes.map { UInt8(truncatingIfNeeded: $0) })
      self = .init(bits: type.bits(in: raw, count: count), shape: shape, type: type)
    }
  }

  /// Whole numbers, or numbers of a narrow kind, by their bits.
  init(bits: [UInt64], shape: Shape, type: ONNXElementType) {
    switch type.narrowFloat {
    case .half(let precision):
      let halves = HalfTensor(bits: bits.map { UInt16(truncatingIfNeeded: $0) }, shape: shape, precision: precision)
      self = .narrow(ONNXNarrowFloats(exactly: halves.widened(), type: type))
    case let narrow?:
      let values = bits.map { narrow.value(of: UInt16(truncatingIfNeeded: $0)) }
      self = .narrow(ONNXNarrowFloats(exactly: Tensor(values, shape: shape), type: type))
    case nil:
      // The sign of a narrow number is that of its highest bit, which `wrapping` finds.
      self = .integers(
        ONNXIntegers(bits.map { type.wrapping(Int64(bitPattern: $0)) }, shape: shape, type: type))
    }
  }

  /// The bits of the elements; of numbers of floating point and whole numbers alone.
  var bits: [UInt64] {
    switch self {
    case .floats(let tensor): tensor.elements.map { UInt64($0.bitPattern) }
    case .doubles(let tensor): tensor.elements.map(\.bitPattern)
    case .narrow(let tensor): tensor.values.elements.map { UInt64(tensor.type.narrowFloat?.bits(of: $0) ?? 0) }
    case .integers(let tensor):
      tensor.values.map { UInt64(bitPattern: $0) & (tensor.type.bitCount < 64 ? 1 << tensor.type.bitCount - 1 : .max) }
    case .strings, .sequence, .nothing: []
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
      case .doubles, .narrow: message.raw = elementType.packed(bits)
      case .integers(let tensor):
        switch tensor.type {
        case .int64: message.integers = tensor.values
        case .uint32, .uint64: message.unsignedIntegers = tensor.values.map { UInt64(bitPattern: $0) }
        case .uint4, .int4, .uint2, .int2: message.raw = tensor.type.packed(bits)
        default: message.smallIntegers = tensor.values.map { Int32(truncatingIfNeeded: $0) }
        }
      case .strings(let tensor): message.strings = tensor.values.map { Data($0.utf8) }
      case .sequence, .nothing: break
      }
    }
  }
}

extension ONNXElementType {
  /// The bits of so many elements as they lie in a file, little-endian, several in a byte where they are narrower.
  fileprivate func bits(in data: Data, count: Int) -> [UInt64] {
    data.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) -> [UInt64] in
      guard bitCount >= 8 else {
        let (each, mask) = (8 / bitCount, UInt8(1 << bitCount - 1))
        return (0..<count).map { UInt64(bytes[$0 / each] >> UInt8($0 % each * bitCount) & mask) }
      }
      let width = bitCount / 8
      return (0..<count).map { index in
        var bits: UInt64 = 0
        for place in 0..<width { bits |= UInt64(bytes[index * width + place]) << UInt64(8 * place) }
        return bits
      }
    }
  }

  /// Elements by their bits as they lie in a file.
  fileprivate func packed(_ bits: [UInt64]) -> Data {
    var bytes = Data(count: byteCount(of: bits.count))
    for (index, element) in bits.enumerated() {
      guard bitCount >= 8 else {
        let each = 8 / bitCount
        bytes[index / each] |= UInt8(truncatingIfNeeded: element << UInt64(index % each * bitCount))
        continue
      }
      let width = bitCount / 8
      for place in 0..<width { bytes[index * width + place] = UInt8(truncatingIfNeeded: element >> UInt64(8 * place)) }
    }
    return bytes
  }
}
