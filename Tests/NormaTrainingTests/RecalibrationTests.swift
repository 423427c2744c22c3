import Norma
import TestSupport
import Testing

/// Running statistics recomputed over data, and networks looked at by the statistics of batches.
@Suite struct RecalibrationTests {
  private let features: Tensor<Double> = {
    var generator = RandomGenerator(seed: 5)
    return Tensor.normal([50, 3], standardDeviation: 2, using: &generator) + 100
  }()

  private func network() -> Sequential<Double> {
    var random = RandomGenerator(seed: 1)
    return Sequential {
      BatchNorm(3)
      Linear(inputs: 3, outputs: 4, using: &random)
      BatchNorm(4)
      ReLU()
      Dropout(keepProbability: 0.5)
      Linear(inputs: 4, outputs: 2, using: &random)
    }
  }

  private func statistics(_ model: Sequential<Double>, _ name: String) throws -> RunningStatistics<Double> {
    let layer = try #require(model.layers.first { $0.path == name }?.layer as? BatchNorm<Double>)
    return try #require(layer.runningStatistics)
  }

  @Test func theFirstLayersStatisticsAreThoseOfAllExamplesHoweverTheyAreBatched() throws {
    // The columns' means and unbiased variances, plainly.
    let columns = (0..<3).map { column in stride(from: column, to: 150, by: 3).map { features.elements[$0] } }
    let means = columns.map { $0.reduce(0, +) / 50 }
    let variances = zip(columns, means).map { column, mean in
      column.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 49
    }
    for batchSize in [7, 16, 50, 1000] {
      let model = network()
      try model.recalibrateStatistics(on: features, batchSize: batchSize)
      let found = try statistics(model, "0")
      // Sums of fifty values around 100; the variances are of values around 4 whose centre is that far off.
      #expect(relativeError(found.mean, Tensor(means)) < 50 * Double.unitRoundoff)
      #expect(relativeError(found.variance, Tensor(variances)) < 50 * 25 * Double.unitRoundoff)
      // Fifty examples make seven batches of seven and the one left over joins the last.
      #expect(found.batchCount == TrainingConfiguration(batchSize: batchSize).batches(of: 50).count)
    }
  }

  @Test func laterLayersSeeWhatTheEarlierOnesMakeOfEachBatch() throws {
    let model = network()
    try model.recalibrateStatistics(on: features, batchSize: 25)
    var merged: BatchMoments?
    for rows in [0..<25, 25..<50] {
      let pass = Pass<Double>.inference
      let alone = Sequential<Double>([BatchNorm(3, tracksRunningStatistics: false), model.children[1].layer])
      let moments = BatchMoments(of: try alone(Variable(features[rows: rows]), in: pass).value)
      if merged == nil { merged = moments } else { try merged?.merge(moments) }
    }
    let found = try statistics(model, "2")
    let expected = try #require(merged)
    // The same values, but for the order of sums of fifty of them.
    #expect(relativeError(found.mean, expected.mean) < 100 * Double.unitRoundoff)
    #expect(relativeError(found.variance, expected.variance(.unbiased)) < 100 * Double.unitRoundoff)
  }

  @Test func aMeasuringPassNormalizesAsTrainingDoesWithoutDropoutAndLearnsNothing() throws {
    let model = network()
    let before = model.state
    let outputs = try model.predictByBatchStatistics(features, batchSize: 50)
    #expect(model.state == before)
    let withoutDropout = try Sequential<Double>(
      named: model.children.filter { !($0.layer is Dropout<Double>) }.map { ($0.name, $0.layer) })
    let pass = Pass<Double>.training(random: RandomGenerator(seed: 0))
    #expect(try withoutDropout(Variable(features), in: pass).value == outputs)
    let measuring = Pass<Double>.measuring
    _ = try model(Variable(features), in: measuring)
    #expect(measuring.takeGatheredMoments().count == 2)
    #expect(measuring.takeGatheredMoments().isEmpty && measuring.graph == nil)
  }

