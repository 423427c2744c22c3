import Foundation
import NormaGraph
import NormaTensor
import TestSupport
import Testing

@Suite struct LossTests {
  private let labels = (0..<50).map { $0 * 7 % 10 }

  // CS231n 2019, assignment 2, FullyConnectedNets.ipynb, "Loss layers": of scores near 0 the SVM's loss is 9, a margin of 1
  // for each wrong class, and the softmax's ln 10.
  @Test func lossesOfSmallScoresAreThoseOfGuessing() {
    var generator = RandomGenerator(seed: 91)
    let scores = Variable(Tensor<Double>.normal([50, 10], standardDeviation: 0.001, using: &generator))
    // Nine margins of deviation 0.001·√2 each, averaged over 50 rows, but for the label's own score common to them.
    #expect(abs(scores.multiclassSVM(labels: labels).value.item - 9) < 9 * 0.001 * 2.0.squareRoot())
    #expect(abs(scores.softmaxCrossEntropy(labels: labels).value.item - Foundation.log(10)) < 0.001)
  }

  @Test func gradientsOfSmallScoresAgreeWithDifferences() {
    var generator = RandomGenerator(seed: 92)
    let scores = Tensor<Double>.normal([50, 10], standardDeviation: 0.001, using: &generator)
    // The SVM's loss is linear between its kinks, a margin of 1 away: a large step only lessens the rounding.
    let svm = checkGradients(at: [scores], step: 0.01) { $0[0].multiclassSVM(labels: labels) }
    #expect(svm[0].relativeError <= 1e-9)
    // For the softmax, h = 1e-4 balances a truncation of h²/6 against the rounding of 2.3 over h·0.002.
    let softmax = checkGradients(at: [scores], step: 1e-4) { $0[0].softmaxCrossEntropy(labels: labels) }
    #expect(softmax[0].relativeError <= 1e-8)
  }

  @Test func rowsCountAsMuchAsTheirWeightsSay() {
    let scores = Tensor<Double>([1, 3, 2.5, 0.5, -1, 4, 0, 0, 0.5], shape: [3, 3])
    let rows = (0..<3).map { Variable(scores[rows: $0..<$0 + 1]) }
    let (labels, weights) = ([2, 0, 2], [2.0, 0.5, 2])
    let losses = zip(rows, labels).map { $0.softmaxCrossEntropy(labels: [$1]).value.item }
    let expected = (2 * losses[0] + 0.5 * losses[1] + 2 * losses[2]) / 4.5
    let loss = Variable(scores).softmaxCrossEntropy(labels: labels, weights: weights).value.item
    // Three products and sums, and a quotient.
    #expect(abs(loss - expected) < 8 * Double.unitRoundoff * expected)
    let margins = zip(rows, labels).map { $0.multiclassSVM(labels: [$1]).value.item }
    #expect(
      abs(
        Variable(scores).multiclassSVM(labels: labels, weights: weights).value.item
          - (2 * margins[0] + 0.5 * margins[1] + 2 * margins[2]) / 4.5) < 8 * Double.unitRoundoff * 10)
    let softmax = checkGradients(at: [scores], step: 1e-4) {
      $0[0].softmaxCrossEntropy(labels: labels, weights: weights)
    }
    #expect(softmax[0].relativeError <= 1e-7)
    let svm = checkGradients(at: [scores], step: 0.01) { $0[0].multiclassSVM(labels: labels, weights: weights) }
    #expect(svm[0].relativeError <= 1e-9)
  }

  @Test func lossesAreTheMeanOverTheRowsOfTheirFormulas() {
    let scores = Tensor<Double>([1, 3, 2, 0.5, -1, 4], shape: [2, 3])
    let exponentials = scores.elements.map { Foundation.exp($0) }
    let softmax =
      -Foundation.log(exponentials[2] / exponentials[0...2].reduce(0, +))
      - Foundation.log(exponentials[3] / exponentials[3...5].reduce(0, +))
    let x = Variable(scores)
    #expect(abs(x.softmaxCrossEntropy(labels: [2, 0]).value.item - softmax / 2) < 1e-14)
    // Margins 1 − 2 + 1 = 0 and 3 − 2 + 1 = 2; −1 − 0.5 + 1 < 0 and 4 − 0.5 + 1 = 4.5.
    #expect(x.multiclassSVM(labels: [2, 0]).value.item == 3.25)
    // Differences 1, 0, −2, 0, 0 and 3.
    #expect(x.meanSquaredError(targets: Tensor([0, 3, 4, 0.5, -1, 1], shape: [2, 3])).value.item == 14.0 / 6)
  }

  private func checkExtremes<Element: TensorElement>(_ type: Element.Type) {
    for magnitude in [1e3, 1e30] as [Element] {
      let scores = Tensor<Element>([magnitude, -magnitude, 0, -magnitude, magnitude, 0], shape: [2, 3])
      let graph = Graph<Element>()
      let x = graph.input(scores, name: "scores")
      for labels in [[0, 1], [1, 0], [2, 2]] {
        for loss in [x.softmaxCrossEntropy(labels: labels), x.multiclassSVM(labels: labels)] {
          #expect(loss.value.isFinite && graph.gradients(of: loss)[x].isFinite)
        }
      }
      #expect(x.softmaxCrossEntropy(labels: [0, 1]).value.item == 0)
      #expect(x.softmaxCrossEntropy(labels: [1, 0]).value.item == 2 * magnitude)
      #expect(graph.gradients(of: x.softmaxCrossEntropy(labels: [1, 0]))[x].elements == [0.5, -0.5, 0, -0.5, 0.5, 0])
    }
  }

  @Test func extremeScoresHaveFiniteLossesAndGradients() {
    checkExtremes(Float.self)
    checkExtremes(Double.self)
  }

  @Test func aScoreThatIsNotANumberReachesTheLoss() {
    for place in 0..<3 {
      var scores = Tensor<Float>.ones([1, 3])
      scores[0, place] = .nan
      #expect(Variable(scores).softmaxCrossEntropy(labels: [1]).value.item.isNaN)
      #expect(Variable(scores).multiclassSVM(labels: [1]).value.item.isNaN)
      #expect(Variable(scores).meanSquaredError(targets: .ones([1, 3])).value.item.isNaN)
    }
  }

  @Test func anEmptyBatchHasALossOfZero() {
    let graph = Graph<Double>()
    let x = graph.input(.zeros([0, 3]), name: "scores")
    for loss in [
      x.softmaxCrossEntropy(labels: []), x.multiclassSVM(labels: []), x.meanSquaredError(targets: .zeros([0, 3])),
    ] {
      #expect(loss.value.item == 0 && graph.gradients(of: loss)[x].shape == [0, 3])
    }
  }

  @Test func theSoftmaxsGradientOfARowAddsUpToZero() {
    var generator = RandomGenerator(seed: 93)
    let graph = Graph<Double>()
    let x = graph.input(.normal([20, 7], standardDeviation: 5, using: &generator), name: "scores")
    let gradient = graph.gradients(of: x.softmaxCrossEntropy(labels: (0..<20).map { $0 % 7 }))[x]
    #expect(gradient.sumOverChannels().elements.allSatisfy { abs($0) < 10 * Double.unitRoundoff })
  }
}

