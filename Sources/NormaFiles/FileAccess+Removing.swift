import Foundation

extension FileAccess {
  /// Removes a file or an empty folder.
  package static func remove(_ path: String) throws(FileError) {
    guard Foundation.remove(path) == 0 else { throw FileError(path: path, operation: .remove, code: errno) }
  }

  /// Removes what ``write(_:to:)-([UInt8],_)`` leaves in a folder if the process is killed in the middle of it, but nothing
  /// that is being written.
  package static func removeTemporaryFiles(inDirectory path: String) throws(FileError) {
    try TemporaryFile.removeStale(inDirectory: path)
  }
}
