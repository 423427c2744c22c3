import Norma

/// The folder that a run writes into: its own for as long as it runs, and gone afterwards if the run made it and left it empty, as one
/// does whose data are refused.
struct OutputFolder {
  private let path: String
  private let isNew: Bool
  private let lock: FolderLock

  /// Makes the folder where there is none, and locks it.
  ///
  /// - Throws: `FileError` if it cannot be written into, or another run is writing into it.
  init(_ path: String) throws {
    self.path = path
    isNew = FileAccess.kind(of: path) == nil
    try FileAccess.createWritableDirectory(path)
    lock = try FolderLock(path)
  }

  /// Gives the folder free.
  func close() {
    lock.release()
    // Only an empty folder can be removed.
    if isNew { try? FileAccess.remove(path) }
  }
}
