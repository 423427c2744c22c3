import CZlib

/// A CRC-32 (ISO 3309, as in gzip) over bytes that come piece by piece: whether they are still the same.
package struct Checksum: Sendable {
  /// The checksum of all bytes so far.
  package private(set) var value: UInt32 = 0

  /// The checksum of no bytes.
  package init() {}

  /// The checksum of all the bytes there are.
  package init(of bytes: [UInt8]) { bytes.withUnsafeBytes { add($0) } }

  /// Takes in more bytes.
  package mutating func add(_ bytes: UnsafeRawBufferPointer) {
    bytes.withMemoryRebound(to: UInt8.self) {
      value = UInt32(truncatingIfNeeded: crc32_z(uLong(value), $0.baseAddress, $0.count))
    }
  }
}
