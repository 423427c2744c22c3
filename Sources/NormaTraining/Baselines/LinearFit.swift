import NormaData
import NormaTensor

/// The weights and biases of the best linear model on standardized features.
struct LinearFit {
  /// `[features, outputs]`, and `[outputs]`.
  let weights: Tensor<Double>, bias: Tensor<Double>
  /// Whether the optimum was reached.
  let isConverged: Bool

  private init(weights: Tensor<Double>, bias: Tensor<Double>, isConverged: Bool) {
    (self.weights, self.bias, self.isConverged) = (weights, bias, isConverged)
  }

  /// Fits on features `[N, D]` of mean 0.
  init<Element: TensorElement>(_ features: Tensor<Element>, _ targets: Dataset<Float>.Targets, outputs: Int) {
    let (rows, width) = (features.shape[0], features.shape[1])
    if case .values(let values) = targets, rows * width * min(rows, width) <= 1 << 31 {
      self = .ridge(features.converted(), targets: values.converted())
      return
    }
    // Softmax with two classes splits a weight in two, whose squares are together half of its own.
    let penalty = if case .classes(_, 2) = targets { 2.0 } else { 1.0 }
    let objective = LinearObjective(features: features, targets: targets, outputs: outputs, penalty: penalty)
    // Products of Float leave a gradient uncertain by some 1e-6.
    let minimizer =
      Element.self == Double.self
      ? LimitedMemoryBFGS(tolerance: 1e-8, iterations: 2000) : LimitedMemoryBFGS(tolerance: 1e-5, iterations: 100)
    let found = minimizer.minimum(
      from: [Double](repeating: 0, count: (width + 1) * outputs), of: objective.callAsFunction)
    let split = width * outputs
    self = LinearFit(
      weights: Tensor(found.point[..<split], shape: [width, outputs]),
      bias: Tensor(found.point[split...], shape: [outputs]), isConverged: found.isConverged)
  }

  /// Ridge regression by its normal equations `(XᵀX + I) w = Xᵀ(y − ȳ)`, or `w = Xᵀ(XXᵀ + I)⁻¹(y − ȳ)` where that is smaller. With
  /// standardized features the matrix's condition is at most N·D + 1, which leaves Double half of its digits or more.
  private static func ridge(_ features: Tensor<Double>, targets: Tensor<Double>) -> LinearFit {
    let (rows, width, outputs) = (features.shape[0], features.shape[1], targets.shape[1])
    var means = [Double](repeating: 0, count: outputs)
    // From the first row on, so that a large common offset costs nothing.
    for row in 0..<rows { for output in 0..<outputs { means[output] += targets[row, output] - targets[0, output] } }
    for output in 0..<outputs { means[output] = means[output] / Double(rows) + targets[0, output] }
    let bias = Tensor(means)
    let centred = targets.applying(.subtract, bias, broadcast: .perChannel)
    if width <= rows {
      var gram = features.matrixProduct(features, transposingSelf: true)
      var weights = features.matrixProduct(centred, transposingSelf: true)
      for index in 0..<width { gram[index, index] += 1 }
      solve(&gram, &weights)
      return LinearFit(weights: weights, bias: bias, isConverged: true)
    } else {
      var gram = features.matrixProduct(features, transposingOther: true)
      var dual = centred
      for index in 0..<rows { gram[index, index] += 1 }
      solve(&gram, &dual)
      return LinearFit(
        weights: features.matrixProduct(dual, transposingSelf: true), bias: bias, isConverged: true)
    }
  }
}

