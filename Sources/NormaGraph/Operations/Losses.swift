import NormaTensor

/// A loss that is the mean over rows of a function of scores `[N, classes]` and one label a row, which also gives its own
/// gradient → `[]`.
private struct RowLossOperation<Element: TensorElement>: TensorOperation {
  enum Kind { case softmaxCrossEntropy, multiclassSVM }

  let kind: Kind
  let labels: [Int]
  let classWeights: [Double]?

  /// The gradient of the sum of all rows' losses, and what that is divided by.
  struct Saved {
    let gradient: Tensor<Element>
    let count: Double
  }

  var name: String { kind == .softmaxCrossEntropy ? "softmax cross-entropy" : "multiclass SVM" }
  var rule: String {
    kind == .softmaxCrossEntropy
      ? "∂{0} = ∂{}·(softmax({0}) − one-hot)/N"
      : "∂{0} = ∂{}/N where the margin is positive, less their number at the label"
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
    require(
      classWeights.map { $0.count == classes } ?? true, "\(classWeights?.count ?? 0) weights for \(classes) classes")
    var total = 0.0
    var count = 0.0
    let gradient = Tensor<Element>(shape: shape) { gradient in
      inputs[0].withUnsafeElements { scores in
        guard let scores = scores.baseAddress, let gradient = gradient.baseAddress else { return }
        for (index, label) in labels.enumerated() {
          require(label >= 0 && label < classes, "label \(label) for \(classes) classes")
          let (scores, gradient) = (scores + index * classes, gradient + index * classes)
          let loss =
            kind == .softmaxCrossEntropy
            ? softmaxRow(scores, gradient, classes, label) : hingeRow(scores, gradient, classes, label)
          guard let weight = classWeights?[label] else {
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

  func kept(for needs: Needs) -> KeptTensors { [] }
  func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Saved) -> [Tensor<Element>?] {
    [(g.item / Element(saved.count)) * saved.gradient]
  }
  func savedBytes(for inputs: [Shape]) -> Int { inputs[0].elementCount * MemoryLayout<Element>.stride }
}

/// The mean of the squared differences from targets over all elements → `[]`.
private struct MeanSquaredErrorOperation<Element: TensorElement>: TensorOperation {
  let targets: Tensor<Element>

  /// The differences.
  typealias Saved = Tensor<Element>

  var name: String { "mean squared error" }
  var rule: String { "∂{0} = 2·∂{}·({0} − target)/n" }

  func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    guard inputs[0] == targets.shape else { throw ShapeError(expected: "\(targets.shape)", found: inputs[0]) }
    return []
  }
  private func count(_ difference: Tensor<Element>) -> Element { Element(Swift.max(1, difference.count)) }

  func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Tensor<Element>) {
    require(
      targets.shape == inputs[0].shape, "targets of shape \(targets.shape) for predictions of shape \(inputs[0].shape)")
    let difference = inputs[0] - targets
    return (.scalar(difference.sumOfSquares() / count(difference)), difference)
  }
  func kept(for needs: Needs) -> KeptTensors { [] }
  func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Tensor<Element>) -> [Tensor<Element>?] {
    [(2 * g.item / count(saved)) * saved]
  }
  func savedBytes(for inputs: [Shape]) -> Int { inputs[0].elementCount * MemoryLayout<Element>.stride }
}

extension Variable {
  /// Softmax and cross-entropy in one, the mean over the rows: scores `[N, classes]`, one label a row → `[]`.
  ///
  /// The largest score of each row is subtracted first, so no exponential overflows. An empty batch has loss 0.
  ///
  /// - Parameters:
  ///   - labels: the class of each row.
  ///   - classWeights: how much a row of each class counts, numbers above 0: the loss is then `Σ wᵢ·lossᵢ / Σ wᵢ` over the rows
  ///     i, as PyTorch's `weight` has it; nil if all count the same.
  @specialized(where Element == Float)
  public func softmaxCrossEntropy(labels: [Int], classWeights: [Double]? = nil) -> Variable {
    let operation = RowLossOperation<Element>(
      kind: .softmaxCrossEntropy, labels: labels, classWeights: classWeights)
    return Graph.apply(operation, to: [self]).output
  }

  /// The multiclass support vector machine's loss, the mean over the rows: `Σⱼ max(0, xⱼ − x_label + 1)` over the wrong
  /// classes j. Scores `[N, classes]`, one label a row → `[]`. Classes are weighted as in
  /// ``softmaxCrossEntropy(labels:classWeights:)``.
  public func multiclassSVM(labels: [Int], classWeights: [Double]? = nil) -> Variable {
    let operation = RowLossOperation<Element>(kind: .multiclassSVM, labels: labels, classWeights: classWeights)
    return Graph.apply(operation, to: [self]).output
  }

  /// The mean of the squared differences over all elements → `[]`.
  public func meanSquaredError(targets: Tensor<Element>) -> Variable {
    Graph.apply(MeanSquaredErrorOperation(targets: targets), to: [self]).output
  }
}

/// The loss of one row; its gradient goes to `gradient`.
@specialized(where Element == Float)
@specialized(where Element == Double)
private func softmaxRow<Element: TensorElement>(
  _ scores: UnsafePointer<Element>, _ gradient: UnsafeMutablePointer<Element>, _ classes: Int, _ label: Int
) -> Double {
  var largest = scores[0]
  for index in 1..<Swift.max(1, classes) where !(scores[index] <= largest) { largest = scores[index] }
  for index in 0..<classes { gradient[index] = scores[index] - largest }
  apply(.exponential, gradient, gradient, classes)
  var sum = 0.0
  for index in 0..<classes { sum += Double(gradient[index]) }
  for index in 0..<classes { gradient[index] = Element(Double(gradient[index]) / sum) }
  gradient[label] -= 1
  let distance = scores[label] - largest
  // The difference of two large scores may be beyond the element's range, where each of them is not.
  return Functions.logarithm(sum) - (distance.isFinite ? Double(distance) : Double(scores[label]) - Double(largest))
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
