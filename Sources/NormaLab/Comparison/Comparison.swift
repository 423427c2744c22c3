import Norma

/// The main experiment: one architecture trained once per kind of normalization, with the same seed, the same initial
/// weights and the same batches.
public struct Comparison: Sendable {
  /// The network; its normalization is replaced by each of ``normalizations`` in turn.
  public var network: ModelArchitecture
  /// What to compare.
  public var normalizations: [NormalizationKind]
  /// How each of the networks is trained.
  public var training: TrainingConfiguration
  /// The values of the metric whose first epoch is looked for.
  public var targets: [Double]

  /// A comparison of the given normalizations.
  public init(
    network: ModelArchitecture, normalizations: [NormalizationKind],
    training: TrainingConfiguration, targets: [Double]
  ) {
    self.network = network
    self.normalizations = normalizations
    self.training = training
    self.targets = targets
  }

  /// How to describe the comparison beside its results.
  public struct Description: Sendable {
    /// The title of the report.
    public var title: String
    /// The data in a sentence.
    public var data: String
    /// Whom the data come from, where that must be said.
    public var attribution: String?
    /// The settings to show, in order.
    public var settings: [NormComparison.Setting]
    /// The command line that gives the result again.
    public var command: String

    /// A description by its parts.
    public init(
      title: String, data: String, attribution: String?, settings: [NormComparison.Setting], command: String
    ) {
      self.title = title
      self.data = data
      self.attribution = attribution
      self.settings = settings
      self.command = command
    }
  }

  /// Trains all networks, one after the other. A run whose loss stops being finite ends there, and says so in its result.
  ///
  /// - Parameters:
  ///   - data: what to train, validate and test on.
  ///   - description: what the result says about all this.
  ///   - events: event files that the runs are written to, one for each normalization; or none.
  ///   - onEvent: called with the number of the run and what its trainer reports.
  /// - Throws: what the trainer throws, a loss that is no longer finite excepted.
  public func run(
    on data: PreparedData, description: Description, events: [TrainingEvents] = [],
    onEvent: (_ run: Int, _ event: Trainer<Float>.Event) throws -> Void = { _, _ in }
  ) throws -> NormComparison {
    var runs: [NormComparison.Run] = []
    for (index, normalization) in normalizations.enumerated() {
      let run = ComparisonRun(self, normalization, data, events.isEmpty ? nil : events[index])
      runs.append(try run.train { try onEvent(index, $0) })
    }
    let isClassification = if case .classes = data.training.targets { true } else { false }
    return NormComparison(
      title: description.title, dataDescription: description.data, attribution: description.attribution,
      settings: description.settings, command: description.command,
      metric: .init(name: isClassification ? "accuracy" : "R²", isPercentage: isClassification), targets: targets,
      runs: runs, version: normaVersion)
  }
}

/// One of a comparison's trainings, and what is measured along the way.
private struct ComparisonRun {
  let name: String
  let model: Sequential<Float>
  let training: TrainingConfiguration
  let data: PreparedData

  let probe: ActivationProbe
  let events: TrainingEvents?

  /// How many examples at once measure the network before training. All that a network makes of them is kept meanwhile,
  /// which is much with images.
  let measuredAtOnce: Int
  /// At most so many step losses are kept.
  static let stepLossCount = 500

  init(
    _ comparison: Comparison, _ normalization: NormalizationKind, _ data: PreparedData, _ events: TrainingEvents?
  ) {
    var network = comparison.network
    network.normalization = normalization
    name = normalization.rawValue
    training = comparison.training
    self.data = data
    self.events = events
    let outputCount =
      switch data.training.targets {
      case .classes(_, let count): count
      case .values(let values): values.shape.channelCount
      }
    probe = ActivationProbe(data)
    measuredAtOnce = network.takesImages ? 128 : Trainer<Float>.trainingMetricSamples
    model = network.build(
      sampleShape: data.training.exampleShape, outputCount: outputCount,
      random: RandomGenerator(seed: training.seed).split(RandomStream.weights.rawValue))
  }

  /// The parameters whose norms are followed: the weights, which every run has at the same places.
  private var weights: [(index: Int, parameter: Parameter<Float>)] {
    model.namedParameters.enumerated().compactMap { index, named in
      named.parameter.kind == .weight ? (index, named.parameter) : nil
    }
  }

  /// What the report calls the layers with weights: by their paths where they have names, by their order where their
  /// numbers in files depend on the normalization.
  private var layerNames: [String] {
    let paths = model.namedParameters.filter { $0.parameter.kind == .weight }.map { $0.name.dropLast(".weight".count) }
    return paths.enumerated().map { Int($1) == nil ? String($1) : "linear \($0 + 1)" }
  }

  private func weightNorms() -> [Double] { weights.map { norm($0.parameter.value) } }

  private func norm(_ tensor: Tensor<Float>) -> Double { Double(tensor.sumOfSquares()).squareRoot() }

