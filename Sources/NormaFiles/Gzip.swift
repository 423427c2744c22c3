/// Reading gzip (RFC 1952), through zlib.
public enum Gzip {
  /// The most bytes that come out of one file unless told otherwise: 4 GiB. A few kilobytes can be made to inflate to
  /// any size; this stops such a file before it takes the machine's memory.
  public static let defaultMaximumSize = 4 << 30

  /// Whether the bytes begin like a gzip file.
  public static func isGzip(_ bytes: some Collection<UInt8>) -> Bool { bytes.starts(with: [0x1F, 0x8B]) }

  /// The bytes of a file, inflated if it is gzip, which its first bytes tell, not its name.
  ///
  /// - Throws: ``FileError`` if it cannot be read; ``FormatError`` as ``inflated(_:file:maximumSize:)`` does, and if there is
  ///   not enough memory.
  public static func contents(ofFile path: String) throws -> [UInt8] {
    try contents(of: ByteStream(path), maximumSize: defaultMaximumSize)
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
  ) throws -> [UInt8] {
    try contents(of: ByteStream(gzip: bytes, file: file), maximumSize: maximumSize)
  }

  private static func contents(of stream: ByteStream, maximumSize: Int) throws -> [UInt8] {
    var result = GrowingBytes()
    try result.reserve(stream.expectedSize, for: stream.path)
    let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
    defer { piece.deallocate() }
    while true {
      let count = try stream.read(into: piece)
      guard count > 0 else { return result.bytes }
      guard !stream.isInflated || result.bytes.count + count <= maximumSize else {
        throw FormatError(
          file: stream.path, location: "byte \(stream.sourcePosition)",
          problem: "it inflates to more than \(maximumSize) bytes",
          remedy: "Inflate it with gunzip and check what it holds.")
      }
      try result.reserve(count, for: stream.path)
      result.bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: piece[..<count]))
    }
  }
}
