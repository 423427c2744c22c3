import CZlib

/// A zip archive's members, as the directory at its end lists them (PKWARE's APPNOTE 6.3, of which this is what archives of
/// arrays use: members stored or deflated, sizes of 64 bits, no encryption, one volume).
package struct ZipArchive {
  /// One file in an archive.
  package struct Member {
    /// Its name.
    package var name: String
    /// Whether it is deflated rather than stored.
    var isDeflated: Bool
    var checksum: UInt32
    var compressedSize: Int
    /// How many bytes it has.
    package var size: Int
    /// Where its own header begins.
    var headerOffset: Int
    /// Where its data begin.
    var dataOffset = 0
  }

  /// The members in the order of the directory.
  package private(set) var members: [Member] = []
  private let bytes: [UInt8]
  private let file: String

  /// Whether bytes begin like a zip archive, one without members included.
  package static func isZip(_ bytes: some Collection<UInt8>) -> Bool {
    bytes.starts(with: [0x50, 0x4B, 3, 4]) || bytes.starts(with: [0x50, 0x4B, 5, 6])
  }

  /// Reads an archive's directory and checks each member's own header against it. Members must not overlap, share a name,
  /// or claim more bytes than deflated data of their length can hold.
  ///
  /// - Parameters:
  ///   - bytes: the whole archive.
  ///   - file: what errors call it.
  ///   - maximumSize: the most bytes that all deflated members may inflate to.
  /// - Throws: ``FormatError`` with the byte position.
  package init(
    _ bytes: [UInt8], file: String, maximumSize: Int = Gzip.defaultMaximumSize
  ) throws(FormatError) {
    (self.bytes, self.file) = (bytes, file)
    let reader = ZipReader(bytes: bytes, file: file)
    let directory = try reader.directory()
    var position = directory.range.lowerBound
    var names: Set<String> = []
    var inflatedSize = 0
    for _ in 0..<directory.memberCount {
      let member = try reader.member(at: &position, before: directory.range.upperBound)
      guard names.insert(member.name).inserted else {
        throw reader.error("two members are called '\(member.name)'", at: position)
      }
      if member.isDeflated { inflatedSize += min(member.size, maximumSize + 1) }
      guard inflatedSize <= maximumSize else {
        throw FormatError(
          file: file, location: "member '\(member.name)'",
          problem: "with it, the members inflate to more than \(maximumSize) bytes",
          remedy: "Write the archive without compression.")
      }
      members.append(member)
    }
    guard position == directory.range.upperBound else {
      throw reader.error("the directory is longer than its \(directory.memberCount) members", at: position)
    }
    var end = 0
    for index in members.indices.sorted(by: { members[$0].headerOffset < members[$1].headerOffset }) {
      let member = members[index]
      guard member.headerOffset >= end else {
        throw reader.error("the member '\(member.name)' overlaps another", at: member.headerOffset)
      }
      members[index].dataOffset = try reader.dataOffset(of: member, before: directory.range.lowerBound)
      end = members[index].dataOffset + member.compressedSize
    }
  }

  /// A member's bytes, their checksum verified.
  ///
  /// - Throws: ``FormatError`` if they are damaged.
  package func contents(of member: Member) throws(FormatError) -> [UInt8] {
    let data = bytes[member.dataOffset..<(member.dataOffset + member.compressedSize)]
    let contents: [UInt8]
    if member.isDeflated {
      guard let inflated = Inflation.inflate(data, count: member.size) else {
        throw damage(member, "its deflated data are no \(member.size) bytes")
      }
      contents = inflated
    } else {
      contents = Array(data)
    }
    guard Checksum(of: contents).value == member.checksum else { throw damage(member, "its checksum is wrong") }
    return contents
  }

  private func damage(_ member: Member, _ problem: String) -> FormatError {
    FormatError(
      file: file, location: "member '\(member.name)'", problem: "it is damaged: \(problem)", remedy: wholeArchiveRemedy)
  }
}

let wholeArchiveRemedy = "Use a whole archive, as it was written."

/// What zlib does for members.
enum Inflation {
  /// Raw deflated data that inflate to just so many bytes, and end with them; nil for any other.
  static func inflate(_ data: ArraySlice<UInt8>, count: Int) -> [UInt8]? {
    // zlib's state points back at the stream, which therefore must not move.
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    stream.initialize(to: z_stream())
    defer { stream.deallocate() }
    guard norma_zlib_inflate_init_raw(stream) == Z_OK else { return nil }
    defer { inflateEnd(stream) }
    var isWhole = false
    // One byte more than there should be, so that a longer stream is noticed.
    let contents = [UInt8](unsafeUninitializedCapacity: count + 1) { result, initializedCount in
      data.withUnsafeBufferPointer { data in
        var (read, written) = (0, 0)
        var code = Z_OK
        while code == Z_OK {
          let (available, room) = (min(data.count - read, 1 << 30), min(count + 1 - written, 1 << 30))
          // zlib reads only, but its interface predates const.
          stream.pointee.next_in = data.baseAddress.map { UnsafeMutablePointer(mutating: $0 + read) }
          stream.pointee.avail_in = uInt(available)
          stream.pointee.next_out = result.baseAddress.map { $0 + written }
          stream.pointee.avail_out = uInt(room)
          code = zlibInflate(stream)
          read += available - Int(stream.pointee.avail_in)
          written += room - Int(stream.pointee.avail_out)
        }
        isWhole = code == Z_STREAM_END && read == data.count && written == count
        initializedCount = min(written, count)
      }
    }
    return isWhole ? contents : nil
  }
}

/// `inflate`, which within ``Inflation`` is another function's name.
private func zlibInflate(_ stream: UnsafeMutablePointer<z_stream>) -> Int32 { inflate(stream, Z_NO_FLUSH) }
