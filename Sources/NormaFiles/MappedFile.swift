import Foundation

/// A file's bytes, left on the disk until they are looked at: a mapping into memory that is only read.
///
/// The file stays open, so it can be renamed, replaced or removed while it is read. What is no file on a disk, such as a
/// pipe, cannot be mapped and is read whole.
// Nothing changes after the initializer, and the mapping is read-only, so any thread may read it.
package final class MappedFile: @unchecked Sendable {
  /// The path, as it was given.
  package let path: String
  /// How many bytes there are.
  package let count: Int
  private let descriptor: Int32
  private let start: UnsafeMutableRawPointer?
  /// The bytes of what cannot be mapped.
  private let copy: [UInt8]

  /// Bytes that are in memory already, under a name for errors.
  init(bytes: [UInt8], path: String) {
    self.path = path
    (descriptor, start, count, copy) = (-1, nil, bytes.count, bytes)
  }

  /// Opens a file.
  ///
  /// - Throws: ``FileError`` if it cannot be read.
  package init(_ path: String) throws {
    self.path = path
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError(path: path, operation: .read, code: errno) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      let code = errno
      close(descriptor)
      throw FileError(path: path, operation: .read, code: code)
    }
    let size = Int(status.st_size)
    if status.st_mode & S_IFMT == S_IFREG, size > 0,
      let start = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED
    {
      (self.descriptor, self.start, count, copy) = (descriptor, start, size, [])
    } else {
      close(descriptor)
      copy = try FileAccess.read(path)
      (self.descriptor, start, count) = (-1, nil, copy.count)
    }
  }

  /// A copy of all bytes.
  ///
  /// - Throws: as ``FileAccess/read(_:)`` does.
  package func readAll() throws -> [UInt8] {
    guard count <= FileAccess.maximumSize else { throw FileAccess.tooLarge(path) }
    if start != nil { try MemoryBudget.check(count, for: path) }
    return try withUnsafeBytes(in: 0..<count) { Array($0) }
  }

  /// Takes the whole pages of a part out of memory, until they are looked at again.
  package func letGo(of range: Range<Int>) {
    guard let start else { return }
    let page = Int(getpagesize())
    let first = (range.lowerBound + page - 1) / page * page
    let end = range.upperBound / page * page
    if first < end { madvise(start + first, end - first, MADV_DONTNEED) }
  }

  deinit {
    guard let start else { return }
    munmap(start, count)
    close(descriptor)
  }

  /// Lends a part of the bytes.
  ///
  /// - Throws: ``FileError`` where the file has become shorter since it was opened: to touch what is gone would end the
  ///   process.
  package func withUnsafeBytes<Result>(
    in range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) throws -> Result {
    guard let start else { return try copy.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[range])) } }
    var status = stat()
    guard fstat(descriptor, &status) == 0, Int(status.st_size) >= range.upperBound else {
      throw FileError(path: path, operation: .read, reason: "It became shorter while it was read")
    }
    return try withExtendedLifetime(self) {
      try body(UnsafeRawBufferPointer(start: start + range.lowerBound, count: range.count))
    }
  }
}
