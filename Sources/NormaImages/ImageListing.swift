import NormaFiles

/// The files of a folder with a subfolder for each class.
struct ImageListing {
  /// The names of the subfolders that are classes, sorted by their bytes.
  var classNames: [String] = []
  /// The images' paths, class after class, each class's sorted by the bytes of their names.
  var paths: [String] = []
  /// The number of each image's class.
  var classes: [Int] = []

  private static let layout =
    "It should hold a folder for each class with its PNG and JPEG files, or train/ and test/ with such folders."

  /// Looks a folder through. Hidden files, and files beside the class folders, are passed over.
  ///
  /// - Parameters:
  ///   - path: the folder.
  ///   - known: the classes there may be; nil if every subfolder is one.
  ///   - fewest: how many images a class must have at least.
  init(_ path: String, known: [String]?, fewest: Int) throws {
    let found = try Self.subfolders(of: path)
    guard !found.isEmpty else { throw FormatError(file: path, problem: "it has no subfolders", remedy: Self.layout) }
    classNames = known ?? found
    for name in found {
      let folder = "\(path)/\(name)"
      guard let number = classNames.firstIndex(of: name) else {
        throw FormatError(
          file: folder, problem: "'\(name)' is not one of the classes",
          remedy: "They are: \(classNames.prefix(20).joined(separator: ", "))\(classNames.count > 20 ? ", …" : "").")
      }
      let names = try Self.visibleNames(in: folder)
      guard names.count >= fewest else {
        throw FormatError(
          file: folder, problem: "the class has \(names.isEmpty ? "no images" : "one image alone")",
          remedy: fewest == 1
            ? "Add some, or take the folder away." : "It takes one to learn from and one to check with: add some.")
      }
      paths += names.map { "\(folder)/\($0)" }
      classes += repeatElement(number, count: names.count)
    }
  }

  /// The subfolders that are not hidden, symbolic links to folders among them.
  static func subfolders(of path: String) throws(FileError) -> [String] {
    var folders: [String] = []
    for name in try visibleNames(in: path) where try FileAccess.kind(ofListed: "\(path)/\(name)") == .directory {
      folders.append(name)
    }
    return folders
  }

  private static func visibleNames(in path: String) throws(FileError) -> [String] {
    try FileAccess.names(inDirectory: path).filter { !$0.hasPrefix(".") }
  }
}
