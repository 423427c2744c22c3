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
            into: sums + ticket * channels)
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
        for row in 0..<rows {
          result[row] = channels == 0 ? 0 : Element(NormaTensor.sum(x.baseAddress! + row * channels, channels))
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
  public var isFinite: Bool { withUnsafeElements { $0.allSatisfy(\.isFinite) } }
}
