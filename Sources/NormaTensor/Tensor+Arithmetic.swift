/// Elements of one ticket of an element-wise loop; fewer are not worth sharing.
private let elementsPerTicket = 1 << 16

extension Tensor {
  /// Applies a function to each element.
  @specialized(where Element == Float)
  public func applying(_ operation: UnaryOperation<Element>) -> Tensor {
    Tensor(shape: shape) { result in
      withUnsafeElements { x in
        guard let x = x.baseAddress, let y = result.baseAddress else { return }
        applyToTickets(operation, x, y, count)
      }
    }
  }

  /// Applies a function to each element: in place, unless another tensor shares the elements.
  @specialized(where Element == Float)
  public mutating func apply(_ operation: UnaryOperation<Element>) {
    guard isKnownUniquelyReferenced(&storage) else {
      self = applying(operation)
      return
    }
    withUnsafeMutableElements { y in
      guard let address = y.baseAddress else { return }
      applyToTickets(operation, address, address, y.count)
    }
  }

  /// Combines each element with one of `other`: of the same shape, or one per channel `[C]`, one per row, or one per sample and
  /// channel `[N, C]`.
  @specialized(where Element == Float)
  public func applying(
    _ operation: BinaryOperation<Element>, _ other: Tensor, broadcast: Broadcast = .none
  ) -> Tensor {
    let rows = shape.rowCount
    let channels = shape.channelCount
    switch broadcast {
    case .none: require(other.shape == shape, "\(operation) of shapes \(shape) and \(other.shape)")
    case .perChannel:
      require(other.count == channels, "\(operation) of shape \(shape) and one of \(other.shape) per channel")
    case .perRow: require(other.count == rows, "\(operation) of shape \(shape) and one of \(other.shape) per row")
    case .perSample:
      require(
        rank >= 2 && other.shape == [shape[0], channels],
        "\(operation) of shape \(shape) and one of \(other.shape) per sample and channel")
    }
    return Tensor(shape: shape) { result in
      withUnsafeElements { a in
        other.withUnsafeElements { b in
          guard let a = a.baseAddress, let b = b.baseAddress, let y = result.baseAddress else { return }
          if broadcast == .none {
            let count = result.count
            let elementsPerTicket = operation.isElementary ? elementsPerTicket / 8 : elementsPerTicket
            Parallel.forEach((count + elementsPerTicket - 1) / elementsPerTicket) { ticket in
              let start = ticket * elementsPerTicket
              let length = Swift.min(elementsPerTicket, count - start)
              if !applyOnKernels(operation, a + start, b + start, y + start, length) {
                applyBinary(operation, a + start, b + start, y + start, length)
              }
            }
          } else {
            applyToRows(operation, a, b, y, rows: rows, channels: channels, broadcast: broadcast)
          }
        }
      }
    }
  }

  @specialized(where Element == Float)
  private func applyToRows(
    _ operation: BinaryOperation<Element>, _ a: UnsafePointer<Element>, _ b: UnsafePointer<Element>,
    _ y: UnsafeMutablePointer<Element>, rows: Int, channels: Int, broadcast: Broadcast
  ) {
    guard rows > 0, channels > 0 else { return }
    if broadcast == .perSample {
      let (positions, rowsPerTicket) = (rows / shape[0], Swift.max(1, elementsPerTicket / channels))
      return Parallel.forEach((rows + rowsPerTicket - 1) / rowsPerTicket) { ticket in
        for row in ticket * rowsPerTicket..<Swift.min(rows, (ticket + 1) * rowsPerTicket) {
          let start = row * channels
          applyBinary(operation, a + start, b + row / positions * channels, y + start, channels)
        }
      }
    }
    // Few channels are written several times side by side, so that one call does many rows.
    let rowsPerCall = broadcast == .perChannel ? Swift.min(rows, Swift.max(1, 256 / channels)) : 1
    let width = rowsPerCall * channels
    let wide = Tensor(shape: [rowsPerCall > 1 ? rowsPerCall : 0, channels]) { wide in
      guard let wide = wide.baseAddress, rowsPerCall > 1 else { return }
      for row in 0..<rowsPerCall { (wide + row * channels).initialize(from: b, count: channels) }
    }
    let calls = (rows + rowsPerCall - 1) / rowsPerCall
    let callsPerTicket = Swift.max(1, elementsPerTicket / width)
    wide.withUnsafeElements { wide in
      let vector = rowsPerCall > 1 ? wide.baseAddress! : b
      Parallel.forEach((calls + callsPerTicket - 1) / callsPerTicket) { ticket in
        for call in ticket * callsPerTicket..<Swift.min(calls, (ticket + 1) * callsPerTicket) {
          let start = call * width
          if broadcast == .perChannel {
            applyBinary(operation, a + start, vector, y + start, Swift.min(width, rows * channels - start))
          } else {
            applyBinary(operation, a + start, scalar: b[call], y + start, channels)
          }
        }
      }
    }
  }

