import NormaFiles

extension DataSource {
  /// Makes sure that what is at the path is not evidently of another kind than the source is: its reader could only complain
  /// of a byte in it. What is of no known kind, or empty, is the reader's to judge.
  ///
  /// - Throws: `FileError` if there is nothing to read, `FormatError` that says what it is.
  package func checkFileKind() throws {
    let (path, kinds, remedy): (String, Set<FileKind>, String)
    switch self {
    case .csv(let file):
      (path, kinds) = (file, [.text, .gzip])
      remedy = "csv:FILE takes comma-separated values as UTF-8 text, plain or gzip."
    case .numPy(let file):
      (path, kinds) = (file, [.npz])
      remedy = "npz:FILE takes what numpy.savez wrote."
    case .images(let folder):
      (path, kinds) = (folder, [.directory])
      remedy = "images:FOLDER takes a folder with a subfolder for each class."
    case .digits, .mnist, .fashionMNIST, .cifar10: return
    }
    let kind = try FileKind(ofFile: path)
    guard kinds.contains(kind) || kind == .binary || kind == .empty else {
      throw FormatError(file: path, is: kind, remedy: remedy)
    }
  }
}
