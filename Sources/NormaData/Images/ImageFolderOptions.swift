import Foundation
import NormaTensor

/// How a folder of images is read.
public struct ImageFolderOptions: Hashable, Sendable {
  /// The shape `[height, width, channels]` that every image is brought to, with one channel (grey) or three; nil for three,
  /// and the size that all images have.
  public var shape: Shape?
  /// The classes, in the order of their numbers, of which the folder may hold some; nil to find them in the folder.
  public var classNames: [String]?
  /// The most bytes that the images may take: one for each value, four where they are scaled. By default half of the
  /// machine's memory.
  public var maximumByteCount: Int

  /// Options; what is not given is found in the folder.
  public init(
    shape: Shape? = nil, classNames: [String]? = nil,
    maximumByteCount: Int = Int(clamping: ProcessInfo.processInfo.physicalMemory / 2)
  ) {
    if let shape {
      require(
        shape.rank == 3 && shape.elementCount > 0 && (shape[2] == 1 || shape[2] == 3), "images of shape \(shape)")
    }
    self.shape = shape
    self.classNames = classNames
    self.maximumByteCount = maximumByteCount
  }
}
