/// A file read from front to back, inflated on the way if it is gzip, which its first bytes tell, not its name.
///
/// Little of it is in memory at any time. So whoever reads it can stop at the first thing that cannot be right, whatever
/// the rest would have inflated to.
package final class ByteStream {
  /// The path, as it was given.
  package let path: String
  /// Whether the file is compressed.
  package let isInflated: Bool
  /// How many bytes came out so far.
  package private(set) var position = 0
  /// How many bytes of the file itself were read so far.
  var sourcePosition: Int { inflation?.position ?? position }

  /// How many bytes there will be, as far as that is known: 0 for what is compressed, and for pipes.
  var expectedSize: Int { source?.expectedSize ?? start.count }

  private let source: FileSource?
  /// What was read and not yet asked for: the beginning of a file that is not compressed.
  private var start: ArraySlice<UInt8>
  private let inflation: GzipInflation?

  /// Opens a file.
  ///
  /// - Throws: ``FileError`` if it cannot be read.
  package convenience init(_ path: String) throws(FileError) {
    let source = try FileSource(path)
    let start = UnsafeMutableRawBufferPointer.allocate(byteCount: 2, alignment: 1)
    defer { start.deallocate() }
    var count = 0
    // A pipe may give one byte, and the other later.
    while count < start.count {
      let more = try source.read(into: UnsafeMutableRawBufferPointer(rebasing: start[count...]))
      guard more > 0 else { break }
      count += more
    }
    let bytes = Array(start[..<count])
    self.init(source, start: bytes[...], path: path, isInflated: Gzip.isGzip(bytes))
  }

  /// Bytes that are in memory already, inflated if they are gzip; `file` is what errors call them.
  package convenience init(_ bytes: [UInt8], file: String) {
    self.init(nil, start: bytes[...], path: file, isInflated: Gzip.isGzip(bytes))
  }

  /// Bytes in memory that are to be gzip.
  convenience init(gzip bytes: [UInt8], file: String) {
    self.init(nil, start: bytes[...], path: file, isInflated: true)
  }

  private init(_ source: FileSource?, start: ArraySlice<UInt8>, path: String, isInflated: Bool) {
    self.path = path
    self.isInflated = isInflated
    inflation = isInflated ? GzipInflation(source, start: Array(start), path: path) : nil
    (self.source, self.start) = isInflated ? (nil, []) : (source, start)
  }

  /// Reads the next bytes, at most as many as there is room for, and says how many; none at the end alone.
  ///
  /// - Throws: ``FileError`` if the file cannot be read, ``FormatError`` if what is compressed is damaged.
  package func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    guard !buffer.isEmpty else { return 0 }
    let count: Int
    if let inflation {
      count = try inflation.read(into: buffer)
    } else if !start.isEmpty {
      count = min(start.count, buffer.count)
      buffer.copyBytes(from: start.prefix(count))
      start = start.dropFirst(count)
    } else {
      count = try source?.read(into: buffer) ?? 0
    }
    position += count
    return count
  }

  /// Fills a buffer, and says with how many bytes: fewer only where the file ends.
  package func fill(_ buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    var count = 0
    while count < buffer.count {
      let more = try read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[count...]))
      guard more > 0 else { break }
      count += more
    }
    return count
  }

  /// The next bytes, fewer only where the file ends: memory is taken for what there is, whatever was promised.
  package func next(_ count: Int) throws -> [UInt8] {
    let pieceSize = 1 << 20
    var bytes: [UInt8] = []
    while bytes.count < count {
      let (start, more) = (bytes.count, min(pieceSize, count - bytes.count))
      // To no more than there can be: an array alone would grow to the next power of two.
      if bytes.capacity < start + more { bytes.reserveCapacity(min(count, max(start + more, 2 * start))) }
      bytes.append(contentsOf: repeatElement(0, count: more))
      let found = try bytes.withUnsafeMutableBytes { try fill(UnsafeMutableRawBufferPointer(rebasing: $0[start...])) }
      bytes.removeLast(more - found)
      guard found == more else { break }
    }
    return bytes
  }

  /// Passes over the next bytes, and says how many there were.
  package func skip(_ count: Int) throws -> Int {
    try withUnsafeTemporaryAllocation(byteCount: min(count, 1 << 16), alignment: 16) { piece in
      var skipped = 0
      while skipped < count {
        let more = try read(into: UnsafeMutableRawBufferPointer(rebasing: piece[..<min(piece.count, count - skipped)]))
        guard more > 0 else { break }
        skipped += more
      }
      return skipped
    }
  }
}
