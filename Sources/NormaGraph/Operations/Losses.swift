import NormaTensor

/// A loss that is the mean over rows of a function of scores `[N, classes]` and one label a row, which also gives its own
/// gradient → `[]`.
private struct RowLossOperation<Element: TensorElement>: TensorOperation {
  enum Kind {
    case softmaxCrossEntropy(smoothing: Double)
    case focal(focus: Double)
    case multiclassSVM
  }

  let kind: Kind
  let labels: [Int]
  let weights: [Double]?

  /// The gradient of the sum of all rows' losses, and what that is divided by.
  struct Saved {
    let gradient: Tensor<Element>
    let count: Double
  }

  var name: String {
    switch kind {
    case .softmaxCrossEntropy: "softmax cross-entropy"
    case .focal: "focal loss"
    case .multiclassSVM: "multiclass SVM"
    }
  }
  var rule: String {
    switch kind {
    case .softmaxCrossEntropy(let smoothing):
      "∂{0} = ∂{}·(softmax({0}) − \(smoothing == 0 ? "one-hot" : "smoothed one-hot"))/N"
    case .focal: "∂{0} = ∂{}·c·(softmax({0}) − one-hot)/N with c = (1 − p)^γ − γ·(1 − p)^(γ − 1)·p·log p at the label"
    case .multiclassSVM: "∂{0} = ∂{}/N where the margin is positive, less their number at the label"
    }
  }

  func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    guard inputs[0].rank == 2, inputs[0][0] == labels.count else {
      throw ShapeError(expected: "scores [\(labels.count), classes]", found: inputs[0])
    }
    return []
  }

  @specialized(where Element == Float)
  func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Saved) {
    let shape = inputs[0].shape
    require(shape.rank == 2, "scores of shape \(shape) are not [N, classes]")
    let (rows, classes) = (shape[0], shape[1])
    require(labels.count == rows, "\(labels.count) labels for scores of shape \(shape)")
    requireWeights(weights, rows)
    var total = 0.0
    var count = 0.0
    let gradient = Tensor<Element>(shape: shape) { gradient in
      inputs[0].withUnsafeElements { scores in
        guard let scores = scores.baseAddress, let gradient = gradient.baseAddress else { return }
        for (index, label) in labels.enumerated() {
          require(label >= 0 && label < classes, "label \(label) for \(classes) classes")
          let (scores, gradient) = (scores + index * classes, gradient + index * classes)
          let loss =
            switch kind {
            case .softmaxCrossEntropy(let smoothing): softmaxRow(scores, gradient, classes, label, smoothing: smoothing)
            case .focal(let focus): focalRow(scores, gradient, classes, label, focus: focus)
            case .multiclassSVM: hingeRow(scores, gradient, classes, label)
            }
          guard let weight = weights?[index] else {
            total += loss
            count += 1
            continue
          }
          total += weight * loss
          count += weight
          for place in 0..<classes { gradient[place] *= Element(weight) }
        }
      }
    }
    if count == 0 { count = 1 }
    return (.scalar(Element(total / count)), Saved(gradient: gradient, count: count))
  }

  func kept(for needs: Needs) -> KeptTensors { .input(0) }
  func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Saved) -> [Tensor<Element>?] {
    [(g.item / Element(saved.count)) * saved.gradient]
  }

  func backward(
    _ g: Variable<Element>, _ kept: KeptVariables<Element>, saved: Saved
  ) throws(DifferentiationError) -> [Variable<Element>?] {
    let x = kept.input(0)
    let (rows, classes) = (x.shape[0], x.shape[1])
    let shares = Variable(
      Tensor<Element>((0..<rows).map { Element((weights?[$0] ?? 1) / saved.count) }, shape: [rows]))
    switch kind {
    case .softmaxCrossEntropy(let smoothing):
      let targets =
        Element(1 - smoothing) * Tensor<Element>.oneHot(labels, count: classes)
        + Element(smoothing / Double(Swift.max(1, classes)))
      return [
        g.spread(to: x.shape) * (x.softmax() - Variable(targets)).multiplied(by: shares, broadcast: .perRow)
      ]
    case .focal(let focus):
      let places = labels.enumerated().map { $0 * classes + $1 }
      let logarithms = x.logSoftmax().reshaped(to: [rows * classes]).gathering(places, axis: 0)
      let losses = -(1 - logarithms.exponential()).raised(to: Element(focus)) * logarithms
      return try kept.gradients(of: (losses * shares).sum(), seed: g, withRespectTo: [x])
    case .multiclassSVM:
      // Made of straight pieces.
      return [g.spread(to: x.shape) * Variable(Element(1 / saved.count) * saved.gradient)]
    }
  }
  func savedBytes(for inputs: [Shape]) -> Int { inputs[0].elementCount * MemoryLayout<Element>.stride }
}

