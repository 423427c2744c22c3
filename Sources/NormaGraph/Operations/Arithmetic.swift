import NormaTensor

/// `x + y`, and ReLU if `rectifies`.
package struct AdditionOperation<Element: TensorElement>: TensorOperation {
  package let broadcast: Broadcast
  package var rectifies = false

  package init(_ broadcast: Broadcast = .none, rectifies: Bool = false) {
    self.broadcast = broadcast
    self.rectifies = rectifies
  }

  package var name: String { rectifies ? "add + ReLU" : "add" }

  package var rule: String {
    if rectifies { return "∂{0} = ∂{1} = ∂{} where {0} + {1} > 0" }
    return broadcast == .none ? "∂{0} = ∂{}, ∂{1} = ∂{}" : "∂{0} = ∂{}, ∂{1} = Σ ∂{}"
  }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape { try broadcast.outputShape(for: inputs) }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    guard rectifies else { return (inputs[0].applying(.add, inputs[1], broadcast: broadcast), ()) }
    guard broadcast == .none else {
      return (inputs[0].applying(.add, inputs[1], broadcast: broadcast).applying(.leakyReLU(slope: 0)), ())
    }
    return (inputs[0].adding(inputs[1], rectifies: true), ())
  }

  package func kept(for needs: Needs) -> KeptTensors { rectifies ? .output : [] }

  package func backward(_ gradient: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    let g = rectifies ? kept.output.applying(.leakyReLUGradient(slope: 0), gradient) : gradient
    return [kept.needs[0] ? g : nil, kept.needs[1] ? broadcast.reduced(g, to: kept.shape(1)) : nil]
  }

  package func backward(_ g: Variable<Element>, _ kept: KeptVariables<Element>, saved: Void) -> [Variable<Element>?] {
    let g = rectifies ? g.rectified(at: kept.values.output) : g
    return [kept.needs[0] ? g : nil, kept.needs[1] ? broadcast.reduced(g, to: kept.shape(1)) : nil]
  }

  package var isPerSample: Bool { broadcast != .perRow }
  package var rectified: (any TensorOperation<Element>)? {
    rectifies ? nil : AdditionOperation(broadcast, rectifies: true)
  }
  package func channelMap(_ constants: [Tensor<Element>?]) -> ChannelMap? {
    guard !rectifies, broadcast == .perChannel, let shift = constants[1]?.elements.map(Double.init) else { return nil }
    return ChannelMap(centre: shift.map { _ in 0 }, scale: shift.map { _ in 1 }, shift: shift)
  }
  package var featureOrder: FeatureOrder { broadcast == .perChannel ? .kept : .mixed }
}

/// `x − y`, `x · y` or `x / y`, element by element.
package struct ArithmeticOperation<Element: TensorElement>: TensorOperation {
  package enum Kind: Sendable { case subtract, multiply, divide }

  package let kind: Kind
  package let broadcast: Broadcast

  package var name: String { "\(kind)" }

  package var rule: String {
    let sum = broadcast == .none ? "" : "Σ "
    return switch kind {
    case .subtract: "∂{0} = ∂{}, ∂{1} = −\(sum)∂{}"
    case .multiply: "∂{0} = ∂{}·{1}, ∂{1} = \(sum)∂{}·{0}"
    case .divide: "∂{0} = ∂{}/{1}, ∂{1} = −\(sum)∂{}·{0}/{1}²"
    }
  }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape { try broadcast.outputShape(for: inputs) }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    let operation: BinaryOperation<Element> =
      switch kind {
      case .subtract: .subtract
      case .multiply: .multiply
      case .divide: .divide
      }
    return (inputs[0].applying(operation, inputs[1], broadcast: broadcast), ())
  }

  package func kept(for needs: Needs) -> KeptTensors {
    switch kind {
    case .subtract: []
    case .multiply: [needs[0] ? .input(1) : [], needs[1] ? .input(0) : []]
    case .divide: [.input(1), needs[1] ? .output : []]
    }
  }

  package func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    func reduced(_ gradient: Tensor<Element>) -> Tensor<Element> { broadcast.reduced(gradient, to: kept.shape(1)) }
    switch kind {
    case .subtract: return [kept.needs[0] ? g : nil, kept.needs[1] ? -reduced(g) : nil]
    case .multiply:
      return [
        kept.needs[0] ? g.applying(.multiply, kept.input(1), broadcast: broadcast) : nil,
        kept.needs[1] ? reduced(g * kept.input(0)) : nil,
      ]
    case .divide:
      let part = g.applying(.divide, kept.input(1), broadcast: broadcast)
      return [kept.needs[0] ? part : nil, kept.needs[1] ? -reduced(part * kept.output) : nil]
    }
  }

  package func backward(_ g: Variable<Element>, _ kept: KeptVariables<Element>, saved: Void) -> [Variable<Element>?] {
    func reduced(_ gradient: Variable<Element>) -> Variable<Element> { broadcast.reduced(gradient, to: kept.shape(1)) }
    switch kind {
    case .subtract: return [kept.needs[0] ? g : nil, kept.needs[1] ? -reduced(g) : nil]
    case .multiply:
      return [
        kept.needs[0] ? g.multiplied(by: kept.input(1), broadcast: broadcast) : nil,
        kept.needs[1] ? reduced(g * kept.input(0)) : nil,
      ]
    case .divide:
      let part = g.divided(by: kept.input(1), broadcast: broadcast)
      return [kept.needs[0] ? part : nil, kept.needs[1] ? -reduced(part * kept.output) : nil]
    }
  }

  package var isPerSample: Bool { broadcast != .perRow }
  package func channelMap(_ constants: [Tensor<Element>?]) -> ChannelMap? {
    guard kind != .divide, broadcast == .perChannel, let numbers = constants[1]?.elements.map(Double.init) else {
      return nil
    }
    let (zeros, ones) = (numbers.map { _ in 0.0 }, numbers.map { _ in 1.0 })
    return kind == .multiply
      ? ChannelMap(centre: zeros, scale: numbers, shift: zeros)
      : ChannelMap(centre: zeros, scale: ones, shift: numbers.map { -$0 })
  }
  package var featureOrder: FeatureOrder { broadcast == .perChannel ? .kept : .mixed }
}

