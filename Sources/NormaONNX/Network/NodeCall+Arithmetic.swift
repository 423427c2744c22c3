import NormaGraph
import NormaLayers
import NormaTensor

extension NodeCall {
  /// `x + y`, `x − y`, `x · y` or `x / y`.
  enum Arithmetic {
    case add, subtract, multiply, divide

    func callAsFunction(
      _ x: Variable<Float>, _ y: Variable<Float>, _ broadcast: Broadcast = .none
    ) -> Variable<Float> {
      switch self {
      case .add: x.adding(y, broadcast: broadcast)
      case .subtract: x.subtracting(y, broadcast: broadcast)
      case .multiply: x.multiplied(by: y, broadcast: broadcast)
      case .divide: x.divided(by: y, broadcast: broadcast)
      }
    }

    func callAsFunction(_ x: Variable<Float>, _ y: Float) -> Variable<Float> {
      switch self {
      case .add: x + y
      case .subtract: x - y
      case .multiply: x * y
      case .divide: x / y
      }
    }

    func callAsFunction(_ x: Float, _ y: Variable<Float>) -> Variable<Float> {
      switch self {
      case .add: x + y
      case .subtract: x - y
      case .multiply: x * y
      case .divide: x / y
      }
    }

    /// Whether its operands may change places.
    var isCommutative: Bool { self == .add || self == .multiply }
  }

  /// `Add`, `Sub`, `Mul` and `Div` by NumPy's rule of broadcasting.
  func binary(_ operation: Arithmetic) throws(ONNXError) -> [Translation.Value]? {
    // Before version 7 operands were placed by an axis.
    guard version >= 7 || node.attributes["axis"] == nil else { return nil }
    for index in 0..<2 where has(index) && !isKnown(index) {
      guard isOfFloats(try computed(index)) else { return nil }
    }
    guard inputs.count == 2 else { throw malformed("\(inputs.count) operands") }
    if let number = number(1), try rank(1) <= rank(0) {
      return [.computed(try emit(try computed(0)) { operation($0[0], number) })]
    }
    if let number = number(0), try rank(0) <= rank(1) {
      return [.computed(try emit(try computed(1)) { operation(number, $0[0]) })]
    }
    return [.computed(try combined(try computed(0, .bias), try computed(1, .bias), operation))]
  }

  private func rank(_ index: Int) throws(ONNXError) -> Int {
    switch inputs[index] {
    case .known(let tensors)?: tensors[0].shape.rank
    case .computed(let value)?: value.order.count
    case nil: throw malformed("operand \(index + 1) is missing")
    }
  }

  /// Two values combined, each repeated along the axes that the other one is longer along.
  func combined(
    _ left: Translation.Computed, _ right: Translation.Computed, _ operation: Arithmetic
  ) throws(ONNXError) -> Translation.Computed {
    // As many axes on both sides, the first of them of length 1 where there were none.
    let rank = max(left.order.count, right.order.count)
    var (left, right) = (try widened(left, to: rank), try widened(right, to: rank))
    let (a, b) = (translation.shapes(left), translation.shapes(right))
    for (a, b) in zip(a, b) where commonShape(a, b) == nil {
      throw malformed("shapes \(a) and \(b) do not go together")
    }
    let common = zip(a, b).map { Shape(commonShape($0, $1) ?? []) }
    // The larger one decides how both are stored.
    if a == common {
      right = try translation.align(right, to: left.order)
    } else if b == common {
      left = try translation.align(left, to: right.order)
      if operation.isCommutative { swap(&left, &right) }
    } else {
      (left, right) = (try translation.plain(left), try translation.plain(right))
    }
    if translation.shapes(left) != common { left = try emit(left, right) { $0[0].broadcast(with: $0[1]) } }
    let (x, y) = (translation.storedShapes(left), translation.storedShapes(right))
    if x == y { return try emit(left, right) { operation($0[0], $0[1]) } }
    // Along which axes the second operand has numbers of its own, and along which it is repeated.
    let repeated = (0..<rank).filter { axis in zip(x, y).contains { $0[axis] != $1[axis] } }
    let long = (0..<rank).filter { axis in !repeated.contains(axis) && x.contains { $0[axis] != 1 } }
    if long.allSatisfy({ $0 == rank - 1 }), x.allSatisfy({ $0[rank - 1] == y[0][rank - 1] }) {
      let numbers = try translation.reshape(right, to: y.map { [$0[rank - 1]] })
      return try emit(left, numbers) { operation($0[0], $0[1], .perChannel) }
    }
    if rank >= 3, long.allSatisfy({ $0 == 0 || $0 == rank - 1 }), zip(x, y).allSatisfy({ $0[0] == $1[0] }),
      zip(x, y).allSatisfy({ $0[rank - 1] == $1[rank - 1] })
    {
      let numbers = try translation.reshape(right, to: y.map { [$0[0], $0[rank - 1]] })
      return try emit(left, numbers) { operation($0[0], $0[1], .perSample) }
    }
    // The same for each of the first axes: what comes after them are channels.
    let first = (repeated.max() ?? 0) + 1
    let channels = x[0][first...].reduce(1, *)
    if repeated == Array(0..<first), x.allSatisfy({ $0[first...].reduce(1, *) == channels }), first < rank {
      let numbers = try translation.reshape(right, to: y.map { _ in [channels] })
      let rows = try translation.reshape(left, to: x.map { [$0[..<first].reduce(1, *), channels] })
      let result = try emit(rows, numbers) { operation($0[0], $0[1], .perChannel) }
      var restored = try translation.reshape(result, to: x)
      restored.order = left.order
      return restored
    }
    let all = try emit(right, left) { $0[0].broadcast(with: $0[1]) }
    return try emit(left, all) { operation($0[0], $0[1]) }
  }

