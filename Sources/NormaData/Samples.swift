import NormaTensor

/// The features of examples where they lie, and what makes of them the numbers that a network takes: which examples are meant,
/// in which order, and what they are standardized by. They are brought together batch by batch.
///
/// So parts of a data set share the memory it was read into, images take a byte for each value, and a batch is gathered,
/// standardized and changed by chance in one pass. Each element is computed by the same operations as if the whole set were
/// standardized first, and has the same bits.
struct Samples<Element: TensorElement>: Sendable {
  /// The features as they were read.
  enum Values: Sendable {
    /// Numbers, `[N, …]`.
    case elements(Tensor<Element>)
    /// Whole numbers from 0 to 255, one after the other in row-major order.
    case bytes([UInt8])
    /// Images of any size, which are brought to one.
    case originals(OriginalImages)
  }

  /// The shape of one example.
  private(set) var exampleShape: Shape
  private let values: Values
  private let valueCount: Int
  /// Which examples, in which order; nil for all in theirs.
  private var rows: [Int]?
  /// What is subtracted from each element of an example, and what it is divided by; nil to leave them as they are.
  private var standardization: (mean: [Element], scale: [Element])?

  /// Numbers, `[N, …]`, as they are.
  init(_ features: Tensor<Element>) { self.init(.elements(features), shape: features.shape) }

  /// Whole numbers from 0 to 255, as many as the shape `[N, …]` asks.
  init(_ bytes: [UInt8], shape: Shape) {
    require(bytes.count == shape.elementCount, "\(bytes.count) bytes do not fill shape \(shape)")
    self.init(.bytes(bytes), shape: shape)
  }

  /// Images of any size.
  init(_ images: OriginalImages) { self.init(.originals(images), shape: Shape([images.count] + Array(images.shape))) }

  private init(_ values: Values, shape: Shape) {
    self.values = values
    valueCount = shape[0]
    exampleShape = Shape(shape.dropFirst())
  }

  /// The same examples, standardized when they are brought together; nil to leave them as they are.
  ///
  /// - Throws: ``DataError/unfitForStandardization(_:fittedOn:)`` where the standardization is of others.
  func standardized(by standardization: Standardization<Element>?) throws(DataError) -> Samples {
    guard let standardization else { return self }
    var samples = self
    samples.standardization = try standardization.byElement(of: exampleShape)
    return samples
  }

  /// The number of examples.
  var count: Int { rows?.count ?? valueCount }

  /// Whether the values are pixels from 0 to 255 before they are standardized.
  var arePixels: Bool { if case .elements = values { false } else { true } }

  /// Whether it takes far longer to bring an example here than to copy it.
  var areOriginals: Bool { if case .originals = values { true } else { false } }

  /// The given ones of these examples, in that order, or all; nothing is copied but the list of them.
  func subset(_ indices: [Int]?) -> Samples {
    guard let indices else { return self }
    var subset = self
    subset.rows = indices.map { index in
      require(index >= 0 && index < count, "example \(index) of \(count)")
      return rows?[index] ?? index
    }
    return subset
  }

  /// The numbers of all examples, `[N, …]`.
  var features: Tensor<Element> { features(0..<count) }

  /// The numbers of a range of the examples, `[range.count, …]`: a view where they lie so already, a copy otherwise.
  func features(_ range: Range<Int>) -> Tensor<Element> {
    if rows == nil, standardization == nil, case .elements(let tensor) = values {
      return range == 0..<tensor.shape[0] ? tensor : tensor[rows: range]
    }
    return gathered(range, isParallel: true)
  }

  /// The numbers of all examples in another element type, rounded to nearest, of which a part at a time is brought together.
  func converted<Other: TensorElement>(to type: Other.Type = Other.self) -> Tensor<Other> {
    Tensor(shape: Shape([count] + Array(exampleShape))) { result in
      var rest = result[...]
      for range in parts {
        features(range).converted(to: Other.self).withUnsafeElements {
          _ = UnsafeMutableBufferPointer(rebasing: rest).initialize(from: $0)
        }
        rest = rest.dropFirst(range.count * exampleShape.elementCount)
      }
    }
  }

  /// Ranges of examples with about so many elements each as are brought together at a time where not all need be.
  var parts: [Range<Int>] {
    let size = max(1, (1 << 18) / max(1, exampleShape.elementCount))
    return stride(from: 0, to: count, by: size).map { $0..<min(count, $0 + size) }
  }

  /// The numbers of the given examples, `[indices.count, …]`.
  ///
  /// - Parameter isParallel: whether images of other sizes are brought to theirs on all threads, which a training step may need.
  func gathered(_ indices: some Collection<Int>, isParallel: Bool = false) -> Tensor<Element> {
    gathered(Array(indices), isParallel: isParallel && areOriginals) { reader, _, row, target in
      reader.read(row, to: target)
    }
  }

  /// The numbers of the given images, `[indices.count, …]`, each changed by chance: its pixels where they lie, then its numbers.
  ///
  /// What is drawn for one depends on its place among them alone, counted from `first`.
  func gathered(
    _ indices: some Collection<Int>, changedBy augmentation: ImageAugmentation, from first: Int = 0,
    using generator: inout RandomGenerator
  ) -> Tensor<Element> {
    let start = generator
    defer { generator = ImageAugmentation.generator(start, forImage: first + indices.count) }
    let shape = exampleShape
    return withUnsafeTemporaryAllocation(of: Element.self, capacity: max(1, shape.elementCount)) { example in
      gathered(Array(indices), isParallel: false) { reader, place, row, target in
        var random = ImageAugmentation.generator(start, forImage: first + place)
        if augmentation.changesPixels {
          let image = pixels(of: row, inOwnSize: augmentation.resizedCrop != nil)
          let changed = augmentation.changedPixels(of: image, height: shape[0], width: shape[1], using: random)
          changed.pixels.withUnsafeBufferPointer { reader.read(pixels: $0.baseAddress!, to: example.baseAddress!) }
        } else {
          reader.read(row, to: example.baseAddress!)
        }
        augmentation.change(example.baseAddress!, to: target, shape: shape, using: &random)
      }
    }
  }

