/// The regular files in a tar archive, one after the other: POSIX `ustar` and `pax`, GNU tar's long names, and the older
/// `v7`, plain or gzip.
///
/// ```swift
/// let archive = try TarReader(contentsOf: "data.tar.gz")
/// while let file = try archive.next() {
///   if file.name.hasSuffix(".bin") { use(try archive.contents()) }
/// }
/// ```
///
/// Folders, links and special files are passed over. Every header's checksum is verified. An archive is read once, from
/// front to back, and what nobody asks for is never kept; so a small file that inflates to any size costs time alone, and
/// none once something in it cannot be right.
public final class TarReader {
  /// A regular file.
  public struct Entry: Hashable, Sendable {
    /// The path inside the archive.
    public var name: String
    /// How many bytes it has, as the archive promises.
    public var size: Int
  }

  /// What is wrong with a file that is something else.
  package static let noArchive = "it is not a tar archive"

  private static let blockSize = 512
  /// The most bytes that follow the end mark: tape drives write blocks, of which nobody makes larger ones.
  private static let maximumPadding = 1 << 20
  /// The most bytes that the name of a file and what else is said of it may take.
  private static let maximumNoteSize = 1 << 20

  private let stream: ByteStream
  /// What is left of the file that was named last, and of its last block.
  private var rest = (content: 0, padding: 0)
  private var hasEnded = false

  /// Opens an archive.
  ///
  /// - Throws: ``FileError`` if it cannot be read.
  public convenience init(contentsOf path: String) throws(FileError) { self.init(try ByteStream(path)) }

  /// An archive's bytes, plain or gzip; `file` is what errors call it.
  public convenience init(bytes: [UInt8], file: String) { self.init(ByteStream(bytes, file: file)) }

  private init(_ stream: ByteStream) { self.stream = stream }

  /// The next file; nil at the end of the archive.
  ///
  /// - Throws: ``FormatError`` with the position in what is inflated if it is no tar archive, a header is damaged or the
  ///   archive is cut off, which includes a missing end mark; ``FileError`` if it cannot be read.
  public func next() throws -> Entry? {
    try skip(rest.content, rest.padding)
    rest = (0, 0)
    var longName: String?
    var extended: [String: String] = [:]
    while !hasEnded {
      let position = stream.position
      let block = try stream.next(Self.blockSize)
      let header = TarHeader(block[...])
      guard block.count == Self.blockSize else {
        throw damaged(position == 0 ? Self.noArchive : "the tar archive is cut off", at: position)
      }
      if header.isEndMark {
        hasEnded = true
        try finish()
        break
      }
      guard header.hasRightChecksum else {
        throw damaged(
          position == 0 ? Self.noArchive : "the tar header is damaged (wrong checksum)", at: position)
      }
      guard let size = extended["size"].map({ Int($0) }) ?? header.size, size >= 0 else {
        throw damaged("the tar header has no size that could be read", at: position)
      }
      let padding = (Self.blockSize - size % Self.blockSize) % Self.blockSize
      switch header.kind {
      case UInt8(ascii: "L"): longName = TarHeader.text(try note(size, padding, at: position)[...])
      case UInt8(ascii: "x"):
        guard let records = Self.extendedRecords(try note(size, padding, at: position)[...]) else {
          throw damaged("the extended tar header is damaged", at: position)
        }
        extended = records
      case UInt8(ascii: "g"), UInt8(ascii: "K"): try skip(size, padding)
      default:
        let name = extended["path"] ?? longName ?? header.name
        if header.isRegularFile && !name.hasSuffix("/") {
          rest = (size, padding)
          return Entry(name: name, size: size)
        }
        try skip(size, padding)
        longName = nil
        extended = [:]
      }
    }
    return nil
  }

  /// What the file that ``next()`` gave last holds; nothing once it was asked for.
  ///
  /// - Throws: ``FormatError`` if the archive is cut off, or there is not enough memory; ``FileError`` if it cannot be read.
  public func contents() throws -> [UInt8] {
    try MemoryBudget.check(rest.content, for: stream.path, location: "byte \(stream.position)")
    let bytes = try stream.next(rest.content)
    guard bytes.count == rest.content else { throw cutOff }
    rest.content = 0
    return bytes
  }

  /// What an archive says of the file that follows.
  private func note(_ size: Int, _ padding: Int, at position: Int) throws -> [UInt8] {
    guard size <= Self.maximumNoteSize else {
      throw damaged("a name of \(size) bytes is none", at: position)
    }
    let bytes = try stream.next(size)
    guard bytes.count == size else { throw cutOff }
    try skip(padding)
    return bytes
  }

  /// Reads what follows the end mark, so that a compressed archive's checksum is verified.
  private func finish() throws {
    guard try stream.skip(Self.maximumPadding + 1) <= Self.maximumPadding else {
      throw damaged("it goes on behind its end", at: stream.position)
    }
  }

  /// Two sizes apart: their sum may be too large for a number.
  private func skip(_ size: Int, _ padding: Int) throws {
    try skip(size)
    try skip(padding)
  }

  private func skip(_ count: Int) throws {
    guard try stream.skip(count) == count else { throw cutOff }
  }

  private var cutOff: FormatError { damaged("the tar archive is cut off", at: stream.position) }

  private func damaged(_ problem: String, at position: Int) -> FormatError {
    FormatError(file: stream.path, location: "byte \(position)", problem: problem, remedy: "Download it again.")
  }

  /// The `length key=value\n` records of a pax header; nil if they are malformed.
  private static func extendedRecords(_ content: ArraySlice<UInt8>) -> [String: String]? {
    var records: [String: String] = [:]
    var rest = content
    while let space = rest.firstIndex(of: UInt8(ascii: " ")) {
      guard let length = Int(TarHeader.text(rest[..<space])), length > space - rest.startIndex + 1,
        length <= rest.count
      else { return nil }
      let end = rest.startIndex + length
      let record = rest[(space + 1)..<end]
      guard record.last == UInt8(ascii: "\n"), let equals = record.firstIndex(of: UInt8(ascii: "=")) else { return nil }
      records[String(decoding: record[..<equals], as: UTF8.self)] =
        String(decoding: record[(equals + 1)..<(end - 1)], as: UTF8.self)
      rest = rest[end...]
    }
    return rest.isEmpty ? records : nil
  }
}
