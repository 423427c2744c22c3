import NormaTensor

/// Images as their files have them, each of its own size, which are brought to one size when they are asked for: so a random crop can
/// be cut from all there is.
///
/// They lie in memory, as pixels or as the bytes of their files, which are decoded anew each time.
public struct OriginalImages: Sendable {
  private enum Storage: Sendable {
    case pixels([RasterImage])
    case files([[UInt8]], decode: @Sendable ([UInt8]) -> RasterImage)
  }

  private let storage: Storage
  /// The shape `[height, width, channels]` that each is brought to.
  public let shape: Shape
  /// What the shorter side is scaled to first, see ``RasterImage/fitted(height:width:shorterSide:)``.
  public let shorterSide: Int?

  /// Images that are decoded already.
  public init(_ images: [RasterImage], shape: Shape, shorterSide: Int? = nil) {
    self.init(.pixels(images), shape, shorterSide)
  }

  /// Images that are decoded each time.
  ///
  /// - Parameters:
  ///   - files: the bytes of their files, all of which can be decoded.
  ///   - shape: the shape `[height, width, channels]` that each is brought to.
  ///   - shorterSide: what the shorter side is scaled to first.
  ///   - decode: gives the image of a file's bytes.
  public init(
    files: [[UInt8]], shape: Shape, shorterSide: Int? = nil, decode: @escaping @Sendable ([UInt8]) -> RasterImage
  ) {
    self.init(.files(files, decode: decode), shape, shorterSide)
  }

  private init(_ storage: Storage, _ shape: Shape, _ shorterSide: Int?) {
    require(shape.rank == 3 && (shape[2] == 1 || shape[2] == 3), "images of shape \(shape)")
    (self.storage, self.shape, self.shorterSide) = (storage, shape, shorterSide)
  }

  /// The number of images.
  public var count: Int {
    switch storage {
    case .pixels(let images): images.count
    case .files(let files, _): files.count
    }
  }

  /// An image in its own size, with the channels that are asked for.
  public func image(_ index: Int) -> RasterImage {
    let image =
      switch storage {
      case .pixels(let images): images[index]
      case .files(let files, let decode): decode(files[index])
      }
    return image.converted(toChannels: shape[2])
  }

  /// An image in the size that is asked for, as evaluation sees it: `[height, width, channels]`, from 0 to 255.
  public func fitted(_ index: Int) -> Tensor<Float> {
    image(index).fitted(height: shape[0], width: shape[1], shorterSide: shorterSide)
  }
}
