import NormaTensor

/// A tensor's numbers, one after the other as they stand in a file, of which a piece is in memory at a time.
struct NumberStream {
  enum Source {
    case mapped(MappedFile, Range<Int>)
    /// A member of an archive, at the first number, and the bytes that its numbers take.
    case inflated(ZipMemberStream, count: Int)
  }

  let type: StoredNumber
  var isBigEndian = false
  let source: Source

  /// A multiple of every number's width.
  private static let pieceSize = 1 << 18

  /// Calls a body with every number.
  ///
  /// - Throws: ``FormatError`` if the file is damaged, ``FileError`` if it became shorter.
  func forEachValue(_ body: (Double) -> Void) throws {
    let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceSize, alignment: 64)
    defer { piece.deallocate() }
    let count =
      switch source {
      case .mapped(_, let range): range.count
      case .inflated(_, let count): count
      }
    for start in stride(from: 0, to: count, by: Self.pieceSize) {
      let bytes = UnsafeMutableRawBufferPointer(rebasing: piece[..<min(Self.pieceSize, count - start)])
      switch source {
      case .mapped(let mapping, let range):
        let place = range.lowerBound + start
        try mapping.withUnsafeBytes(in: place..<place + bytes.count) { bytes.copyMemory(from: $0) }
      case .inflated(let stream, _): try stream.read(into: bytes)
      }
      if isBigEndian { type.swapBytes(in: bytes) }
      type.forEachValue(in: UnsafeRawBufferPointer(bytes), body)
    }
    if case .inflated(let stream, _) = source { try stream.finish() }
  }
}
