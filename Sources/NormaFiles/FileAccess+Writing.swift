import Foundation

extension FileAccess {
  /// Writes a file whole or not at all.
  ///
  /// The bytes go to a new file in the same folder, which takes the name only once everything is on the disk; if
  /// anything fails before, that file is removed and an earlier file of the name is as it was. What a process leaves that
  /// is killed meanwhile goes when another writes there. Through a symbolic link the file it points to is replaced. A device
  /// or pipe is written to directly.
  public static func write(_ bytes: [UInt8], to path: String) throws(FileError) {
    try write([(path, .bytes(bytes))])
  }

  /// Writes text as UTF-8, whole or not at all, as ``write(_:to:)-([UInt8],_)`` does.
  public static func write(_ text: String, to path: String) throws(FileError) {
    try write(Array(text.utf8), to: path)
  }

  /// Writes what comes piece by piece, whole or not at all, as ``write(_:to:)-([UInt8],_)`` does.
  public static func write(_ contents: FileContents, to path: String) throws(FileError) {
    try write([(path, contents)])
  }

  /// Writes several files, all of them or none: each whole, as ``write(_:to:)-([UInt8],_)`` does, and none takes its name
  /// before all are on the disk. They take their names in the order given, so the last one says that all are there.
  public static func write(_ files: [(path: String, contents: FileContents)]) throws(FileError) {
    var written: [NewFile] = []
    do throws(FileError) {
      for file in files {
        if try isRegular(file.path) {
          written.append(try NewFile(file.contents, for: file.path))
        } else {
          try writeDirectly(file.contents, to: file.path)
        }
      }
      while let file = written.first {
        try file.takeName()
        written.removeFirst()
      }
    } catch {
      for file in written { file.discard() }
      throw error
    }
    for folder in Set(files.map { folder(of: $0.path) }) { synchronizeDirectory(folder) }
  }

  /// Writes text as UTF-8 to standard output.
  ///
  /// - Throws: ``FileError`` where not all of it could be written, as to a file on a full disk.
  public static func writeToStandardOutput(_ text: String) throws(FileError) {
    try FileWriter(descriptor: STDOUT_FILENO, path: "standard output").append(Array(text.utf8))
  }

  /// Whether a path is one of a file on a disk, or of none yet.
  private static func isRegular(_ path: String) throws(FileError) -> Bool {
    var status = stat()
    guard stat(path, &status) == 0 else {
      guard missingEndOfLink(path) == nil else { throw FileError(path: path, operation: .write, code: ENOENT) }
      return true
    }
    guard !isDirectory(status) else { throw FileError(path: path, operation: .write, code: EISDIR) }
    return status.st_mode & S_IFMT == S_IFREG
  }

  private static func writeDirectly(_ contents: FileContents, to path: String) throws(FileError) {
    let descriptor = open(path, O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError(path: path, operation: .write, code: errno) }
    defer { close(descriptor) }
    try contents.write(FileWriter(descriptor: descriptor, path: path))
  }

  /// Writes everything, or returns the `errno` of what kept it from that.
  static func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int32? {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = Foundation.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { return errno }
      rest = rest.dropFirst(count)
    }
    return nil
  }

  /// Makes new names themselves durable. The files are whole either way, so a folder that cannot be synchronized is no
  /// error.
  static func synchronizeDirectory(_ folder: String) {
    let descriptor = open(folder, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }
}

/// A file that is on the disk under a name of its own, beside the one it is to have.
private struct NewFile {
  let path: String
  private let target: String
  private let temporary: TemporaryFile

  init(_ contents: FileContents, for path: String) throws(FileError) {
    self.path = path
    var status = stat()
    let exists = stat(path, &status) == 0
    target = exists ? NewFile.resolvingLinks(path) : path
    do throws(FileError.Code) {
      temporary = try TemporaryFile(
        inDirectory: FileAccess.folder(of: target), permissions: exists ? status.st_mode & 0o777 : 0o666)
    } catch { throw FileError(path: path, operation: .write, code: error.number) }
    do throws(FileError) {
      try contents.write(FileWriter(descriptor: temporary.descriptor, path: path))
      if let failure = temporary.synchronize() { throw FileError(path: path, operation: .write, code: failure) }
    } catch {
      discard()
      throw error
    }
  }

  func takeName() throws(FileError) {
    if let failure = temporary.rename(to: target) { throw FileError(path: path, operation: .write, code: failure) }
  }

  func discard() { temporary.discard() }

  private static func resolvingLinks(_ path: String) -> String {
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}