@Suite struct DropoutTests {
  @Test(arguments: [0.25, 0.4, 0.7, 1]) func dropoutKeepsTheExpectation(keepProbability: Double) {
    var generator = RandomGenerator(seed: 94)
    let count = 250_000
    let y = Variable(Tensor<Double>(repeating: 10, shape: [500, 500]))
      .dropout(keepProbability: keepProbability, using: &generator).value
    // A value is 10/p with probability p: its variance is 100·(1/p − 1). Five deviations of the mean, and of the share of
    // zeros, a binomial one.
    let deviation = 10 * (1 / keepProbability - 1).squareRoot() / Double(count).squareRoot()
    #expect(abs(y.mean() - 10) <= 5 * deviation)
    let zeros = Double(y.elements.filter { $0 == 0 }.count) / Double(count)
    let share = (keepProbability * (1 - keepProbability) / Double(count)).squareRoot()
    #expect(abs(zeros - (1 - keepProbability)) <= 5 * share)
    #expect(y.elements.allSatisfy { $0 == 0 || $0 == 10 * (1 / keepProbability) })
  }

  @Test func theGradientPassesWhereTheValueDid() {
    var generator = RandomGenerator(seed: 95)
    let graph = Graph<Float>()
    let x = graph.input(.ones([30, 3]), name: "x")
    let y = x.dropout(keepProbability: 0.5, using: &generator)
    #expect(graph.gradients(of: y)[x] == y.value)
  }

  @Test func theSameGeneratorDropsTheSameAndMovesOn() {
    var first = RandomGenerator(seed: 96)
    var second = first
    let x = Variable(Tensor<Float>.ones([100]))
    let y = x.dropout(keepProbability: 0.5, using: &first).value
    #expect(x.dropout(keepProbability: 0.5, using: &second).value == y)
    #expect(x.dropout(keepProbability: 0.5, using: &second).value != y)
  }
}

extension LossTests {
  @Test func scoresNearTheEndOfTheRangeHaveTheLossThatDoubleFinds() {
    let scores: [Float] = [3e38, 0, -3e37]
    for label in 0..<3 {
      let loss = Variable(Tensor(scores, shape: [1, 3])).softmaxCrossEntropy(labels: [label]).value.item
      // All but the largest score have a probability of 0: the loss is the distance from it, rounded once.
      #expect(loss == Float(Double(scores[0]) - Double(scores[label])))
    }
  }
}
