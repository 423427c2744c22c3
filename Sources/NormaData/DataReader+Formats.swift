import NormaFiles

/// The digits that are compiled in.
public struct DigitsReader: DataReader {
  public static let name = "digits"
  public static let place: String? = nil
  public static let contents = "built in"
  public var path: String { "" }
  public init(path: String = "") {}
  public func read(options: CSVOptions, images: ImageFolderOptions) throws -> RawData {
    RawData(training: .digits())
  }
}

/// A folder with MNIST's four files.
public struct MNISTReader: DataReader {
  public static let name = "mnist"
  public static let place: String? = "FOLDER"
  public static let contents = "MNIST's four files"
  public let path: String
  public init(path: String) { self.path = path }
  public func read(options: CSVOptions, images: ImageFolderOptions) throws -> RawData {
    try MNIST.load(folder: path)
  }
}

/// A folder with Fashion-MNIST's four files.
public struct FashionMNISTReader: DataReader {
  public static let name = "fashion-mnist"
  public static let place: String? = "FOLDER"
  public static let contents = "Fashion-MNIST's four files"
  public let path: String
  public init(path: String) { self.path = path }
  public func read(options: CSVOptions, images: ImageFolderOptions) throws -> RawData {
    try MNIST.loadFashion(folder: path)
  }
}

/// CIFAR-10's binary archive, or a folder it was unpacked to.
public struct CIFAR10Reader: DataReader {
  public static let name = "cifar10"
  public static let place: String? = "ARCHIVE-OR-FOLDER"
  public static let contents = "the binary version"
  public let path: String
  public init(path: String) { self.path = path }
  public func read(options: CSVOptions, images: ImageFolderOptions) throws -> RawData {
    try CIFAR10.load(path)
  }
}

/// A file of comma-separated values.
public struct CSVReader: DataReader {
  public static let name = "csv"
  public static let place: String? = "FILE"
  public static let contents = "comma-separated values as UTF-8 text, plain or gzip"
  public static let fileKinds: Set<FileKind>? = [.text, .gzip]
  public let path: String
  public init(path: String) { self.path = path }
  public func read(options: CSVOptions, images: ImageFolderOptions) throws -> RawData {
    try CSV.data(bytes: Gzip.contents(ofFile: path), file: path, options: options)
  }
}

/// NumPy's arrays of samples and targets in one file.
public struct NumPyReader: DataReader {
  public static let name = "npz"
  public static let place: String? = "FILE"
  public static let contents = "NumPy's arrays x and y, or x_train, y_train, x_test, y_test, from numpy.savez"
  public static let fileKinds: Set<FileKind>? = [.npz]
  public let path: String
  public init(path: String) { self.path = path }
  public func read(options: CSVOptions, images: ImageFolderOptions) throws -> RawData {
    try NumPyDataset.read(path, options: options)
  }
}
