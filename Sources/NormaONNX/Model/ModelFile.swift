import NormaFiles
internal import SwiftProtobuf

/// A model's file, mapped into memory, and its message without the elements of large tensors: these stay in the file until they are
/// looked at. To decode the whole would copy them twice before a tensor is made of them.
struct ModelFile {
  /// The model's message. Where a tensor's elements were left in the file, it says so as of elements in another file, under
  /// ``ownFile``.
  let message: [UInt8]
  let file: MappedFile

  /// What the message calls the file itself; no name of a file has a zero in it.
  static let ownFile = "\0"
  /// Elements of so many bytes and more stay in the file.
  static let leastBytes = 1024

  /// Opens a file.
  ///
  /// - Throws: `FileError` if it cannot be read; `FormatError` if what is to be decoded is more than the memory that is left.
  init(_ path: String) throws {
    let file = try MappedFile(path)
    self.file = file
    let shortened = try file.withUnsafeBytes(in: 0..<file.count) { bytes in
      try? Message(bytes, 0..<bytes.count).replacing { field throws(Broken) in
        guard field.number == FieldNumber.graph else { return nil }
        return try Message(bytes, field.content).replacing { field throws(Broken) in
          guard field.number == FieldNumber.initializer else { return nil }
          return try Message(bytes, field.content).withoutElements()
        }
      }
    }
    // Of what does not hold together the decoder says so, and what has nothing to leave is decoded as it is.
    message = try shortened ?? file.readAll()
  }
}

/// A part of a message is cut off, or of a kind that is not taken apart here.
private struct Broken: Error {}

/// The numbers of fields in onnx.proto.
private enum FieldNumber {
  static let graph = 7, initializer = 5
  static let raw = 9, external = 13, location = 14
}

/// A message in a file, by the encoding of Protocol Buffers.
private struct Message {
  struct Field {
    let number: Int
    /// Number, length and content.
    let all: Range<Int>
    /// What follows a length; empty for a field of another kind.
    let content: Range<Int>
  }

  let bytes: UnsafeRawBufferPointer
  let range: Range<Int>

  init(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) { (self.bytes, self.range) = (bytes, range) }

  func forEachField(_ body: (Field) throws(Broken) -> Void) throws(Broken) {
    var place = range.lowerBound
    func variableLengthInteger() throws(Broken) -> UInt64 {
      var result: UInt64 = 0
      for shift in stride(from: UInt64(0), to: 64, by: 7) {
        guard place < range.upperBound else { throw Broken() }
        let byte = bytes[place]
        place += 1
        result |= UInt64(byte & 127) << shift
        if byte < 128 { return result }
      }
      throw Broken()
    }
    while place < range.upperBound {
      let start = place
      let key = try variableLengthInteger()
      guard let number = Int(exactly: key >> 3), number > 0 else { throw Broken() }
      var length = 0
      var hasLength = false
      switch key & 7 {
      case 0: _ = try variableLengthInteger()
      case 1: length = 8
      case 2:
        guard let found = Int(exactly: try variableLengthInteger()) else { throw Broken() }
        (length, hasLength) = (found, true)
      case 5: length = 4
      default: throw Broken()
      }
      guard length <= range.upperBound - place else { throw Broken() }
      let content = place..<place + (hasLength ? length : 0)
      place += length
      try body(Field(number: number, all: start..<place, content: content))
    }
  }

  /// The message with other contents of those fields for which `content` gives some; nil if there are none.
  func replacing(_ content: (Field) throws(Broken) -> [UInt8]?) throws(Broken) -> [UInt8]? {
    var replaced: [(field: Field, content: [UInt8])] = []
    try forEachField { field throws(Broken) in
      if let content = field.content.isEmpty ? nil : try content(field) { replaced.append((field, content)) }
    }
    guard !replaced.isEmpty else { return nil }
    var result: [UInt8] = []
    var place = range.lowerBound
    for (field, content) in replaced {
      result.append(contentsOf: bytes[place..<field.all.lowerBound])
      result.append(field: field.number, content)
      place = field.all.upperBound
    }
    result.append(contentsOf: bytes[place..<range.upperBound])
    return result
  }

  /// A tensor's message without its elements, where they are many and in one piece; nil for any other.
  func withoutElements() throws(Broken) -> [UInt8]? {
    var raw: [Field] = []
    var isExternal = false
    try forEachField { field in
      switch field.number {
      case FieldNumber.raw: raw.append(field)
      case FieldNumber.external, FieldNumber.location: isExternal = true
      default: break
      }
    }
    guard raw.count == 1, raw[0].content.count >= ModelFile.leastBytes, !isExternal else { return nil }
    var result = Array(bytes[range.lowerBound..<raw[0].all.lowerBound])
    result.append(contentsOf: bytes[raw[0].all.upperBound..<range.upperBound])
    let entries = [
      "location": ModelFile.ownFile, "offset": String(raw[0].content.lowerBound),
      "length": String(raw[0].content.count),
    ]
    for (key, value) in entries {
      let entry = ProtoEntry.with { ($0.key, $0.value) = (key, value) }
      guard let bytes: [UInt8] = try? entry.serializedBytes() else { throw Broken() }
      result.append(field: FieldNumber.external, bytes)
    }
    return result
  }
}

extension [UInt8] {
  /// Appends a field that has a length.
  fileprivate mutating func append(field number: Int, _ content: [UInt8]) {
    for value in [number << 3 | 2, content.count] {
      var rest = value
      while rest >= 128 {
        append(UInt8(rest & 127 | 128))
        rest >>= 7
      }
      append(UInt8(rest))
    }
    append(contentsOf: content)
  }
}