extension Broadcast {
  /// The shape of the first of two operands, of which the second must fit it.
  func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    let (x, y) = (inputs[0], inputs[1])
    switch self {
    case .none where x != y: throw ShapeError(expected: "two tensors of one shape, the first being \(x)", found: y)
    case .perChannel where x.channelCount != y.elementCount:
      throw ShapeError(expected: "a number for each of the \(x.channelCount) channels of \(x)", found: y)
    case .perRow where x.rowCount != y.elementCount:
      throw ShapeError(expected: "a number for each of the \(x.rowCount) rows of \(x)", found: y)
    case .perSample where x.rank < 2 || y != [x[0], x.channelCount]:
      throw ShapeError(expected: "a number for each sample and channel of \(x)", found: y)
    default: return x
    }
  }

  /// Sums a gradient of the full shape down to that of the second operand.
  func reduced<Element: TensorElement>(_ gradient: Tensor<Element>, to shape: Shape) -> Tensor<Element> {
    switch self {
    case .none: gradient
    case .perChannel: gradient.sumOverRows().reshaped(to: shape)
    case .perRow: gradient.sumOverChannels().reshaped(to: shape)
    case .perSample: gradient.sum(over: 1..<gradient.rank - 1)
    }
  }
}

extension Variable {
  /// `x + y`, y of the same shape, one a channel `[C]`, one a row, or one for each sample and channel `[N, C]`.
  public func adding(_ other: Variable, broadcast: Broadcast = .none) -> Variable {
    Graph.apply(AdditionOperation(broadcast), to: [self, other]).output
  }

  /// `x + y` of the same shape, and ReLU if `rectifies`.
  public func adding(_ other: Variable, rectifies: Bool) -> Variable {
    Graph.apply(AdditionOperation(rectifies: rectifies), to: [self, other]).output
  }

  /// `x − y`, y of the same shape, one a channel `[C]`, one a row, or one for each sample and channel `[N, C]`.
  public func subtracting(_ other: Variable, broadcast: Broadcast = .none) -> Variable {
    Graph.apply(ArithmeticOperation(kind: .subtract, broadcast: broadcast), to: [self, other]).output
  }

  /// `x · y` element by element, y of the same shape, one a channel `[C]`, one a row, or one for each sample and channel `[N, C]`.
  public func multiplied(by other: Variable, broadcast: Broadcast = .none) -> Variable {
    Graph.apply(ArithmeticOperation(kind: .multiply, broadcast: broadcast), to: [self, other]).output
  }

  /// `x / y` element by element, y of the same shape, one a channel `[C]`, one a row, or one for each sample and channel `[N, C]`.
  public func divided(by other: Variable, broadcast: Broadcast = .none) -> Variable {
    Graph.apply(ArithmeticOperation(kind: .divide, broadcast: broadcast), to: [self, other]).output
  }

  /// ``adding(_:broadcast:)`` of variables of the same shape.
  public static func + (left: Variable, right: Variable) -> Variable { left.adding(right) }
  /// ``subtracting(_:broadcast:)`` of variables of the same shape.
  public static func - (left: Variable, right: Variable) -> Variable { left.subtracting(right) }
  /// ``multiplied(by:broadcast:)``, element by element, of variables of the same shape.
  public static func * (left: Variable, right: Variable) -> Variable { left.multiplied(by: right) }
  /// ``divided(by:broadcast:)``, element by element, of variables of the same shape.
  public static func / (left: Variable, right: Variable) -> Variable { left.divided(by: right) }

  /// Each element with a number added.
  public static func + (left: Variable, right: Element) -> Variable { left.offset(by: right) }
  /// Each element with a number added.
  public static func + (left: Element, right: Variable) -> Variable { right.offset(by: left) }
  /// Each element less a number.
  public static func - (left: Variable, right: Element) -> Variable { left.offset(by: -right) }
  /// A number less each element.
  public static func - (left: Element, right: Variable) -> Variable { right.applying(.subtracted(from: left)) }
  /// Each element multiplied by a number.
  public static func * (left: Variable, right: Element) -> Variable { left.scaled(by: right) }
  /// Each element multiplied by a number.
  public static func * (left: Element, right: Variable) -> Variable { right.scaled(by: left) }
  /// Each element divided by a number.
  public static func / (left: Variable, right: Element) -> Variable { left.applying(.divided(by: right)) }
  /// A number divided by each element.
  public static func / (left: Element, right: Variable) -> Variable { right.applying(.dividing(left)) }
  /// Each element with its sign changed.
  public static prefix func - (variable: Variable) -> Variable { variable.applying(.negate) }
}
