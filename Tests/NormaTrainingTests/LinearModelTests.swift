import Foundation
import Norma
import TestSupport
import Testing

/// What scikit-learn's linear models give, see `Tests/Fixtures/make_linear_fixtures.py`.
private struct LinearCase: Decodable {
  var name: String
  var training: Int, classes: Int, width: Int
  var features: [Float], targets: [Float]
  var answers: [Double]
  var score: Double

  static func all() throws -> [LinearCase] {
    try JSONDecoder().decode(
      [LinearCase].self, from: Data(contentsOf: fixturesDirectory.appending(path: "linear/linear.json")))
  }

  func data(_ rows: Range<Int>) -> Dataset<Float> {
    let chosen = Array(targets[rows])
    return Dataset(
      features: Tensor(features[rows.lowerBound * width..<rows.upperBound * width], shape: [rows.count, width]),
      targets: classes > 0
        ? .classes(chosen.map { Int($0) }, count: classes) : .values(Tensor(chosen, shape: [rows.count, 1])),
      name: name)
  }
}

@Suite struct LinearModelTests {
  @Test func itIsTheOptimumThatScikitLearnFinds() throws {
    for known in try LinearCase.all() {
      let model = try LinearModel(fittedOn: known.data(0..<known.training))
      #expect(model.isConverged, "\(known.name)")
      #expect(model.exampleCount == known.training)
      let test = known.data(known.training..<known.targets.count)
      let outputs = try model.predict(test.features).elements.map(Double.init)
      var answers = outputs
      if known.classes > 0 {
        for start in stride(from: 0, to: outputs.count, by: known.classes) {
          let scores = outputs[start..<start + known.classes]
          let sum = scores.reduce(0) { $0 + exp($1) }
          for index in scores.indices { answers[index] = exp(outputs[index]) / sum }
        }
      }
      // Standardized features are Float: off by 2⁻²⁴ of |x|/deviation, at most 20 here, in each of up to 30 columns whose
      // weights are below 20 (numbers: 40, of targets up to 350).
      let bound = known.classes > 0 ? 30 * 20 * 20 * 0x1p-24 : 10 * 40 * 20 * 0x1p-24
      for (answer, expected) in zip(answers, known.answers) {
        #expect(abs(answer - expected) <= bound, "\(known.name): \(answer), \(expected)")
      }
      #expect(abs(try model.evaluate(on: test).metric - known.score) <= (known.classes > 0 ? 1e-12 : 1e-5))
    }
  }

  @Test func itHasTheSameBitsForEveryNumberOfThreads() throws {
    let known = try LinearCase.all()[0].data(0..<100)
    let threads = Parallel.threadCount
    defer { Parallel.threadCount = threads }
    let models = try [1, 2, 3].map { count in
      Parallel.threadCount = count
      return try LinearModel(fittedOn: known)
    }
    for model in models.dropFirst() {
      #expect(haveSameBits(model.weights, models[0].weights) && haveSameBits(model.bias, models[0].bias))
    }
  }

  // y = 3x − 1 for x of mean 2: the penalty 1 beside N·var(x) = 8/3·3 = 8 shrinks the slope of standardized x by 3/(3 + 1).
  @Test func aLineIsFoundButForThePenalty() throws {
    let data = Dataset<Float>(
      features: Tensor([0, 2, 4], shape: [3, 1]), targets: .values(Tensor([-1, 5, 11], shape: [3, 1])), name: "a line")
    let model = try LinearModel(fittedOn: data)
    #expect(abs(model.bias.item - 5) < 1e-12)
    let deviation = (8.0 / 3).squareRoot()
    #expect(abs(model.weights.item - 3 * deviation * 3 / 4) < 1e-5)
    #expect(try model.predict(Tensor([2], shape: [1, 1])).elements == [5])
  }

  @Test func columnsThatAreAllTheSameAndImagesAreTaken() throws {
    let data = Dataset<Float>(
      features: Tensor([7, 1, 7, 2, 7, 8, 7, 9], shape: [4, 1, 2, 1]), targets: .classes([0, 0, 1, 1], count: 2),
      name: "images")
    let model = try LinearModel(fittedOn: data)
    #expect(model.weights.shape == [2, 2])
    #expect(model.weights[0, 0] == 0 && model.weights[1, 1] > 0)
    #expect(try model.evaluate(on: data).metric == 1)
  }

  @Test func whatDoesNotFitIsRefused() throws {
    let data = TrainingSamples.classes(30, Float.self)
    #expect(throws: TrainingError.emptyDataset(name: "clouds")) {
      try LinearModel(fittedOn: data.subset(rows: [Int]()))
    }
    var broken = data
    broken.features[3, 1] = .infinity
    #expect(throws: TrainingError.self) { try LinearModel(fittedOn: broken) }
    let model = try LinearModel(fittedOn: data)
    #expect(throws: TrainingError.self) { try model.evaluate(on: TrainingSamples.values(10)) }
    #expect(throws: TrainingError.self) { try model.predict(.zeros([2, 5])) }
  }
}

@Suite struct BaselineTests {
  private func classes(_ labels: [Int]) -> Dataset<Float> {
    Dataset(features: .zeros([labels.count, 1]), targets: .classes(labels, count: 3), name: "labels")
  }

  @Test func itSaysTheMostFrequentClassOfTheTrainingData() throws {
    let baseline = try Baseline(of: classes([1, 1, 2, 1, 0, 2, 1, 1]))
    #expect(baseline.mostFrequentClass == 1)
    let evaluation = try baseline.evaluate(on: classes([1, 2, 0, 1]))
    #expect(evaluation.metric == 0.5)
    // Shares 1/8, 5/8 and 2/8.
    let entropy = -(2 * log(5.0 / 8) + log(2.0 / 8) + log(1.0 / 8)) / 4
    #expect(abs(evaluation.loss - entropy) < 1e-6)
    #expect(try Baseline(of: classes([2, 0, 0, 2])).mostFrequentClass == 0)
    // A class that the training data lack has a loss all the same.
    #expect(try Baseline(of: classes([0, 0])).evaluate(on: classes([1])).loss.isFinite)
  }

  @Test func itSaysTheMeanOfTheTrainingTargets() throws {
    func numbers(_ values: [Float]) -> Dataset<Float> {
      Dataset(
        features: .zeros([values.count, 1]), targets: .values(Tensor(values, shape: [values.count, 1])), name: "numbers"
      )
    }
    let baseline = try Baseline(of: numbers([1, 2, 6]))
    #expect(baseline.predict(count: 2).elements == [3, 3])
    #expect(try baseline.evaluate(on: numbers([2, 4])).metric == 0)
    // A mean off by 2 where the deviation is 1: R² = 1 − (1 + 4)/1.
    #expect(try baseline.evaluate(on: numbers([4, 6])).metric == -4)
    #expect(throws: TrainingError.self) { try baseline.evaluate(on: classes([0])) }
  }
}
