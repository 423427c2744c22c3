/// Elements of one ticket of an element-wise loop; fewer are not worth sharing.
private let elementsPerTicket = 1 << 16

extension Tensor {
  /// Applies a function to each element.
  public func applying(_ operation: UnaryOperation<Element>) -> Tensor {
    Tensor(shape: shape) { result in
      withUnsafeElements { x in
        guard let x = x.baseAddress, let y = result.baseAddress else { return }
        let count = result.count
        Parallel.forEach((count + elementsPerTicket - 1) / elementsPerTicket) { ticket in
          let start = ticket * elementsPerTicket
          applyUnary(operation, x + start, y + start, Swift.min(elementsPerTicket, count - start))
        }
      }
    }
  }

  /// Combines each element with one of `other`: of the same shape, or one per channel `[C]`, or one per row.
  public func applying(
    _ operation: BinaryOperation<Element>, _ other: Tensor, broadcast: Broadcast = .none
  ) -> Tensor {
    let rows = shape.rowCount
    let channels = shape.channelCount
    switch broadcast {
    case .none: precondition(other.shape == shape, "\(operation) of shapes \(shape) and \(other.shape)")
    case .perChannel:
      precondition(other.count == channels, "\(operation) of shape \(shape) and one of \(other.shape) per channel")
    case .perRow: precondition(other.count == rows, "\(operation) of shape \(shape) and one of \(other.shape) per row")
    }
    return Tensor(shape: shape) { result in
      withUnsafeElements { a in
        other.withUnsafeElements { b in
          guard let a = a.baseAddress, let b = b.baseAddress, let y = result.baseAddress else { return }
          if broadcast == .none {
            let count = result.count
            Parallel.forEach((count + elementsPerTicket - 1) / elementsPerTicket) { ticket in
              let start = ticket * elementsPerTicket
              applyBinary(operation, a + start, b + start, y + start, Swift.min(elementsPerTicket, count - start))
            }
          } else {
            let rowsPerTicket = Swift.max(1, elementsPerTicket / Swift.max(1, channels))
            Parallel.forEach((rows + rowsPerTicket - 1) / rowsPerTicket) { ticket in
              for row in ticket * rowsPerTicket..<Swift.min(rows, (ticket + 1) * rowsPerTicket) {
                let start = row * channels
                if broadcast == .perChannel {
                  applyBinary(operation, a + start, b, y + start, channels)
                } else {
                  applyBinary(operation, a + start, scalar: b[row], y + start, channels)
                }
              }
            }
          }
        }
      }
    }
  }

  /// The sum, element by element, of tensors of the same shape.
  public static func + (left: Tensor, right: Tensor) -> Tensor { left.applying(.add, right) }
  /// The difference, element by element, of tensors of the same shape.
  public static func - (left: Tensor, right: Tensor) -> Tensor { left.applying(.subtract, right) }
  /// The product, element by element, of tensors of the same shape.
  public static func * (left: Tensor, right: Tensor) -> Tensor { left.applying(.multiply, right) }
  /// The quotient, element by element, of tensors of the same shape.
  public static func / (left: Tensor, right: Tensor) -> Tensor { left.applying(.divide, right) }
  /// Each element multiplied by a number.
  public static func * (left: Element, right: Tensor) -> Tensor { right.applying(.scale(left)) }
  /// Each element with a number added.
  public static func + (left: Tensor, right: Element) -> Tensor { left.applying(.offset(right)) }
  /// Each element with its sign changed.
  public static prefix func - (tensor: Tensor) -> Tensor { tensor.applying(.negate) }

  /// Adds another tensor of the same shape in place.
  public static func += (left: inout Tensor, right: Tensor) {
    precondition(left.shape == right.shape, "adding shape \(right.shape) to \(left.shape)")
    left.withUnsafeMutableElements { y in
      right.withUnsafeElements { x in
        guard let x = x.baseAddress, let y = y.baseAddress else { return }
        accumulate(x, into: y, right.count)
      }
    }
  }
}
