import NormaFiles
import NormaTensor

/// Reads data of one kind from a place, as `--data kind:path` and checkpoints name them by the kind's `NamedSettings.name`.
///
/// ```swift
/// try DataReaderRegistry.shared.register(ImageFolderReader.self)  // before a text that names it is read
/// ```
public protocol DataReader: NamedSettings {
  /// What stands for the path in help texts, such as `FILE`; nil where the data need no place.
  static var place: String? { get }
  /// What it takes, for help texts and errors, such as `comma-separated values as UTF-8 text`.
  static var contents: String { get }
  /// What the path may lead to, as far as a file's first bytes tell; nil, the default, leaves that to the reader.
  static var fileKinds: Set<FileKind>? { get }
  /// Where the data are.
  var path: String { get }

  /// A reader of what is at a path.
  init(path: String)

  /// Reads the data, to be split, encoded and standardized; the options are for tables and folders of images, and others follow
  /// what applies to them.
  ///
  /// - Throws: `FileError`, `FormatError` or ``DataError``.
  func read(options: CSVOptions, images: ImageFolderOptions) throws -> RawData
}

extension DataReader {
  public static var fileKinds: Set<FileKind>? { nil }

  /// How it is written: `csv:FILE`.
  static var form: String { place.map { "\(name):\($0)" } ?? name }
}

/// The readers that texts can name: those of this module, and those that a program registers, such as `NormaImages`' reader of
/// folders of images.
public enum DataReaderRegistry {
  /// The one registry.
  public static let shared = Registry<any DataReader>(
    of: "reader of data",
    [
      DigitsReader.self, MNISTReader.self, FashionMNISTReader.self, CIFAR10Reader.self, CSVReader.self,
      NumPyReader.self,
    ])

  static var types: [any DataReader.Type] {
    shared.names.compactMap { try? shared.type(named: $0) as? any DataReader.Type }
  }
}
