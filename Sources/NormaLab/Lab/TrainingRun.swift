import Foundation
import Norma

/// A network trained on a part of some data, and what is looked at on the way: the run of most experiments.
public struct TrainingRun: LabDataRun {
  public static let kind = "training"

  /// What to look at after some of the steps.
  public struct Probes: Codable, Sendable, Equatable {
    /// After which steps; 0 is before the first.
    public var steps: [Int]
    /// Whether the inputs of a unit of the last hidden layer are summed up.
    public var watchesUnit = false
    /// Whether the test data are also judged with the exact statistics of the training data.
    public var usesExactStatistics = false

    /// Probes after the given steps.
    public init(_ steps: [Int], watchesUnit: Bool = false, usesExactStatistics: Bool = false) {
      self.steps = steps
      self.watchesUnit = watchesUnit
      self.usesExactStatistics = usesExactStatistics
    }
  }

  /// What is trained on.
  public var data: LabData.Part
  /// The network.
  public var network: ModelArchitecture
  /// How it is trained.
  public var training: TrainingConfiguration
  /// What to look at on the way.
  public var probes: Probes?
  /// Whether the first layer's filters are kept.
  public var keepsFilters: Bool

  public var label = ""

  /// A training with its label.
  public init(
    _ label: String, on data: LabData.Part, _ network: ModelArchitecture, _ training: TrainingConfiguration,
    probes: Probes? = nil, keepsFilters: Bool = false
  ) {
    self.label = label
    self.data = data
    self.network = network
    self.training = training
    self.probes = probes
    self.keepsFilters = keepsFilters
    // The lab looks at how training goes, not at what is best to use afterwards.
    self.training.keepsBest = false
  }

  private enum CodingKeys: CodingKey { case data, network, training, probes, keepsFilters }

  public var work: Double {
    let sample: Shape =
      switch data.dataset {
      case .cifar10: [32, 32, 3]
      case .mnist: [28, 28, 1]
      case .digits: [8, 8, 1]
      }
    let parameters = (try? network.recipe.parameterCount(sampleShape: sample, outputCount: 10)) ?? 0
    // A convolution's weights are used at every place.
    let uses = network.recipe.takesImages ? 40.0 : 1
    // A step costs some time whatever its size, as much as a few million operations.
    let steps = Double(training.epochs) * Double(data.trainingCount) / Double(training.batchSize)
    let probing = Double((probes?.steps.count ?? 0) * data.testCount * 2)
    return (6 * Double(training.epochs * data.trainingCount) + probing) * Double(parameters) * uses + 4e6 * steps
  }

  /// What came of a training.
  public struct Outcome: Codable, Sendable, Equatable {
    /// The epochs, without their times.
    public var epochs: [TrainingHistory.Epoch]
    /// The mean loss of every ``lossInterval`` steps.
    public var losses: [Double]
    /// How many steps each entry of ``losses`` stands for.
    public var lossInterval: Int
    /// What was seen on the way.
    public var probes: [Probe]
    /// The accuracy on the test data after training; nil if there are none or training broke off.
    public var testAccuracy: Double?
    /// The first convolution's filters.
    public var filters: NormComparison.Filters?
    /// After which step the loss was no longer a finite number; nil if it always was.
    public var divergedAtStep: Int?
  }

  /// What was seen after a step.
  public struct Probe: Codable, Sendable, Equatable {
    /// After how many steps.
    public var step: Int
    /// The accuracy on the test data, in inference.
    public var testAccuracy: Double
    /// The same with the exact statistics of the training data in place of the running ones.
    public var exactTestAccuracy: Double?
    /// The 15th, 50th and 85th percentile of the input of the first unit of the last hidden layer, on the test data.
    public var unitPercentiles: [Double]?
  }

  /// At most so many losses are kept.
  private static let lossCount = 200

  public func perform(on labData: LabData) throws -> Outcome {
    let data = try labData.prepared(data)
    let model: Sequential<Float> = try network.recipe.build(
      sampleShape: data.training.exampleShape, outputCount: 10,
      random: RandomGenerator(seed: training.seed).split(RandomStream.weights.rawValue))
    let trainer = try Trainer(model, configuration: training)
    var outcome = Outcome(epochs: [], losses: [], lossInterval: 1, probes: [])
    let probeSteps = Set(probes?.steps ?? [])
    var step = 0
    if probeSteps.contains(0) { outcome.probes.append(try probe(model, data, step: 0)) }
    do {
      try trainer.fit(data.training, validation: data.validation) { event in
        if case .step = event {
          step += 1
          if probeSteps.contains(step) { outcome.probes.append(try probe(model, data, step: step)) }
        }
        return .proceed
      }
    } catch let error as TrainingError {
      guard case .notFinite(let found) = error else { throw error }
      outcome.divergedAtStep = found.step
    }
    outcome.epochs = trainer.history.withoutTimes.epochs
    let losses = trainer.history.stepLosses
    outcome.lossInterval = max(1, (losses.count + Self.lossCount - 1) / Self.lossCount)
    outcome.losses = stride(from: 0, to: losses.count, by: outcome.lossInterval).map { start in
      let part = losses[start..<min(losses.count, start + outcome.lossInterval)]
      return part.reduce(0, +) / Double(part.count)
    }
    if outcome.divergedAtStep == nil {
      outcome.testAccuracy = try model.evaluate(on: data.test, loss: training.loss).metric
    }
    if keepsFilters { outcome.filters = NormComparison.Filters(firstOf: model) }
    return outcome
  }

  private func probe(_ model: Sequential<Float>, _ data: LabData.Examples, step: Int) throws -> Probe {
    let test = data.test
    let pass = Pass<Float>.inference
    var last: Tensor<Float>?
    var unitInput: Tensor<Float>?
    if probes?.watchesUnit == true {
      pass.observer = { _, layer, output in
        if layer is any Nonlinearity<Float> { unitInput = last }
        last = output
      }
    }
    let scores = try model(Variable(test.features), in: pass).value
    var probe = Probe(step: step, testAccuracy: test.accuracy(of: scores) ?? .nan)
    if let unitInput {
      let (elements, width) = (unitInput.elements, unitInput.shape.channelCount)
      let values = stride(from: 0, to: elements.count, by: width).map { Double(elements[$0]) }.sorted()
      probe.unitPercentiles = [0.15, 0.5, 0.85].map { values[Int($0 * Double(values.count - 1))] }
    }
    if probes?.usesExactStatistics == true {
      probe.exactTestAccuracy = try model.withExactStatistics(of: data.training) {
        try model(Variable(test.features), in: .inference).value
      }.flatMap { test.accuracy(of: $0) }
    }
    return probe
  }
}

extension Sequential<Float> {
  /// Calls a closure while the running statistics are those of all of the training data with the weights as they are, from
  /// one batch of everything (Wu & Johnson 2021 call it precise batch normalization). Nil if the network keeps none.
  func withExactStatistics<Result>(of data: Dataset<Float>, _ body: () throws -> Result) throws -> Result? {
    guard gathersStatistics else { return nil }
    let earlier = state
    try recalibrateStatistics(on: data, batchSize: data.count)
    defer {
      // A state of this very model fits it.
      try? load(earlier)
    }
    return try body()
  }
}
