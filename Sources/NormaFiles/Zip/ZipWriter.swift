/// Makes a zip archive of stored members: the bytes that Python's `zipfile` makes for `numpy.savez`, so that the same arrays
/// give the same archive in both, without times.
package struct ZipWriter {
  private var bytes: [UInt8] = []
  private var directory: [UInt8] = []
  private var memberCount = 0
  /// The largest size or position that stands in a field of 32 bits.
  private let limit: Int

  /// Begins an archive. Python keeps to 31 bits, of which tests may take fewer.
  package init(limit: Int = 0x7FFF_FFFF) { self.limit = limit }

  /// Adds a member. Its own header always has sizes of 64 bits, the directory where they are needed.
  package mutating func add(_ name: String, _ contents: [UInt8]) {
    let offset = bytes.count
    let checksum = Int(Checksum(of: contents).value)
    // Bit 11 says that a name is UTF-8; ASCII needs none.
    let flags = name.utf8.allSatisfy { $0 < 0x80 } ? 0 : 0x800
    // Version 4.5, flags, stored, and the first moment that the format can name: 1 January 1980.
    let common = [(45, 2), (flags, 2), (0, 2), (0, 2), (0x21, 2), (checksum, 4)]
    Self.append(
      [(0x0403_4B50, 4)] + common + [(0xFFFF_FFFF, 4), (0xFFFF_FFFF, 4), (name.utf8.count, 2), (20, 2)], to: &bytes)
    bytes += name.utf8
    Self.append([(1, 2), (16, 2), (contents.count, 8), (contents.count, 8)], to: &bytes)
    bytes += contents

    let isLarge = contents.count > limit
    var wide = isLarge ? [(contents.count, 8), (contents.count, 8)] : []
    if offset > limit { wide.append((offset, 8)) }
    let size = isLarge ? 0xFFFF_FFFF : contents.count
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
  }

  /// The archive with all that was added.
  package func archive() -> [UInt8] {
    var result = bytes + directory
    if memberCount > 0xFFFF || bytes.count > limit || directory.count > limit {
      let position = result.count
      Self.append(
        [(0x0606_4B50, 4), (44, 8), (45, 2), (45, 2), (0, 4), (0, 4), (memberCount, 8), (memberCount, 8)]
          + [(directory.count, 8), (bytes.count, 8)], to: &result)
      Self.append([(0x0706_4B50, 4), (0, 4), (position, 8), (1, 4)], to: &result)
    }
    let count = min(memberCount, 0xFFFF)
    Self.append(
      [(0x0605_4B50, 4), (0, 2), (0, 2), (count, 2), (count, 2)]
        + [(min(directory.count, 0xFFFF_FFFF), 4), (min(bytes.count, 0xFFFF_FFFF), 4), (0, 2)], to: &result)
    return result
  }

  /// Appends numbers, little-endian, each with its width in bytes. Static, because a method of the writer would hold on to
  /// all its bytes, and they would be copied for every number.
  private static func append(_ fields: [(value: Int, width: Int)], to bytes: inout [UInt8]) {
    for (value, width) in fields {
      for place in 0..<width { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * place))) }
    }
  }
}
