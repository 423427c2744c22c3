/// The regular files in a tar archive: POSIX `ustar` and `pax`, GNU tar's long names, and the older `v7`.
///
/// Folders, links and special files are passed over. Every header's checksum is verified.
public struct TarArchive: Sendable {
  /// A regular file.
  public struct Entry: Sendable {
    /// The path inside the archive.
    public var name: String
    /// What it holds; shares memory with the archive.
    public var bytes: ArraySlice<UInt8>
  }

  /// The files in the archive's order.
  public private(set) var entries: [Entry] = []

  private static let blockSize = 512

  /// Whether the bytes begin with a tar header.
  public static func isTar(_ bytes: [UInt8]) -> Bool {
    guard bytes.count >= blockSize else { return false }
    return Header(bytes[..<blockSize]).hasRightChecksum
  }

  /// Reads an archive.
  ///
  /// - Parameter file: what errors call the archive.
  /// - Throws: ``FormatError`` with the byte position if a header is damaged or the archive is cut off, which includes a
  ///   missing end mark.
  public init(_ bytes: [UInt8], file: String) throws(FormatError) {
    var position = 0
    var longName: String?
    var extended: [String: String] = [:]
    func damaged(_ problem: String) -> FormatError {
      FormatError(file: file, location: "byte \(position)", problem: problem, remedy: "Download it again.")
    }
    while true {
      guard bytes.count - position >= TarArchive.blockSize else { throw damaged("the tar archive is cut off") }
      let header = Header(bytes[position..<position + TarArchive.blockSize])
      if header.isEndMark { return }
      guard header.hasRightChecksum else {
        throw damaged(position == 0 ? "it is not a tar archive" : "the tar header is damaged (wrong checksum)")
      }
      guard let size = extended["size"].map({ Int($0) }) ?? header.size, size >= 0 else {
        throw damaged("the tar header has no size that could be read")
      }
      let start = position + TarArchive.blockSize
      guard size <= bytes.count - start else { throw damaged("the tar archive is cut off") }
      let content = bytes[start..<start + size]
      switch header.kind {
      case UInt8(ascii: "L"): longName = Header.text(content)
      case UInt8(ascii: "x"):
        guard let records = TarArchive.extendedRecords(content) else {
          throw damaged("the extended tar header is damaged")
        }
        extended = records
      case UInt8(ascii: "g"), UInt8(ascii: "K"): break
      default:
        let name = extended["path"] ?? longName ?? header.name
        if header.isRegularFile && !name.hasSuffix("/") { entries.append(Entry(name: name, bytes: content)) }
        longName = nil
        extended = [:]
      }
      position = start + (size + TarArchive.blockSize - 1) / TarArchive.blockSize * TarArchive.blockSize
    }
  }

  /// The `length key=value\n` records of a pax header; nil if they are malformed.
  private static func extendedRecords(_ content: ArraySlice<UInt8>) -> [String: String]? {
    var records: [String: String] = [:]
    var rest = content
    while let space = rest.firstIndex(of: UInt8(ascii: " ")) {
      guard let length = Int(Header.text(rest[..<space])), length > space - rest.startIndex + 1, length <= rest.count
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

/// One block of 512 bytes read as a header.
private struct Header {
  let block: ArraySlice<UInt8>

  init(_ block: ArraySlice<UInt8>) { self.block = block }

  private func field(_ offset: Int, _ length: Int) -> ArraySlice<UInt8> {
    block[(block.startIndex + offset)..<(block.startIndex + offset + length)]
  }

  /// The bytes up to the first zero, as UTF-8.
  static func text(_ bytes: ArraySlice<UInt8>) -> String {
    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }

  /// A number in octal digits, or in GNU's binary form, which a set highest bit announces; nil if it is neither or too large.
  private static func number(_ bytes: ArraySlice<UInt8>) -> Int? {
    if let first = bytes.first, first & 0x80 != 0 {
      var value = Int(first & 0x7F)
      for byte in bytes.dropFirst() {
        guard value >> (Int.bitWidth - 10) == 0 else { return nil }
        value = value << 8 | Int(byte)
      }
      return value
    }
    let isBlank: (UInt8) -> Bool = { $0 == 0 || $0 == UInt8(ascii: " ") }
    let digits = bytes.drop(while: isBlank).prefix { !isBlank($0) }
    return digits.isEmpty ? 0 : Int(String(decoding: digits, as: UTF8.self), radix: 8)
  }

  var isEndMark: Bool { block.allSatisfy { $0 == 0 } }
  var size: Int? { Header.number(field(124, 12)) }
  var kind: UInt8 { field(156, 1).first ?? 0 }
  var isRegularFile: Bool { kind == 0 || kind == UInt8(ascii: "0") || kind == UInt8(ascii: "7") }

  /// The sum of all bytes, those of the checksum itself counted as spaces. Some old programs summed signed bytes.
  var hasRightChecksum: Bool {
    guard let expected = Header.number(field(148, 8)), expected > 0 else { return false }
    var unsigned = 8 * 32
    var signed = 8 * 32
    for (index, byte) in block.enumerated() where !(148..<156).contains(index) {
      unsigned += Int(byte)
      signed += Int(Int8(bitPattern: byte))
    }
    return expected == unsigned || expected == signed
  }

  /// The name, with POSIX's prefix, which is another thing in GNU's own format.
  var name: String {
    let name = Header.text(field(0, 100))
    guard field(257, 6).elementsEqual(Array("ustar\0".utf8)) else { return name }
    let prefix = Header.text(field(345, 155))
    return prefix.isEmpty ? name : prefix + "/" + name
  }
}
