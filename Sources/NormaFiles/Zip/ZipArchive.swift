/// A zip archive's members, as the directory at its end lists them (PKWARE's APPNOTE 6.3, of which this is what archives of
/// arrays and PyTorch's use: members stored or deflated, sizes of 64 bits, no encryption, one volume).
package struct ZipArchive: Sendable {
  /// One file in an archive.
  package struct Member: Sendable {
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
  package let members: [Member]
  /// The archive itself, which stays where it is.
  let mapping: MappedFile

  /// Whether bytes begin like a zip archive, one without members included.
  package static func isZip(_ bytes: some Collection<UInt8>) -> Bool {
    bytes.starts(with: [0x50, 0x4B, 3, 4]) || bytes.starts(with: [0x50, 0x4B, 5, 6])
  }

  /// Reads an archive's directory from its bytes; `file` is what errors call it. See ``init(_:)``.
  package init(_ bytes: [UInt8], file: String) throws {
    try self.init(MappedFile(bytes: bytes, path: file))
  }

  /// Reads an archive's directory and checks each member's own header against it. Members must not overlap, share a name,
  /// or claim more bytes than deflated data of their length can hold.
  ///
  /// - Throws: ``FormatError`` with the byte position.
  init(_ mapping: MappedFile) throws {
    self.mapping = mapping
    members = try mapping.withUnsafeBytes(in: 0..<mapping.count) { bytes in
      try Self.members(of: ZipReader(bytes: bytes, file: mapping.path))
    }
  }

  private static func members(of reader: ZipReader) throws(FormatError) -> [Member] {
    let directory = try reader.directory()
    var position = directory.range.lowerBound
    var members: [Member] = []
    var names: Set<String> = []
    for _ in 0..<directory.memberCount {
      let member = try reader.member(at: &position, before: directory.range.upperBound)
      guard names.insert(member.name).inserted else {
        throw reader.error("two members are called '\(member.name)'", at: position)
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
    return members
  }

  /// A member's bytes, their checksum verified.
  ///
  /// - Throws: ``FormatError`` if they are damaged, or more than there is memory for.
  package func contents(of member: Member) throws -> [UInt8] {
    try MemoryBudget.check(member.size, for: mapping.path, location: "member '\(member.name)'")
    let stream = ZipMemberStream(member, of: self)
    var contents = [UInt8](repeating: 0, count: member.size)
    try contents.withUnsafeMutableBytes { try stream.read(into: $0) }
    try stream.finish()
    return contents
  }
}

let wholeArchiveRemedy = "Use a whole archive, as it was written."
