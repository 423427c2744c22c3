import Foundation

/// A folder that belongs to one process, so that no other writes its own work over it.
///
/// ```swift
/// let lock = try FolderLock("model")
/// defer { lock.release() }
/// ```
///
/// The lock is the system's, on a hidden file in the folder: it ends with the process, however that ends, so nothing is ever
/// locked by nobody.
public final class FolderLock: Sendable {
  private let descriptor: Int32
  private let path: String

  /// The file's name.
  static let name = ".norma.lock"

  /// Locks a folder.
  ///
  /// - Throws: ``FileError`` if another process has locked it, and which, or if files cannot be written into it.
  public init(_ folder: String) throws(FileError) {
    path = "\(folder)/\(FolderLock.name)"
    descriptor = try FolderLock.lockedFile(path, folder: folder)
    ftruncate(descriptor, 0)
    // Who has it is a courtesy to others.
    try? FileWriter(descriptor: descriptor, path: path).append(Array("\(getpid())\n".utf8))
  }

  private static func lockedFile(_ path: String, folder: String) throws(FileError) -> Int32 {
    while true {
      let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
      guard descriptor >= 0 else { throw FileError(path: folder, operation: .write, code: errno) }
      // Some file systems have no locks. The work is not refused for that.
      if flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK {
        let owner = owner(descriptor)
        close(descriptor)
        throw FileError(
          path: folder, operation: .write,
          reason: "Another run\(owner) is writing into it; wait for its end, or name another folder")
      }
      // Who had it before removed the file: what is locked must be what others find.
      var (locked, found) = (stat(), stat())
      guard fstat(descriptor, &locked) == 0, stat(path, &found) == 0 else {
        let code = errno
        close(descriptor)
        guard code == ENOENT else { throw FileError(path: folder, operation: .write, code: code) }
        continue
      }
      if locked.st_ino == found.st_ino { return descriptor }
      close(descriptor)
    }
  }

  /// Gives the folder free, and removes the file.
  public func release() {
    unlink(path)
    close(descriptor)
  }

  /// The process that has the lock, as it noted itself.
  private static func owner(_ descriptor: Int32) -> String {
    var text = [UInt8](repeating: 0, count: 20)
    let count = read(descriptor, &text, text.count)
    guard count > 0, let process = Int(String(decoding: text[..<count], as: UTF8.self).filter { !$0.isNewline }) else {
      return ""
    }
    return " (process \(process))"
  }
}
