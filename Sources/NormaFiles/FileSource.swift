import Foundation

/// An open file, read from its beginning to its end.
final class FileSource {
  /// The path, as it was given.
  let path: String
  private let descriptor: Int32
  private let isOwned: Bool
  /// How many bytes the system says there are; 0 for pipes and devices.
  let expectedSize: Int

  /// Opens a file.
  ///
  /// - Throws: ``FileError`` if it cannot be opened or is a folder.
  init(_ path: String) throws(FileError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError(path: path, operation: .read, code: errno) }
    var status = stat()
    let code: Int32 = fstat(descriptor, &status) != 0 ? errno : FileAccess.isDirectory(status) ? EISDIR : 0
    guard code == 0 else {
      close(descriptor)
      throw FileError(path: path, operation: .read, code: code)
    }
    self.path = path
    self.descriptor = descriptor
    (isOwned, expectedSize) = (true, Int(status.st_size))
  }

  /// What is open already, and stays so.
  init(descriptor: Int32, path: String) {
    self.path = path
    self.descriptor = descriptor
    (isOwned, expectedSize) = (false, 0)
  }

  deinit { if isOwned { close(descriptor) } }

  /// Reads the next bytes, at most as many as there is room for; none at the end.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
    while true {
      let count = Foundation.read(descriptor, buffer.baseAddress, buffer.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw FileError(path: path, operation: .read, code: errno) }
      return count
    }
  }

  /// All bytes that follow.
  func readAll() throws -> [UInt8] {
    guard expectedSize <= FileAccess.maximumSize else { throw FileAccess.tooLarge(path) }
    var bytes = GrowingBytes()
    try bytes.reserve(expectedSize, for: path)
    let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
    defer { piece.deallocate() }
    while true {
      let count = try read(into: piece)
      guard count > 0 else { return bytes.bytes }
      guard bytes.bytes.count + count <= FileAccess.maximumSize else { throw FileAccess.tooLarge(path) }
      try bytes.reserve(count, for: path)
      bytes.bytes.append(contentsOf: piece[..<count])
    }
  }
}

/// Bytes of a number that is not known before, which grow as long as there is memory for them.
struct GrowingBytes {
  var bytes: [UInt8] = []
  /// Up to here memory has been asked for.
  private var capacity = 0

  /// Makes room for more bytes of a file.
  ///
  /// - Throws: ``FormatError`` where there is none.
  mutating func reserve(_ count: Int, for file: String) throws(FormatError) {
    let needed = bytes.count + count
    guard needed > capacity else { return }
    // While bytes move, both places are taken. Where twice as much is too much, a little more may do.
    var wanted = max(needed, 2 * capacity)
    if MemoryBudget.problem(taking: wanted) != nil { wanted = max(needed, capacity + capacity / 8) }
    try MemoryBudget.check(wanted, for: file)
    bytes.reserveCapacity(wanted)
    capacity = wanted
  }
}
