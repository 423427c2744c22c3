import NormaTensor

/// An index that an embedding has no vector for.
public struct EmbeddingIndexError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What stands for the index: too small, too large, or no whole number.
  public let value: Double
  /// Its place among the batch's indices, in row-major order.
  public let position: Int
  /// How many vectors there are: 0 to one less are their indices.
  public let count: Int

  /// An error about an index.
  public init(value: Double, position: Int, count: Int) {
    self.value = value
    self.position = position
    self.count = count
  }

  public var description: String {
    let text = value == value.rounded(.towardZero) && abs(value) < 0x1p53 ? "\(Int(value))" : "\(value)"
    return "\(text), number \(position) of the batch, is no index of an embedding of \(count) vectors"
  }

  public static func == (left: EmbeddingIndexError, right: EmbeddingIndexError) -> Bool {
    left.value.bitPattern == right.value.bitPattern && left.position == right.position && left.count == right.count
  }
}

/// Vectors by their indices: indices `[…]`, whole numbers, and a table `[count, width]` → `[…, width]`.
package struct EmbeddingOperation<Element: TensorElement>: TensorOperation {
  package typealias Failure = EmbeddingIndexError

  package var name: String { "embedding" }
  package var rule: String { "∂{1} = Σ ∂{} over the places of each index" }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    let (indices, table) = (inputs[0], inputs[1])
    guard table.rank == 2, (1..<Shape.maximumRank).contains(indices.rank) else {
      throw ShapeError(expected: "indices [batch, …] of at most \(Shape.maximumRank - 1) axes", found: indices)
    }
    return Shape(indices + [table[1]])
  }

  package func forward(
    _ inputs: [Tensor<Element>]
  ) throws(EmbeddingIndexError) -> (output: Tensor<Element>, saved: Tensor<Element>) {
    let (indices, table) = (inputs[0], inputs[1])
    let places = try Self.places(indices, count: table.shape[0])
    let vectors = table.gathering(rows: places)
    return (vectors.reshaped(to: Shape(indices.shape + [table.shape[1]])), indices)
  }

  private static func places(_ indices: Tensor<Element>, count: Int) throws(EmbeddingIndexError) -> [Int] {
    let limit = Element(count)
    var places: [Int] = []
    places.reserveCapacity(indices.count)
    for (position, index) in indices.elements.enumerated() {
      guard index >= 0, index < limit, index == index.rounded(.towardZero) else {
        throw EmbeddingIndexError(value: Double(index), position: position, count: count)
      }
      places.append(Int(index))
    }
    return places
  }

  package func kept(for needs: Needs) -> KeptTensors { [] }

  /// The indices are saved as they are, which are the batch's own memory: kept, they might be rounded.
  package func backward(
    _ g: Tensor<Element>, _ kept: Kept<Element>, saved indices: Tensor<Element>
  ) -> [Tensor<Element>?] {
    guard kept.needs[1] else { return [nil, nil] }
    return [nil, g.addingUpRows(indices.elements.map { Int($0) }, shape: kept.shape(1))]
  }

  package func backward(
    _ g: Variable<Element>, _ kept: KeptVariables<Element>, saved indices: Tensor<Element>
  ) -> [Variable<Element>?] {
    guard kept.needs[1] else { return [nil, nil] }
    let places = indices.elements.map { Int($0) }
    let rows = g.reshaped(to: [places.count, g.shape.channelCount])
    return [nil, rows.applyingAdjoint(of: GatherOperation(indices: places, axis: 0), inputShape: kept.shape(1))]
  }

  package var isPerSample: Bool { true }
}

extension Tensor {
  /// A table `[count, width]` to whose rows of the given places this tensor's rows are added, in their order.
  fileprivate func addingUpRows(_ places: [Int], shape table: Shape) -> Tensor {
    let width = table[1]
    let columns = 64
    return Tensor(shape: table) { sums in
      sums.initialize(repeating: 0)
      withUnsafeElements { rows in
        guard let rows = rows.baseAddress, let sums = sums.baseAddress else { return }
        // Cut by columns, so that no two threads add to the same sum.
        Parallel.forEach((width + columns - 1) / columns) { ticket in
          let first = ticket * columns
          addRows(rows + first, to: sums + first, places, count: Swift.min(columns, width - first), stride: width)
        }
      }
    }
  }
}

@specialized(where Element == Float)
@specialized(where Element == Double)
private func addRows<Element: TensorElement>(
  _ rows: UnsafePointer<Element>, to sums: UnsafeMutablePointer<Element>, _ places: [Int], count: Int, stride: Int
) {
  for (row, place) in places.enumerated() {
    let (values, sums) = (rows + row * stride, sums + place * stride)
    for column in 0..<count { sums[column] += values[column] }
  }
}

extension Variable {
  /// The vectors that this variable's elements are indices of: indices `[…]`, whole numbers, and a table `[count, width]` →
  /// `[…, width]`. Indices have no gradient; that of the table adds up, for each vector, those of its places in their order.
  ///
  /// - Throws: ``EmbeddingIndexError`` for what is no index.
  public func embedded(in table: Variable) throws(EmbeddingIndexError) -> Variable {
    try Graph.apply(EmbeddingOperation(), to: [self, table]).output
  }
}
