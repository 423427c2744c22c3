import Norma

/// The main experiment: one architecture trained once per kind of normalization and seed, with the same initial weights and the
/// same batches for all kinds, beside a linear model and what can be said without looking.
public struct Comparison: Sendable {
  /// The network; its normalization is replaced by each of ``normalizations`` in turn.
  public var network: ModelArchitecture
  /// What to compare.
  public var normalizations: [NormalizationKind]
  /// How each of the networks is trained; its seed is replaced by each of ``seeds``.
  public var training: TrainingConfiguration
  /// The seeds that decide weights, order and dropout. The division of the data does not depend on them, so that runs can be
  /// compared.
  public var seeds: [UInt64]
  /// The values of the metric whose first epoch is looked for.
  public var targets: [Double]

  /// A comparison of the given normalizations; without seeds with that of the training alone.
  public init(
    network: ModelArchitecture, normalizations: [NormalizationKind], training: TrainingConfiguration,
    seeds: [UInt64]? = nil, targets: [Double]
  ) {
    self.network = network
    self.normalizations = normalizations
    self.training = training
    self.seeds = seeds ?? [training.seed]
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

  /// Up to how much work for a seed several of them cost seconds: some twenty on an ordinary core.
  public static let smallWork = 2e11

  /// About how many floating-point operations the networks take for each seed.
  public func work(on training: Dataset<Float>) -> Double {
    let outputs =
      switch training.targets {
      case .classes(_, let count): count
      case .values(let values): values.shape.channelCount
      }
    let steps = Double(self.training.epochs * self.training.batches(of: training.count).count)
    let examples = Double(self.training.epochs * training.count)
    return normalizations.reduce(0) { work, normalization in
      var network = network
      network.recipe.normalization = normalization
      let parameters =
        (try? network.recipe.parameterCount(sampleShape: training.exampleShape, outputCount: outputs)) ?? 0
      // A convolution's weights are used at every place; a step costs some time whatever its size.
      return work + 6 * examples * Double(parameters) * (network.recipe.takesImages ? 40 : 1) + 4e6 * steps
    }
  }

  /// The runs in the order in which they are done: the seeds of the first normalization, those of the second, and so on.
  public var runs: [(normalization: NormalizationKind, seed: UInt64)] {
    normalizations.flatMap { normalization in seeds.map { (normalization, $0) } }
  }

  /// Trains all networks, one after the other, or where processes share the work as many at once as there are processes. A run whose loss stops
  /// being finite ends there, and says so in its result.
  ///
  /// - Parameters:
  ///   - data: what to train, validate and test on.
  ///   - description: what the result says about all this.
  ///   - group: the processes that share the work; nil for this one alone.
  ///   - events: makes the event file that a run is written to, by its place in ``runs``; nil for none.
  ///   - onEvent: called with the number of a run that this process does and what its trainer reports.
  /// - Returns: the result, the same in each process.
  /// - Throws: what the trainer throws, a loss that is no longer finite excepted; `ProcessGroupError`.
  public func run(
    on data: DataSplits, description: Description, in group: (any ProcessGroup)? = nil,
    events: @escaping (_ run: Int) throws -> TrainingEvents? = { _ in nil },
    onEvent: @escaping (_ run: Int, _ event: Trainer<Float>.Event) throws -> Void = { _, _ in }
  ) throws -> NormComparison {
    try checkAgreement(on: data, in: group)
    let metric = ComparedMetric(for: data.training)
    let references = try ReferenceModels(data, metric: metric)
    let found = Guarded<[Done]>([])
    // One run at a time calls them.
    nonisolated(unsafe) let (events, onEvent) = (events, onEvent)
    let crew = RunCrew(workers: 1, threads: Parallel.threadCount, group: group)
    try crew.run(runs.count) { [self] index in
      var training = training
      training.seed = runs[index].seed
      let run = try ComparisonRun(
        network, runs[index].normalization, training, data, metric, references.baseline,
        try events(index))
      let (result, measurement) = try run.train { try onEvent(index, $0) }
      found.withLock { $0.append(Done(index: index, result: result, measurement: measurement)) }
    }
    let all = try RunCrew.gathered(found.withLock(\.self), in: group).sorted { $0.index < $1.index }
    var contenders = normalizations.map { Contender(name: $0.rawValue) }
    for done in all { contenders[done.index / seeds.count].measurements.append(done.measurement) }
    return NormComparison(
      title: description.title, dataDescription: description.data, attribution: description.attribution,
      settings: description.settings, command: description.command, metric: metric.metric, targets: targets,
      validation: .init(data.validation), judgedOn: data.test == nil ? .validation : .test,
      references: references.results,
      differences: Contender.differences(
        contenders + references.contenders(seedCount: seeds.count), metric: metric, on: data.judged),
      runs: all.map(\.result), version: normaVersion)
  }
}

extension Comparison {
  /// Makes sure that the processes that share the work compare the same on the same data.
  private func checkAgreement(on data: DataSplits, in group: (any ProcessGroup)?) throws {
    guard let group else { return }
    var checksum = Checksum()
    for part in [data.training, data.validation, data.test].compactMap(\.self) { part.add(to: &checksum) }
    let settings = try network.json + training.json + "\(normalizations) \(seeds)"
    try group.agree(on: [
      ("another version of Norma", Checksum(of: Array(normaVersion.utf8)).value),
      ("other settings", Checksum(of: Array(settings.utf8)).value), ("other data", checksum.value),
    ])
  }
}

/// A run that is done.
private struct Done: Codable, Sendable {
  var index: Int
  var result: NormComparison.Run
  var measurement: Contender.Measurement
}

extension DataSplits {
  /// What models are judged on at last: the test data, or the validation data without any.
  var judged: Dataset<Float> { test ?? validation }
}
