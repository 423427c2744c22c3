import NormaGraph
import NormaLayers
import NormaTensor

extension NodeCall {
  /// `Gemm`: `alpha · A · B + beta · C`; by weights that are known, a linear map.
  func gemm() throws(ONNXError) -> [Translation.Value]? {
    let (transposesA, transposesB) = (try first.integer("transA", or: 0) != 0, try first.integer("transB", or: 0) != 0)
    var a = try plain(0)
    let b = try plain(1)
    let (x, y) = (shape(a), shape(b))
    guard x.rank == 2, y.rank == 2, x[transposesA ? 0 : 1] == y[transposesB ? 1 : 0] else {
      throw malformed("no product of shapes \(x) and \(y)")
    }
    if transposesA { a = try emit(a) { $0[0].transposed([1, 0]) } }
    let (alpha, beta) = (try first.number("alpha", or: 1), try first.number("beta", or: 1))
    let outputs = y[transposesB ? 0 : 1]
    guard isKnown(1) else {
      var product = try emit(a, b) { $0[0].matrixProduct($0[1], transposingOther: transposesB) }
      if alpha != 1 { product = try emit(product) { alpha * $0[0] } }
      return [.computed(try adding(beta, to: product))]
    }
    let weight = transposesB ? b : try emit(b) { $0[0].transposed([1, 0]) }
    if alpha == 1, beta == 1, has(2), isKnown(2) {
      let bias = try plain(2, .bias)
      if shape(bias).elementCount == outputs, shape(bias).last == outputs {
        let vector = try translation.reshape(bias, to: translation.batchSizes.map { _ in [outputs] })
        return [.computed(try emit(a, weight, vector) { $0[0].linear(weight: $0[1], bias: $0[2]) })]
      }
    }
    var product = try emit(a, weight) { $0[0].linear(weight: $0[1], bias: nil) }
    if alpha != 1 { product = try emit(product) { alpha * $0[0] } }
    return [.computed(try adding(beta, to: product))]
  }

  /// A product with the third input, if there is one.
  private func adding(_ beta: Float, to product: Translation.Computed) throws(ONNXError) -> Translation.Computed {
    guard has(2), beta != 0 else { return product }
    var addend = try plain(2, .bias)
    guard commonShape(shape(addend), shape(product)) == Array(shape(product)) else {
      throw malformed("C of shape \(shape(addend)) does not fit \(shape(product))")
    }
    if beta != 1 { addend = try emit(addend) { beta * $0[0] } }
    return try combined(product, addend, .add)
  }

  /// `MatMul` by NumPy's rules; by a matrix that is known, a linear map.
  func matrixProduct() throws(ONNXError) -> [Translation.Value]? {
    let (left, right) = (try computed(0), try computed(1))
    guard isOfFloats(left), isOfFloats(right) else { return nil }
    let (x, y) = (shape(left), shape(right))
    guard x.rank >= 2, y.rank >= 2 else { return nil }
    guard x[x.rank - 1] == y[y.rank - 2] else { throw malformed("no product of shapes \(x) and \(y)") }
    if isKnown(1), y.rank == 2 {
      let rows = try plain(0)
      let weight = try emit(try plain(1)) { $0[0].transposed([1, 0]) }
      return [.computed(try emit(rows, weight) { $0[0].linear(weight: $0[1], bias: nil) })]
    }
    let rank = max(x.rank, y.rank)
    var (a, transposesA) = try asMatrices(try widened(left, to: rank))
    var (b, transposesB) = try asMatrices(try widened(right, to: rank))
    let shapes = zip(translation.shapes(a), translation.shapes(b))
    for (x, y) in shapes where commonShape(Shape(x.dropLast(2)), Shape(y.dropLast(2))) == nil {
      throw malformed("no product of shapes \(x) and \(y)")
    }
    if !shapes.allSatisfy({ $0.dropLast(2).elementsEqual($1.dropLast(2)) }) {
      // What is repeated is repeated along the axes before the matrices alone.
      (a, transposesA) = (try translation.plain(a), false)
      (b, transposesB) = (try translation.plain(b), false)
      @Sendable func marks(_ x: Variable<Float>) -> Variable<Float> {
        x.sliced(0..<1, axis: rank - 1).sliced(0..<1, axis: rank - 2)
      }
      let (first, second) = (a, b)
      a = try emit(first, second) { $0[0].broadcast(with: marks($0[1])) }
      b = try emit(second, first) { $0[0].broadcast(with: marks($0[1])) }
    }
    let (isLeft, isRight) = (transposesA, transposesB)
    return [
      .computed(
        try emit(a, b, order: Array(0..<rank)) {
          $0[0].matrixProduct($0[1], transposingSelf: isLeft, transposingOther: isRight)
        })
    ]
  }

  /// The same value with its matrices in the last two axes as they are stored, and whether they are transposed there.
  private func asMatrices(
    _ value: Translation.Computed
  ) throws(ONNXError) -> (value: Translation.Computed, isTransposed: Bool) {
    let rank = value.order.count
    var swapped = Array(0..<rank)
    swapped.swapAt(rank - 1, rank - 2)
    if value.order == swapped { return (value, true) }
    return (try translation.plain(value), false)
  }

  /// `Softmax` and `LogSoftmax`: over one axis; before version 13 over all from one on.
  func softmax(
    _ overChannels: @escaping @Sendable (Variable<Float>) -> Variable<Float>
  ) throws(ONNXError) -> [Translation.Value]? {
    let x = try computed(0)
    guard isOfFloats(x) else { return nil }
    let rank = x.order.count
    let axis = try first.axis(try first.integer("axis", or: version < 13 ? 1 : -1), rank: rank)
    if version < 13 && axis != rank - 1 {
      let plain = try translation.plain(x)
      let shapes = translation.storedShapes(plain)
      let rows = try translation.reshape(
        plain, to: shapes.map { [$0[..<axis].reduce(1, *), $0[axis...].reduce(1, *)] })
      return [.computed(try translation.reshape(try emit(rows) { overChannels($0[0]) }, to: shapes))]
    }
    let moved = try translation.align(x, to: x.order.filter { $0 != axis } + [axis])
    return [.computed(try emit(moved) { overChannels($0[0]) })]
  }
}
