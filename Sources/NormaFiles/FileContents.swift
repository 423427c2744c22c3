/// What a file is to hold, handed over piece by piece while it is written: a model's tensors go to the disk straight from their
/// own memory.
public struct FileContents: Sendable {
  let write: @Sendable (FileWriter) throws(FileError) -> Void

  /// Contents that a function hands over, from the first byte to the last.
  ///
  /// - Parameter write: appends to the writer it is given; it may be called more than once, with a writer each.
  public init(_ write: @escaping @Sendable (FileWriter) throws(FileError) -> Void) { self.write = write }

  /// Bytes that are in memory.
  public static func bytes(_ bytes: [UInt8]) -> FileContents {
    FileContents { writer throws(FileError) in try writer.append(bytes) }
  }

  /// Text, as UTF-8.
  public static func text(_ text: String) -> FileContents { .bytes(Array(text.utf8)) }
}

/// Takes the bytes of a file that is being written.
public struct FileWriter {
  private let descriptor: Int32
  private let path: String

  init(descriptor: Int32, path: String) {
    self.descriptor = descriptor
    self.path = path
  }

  /// Writes the next bytes.
  ///
  /// - Throws: ``FileError`` where the system does not take all of them.
  public func append(_ bytes: [UInt8]) throws(FileError) {
    try bytes.withUnsafeBufferPointer { bytes throws(FileError) in try append(UnsafeRawBufferPointer(bytes)) }
  }

  /// Writes the next bytes.
  ///
  /// - Throws: ``FileError`` where the system does not take all of them.
  public func append(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    if let failure = FileAccess.writeAll(bytes, to: descriptor) {
      throw FileError(path: path, operation: .write, code: failure)
    }
  }
}
