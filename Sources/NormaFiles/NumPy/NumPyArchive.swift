/// Several named arrays in one file, `.npz`: a zip archive with an `.npy` file for each.
///
/// ```swift
/// try NumPyArchive(entries: ["x": .float(features), "y": .integers(labels, shape: [100])]).write(to: "data.npz")
/// ```
///
/// The archives of `numpy.savez` and `numpy.savez_compressed` are read. What is written is not compressed, since numbers
/// of a trained network hardly get smaller by it; its bytes are those of `numpy.savez` with the names in the order of theirs.
public struct NumPyArchive: Equatable, Sendable {
  /// The arrays by name.
  public var entries: [String: Safetensors.Entry]

  /// An archive of the given arrays.
  public init(entries: [String: Safetensors.Entry] = [:]) { self.entries = entries }

  /// Reads a file.
  ///
  /// - Throws: ``FileError`` if it cannot be read, ``FormatError`` if it is not a whole archive of arrays of numbers, or these
  ///   take more memory than there is.
  public init(contentsOf path: String) throws { try self.init(ZipArchive(MappedFile(path))) }

  /// Reads a file's bytes.
  ///
  /// - Parameters:
  ///   - bytes: the whole file.
  ///   - file: what errors call it.
  /// - Throws: ``FormatError`` if they are not a whole zip archive whose members are `.npy` files that ``NumPyArray`` reads.
  public init(bytes: [UInt8], file: String) throws { try self.init(ZipArchive(bytes, file: file)) }

  private init(_ archive: ZipArchive) throws {
    try self.init(try archive.members.map { try NumPyMember($0, of: archive) }, file: archive.mapping.path)
  }

  init(_ members: some Collection<NumPyMember>, file: String) throws {
    self.init()
    try MemoryBudget.check(members.reduce(0) { $0 + $1.byteCount }, for: file)
    for member in members { entries[member.name] = try member.entry() }
  }

  /// The file's bytes; the members stand in the order of their names, compared byte by byte.
  ///
  /// - Throws: ``FormatError`` for a name that is longer than the format holds.
  public func serialized() throws(FormatError) -> [UInt8] {
    try checkNames(file: "npz")
    var writer = ZipWriter()
    for (name, entry) in ordered { writer.add(name + ".npy", NumPyArray(entry).serialized()) }
    return writer.archive()
  }

  /// Writes the file whole or not at all, as ``FileAccess`` does, each array straight from its own memory.
  ///
  /// - Throws: ``FileError`` if it cannot be written, ``FormatError`` as ``serialized()``.
  public func write(to path: String) throws {
    try checkNames(file: path)
    let ordered = ordered
    try FileAccess.write(
      FileContents { writer throws(FileError) in
        var directory = ZipDirectory(limit: 0x7FFF_FFFF)
        for (name, entry) in ordered {
          let array = NumPyArray(entry)
          let numbers = array.stored
          let start = array.header(of: numbers)
          var checksum = Checksum(of: start)
          let count = numbers.withStoredBytes { bytes in
            checksum.add(bytes)
            return bytes.count
          }
          try writer.append(
            directory.header(
              ofMember: name + ".npy", byteCount: start.count + count, checksum: checksum.value))
          try writer.append(start)
          try numbers.withStoredBytes { bytes throws(FileError) in try writer.append(bytes) }
        }
        try writer.append(directory.end)
      }, to: path)
  }

  private var ordered: [(name: String, entry: Safetensors.Entry)] {
    entries.map { (name: $0.key, entry: $0.value) }
      .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
  }

  private func checkNames(file: String) throws(FormatError) {
    let most = ZipDirectory.maximumNameLength - ".npy".utf8.count
    guard let name = entries.keys.first(where: { $0.utf8.count > most }) else { return }
    throw FormatError(
      file: file, location: "array '\(name.prefix(40))…'",
      problem: "its name has \(name.utf8.count) bytes, and a zip archive holds names of \(most)",
      remedy: "Give the array a shorter name.")
  }
}
