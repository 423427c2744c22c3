import NormaTensor

/// The sum or the mean over some axes, without those or with length 1 in their place.
package struct ReductionOperation<Element: TensorElement>: LinearMapping {
  package enum Axes: Equatable, Sendable {
    case all
    /// All but the last, the channels.
    case rows
    /// All between the first, the samples, and the last, the channels.
    case positions
    /// Those named, which count from the end where they are negative.
    case named([Int])
  }

  package let isMean: Bool
  package let axes: Axes
  package var keepsAxes = false

  package var name: String {
    let what = isMean ? "mean" : "sum"
    return switch axes {
    case .all: what
    case .rows: "\(what) over rows"
    case .positions: "\(what) over positions"
    case .named(let axes): "\(what) over axes \(axes.map(String.init).joined(separator: ", "))"
    }
  }

  package var rule: String {
    switch axes {
    case .all: "∂{0} = ∂{}\(isMean ? " / n" : "") everywhere"
    case .rows: "∂{0} = ∂{}\(isMean ? " / N" : "") in every row"
    case .positions, .named: "∂{0} = ∂{}\(isMean ? " / n" : "") along the axes"
    }
  }

  /// The axes of a tensor that are summed over, sorted.
  package func axes(of shape: Shape) -> [Int] {
    switch axes {
    case .all: Array(0..<shape.rank)
    case .rows: Array(0..<Swift.max(0, shape.rank - 1))
    case .positions: Array(1..<Swift.max(1, shape.rank - 1))
    case .named(let axes): Set(axes.map { $0 < 0 ? $0 + shape.rank : $0 }).sorted()
    }
  }

  private func reducedShape(_ shape: Shape, keepsAxes: Bool) -> Shape {
    let axes = axes(of: shape)
    // A scalar is one channel.
    if self.axes == .rows {
      return keepsAxes ? Shape(axes.map { _ in 1 } + [shape.channelCount]) : [shape.channelCount]
    }
    return Shape((0..<shape.rank).filter { keepsAxes || !axes.contains($0) }.map { axes.contains($0) ? 1 : shape[$0] })
  }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    guard axes != .positions || inputs[0].rank >= 2 else {
      throw ShapeError(expected: "[batch, …, channels]", found: inputs[0])
    }
    guard axes(of: inputs[0]).allSatisfy({ $0 >= 0 && $0 < inputs[0].rank }) else {
      throw ShapeError(expected: "a tensor with the axes of the \(name)", found: inputs[0])
    }
    return reducedShape(inputs[0], keepsAxes: keepsAxes)
  }

  private func count(_ shape: Shape) -> Element { Element(axes(of: shape).reduce(1) { $0 * shape[$1] }) }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    let x = inputs[0]
    let result: Tensor<Element> =
      switch axes {
      case .all: .scalar(isMean ? x.mean() : x.sum())
      case .rows: isMean ? 1 / count(x.shape) * x.sumOverRows() : x.sumOverRows()
      case .positions, .named: isMean ? x.sum(over: axes(of: x.shape)) / count(x.shape) : x.sum(over: axes(of: x.shape))
      }
    return (result.reshaped(to: reducedShape(x.shape, keepsAxes: keepsAxes)), ())
  }

  package func kept(for needs: Needs) -> KeptTensors { [] }

  package func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    let shape = kept.shape(0)
    switch axes {
    case .all: return [Tensor(repeating: isMean ? g.item / count(shape) : g.item, shape: shape)]
    case .rows:
      let part = isMean ? 1 / count(shape) * g : g
      return [Tensor.zeros(shape).applying(.add, part, broadcast: .perChannel)]
    case .positions, .named:
      let part = (isMean ? g / count(shape) : g).reshaped(to: reducedShape(shape, keepsAxes: true))
      return [axes(of: shape).reduce(part) { $0.gathering(repeatElement(0, count: shape[$1]), axis: $1) }]
    }
  }

  package var isPerSample: Bool {
    switch axes {
    case .all, .rows: false
    case .positions: true
    case .named(let axes): axes.allSatisfy { $0 > 0 }
    }
  }
}

/// The sums of each place of an axis with all before it.
package struct CumulativeSumOperation<Element: TensorElement>: LinearMapping {
  package let axis: Int

  package var name: String { "cumulative sum" }
  package var rule: String { "∂{0} = the sums of ∂{} with all behind" }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    try inputs[0].check(axis, for: name)
    return inputs[0]
  }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    (inputs[0].cumulativeSum(axis: axis), ())
  }
  package func kept(for needs: Needs) -> KeptTensors { [] }
  package func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    [g.cumulativeSum(axis: axis, isReversed: true)]
  }
  package var isPerSample: Bool { axis > 0 }
}

