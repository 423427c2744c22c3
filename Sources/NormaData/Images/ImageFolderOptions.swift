import Foundation
import NormaTensor

/// How a folder of images is read.
public struct ImageFolderOptions: Hashable, Sendable {
  /// The shape `[height, width, channels]` that every image is brought to, with one channel (grey) or three; nil for three,
  /// and the size that all images have.
  public var shape: Shape?
  /// The length in pixels that the shorter side of every image is scaled to, before the middle of that shape is cut out; nil for what
  /// just covers it. For images that ``shape`` is given of.
  public var shorterSide: Int?
  /// Whether images that are scaled keep their own size in memory, so that a random crop can be cut from all there is: as pixels where
  /// they all fit into ``maximumByteCount``, as the bytes of their files otherwise.
  public var keepsOriginals: Bool
  /// The classes, in the order of their numbers, of which the folder may hold some; nil to find them in the folder.
  public var classNames: [String]?
  /// The most bytes that the images may take: one for each value, four where they are scaled and do not keep their size. By default half of the
  /// machine's memory.
  public var maximumByteCount: Int

  /// Options; what is not given is found in the folder.
  public init(
    shape: Shape? = nil, shorterSide: Int? = nil, keepsOriginals: Bool = false, classNames: [String]? = nil,
    maximumByteCount: Int = Int(clamping: ProcessInfo.processInfo.physicalMemory / 2)
  ) {
    if let shape {
      require(
        shape.rank == 3 && shape.elementCount > 0 && (shape[2] == 1 || shape[2] == 3), "images of shape \(shape)")
    }
    if let shorterSide {
      require(
        shape.map { shorterSide >= max($0[0], $0[1]) } ?? false,
        "a shorter side of \(shorterSide) pixels for images of shape \(shape.map { "\($0)" } ?? "of their own")")
    }
    self.shape = shape
    self.shorterSide = shorterSide
    self.keepsOriginals = keepsOriginals
    self.classNames = classNames
    self.maximumByteCount = maximumByteCount
  }
}
