import Foundation
import NormaGraph
import NormaTensor
import TestSupport
import Testing

/// Losses, activations and the linear map against PyTorch's double-precision results.
///
/// u is the unit roundoff of the element type, v that of doubles. PyTorch's own rounding is that of a double, so every
/// bound is in terms of `U = u + 2v`; the factors count the roundings of the formula.
@Suite struct PyTorchParityTests {
  static let lossCases = ParityFixture.cases(of: "losses", LossSettings.self)
  static let activationCases = ParityFixture.cases(of: "activations", ActivationSettings.self)
  static let linearCases = ParityFixture.cases(of: "linear", LinearSettings.self)

  private func expect<Element: TensorElement>(
    _ x: Tensor<Element>, _ reference: Tensor<Double>, within bound: [Double], _ what: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(x.shape == reference.shape, "\(what)", sourceLocation: sourceLocation)
    let ratio = errorOverBound(x, reference: reference.elements, bound: bound)
    #expect(ratio <= 1, "\(what) in \(Element.self)", sourceLocation: sourceLocation)
  }

  // MARK: - Losses

  /// The bounds for a loss and each element of its gradient.
  private func bounds(_ parity: ParityCase<LossSettings>, unit: Double) -> (loss: Double, gradient: [Double]) {
    let scores: Tensor<Double> = parity.input("predictions")
    let gradient = parity.expected("gradient").elements
    let loss = parity.expected("loss").item
    let kind = parity.settings.kind
    // The share of each row in the loss.
    let rows = scores.shape[0]
    let weights =
      parity.settings.isWeighted ? parity.input("weights", Double.self).elements : .init(repeating: 1, count: rows)
    let shares = weights.map { $0 / weights.reduce(0, +) }
    let sumRounding = Double(scores.count + 4) * Double.unitRoundoff
    switch kind {
    case "mse", "huber":
      // The difference, its square (which doubles the first) or its product with the threshold, the weight, the sum's conversion and
      // the quotient; all terms positive.
      return ((7 * unit + sumRounding) * loss, gradient.map { 6 * unit * abs($0) })
    case "bce":
      // A term is found in double precision from numbers as large as the score, and rounded; the sigmoid of the gradient to five
      // units, and as in the others weight, sum and quotient.
      let x = scores.elements.map { abs($0) }
      let probabilities = scores.elements.map { 1 / (1 + exp(-$0)) }
      let columns = Double(scores.count / rows)
      func share(_ index: Int) -> Double { shares[index / (scores.count / rows)] / columns }
      return (
        (7 * unit + sumRounding) * loss
          + x.indices.reduce(0) { $0 + 4 * Double.unitRoundoff * (x[$1] + 1) * share($1) },
        gradient.indices.map { share($0) * 5 * unit * probabilities[$0] + 6 * unit * abs(gradient[$0]) }
      )
    default: break
    }
    let labels = parity.integers("targets")
    let classes = scores.shape[1]
    let sumError = Double(rows * classes + 4) * Double.unitRoundoff
    var lossError = 0.0
    var errors: [Double] = []
    for (row, label) in labels.enumerated() {
      let s = Array(scores.elements[row * classes..<(row + 1) * classes])
      let gradient = Array(gradient[row * classes..<(row + 1) * classes])
      if kind == "svm" {
        // Each margin rounds twice.
        for j in 0..<classes where j != label && s[j] - s[label] + 1 > 0 {
          let margin = s[j] - s[label] + 1
          lossError += shares[row] * (unit * (abs(s[j] - s[label]) + margin) + sumError * margin)
        }
        errors += gradient.map { 3 * unit * abs($0) }
        continue
      }
      // A shifted score d is off by u·|d|, so its exponential by the factor 1 + u·(|d| + 2), and the sum by that of
      // the weighted mean of |d|.
      let largest = s.max() ?? 0
      let d = s.map { largest - $0 }
      let exponentials = d.map { exp(-$0) }
      let sum = exponentials.reduce(0, +)
      let meanDistance = zip(exponentials, d).reduce(0) { $0 + $1.0 * $1.1 } / sum
      let smoothing = kind == "smoothed" ? 0.1 : 0
      let distance = (1 - smoothing) * d[label] + smoothing * d.reduce(0, +) / Double(classes)
      var rowError = unit * (meanDistance + 2 + distance) + sumError * (distance + log(sum))
      // What the focal loss multiplies the others by, and how far off that is: a power of what is left of the label's probability, whose
      // error is that of the probabilities it is summed up from, and its derivative.
      var (factor, factorError) = (1.0, 0.0)
      if let focus = ["focal": 2, "focal_half": 0.5][kind] {
        let rest = exponentials.indices.reduce(0) { $0 + ($1 == label ? 0 : exponentials[$1] / sum) }
        let restError = unit * ((d.max() ?? 0) + meanDistance + 6)
        let (p, nll) = (exponentials[label] / sum, d[label] + log(sum))
        let weight = pow(rest, focus)
        let slope = rest > 0 ? focus * pow(rest, focus - 1) * p : 0
        factor = weight + slope * nll
        factorError =
          weight * focus * restError + slope * (nll * (abs(focus - 1) * restError + rowError) + rowError)
          + 4 * unit * factor
        rowError = weight * (rowError + nll * (focus * restError + unit))
      }
      lossError += shares[row] * rowError
      for j in 0..<classes {
        let p = exponentials[j] / sum
        let error = unit * p * (d[j] + meanDistance + 6) + (j == label ? 2 * unit : 0) + (smoothing > 0 ? 2 * unit : 0)
        errors.append(
          shares[row] * (error * factor + factorError * abs(p - (j == label ? 1 : 0)))
            + 4 * unit * abs(gradient[j]) + 8 * Double(Float.leastNonzeroMagnitude))
      }
    }
    return (lossError + 3 * unit * loss, errors)
  }

