import Foundation
import NormaFiles
import TestSupport
import Testing

@Suite struct FileAccessTests {
  @Test func whatIsWrittenIsReadAgain() throws {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "file").path
    let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    try FileAccess.write(bytes, to: path)
    #expect(try FileAccess.read(path) == bytes)
    try FileAccess.write("shorter", to: path)
    #expect(try FileAccess.read(path) == Array("shorter".utf8))
    #expect(try FileAccess.names(inDirectory: folder.path) == ["file"])
  }

  @Test func aFileIsReplacedThroughALinkAndKeepsItsPermissions() throws {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appending(path: "file").path
    let link = folder.appending(path: "link").path
    try FileAccess.write("old", to: file)
    #expect(chmod(file, 0o600) == 0)
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "file")
    try FileAccess.write("new", to: link)
    #expect(try FileAccess.read(file) == Array("new".utf8))
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == "file")
    let permissions = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
    #expect(permissions == 0o600)
  }

  @Test func foldersAreCreatedWithThoseAboveThem() throws {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "a/b/c").path
    try FileAccess.createDirectory(path)
    try FileAccess.createDirectory(path)
    #expect(FileAccess.kind(of: path) == .directory)
  }

  @Test func aMissingFileIsNamedWithTheReason() {
    let error = #expect(throws: FileError.self) { try FileAccess.read("/nowhere/at all") }
    #expect(error?.description == "Could not read '/nowhere/at all': No such file or directory.")
  }

  @Test func aFolderIsNoFile() throws {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect(throws: FileError(path: folder.path, operation: .read, reason: "Is a directory")) {
      try FileAccess.read(folder.path)
    }
    #expect(throws: FileError(path: folder.path, operation: .write, reason: "Is a directory")) {
      try FileAccess.write("text", to: folder.path)
    }
  }

  @Test func aFileCannotBeAFolderAbove() throws {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appending(path: "file").path
    try FileAccess.write("text", to: file)
    #expect(throws: FileError(path: file, operation: .create, reason: "File exists")) {
      try FileAccess.createDirectory(file)
    }
    #expect(throws: FileError.self) { try FileAccess.createDirectory(file + "/below") }
    #expect(throws: FileError.self) { try FileAccess.write("text", to: file + "/below") }
  }

  @Test(.enabled(if: geteuid() != 0, "the superuser may write everywhere"))
  func anUnwritableFolderIsAnError() throws {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect(chmod(folder.path, 0o500) == 0)
    let path = folder.appending(path: "file").path
    #expect(throws: FileError(path: path, operation: .write, reason: "Permission denied")) {
      try FileAccess.write("text", to: path)
    }
  }

  @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/full"), "only Linux has /dev/full"))
  func aFullDiskIsAnError() {
    #expect(throws: FileError(path: "/dev/full", operation: .write, reason: "No space left on device")) {
      try FileAccess.write("text", to: "/dev/full")
    }
  }

  // The limit on a file's size fails a write half-way, as a full disk does. It holds for a whole process: one of its own.
  @Test func aWriteThatFailsHalfWayLeavesTheEarlierFileWholeAndNothingElse() async {
    await #expect(processExitsWith: .success) {
      let folder = try makeTemporaryDirectory()
      defer { try? FileManager.default.removeItem(at: folder) }
      let path = folder.appending(path: "file").path
      try FileAccess.write("the earlier file", to: path)

      var limit = rlimit()
      getrlimit(fileSizeLimit, &limit)
      limit.rlim_cur = 100_000
      signal(SIGXFSZ, SIG_IGN)
      setrlimit(fileSizeLimit, &limit)
      #expect(throws: FileError(path: path, operation: .write, reason: "File too large")) {
        try FileAccess.write([UInt8](repeating: 1, count: 1_000_000), to: path)
      }
      #expect(try FileAccess.read(path) == Array("the earlier file".utf8))
      #expect(try FileAccess.names(inDirectory: folder.path) == ["file"])
    }
  }

  @Test func whatTheSystemDoesNotSayIsNotPassedOver() throws {
    try withFolder { folder in
      let (kind, missing) = (try FileAccess.kind(ofListed: folder), try FileAccess.kind(ofListed: "\(folder)/none"))
      #expect(kind == .directory && missing == nil)
      let long = "\(folder)/\(String(repeating: "x", count: 300))"
      #expect(throws: FileError(path: long, operation: .read, reason: "File name too long")) {
        try FileAccess.kind(ofListed: long)
      }
    }
  }

  @Test func contentsThatFailLeaveTheEarlierFile() throws {
    try withFolder { folder in
      let path = "\(folder)/file"
      try FileAccess.write("earlier", to: path)
      let failure = FileError(path: "elsewhere", operation: .read, reason: "No such file or directory")
      #expect(throws: failure) {
        try FileAccess.write(
          FileContents { writer throws(FileError) in
            try writer.append([1, 2, 3])
            throw failure
          }, to: path)
      }
      #expect(try FileAccess.read(path) == Array("earlier".utf8))
      #expect(try FileAccess.names(inDirectory: folder) == ["file"])
    }
  }

  // MARK: Several files

  @Test func severalFilesAreWrittenAllOrNone() throws {
    try withFolder { folder in
      try FileAccess.write("earlier", to: "\(folder)/a")
      try FileAccess.createDirectory("\(folder)/taken")
      #expect(throws: FileError(path: "\(folder)/taken", operation: .write, reason: "Is a directory")) {
        try FileAccess.write([
          (path: "\(folder)/a", contents: .bytes([1])), (path: "\(folder)/b", contents: .bytes([2])),
          (path: "\(folder)/taken", contents: .bytes([3])),
        ])
      }
      #expect(throws: FileError.self) {
        try FileAccess.write([
          (path: "\(folder)/a", contents: .bytes([1])), (path: "\(folder)/none/c", contents: .bytes([3])),
        ])
      }
      #expect(try FileAccess.names(inDirectory: folder) == ["a", "taken"])
      #expect(try FileAccess.read("\(folder)/a") == Array("earlier".utf8))
      try FileAccess.write([
        (path: "\(folder)/a", contents: .bytes([1])), (path: "\(folder)/taken/b", contents: .bytes([2])),
      ])
      #expect(try FileAccess.read("\(folder)/a") == [1])
      #expect(try FileAccess.names(inDirectory: "\(folder)/taken") == ["b"])
    }
  }

  // MARK: What others left

  /// Names are remembered for a process: this one looks at a folder of its own.
  @Test func whatAKilledProcessLeftGoesAndWhatALivingOneWritesStays() throws {
    try withFolder { folder in
      for name in [".norma-left.temporary", ".norma-written.temporary", ".norma-other", "my.temporary"] {
        try Data("part".utf8).write(to: URL(filePath: "\(folder)/\(name)"))
      }
      let descriptor = open("\(folder)/.norma-written.temporary", O_WRONLY)
      defer { close(descriptor) }
      #expect(flock(descriptor, LOCK_EX) == 0)
      try FileAccess.write("text", to: "\(folder)/file")
      #expect(
        try FileAccess.names(inDirectory: folder)
          == [".norma-other", ".norma-written.temporary", "file", "my.temporary"])
    }
  }

  // MARK: Links

  @Test func aLinkWhoseEndIsMissingIsNamedForWhatItIs() throws {
    try withFolder { folder in
      let link = "\(folder)/link"
      try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "gone")
      let reason = "It is a symbolic link to 'gone', which is not there"
      #expect(throws: FileError(path: link, operation: .create, reason: reason)) {
        try FileAccess.createDirectory(link)
      }
      #expect(throws: FileError(path: link, operation: .create, reason: reason)) {
        try FileAccess.createDirectory("\(link)/below")
      }
      #expect(throws: FileError(path: link, operation: .write, reason: reason)) { try FileAccess.write("a", to: link) }
      #expect(throws: FileError(path: link, operation: .read, reason: reason)) { try FileAccess.read(link) }
      #expect(try FileAccess.names(inDirectory: folder) == ["link"])
      try FileManager.default.createSymbolicLink(atPath: "\(folder)/ring", withDestinationPath: "ring")
      #expect(throws: FileError.self) { try FileAccess.read("\(folder)/ring") }
    }
  }

  private func withFolder(_ body: (String) throws -> Void) throws {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder.path)
  }

  @Test func aTildeStandsForTheHomeFolder() {
    #expect(FileAccess.expandingTilde("~/data") == NSHomeDirectory() + "/data")
    #expect(FileAccess.expandingTilde("data/~") == "data/~")
  }
}

#if os(Linux)
  private let fileSizeLimit = __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
#else
  private let fileSizeLimit = RLIMIT_FSIZE
#endif
