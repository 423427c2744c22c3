import Foundation

/// A new file that grows record by record, and holds nothing but whole records whenever a write has returned or thrown.
///
/// Each record is handed to the system at once, so that others can read it, and it stays if this process is killed.
package final class GrowingFile {
  /// Where it is, as it was given.
  package let path: String
  private let descriptor: Int32
  private var length = 0

  /// Creates a file.
  ///
  /// - Returns: nil if something of that name is there already.
  /// - Throws: ``FileError`` if it cannot be created.
  package init?(creating path: String) throws(FileError) {
    descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    self.path = path
    guard descriptor >= 0 else {
      if errno == EEXIST { return nil }
      throw FileError(path: path, operation: .create, code: errno)
    }
  }

  /// Adds a record at the end.
  ///
  /// - Throws: ``FileError`` if not all of it could be written; the part that was is taken away again.
  package func append(_ record: [UInt8]) throws(FileError) {
    if let code = record.withUnsafeBytes({ FileAccess.writeAll($0, to: descriptor) }) {
      // Where even that fails, the file ends with a part of a record, which its readers take for one not yet complete.
      if ftruncate(descriptor, off_t(length)) == 0 { lseek(descriptor, off_t(length), SEEK_SET) }
      throw FileError(path: path, operation: .write, code: code)
    }
    length += record.count
  }

  /// Waits until all records are on the disk.
  ///
  /// - Throws: ``FileError`` if they could not be brought there.
  package func synchronize() throws(FileError) {
    guard fsync(descriptor) == 0 else { throw FileError(path: path, operation: .write, code: errno) }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }
}