/// A loss that is the mean over all elements of a function of a prediction and a target → `[]`.
private struct ElementLossOperation<Element: TensorElement>: TensorOperation {
  enum Kind: Equatable {
    case squared
    case huber(threshold: Double)
    case binaryCrossEntropy
  }

  let kind: Kind
  let targets: Tensor<Element>
  let weights: [Double]?

  /// The gradient of the sum of all elements' losses, but for a factor of 2 of squares, and what that is divided by.
  struct Saved {
    let gradient: Tensor<Element>
    let count: Element
  }

  var name: String {
    switch kind {
    case .squared: "mean squared error"
    case .huber: "Huber loss"
    case .binaryCrossEntropy: "binary cross-entropy"
    }
  }
  var rule: String {
    switch kind {
    case .squared: "∂{0} = 2·∂{}·({0} − target)/n"
    case .huber(let threshold): "∂{0} = ∂{}·({0} − target)/n, the difference clamped to ±\(threshold)"
    case .binaryCrossEntropy: "∂{0} = ∂{}·(sigmoid({0}) − target)/n"
    }
  }

  func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    guard inputs[0] == targets.shape else { throw ShapeError(expected: "\(targets.shape)", found: inputs[0]) }
    return []
  }

  func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Saved) {
    let x = inputs[0]
    require(targets.shape == x.shape, "targets of shape \(targets.shape) for predictions of shape \(x.shape)")
    var (losses, gradient) = lossesAndGradient(x)
    var count = Element(Swift.max(1, x.count))
    if let weights {
      requireWeights(weights, x.rank > 0 ? x.shape[0] : 1)
      let factors = Tensor(weights.map { Element($0) })
      (losses, gradient) = (
        losses.flattenedRows.applying(.multiply, factors, broadcast: .perRow),
        gradient.flattenedRows.applying(.multiply, factors, broadcast: .perRow).reshaped(to: x.shape)
      )
      let sum = weights.reduce(0, +) * Double(x.count / Swift.max(1, weights.count))
      count = sum == 0 ? 1 : Element(sum)
    }
    return (.scalar(losses.sum() / count), Saved(gradient: gradient, count: count))
  }

  private func lossesAndGradient(_ x: Tensor<Element>) -> (losses: Tensor<Element>, gradient: Tensor<Element>) {
    let difference = x - targets
    switch kind {
    case .squared: return (difference.applying(.square), difference)
    case .huber(let threshold):
      return difference.mapPairs { d in
        let (d, bound) = (Double(d), threshold)
        return abs(d) <= bound
          ? (Element(0.5 * d * d), Element(d))
          : (Element(bound * (abs(d) - 0.5 * bound)), Element(d < 0 ? -bound : bound))
      }
    case .binaryCrossEntropy:
      // −t·log σ(x) − (1 − t)·log(1 − σ(x)) = max(x, 0) − x·t + log(1 + e^−|x|), which nothing overflows in.
      let probabilities = x.applying(.sigmoid)
      let losses = x.combined(targets) { x, t in
        let (x, t) = (Double(x), Double(t))
        return Element(Swift.max(x, 0) - x * t + Functions.logarithm(1 + Functions.exponential(-abs(x))))
      }
      return (losses, probabilities - targets)
    }
  }

  func kept(for needs: Needs) -> KeptTensors { .input(0) }
  func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Saved) -> [Tensor<Element>?] {
    [((kind == .squared ? 2 * g.item : g.item) / saved.count) * saved.gradient]
  }

  func backward(_ g: Variable<Element>, _ kept: KeptVariables<Element>, saved: Saved) -> [Variable<Element>?] {
    let x = kept.input(0)
    let slope: Variable<Element> =
      switch kind {
      case .squared: 2 * (x - Variable(targets))
      case .huber(let threshold): (x - Variable(targets)).clamped(to: -Element(threshold)...Element(threshold))
      case .binaryCrossEntropy: x.sigmoid() - Variable(targets)
      }
    var share = g.spread(to: x.shape) / saved.count
    if let weights {
      let length = x.shape.elementCount / Swift.max(1, weights.count)
      let factors = weights.flatMap { [Element](repeating: Element($0), count: length) }
      share = share * Variable(Tensor(factors, shape: x.shape))
    }
    return [share * slope]
  }
  func savedBytes(for inputs: [Shape]) -> Int { inputs[0].elementCount * MemoryLayout<Element>.stride }
}

