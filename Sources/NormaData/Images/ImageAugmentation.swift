import NormaTensor

/// Changes training images by chance, in ways that leave their class as it is, so that no image is seen twice the same.
///
/// What is done follows in the order of the properties. The first three change pixels, whole numbers from 0 to 255, before they are
/// standardized; the others change numbers, and put 0 in, the mean of standardized data.
public struct ImageAugmentation: Hashable, Sendable {
  /// A part of the image as its file has it, scaled to the size that is trained on; nil for all of it.
  public var resizedCrop: ResizedCrop?
  /// Operations drawn from a list; nil for none.
  public var randAugment: RandAugment?
  /// Other light and colours; nil for none.
  public var jitter: ColorJitter?
  /// How many zeros are put around an image on each side, before a part of the old size is cut out anywhere. 0 for no crop.
  public var padding: Int
  /// Whether every second image, by chance, is turned left to right.
  public var flipsHorizontally: Bool
  /// Whether, and how often, a rectangle is erased; nil for never.
  public var erasing: RandomErasing?

  /// Changes; by default none. Their numbers must be such that images can be changed so.
  public init(
    padding: Int = 0, flipsHorizontally: Bool = false, resizedCrop: ResizedCrop? = nil,
    randAugment: RandAugment? = nil, jitter: ColorJitter? = nil, erasing: RandomErasing? = nil
  ) {
    self.padding = padding
    self.flipsHorizontally = flipsHorizontally
    self.resizedCrop = resizedCrop
    self.randAugment = randAugment
    self.jitter = jitter
    self.erasing = erasing
    if let problem { fatalError(problem) }
  }

  /// Why nothing can be changed with these numbers; nil if it can. Numbers read from a file were never checked.
  package var problem: String? {
    if padding < 0 { return "a padding of \(padding)" }
    return resizedCrop?.problem ?? randAugment?.problem ?? jitter?.problem ?? erasing?.problem
  }

  /// Whether pixels are changed, before they are standardized.
  public var changesPixels: Bool { resizedCrop != nil || randAugment != nil || jitter != nil }

  /// Why images of this shape, without the batch axis, cannot be changed so; nil if they can, as far as their shape goes.
  public func problem(forExamplesOf shape: Shape) -> String? {
    guard shape.rank == 3 else { return "examples of shape \(shape) are no images [height, width, channels]" }
    guard padding < min(shape[0], shape[1]) else {
      return "with \(padding) zeros around an image of \(shape[1]) × \(shape[0]) pixels, nothing of it may be left"
    }
    guard !changesPixels || shape[2] == 1 || shape[2] == 3 else {
      return "an image of \(shape[2]) channels is neither grey nor red, green and blue"
    }
    return nil
  }

  /// Why the examples of a data set cannot be changed so; nil if they can.
  public func problem<Element: TensorElement>(for data: Dataset<Element>) -> String? {
    if let problem = problem(forExamplesOf: data.exampleShape) { return problem }
    guard !changesPixels || data.samples.arePixels else {
      return "resized-crop, randaugment and jitter change pixels from 0 to 255, and these are other numbers"
    }
    return nil
  }

  /// The images `[N, height, width, channels]`, each changed by chance; pixels must not be among what is changed.
  ///
  /// Three numbers are drawn for each image, whether they are needed or not, so that the n-th image is changed in the same
  /// way whatever else is turned on. The images must be such that ``problem(forExamplesOf:)`` finds nothing.
  public func applied<Element: TensorElement>(
    to images: Tensor<Element>, using generator: inout RandomGenerator
  ) -> Tensor<Element> {
    let shape = Shape(images.shape.dropFirst())
    if let problem = problem(forExamplesOf: shape) { fatalError(problem) }
    require(!changesPixels, "numbers are no pixels, which \(self) changes")
    return Tensor(shape: images.shape) { result in
      images.withUnsafeElements { images in
        guard let from = images.baseAddress, let to = result.baseAddress else { return }
        for start in stride(from: 0, to: images.count, by: shape.elementCount) {
          change(from + start, to: to + start, shape: shape, using: &generator)
        }
      }
    }
  }

  /// The parts of an image's change, each with random numbers of its own.
  private enum Stream: UInt64 { case resizedCrop, randAugment, jitter, erasing }

  /// How many numbers of a generator go by for each image.
  private static let drawsPerImage: UInt64 = 3

