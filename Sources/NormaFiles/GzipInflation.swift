import CZlib

/// Inflates gzip piece by piece.
final class GzipInflation {
  /// How many bytes of the file were read.
  private(set) var position = 0
  private let path: String
  private let source: FileSource?
  /// Bytes of the file that were read and are not yet inflated.
  private var input: [UInt8]
  private var used = 0
  private var hasSourceEnded: Bool
  // zlib's state points back at the stream, which therefore must not move.
  private let stream: UnsafeMutablePointer<z_stream>
  private let canStart: Bool
  private var isBetweenMembers = false
  private var hasEnded = false

  private static let inputSize = 1 << 18

  /// - Parameters:
  ///   - source: where bytes come from once `start` is used up; nil where `start` is all.
  ///   - start: the first bytes.
  ///   - path: what errors call the file.
  init(_ source: FileSource?, start: [UInt8], path: String) {
    (self.source, self.path, input, hasSourceEnded) = (source, path, start, source == nil)
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    canStart = norma_zlib_inflate_init_gzip(stream) == Z_OK
  }

  deinit {
    if canStart { inflateEnd(stream) }
    stream.deallocate()
  }

  /// Inflates the next bytes, at most as many as there is room for, and says how many; none at the end alone.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    guard canStart else { throw damaged("zlib could not start inflating it", remedy: "Free some memory.") }
    while !hasEnded {
      if isBetweenMembers, try !beginsAnother() {
        hasEnded = true
        break
      }
      if used == input.count { try refill() }
      let (code, read, written) = step(into: buffer)
      used += read
      position += read
      switch code {
      case Z_OK: break
      case Z_STREAM_END:
        isBetweenMembers = true
        inflateReset(stream)
      case Z_BUF_ERROR where used == input.count:
        guard hasSourceEnded else { break }
        throw damaged("the gzip data are cut off")
      default:
        let reason = stream.pointee.msg.map { String(cString: $0) } ?? "zlib error \(code)"
        throw damaged("the gzip data are damaged (\(reason))")
      }
      if written > 0 { return written }
    }
    return 0
  }

  /// Lets zlib fill the buffer once.
  private func step(into buffer: UnsafeMutableRawBufferPointer) -> (code: Int32, read: Int, written: Int) {
    input.withUnsafeBufferPointer { bytes in
      let (available, room) = (min(bytes.count - used, 1 << 30), min(buffer.count, 1 << 30))
      // zlib reads only, but its interface predates const.
      stream.pointee.next_in = bytes.baseAddress.map { UnsafeMutablePointer(mutating: $0 + used) }
      stream.pointee.avail_in = uInt(available)
      stream.pointee.next_out = buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
      stream.pointee.avail_out = uInt(room)
      let code = inflate(stream, Z_NO_FLUSH)
      return (code, available - Int(stream.pointee.avail_in), room - Int(stream.pointee.avail_out))
    }
  }

  /// Reads more of the file behind what is not used yet.
  private func refill() throws {
    guard let source, !hasSourceEnded else { return }
    input.removeFirst(used)
    used = 0
    let old = input.count
    input.append(contentsOf: repeatElement(0, count: Self.inputSize))
    let count = try input.withUnsafeMutableBytes {
      try source.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[old...]))
    }
    input.removeLast(Self.inputSize - count)
    hasSourceEnded = count == 0
  }

  /// Whether a member follows that one that ended: otherwise nothing follows, or the zeros that tapes are padded with.
  private func beginsAnother() throws -> Bool {
    while input.count - used < 2 && !hasSourceEnded { try refill() }
    if Gzip.isGzip(input[used...]) {
      isBetweenMembers = false
      return true
    }
    while true {
      guard input[used...].allSatisfy({ $0 == 0 }) else {
        throw damaged("something that is not gzip follows the gzip data")
      }
      used = input.count
      if hasSourceEnded { return false }
      try refill()
    }
  }

  private func damaged(_ problem: String, remedy: String = "Download it again.") -> FormatError {
    FormatError(file: path, location: "byte \(position)", problem: problem, remedy: remedy)
  }
}
