import NormaFiles

/// Where data come from, as the command's `--data` says it: `digits`, `mnist:PATH`, `fashion-mnist:PATH`, `cifar10:PATH`,
/// `images:PATH`, `csv:PATH` or `npz:PATH`.
public enum DataSource: Hashable, Sendable {
  /// The digits that are compiled in.
  case digits
  /// A folder with MNIST's four files.
  case mnist(String)
  /// A folder with Fashion-MNIST's four files.
  case fashionMNIST(String)
  /// CIFAR-10's binary archive, or a folder it was unpacked to.
  case cifar10(String)
  /// A folder of images, one subfolder a class.
  case images(String)
  /// A file of comma-separated values.
  case csv(String)
  /// NumPy's arrays of samples and targets in one file.
  case numPy(String)

  /// How each kind of source is written.
  public static let kinds = [
    "digits", "mnist:PATH", "fashion-mnist:PATH", "cifar10:PATH", "images:PATH", "csv:PATH", "npz:PATH",
  ]

  /// Reads a source's name; a leading `~` in the path stands for the home folder.
  ///
  /// - Throws: ``DataError/unknownSource(_:)`` or ``DataError/missingPath(kind:)``.
  public init(_ text: String) throws(DataError) {
    if text == "digits" {
      self = .digits
      return
    }
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let make: (String) -> DataSource
    switch parts[0] {
    case "mnist": make = DataSource.mnist
    case "fashion-mnist": make = DataSource.fashionMNIST
    case "cifar10": make = DataSource.cifar10
    case "images": make = DataSource.images
    case "csv": make = DataSource.csv
    case "npz": make = DataSource.numPy
    default: throw .unknownSource(text)
    }
    guard parts.count == 2, !parts[1].isEmpty else { throw .missingPath(kind: parts[0]) }
    self = make(FileAccess.expandingTilde(parts[1]))
  }

  /// Reads the data, to be split, encoded and standardized; there are options for CSV, of which arrays of NumPy follow some, and
  /// for folders of images.
  ///
  /// - Throws: `FileError`, `FormatError` or ``DataError``.
  public func read(
    options: CSVOptions = CSVOptions(), images: ImageFolderOptions = ImageFolderOptions()
  ) throws -> RawData {
    try checkFileKind()
    return switch self {
    case .digits: RawData(training: .digits())
    case .mnist(let path): try MNIST.load(folder: path)
    case .fashionMNIST(let path): try MNIST.loadFashion(folder: path)
    case .cifar10(let path): try CIFAR10.load(path)
    case .images(let path): try ImageFolder.load(path, options: images)
    case .csv(let path): try CSV.data(bytes: Gzip.contents(ofFile: path), file: path, options: options)
    case .numPy(let path): try NumPyDataset.read(path, options: options)
    }
  }
}

extension DataSource: CustomStringConvertible {
  /// The text that names this source.
  public var description: String {
    switch self {
    case .digits: "digits"
    case .mnist(let path): "mnist:\(path)"
    case .fashionMNIST(let path): "fashion-mnist:\(path)"
    case .cifar10(let path): "cifar10:\(path)"
    case .images(let path): "images:\(path)"
    case .csv(let path): "csv:\(path)"
    case .numPy(let path): "npz:\(path)"
    }
  }
}
