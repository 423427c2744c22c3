import CZlib

/// One member's bytes from the first to the last, inflated as they are asked for: never more than its directory promises.
final class ZipMemberStream {
  private let member: ZipArchive.Member
  private let mapping: MappedFile
  /// Where the next bytes of the archive are read, and where they end.
  private var position: Int
  private let end: Int
  private var checksum = Checksum()
  private var readCount = 0
  // zlib's state points back at the stream, which therefore must not move.
  private let stream: UnsafeMutablePointer<z_stream>?
  private var hasEnded = false

  init(_ member: ZipArchive.Member, of archive: ZipArchive) {
    self.member = member
    mapping = archive.mapping
    position = member.dataOffset
    end = member.dataOffset + member.compressedSize
    guard member.isDeflated else {
      stream = nil
      return
    }
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    stream.initialize(to: z_stream())
    self.stream = stream
    // Where it cannot start, `inflate` fails below.
    _ = norma_zlib_inflate_init_raw(stream)
  }

  deinit {
    guard let stream else { return }
    inflateEnd(stream)
    stream.deallocate()
  }

  /// Fills a buffer with the next bytes.
  ///
  /// - Throws: ``FormatError`` if there are fewer or they are damaged, ``FileError`` if the archive became shorter.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws {
    let count = try stream.map { try inflate($0, into: buffer) } ?? copy(into: buffer)
    readCount += count
    checksum.add(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    guard count == buffer.count else { throw wrongSize }
  }

  /// Makes sure that all has been read and was what it should be.
  ///
  /// - Throws: ``FormatError`` if bytes follow, or the checksum is wrong.
  func finish() throws {
    if let stream, !hasEnded {
      // One byte more than there should be, so that a longer stream is noticed, and the end of one that is not.
      let more = try withUnsafeTemporaryAllocation(byteCount: 1, alignment: 1) { try inflate(stream, into: $0) }
      guard more == 0, hasEnded else { throw wrongSize }
    }
    guard readCount == member.size, position == end else { throw wrongSize }
    guard checksum.value == member.checksum else { throw damage("its checksum is wrong") }
  }

  private func copy(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    let count = min(buffer.count, end - position)
    try mapping.withUnsafeBytes(in: position..<position + count) { buffer.copyMemory(from: $0) }
    position += count
    return count
  }

  /// Inflates up to as many bytes as there is room for, and says how many.
  private func inflate(_ stream: UnsafeMutablePointer<z_stream>, into buffer: UnsafeMutableRawBufferPointer) throws
    -> Int
  {
    var written = 0
    while written < buffer.count && !hasEnded {
      let (available, room) = (min(end - position, 1 << 30), min(buffer.count - written, 1 << 30))
      let code = try mapping.withUnsafeBytes(in: position..<position + available) { data in
        // zlib reads only, but its interface predates const.
        stream.pointee.next_in = UnsafeMutablePointer(mutating: data.bindMemory(to: UInt8.self).baseAddress)
        stream.pointee.avail_in = uInt(available)
        stream.pointee.next_out = buffer.baseAddress.map { ($0 + written).assumingMemoryBound(to: UInt8.self) }
        stream.pointee.avail_out = uInt(room)
        return CZlib.inflate(stream, Z_NO_FLUSH)
      }
      position += available - Int(stream.pointee.avail_in)
      written += room - Int(stream.pointee.avail_out)
      hasEnded = code == Z_STREAM_END
      guard code == Z_OK || hasEnded else { throw wrongSize }
    }
    return written
  }

  private var wrongSize: FormatError { damage("its deflated data are no \(member.size) bytes") }

  private func damage(_ problem: String) -> FormatError {
    FormatError(
      file: mapping.path, location: "member '\(member.name)'", problem: "it is damaged: \(problem)",
      remedy: wholeArchiveRemedy)
  }
}