/// Stops the program unless there is a weight for each row.
private func requireWeights(_ weights: [Double]?, _ rows: Int) {
  require(weights.map { $0.count == rows } ?? true, "\(weights?.count ?? 0) weights for \(rows) rows")
}

extension Tensor {
  /// The rows along the first axis, with the other axes in one.
  fileprivate var flattenedRows: Tensor { rank > 1 ? flattened() : reshaped(to: [count, 1]) }

  /// What a function makes of each element.
  fileprivate func mapPairs(_ function: (Element) -> (Element, Element)) -> (losses: Tensor, gradient: Tensor) {
    var second = Tensor.zeros(shape)
    let first = Tensor(shape: shape) { first in
      second.withUnsafeMutableElements { second in
        withUnsafeElements { x in
          for index in x.indices {
            let (a, b) = function(x[index])
            first.initializeElement(at: index, to: a)
            second[index] = b
          }
        }
      }
    }
    return (first, second)
  }

  /// What a function makes of each element and that of another tensor at its place.
  fileprivate func combined(_ other: Tensor, _ function: (Element, Element) -> Element) -> Tensor {
    Tensor(shape: shape) { result in
      withUnsafeElements { a in
        other.withUnsafeElements { b in
          for index in a.indices { result.initializeElement(at: index, to: function(a[index], b[index])) }
        }
      }
    }
  }
}

extension Variable {
  /// Softmax and cross-entropy in one, the mean over the rows: scores `[N, classes]`, one label a row → `[]`.
  ///
  /// The largest score of each row is subtracted first, so no exponential overflows. An empty batch has loss 0.
  ///
  /// - Parameters:
  ///   - labels: the class of each row.
  ///   - weights: how much each row counts, `[N]` numbers of at least 0: the loss is then `Σ wᵢ·lossᵢ / Σ wᵢ` over the rows i, as
  ///     PyTorch's `weight` has it for the rows' classes; nil if all count the same.
  ///   - labelSmoothing: the part ε of a row's target that is spread evenly over all K classes (Szegedy et al. 2016):
  ///     `1 − ε + ε/K` at the label, `ε/K` elsewhere.
  @specialized(where Element == Float)
  public func softmaxCrossEntropy(
    labels: [Int], weights: [Double]? = nil, labelSmoothing: Double = 0
  ) -> Variable {
    let operation = RowLossOperation<Element>(
      kind: .softmaxCrossEntropy(smoothing: labelSmoothing), labels: labels, weights: weights)
    return Graph.apply(operation, to: [self]).output
  }

  /// The focal loss, the mean over the rows of `−(1 − p)^focus · log p` with p the probability that softmax gives the label (Lin et
  /// al. 2017): scores `[N, classes]`, one label a row → `[]`. Rows are weighted as in
  /// ``softmaxCrossEntropy(labels:weights:labelSmoothing:)``, which it is with a focus of 0.
  public func focalLoss(labels: [Int], focus: Double, weights: [Double]? = nil) -> Variable {
    let operation = RowLossOperation<Element>(kind: .focal(focus: focus), labels: labels, weights: weights)
    return Graph.apply(operation, to: [self]).output
  }

  /// The multiclass support vector machine's loss, the mean over the rows: `Σⱼ max(0, xⱼ − x_label + 1)` over the wrong
  /// classes j. Scores `[N, classes]`, one label a row → `[]`. Rows are weighted as in
  /// ``softmaxCrossEntropy(labels:weights:labelSmoothing:)``.
  public func multiclassSVM(labels: [Int], weights: [Double]? = nil) -> Variable {
    let operation = RowLossOperation<Element>(kind: .multiclassSVM, labels: labels, weights: weights)
    return Graph.apply(operation, to: [self]).output
  }

  /// The mean of the squared differences over all elements → `[]`; with `weights` of the rows `[N]` the weighted mean.
  public func meanSquaredError(targets: Tensor<Element>, weights: [Double]? = nil) -> Variable {
    Graph.apply(ElementLossOperation(kind: .squared, targets: targets, weights: weights), to: [self]).output
  }