  /// The sum with a tensor of the same shape, and ReLU if `rectifies`.
  @specialized(where Element == Float)
  package func adding(_ other: Tensor, rectifies: Bool) -> Tensor {
    guard rectifies else { return self + other }
    require(shape == other.shape, "adding shape \(other.shape) to \(shape)")
    return Tensor(shape: shape) { result in
      withUnsafeElements { a in
        other.withUnsafeElements { b in
          guard let a = a.baseAddress, let b = b.baseAddress, let y = result.baseAddress else { return }
          addTickets(a, b, y, count, rectifies: true)
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
  /// Each element with a number added.
  public static func + (left: Tensor, right: Element) -> Tensor { left.applying(.offset(right)) }
  /// Each element with a number added.
  public static func + (left: Element, right: Tensor) -> Tensor { right.applying(.offset(left)) }
  /// Each element less a number.
  public static func - (left: Tensor, right: Element) -> Tensor { left.applying(.offset(-right)) }
  /// A number less each element.
  public static func - (left: Element, right: Tensor) -> Tensor { right.applying(.subtracted(from: left)) }
  /// Each element multiplied by a number.
  public static func * (left: Tensor, right: Element) -> Tensor { left.applying(.scale(right)) }
  /// Each element multiplied by a number.
  public static func * (left: Element, right: Tensor) -> Tensor { right.applying(.scale(left)) }
  /// Each element divided by a number.
  public static func / (left: Tensor, right: Element) -> Tensor { left.applying(.divided(by: right)) }
  /// A number divided by each element.
  public static func / (left: Element, right: Tensor) -> Tensor { right.applying(.dividing(left)) }
  /// Each element with its sign changed.
  public static prefix func - (tensor: Tensor) -> Tensor { tensor.applying(.negate) }

  /// Adds another tensor of the same shape: in place, unless another tensor shares the elements.
  public static func += (left: inout Tensor, right: Tensor) {
    require(left.shape == right.shape, "adding shape \(right.shape) to \(left.shape)")
    guard isKnownUniquelyReferenced(&left.storage) else {
      left = left + right
      return
    }
    left.withUnsafeMutableElements { y in
      right.withUnsafeElements { x in
        guard let x = x.baseAddress, let y = y.baseAddress else { return }
        addTickets(y, x, y, right.count, rectifies: false)
      }
    }
  }
}

/// Applies a function to contiguous elements, shared among threads; y may be x.
@specialized(where Element == Float)
@specialized(where Element == Double)
private func applyToTickets<Element: TensorElement>(
  _ operation: UnaryOperation<Element>, _ x: UnsafePointer<Element>, _ y: UnsafeMutablePointer<Element>, _ count: Int
) {
  let elementsPerTicket = operation.isElementary ? elementsPerTicket / 8 : elementsPerTicket
  Parallel.forEach((count + elementsPerTicket - 1) / elementsPerTicket) { ticket in
    let start = ticket * elementsPerTicket
    apply(operation, x + start, y + start, Swift.min(elementsPerTicket, count - start))
  }
}

/// `y = a + b`, and ReLU if `rectifies`; y may be a.
private func addTickets<Element: TensorElement>(
  _ a: UnsafePointer<Element>, _ b: UnsafePointer<Element>, _ y: UnsafeMutablePointer<Element>, _ count: Int,
  rectifies: Bool
) {
  Parallel.forEach((count + elementsPerTicket - 1) / elementsPerTicket) { ticket in
    let start = ticket * elementsPerTicket
    let length = Swift.min(elementsPerTicket, count - start)
    if let kernels = Element.kernels {
      kernels.table.pointee.add(kernels(a + start), kernels(b + start), kernels(y + start), length, rectifies)
    } else {
      applyBinary(.add, a + start, b + start, y + start, length)
      if rectifies { applyUnary(.leakyReLU(slope: 0), y + start, y + start, length) }
    }
  }
}

/// Applies a function to contiguous elements on the calling thread; y may be x.
@specialized(where Element == Float)
@specialized(where Element == Double)
package func apply<Element: TensorElement>(
  _ operation: UnaryOperation<Element>, _ x: UnsafePointer<Element>, _ y: UnsafeMutablePointer<Element>, _ count: Int
) {
  if !applyOnKernels(operation, x, y, count) { applyUnary(operation, x, y, count) }
}

/// What of an operation the kernels do; false where the plain loops are to do it.
@inline(__always)
private func applyOnKernels<Element: TensorElement>(
  _ operation: UnaryOperation<Element>, _ x: UnsafePointer<Element>, _ y: UnsafeMutablePointer<Element>, _ count: Int
) -> Bool {
  guard let kernels = Element.kernels else { return false }
  switch operation {
  case .exponential: kernels.table.pointee.exponential(kernels(x), kernels(y), count)
  case .logarithm: kernels.table.pointee.logarithm(kernels(x), kernels(y), count)
  case .sigmoid: kernels.table.pointee.sigmoid(kernels(x), kernels(y), count)
  case .hyperbolicTangent: kernels.table.pointee.hyperbolic_tangent(kernels(x), kernels(y), count)
  case .clamp(let bounds):
    let (lower, upper) = (Float(bounds.lowerBound), Float(bounds.upperBound))
    kernels.table.pointee.clamp(kernels(x), kernels(y), count, lower, upper)
  case .scale(let factor): kernels.table.pointee.scale(kernels(x), kernels(y), count, Float(factor))
  default: return false
  }
  return true
}

/// What of an operation the kernels do; false where the plain loops are to do it.
private func applyOnKernels<Element: TensorElement>(
  _ operation: BinaryOperation<Element>, _ a: UnsafePointer<Element>, _ b: UnsafePointer<Element>,
  _ y: UnsafeMutablePointer<Element>, _ count: Int
) -> Bool {
  guard let kernels = Element.kernels else { return false }
  switch operation {
  case .add: kernels.table.pointee.add(kernels(a), kernels(b), kernels(y), count, false)
  case .leakyReLUGradient(slope: 0): kernels.table.pointee.rectify_gradient(kernels(a), kernels(b), kernels(y), count)
  default: return false
  }
  return true
}

/// `mean += weight · (x − mean)` for contiguous elements, on the calling thread.
package func approach<Element: TensorElement>(
  _ mean: UnsafeMutablePointer<Element>, _ x: UnsafePointer<Element>, _ count: Int, weight: Element
) {
  if let kernels = Element.kernels {
    kernels.table.pointee.approach(kernels(mean), kernels(x), count, Float(weight))
  } else {
    approachLoop(mean, x, count, weight: weight)
  }
}

/// Adds each of some rows, which stand `stride` elements apart, to the sums of their channels, on the calling thread.
package func addRows<Element: TensorElement>(
  _ x: UnsafePointer<Element>, rows: Int, channels: Int, stride: Int, into sums: UnsafeMutablePointer<Double>
) {
  if let kernels = Element.kernels {
    kernels.table.pointee.sum_rows(kernels(x), stride, rows, channels, sums)
  } else {
    addRowsLoop(x, rows: rows, channels: channels, stride: stride, into: sums)
  }
}

/// The sum of the squares of contiguous elements in double precision, on the calling thread.
package func sumOfSquares<Element: TensorElement>(_ x: UnsafePointer<Element>, _ count: Int) -> Double {
  if let kernels = Element.kernels { return kernels.table.pointee.sum_of_squares(kernels(x), count) }
  return sumOfSquaresLoop(x, count)
}
