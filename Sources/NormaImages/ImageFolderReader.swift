import NormaData
import NormaFiles

/// A folder of images, one subfolder a class: `images:FOLDER`.
///
/// It is known to who registers it, before a text or a checkpoint that names it is read:
///
/// ```swift
/// try DataReaderRegistry.shared.register(ImageFolderReader.self)
/// ```
public struct ImageFolderReader: DataReader {
  public static let name = "images"
  public static let place: String? = "FOLDER"
  public static let contents = "PNG and JPEG files, a subfolder for each class"
  public static let fileKinds: Set<FileKind>? = [.directory]
  public let path: String
  public init(path: String) { self.path = path }
  public func read(options: CSVOptions, images: ImageFolderOptions) throws -> RawData {
    try ImageFolder.load(path, options: images)
  }
}
