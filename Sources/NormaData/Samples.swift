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
    return gathered(range)
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
  func gathered(_ indices: some Collection<Int>) -> Tensor<Element> {
    gathered(indices) { reader, row, target in reader.read(row, to: target) }
  }

  /// The numbers of the given examples, `[indices.count, …]`, each changed.
  ///
  /// - Parameter change: gets the numbers of an example, and the place where those of the changed one belong.
  func gathered(
    _ indices: some Collection<Int>, changing change: (UnsafePointer<Element>, UnsafeMutablePointer<Element>) -> Void
  ) -> Tensor<Element> {
    withUnsafeTemporaryAllocation(of: Element.self, capacity: max(1, exampleShape.elementCount)) { example in
      gathered(indices) { reader, row, target in
        reader.read(row, to: example.baseAddress!)
        change(example.baseAddress!, target)
      }
    }
  }

  /// - Parameter write: writes an example: gets what reads the values, the example's row among them, and the place.
  private func gathered(
    _ indices: some Collection<Int>, writing write: (ExampleReader<Element>, Int, UnsafeMutablePointer<Element>) -> Void
  ) -> Tensor<Element> {
    let size = exampleShape.elementCount
    return Tensor(shape: Shape([indices.count] + Array(exampleShape))) { result in
      guard var target = result.baseAddress, size > 0 else { return }
      withExampleReader { reader in
        for index in indices {
          require(index >= 0 && index < count, "example \(index) of \(count)")
          write(reader, rows?[index] ?? index, target)
          target += size
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
            body(ExampleReader(elements: $0.baseAddress, bytes: nil, standardization: numbers, size: size))
          }
        case .bytes(let bytes):
          bytes.withUnsafeBufferPointer {
            body(ExampleReader(elements: nil, bytes: $0.baseAddress, standardization: numbers, size: size))
          }
        }
      }
    }
  }
}

/// Brings an example's numbers from where they lie to where they are wanted.
private struct ExampleReader<Element: TensorElement> {
  /// One of the two: where the values begin.
  let elements: UnsafePointer<Element>?
  let bytes: UnsafePointer<UInt8>?
  let standardization: (mean: UnsafePointer<Element>, scale: UnsafePointer<Element>)?
  /// How many elements an example has.
  let size: Int

  func read(_ row: Int, to target: UnsafeMutablePointer<Element>) {
    switch (elements.map { $0 + row * size }, bytes.map { $0 + row * size }, standardization) {
    case (let values?, _, nil): target.initialize(from: values, count: size)
    case (let values?, _, let (mean, scale)?): standardize(values, mean, scale, count: size, to: target)
    case (nil, let values?, nil): convert(values, count: size, to: target)
    case (nil, let values?, let (mean, scale)?): standardize(values, mean, scale, count: size, to: target)
    case (nil, nil, _): break
    }
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