  func train(_ onEvent: (Trainer<Float>.Event) throws -> Void) throws -> NormComparison.Run {
    let weightIndices = weights.map(\.index)
    let trainer = Trainer(model, configuration: training)
    let before = try activations()
    events?.begin(model, on: data)
    var epochs = [try epochBeforeTraining()]
    var gradientSums = [Double](repeating: 0, count: weightIndices.count)
    var stepsInEpoch = 0
    var stopped: String?
    do {
      try trainer.fit(data.training, validation: data.validation) { event in
        switch event {
        case .step(let step):
          for (place, index) in weightIndices.enumerated() {
            gradientSums[place] += step.gradients[index].map(norm) ?? 0
          }
          stepsInEpoch += 1
        case .epoch(let epoch):
          epochs.append(
            NormComparison.Epoch(
              number: epoch.number, trainingLoss: epoch.trainingLoss, validationLoss: epoch.validationLoss ?? .nan,
              trainingMetric: epoch.trainingMetric, validationMetric: epoch.validationMetric ?? .nan,
              seconds: epoch.seconds ?? .nan, learningRate: epoch.learningRate, weightNorms: weightNorms(),
              gradientNorms: gradientSums.map { $0 / Double(max(1, stepsInEpoch)) }))
          gradientSums = gradientSums.map { _ in 0 }
          stepsInEpoch = 0
        }
        events?.record(event)
        try onEvent(event)
        return .proceed
      }
    } catch let error as TrainingError {
      guard case .notFinite = error else { throw error }
      stopped = error.description
    }
    let history = trainer.history
    let interval = max(1, (history.stepLosses.count + Self.stepLossCount - 1) / Self.stepLossCount)
    return NormComparison.Run(
      norm: name, epochs: epochs,
      stepLosses: stride(from: 0, to: history.stepLosses.count, by: interval).map { history.stepLosses[$0] },
      stepInterval: interval, activationsBefore: before, activationsAfter: try activations(),
      layerNames: layerNames, bestEpoch: history.best?.number ?? 0,
      bestValidationMetric: history.best?.decidingMetric ?? epochs[0].validationMetric,
      testMetric: try data.test.map { try model.evaluate(on: $0, loss: training.loss).metric },
      parameterCount: model.parameterCount, seconds: history.epochs.reduce(0) { $0 + ($1.seconds ?? .nan) },
      firstFilters: .init(firstOf: model), stoppedBecause: stopped)
  }

  /// The state before training, as epoch 0. Normalization by running statistics says nothing yet, so it is by the
  /// batch's.
  private func epochBeforeTraining() throws -> NormComparison.Epoch {
    func measure(_ dataset: Dataset<Float>) throws -> (loss: Double, metric: Double) {
      let sample = dataset.subset(rows: 0..<min(dataset.count, Trainer<Float>.trainingMetricSamples))
      let parts = TrainingConfiguration(batchSize: measuredAtOnce).batches(of: sample.count)
      let outputs = try parts.map { rows in
        try model(Variable(sample.features[rows: rows]), in: .training(random: RandomGenerator(seed: 0))).value
      }
      let evaluation = try Evaluation(outputs: .concatenating(rows: outputs), of: sample, loss: training.loss)
      return (evaluation.loss, evaluation.metric)
    }
    let (trainingResult, validationResult) = (try measure(data.training), try measure(data.validation))
    return NormComparison.Epoch(
      number: 0, trainingLoss: trainingResult.loss, validationLoss: validationResult.loss,
      trainingMetric: trainingResult.metric, validationMetric: validationResult.metric, seconds: 0,
      learningRate: training.learningRate, weightNorms: weightNorms(), gradientNorms: [])
  }

  private func activations() throws -> [NormComparison.Activation] {
    try probe.activations(of: model).map { NormComparison.Activation(layer: $0.layer, values: $0.values) }
  }
}

extension NormComparison.Activation {
  /// Sums up the values that come out of a layer. Values that are not finite are left out of the histogram.
  init(layer: String, values: Tensor<Float>, intervals: Int = 40) {
    let elements = values.elements.map(Double.init)
    let finite = elements.filter(\.isFinite)
    let count = Double(max(1, elements.count))
    let mean = elements.reduce(0, +) / count
    let (lower, upper) = (finite.min() ?? 0, finite.max() ?? 0)
    var counts = [Int](repeating: 0, count: intervals)
    for value in finite where upper > lower {
      counts[min(intervals - 1, Int((value - lower) / (upper - lower) * Double(intervals)))] += 1
    }
    if lower == upper { counts = [finite.count] }
    self.init(
      layer: layer, mean: mean,
      standardDeviation: (elements.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot(),
      shareOfZeros: Double(elements.count { $0 == 0 }) / count,
      histogram: Histogram(lower: lower, upper: upper, counts: counts))
  }
}
