import NormaTensor

extension OperatorCall {
  /// A function of each number, computed in double precision.
  func function(_ body: (Double) -> Double) throws(ONNXError) -> [ONNXTensor] {
    let x = try floats(0)
    return [.numbers(Tensor(x.elements.map { Element(body(Double($0))) }, shape: x.shape))]
  }

  /// A function of each number or whole number.
  func numbers(
    _ ofFloats: (Element) -> Element, _ ofIntegers: (Int64) -> Int64
  ) throws(ONNXError) -> [ONNXTensor] {
    switch try operand(0) {
    case .floats(let x): return [.numbers(Tensor(x.elements.map(ofFloats), shape: x.shape))]
    case .integers(let x):
      let values = x.values.map { x.type.wrapping(ofIntegers($0)) }
      return [.integers(ONNXIntegers(values, shape: x.shape, type: x.type))]
    }
  }

  /// `Sign`: −1, 0 or 1.
  func sign() throws(ONNXError) -> [ONNXTensor] {
    let isUnsigned = try input(0).elementType == .uint64
    return try numbers {
      $0 > 0 ? 1 : $0 < 0 ? -1 : $0
    } _: {
      isUnsigned ? ($0 == 0 ? 0 : 1) : $0.signum()
    }
  }

  /// `Shrink`: nearer to 0 by `bias`, and 0 within `lambd`.
  func shrink() throws(ONNXError) -> [ONNXTensor] {
    let (bound, bias) = (Element(try number("lambd", or: 0.5)), Element(try number("bias", or: 0)))
    return try numbers {
      $0 < -bound ? $0 + bias : $0 > bound ? $0 - bias : 0
    } _: {
      let x = Element($0)
      return Int64(x < -bound ? x + bias : x > bound ? x - bias : 0)
    }
  }

  /// `Celu`: `max(0, x) + min(0, alpha · (exp(x / alpha) − 1))`.
  func continuousELU() throws(ONNXError) -> [ONNXTensor] {
    let alpha = Double(try number("alpha", or: 1))
    return try function { max(0, $0) + min(0, alpha * (Functions.exponential($0 / alpha) - 1)) }
  }

  /// `Selu`: `gamma · x` where positive, `gamma · (alpha · exp(x) − alpha)` elsewhere.
  func scaledELU() throws(ONNXError) -> [ONNXTensor] {
    let alpha = Double(try number("alpha", or: 1.673_263_192_176_818_8))
    let gamma = Double(try number("gamma", or: 1.050_700_983_047_485_4))
    return try function { gamma * ($0 > 0 ? $0 : alpha * (Functions.exponential($0) - 1)) }
  }

  /// `ThresholdedRelu`: x where it is above `alpha`, 0 elsewhere.
  func thresholdedReLU() throws(ONNXError) -> [ONNXTensor] {
    let alpha = Element(try number("alpha", or: 1))
    let x = try floats(0)
    return [.numbers(Tensor(x.elements.map { $0 <= alpha ? 0 : $0 }, shape: x.shape))]
  }

  /// `Swish`: `x · σ(alpha · x)`.
  func swish() throws(ONNXError) -> [ONNXTensor] {
    let alpha = Double(try number("alpha", or: 1))
    return try function { $0 * Functions.sigmoid(alpha * $0) }
  }

  /// `Hardmax`: 1 at the first of the largest values along an axis, 0 elsewhere; before version 13 over all axes from one on.
  func hardmax() throws(ONNXError) -> [ONNXTensor] {
    let x = try floats(0)
    let axis = try axis(try integer("axis", or: version < 13 ? 1 : -1), rank: x.rank)
    guard version >= 13 else {
      let rows = x.reshaped(to: [x.shape[..<axis].reduce(1, *), x.shape[axis...].reduce(1, *)])
      guard rows.shape[1] > 0 else { return [.numbers(x)] }
      return [
        .numbers(Tensor<Element>.oneHot(rows.indicesOfMaxima(axis: 1), count: rows.shape[1]).reshaped(to: x.shape))
      ]
    }
    guard x.shape[axis] > 0 else { return [.numbers(x)] }
    var order = Array(0..<x.rank)
    order.swapAt(axis, x.rank - 1)
    let moved = x.transposed(order)
    let places = moved.indicesOfMaxima(axis: -1)
    return [
      .numbers(
        Tensor<Element>.oneHot(places, count: x.shape[axis]).reshaped(to: moved.shape).transposed(order))
    ]
  }

  /// `Max` and `Min` of any number of tensors; a NaN wins.
  func extreme(isMaximum: Bool) throws(ONNXError) -> [ONNXTensor] {
    let tensors = try commonInputs()
    switch tensors[0] {
    case .floats(var best):
      for case .floats(let other) in tensors.dropFirst() {
        let values = zip(best.elements, other.elements).map { a, b in
          a.isNaN ? a : b.isNaN || (isMaximum ? b > a : b < a) ? b : a
        }
        best = Tensor(values, shape: best.shape)
      }
      return [.numbers(best)]
    case .integers(let first):
      var best = first.ordered
      for case .integers(let other) in tensors.dropFirst() {
        best = zip(best, other.ordered).map { isMaximum ? max($0, $1) : min($0, $1) }
      }
      let values = first.type == .uint64 ? best.map { $0 ^ .min } : best
      return [.integers(ONNXIntegers(values, shape: first.shape, type: first.type))]
    }
  }

