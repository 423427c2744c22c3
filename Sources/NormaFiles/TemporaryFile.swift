import Foundation
import NormaTensor

/// A file that has a name of its own until it takes another's.
///
/// While it is written it is locked, which ends with the process whatever happens. So one that is not locked is what a
/// killed process left, and the next that writes into the folder removes it.
struct TemporaryFile {
  let descriptor: Int32
  private let path: String

  private static let prefix = ".norma-"
  private static let suffix = ".temporary"
  /// The folders that were looked through already.
  private static let sweptFolders = Guarded<Set<String>>([])

  /// Creates one.
  init(inDirectory folder: String, permissions: mode_t) throws(FileError.Code) {
    let isFirst = Self.sweptFolders.withLock { $0.insert(folder).inserted }
    if isFirst { try? Self.removeStale(inDirectory: folder) }
    while true {
      // Short whatever the file's name, so that a name of the greatest length can still be written.
      let name = Self.prefix + String(UInt64.random(in: 0 ... .max), radix: 36) + Self.suffix
      let path = folder == "/" ? folder + name : folder + "/" + name
      let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, permissions)
      guard descriptor >= 0 else { throw FileError.Code(number: errno) }
      // Where files cannot be locked, nobody takes them for stale either.
      while flock(descriptor, LOCK_EX) != 0 && errno == EINTR {}
      // Another process may have come between, and taken it for one that was left.
      var status = stat()
      guard fstat(descriptor, &status) == 0 else {
        let code = errno
        unlink(path)
        close(descriptor)
        throw FileError.Code(number: code)
      }
      if status.st_nlink > 0 {
        (self.path, self.descriptor) = (path, descriptor)
        return
      }
      close(descriptor)
    }
  }

  /// Waits until all is on the disk, or returns the `errno` of what kept it from that.
  func synchronize() -> Int32? { fsync(descriptor) == 0 ? nil : errno }

  /// Takes a name, in place of what had it, or returns the `errno` of what kept it from that.
  func rename(to target: String) -> Int32? {
    guard Foundation.rename(path, target) == 0 else { return errno }
    close(descriptor)
    return nil
  }

  func discard() {
    unlink(path)
    close(descriptor)
  }

  /// Removes what killed processes left in a folder, and nothing that a living one writes.
  static func removeStale(inDirectory folder: String) throws(FileError) {
    for name in try FileAccess.names(inDirectory: folder) where name.hasPrefix(prefix) && name.hasSuffix(suffix) {
      let path = "\(folder)/\(name)"
      let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
      guard descriptor >= 0 else { continue }
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { unlink(path) }
      close(descriptor)
    }
  }
}

extension FileError {
  /// The number by which the system says why it refused.
  struct Code: Error { let number: Int32 }
}