  private func checkLoss<Element: TensorElement>(_ type: Element.Type, _ parity: ParityCase<LossSettings>) {
    let graph = Graph<Element>()
    let predictions = graph.input(parity.input("predictions"), name: "predictions")
    let weights = parity.settings.isWeighted ? parity.input("weights", Double.self).elements : nil
    let loss =
      switch parity.settings.kind {
      case "cross_entropy": predictions.softmaxCrossEntropy(labels: parity.integers("targets"), weights: weights)
      case "smoothed": predictions.softmaxCrossEntropy(labels: parity.integers("targets"), labelSmoothing: 0.1)
      case "focal": predictions.focalLoss(labels: parity.integers("targets"), focus: 2)
      case "focal_half": predictions.focalLoss(labels: parity.integers("targets"), focus: 0.5)
      case "svm": predictions.multiclassSVM(labels: parity.integers("targets"))
      case "huber": predictions.huberLoss(targets: parity.input("targets"), threshold: 0.75)
      case "bce": predictions.binaryCrossEntropy(targets: parity.input("targets"), weights: weights)
      default: predictions.meanSquaredError(targets: parity.input("targets"), weights: weights)
      }
    let bounds = bounds(parity, unit: Element.unitRoundoff + 2 * Double.unitRoundoff)
    expect(loss.value.reshaped(to: [1]), parity.expected("loss"), within: [bounds.loss], "loss")
    expect(graph.gradients(of: loss)[predictions], parity.expected("gradient"), within: bounds.gradient, "gradient")
  }

