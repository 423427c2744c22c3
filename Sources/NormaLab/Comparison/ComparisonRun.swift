import Norma

/// One of a comparison's trainings, and what is measured along the way.
struct ComparisonRun {
  private let name: String
  private let model: Sequential<Float>
  private let training: TrainingConfiguration
  private let data: DataSplits
  private let metric: ComparedMetric
  private let baseline: Contender.Measurement
  private let probe: ActivationProbe
  private let events: TrainingEvents?

  /// How many examples at once measure the network before training. All that a network makes of them is kept meanwhile,
  /// which is much with images.
  private let measuredAtOnce: Int
  /// At most so many step losses are kept.
  private static let stepLossCount = 500

  init(
    _ network: ModelArchitecture, _ normalization: NormalizationKind, _ training: TrainingConfiguration,
    _ data: DataSplits, _ metric: ComparedMetric, _ baseline: Contender.Measurement, _ events: TrainingEvents?
  ) throws(ModelArchitectureError) {
    var network = network
    network.recipe.normalization = normalization
    name = normalization.rawValue
    self.training = training
    self.data = data
    self.metric = metric
    self.baseline = baseline
    self.events = events
    let outputCount =
      switch data.training.targets {
      case .classes(_, let count): count
      case .values(let values): values.shape.channelCount
      }
    probe = ActivationProbe(data)
    measuredAtOnce = network.recipe.takesImages ? 128 : Trainer<Float>.trainingMetricSamples
    model = try network.recipe.build(
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

  /// The training samples that metrics are measured on.
  private var sample: Dataset<Float> {
    data.training.subset(rows: 0..<min(data.training.count, Trainer<Float>.trainingMetricSamples))
  }

  /// Trains the network. Gives what is reported, and what the saved network gets right of the data that decide.
  func train(
    _ onEvent: (Trainer<Float>.Event) throws -> Void
  ) throws -> (run: NormComparison.Run, measurement: Contender.Measurement) {
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
            try measured(epoch, gradientNorms: gradientSums.map { $0 / Double(max(1, stepsInEpoch)) }))
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
    let best = history.best?.number ?? 0
    let interval = max(1, (history.stepLosses.count + Self.stepLossCount - 1) / Self.stepLossCount)
    let (scores, testScores, measurement) = try judged(
      epochs.first { $0.number == best } ?? epochs[0], stopped: stopped)
    var run = NormComparison.Run(
      norm: name, seed: training.seed, epochs: epochs,
      stepLosses: stride(from: 0, to: history.stepLosses.count, by: interval).map { history.stepLosses[$0] },
      stepInterval: interval, activationsBefore: before, activationsAfter: try activations(),
      layerNames: layerNames, bestEpoch: best, bestValidationMetric: scores.metric, testMetric: testScores?.metric,
      parameterCount: model.parameterCount, seconds: history.epochs.reduce(0) { $0 + ($1.seconds ?? .nan) },
      firstFilters: .init(firstOf: model), stoppedBecause: stopped)
    run.stepCount = history.stepLosses.count
    (run.validation, run.test) = (scores, testScores)
    if let credits = measurement.credits, let base = baseline.credits {
      run.gain = PairedDifference(
        [measurement.metric - baseline.metric],
        standardError: metric.standardError(of: [credits], less: [base], on: data.judged))
    }
    return (run, measurement)
  }

  /// How good the saved network is. After a training that broke off, the network is not that of its best epoch, and only what was
  /// measured then is known.
  private func judged(
    _ best: NormComparison.Epoch, stopped: String?
  ) throws -> (NormComparison.Scores, NormComparison.Scores?, Contender.Measurement) {
    func evaluate(_ dataset: Dataset<Float>) throws -> (scores: NormComparison.Scores, credits: [Double]) {
      let outputs = try model.predict(dataset)
      return (.init(outputs, on: dataset, metric), metric.credits(outputs, on: dataset))
    }
    let test = try data.test.map(evaluate)
    guard stopped == nil else {
      let scores = NormComparison.Scores(metric: best.validationMetric, accuracy: nil, recalls: [])
      return (scores, test?.scores, .init(metric: test?.scores.metric ?? scores.metric, credits: nil))
    }
    let validation = try evaluate(data.validation)
    let judged = test ?? validation
    return (validation.scores, test?.scores, .init(metric: judged.scores.metric, credits: judged.credits))
  }

  /// An epoch as the trainer measured it; where the metric is another, measured by that.
  private func measured(
    _ epoch: TrainingHistory.Epoch, gradientNorms: [Double]
  ) throws -> NormComparison.Epoch {
    var result = NormComparison.Epoch(
      number: epoch.number, trainingLoss: epoch.trainingLoss, validationLoss: epoch.validationLoss ?? .nan,
      trainingMetric: epoch.trainingMetric, validationMetric: epoch.validationMetric ?? .nan,
      seconds: epoch.seconds ?? .nan, learningRate: epoch.learningRate, weightNorms: weightNorms(),
      gradientNorms: gradientNorms, inferenceTrainingLoss: epoch.inferenceTrainingLoss,
      batchTrainingLoss: epoch.batchTrainingLoss, batchTrainingMetric: epoch.batchTrainingMetric)
    guard metric == .balancedAccuracy else { return result }
    let sample = sample
    result.trainingMetric = metric.value(of: try model.predict(sample), on: sample)
    result.validationMetric = metric.value(of: try model.predict(data.validation), on: data.validation)
    if epoch.batchTrainingMetric != nil {
      result.batchTrainingMetric = metric.value(
        of: try model.predictByBatchStatistics(sample.features, batchSize: training.batchSize), on: sample)
    }
    return result
  }

  /// The state before training, as epoch 0. Normalization by running statistics says nothing yet, so it is by the
  /// batch's.
  private func epochBeforeTraining() throws -> NormComparison.Epoch {
    func measure(_ dataset: Dataset<Float>) throws -> (loss: Double, metric: Double) {
      let sample = dataset.subset(rows: 0..<min(dataset.count, Trainer<Float>.trainingMetricSamples))
      let parts = TrainingConfiguration(batchSize: measuredAtOnce).batches(of: sample.count)
      let outputs = try parts.map { rows in
        try model(Variable(sample.batch(rows).features), in: .training(random: RandomGenerator(seed: 0))).value
      }
      let all = Tensor<Float>.concatenating(rows: outputs)
      let evaluation = try Evaluation(outputs: all, of: sample, loss: training.loss)
      return (evaluation.loss, metric.value(of: all, on: sample))
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
