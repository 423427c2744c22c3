import CZlib

/// Reading gzip (RFC 1952), through zlib.
public enum Gzip {
  /// The most bytes that come out of one file unless told otherwise: 4 GiB. A few kilobytes can be made to inflate to
  /// any size; this stops such a file before it takes the machine's memory.
  public static let defaultMaximumSize = 4 << 30

  /// Whether the bytes begin like a gzip file.
  public static func isGzip(_ bytes: some Collection<UInt8>) -> Bool { bytes.starts(with: [0x1F, 0x8B]) }

  /// The bytes of a file, inflated if it is gzip, which its first bytes tell, not its name.
  public static func contents(ofFile path: String) throws -> [UInt8] {
    let bytes = try FileAccess.read(path)
    return isGzip(bytes) ? try inflated(bytes, file: path) : bytes
  }

  /// What gzip bytes hold; several members, one after the other, count as one.
  ///
  /// - Parameters:
  ///   - bytes: the whole gzip file.
  ///   - file: what errors call it.
  ///   - maximumSize: the most bytes that may come out.
  /// - Throws: ``FormatError`` with the byte position if the data are cut off, damaged (zlib verifies the CRC and length
  ///   of each member), followed by something else than gzip, or inflate to more than `maximumSize`.
  public static func inflated(
    _ bytes: [UInt8], file: String, maximumSize: Int = defaultMaximumSize
  ) throws(FormatError) -> [UInt8] {
    // zlib's state points back at the stream, which therefore must not move.
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    stream.initialize(to: z_stream())
    defer { stream.deallocate() }
    guard norma_zlib_inflate_init_gzip(stream) == Z_OK else {
      throw FormatError(file: file, problem: "zlib could not start inflating it", remedy: "Free some memory.")
    }
    defer { inflateEnd(stream) }

    var result: [UInt8] = []
    var position = 0
    let piece = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 1 << 18)
    defer { piece.deallocate() }
    while true {
      let (code, read, written) = step(stream, from: bytes, at: position, to: piece)
      position += read
      guard result.count + written <= maximumSize else {
        throw FormatError(
          file: file, location: "byte \(position)", problem: "it inflates to more than \(maximumSize) bytes",
          remedy: "Inflate it with gunzip and check what it holds.")
      }
      result.append(contentsOf: piece[..<written])
      switch code {
      case Z_OK: continue
      case Z_STREAM_END:
        if try isFinished(bytes, at: position, file: file) { return result }
        inflateReset(stream)
      case Z_BUF_ERROR where position == bytes.count:
        throw FormatError(
          file: file, location: "byte \(position)", problem: "the gzip data are cut off", remedy: "Download it again.")
      default:
        let reason = stream.pointee.msg.map { String(cString: $0) } ?? "zlib error \(code)"
        throw FormatError(
          file: file, location: "byte \(position)", problem: "the gzip data are damaged (\(reason))",
          remedy: "Download it again.")
      }
    }
  }

  /// Lets zlib fill `piece` once.
  private static func step(
    _ stream: UnsafeMutablePointer<z_stream>, from bytes: [UInt8], at position: Int,
    to piece: UnsafeMutableBufferPointer<UInt8>
  ) -> (code: Int32, read: Int, written: Int) {
    bytes.withUnsafeBufferPointer { bytes in
      let available = min(bytes.count - position, 1 << 30)
      // zlib reads only, but its interface predates const.
      stream.pointee.next_in = bytes.baseAddress.map { UnsafeMutablePointer(mutating: $0 + position) }
      stream.pointee.avail_in = uInt(available)
      stream.pointee.next_out = piece.baseAddress
      stream.pointee.avail_out = uInt(piece.count)
      let code = inflate(stream, Z_NO_FLUSH)
      return (code, available - Int(stream.pointee.avail_in), piece.count - Int(stream.pointee.avail_out))
    }
  }

  /// Whether a member that ends at `position` was the last: nothing follows, or the zeros that tapes are padded with.
  private static func isFinished(_ bytes: [UInt8], at position: Int, file: String) throws(FormatError) -> Bool {
    let rest = bytes[position...]
    if isGzip(rest) { return false }
    if rest.allSatisfy({ $0 == 0 }) { return true }
    throw FormatError(
      file: file, location: "byte \(position)", problem: "something that is not gzip follows the gzip data",
      remedy: "Download it again.")
  }
}