  /// The generator that is left for one of the images that are changed by its numbers; each depends on the image's place alone.
  static func generator(_ generator: RandomGenerator, forImage place: Int) -> RandomGenerator {
    var state = generator.state
    state.drawn += drawsPerImage * UInt64(place)
    return RandomGenerator(state: state)
  }

  /// The numbers of one part of an image's change, beside those that are drawn of its generator itself.
  private static func split(_ generator: RandomGenerator, _ stream: Stream) -> RandomGenerator {
    generator.split(generator.state.drawn).split(stream.rawValue)
  }

  /// Pixels changed by chance.
  ///
  /// - Parameters:
  ///   - image: an image of any size where a part is cut out, else of the given one.
  ///   - generator: the image's own, which is not advanced.
  func changedPixels(
    of image: RasterImage, height: Int, width: Int, using generator: RandomGenerator
  ) -> RasterImage {
    var changed = image
    if let resizedCrop {
      var random = Self.split(generator, .resizedCrop)
      let rectangle = resizedCrop.rectangle(height: image.height, width: image.width, using: &random)
      changed = image.resized(rectangle, height: height, width: width)
    }
    if let randAugment {
      var random = Self.split(generator, .randAugment)
      changed = randAugment.applied(to: changed, using: &random)
    }
    if let jitter {
      var random = Self.split(generator, .jitter)
      changed = jitter.applied(to: changed, using: &random)
    }
    return changed
  }

  /// Writes an image `[height, width, channels]`, changed by chance, to a place.
  func change<Element: TensorElement>(
    _ image: UnsafePointer<Element>, to result: UnsafeMutablePointer<Element>, shape: Shape,
    using generator: inout RandomGenerator
  ) {
    let erased = erasing.flatMap { erasing in
      var random = Self.split(generator, .erasing)
      return erasing.rectangle(height: shape[0], width: shape[1], using: &random)
    }
    let rowShift = generator.draw(below: 2 * padding + 1) - padding
    let columnShift = generator.draw(below: 2 * padding + 1) - padding
    let isFlipped = generator.draw(below: 2) == 1 && flipsHorizontally
    copyShifted(
      image, to: result, height: shape[0], width: shape[1], channels: shape[2], rowShift: rowShift,
      columnShift: columnShift, isFlipped: isFlipped)
    if let erased { RandomErasing.erase(erased, of: result, width: shape[1], channels: shape[2]) }
  }
}

extension ImageAugmentation: Codable {
  private enum CodingKeys: String, CodingKey {
    case padding, flipsHorizontally, resizedCrop, randAugment, jitter, erasing
  }

  /// Settings from a file; what an earlier version did not write is not done.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    padding = try values.decode(Int.self, forKey: .padding)
    flipsHorizontally = try values.decode(Bool.self, forKey: .flipsHorizontally)
    resizedCrop = try values.decodeIfPresent(ResizedCrop.self, forKey: .resizedCrop)
    randAugment = try values.decodeIfPresent(RandAugment.self, forKey: .randAugment)
    jitter = try values.decodeIfPresent(ColorJitter.self, forKey: .jitter)
    erasing = try values.decodeIfPresent(RandomErasing.self, forKey: .erasing)
  }
}

/// Copies an image `[height, width, channels]` from so many rows down and columns to the right, with zeros where there is
/// nothing to copy, and turns it left to right if that is asked for.
@specialized(where Element == Float)
@specialized(where Element == Double)
private func copyShifted<Element: TensorElement>(
  _ from: UnsafePointer<Element>, to: UnsafeMutablePointer<Element>, height: Int, width: Int, channels: Int,
  rowShift: Int, columnShift: Int, isFlipped: Bool
) {
  let columns = max(0, -columnShift)..<min(width, width - columnShift)
  for row in 0..<height {
    let target = to + row * width * channels
    guard (0..<height).contains(row + rowShift) else {
      target.initialize(repeating: 0, count: width * channels)
      continue
    }
    let source = from + ((row + rowShift) * width + columnShift) * channels
    if isFlipped {
      for column in 0..<width {
        let pixel = target + (width - 1 - column) * channels
        for channel in 0..<channels {
          pixel[channel] = columns.contains(column) ? source[column * channels + channel] : 0
        }
      }
    } else {
      target.initialize(repeating: 0, count: columns.lowerBound * channels)
      (target + columns.lowerBound * channels).initialize(
        from: source + columns.lowerBound * channels, count: columns.count * channels)
      (target + columns.upperBound * channels).initialize(
        repeating: 0, count: (width - columns.upperBound) * channels)
    }
  }
}