/// Solves `A x = b` in place for a symmetric positive definite `A` of `[M, M]` and `b` of `[M, K]`, by Cholesky's `A = LLᵀ`. `A` is
/// destroyed.
private func solve(_ matrix: inout Tensor<Double>, _ right: inout Tensor<Double>) {
  let (size, columns) = (right.shape[0], right.shape[1])
  matrix.withUnsafeMutableElements { a in
    right.withUnsafeMutableElements { b in
      for row in 0..<size {
        for column in 0...row {
          var sum = a[row * size + column]
          for inner in 0..<column { sum -= a[row * size + inner] * a[column * size + inner] }
          a[row * size + column] = row == column ? sum.squareRoot() : sum / a[column * size + column]
        }
      }
      for column in 0..<columns {
        for row in 0..<size {
          for inner in 0..<row { b[row * columns + column] -= a[row * size + inner] * b[inner * columns + column] }
          b[row * columns + column] /= a[row * size + row]
        }
        for row in (0..<size).reversed() {
          for inner in row + 1..<size {
            b[row * columns + column] -= a[inner * size + row] * b[inner * columns + column]
          }
          b[row * columns + column] /= a[row * size + row]
        }
      }
    }
  }
}

/// The mean loss of the examples and a penalty, as a function of weights and biases one behind the other:
/// `(Σ loss + penalty/2·‖W‖²) / N`.
private struct LinearObjective<Element: TensorElement> {
  let features: Tensor<Element>
  let targets: Dataset<Float>.Targets
  let outputs: Int
  let penalty: Double

  func callAsFunction(_ point: [Double]) -> (value: Double, gradient: [Double]) {
    let (rows, width) = (features.shape[0], features.shape[1])
    let split = width * outputs
    let scale = 1 / Double(rows)
    let scores = features.matrixProduct(
      Tensor<Double>(point[..<split], shape: [width, outputs]).converted(to: Element.self)
    ).converted(to: Double.self)
      .applying(.add, Tensor<Double>(point[split...], shape: [outputs]), broadcast: .perChannel)
    var value = 0.0
    let slopes = Tensor<Double>(shape: scores.shape) { slopes in
      value = scores.withUnsafeElements { scores in
        switch targets {
        case .classes(let labels, _): crossEntropy(scores, labels, slopes: slopes)
        case .values(let values): values.withUnsafeElements { halfSquares(scores, $0, slopes: slopes) }
        }
      }
      for index in slopes.indices { slopes[index] *= scale }
    }
    let products = features.matrixProduct(slopes.converted(to: Element.self), transposingSelf: true)
      .converted(to: Double.self)
    var gradient = products.elements + [Double](repeating: 0, count: outputs)
    slopes.withUnsafeElements { slopes in
      for index in slopes.indices { gradient[split + index % outputs] += slopes[index] }
    }
    var squares = 0.0
    for index in 0..<split {
      squares += point[index] * point[index]
      gradient[index] += penalty * scale * point[index]
    }
    return ((value + penalty / 2 * squares) * scale, gradient)
  }

  /// The sum of `log Σ Functions.exponential(scores) − score of the label`, and its slopes `softmax − one-hot`.
  private func crossEntropy(
    _ scores: UnsafeBufferPointer<Double>, _ labels: [Int], slopes: UnsafeMutableBufferPointer<Double>
  ) -> Double {
    var total = 0.0
    for (row, label) in labels.enumerated() {
      let start = row * outputs
      var highest = scores[start]
      for index in start..<start + outputs { highest = max(highest, scores[index]) }
      var sum = 0.0
      for index in start..<start + outputs {
        let exponential = Functions.exponential(scores[index] - highest)
        slopes[index] = exponential
        sum += exponential
      }
      for index in start..<start + outputs { slopes[index] /= sum }
      slopes[start + label] -= 1
      total += Functions.logarithm(sum) + highest - scores[start + label]
    }
    return total
  }

  /// The sum of half the squared errors, and its slopes, the errors.
  private func halfSquares(
    _ scores: UnsafeBufferPointer<Double>, _ values: UnsafeBufferPointer<Float>,
    slopes: UnsafeMutableBufferPointer<Double>
  ) -> Double {
    var total = 0.0
    for index in scores.indices {
      slopes[index] = scores[index] - Double(values[index])
      total += slopes[index] * slopes[index] / 2
    }
    return total
  }
}
