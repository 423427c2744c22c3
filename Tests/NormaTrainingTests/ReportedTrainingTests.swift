import Norma
import TestSupport
import Testing

/// Trainings that people reported to Keras, PyTorch and scikit-learn because what was left of them was not what they had seen.
/// Each is named by project and number in that project's public tracker and told in own words.
@Suite struct ReportedTrainingTests {
  private func network(_ conventions: BatchNormalizationConventions) throws -> Sequential<Float> {
    try MultilayerPerceptron(hidden: [8, 8], normalization: .batch, conventions: conventions)
      .build(sampleShape: [4], outputCount: 3, random: RandomGenerator(seed: 3))
  }

  // keras#6014, keras#8837: 64 examples, batches of eight and five epochs: all right while it was trained, and half of the same
  // examples wrong when it was asked afterwards.
  @Test func aShortTrainingIsWorthAfterwardsWhatItWasWorth() throws {
    let data: Dataset<Float> = TrainingSamples.classes(64)
    let model = try network(.norma)
    let configuration = TrainingConfiguration(epochs: 5, batchSize: 8, learningRate: 0.01, keepsBest: false)
    let history = try Trainer(model, configuration: configuration).fit(data)
    let last = try #require(history.epochs.last)
    let byBatches = try #require(last.batchTrainingMetric)
    #expect(byBatches > 0.9 && abs(last.trainingMetric - byBatches) <= 0.03)
    #expect(try model.evaluate(on: data, loss: .softmaxCrossEntropy).metric == last.trainingMetric)
  }

  // keras#3949: whether the statistics of the whole data can take the place of an average that lags behind the weights.
  @Test func statisticsOfTheWholeDataCanBeHad() throws {
    let layer = BatchNorm<Float>(2, conventions: .keras)
    let features = Tensor<Float>((0..<20).map { Float($0 % 2 == 0 ? $0 : -3 * $0) }, shape: [10, 2])
    try Sequential<Float>([layer]).recalibrateStatistics(on: features, batchSize: 4)
    let statistics = try #require(layer.runningStatistics)
    // 0, 2 … 18 and −3, −9 … −57, whose variances are (100 − 1)/12 times the square of the step.
    #expect(relativeError(statistics.mean, Tensor([9, -30])) < 4 * Float.unitRoundoff)
    #expect(relativeError(statistics.variance, Tensor([33, 297])) < 4 * Float.unitRoundoff)
  }

  // keras#20323, keras#12511: the weights that were kept were those after the best epoch, or the last ones where training was
  // not stopped early.
  @Test(arguments: [nil, 2] as [Int?]) func theBestStateIsThatOfTheBestEpochHoweverTrainingEnds(patience: Int?) throws {
    let training: Dataset<Float> = TrainingSamples.classes(60)
    let validation: Dataset<Float> = TrainingSamples.classes(30, seed: 8)
    let model = try network(.norma)
    // Steps so large that it gets worse again.
    let configuration = TrainingConfiguration(
      epochs: 8, batchSize: 10, optimizer: .sgd(), learningRate: 2, monitor: .loss, patience: patience, seed: 3)
    let history = try Trainer(model, configuration: configuration).fit(training, validation: validation)
    let best = try #require(history.best)
    #expect(best.number < history.epochs.count && history.stoppedEarly == (history.epochs.count < 8))
    let kept = try model.evaluate(on: validation, loss: .softmaxCrossEntropy)
    #expect(kept.loss == best.validationLoss && kept.metric == best.validationMetric)
  }

  // pytorch#88474: a batch with something infinite in it left NaN in the running means, which was seen only much later.
  @Test func aBatchThatIsNotFiniteLeavesNoTraceInTheStatistics() throws {
    var data: Dataset<Float> = TrainingSamples.classes(64)
    data.features[20, 1] = .infinity
    let model = try network(.norma)
    #expect(throws: TrainingError.self) {
      try Trainer(model, configuration: TrainingConfiguration(epochs: 1, batchSize: 8)).fit(data)
    }
    let statistics = model.state.tensors.filter { $0.key.contains("running_") }
    #expect(statistics.count == 4 && statistics.values.allSatisfy(\.isFinite))
  }

  // scikit-learn#29504: a regression that ran off to infinity was said to have been given bad data.
  @Test func aTrainingThatDivergesSaysSo() throws {
    let model: Sequential<Float> = try MultilayerPerceptron(hidden: [16, 16], normalization: .none)
      .build(sampleShape: [3], outputCount: 2, random: RandomGenerator(seed: 3))
    let configuration = TrainingConfiguration(
      epochs: 50, batchSize: 10, loss: .meanSquaredError, optimizer: .sgd(), learningRate: 1e10)
    let error = #expect(throws: TrainingError.self) {
      try Trainer(model, configuration: configuration).fit(TrainingSamples.values(50))
    }
    guard case .notFinite = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(error?.description.contains("A smaller learning rate") == true)
  }

  // keras#198: where all is classified rightly and with certainty, the loss became NaN, and so did all weights.
  @Test func certaintyAboutAllIsNoNaN() throws {
    let loss = LossFunction.softmaxCrossEntropy
    let outputs = Tensor<Float>([200, -200, 0, -500, 500, 0, 3e38, -3e38, 0], shape: [3, 3])
    #expect(try loss(Variable(outputs), targets: .classes([0, 1, 0], count: 3)).value.item == 0)
    // A certain mistake costs as much as the scores are apart, and no more.
    let wrong = try loss(Variable(Tensor<Float>([0, 200, -1], shape: [1, 3])), targets: .classes([0], count: 3))
    #expect(wrong.value.item == 200)
  }
}