/// Softmax over the channels, its logarithm, or the logarithm of the sum of exponentials.
package struct SoftmaxOperation<Element: TensorElement>: TensorOperation {
  package let kind: SoftmaxKind

  package var name: String {
    switch kind {
    case .softmax: "softmax"
    case .logSoftmax: "log-softmax"
    case .logSumExp: "log-sum-exp"
    }
  }
  package var rule: String {
    switch kind {
    case .softmax: "∂{0} = {}·(∂{} − Σ ∂{}·{})"
    case .logSoftmax: "∂{0} = ∂{} − exp({})·Σ ∂{}"
    case .logSumExp: "∂{0} = ∂{}·exp({0} − {})"
    }
  }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    guard inputs[0].rank >= 1 else { throw ShapeError(expected: "[…, channels]", found: inputs[0]) }
    return kind == .logSumExp ? Shape(inputs[0].dropLast()) : inputs[0]
  }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    (inputs[0].applying(kind), ())
  }

  package func kept(for needs: Needs) -> KeptTensors { kind == .logSumExp ? .input(0) : .output }

  package func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    switch kind {
    case .softmax: [kept.output.softmaxGradient(g, isLogarithmic: false)]
    case .logSoftmax: [kept.output.applying(.exponential).softmaxGradient(g, isLogarithmic: true)]
    case .logSumExp: [kept.input(0).softmax().applying(.multiply, g, broadcast: .perRow)]
    }
  }

  package func backward(_ g: Variable<Element>, _ kept: KeptVariables<Element>, saved: Void) -> [Variable<Element>?] {
    switch kind {
    case .softmax:
      let y = kept.output
      return [y * g.subtracting((g * y).sum(over: [-1]), broadcast: .perRow)]
    case .logSoftmax:
      return [g - kept.output.exponential().multiplied(by: g.sum(over: [-1]), broadcast: .perRow)]
    case .logSumExp: return [kept.input(0).softmax().multiplied(by: g, broadcast: .perRow)]
    }
  }

  package var isPerSample: Bool { true }
}

extension Shape {
  /// Makes sure that there is an axis, which counts from the end where it is negative.
  func check(_ axis: Int, for name: String) throws(ShapeError) {
    guard axis >= -rank, axis < rank else {
      throw ShapeError(expected: "a tensor that has axis \(axis), for a \(name)", found: self)
    }
  }
}

extension Variable {
  /// The sum of all elements, `[]`.
  public func sum() -> Variable { reduced(isMean: false, .all) }
  /// The mean of all elements, `[]`.
  public func mean() -> Variable { reduced(isMean: true, .all) }
  /// The sum of each channel over all rows: `[…, C] → [C]`.
  public func sumOverRows() -> Variable { reduced(isMean: false, .rows) }
  /// The mean of each channel over all rows: `[…, C] → [C]`.
  public func meanOverRows() -> Variable { reduced(isMean: true, .rows) }

  /// The sum of each channel over all positions of each sample: `[N, …, C] → [N, C]`.
  public func sumOverPositions() -> Variable { reduced(isMean: false, .positions) }

  /// The sum over some axes, which count from the end where they are negative: of the shape of the others, or with length 1 in their
  /// place if `keepsAxes`.
  public func sum(over axes: [Int], keepsAxes: Bool = false) -> Variable {
    reduced(isMean: false, .named(axes), keepsAxes: keepsAxes)
  }

  /// The mean over some axes, which count from the end where they are negative: of the shape of the others, or with length 1 in their
  /// place if `keepsAxes`.
  public func mean(over axes: [Int], keepsAxes: Bool = false) -> Variable {
    reduced(isMean: true, .named(axes), keepsAxes: keepsAxes)
  }

  private func reduced(isMean: Bool, _ axes: ReductionOperation<Element>.Axes, keepsAxes: Bool = false) -> Variable {
    Graph.apply(ReductionOperation(isMean: isMean, axes: axes, keepsAxes: keepsAxes), to: [self]).output
  }

  /// The sums of each place of an axis with all before it; the axis counts from the end where it is negative.
  public func cumulativeSum(axis: Int) -> Variable {
    Graph.apply(CumulativeSumOperation(axis: axis), to: [self]).output
  }

  /// The exponentials by their sum over the channels: `[…, C] → […, C]`. No exponential overflows.
  public func softmax() -> Variable { Graph.apply(SoftmaxOperation(kind: .softmax), to: [self]).output }
  /// The logarithm of the softmax over the channels: `[…, C] → […, C]`.
  public func logSoftmax() -> Variable { Graph.apply(SoftmaxOperation(kind: .logSoftmax), to: [self]).output }
  /// The logarithm of the sum of exponentials over the channels: `[…, C] → […]`.
  public func logSumExp() -> Variable { Graph.apply(SoftmaxOperation(kind: .logSumExp), to: [self]).output }
}
