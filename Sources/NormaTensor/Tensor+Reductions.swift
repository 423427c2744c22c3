/// Rows of one ticket of a sum over rows: fixed, so that the order of the additions depends on the shape alone.
private let rowsPerTicket = 512

extension Tensor {
  /// The sum of all elements, added up in double precision.
  public func sum() -> Element {
    withUnsafeElements { x in
      guard let x = x.baseAddress else { return 0 }
      return Element(NormaTensor.sum(x, count))
    }
  }

  /// The mean of all elements; NaN if there are none.
  public func mean() -> Element {
    withUnsafeElements { x in
      guard let x = x.baseAddress, count > 0 else { return .nan }
      return Element(NormaTensor.sum(x, count) / Double(count))
    }
  }

  /// The sum of each channel over all rows, added up in double precision: `[…, C] → [C]`.
  public func sumOverRows() -> Tensor {
    let channels = shape.channelCount
    let rows = shape.rowCount
    let tickets = Swift.max(1, (rows + rowsPerTicket - 1) / rowsPerTicket)
    let partial = Tensor<Double>(shape: [tickets, channels]) { sums in
      sums.initialize(repeating: 0)
      withUnsafeElements { x in
        guard let x = x.baseAddress, let sums = sums.baseAddress, rows > 0 else { return }
        Parallel.forEach(tickets) { ticket in
          let start = ticket * rowsPerTicket
          addRows(
            x + start * channels, rows: Swift.min(rowsPerTicket, rows - start), channels: channels,
            stride: channels, into: sums + ticket * channels)
        }
      }
    }
    guard tickets > 1 else { return partial.reshaped(to: [channels]).converted() }
    var total = partial[rows: 0..<1]
    for ticket in 1..<tickets { total += partial[rows: ticket..<ticket + 1] }
    return total.reshaped(to: [channels]).converted()
  }

  /// The sum of each row over its channels: `[…, C] → […, 1]`.
  public func sumOverChannels() -> Tensor {
    let channels = shape.channelCount
    let rows = shape.rowCount
    return Tensor(shape: shape.replacingLast(with: 1)) { result in
      withUnsafeElements { x in
        guard let x = x.baseAddress, let sums = result.baseAddress else { return }
        let rowsPerTicket = Swift.max(1, (1 << 15) / Swift.max(1, channels))
        Parallel.forEach((rows + rowsPerTicket - 1) / rowsPerTicket) { ticket in
          for row in ticket * rowsPerTicket..<Swift.min(rows, (ticket + 1) * rowsPerTicket) {
            sums[row] = Element(NormaTensor.sum(x + row * channels, channels))
          }
        }
      }
    }
  }

  /// The sum over some axes, added up in double precision: of the shape of the other axes, in their order. Axes count from the end
  /// where they are negative.
  ///
  /// A sum that the first axis has no part in is a matter of its place on that axis alone, to the bit.
  public func sum(over axes: some Collection<Int>) -> Tensor {
    let axes = Set(axes.map(shape.axis)).sorted()
    let others = (0..<rank).filter { !axes.contains($0) }
    let newShape = Shape(others.map { shape[$0] })
    guard let first = axes.first, let last = axes.last else { return self }
    guard last - first + 1 == axes.count else {
      // Brought behind the others, they are next to each other.
      return transposed(others + axes).sum(over: others.count..<rank)
    }
    let count = axes.reduce(1) { $0 * shape[$1] }
    let inner = shape[(last + 1)...].reduce(1, *)
    if inner == 1 { return reshaped(to: [newShape.elementCount, count]).sumOverChannels().reshaped(to: newShape) }
    if first == 0 { return reshaped(to: [count, inner]).sumOverRows().reshaped(to: newShape) }
    return reshaped(to: [newShape.elementCount / Swift.max(1, inner), count, inner]).sumOverMiddle()
      .reshaped(to: newShape)
  }

  /// `[outer, count, inner] → [outer, inner]`.
  private func sumOverMiddle() -> Tensor {
    let (outer, count, inner) = (shape[0], shape[1], shape[2])
    return Tensor(shape: [outer, inner]) { result in
      withUnsafeElements { x in
        guard let x = x.baseAddress, let y = result.baseAddress else { return }
        let outerPerTicket = Swift.max(1, (1 << 15) / Swift.max(1, count * inner))
        Parallel.forEach((outer + outerPerTicket - 1) / outerPerTicket) { ticket in
          withScratch(inner, of: Double.self) { sums in
            for index in ticket * outerPerTicket..<Swift.min(outer, (ticket + 1) * outerPerTicket) {
              sums.initialize(repeating: 0, count: inner)
              addRows(x + index * count * inner, rows: count, channels: inner, stride: inner, into: sums)
              convertElements(sums, to: y + index * inner, count: inner)
            }
          }
        }
      }
    }
  }

  /// The sum of the squares of all elements.
  public func sumOfSquares() -> Element { applying(.square).sum() }

  /// The smallest element; nil if there are none. NaNs are passed over.
  public func minimum() -> Element? { extremes?.minimum }

  /// The largest element; nil if there are none. NaNs are passed over.
  public func maximum() -> Element? { extremes?.maximum }

  private var extremes: (minimum: Element, maximum: Element)? {
    withUnsafeElements { x in x.baseAddress.flatMap { NormaTensor.extremes($0, count) } }
  }

  /// The position of each row's largest element, the first of equals: `[R, C] → R` indices. NaNs are passed over.
  public func indicesOfMaximaOverChannels() -> [Int] {
    let channels = shape.channelCount
    return withUnsafeElements { x in
      (0..<shape.rowCount).map { row in
        var best = 0
        for channel in 1..<Swift.max(1, channels) where !(x[row * channels + channel] <= x[row * channels + best]) {
          if !x[row * channels + channel].isNaN { best = channel }
        }
        return best
      }
    }
  }

  /// Whether every element is finite.
  public var isFinite: Bool { withUnsafeElements { areFinite($0) } }
}

@specialized(where Element == Float)
@specialized(where Element == Double)
private func areFinite<Element: TensorElement>(_ elements: UnsafeBufferPointer<Element>) -> Bool {
  for element in elements where !element.isFinite { return false }
  return true
}
