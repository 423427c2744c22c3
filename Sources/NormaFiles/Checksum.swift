import CZlib

/// A CRC-32 (ISO 3309, as in gzip) over bytes that come piece by piece: whether they are still the same.
package struct Checksum: Sendable {
  /// The checksum of all bytes so far.
  package private(set) var value: UInt32 = 0

  /// The checksum of no bytes.
  package init() {}

  /// Takes in more bytes.
  package mutating func add(_ bytes: UnsafeRawBufferPointer) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
      value = UInt32(
        truncatingIfNeeded: crc32(uLong(value), piece.bindMemory(to: UInt8.self).baseAddress, uInt(piece.count)))
      rest = rest.dropFirst(piece.count)
    }
  }
}