  /// The same value with axes of length 1 before its own.
  func widened(_ value: Translation.Computed, to rank: Int) throws(ONNXError) -> Translation.Computed {
    let missing = rank - value.order.count
    guard missing > 0 else { return value }
    let plain = try translation.plain(value)
    return try translation.reshape(
      plain, to: translation.storedShapes(plain).map { Shape([Int](repeating: 1, count: missing) + $0) })
  }

  /// `Mul`; what is multiplied by its own sigmoid is one function.
  func product() throws(ONNXError) -> [Translation.Value]? {
    for (own, other) in [(0, 1), (1, 0)] where inputs.count == 2 && has(0) && has(1) && !isKnown(other) {
      for (operation, function) in Self.gates {
        guard let gate = producer(own, operation), gate.inputs.first == node.inputs[other],
          operation != "HardSigmoid" || gate.isHardGate
        else { continue }
        let x = try computed(other)
        guard isOfFloats(x) else { return nil }
        return [.computed(try emit(x) { function($0[0]) })]
      }
    }
    if let x = try gaussianArgument() { return [.computed(try emit(x) { $0[0].gelu() })] }
    return try binary(.multiply)
  }

  private static let gates: [(String, @Sendable (Variable<Float>) -> Variable<Float>)] = [
    ("Sigmoid", { $0.silu() }), ("HardSigmoid", { $0.hardSwish() }),
  ]

  /// What the Gaussian error linear unit is taken of, where this product is the last of the steps that make it:
  /// `x · (1 + erf(x / √2)) · ½`, the half before or after.
  private func gaussianArgument() throws(ONNXError) -> Translation.Computed? {
    func half(_ name: String) -> Bool { translation.number(named: name).map { abs($0 - 0.5) < 1e-6 } ?? false }
    /// The x of `1 + erf(x / √2)`.
    func argument(_ name: String) -> String? {
      guard let sum = translation.producers[name], sum.operation == "Add", sum.inputs.count == 2 else { return nil }
      for (own, other) in [(0, 1), (1, 0)] where translation.number(named: sum.inputs[other]) == 1 {
        guard let error = translation.producers[sum.inputs[own]], error.operation == "Erf",
          let scaled = translation.producers[error.inputs[0]], scaled.inputs.count == 2,
          let factor = translation.number(named: scaled.inputs[1])
        else { continue }
        let root = Float(2).squareRoot()
        let isScaled =
          scaled.operation == "Div" && abs(factor - root) < 1e-5
          || scaled.operation == "Mul" && abs(factor - 1 / root) < 1e-5
        if isScaled { return scaled.inputs[0] }
      }
      return nil
    }
    guard node.inputs.count == 2 else { return nil }
    for (own, other) in [(0, 1), (1, 0)] {
      guard let product = translation.producers[node.inputs[own]], product.operation == "Mul",
        product.inputs.count == 2
      else { continue }
      for (first, second) in [(0, 1), (1, 0)] {
        // (x · sum) · ½, and (x · ½) · sum.
        if half(node.inputs[other]), let x = argument(product.inputs[first]), product.inputs[second] == x {
          return translation.value(named: x)
        }
        if half(product.inputs[first]), let x = argument(node.inputs[other]), product.inputs[second] == x {
          return translation.value(named: x)
        }
      }
    }
    return nil
  }

  /// `Sum` and `Mean` of any number of values.
  func total(isMean: Bool) throws(ONNXError) -> [Translation.Value]? {
    var sum = try computed(0, .bias)
    guard isOfFloats(sum) else { return nil }
    for index in 1..<max(1, inputs.count) {
      let next = try computed(index, .bias)
      guard isOfFloats(next) else { return nil }
      sum = try combined(sum, next, .add)
    }
    let count = Float(inputs.count)
    if isMean && count > 1 { sum = try emit(sum) { $0[0] / count } }
    return [.computed(sum)]
  }

