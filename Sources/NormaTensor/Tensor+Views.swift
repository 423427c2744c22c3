// Views share memory with the tensor they come from.

extension Tensor {
  /// The same elements under another shape with as many.
  public func reshaped(to shape: Shape) -> Tensor {
    require(shape.elementCount == count, "a tensor of shape \(self.shape) cannot become \(shape)")
    return Tensor(shape: shape, storage: storage, offset: offset)
  }

  /// Everything after the first axis in one: `[N, …] → [N, product of the rest]`.
  public func flattened() -> Tensor {
    require(rank > 0, "a scalar cannot be flattened")
    let rest = shape.dropFirst().reduce(1, *)
    return reshaped(to: [shape[0], rest])
  }

  /// A slice of the leading axis: `[N, …] → [range.count, …]`.
  public subscript(rows range: Range<Int>) -> Tensor {
    require(
      rank > 0 && range.lowerBound >= 0 && range.upperBound <= shape[0],
      "rows \(range) of a tensor of shape \(shape)")
    let stride = shape.dropFirst().reduce(1, *)
    return Tensor(
      shape: shape.replacingFirst(with: range.count), storage: storage, offset: offset + range.lowerBound * stride)
  }

  /// The given rows of the leading axis, copied in that order: `[N, …] → [indices.count, …]`.
  public func gathering(rows indices: some Collection<Int>) -> Tensor {
    require(rank > 0, "a scalar has no rows")
    let stride = shape.dropFirst().reduce(1, *)
    let rowCount = shape[0]
    return Tensor(shape: shape.replacingFirst(with: indices.count)) { result in
      withUnsafeElements { source in
        guard let from = source.baseAddress, var to = result.baseAddress else { return }
        for index in indices {
          require(index >= 0 && index < rowCount, "row \(index) of a tensor of shape \(shape)")
          to.initialize(from: from + index * stride, count: stride)
          to += stride
        }
      }
    }
  }

  /// Tensors of the same trailing shape, one after the other along the leading axis.
  public static func concatenating(rows tensors: [Tensor]) -> Tensor {
    require(!tensors.isEmpty, "nothing to concatenate")
    let first = tensors[0].shape
    for tensor in tensors {
      require(
        tensor.shape.dropFirst().elementsEqual(first.dropFirst()),
        "a tensor of shape \(tensor.shape) cannot follow one of shape \(first)")
    }
    return Tensor(shape: first.replacingFirst(with: tensors.reduce(0) { $0 + $1.shape[0] })) { result in
      var position = 0
      for tensor in tensors {
        tensor.withUnsafeElements { source in
          guard let from = source.baseAddress else { return }
          (result.baseAddress! + position).initialize(from: from, count: source.count)
        }
        position += tensor.count
      }
    }
  }

  /// The axes in another order, copied: `axes[i]` names the axis of this tensor that becomes axis `i`.
  public func transposed(_ axes: [Int]) -> Tensor {
    require(axes.sorted() == Array(0..<rank), "axes \(axes) do not permute a tensor of shape \(shape)")
    var strides = [Int](repeating: 1, count: rank)
    for axis in stride(from: rank - 2, through: 0, by: -1) { strides[axis] = strides[axis + 1] * shape[axis + 1] }
    let newShape = Shape(axes.map { shape[$0] })
    let steps = axes.map { strides[$0] }
    guard count > 0, rank > 0 else { return reshaped(to: newShape) }
    let inner = newShape[rank - 1]
    let innerStep = steps[rank - 1]
    let lines = inner == 0 ? 0 : count / inner
    let linesPerTicket = Swift.max(1, (1 << 14) / Swift.max(1, inner))
    return Tensor(shape: newShape) { result in
      withUnsafeElements { source in
        Parallel.forEach((lines + linesPerTicket - 1) / linesPerTicket) { ticket in
          let first = ticket * linesPerTicket
          var index = [Int](repeating: 0, count: rank)
          var base = 0
          var rest = first
          for axis in stride(from: rank - 2, through: 0, by: -1) {
            (rest, index[axis]) = rest.quotientAndRemainder(dividingBy: newShape[axis])
            base += index[axis] * steps[axis]
          }
          for line in first..<Swift.min(lines, first + linesPerTicket) {
            copyStrided(
              source.baseAddress! + base, step: innerStep, to: result.baseAddress! + line * inner, count: inner)
            var axis = rank - 2
            while axis >= 0 {
              index[axis] += 1
              base += steps[axis]
              if index[axis] < newShape[axis] { break }
              base -= steps[axis] * newShape[axis]
              index[axis] = 0
              axis -= 1
            }
          }
        }
      }
    }
  }
}
