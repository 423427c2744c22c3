import Foundation
import Norma
import TestSupport
import Testing

/// How long a training goes on, and with which state it ends.
@Suite struct TrainingCourseTests {
  private struct Stop: Error {}

  @Test func theBestStateIsKeptAndTheLastIfNotWanted() throws {
    let (training, validation) = (
      TrainingSamples.classes(60, Float.self), TrainingSamples.classes(30, seed: 8, Float.self)
    )
    for keepsBest in [true, false] {
      let model: Sequential<Float> = TrainingSamples.network()
      var states: [ModelState<Float>] = []
      // A rate at which training gets worse again.
      let configuration = TrainingConfiguration(
        epochs: 12, batchSize: 10, optimizer: .sgd(), learningRate: 2, keepsBest: keepsBest, seed: 3)
      let history = try Trainer(model, configuration: configuration).fit(training, validation: validation) { event in
        if case .epoch = event { states.append(model.state) }
        return .proceed
      }
      let best = try #require(history.best)
      #expect(history.epochs.allSatisfy { ($0.validationMetric ?? 1) <= best.validationMetric ?? 0 })
      #expect(best.number < 12, "no test of the best if it is the last")
      let expected = keepsBest ? states[best.number - 1] : states[11]
      #expect(haveSameBits(model.state, expected))
      if keepsBest {
        let evaluation = try model.evaluate(on: validation, loss: .softmaxCrossEntropy)
        #expect(evaluation.metric == best.validationMetric && evaluation.loss == best.validationLoss)
      }
    }
  }

  @Test func patienceEndsATrainingThatNoLongerGetsBetter() throws {
    // At rate 0, and with statistics that do not change, nothing gets better after the first epoch.
    let model: Sequential<Float> = TrainingSamples.network(.none)
    let configuration = TrainingConfiguration(epochs: 50, batchSize: 10, learningRate: 0, patience: 3)
    let history = try Trainer(model, configuration: configuration).fit(TrainingSamples.classes(40))
    #expect(history.epochs.count == 4 && history.best?.number == 1)
    #expect(history.stoppedEarly)
  }

  @Test func aTrainingThatRunsToItsEndDidNotStopEarly() throws {
    let model: Sequential<Float> = TrainingSamples.network()
    let history = try Trainer(model, configuration: TrainingConfiguration(epochs: 2, batchSize: 10))
      .fit(TrainingSamples.classes(40))
    #expect(!history.stoppedEarly && history.epochs.map(\.number) == [1, 2])
  }

  @Test func aSecondFitGoesOnWhereTheFirstEnded() throws {
    let data = TrainingSamples.classes(40, Float.self)
    let configuration = TrainingConfiguration(epochs: 2, batchSize: 10, keepsBest: false, seed: 7)
    let model: Sequential<Float> = TrainingSamples.network()
    let trainer = try Trainer(model, configuration: configuration)
    try trainer.fit(data)
    let history = try trainer.fit(data)
    #expect(history.epochs.map(\.number) == [1, 2, 3, 4] && !history.stoppedEarly)

    var longer = configuration
    longer.epochs = 4
    let other: Sequential<Float> = TrainingSamples.network()
    try Trainer(other, configuration: longer).fit(data)
    #expect(haveSameBits(model.state, other.state))
  }

  @Test func aSecondFitThatMakesThingsWorseEndsWithTheBestOfTheFirst() throws {
    let data = TrainingSamples.classes(60, Float.self)
    let model: Sequential<Float> = TrainingSamples.network()
    // From the third epoch on the rate is far too large.
    let configuration = TrainingConfiguration(
      epochs: 2, batchSize: 10, optimizer: .sgd(), learningRate: 0.05, schedule: .step(every: 2, factor: 1e4))
    let trainer = try Trainer(model, configuration: configuration)
    try trainer.fit(data)
    let state = model.state
    let history = try trainer.fit(data)
    #expect(try #require(history.best).number <= 2 && history.epochs.count == 4)
    #expect(haveSameBits(model.state, state))
  }

  @Test func aTrainingWithoutEndCanBeStopped() throws {
    let model: Sequential<Float> = TrainingSamples.network()
    let history = try Trainer(model, configuration: TrainingConfiguration(epochs: .max, batchSize: .max))
      .fit(TrainingSamples.classes(20)) { event in
        if case .epoch(let epoch) = event, epoch.number == 2 { .stop } else { .proceed }
      }
    #expect(history.epochs.count == 2 && history.stepLosses.count == 2 && history.stoppedEarly)
  }

  @Test func anEpochWithoutANumberForMetricIsNeverTheBest() {
    func history(_ metrics: [Double]) -> TrainingHistory {
      var history = TrainingHistory()
      history.epochs = metrics.enumerated().map { index, metric in
        TrainingHistory.Epoch(
          number: index + 1, trainingLoss: 0, trainingMetric: 0, validationLoss: nil, validationMetric: metric,
          learningRate: 0, seconds: 0)
      }
      return history
    }
    #expect(history([.nan, 0.2, 0.5, .nan, 0.5]).best?.number == 3)
    #expect(history([.nan, -.infinity]).best?.number == 2)
    #expect(history([.nan]).best == nil && history([]).best == nil)
  }

  @Test func ofEpochsWithTheSameMetricTheOneWithTheLowerLossIsTheBest() throws {
    func history(_ monitor: TrainingHistory.Monitor) -> TrainingHistory {
      var history = TrainingHistory(monitor: monitor)
      let results = [(0.5, 1.0), (0.9, 0.8), (0.9, 0.3), (0.9, 0.4), (0.7, 0.2), (0.9, 0.3)]
      history.epochs = results.enumerated().map { index, result in
        TrainingHistory.Epoch(
          number: index + 1, trainingLoss: 0, trainingMetric: 0, validationLoss: result.1, validationMetric: result.0,
          learningRate: 0)
      }
      return history
    }
    #expect(history(.metric).best?.number == 3 && history(.loss).best?.number == 5)
    // What was written before there was a choice.
    let old = try JSONDecoder().decode(
      TrainingHistory.self, from: Data(#"{"epochs": [], "stepLosses": [1.5], "stoppedEarly": true}"#.utf8))
    #expect(old.monitor == .metric && old.stepLosses == [1.5] && old.stoppedEarly)
  }

  @Test func aCallbackCanStopAfterAStepOrAnEpochAndItsErrorsComeThrough() throws {
    let data = TrainingSamples.classes(40, Float.self)
    func fit(_ onEvent: (Trainer<Float>.Event) throws -> Trainer<Float>.Decision) throws -> TrainingHistory {
      let model: Sequential<Float> = TrainingSamples.network()
      return try Trainer(model, configuration: TrainingConfiguration(epochs: 5, batchSize: 10)).fit(
        data, onEvent: onEvent)
    }
    let stoppedInStep = try fit { event in
      if case .step(let step) = event, step.epoch == 2, step.number == 3 { .stop } else { .proceed }
    }
    #expect(stoppedInStep.stoppedEarly && stoppedInStep.epochs.count == 1 && stoppedInStep.stepLosses.count == 7)
    let stoppedInEpoch = try fit { event in
      if case .epoch(let epoch) = event, epoch.number == 3 { .stop } else { .proceed }
    }
    #expect(stoppedInEpoch.stoppedEarly && stoppedInEpoch.epochs.count == 3)
    #expect(throws: Stop.self) { try fit { _ in throw Stop() } }
  }
}