  /// Huber's loss (1964), the mean over all elements of `½·d²` where the difference d from the target is at most `threshold`, and of
  /// `threshold · (|d| − ½·threshold)` beyond → `[]`; with `weights` of the rows `[N]` the weighted mean.
  public func huberLoss(targets: Tensor<Element>, threshold: Double = 1, weights: [Double]? = nil) -> Variable {
    let operation = ElementLossOperation(kind: .huber(threshold: threshold), targets: targets, weights: weights)
    return Graph.apply(operation, to: [self]).output
  }

  /// Sigmoid and binary cross-entropy in one, the mean over all elements of `−t·log σ(x) − (1 − t)·log(1 − σ(x))` for targets t in
  /// 0…1 → `[]`; with `weights` of the rows `[N]` the weighted mean. Nothing overflows, however large a score is.
  public func binaryCrossEntropy(targets: Tensor<Element>, weights: [Double]? = nil) -> Variable {
    Graph.apply(ElementLossOperation(kind: .binaryCrossEntropy, targets: targets, weights: weights), to: [self]).output
  }
}

/// The loss of one row; its gradient goes to `gradient`.
@specialized(where Element == Float)
@specialized(where Element == Double)
private func softmaxRow<Element: TensorElement>(
  _ scores: UnsafePointer<Element>, _ gradient: UnsafeMutablePointer<Element>, _ classes: Int, _ label: Int,
  smoothing: Double
) -> Double {
  var largest = scores[0]
  for index in 1..<Swift.max(1, classes) where !(scores[index] <= largest) { largest = scores[index] }
  for index in 0..<classes { gradient[index] = scores[index] - largest }
  apply(.exponential, gradient, gradient, classes)
  var sum = 0.0
  for index in 0..<classes { sum += Double(gradient[index]) }
  for index in 0..<classes { gradient[index] = Element(Double(gradient[index]) / sum) }
  // The difference of two large scores may be beyond the element's range, where each of them is not.
  func distance(_ index: Int) -> Double {
    let distance = scores[index] - largest
    return distance.isFinite ? Double(distance) : Double(scores[index]) - Double(largest)
  }
  guard smoothing != 0 else {
    gradient[label] -= 1
    return Functions.logarithm(sum) - distance(label)
  }
  let share = smoothing / Double(classes)
  var distances = 0.0
  for index in 0..<classes {
    distances += distance(index)
    gradient[index] -= Element(share)
  }
  gradient[label] -= Element(1 - smoothing)
  return Functions.logarithm(sum) - ((1 - smoothing) * distance(label) + share * distances)
}

/// The loss of one row; its gradient goes to `gradient`.
@specialized(where Element == Float)
@specialized(where Element == Double)
private func focalRow<Element: TensorElement>(
  _ scores: UnsafePointer<Element>, _ gradient: UnsafeMutablePointer<Element>, _ classes: Int, _ label: Int,
  focus: Double
) -> Double {
  let loss = softmaxRow(scores, gradient, classes, label, smoothing: 0)
  // What is left of the label's probability, summed up from the others: one less it would lose its digits near 0.
  var rest = 0.0
  for index in 0..<classes where index != label { rest += Double(gradient[index]) }
  func power(_ exponent: Double) -> Double {
    exponent == 0
      ? 1 : rest == 0 ? (exponent > 0 ? 0 : .infinity) : Functions.exponential(exponent * Functions.logarithm(rest))
  }
  let weight = power(focus)
  let probability = Functions.exponential(-loss)
  let slope = focus == 0 || loss == 0 ? 0 : focus * power(focus - 1) * probability * loss
  for index in 0..<classes { gradient[index] *= Element(weight + slope) }
  return weight * loss
}

/// The loss of one row; its gradient goes to `gradient`.
@specialized(where Element == Float)
@specialized(where Element == Double)
private func hingeRow<Element: TensorElement>(
  _ scores: UnsafePointer<Element>, _ gradient: UnsafeMutablePointer<Element>, _ classes: Int, _ label: Int
) -> Double {
  var loss = 0.0
  var active: Element = 0
  for index in 0..<classes {
    let margin = scores[index] - scores[label] + 1
    // A NaN margin counts, so that it reaches the loss.
    let counts = index != label && !(margin <= 0)
    gradient[index] = counts ? 1 : 0
    if counts {
      loss += Double(margin)
      active += 1
    }
  }
  gradient[label] = -active
  return loss
}