  /// `Max` and `Min` of a value and a number.
  func extreme(isMaximum: Bool) throws(ONNXError) -> [Translation.Value]? {
    if inputs.count == 1 { return [.computed(try computed(0))] }
    for (own, other) in [(0, 1), (1, 0)] where inputs.count == 2 {
      guard !isKnown(own), let bound = number(other), try rank(other) <= rank(own), !bound.isNaN else { continue }
      let x = try computed(own)
      guard isOfFloats(x) else { return nil }
      if isMaximum && bound == 0 { return [.computed(try emit(x) { $0[0].relu() })] }
      let bounds = isMaximum ? bound...Float.infinity : -Float.infinity...bound
      return [.computed(try emit(x) { $0[0].clamped(to: bounds) })]
    }
    return nil
  }

  /// `Clip` to bounds that are known.
  func clip() throws(ONNXError) -> [Translation.Value]? {
    let x = try computed(0)
    guard isOfFloats(x) else { return nil }
    var bounds: (Float, Float) = (-.infinity, .infinity)
    if version < 11 {
      bounds = (try first.number("min", or: bounds.0), try first.number("max", or: bounds.1))
    } else {
      if has(1) {
        guard let bound = number(1) else { return nil }
        bounds.0 = bound
      }
      if has(2) {
        guard let bound = number(2) else { return nil }
        bounds.1 = bound
      }
    }
    guard bounds.0 <= bounds.1 else { return nil }
    if bounds == (0, .infinity) { return [.computed(try emit(x) { $0[0].relu() })] }
    let range = bounds.0...bounds.1
    return [.computed(try emit(x) { $0[0].clamped(to: range) })]
  }

  /// `Pow` to an exponent that is known.
  func power() throws(ONNXError) -> [Translation.Value]? {
    let x = try computed(0)
    guard isOfFloats(x), isKnown(1), let exponent = try? constant(1), exponent.shape.elementCount == 1,
      exponent.shape.rank <= x.order.count
    else { return nil }
    let number: Float
    switch exponent {
    case .integers(let numbers): number = Float(numbers.values[0])
    default:
      guard let numbers = exponent.singles else { return nil }
      number = numbers.elements[0]
    }
    if number == 0.5 { return [.computed(try emit(x) { $0[0].squareRoot() })] }
    return [.computed(try emit(x) { $0[0].raised(to: number) })]
  }

  /// `Gelu`: exact, or with the hyperbolic tangent in place of the error function.
  func gelu() throws(ONNXError) -> [Translation.Value]? {
    guard try first.approximatesGelu() else { return try elementwise { $0.gelu() } }
    return try elementwise { x in
      let inner = Float(0.797_884_560_802_865_4) * (x + Float(0.044715) * (x * x * x))
      return 0.5 * (x * (inner.hyperbolicTangent() + 1))
    }
  }

  /// `PRelu` with a slope for each channel, or one for all.
  func parametricReLU() throws(ONNXError) -> [Translation.Value]? {
    let x = try channelsLast(0)
    guard isKnown(1), let slopes = try constant(1).singles else { return nil }
    let channels = shape(x).rank > 1 ? shape(x)[1] : 1
    let rest = slopes.shape.rank <= 1 ? [] : Array(slopes.shape.dropFirst(slopes.rank == x.order.count ? 2 : 1))
    let isPerChannel =
      slopes.count == channels && rest.allSatisfy { $0 == 1 }
      && (slopes.rank == x.order.count - 1 || slopes.rank == x.order.count || x.order.count == 2
        || version < 7 && slopes.rank == 1)
    guard isOfFloats(x), slopes.count == 1 || isPerChannel else { return nil }
    let slope = try computed(1, .slope)
    let vector = try translation.reshape(
      try translation.plain(slope), to: translation.batchSizes.map { _ in [slopes.count] })
    return [.computed(try emit(x, vector) { $0[0].parametricReLU(slope: $0[1]) })]
  }

  /// `Cast` among numbers of floating point; to others, as it is.
  func cast() throws(ONNXError) -> [Translation.Value]? {
    let x = try computed(0)
    let type = try first.elementType("to")
    if type == .double { translation.noteRounding() }
    let isWide = type == .float || type == .double
    if x.type.computed == .float { return isWide ? [.computed(x)] : nil }
    guard isWide else { return nil }
    // They stand in numbers of single precision already.
    var numbers = x
    numbers.type = .float
    return [.computed(numbers)]
  }

  /// `Dropout`, which keeps all.
  func dropout() throws(ONNXError) -> [Translation.Value]? {
    guard node.outputs.count == 1 else { return nil }
    if version >= 12, has(2) {
      guard case .integers(let mode) = try constant(2), mode.values == [0] else {
        throw unsupported("training with random numbers of another's")
      }
    }
    return [.computed(try computed(0))]
  }
}

extension ONNXNode {
  /// Whether it is `min(max(x + 3, 0), 6) / 6`.
  fileprivate var isHardGate: Bool {
    guard case .number(let alpha)? = attributes["alpha"], alpha == Float(1.0 / 6) else { return false }
    guard let beta = attributes["beta"] else { return true }
    return beta == .number(0.5)
  }

  /// The order of axes that a transposition makes, if it says one.
  var perm: [Int]? { if case .integers(let numbers)? = attributes["perm"] { numbers } else { nil } }
}
