/// Reads the records of a zip archive.
struct ZipReader {
  let bytes: UnsafeRawBufferPointer
  let file: String

  /// Where the directory stands and how many members it lists.
  struct Directory {
    var range: Range<Int>
    var memberCount: Int
  }

  /// Finds the directory by the record that ends the archive, of 22 bytes and a comment.
  func directory() throws(FormatError) -> Directory {
    let earliest = max(0, bytes.count - 22 - 0xFFFF)
    let end = stride(from: bytes.count - 22, through: earliest, by: -1).first { position in
      bytes[position] == 0x50 && number(4, at: position) == 0x0605_4B50
        && position + 22 + number(2, at: position + 20) == bytes.count
    }
    guard let end else {
      throw error("the record that ends a zip archive is not there; it is cut off, or no archive", at: bytes.count)
    }
    var (memberCount, size, offset) = (number(2, at: end + 10), number(4, at: end + 12), number(4, at: end + 16))
    var (disk, directoryDisk, countOnDisk) = (number(2, at: end + 4), number(2, at: end + 6), number(2, at: end + 8))
    var limit = end
    if end >= 20, number(4, at: end - 20) == 0x0706_4B50 {
      let position = number(8, at: end - 12)
      guard position >= 0, position <= end - 20 - 56, number(4, at: position) == 0x0606_4B50 else {
        throw error("it points to no record of 64-bit sizes", at: end - 20)
      }
      (disk, directoryDisk) = (number(4, at: position + 16), number(4, at: position + 20))
      (countOnDisk, memberCount) = (number(8, at: position + 24), number(8, at: position + 32))
      (size, offset) = (number(8, at: position + 40), number(8, at: position + 48))
      limit = position
    }
    guard disk == 0, directoryDisk == 0, countOnDisk == memberCount else {
      throw FormatError(
        file: file, location: "byte \(end)", problem: "it is a part of an archive of several volumes",
        remedy: "Put the volumes together.")
    }
    guard offset >= 0, size >= 0, offset <= limit, size == limit - offset, memberCount >= 0, memberCount <= size / 46
    else {
      throw error("its directory of \(memberCount) members does not stand where it says", at: end)
    }
    return Directory(range: offset..<limit, memberCount: memberCount)
  }

  /// The member whose record in the directory begins at a position, which is moved behind it.
  func member(at position: inout Int, before end: Int) throws(FormatError) -> ZipArchive.Member {
    let start = position
    guard end - start >= 46, number(4, at: start) == 0x0201_4B50 else {
      throw error("the directory is damaged", at: start)
    }
    let lengths = [28, 30, 32].map { number(2, at: start + $0) }
    let nameEnd = start + 46 + lengths[0]
    position = nameEnd + lengths[1] + lengths[2]
    guard position <= end, let name = String(validating: bytes[(start + 46)..<nameEnd], as: UTF8.self) else {
      throw error("the directory is damaged", at: start)
    }
    let (flags, method) = (number(2, at: start + 8), number(2, at: start + 10))
    guard flags & 1 == 0, method == 0 || method == 8 else {
      throw FormatError(
        file: file, location: "member '\(name)'",
        problem: flags & 1 == 0 ? "it is compressed by method \(method)" : "it is encrypted",
        remedy: "Write the archive anew, with members stored or deflated.")
    }
    var fields = (
      size: number(4, at: start + 24), compressedSize: number(4, at: start + 20), offset: number(4, at: start + 42)
    )
    // What is too large for its field stands, in this order, in an extra field of its own.
    var extra = nameEnd
    while extra + 4 <= nameEnd + lengths[1] {
      let (identifier, length) = (number(2, at: extra), number(2, at: extra + 2))
      let extraEnd = extra + 4 + length
      guard extraEnd <= nameEnd + lengths[1] else { throw error("the directory is damaged", at: extra) }
      if identifier == 1 {
        var place = extra + 4
        for field in [\(size: Int, compressedSize: Int, offset: Int).size, \.compressedSize, \.offset]
        where fields[keyPath: field] == 0xFFFF_FFFF {
          guard place + 8 <= extraEnd else { throw error("the directory is damaged", at: extra) }
          fields[keyPath: field] = number(8, at: place)
          place += 8
        }
      }
      extra = extraEnd
    }
    // Deflated data hold at most 258 bytes in two bits.
    let (most, overflow) = fields.compressedSize.multipliedReportingOverflow(by: 1032)
    guard fields.size >= 0, fields.compressedSize >= 0, fields.compressedSize <= bytes.count, fields.offset >= 0,
      !overflow, method == 8 ? fields.size <= most : fields.size == fields.compressedSize
    else { throw error("the member '\(name)' has impossible sizes", at: start) }
    return ZipArchive.Member(
      name: name, isDeflated: method == 8, checksum: UInt32(truncatingIfNeeded: number(4, at: start + 16)),
      compressedSize: fields.compressedSize, size: fields.size, headerOffset: fields.offset)
  }

  /// Where a member's data begin, behind a header of its own that must say the same as the directory.
  func dataOffset(of member: ZipArchive.Member, before end: Int) throws(FormatError) -> Int {
    let start = member.headerOffset
    let problem = error("the member '\(member.name)' is not where the directory says", at: min(start, bytes.count))
    guard start <= end - 30, number(4, at: start) == 0x0403_4B50,
      number(2, at: start + 8) == (member.isDeflated ? 8 : 0)
    else { throw problem }
    let nameEnd = start + 30 + number(2, at: start + 26)
    let dataOffset = nameEnd + number(2, at: start + 28)
    guard dataOffset <= end, member.compressedSize <= end - dataOffset,
      bytes[(start + 30)..<nameEnd].elementsEqual(member.name.utf8)
    else { throw problem }
    return dataOffset
  }

  func error(_ problem: String, at byte: Int) -> FormatError {
    FormatError(file: file, location: "byte \(byte)", problem: problem, remedy: wholeArchiveRemedy)
  }

  /// A little-endian number of up to 8 bytes; negative where it is too large for an `Int`.
  private func number(_ width: Int, at position: Int) -> Int {
    Int(truncatingIfNeeded: bytes[position..<(position + width)].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
  }
}
