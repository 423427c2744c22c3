import Foundation

extension FileAccess {
  /// Writes a file whole or not at all.
  ///
  /// The bytes go to a new file in the same folder, which takes the name only once everything is on the disk; if
  /// anything fails before, that file is removed and an earlier file of the name is as it was. Through a symbolic link
  /// the file it points to is replaced. A device or pipe is written to directly.
  public static func write(_ bytes: [UInt8], to path: String) throws(FileError) {
    var status = stat()
    let exists = stat(path, &status) == 0
    if exists {
      guard !isDirectory(status) else { throw FileError(path: path, operation: .write, code: EISDIR) }
      guard status.st_mode & S_IFMT == S_IFREG else {
        return try writeDirectly(bytes, to: path)
      }
    }
    let target = exists ? resolvingLinks(path) : path
    let temporary = temporaryPath(beside: target)
    let permissions = exists ? status.st_mode & 0o777 : 0o666
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, permissions)
    guard descriptor >= 0 else { throw FileError(path: path, operation: .write, code: errno) }
    var failure = writeAll(bytes, to: descriptor)
    if failure == nil && fsync(descriptor) != 0 { failure = errno }
    if close(descriptor) != 0 && failure == nil { failure = errno }
    if failure == nil && rename(temporary, target) != 0 { failure = errno }
    if let failure {
      unlink(temporary)
      throw FileError(path: path, operation: .write, code: failure)
    }
    synchronizeDirectory(of: target)
  }

  /// Writes text as UTF-8, whole or not at all, as ``write(_:to:)-([UInt8],_)`` does.
  public static func write(_ text: String, to path: String) throws(FileError) {
    try write(Array(text.utf8), to: path)
  }

  /// Writes text as UTF-8 to standard output.
  ///
  /// - Throws: ``FileError`` where not all of it could be written, as to a file on a full disk.
  public static func writeToStandardOutput(_ text: String) throws(FileError) {
    if let failure = writeAll(Array(text.utf8), to: STDOUT_FILENO) {
      throw FileError(path: "standard output", operation: .write, code: failure)
    }
  }

  private static func writeDirectly(_ bytes: [UInt8], to path: String) throws(FileError) {
    let descriptor = open(path, O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError(path: path, operation: .write, code: errno) }
    defer { close(descriptor) }
    if let failure = writeAll(bytes, to: descriptor) {
      throw FileError(path: path, operation: .write, code: failure)
    }
  }

  /// Writes everything, or returns the `errno` of what kept it from that.
  static func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Int32? {
    bytes.withUnsafeBytes { bytes in
      var rest = bytes[...]
      while !rest.isEmpty {
        let count = Foundation.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
        if count < 0 && errno == EINTR { continue }
        guard count >= 0 else { return errno }
        rest = rest.dropFirst(count)
      }
      return nil
    }
  }

  private static let temporaryPrefix = ".norma-"
  private static let temporarySuffix = ".temporary"

  /// Whether a file's name is one of those that are written to first.
  static func isTemporary(_ name: String) -> Bool {
    name.hasPrefix(temporaryPrefix) && name.hasSuffix(temporarySuffix)
  }

  private static func temporaryPath(beside target: String) -> String {
    // Short whatever the file's name, so that a name of the greatest length can still be written.
    let name = temporaryPrefix + String(UInt64.random(in: 0 ... .max), radix: 36) + temporarySuffix
    let folder = folder(of: target)
    return folder == "/" ? folder + name : folder + "/" + name
  }

  private static func resolvingLinks(_ path: String) -> String {
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  /// Makes the new name itself durable. The file is whole either way, so a folder that cannot be synchronized is no error.
  static func synchronizeDirectory(of target: String) {
    let descriptor = open(folder(of: target), O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }
}
