import NormaTensor

extension Variable {
  /// Softmax and cross-entropy in one, the mean over the rows: scores `[N, classes]`, one label a row → `[]`.
  ///
  /// The largest score of each row is subtracted first, so no exponential overflows. An empty batch has loss 0.
  public func softmaxCrossEntropy(labels: [Int]) -> Variable {
    rowLoss("softmax cross-entropy", rule: "∂{0} = ∂{}·(softmax({0}) − one-hot)/N", labels: labels, softmaxRow)
  }

  /// The multiclass support vector machine's loss, the mean over the rows: `Σⱼ max(0, xⱼ − x_label + 1)` over the wrong
  /// classes j. Scores `[N, classes]`, one label a row → `[]`.
  public func multiclassSVM(labels: [Int]) -> Variable {
    rowLoss(
      "multiclass SVM", rule: "∂{0} = ∂{}/N where the margin is positive, less their number at the label",
      labels: labels, hingeRow)
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
    _ name: String, rule: String, labels: [Int],
    _ row: (UnsafePointer<Element>, UnsafeMutablePointer<Element>, Int, Int) -> Double
  ) -> Variable {
    require(shape.rank == 2, "scores of shape \(shape) are not [N, classes]")
    let (rows, classes) = (shape[0], shape[1])
    require(labels.count == rows, "\(labels.count) labels for scores of shape \(shape)")
    var total = 0.0
    let gradient = Tensor<Element>(shape: shape) { gradient in
      value.withUnsafeElements { scores in
        guard let scores = scores.baseAddress, let gradient = gradient.baseAddress else { return }
        for (index, label) in labels.enumerated() {
          require(label >= 0 && label < classes, "label \(label) for \(classes) classes")
          total += row(scores + index * classes, gradient + index * classes, classes, label)
        }
      }
    }
    let count = Double(Swift.max(1, rows))
    return Graph.record(name, rule: rule, inputs: [self], value: .scalar(Element(total / count))) { g in
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