  /// `Sum` and `Mean` of any number of tensors.
  func total(isMean: Bool) throws(ONNXError) -> [ONNXTensor] {
    let tensors = try commonInputs()
    guard case .floats(var sum) = tensors[0] else {
      throw unsupported("elements of type \(try input(0).elementType)")
    }
    for case .floats(let other) in tensors.dropFirst() { sum = sum + other }
    return [.numbers(isMean ? sum / Element(tensors.count) : sum)]
  }

  /// `Mod`: with the sign of the divisor, or with `fmod` that of the dividend.
  func modulo() throws(ONNXError) -> [ONNXTensor] {
    let keepsSign = try integer("fmod", or: 0) != 0
    let pair = try commonInputs()
    guard pair.count == 2 else { throw malformed("\(pair.count) inputs; there are two") }
    switch (pair[0], pair[1]) {
    case (.floats(let x), .floats(let y)):
      let values = zip(x.elements, y.elements).map { left, right -> Element in
        let rest = left.truncatingRemainder(dividingBy: right)
        if keepsSign || rest.isNaN || rest == 0 || (rest < 0) == (right < 0) { return rest }
        return rest + right
      }
      return [.numbers(Tensor(values, shape: x.shape))]
    case (.integers(let x), .integers(let y)):
      guard !y.values.contains(0) else { throw malformed("a whole number is divided by 0") }
      let values = zip(x.values, y.values).map { left, right -> Int64 in
        if x.type == .uint64 { return Int64(bitPattern: UInt64(bitPattern: left) % UInt64(bitPattern: right)) }
        let rest = left.remainderReportingOverflow(dividingBy: right).partialValue
        return keepsSign || rest == 0 || (rest < 0) == (right < 0) ? rest : rest + right
      }
      return [.integers(ONNXIntegers(values, shape: x.shape, type: x.type))]
    default: throw malformed("elements of two types")
    }
  }

  /// `Erf`, the error function.
  func errorFunction() throws(ONNXError) -> [ONNXTensor] { try function(Functions.errorFunction) }
}

/// Functions of angles and their inverses, in double precision, of Norma's own elementary functions.
enum Trigonometry {
  static func sine(_ x: Double) -> Double { sineAndCosine(x).sine }
  static func cosine(_ x: Double) -> Double { sineAndCosine(x).cosine }
  static func tangent(_ x: Double) -> Double {
    let (sine, cosine) = sineAndCosine(x)
    return sine / cosine
  }

  private static func sineAndCosine(_ x: Double) -> (sine: Double, cosine: Double) {
    guard x.isFinite else { return (.nan, .nan) }
    // 2π in two numbers, so that some thousand turns cost no digit of single precision.
    let turn = 6.283_185_307_179_586
    let rest = 2.449_293_598_294_706_4e-16
    let turns = (x / turn).rounded()
    let angle = (x - turns * turn) - turns * rest
    return Functions.sineAndCosine(turns: angle / turn)
  }

  /// `atan x`, by halving the angle until a short series has it.
  static func inverseTangent(_ x: Double) -> Double {
    if x.isNaN { return x }
    if abs(x) > 1 { return (x < 0 ? -1 : 1) * (Double.pi / 2) - inverseTangent(1 / x) }
    var reduced = x
    for _ in 0..<3 { reduced = reduced / (1 + (1 + reduced * reduced).squareRoot()) }
    let square = reduced * reduced
    var sum = 0.0
    for term in stride(from: 25, through: 1, by: -2) { sum = 1 / Double(term) - square * sum }
    return 8 * reduced * sum
  }

  static func inverseSine(_ x: Double) -> Double {
    abs(x) > 1 ? .nan : abs(x) == 1 ? x * Double.pi / 2 : inverseTangent(x / ((1 - x) * (1 + x)).squareRoot())
  }
  static func inverseCosine(_ x: Double) -> Double {
    abs(x) > 1 ? .nan : 2 * inverseTangent(((1 - x) / (1 + x)).squareRoot())
  }

  static func hyperbolicSine(_ x: Double) -> Double {
    // Near 0 the exponentials cancel.
    if abs(x) < 0.5 { return x + x * x * x / 6 * (1 + x * x / 20 * (1 + x * x / 42 * (1 + x * x / 72))) }
    return (Functions.exponential(x) - Functions.exponential(-x)) / 2
  }
  static func hyperbolicCosine(_ x: Double) -> Double { (Functions.exponential(x) + Functions.exponential(-x)) / 2 }

  static func inverseHyperbolicSine(_ x: Double) -> Double {
    let (size, sign) = (abs(x), x < 0 ? -1.0 : 1)
    if size < 1e-3 { return x - x * x * x / 6 }
    return sign * Functions.logarithm(size + (size * size + 1).squareRoot())
  }
  static func inverseHyperbolicCosine(_ x: Double) -> Double {
    x < 1 ? .nan : Functions.logarithm(x + ((x - 1) * (x + 1)).squareRoot())
  }
  static func inverseHyperbolicTangent(_ x: Double) -> Double {
    if abs(x) < 1e-3 { return x + x * x * x / 3 }
    return Functions.logarithm((1 + x) / (1 - x)) / 2
  }
}