  /// An example as an image, in the size that is trained on or, where it has another, its own.
  private func pixels(of row: Int, inOwnSize: Bool) -> RasterImage {
    let (height, width, channels) = (exampleShape[0], exampleShape[1], exampleShape[2])
    func image(_ pixels: [UInt8]) -> RasterImage {
      RasterImage(height: height, width: width, channelCount: channels, pixels: pixels)
    }
    switch values {
    case .elements: fatalError("numbers are no pixels")
    case .bytes(let bytes):
      return image(Array(bytes[row * exampleShape.elementCount..<(row + 1) * exampleShape.elementCount]))
    case .originals(let images):
      if inOwnSize { return images.image(row) }
      return image(images.fitted(row).elements.map { UInt8(max(0, min(255, $0.rounded()))) })
    }
  }

  /// - Parameter write: writes an example: gets what reads the values, the example's place and its row among them, and where to.
  private func gathered(
    _ indices: [Int], isParallel: Bool,
    writing write: (ExampleReader<Element>, _ place: Int, _ row: Int, UnsafeMutablePointer<Element>) -> Void
  ) -> Tensor<Element> {
    let size = exampleShape.elementCount
    return Tensor(shape: Shape([indices.count] + Array(exampleShape))) { result in
      guard let target = result.baseAddress, size > 0 else { return }
      withExampleReader { reader in
        func gather(_ place: Int) {
          let index = indices[place]
          require(index >= 0 && index < count, "example \(index) of \(count)")
          write(reader, place, rows?[index] ?? index, target + place * size)
        }
        if isParallel {
          Parallel.forEach(indices.count, gather)
        } else {
          for place in indices.indices { gather(place) }
        }
      }
    }
  }

  private func withExampleReader(_ body: (ExampleReader<Element>) -> Void) {
    let size = exampleShape.elementCount
    (standardization?.mean ?? []).withUnsafeBufferPointer { mean in
      (standardization?.scale ?? []).withUnsafeBufferPointer { scale in
        let numbers = standardization == nil ? nil : (mean: mean.baseAddress!, scale: scale.baseAddress!)
        switch values {
        case .elements(let tensor):
          tensor.withUnsafeElements {
            body(ExampleReader(values: .elements($0.baseAddress), standardization: numbers, size: size))
          }
        case .bytes(let bytes):
          bytes.withUnsafeBufferPointer {
            body(ExampleReader(values: .bytes($0.baseAddress), standardization: numbers, size: size))
          }
        case .originals(let images):
          body(ExampleReader(values: .originals(images), standardization: numbers, size: size))
        }
      }
    }
  }
}

/// Brings an example's numbers from where they lie to where they are wanted.
private struct ExampleReader<Element: TensorElement> {
  /// Where the values begin.
  enum Values {
    case elements(UnsafePointer<Element>?)
    case bytes(UnsafePointer<UInt8>?)
    case originals(OriginalImages)
  }

  let values: Values
  let standardization: (mean: UnsafePointer<Element>, scale: UnsafePointer<Element>)?
  /// How many elements an example has.
  let size: Int

  func read(_ row: Int, to target: UnsafeMutablePointer<Element>) {
    switch values {
    case .elements(let values): if let values { read(values + row * size, to: target) }
    case .bytes(let values): if let values { read(pixels: values + row * size, to: target) }
    case .originals(let images):
      let fitted: Tensor<Element> = images.fitted(row).converted()
      fitted.withUnsafeElements { read($0.baseAddress!, to: target) }
    }
  }

  private func read(_ values: UnsafePointer<Element>, to target: UnsafeMutablePointer<Element>) {
    guard let (mean, scale) = standardization else { return target.initialize(from: values, count: size) }
    standardize(values, mean, scale, count: size, to: target)
  }

  func read(pixels: UnsafePointer<UInt8>, to target: UnsafeMutablePointer<Element>) {
    guard let (mean, scale) = standardization else { return convert(pixels, count: size, to: target) }
    standardize(pixels, mean, scale, count: size, to: target)
  }
}

@specialized(where Element == Float)
@specialized(where Element == Double)
private func convert<Element: TensorElement>(
  _ values: UnsafePointer<UInt8>, count: Int, to result: UnsafeMutablePointer<Element>
) {
  for index in 0..<count { (result + index).initialize(to: Element(values[index])) }
}

@specialized(where Element == Float)
@specialized(where Element == Double)
private func standardize<Element: TensorElement>(
  _ values: UnsafePointer<UInt8>, _ mean: UnsafePointer<Element>, _ scale: UnsafePointer<Element>, count: Int,
  to result: UnsafeMutablePointer<Element>
) {
  for index in 0..<count {
    (result + index).initialize(to: (Element(values[index]) - mean[index]) / scale[index])
  }
}

@specialized(where Element == Float)
@specialized(where Element == Double)
private func standardize<Element: TensorElement>(
  _ values: UnsafePointer<Element>, _ mean: UnsafePointer<Element>, _ scale: UnsafePointer<Element>, count: Int,
  to result: UnsafeMutablePointer<Element>
) {
  for index in 0..<count { (result + index).initialize(to: (values[index] - mean[index]) / scale[index]) }
}