  @Test(arguments: lossCases) func lossesArePyTorchs(parity: ParityCase<LossSettings>) {
    #expect(
      ["cross_entropy", "smoothed", "focal", "focal_half", "svm", "mse", "huber", "bce"].contains(parity.settings.kind))
    checkLoss(Double.self, parity)
    checkLoss(Float.self, parity)
  }

  // MARK: - Activations

  /// The bounds for an activation's value and gradient at each element.
  private func bounds(
    _ parity: ParityCase<ActivationSettings>, unit: Double, smallest: Double
  ) -> (y: [Double], dx: [Double]) {
    let y = parity.expected("y").elements
    let dx = parity.settings.backward ? parity.expected("dx").elements : []
    let dy = parity.settings.backward ? parity.input("dy", Double.self).elements : []
    // Below the smallest normal number there are no relative errors to speak of.
    switch parity.settings.function {
    case "relu": return (y.map { _ in 0 }, dx.map { _ in 0 })
    case "leaky_relu":
      // The slope and the product are rounded.
      return (y.map { 2 * unit * abs($0) + smallest }, dx.map { 2 * unit * abs($0) + smallest })
    case "sigmoid":
      // The exponential to one unit in the last place (2u), its sum with 1, the quotient. In y·(1 − y) the second
      // factor has an absolute error of that of y, and two products round.
      return (
        y.map { 5 * unit * abs($0) + smallest }, zip(y, dy).map { 8 * unit * abs($0 * $1) + smallest }
      )
    default:
      // tanh to two units in the last place (4u); 1 − y² has twice that, and its own roundings, as absolute error.
      return (
        y.map { 4 * unit * abs($0) + smallest }, dy.map { 12 * unit * abs($0) + smallest }
      )
    }
  }

  private func checkActivation<Element: TensorElement>(
    _ type: Element.Type, _ parity: ParityCase<ActivationSettings>
  ) {
    let graph = Graph<Element>()
    let x = graph.input(parity.input("x"), name: "x")
    let y =
      switch parity.settings.function {
      case "relu": x.relu()
      case "leaky_relu": x.leakyReLU(slope: Element(parity.settings.slope ?? .nan))
      case "sigmoid": x.sigmoid()
      default: x.hyperbolicTangent()
      }
    let expected = parity.expected("y").elements
    let bounds = bounds(
      parity, unit: Element.unitRoundoff + 2 * Double.unitRoundoff, smallest: Double(Element.leastNormalMagnitude))
    #expect(y.shape == parity.expected("y").shape)
    for (index, value) in y.value.elements.enumerated() {
      if expected[index].isNaN {
        #expect(value.isNaN)
      } else {
        #expect(
          Double(value) == expected[index] || abs(Double(value) - expected[index]) <= bounds.y[index],
          "\(Element.self) at \(x.value.elements[index])")
      }
    }
    guard parity.settings.backward else { return }
    let gradient = graph.gradients(of: y, seed: parity.input("dy"))[x]
    expect(gradient, parity.expected("dx"), within: bounds.dx, "dx")
  }

  @Test(arguments: activationCases) func activationsArePyTorchs(parity: ParityCase<ActivationSettings>) {
    #expect(["relu", "leaky_relu", "sigmoid", "tanh"].contains(parity.settings.function))
    checkActivation(Double.self, parity)
    checkActivation(Float.self, parity)
  }

  // MARK: - The linear map

  /// An inner product of k terms is off by at most k·u·Σ|a||b| in any order (Higham 2002, equation 3.5), on either side;
  /// the bias adds one more term.
  private func checkLinear<Element: TensorElement>(_ type: Element.Type, _ parity: ParityCase<LinearSettings>) {
    let unit = Element.unitRoundoff + 2 * Double.unitRoundoff
    let (inputs, outputs) = (parity.settings.inputs, parity.settings.outputs)
    func magnitudes(_ name: String, columns: Int) -> Tensor<Double> {
      let tensor: Tensor<Double> = parity.input(name)
      return Tensor(tensor.elements.map(abs), shape: [tensor.count / columns, columns])
    }
    let (x, dy) = (magnitudes("x", columns: inputs), magnitudes("dy", columns: outputs))
    let weight = magnitudes("weight", columns: inputs)
    let rows = x.shape[0]

    let graph = Graph<Element>()
    let input = graph.input(parity.input("x"), name: "x")
    let w = graph.parameter(parity.input("weight"), name: "weight")
    let bias = parity.settings.bias ? graph.parameter(parity.input("bias"), name: "bias") : nil
    let y = input.linear(weight: w, bias: bias)
    var yMagnitudes = x.matrixProduct(weight, transposingOther: true)
    if bias != nil {
      yMagnitudes = yMagnitudes.applying(.add, magnitudes("bias", columns: 1), broadcast: .perChannel)
    }
    expect(y.value, parity.expected("y"), within: yMagnitudes.elements.map { Double(inputs + 1) * unit * $0 }, "y")
    let gradients = graph.gradients(of: y, seed: parity.input("dy"))
    expect(
      gradients[input], parity.expected("dx"),
      within: dy.matrixProduct(weight).elements.map { Double(outputs) * unit * $0 }, "dx")
    expect(
      gradients[w], parity.expected("dweight"),
      within: dy.matrixProduct(x, transposingSelf: true).elements.map { Double(rows) * unit * $0 }, "dweight")
    if let bias {
      // Added up in double precision and rounded once.
      let bounds = zip(dy.sumOverRows().elements, parity.expected("dbias").elements).map {
        unit * abs($1) + 2 * Double(rows) * Double.unitRoundoff * $0
      }
      expect(gradients[bias], parity.expected("dbias"), within: bounds, "dbias")
    }
  }

  @Test(arguments: linearCases) func theLinearMapIsPyTorchs(parity: ParityCase<LinearSettings>) {
    checkLinear(Double.self, parity)
    checkLinear(Float.self, parity)
  }
}
