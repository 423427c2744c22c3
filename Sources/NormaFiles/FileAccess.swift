import Foundation

/// Whole files in and out, with errors that name the file and the system's reason.
public enum FileAccess {
  /// The most bytes that ``read(_:)`` takes: 8 GiB. Devices that never end are stopped by it.
  public static let maximumSize = 8 << 30

  /// What is found at a path.
  public enum Kind: Hashable, Sendable {
    /// Anything with bytes to read, or a folder.
    case file, directory
  }

  /// What is at a path, symbolic links followed; nil if nothing is, or nothing that may be looked at.
  public static func kind(of path: String) -> Kind? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    return isDirectory(status) ? .directory : .file
  }

  /// Whether a file of bytes on a disk is at a path, symbolic links followed: to read a pipe or a device may never end.
  package static func isRegularFile(_ path: String) throws(FileError) -> Bool {
    var status = stat()
    guard stat(path, &status) == 0 else { throw FileError(path: path, operation: .read, code: errno) }
    return status.st_mode & S_IFMT == S_IFREG
  }

  /// The names in a folder, sorted by their bytes.
  public static func names(inDirectory path: String) throws(FileError) -> [String] {
    guard let directory = opendir(path) else { throw FileError(path: path, operation: .read, code: errno) }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: Int(entry.pointee.d_reclen)) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// All bytes of a file.
  public static func read(_ path: String) throws(FileError) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError(path: path, operation: .read, code: errno) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw FileError(path: path, operation: .read, code: errno) }
    guard !isDirectory(status) else { throw FileError(path: path, operation: .read, code: EISDIR) }
    return try readAll(from: descriptor, path: path, expectedSize: Int(status.st_size))
  }

  /// The first bytes of a file, all if it has no more.
  package static func read(_ path: String, atMost count: Int) throws(FileError) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError(path: path, operation: .read, code: errno) }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: count)
    var filled = 0
    while filled < count {
      let read = bytes.withUnsafeMutableBytes {
        Foundation.read(descriptor, $0.baseAddress! + filled, count - filled)
      }
      if read < 0 && errno == EINTR { continue }
      guard read >= 0 else { throw FileError(path: path, operation: .read, code: errno) }
      guard read > 0 else { break }
      filled += read
    }
    return Array(bytes[..<filled])
  }

  /// The files in a folder and in those below it, in the order of their paths. Hidden ones are passed over; links to files
  /// are followed, those to folders are not, which might lead round in circles.
  public static func files(below path: String) throws(FileError) -> [String] {
    var files: [String] = []
    for name in try names(inDirectory: path) where !name.hasPrefix(".") {
      let place = path.hasSuffix("/") ? path + name : "\(path)/\(name)"
      var status = stat()
      guard lstat(place, &status) == 0 else { throw FileError(path: place, operation: .read, code: errno) }
      if isDirectory(status) {
        files += try self.files(below: place)
      } else if kind(of: place) == .file {
        files.append(place)
      }
    }
    return files
  }

  /// All bytes of standard input.
  public static func readStandardInput() throws(FileError) -> [UInt8] {
    try readAll(from: STDIN_FILENO, path: "standard input", expectedSize: 0)
  }

  private static func readAll(
    from descriptor: Int32, path: String, expectedSize: Int
  ) throws(FileError) -> [UInt8] {
    let tooLarge = FileError(path: path, operation: .read, reason: "It is larger than \(maximumSize >> 30) GiB")
    guard expectedSize <= maximumSize else { throw tooLarge }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(expectedSize)
    let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { piece.deallocate() }
    while true {
      let count = Foundation.read(descriptor, piece.baseAddress, piece.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw FileError(path: path, operation: .read, code: errno) }
      guard count > 0 else { return bytes }
      guard bytes.count + count <= maximumSize else { throw tooLarge }
      bytes.append(contentsOf: piece[..<count])
    }
  }

  /// Creates a folder, and those above it that are missing. One that is there already is left as it is.
  public static func createDirectory(_ path: String) throws(FileError) {
    if mkdir(path, 0o777) == 0 { return synchronizeDirectory(of: path) }
    let code = errno
    if code == EEXIST && kind(of: path) == .directory { return }
    let parent = folder(of: path)
    guard code == ENOENT, parent != path else {
      throw FileError(path: path, operation: .create, code: code)
    }
    try createDirectory(parent)
    guard mkdir(path, 0o777) == 0 || errno == EEXIST else {
      throw FileError(path: path, operation: .create, code: errno)
    }
    synchronizeDirectory(of: path)
  }

  /// The folder that a path's last name stands in: `.` for a bare name, `/` for what stands in the root.
  static func folder(of path: String) -> String {
    let slash = UInt8(ascii: "/")
    func trimmed(_ path: Substring.UTF8View) -> Substring.UTF8View {
      path.lastIndex { $0 != slash }.map { path[...$0] } ?? path.prefix(0)
    }
    guard let end = trimmed(path[...].utf8).lastIndex(of: slash) else { return path.utf8.first == slash ? "/" : "." }
    let parent = trimmed(path[..<end].utf8)
    return parent.isEmpty ? "/" : String(Substring(parent))
  }

  /// Creates a folder as ``createDirectory(_:)`` does, and makes sure that files can be written into it: better to know
  /// before long work than after it.
  public static func createWritableDirectory(_ path: String) throws(FileError) {
    try createDirectory(path)
    guard access(path, W_OK | X_OK) == 0 else { throw FileError(path: path, operation: .write, code: errno) }
  }

  /// The path with a leading `~` or `~name` replaced by the home folder it stands for.
  public static func expandingTilde(_ path: String) -> String { (path as NSString).expandingTildeInPath }

  static func isDirectory(_ status: stat) -> Bool { status.st_mode & S_IFMT == S_IFDIR }
}
