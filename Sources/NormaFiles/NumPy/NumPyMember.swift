import NormaTensor

/// An array in an archive that stays there until it is asked for.
struct NumPyMember: Sendable {
  /// The array's name.
  let name: String
  let header: NumPyHeader
  /// How many bytes it takes.
  var byteCount: Int { member.size }
  private let archive: ZipArchive
  private let member: ZipArchive.Member

  /// Reads the array's header, and checks that the archive promises as many bytes as it says.
  ///
  /// - Throws: ``FormatError`` if the member is no array of numbers.
  init(_ member: ZipArchive.Member, of archive: ZipArchive) throws {
    guard member.name.hasSuffix(".npy") else {
      throw FormatError(
        file: archive.mapping.path, location: "member '\(member.name)'", problem: "it is no .npy file",
        remedy: "An archive of numpy.savez is needed.")
    }
    name = String(member.name.dropLast(4))
    (self.archive, self.member) = (archive, member)
    let file = "\(archive.mapping.path): \(member.name)"
    let stream = ZipMemberStream(member, of: archive)
    func next(_ count: Int) throws -> [UInt8] {
      var bytes = [UInt8](repeating: 0, count: count)
      try bytes.withUnsafeMutableBytes { try stream.read(into: $0) }
      return bytes
    }
    var bytes = try next(min(NumPyHeader.startLength, member.size))
    let dataStart = try bytes.withUnsafeBytes {
      try NumPyHeader.dataStart(of: $0, fileSize: member.size, file: file)
    }
    if dataStart > bytes.count { bytes += try next(dataStart - bytes.count) }
    header = try bytes.withUnsafeBytes { try NumPyHeader(of: $0, fileSize: member.size, file: file) }
  }

  /// The array, its checksum verified.
  ///
  /// - Throws: ``FormatError`` if it is damaged, or more than there is memory for.
  func entry() throws -> Safetensors.Entry {
    try MemoryBudget.check(
      member.size, for: archive.mapping.path, location: "member '\(member.name)'")
    let stream = try streamOfNumbers()
    let entry = try header.entry(file: "\(archive.mapping.path): \(member.name)") { try stream.read(into: $0) }
    try stream.finish()
    return entry
  }

  /// What is needed to read the array piece by piece.
  func numbers() throws -> NumberStream {
    NumberStream(
      type: header.type, isBigEndian: header.isBigEndian,
      source: .inflated(try streamOfNumbers(), count: member.size - header.dataStart))
  }

  /// The member's bytes behind the header.
  private func streamOfNumbers() throws -> ZipMemberStream {
    let stream = ZipMemberStream(member, of: archive)
    try withUnsafeTemporaryAllocation(byteCount: header.dataStart, alignment: 1) { try stream.read(into: $0) }
    return stream
  }
}
