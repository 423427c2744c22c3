import NormaFiles

/// Where data come from, as the command's `--data` says it: `digits`, `mnist:PATH`, `csv:PATH`, or another kind and path by
/// the readers in ``DataReaderRegistry/shared``.
public struct DataSource: Hashable, Sendable {
  /// What reads the data.
  public let reader: any DataReader

  /// The source that a reader reads.
  public init(_ reader: any DataReader) { self.reader = reader }

  /// The digits that are compiled in.
  public static let digits = DataSource(DigitsReader())

  /// How each kind of source is written, and what it takes.
  public static var forms: [(form: String, contents: String)] {
    DataReaderRegistry.types.map { ($0.form, $0.contents) }
  }

  /// Reads a source's name; a leading `~` in the path stands for the home folder.
  ///
  /// - Throws: ``DataError/unknownSource(_:)`` or ``DataError/missingPath(kind:)``.
  public init(_ text: String) throws(DataError) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard let type = DataReaderRegistry.types.first(where: { $0.name == parts[0] }),
      parts.count == 1 || type.place != nil
    else { throw .unknownSource(text) }
    let path = parts.count == 2 ? parts[1] : ""
    guard !path.isEmpty || type.place == nil else { throw .missingPath(kind: parts[0]) }
    reader = type.init(path: FileAccess.expandingTilde(path))
  }

  /// Makes sure that what is at the path is not evidently of another kind than the reader takes: it could only complain of a
  /// byte in it. What is of no known kind, or empty, is the reader's to judge.
  ///
  /// - Throws: `FileError` if there is nothing to read, `FormatError` that says what it is.
  package func checkFileKind() throws {
    let type = type(of: reader)
    guard let kinds = type.fileKinds else { return }
    let kind = try FileKind(ofFile: reader.path)
    guard kinds.contains(kind) || kind == .binary || kind == .empty else {
      throw FormatError(file: reader.path, is: kind, remedy: "\(type.form) takes \(type.contents).")
    }
  }

  /// Reads the data, to be split, encoded and standardized; there are options for CSV, of which arrays of NumPy follow some, and
  /// for folders of images.
  ///
  /// - Throws: `FileError`, `FormatError` or ``DataError``.
  public func read(
    options: CSVOptions = CSVOptions(), images: ImageFolderOptions = ImageFolderOptions()
  ) throws -> RawData {
    try checkFileKind()
    return try reader.read(options: options, images: images)
  }

  public static func == (a: Self, b: Self) -> Bool { AnyHashable(a.reader) == AnyHashable(b.reader) }
  public func hash(into hasher: inout Hasher) { reader.hash(into: &hasher) }
}

extension DataSource: CustomStringConvertible {
  /// The text that names this source.
  public var description: String {
    let type = type(of: reader)
    return type.place == nil ? type.name : "\(type.name):\(reader.path)"
  }
}
