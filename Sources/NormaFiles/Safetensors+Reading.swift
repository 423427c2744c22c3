import Foundation
import NormaTensor

extension Safetensors {
  /// Reads a file, of which no more than the tensors themselves is brought into memory; ``SafetensorsFile`` reads one tensor
  /// at a time.
  ///
  /// - Throws: ``FileError`` if it cannot be read, ``FormatError`` if it is not a whole and valid safetensors file.
  public init(contentsOf path: String) throws {
    try self.init(try SafetensorsFile(contentsOf: path))
  }

  init(_ file: SafetensorsFile) throws {
    self.init(metadata: file.metadata)
    try MemoryBudget.check(file.tensors.reduce(0) { $0 + $1.byteCount }, for: file.path)
    for tensor in file.tensors { entries[tensor.name] = try file.entry(tensor.name) }
  }

  /// Reads a file's bytes.
  ///
  /// Every byte must be accounted for: the header says its length, the tensors follow one another without gaps or
  /// overlaps, each as long as its shape and type ask, and the last ends with the file. So a file cut at any byte is refused.
  /// Numbers may stand at any byte: the format's own library has put those of 8 bytes first and filled up the header only
  /// since its version 0.3. Those written here are aligned.
  ///
  /// - Parameters:
  ///   - bytes: the whole file.
  ///   - file: what errors call the file.
  /// - Throws: ``FormatError`` with the byte position if they are not a whole and valid safetensors file.
  public init(bytes: [UInt8], file: String) throws(FormatError) {
    self.init()
    try bytes.withUnsafeBufferPointer { buffer throws(FormatError) in
      let bytes = UnsafeRawBufferPointer(buffer)
      let header = try SafetensorsHeader(of: bytes, file: file)
      metadata = header.metadata
      for tensor in header.tensors {
        entries[tensor.name] = try tensor.entry(
          from: UnsafeRawBufferPointer(rebasing: bytes[header.dataRange(of: tensor)]), file: file)
      }
    }
  }
}

/// What stands before the numbers of a safetensors file, once all of it has been checked.
struct SafetensorsHeader {
  var metadata: [String: String] = [:]
  /// The tensors in the order of their data.
  var tensors: [TensorInformation] = []
  /// Where the data begin.
  let dataStart: Int

  /// Reads the header of a whole file.
  init(of bytes: UnsafeRawBufferPointer, file: String) throws(FormatError) {
    let members: [String: JSONValue]
    (members, dataStart) = try Self.members(of: bytes, file: file)
    for (name, value) in members {
      if name == Safetensors.metadataName {
        metadata = try Self.metadata(value, file: file)
      } else {
        tensors.append(try TensorInformation(name: name, value: value, file: file))
      }
    }
    // Empty tensors have the offset of the one that follows, so they go before it.
    tensors.sort { ($0.start, $0.end, $0.name) < ($1.start, $1.end, $1.name) }
    var end = 0
    for tensor in tensors {
      guard tensor.start == end else {
        throw tensor.error("its data begin at offset \(tensor.start), but those before end at \(end)", file: file)
      }
      end = tensor.end
      guard end <= bytes.count - dataStart else {
        throw FormatError(
          file: file, location: "byte \(bytes.count)",
          problem: "the file ends within the data of the tensor '\(tensor.name)'; it is cut off",
          remedy: wholeFileRemedy)
      }
    }
    guard end == bytes.count - dataStart else {
      throw FormatError(
        file: file, location: "byte \(dataStart + end)",
        problem: "\(bytes.count - dataStart - end) bytes follow the last tensor", remedy: wholeFileRemedy)
    }
  }

  /// Where a tensor's data stand in the file.
  func dataRange(of tensor: TensorInformation) -> Range<Int> {
    (dataStart + tensor.start)..<(dataStart + tensor.end)
  }

  /// The header's members, and where the data begin.
  private static func members(
    of bytes: UnsafeRawBufferPointer, file: String
  ) throws(FormatError) -> (members: [String: JSONValue], dataStart: Int) {
    func invalid(_ problem: String, at byte: Int = 8) -> FormatError {
      FormatError(file: file, location: "byte \(byte)", problem: problem, remedy: wholeFileRemedy)
    }
    guard bytes.count >= 8 else { throw invalid("the file ends before the header's length", at: bytes.count) }
    let length = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
    guard length <= Safetensors.maximumHeaderLength else {
      throw invalid("it says its header has \(length) bytes, so it is no safetensors file", at: 0)
    }
    let dataStart = 8 + Int(length)
    guard dataStart <= bytes.count else {
      throw invalid("the file ends within the header; it is cut off", at: bytes.count)
    }
    let text = UnsafeRawBufferPointer(rebasing: bytes[8..<dataStart])
    guard text.first == UInt8(ascii: "{") else { throw invalid("the header does not begin with '{'") }
    guard case .object(let members)? = try? JSONDecoder().decode(JSONValue.self, from: Data(text)) else {
      throw invalid("the header is not valid JSON")
    }
    // The decoder keeps one of several members with the same name. Outside strings, JSON has one colon a member.
    guard JSONValue.object(members).memberCount == colonsOutsideStrings(text) else {
      throw invalid("a name occurs twice in the header")
    }
    return (members, dataStart)
  }

  private static func metadata(_ value: JSONValue, file: String) throws(FormatError) -> [String: String] {
    var result: [String: String] = [:]
    guard case .object(let members) = value else {
      throw FormatError(file: file, location: "header", problem: "the metadata are no object", remedy: wholeFileRemedy)
    }
    for (name, value) in members {
      guard case .string(let text) = value else {
        throw FormatError(
          file: file, location: "header", problem: "the metadata '\(name)' are no text", remedy: wholeFileRemedy)
      }
      result[name] = text
    }
    return result
  }

  private static func colonsOutsideStrings(_ text: UnsafeRawBufferPointer) -> Int {
    var count = 0
    var isInString = false
    var isEscaped = false
    for byte in text {
      if isEscaped {
        isEscaped = false
      } else if byte == UInt8(ascii: "\"") {
        isInString.toggle()
      } else if isInString {
        isEscaped = byte == UInt8(ascii: "\\")
      } else if byte == UInt8(ascii: ":") {
        count += 1
      }
    }
    return count
  }
}

let wholeFileRemedy = "Use a whole safetensors file, as it was written."

/// What a safetensors header can hold.
enum JSONValue: Decodable {
  case object([String: JSONValue])
  case array([JSONValue])
  case string(String)
  case integer(Int)
  /// Other numbers, booleans and null, which no safetensors header needs.
  case other

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    // The most frequent first: each attempt that fails makes an error.
    if let number = try? container.decode(Int.self) {
      self = .integer(number)
    } else if let text = try? container.decode(String.self) {
      self = .string(text)
    } else if let elements = try? container.decode([JSONValue].self) {
      self = .array(elements)
    } else if let members = try? container.decode([String: JSONValue].self) {
      self = .object(members)
    } else {
      self = .other
    }
  }

  /// The members of this value and of all values inside it.
  var memberCount: Int {
    switch self {
    case .object(let members): members.values.reduce(members.count) { $0 + $1.memberCount }
    case .array(let elements): elements.reduce(0) { $0 + $1.memberCount }
    default: 0
    }
  }
}
