import Foundation
import NormaTensor

extension Safetensors {
  /// The file's bytes: the header's length in 8 bytes, little-endian; the header, JSON, padded with spaces to a multiple
  /// of 8; the numbers, little-endian. Wider types come before narrower ones, so that all stand aligned.
  public func serialized() -> [UInt8] {
    precondition(entries[Safetensors.metadataName] == nil, "a tensor cannot be called \(Safetensors.metadataName)")
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
    var header = Array("{\(members.joined(separator: ","))}".utf8)
    while header.count % 8 != 0 { header.append(UInt8(ascii: " ")) }

    var bytes: [UInt8] = []
    bytes.reserveCapacity(8 + header.count + end)
    withUnsafeBytes(of: UInt64(header.count).littleEndian) { bytes.append(contentsOf: $0) }
    bytes += header
    for (_, entry) in ordered { bytes += entry.bytes }
    return bytes
  }

  /// Writes the file whole or not at all, as ``FileAccess`` does.
  ///
  /// - Throws: ``FileError`` if it cannot be written, or there is not enough memory for its bytes.
  public func write(to path: String) throws(FileError) {
    let count = entries.values.reduce(0) { $0 + $1.shape.elementCount * $1.elementType.width }
    if let problem = MemoryBudget.problem(taking: count) {
      throw FileError(path: path, operation: .write, reason: problem)
    }
    try FileAccess.write(serialized(), to: path)
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
  /// The numbers' bytes, little-endian and in row-major order.
  var bytes: [UInt8] {
    func bytes<Word: FixedWidthInteger>(_ words: some Collection<Word>) -> [UInt8] {
      // All empty arrays share one place, into which an initializer writes its count: ThreadSanitizer takes it for a race.
      words.isEmpty
        ? []
        : [UInt8](unsafeUninitializedCapacity: words.count * MemoryLayout<Word>.size) { result, count in
          var place = UnsafeMutableRawPointer(result.baseAddress)
          for word in words {
            place?.storeBytes(of: word.littleEndian, as: Word.self)
            place = place.map { $0 + MemoryLayout<Word>.size }
          }
          count = words.count * MemoryLayout<Word>.size
        }
    }
    switch self {
    case .float(let tensor): return tensor.withUnsafeElements { bytes($0.lazy.map(\.bitPattern)) }
    case .double(let tensor): return tensor.withUnsafeElements { bytes($0.lazy.map(\.bitPattern)) }
    case .integers(let numbers, let shape):
      precondition(numbers.count == shape.elementCount, "\(numbers.count) integers do not fill shape \(shape)")
      return bytes(numbers)
    case .other(let tensor): return tensor.bytes
    }
  }
}

extension StoredNumber {
  /// The type's place among all in a file, which is that of the format's own library.
  fileprivate var order: Int {
    let types: [StoredNumber] = [
      .uint64, .int64, .float64, .float32, .uint32, .int32, .bfloat16, .float16, .uint16, .int16, .int8, .uint8,
      .boolean,
    ]
    return types.firstIndex(of: self) ?? types.count
  }
}
