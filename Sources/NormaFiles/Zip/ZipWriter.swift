/// What stands between the members of a zip archive, as Python's `zipfile` makes it for `numpy.savez`, so that the same arrays
/// give the same archive in both, without times.
struct ZipDirectory {
  private var directory: [UInt8] = []
  private var memberCount = 0
  /// How many bytes of the archive there are so far, members included.
  private var position = 0
  /// The largest size or position that stands in a field of 32 bits.
  private let limit: Int

  /// The most bytes that the name of a member takes.
  static let maximumNameLength = 0xFFFF

  init(limit: Int) { self.limit = limit }

  /// Notes a member, and gives what stands before its bytes. That always has sizes of 64 bits, the directory where they are
  /// needed. The name must be no longer than ``maximumNameLength``.
  mutating func header(ofMember name: String, byteCount: Int, checksum: UInt32) -> [UInt8] {
    let offset = position
    // Bit 11 says that a name is UTF-8; ASCII needs none.
    let flags = name.utf8.allSatisfy { $0 < 0x80 } ? 0 : 0x800
    // Version 4.5, flags, stored, and the first moment that the format can name: 1 January 1980.
    let common = [(45, 2), (flags, 2), (0, 2), (0, 2), (0x21, 2), (Int(checksum), 4)]
    var header: [UInt8] = []
    Self.append(
      [(0x0403_4B50, 4)] + common + [(0xFFFF_FFFF, 4), (0xFFFF_FFFF, 4), (name.utf8.count, 2), (20, 2)], to: &header)
    header += name.utf8
    Self.append([(1, 2), (16, 2), (byteCount, 8), (byteCount, 8)], to: &header)
    position += header.count + byteCount

    let isLarge = byteCount > limit
    var wide = isLarge ? [(byteCount, 8), (byteCount, 8)] : []
    if offset > limit { wide.append((offset, 8)) }
    let size = isLarge ? 0xFFFF_FFFF : byteCount
    // Made on Unix; a file that its owner reads and writes.
    Self.append([(0x0201_4B50, 4), (45 | 3 << 8, 2)] + common + [(size, 4), (size, 4)], to: &directory)
    Self.append(
      [
        (name.utf8.count, 2), (wide.isEmpty ? 0 : 4 + 8 * wide.count, 2), (0, 2), (0, 2), (0, 2), (0o600 << 16, 4),
        (offset > limit ? 0xFFFF_FFFF : offset, 4),
      ], to: &directory)
    directory += name.utf8
    if !wide.isEmpty { Self.append([(1, 2), (8 * wide.count, 2)] + wide, to: &directory) }
    memberCount += 1
    return header
  }

  /// What stands behind the last member.
  var end: [UInt8] {
    var result = directory
    if memberCount > 0xFFFF || position > limit || directory.count > limit {
      Self.append(
        [(0x0606_4B50, 4), (44, 8), (45, 2), (45, 2), (0, 4), (0, 4), (memberCount, 8), (memberCount, 8)]
          + [(directory.count, 8), (position, 8)], to: &result)
      Self.append([(0x0706_4B50, 4), (0, 4), (position + directory.count, 8), (1, 4)], to: &result)
    }
    let count = min(memberCount, 0xFFFF)
    Self.append(
      [(0x0605_4B50, 4), (0, 2), (0, 2), (count, 2), (count, 2)]
        + [(min(directory.count, 0xFFFF_FFFF), 4), (min(position, 0xFFFF_FFFF), 4), (0, 2)], to: &result)
    return result
  }

  /// Appends numbers, little-endian, each with its width in bytes.
  private static func append(_ fields: [(value: Int, width: Int)], to bytes: inout [UInt8]) {
    for (value, width) in fields {
      for place in 0..<width { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * place))) }
    }
  }
}

/// Makes a zip archive of stored members in memory.
package struct ZipWriter {
  private var bytes: [UInt8] = []
  private var directory: ZipDirectory

  /// Begins an archive. Python keeps sizes of 31 bits, of which tests may take fewer.
  package init(limit: Int = 0x7FFF_FFFF) { directory = ZipDirectory(limit: limit) }

  /// Adds a member.
  package mutating func add(_ name: String, _ contents: [UInt8]) {
    bytes += directory.header(ofMember: name, byteCount: contents.count, checksum: Checksum(of: contents).value)
    bytes += contents
  }

  /// The archive with all that was added.
  package func archive() -> [UInt8] { bytes + directory.end }
}