  @Test func aWhiteningTakesTheCovariancesOfAllExamplesHoweverTheyAreBatched() throws {
    var random = RandomGenerator(seed: 8)
    let mixed =
      Tensor<Double>.normal([50, 3], using: &random).matrixProduct(.normal([3, 3], using: &random)) + 100
    for (groups, batchSize) in [(1, 7), (1, 25), (1, 1000), (3, 16)] {
      let layer = IterNorm<Double>(3, groups: groups, iterations: 60, epsilon: 0, isAffine: false)
      let model = Sequential<Double>([layer])
      let changes = try model.recalibrateStatistics(on: mixed, batchSize: batchSize)
      #expect(changes.map(\.meanShifts.count) == [3] && changes.map(\.deviationRatios.count) == [3])
      #expect(layer.batchCount == TrainingConfiguration(batchSize: batchSize).batches(of: 50).count)
      // By these statistics all examples have mean 0, variance 1 and, within a group, no covariance.
      let y = try model.predict(mixed)
      let covariance = y.matrixProduct(y, transposingSelf: true) / 50
      for row in 0..<3 {
        for column in 0..<3 where row == column || groups == 1 {
          #expect(abs(covariance[row, column] - (row == column ? 1 : 0)) < 1e-9)
        }
      }
      let again = try model.recalibrateStatistics(on: mixed, batchSize: batchSize)
      #expect(again[0].meanShifts == [0, 0, 0] && again[0].deviationRatios == [1, 1, 1])
    }
    // One batch of everything is what training takes in of it, to rounding.
    let (trained, recalibrated) = (IterNorm<Double>(3, rule: .cumulativeFirst(0.1)), IterNorm<Double>(3))
    let pass = Pass<Double>.training(random: random)
    _ = try trained(Variable(mixed), in: pass)
    try pass.updateRunningStatistics()
    try Sequential<Double>([recalibrated]).recalibrateStatistics(on: mixed, batchSize: 50)
    #expect(relativeError(recalibrated.runningMean, trained.runningMean) < 50 * Double.unitRoundoff)
    // Covariances of fifty products whose factors are differences from means around 100.
    #expect(
      errorRelativeToScale(recalibrated.runningWhitening, reference: trained.runningWhitening)
        < 50 * 100 * Double.unitRoundoff)
  }

  @Test(arguments: [2, 4]) func processesThatShareTheBatchesFindTheSameBits(count: Int) throws {
    let data = TrainingSamples.classes(60, Float.self)
    let channels = data.exampleShape.elementCount
    @Sendable func recalibrated(in group: ThreadGroup?) throws -> (
      state: ModelState<Float>, changes: [StatisticsChange]
    ) {
      var random = RandomGenerator(seed: 3)
      let model = Sequential<Float> {
        BatchNorm(channels)
        Linear(inputs: channels, outputs: 4, using: &random)
        IterNorm(4, groups: 2)
      }
      let changes = try model.recalibrateStatistics(on: data, batchSize: 9, in: group)
      return (model.state, changes)
    }
    let alone = try recalibrated(in: nil)
    #expect(alone.changes.map(\.layer) == ["0", "2"])
    for outcome in ThreadGroup.run(count, { try recalibrated(in: $0) }) {
      let (state, changes) = try outcome.get()
      #expect(haveSameBits(state, alone.state) && changes == alone.changes)
    }
  }

  @Test func aFrozenWhiteningIsLeftAsItIs() throws {
    let layer = IterNorm<Double>(3)
    let model = Sequential<Double>([layer])
    try model.recalibrateStatistics(on: features, batchSize: 50)
    let (state, outputs) = (layer.state, try model.predict(features))
    #expect(model.freezeStatistics() == ["0"] && model.frozen.statistics == ["0"])
    let pass = Pass<Double>.training(random: RandomGenerator(seed: 0))
    #expect(try model(Variable(features[rows: 0..<20]), in: pass).value == outputs[rows: 0..<20])
    try pass.updateRunningStatistics()
    #expect(try model.recalibrateStatistics(on: features + 5, batchSize: 50).isEmpty)
    #expect(layer.state == state)
    model.unfreezeStatistics()
    #expect(try model.recalibrateStatistics(on: features + 5, batchSize: 50).count == 1 && layer.state != state)
  }

  @Test func anErrorOnTheWayLeavesTheStatisticsAlone() throws {
    let model = network()
    let before = model.state
    #expect(throws: (any Error).self) {
      try model.recalibrateStatistics(on: features[rows: 0..<1], batchSize: 10)
    }
    #expect(model.state == before)
  }

  @Test func theHistorySaysWhatRunningStatisticsMakeOfANetwork() throws {
    let data = TrainingSamples.classes(60, Float.self)
    let features = data.exampleShape.elementCount
    func epoch(_ conventions: BatchNormalizationConventions?) throws -> TrainingHistory.Epoch {
      var random = RandomGenerator(seed: 3)
      let model = Sequential<Float> {
        Linear(inputs: features, outputs: 8, using: &random)
        if let conventions { BatchNorm(8, conventions: conventions) }
        ReLU()
        Linear(inputs: 8, outputs: 3, using: &random)
      }
      let trainer = try Trainer(model, configuration: TrainingConfiguration(epochs: 1, batchSize: 20, keepsBest: false))
      let epoch = try #require(try trainer.fit(data).epochs.first)
      // By hand: all samples as one batch.
      let outputs = try model(Variable(data.features), in: .training(random: RandomGenerator(seed: 0))).value
      let byBatch = try Evaluation(outputs: outputs, of: data, loss: .softmaxCrossEntropy)
      #expect(epoch.batchTrainingMetric == (conventions == nil ? nil : byBatch.metric))
      #expect(epoch.batchTrainingLoss == (conventions == nil ? nil : byBatch.loss))
      #expect(epoch.inferenceTrainingLoss == (try model.evaluate(on: data, loss: .softmaxCrossEntropy).loss))
      return epoch
    }
    #expect(try epoch(nil).statisticsGap == nil)
    let (lagging, exact) = (try epoch(.pyTorch), try epoch(.norma))
    #expect(lagging.statisticsGap == lagging.batchTrainingMetric.map { $0 - lagging.trainingMetric })
    // What PyTorch's statistics start from has a share of 0.9³ in them; the plain mean of three batches is close.
    let losses = [lagging, exact].map { abs(($0.inferenceTrainingLoss ?? .nan) - ($0.batchTrainingLoss ?? .nan)) }
    #expect(losses[1] < losses[0])
  }
}
