import Foundation
import NormaTensor

extension Safetensors {
  /// The file's bytes: the header's length in 8 bytes, little-endian; the header, JSON, padded with spaces to a multiple
  /// of 8; the numbers, little-endian. Wider types come before narrower ones, so that all stand aligned.
  ///
  /// - Throws: ``FormatError`` for a tensor whose name the format keeps for itself.
  public func serialized() throws(FormatError) -> [UInt8] {
    let (header, entries) = try layout(file: "safetensors")
    var bytes: [UInt8] = []
    bytes.reserveCapacity(header.count + byteCount)
    bytes += header
    for entry in entries { entry.withStoredBytes { bytes.append(contentsOf: $0) } }
    return bytes
  }

  /// Writes the file whole or not at all, as ``FileAccess`` does, each tensor straight from its own memory.
  ///
  /// - Throws: ``FileError`` if it cannot be written, ``FormatError`` as ``serialized()``.
  public func write(to path: String) throws { try FileAccess.write(try contents(of: path), to: path) }

  /// The file for ``FileAccess/write(_:)``, which writes several at once; no tensor is copied.
  ///
  /// - Parameter path: what errors call the file.
  /// - Throws: ``FormatError`` as ``serialized()``.
  public func contents(of path: String) throws(FormatError) -> FileContents {
    let (header, entries) = try layout(file: path)
    return FileContents { writer throws(FileError) in
      try writer.append(header)
      for entry in entries { try entry.withStoredBytes { bytes throws(FileError) in try writer.append(bytes) } }
    }
  }

  /// How many bytes the numbers take.
  private var byteCount: Int { entries.values.reduce(0) { $0 + $1.shape.elementCount * $1.elementType.width } }

  /// What stands before the numbers, and the tensors in the order of theirs.
  private func layout(file: String) throws(FormatError) -> (header: [UInt8], entries: [Entry]) {
    guard entries[Self.metadataName] == nil else {
      throw FormatError(
        file: file, location: "tensor '\(Self.metadataName)'",
        problem: "safetensors keeps this name for its metadata, and no tensor can have it",
        remedy: "Give the tensor another name.")
    }
    let ordered = entries.sorted { left, right in
      let (first, second) = (left.value.elementType.order, right.value.elementType.order)
      return first != second ? first < second : left.key.utf8.lexicographicallyPrecedes(right.key.utf8)
    }
    var members: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      let text = pairs.map { "\(json($0.key)):\(json($0.value))" }.joined(separator: ",")
      members.append("\(json(Safetensors.metadataName)):{\(text)}")
    }
    var end = 0
    for (name, entry) in ordered {
      let start = end
      end += entry.shape.elementCount * entry.elementType.width
      let shape = entry.shape.map(String.init).joined(separator: ",")
      let type = entry.elementType.name
      members.append(
        "\(json(name)):{\"dtype\":\"\(type)\",\"shape\":[\(shape)],\"data_offsets\":[\(start),\(end)]}")
    }
    var text = Array("{\(members.joined(separator: ","))}".utf8)
    while text.count % 8 != 0 { text.append(UInt8(ascii: " ")) }
    let length = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) }
    return (length + text, ordered.map(\.value))
  }

  /// A text as a JSON string, quotes included.
  private func json(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case ..<" ": result += String(format: "\\u%04x", scalar.value)
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}

extension Safetensors.Entry {
  /// Lends the numbers as they stand in a file: little-endian and in row-major order, from where they are where the host has
  /// them so too.
  func withStoredBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    switch self {
    case .float(let tensor):
      return try tensor.withUnsafeElements { numbers throws(Failure) in
        try elementType.withStoredBytes(UnsafeRawBufferPointer(numbers), body)
      }
    case .double(let tensor):
      return try tensor.withUnsafeElements { numbers throws(Failure) in
        try elementType.withStoredBytes(UnsafeRawBufferPointer(numbers), body)
      }
    case .integers(let numbers, let shape):
      require(numbers.count == shape.elementCount, "\(numbers.count) integers do not fill shape \(shape)")
      return try numbers.withUnsafeBufferPointer { numbers throws(Failure) in
        try elementType.withStoredBytes(UnsafeRawBufferPointer(numbers), body)
      }
    case .other(let tensor):
      return try tensor.bytes.withUnsafeBufferPointer { bytes throws(Failure) in
        try body(UnsafeRawBufferPointer(bytes))
      }
    }
  }
}

extension StoredNumber {
  /// Lends numbers that the host has in its own order of bytes in that of files.
  fileprivate func withStoredBytes<Result, Failure: Error>(
    _ bytes: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    guard StoredNumber.isHostBigEndian else { return try body(bytes) }
    var swapped = Array(bytes)
    swapped.withUnsafeMutableBytes { swapBytes(in: $0) }
    return try swapped.withUnsafeBufferPointer { bytes throws(Failure) in try body(UnsafeRawBufferPointer(bytes)) }
  }

  /// The type's place among all in a file, which is that of the format's own library.
  fileprivate var order: Int {
    let types: [StoredNumber] = [
      .uint64, .int64, .float64, .float32, .uint32, .int32, .bfloat16, .float16, .uint16, .int16, .int8, .uint8,
      .boolean,
    ]
    return types.firstIndex(of: self) ?? types.count
  }
}
