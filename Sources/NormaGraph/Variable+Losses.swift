import NormaTensor

extension Variable {
  /// Softmax and cross-entropy in one, the mean over the rows: scores `[N, classes]`, one label a row → `[]`.
  ///
  /// The largest score of each row is subtracted first, so no exponential overflows. An empty batch has loss 0.
  ///
  /// - Parameters:
  ///   - labels: the class of each row.
  ///   - classWeights: how much a row of each class counts, numbers above 0: the loss is then `Σ wᵢ·lossᵢ / Σ wᵢ` over the rows
  ///     i, as PyTorch's `weight` has it; nil if all count the same.
  public func softmaxCrossEntropy(labels: [Int], classWeights: [Double]? = nil) -> Variable {
    rowLoss(
      "softmax cross-entropy", rule: "∂{0} = ∂{}·(softmax({0}) − one-hot)/N", labels: labels,
      classWeights: classWeights, softmaxRow)
  }

  /// The multiclass support vector machine's loss, the mean over the rows: `Σⱼ max(0, xⱼ − x_label + 1)` over the wrong
  /// classes j. Scores `[N, classes]`, one label a row → `[]`. Classes are weighted as in
  /// ``softmaxCrossEntropy(labels:classWeights:)``.
  public func multiclassSVM(labels: [Int], classWeights: [Double]? = nil) -> Variable {
    rowLoss(
      "multiclass SVM", rule: "∂{0} = ∂{}/N where the margin is positive, less their number at the label",
      labels: labels, classWeights: classWeights, hingeRow)
  }

  /// The mean of the squared differences over all elements → `[]`.
  public func meanSquaredError(targets: Tensor<Element>) -> Variable {
    require(targets.shape == shape, "targets of shape \(targets.shape) for predictions of shape \(shape)")
    let difference = value - targets
    let count = Element(Swift.max(1, difference.count))
    return Graph.record(
      "mean squared error", rule: "∂{0} = 2·∂{}·({0} − target)/n", inputs: [self],
      value: .scalar(difference.sumOfSquares() / count)
    ) { g in [(2 * g.item / count) * difference] }
  }

  /// A loss that is the mean over rows of a function that also gives its own gradient.
  @specialized(where Element == Float)
  private func rowLoss(
    _ name: String, rule: String, labels: [Int], classWeights: [Double]?,
    _ row: (UnsafePointer<Element>, UnsafeMutablePointer<Element>, Int, Int) -> Double
  ) -> Variable {
    require(shape.rank == 2, "scores of shape \(shape) are not [N, classes]")
    let (rows, classes) = (shape[0], shape[1])
    require(labels.count == rows, "\(labels.count) labels for scores of shape \(shape)")
    require(
      classWeights.map { $0.count == classes } ?? true, "\(classWeights?.count ?? 0) weights for \(classes) classes")
    var total = 0.0
    var count = 0.0
    let gradient = Tensor<Element>(shape: shape) { gradient in
      value.withUnsafeElements { scores in
        guard let scores = scores.baseAddress, let gradient = gradient.baseAddress else { return }
        for (index, label) in labels.enumerated() {
          require(label >= 0 && label < classes, "label \(label) for \(classes) classes")
          let loss = row(scores + index * classes, gradient + index * classes, classes, label)
          guard let weight = classWeights?[label] else {
            total += loss
            count += 1
            continue
          }
          total += weight * loss
          count += weight
          for place in index * classes..<(index + 1) * classes { gradient[place] *= Element(weight) }
        }
      }
    }
    if count == 0 { count = 1 }
    return Graph.record(name, rule: rule, inputs: [self], value: .scalar(Element(total / count))) { [count] g in
      [(g.item / Element(count)) * gradient]
    }
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
  var sum = 0.0
  for index in 0..<classes {
    gradient[index] = Element.exp(scores[index] - largest)
    sum += Double(gradient[index])
  }
  for index in 0..<classes { gradient[index] = Element(Double(gradient[index]) / sum) }
  gradient[label] -= 1
  return Double.log(sum) - Double(scores[label] - largest)
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
