import Foundation
import NormaFiles
import TestSupport
import Testing

@Suite struct FolderLockTests {
  private func withFolder(_ body: (String) throws -> Void) throws {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder.path)
  }

  @Test func aFolderBelongsToTheFirstUntilItIsGivenFree() throws {
    try withFolder { folder in
      let lock = try FolderLock(folder)
      let error = #expect(throws: FileError.self) { try FolderLock(folder) }
      #expect(
        error?.description
          == "Could not write '\(folder)': Another run (process \(getpid())) is writing into it; wait for its end, or name "
          + "another folder.")
      lock.release()
      #expect(try FileAccess.names(inDirectory: folder).isEmpty)
      try FolderLock(folder).release()
      #expect(try FileAccess.names(inDirectory: folder).isEmpty)
    }
  }

  /// What a process that was killed leaves is a file that nobody has locked.
  @Test func aFileThatWasLeftLocksNothing() throws {
    try withFolder { folder in
      try Data("12345\n".utf8).write(to: URL(filePath: "\(folder)/.norma.lock"))
      let lock = try FolderLock(folder)
      #expect(throws: FileError.self) { try FolderLock(folder) }
      lock.release()
      #expect(try FileAccess.names(inDirectory: folder).isEmpty)
    }
  }

  @Test func whatIsNoFolderIsAnError() throws {
    try withFolder { folder in
      #expect(throws: FileError.self) { try FolderLock("\(folder)/none") }
    }
  }
}
