import Foundation

/// Whole files in and out, with errors that name the file and the system's reason.
public enum FileAccess {
  /// The most bytes that ``read(_:)`` takes: 8 GiB. Devices that never end are stopped by it.
  public static let maximumSize = 8 << 30

  static func tooLarge(_ path: String) -> FileError {
    FileError(path: path, operation: .read, reason: "It is larger than \(maximumSize >> 30) GiB")
  }

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

  /// What a name in a folder stands for, symbolic links followed; nil for a link that leads nowhere or round in a circle.
  ///
  /// - Throws: ``FileError`` where the system does not say: to pass over what may be a part of the data would change them.
  package static func kind(ofListed path: String) throws(FileError) -> Kind? {
    var status = stat()
    guard stat(path, &status) == 0 else {
      let code = errno
      guard code == ENOENT || code == ELOOP else { throw FileError(path: path, operation: .read, code: code) }
      return nil
    }
    return isDirectory(status) ? .directory : .file
  }

  /// Whether a file of bytes on a disk is at a path, symbolic links followed: to read a pipe or a device may never end.
  package static func isRegularFile(_ path: String) throws(FileError) -> Bool {
    var status = stat()
    guard stat(path, &status) == 0 else { throw FileError(path: path, operation: .read, code: errno) }
    return status.st_mode & S_IFMT == S_IFREG
  }

  /// What a symbolic link points to that is not there; nil for anything else.
  static func missingEndOfLink(_ path: String) -> String? {
    var status = stat()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFLNK, stat(path, &status) != 0, errno == ENOENT
    else { return nil }
    var name = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    guard readlink(path, &name, name.count - 1) > 0 else { return nil }
    return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// The names in a folder, sorted by their bytes.
  public static func names(inDirectory path: String) throws(FileError) -> [String] {
    guard let directory = opendir(path) else { throw FileError(path: path, operation: .read, code: errno) }
    defer { closedir(directory) }
    var names: [String] = []
    while true {
      // The end and a failure look the same but for the code, which any other call may change.
      errno = 0
      guard let entry = readdir(directory) else {
        let code = errno
        guard code == 0 else { throw FileError(path: path, operation: .read, code: code) }
        break
      }
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: Int(entry.pointee.d_reclen)) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// All bytes of a file.
  ///
  /// - Throws: ``FileError`` if it cannot be read or is larger than ``maximumSize``, ``FormatError`` if it is larger than the
  ///   memory that is left.
  public static func read(_ path: String) throws -> [UInt8] {
    let source = try FileSource(path)
    return try source.readAll()
  }

  /// All bytes of standard input, as of a file.
  public static func readStandardInput() throws -> [UInt8] {
    try FileSource(descriptor: STDIN_FILENO, path: "standard input").readAll()
  }

  /// The first bytes of a file, all if it has no more.
  package static func read(_ path: String, atMost count: Int) throws(FileError) -> [UInt8] {
    let source = try FileSource(path)
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 1)
    defer { bytes.deallocate() }
    var filled = 0
    while filled < count {
      let more = try source.read(into: UnsafeMutableRawBufferPointer(rebasing: bytes[filled...]))
      guard more > 0 else { break }
      filled += more
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
      } else if try kind(ofListed: place) == .file {
        files.append(place)
      }
    }
    return files
  }

  /// Creates a folder, and those above it that are missing. One that is there already is left as it is.
  public static func createDirectory(_ path: String) throws(FileError) {
    if mkdir(path, 0o777) == 0 { return synchronizeDirectory(folder(of: path)) }
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
    synchronizeDirectory(folder(of: path))
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
