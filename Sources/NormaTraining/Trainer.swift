import NormaData
import NormaGraph
import NormaLayers
import NormaNormalization
import NormaTensor

/// Trains a model.
///
/// ```swift
/// let trainer = try Trainer(model, configuration: TrainingConfiguration(epochs: 5))
/// let history = try trainer.fit(training, validation: validation)
/// ```
///
/// Everything random comes from the configuration's seed: the same seed, data and model give the same bits.
public final class Trainer<Element: TensorElement> {
  /// The model that is trained; its parameters change while ``fit(_:validation:savingTo:onEvent:)`` runs.
  public let model: any Layer<Element>
  /// How it is trained.
  public let configuration: TrainingConfiguration
  /// The processes that train it together, each with its part of every batch; nil where this one is alone.
  public let group: (any ProcessGroup)?
  /// What has happened so far.
  public private(set) var history: TrainingHistory

  /// What training reports while it runs.
  public enum Event: Sendable {
    /// A step was made.
    case step(Step)
    /// An epoch has ended and was evaluated.
    case epoch(TrainingHistory.Epoch)
  }

  /// One step of the optimizer.
  public struct Step: Sendable {
    /// Counted from 1.
    public let epoch: Int
    /// The step within the epoch, counted from 1, and how many there are.
    public let number: Int
    /// How many steps the epoch has.
    public let count: Int
    /// How many samples the batch had.
    public let sampleCount: Int
    /// The loss of the batch before the step, penalty included.
    public let loss: Double
    /// The share of the batch's examples that were classified rightly before the step; nil for numbers.
    public let accuracy: Double?
    /// The learning rate of the step.
    public let learningRate: Double
    /// The gradients of the batch's loss, in the order of the model's `namedParameters`, before any was clipped; nil for frozen ones.
    public internal(set) var gradients: [Tensor<Element>?]
  }

  /// What a callback wants to happen next.
  public enum Decision: Sendable { case proceed, stop }

  /// Asked after each step and each epoch whether the training is to end here, to go on later, as when a signal came; ``isStopping`` then says
  /// so to whoever is told of the event. Of several processes each is asked in every step, and one that says so says it for all. Nil where
  /// it is the task that may be cancelled.
  public var isAskedToStop: (() -> Bool)?
  /// Whether the training is to end here: what ``isAskedToStop`` said last, of several processes of any.
  public internal(set) var isStopping = false

  /// Asked in the first process, where processes share the optimizer, whether the state will be asked for after an event, for which they have to
  /// bring it together; ``hasState`` then says so to whoever is told of the event. Nil for after each epoch.
  public var isAskedForState: ((Event) -> Bool)?
  /// Whether ``state`` can be asked for: always, unless processes share the optimizer. Then it is the first alone that can be asked, for
  /// events that ``isAskedForState`` said so of, and where training is to stop.
  public var hasState: Bool { !sharesOptimizer || wholeOptimizer != nil || restored != nil }
  /// Whether each process of the group remembers and changes a part of the parameters alone.
  public var sharesOptimizer: Bool { optimizer.shares != nil }
  /// How long this process has computed and waited for others; all zeros where it is alone.
  public internal(set) var waiting = TrainingWaiting()

  /// Samples on which the training metric is computed: the first of the training data, at most so many.
  public static var trainingMetricSamples: Int { 1000 }

  let parameters: [Parameter<Element>]
  /// The group, with a clock, for what a step exchanges.
  let meter: WaitingMeter?
  private let penalty: L2Penalty<Element>
  package private(set) var optimizer: Optimizer<Element>
  /// The optimizer with all that processes which share it remember together, while an event is told.
  private var wholeOptimizer: Optimizer<Element>?
  private var orderRandom: RandomGenerator
  private(set) var dropoutRandom: RandomGenerator
  private let augmentationRandom, mixingRandom: RandomGenerator
  /// The model's buffers of numbers, and their means where a mean of the weights is kept with them.
  private let buffers: [(name: String, buffer: Buffer<Element>)]
  private var averagedBuffers: [String: Tensor<Element>] = [:]
  /// The call of `fit` that is under way, what it learns from, and the best state it has seen.
  private var progress: TrainingProgress?
  private(set) var data: TrainingData<Element>?
  private var bestState: ModelState<Element>?
  /// What the next call of `fit` goes on with.
  private var restored: TrainingState<Element>?

  /// A trainer before its first epoch. The model keeps the state it is in.
  ///
  /// - Parameters:
  ///   - model: what is trained; in each process of a group the same.
  ///   - configuration: how; of a group the same in each process, with shards.
  ///   - group: the processes that train it together. Each reads its own part of every batch; all find the same gradients and keep the same
  ///     model, to the bits that one process with as many shards finds. Their number divides that of the shards.
  ///   - sharesOptimizer: whether each process of the group remembers and changes a part of the parameters alone, and tells the others what came
  ///     of it: memory for what an optimizer remembers is divided by their number, and each number is sent once more a step. It changes no bit.
  /// - Throws: ``TrainingError/wrongSettings(_:)`` for a configuration that nothing can be trained with; `ModelStructureError` for a
  ///   model that holds two things under one name.
  public init(
    _ model: any Layer<Element>, configuration: TrainingConfiguration, group: (any ProcessGroup)? = nil,
    sharesOptimizer: Bool = false
  ) throws {
    try configuration.check(processCount: group?.count ?? 1)
    try model.checkNames()
    self.model = model
    self.configuration = configuration
    self.group = group.flatMap { $0.count > 1 ? $0 : nil }
    meter = self.group.map { WaitingMeter($0) }
    history = TrainingHistory(monitor: configuration.monitor)
    parameters = model.distinctParameters
    penalty = L2Penalty(strength: configuration.l2Penalty)
    optimizer = Optimizer(configuration)
    if sharesOptimizer, let group = self.group { optimizer.share(parameters, among: group) }
    buffers = model.namedBuffers.filter { if case .tensor = $0.buffer.read() { true } else { false } }
    let random = RandomGenerator(seed: configuration.seed)
    orderRandom = random.split(RandomStream.order.rawValue)
    dropoutRandom = random.split(RandomStream.dropout.rawValue)
    augmentationRandom = random.split(RandomStream.augmentation.rawValue)
    mixingRandom = random.split(RandomStream.mixing.rawValue)
  }

  /// All that the training consists of at this moment. Within `onEvent` of ``fit(_:validation:savingTo:onEvent:)``, it is the
  /// middle of that call; a trainer that it is restored to goes on with that call. It must be one that ``hasState``.
  public var state: TrainingState<Element> {
    if let restored { return restored }
    require(hasState, "the state is asked for where processes share the optimizer, which nobody said it would be")
    let (layers, statistics) = model.trainingStructure
    return TrainingState(
      configuration: configuration, model: model.state, history: history, layers: layers, frozen: model.frozenNames,
      statistics: statistics, best: bestState, optimizer: wholeOptimizer ?? optimizer,
      averagedBuffers: averagedBuffers,
      orderRandom: orderRandom.state, dropoutRandom: dropoutRandom.state, progress: progress,
      dataChecksum: data?.checksum)
  }

  /// Puts model and trainer into the state of another trainer, of a model of the same structure with the same
  /// configuration. The next ``fit(_:validation:savingTo:onEvent:)`` goes on, bit for bit, with the call the state was taken from.
  ///
  /// - Throws: ``TrainingError/stateDoesNotFit(_:)`` with all that differs, or `ModelStateError`; nothing has changed then.
  public func restore(_ state: TrainingState<Element>) throws {
    try state.check(model, configuration)
    let before = model.state
    do {
      if let best = state.best { try model.load(best) }
      try model.load(state.model)
    } catch {
      try model.load(before)
      throw error
    }
    let isShared = sharesOptimizer
    optimizer = state.optimizer
    if isShared, let group { optimizer.share(parameters, among: group) }
    averagedBuffers = state.averagedBuffers
    orderRandom = RandomGenerator(state: state.orderRandom)
    dropoutRandom = RandomGenerator(state: state.dropoutRandom)
    history = state.history
    restored = state.progress == nil ? nil : state
  }

  /// Trains for the configured number of epochs, or what is left of them after ``restore(_:)``.
  ///
  /// - Parameters:
  ///   - training: what to learn from.
  ///   - validation: what decides which epoch was best, and when to stop.
  ///   - folder: where the state of the training is written when its task is cancelled, so that it can go on later.
  ///   - onEvent: called after each step and each epoch; may stop the training.
  /// - Returns: the history.
  /// - Throws: ``TrainingError``; what a layer throws for a batch it cannot take; what `onEvent` throws; `CancellationError` after the
  ///   step during which the task was cancelled that this runs in. The model then holds the state it had reached. `ProcessGroupError`
  ///   where another process of a group does not answer, or has another model, data or settings.
  @discardableResult public func fit(
    _ training: Dataset<Element>, validation: Dataset<Element>? = nil, savingTo folder: TrainingStateFolder? = nil,
    onEvent: (Event) throws -> Decision = { _ in .proceed }
  ) throws -> TrainingHistory {
    var folder = folder
    func onEventUnlessCancelled(_ event: Event) throws -> Decision {
      if group == nil { isStopping = wantsToStop }
      try bringStateTogether(for: event)
      defer { wholeOptimizer = nil }
      let decision = try onEvent(event)
      if isAskedToStop == nil && (isStopping || group == nil && Task.isCancelled) {
        if group.isFirst { try folder?.write(state) }
        throw CancellationError()
      }
      return decision
    }
    return try run(training, validation, onEventUnlessCancelled)
  }

  /// The events of a training as they come, without gradients. It runs while they are waited for and after; whoever stops waiting, or
  /// whose task is cancelled, ends it after the step under way, as cancelling does with
  /// ``fit(_:validation:savingTo:onEvent:)``. Trainer and model are the training's own until the sequence has ended.
  ///
  /// ```swift
  /// for try await event in trainer.events(training, validation: validation) {
  ///   if case .epoch(let epoch) = event { print(epoch.number, epoch.trainingLoss) }
  /// }
  /// ```
  public func events(
    _ training: Dataset<Element>, validation: Dataset<Element>? = nil, savingTo folder: TrainingStateFolder? = nil
  ) -> AsyncThrowingStream<Event, any Error> {
    // Nobody else uses the trainer until the sequence has ended: that is what is asked of the caller.
    nonisolated(unsafe) let trainer = self
    return AsyncThrowingStream { continuation in
      let task = Task.detached {
        do {
          try trainer.fit(training, validation: validation, savingTo: folder) { event in
            var event = event
            if case .step(var step) = event {
              step.gradients = []
              event = .step(step)
            }
            continuation.yield(event)
            return .proceed
          }
          continuation.finish()
        } catch {
          continuation.finish(throwing: error)
        }
      }
      continuation.onTermination = { _ in task.cancel() }
    }
  }

  /// Whether this process is asked to stop.
  var wantsToStop: Bool { isAskedToStop?() ?? Task.isCancelled }

  private func run(
    _ training: Dataset<Element>, _ validation: Dataset<Element>?, _ onEvent: (Event) throws -> Decision
  ) throws -> TrainingHistory {
    try model.check(training)
    if let validation { try model.check(validation) }
    if let problem = configuration.augmentation?.problem(for: training) {
      throw TrainingError.dataDoNotFit("\(training.name) cannot be augmented: \(problem)")
    }
    if configuration.cutmix != nil, training.exampleShape.rank != 3 {
      throw TrainingError.dataDoNotFit(
        "\(training.name) cannot be mixed in rectangles: examples of shape \(training.exampleShape) are no images "
          + "[height, width, channels]")
    }
    try configuration.checkWeights(training)
    let data = TrainingData(training, validation)
    if let restored { try restored.check(data) }
    try checkAgreement(on: data)
    let sample = training.batch(0..<min(training.count, Self.trainingMetricSamples))
    let epochsBefore = restored?.progress?.epochsBefore ?? history.epochs.count
    progress = restored?.progress ?? TrainingProgress(epochsBefore: epochsBefore)
    // A trainer that goes on starts from the best state it had, which may stay the best.
    bestState = configuration.keepsBest && history.best != nil ? restored?.best ?? model.state : nil
    self.data = data
    restored = nil
    defer { (progress, bestState, self.data) = (nil, nil, nil) }
    history.stoppedEarly = false
    while history.epochs.count - epochsBefore < configuration.epochs {
      if let patience = configuration.patience, let progress, progress.epochsSinceBest >= patience {
        history.stoppedEarly = true
        break
      }
      let number = history.epochs.count + 1
      let isWhole = progress?.stepsOfEpoch == 0
      let clock = ContinuousClock()
      let start = clock.now
      guard let (loss, learningRate) = try runEpoch(number, training, onEvent) else {
        history.stoppedEarly = true
        break
      }
      let seconds = (clock.now - start) / .seconds(1)
      if case .stochastic(let first) = configuration.averaging, number >= first {
        optimizer.takeIntoAverage(parameters)
      }
      let evaluated = try exponentialAverage()
      let last = evaluated.map { _ in model.state }
      if let evaluated { try model.load(evaluated) }
      let trainingResult = try model.evaluate(on: sample, loss: configuration.loss, in: group)
      let batchResult = try evaluateByBatchStatistics(sample)
      let validationResult = try validation.map { try model.evaluate(on: $0, loss: configuration.loss, in: group) }
      if let last { try model.load(last) }
      let epoch = TrainingHistory.Epoch(
        number: number, trainingLoss: loss, trainingMetric: trainingResult.metric,
        validationLoss: validationResult?.loss, validationMetric: validationResult?.metric, learningRate: learningRate,
        seconds: isWhole ? seconds : nil, inferenceTrainingLoss: trainingResult.loss,
        batchTrainingLoss: batchResult?.loss, batchTrainingMetric: batchResult?.metric)
      history.epochs.append(epoch)
      let isBest = history.best?.number == number
      if isBest && configuration.keepsBest { bestState = evaluated ?? model.state }
      progress?.endEpoch(isBest: isBest)
      if try onEvent(.epoch(epoch)) == .stop {
        history.stoppedEarly = history.epochs.count - epochsBefore < configuration.epochs
        break
      }
    }
    if case .stochastic = configuration.averaging, let average = try averagedState() {
      try model.load(average)
      try model.recalibrateStatistics(on: training, batchSize: configuration.batchSize, in: group)
    } else if let state = try bestState ?? exponentialAverage() {
      try model.load(state)
    }
    return history
  }

  /// The mean of the weights, with those of the running statistics where they are averaged too; nil where none is kept, or there is
  /// none yet.
  private func averagedState() throws -> ModelState<Element>? {
    guard let averages = try optimizer.averages(of: parameters, in: group) else { return nil }
    var state = model.state
    for ((name, _), average) in zip(model.namedParameters, averages) { state.tensors[name] = average }
    state.tensors.merge(averagedBuffers) { $1 }
    return state
  }

  /// The running mean of the weights; nil where none is kept.
  private func exponentialAverage() throws -> ModelState<Element>? {
    if case .exponential = configuration.averaging { try averagedState() } else { nil }
  }

  /// Brings together what the processes that share the optimizer remember, in the first of them, where that wants to save it after an event.
  private func bringStateTogether(for event: Event) throws {
    guard let group, sharesOptimizer else { return }
    let isEpoch = if case .epoch = event { true } else { false }
    let isFirst = group.rank == 0
    let isWanted = try group.gathered(isFirst && (isAskedForState?(event) ?? isEpoch))[0]
    guard isWanted || isStopping else { return }
    let whole = try optimizer.whole(in: group, atFirstOnly: true)
    if isFirst { wholeOptimizer = whole }
  }

  /// Takes the buffers as they are into their means.
  private func averageBuffers() {
    guard case .exponential? = configuration.averaging, let averaging = configuration.averaging else { return }
    let weight = Element(averaging.weight(ofValue: optimizer.averagedCount))
    for (name, buffer) in buffers {
      guard case .tensor(let tensor) = buffer.read() else { continue }
      let mean = averagedBuffers[name] ?? .zeros(tensor.shape)
      averagedBuffers[name] = mean + weight * (tensor - mean)
    }
  }

  /// How many samples at least are normalized by their own statistics where a model is measured so: as many as make the noise of
  /// a small batch small. It is the lag of running statistics that is looked for.
  static var measuredBatchSize: Int { 256 }

  /// The evaluation of training samples by their own statistics; nil for a model that gathers none.
  private func evaluateByBatchStatistics(_ sample: Dataset<Element>) throws -> Evaluation? {
    guard model.gathersStatistics, sample.count > 1 else { return nil }
    let outputs = try model.predictByBatchStatistics(
      sample.features, batchSize: max(configuration.batchSize, Self.measuredBatchSize), in: group)
    return try Evaluation(outputs: outputs, of: sample, loss: configuration.loss)
  }

  /// One pass over the data in a new order, or what is left of it; nil if the callback stopped it. Returns the mean loss and
  /// the last rate.
  private func runEpoch(
    _ number: Int, _ training: Dataset<Element>, _ onEvent: (Event) throws -> Decision
  ) throws -> (loss: Double, learningRate: Double)? {
    var random = orderRandom
    let order = random.permutation(training.count)
    defer { orderRandom = random }
    let batches = configuration.batches(of: training.count)
    let cuts = batches.map { configuration.cut(of: $0.count, in: meter) }
    var progress = progress ?? TrainingProgress(epochsBefore: number - 1)
    var loader = BatchLoader(
      training, order: order, ranges: batches, places: cuts.map(\.places), augmentation: configuration.augmentation,
      random: augmentationRandom.split(UInt64(history.stepLosses.count - progress.stepsOfEpoch)),
      startingAt: progress.stepsOfEpoch)
    while let batch = loader.next() {
      let cut = cuts[progress.stepsOfEpoch], sampleCount = batches[progress.stepsOfEpoch].count
      let time = configuration.scheduleUnit == .epoch ? number - 1 : history.stepLosses.count
      let learningRate = configuration.learningRate * configuration.schedule.factor(at: time, after: history)
      let clock = ContinuousClock()
      let start = clock.now
      let (step, loss, accuracy) = try differentiate(batch, cut, epoch: number)
      optimizer.learningRate = learningRate
      try optimizer.update(model, with: step)
      if let meter { try optimizer.gather(parameters, in: meter) }
      averageBuffers()
      if let meter { waiting.add(step: clock.now - start, statistics: meter.takeTime()) }
      history.stepLosses.append(loss)
      progress.add(loss: loss, sampleCount: sampleCount, learningRate: learningRate)
      self.progress = progress
      let report = Step(
        epoch: number, number: progress.stepsOfEpoch, count: batches.count, sampleCount: sampleCount, loss: loss,
        accuracy: accuracy, learningRate: learningRate, gradients: step.gradients)
      if try onEvent(.step(report)) == .stop { return nil }
    }
    return (progress.lossSum / Double(max(1, progress.sampleCount)), progress.learningRate)
  }

  /// What a batch says of the model, its loss, penalty included, and the share of examples that were classified rightly.
  ///
  /// - Parameters:
  ///   - batch: the examples at the places of the cut that are this process's own.
  ///   - cut: how the whole batch is cut.
  private func differentiate(
    _ batch: Dataset<Element>, _ cut: BatchCut, epoch: Int
  ) throws -> (step: Differentiation<Element>, loss: Double, accuracy: Double?) {
    var random = dropoutRandom
    var batch = MixedBatch(batch)
    var mixing = mixingRandom.split(UInt64(history.stepLosses.count))
    switch (configuration.mixup, configuration.cutmix) {
    case (let mixup?, let cutmix?):
      let cuts = mixing.uniform() < 0.5
      batch =
        cuts
        ? batch.cutMixed(by: cutmix, within: cut, using: &mixing) : batch.mixed(by: mixup, within: cut, using: &mixing)
    case (let mixup?, nil): batch = batch.mixed(by: mixup, within: cut, using: &mixing)
    case (nil, let cutmix?): batch = batch.cutMixed(by: cutmix, within: cut, using: &mixing)
    case (nil, nil): break
    }
    var step: Differentiation<Element>
    let accuracy: Double?
    if configuration.shards != nil {
      (step, accuracy) = try differentiateShards(batch, cut)
    } else {
      step = try differentiateInTurn(batch, random: &random, epoch: epoch)
      accuracy = batch.judged.accuracy(of: step.outputs)
    }
    let loss = Double(step.loss) + penalty.loss(of: parameters)
    guard loss.isFinite else {
      throw TrainingError.notFinite(try findNotFinite(batch.first, epoch: epoch, loss: loss))
    }
    penalty.add(to: &step)
    dropoutRandom = random
    return (step, loss, accuracy)
  }

  /// What the parts of a batch say of the model, one after the other.
  private func differentiateInTurn(
    _ batch: MixedBatch<Element>, random: inout RandomGenerator, epoch: Int
  ) throws -> Differentiation<Element> {
    let cut = configuration.microBatches(of: batch.first.count)
    let ranges = configuration.sharesMoments ? [0..<batch.first.count] : cut
    var (parts, weights): ([Differentiation<Element>], [Double]) = ([], [])
    for range in ranges {
      let part = ranges.count == 1 ? batch : batch.part(range)
      let step = try model.differentiate(
        part.first.features, random: &random, recomputesNormalized: configuration.recomputesNormalized,
        keptActivations: configuration.keptActivations,
        statisticsScope: configuration.statisticsScope(parts: cut.count)
      ) { try finiteLoss(of: $0, part, of: part.first, epoch: epoch) }
      parts.append(step)
      weights.append(part.weight(configuration))
    }
    guard parts.count > 1 else { return parts[0] }
    let total = weights.reduce(0, +)
    return try .merging(parts, weights: weights.map { total == 0 ? 1 / Double(parts.count) : $0 / total })
  }

  /// The loss of what the model gives for a part of a batch.
  ///
  /// - Throws: ``TrainingError/notFinite(_:)``.
  private func finiteLoss(
    of outputs: Variable<Element>, _ part: MixedBatch<Element>, of batch: Dataset<Element>, epoch: Int
  ) throws -> Variable<Element> {
    let found = try part.loss(of: outputs, configuration)
    let loss = found.value.count == 1 ? Double(found.value.item) : 0
    guard loss.isFinite else {
      throw TrainingError.notFinite(try findNotFinite(batch, epoch: epoch, loss: loss))
    }
    return found
  }

  /// Runs the batch again, looking at every layer, to name the first that gave something not finite.
  private func findNotFinite(_ batch: Dataset<Element>, epoch: Int, loss: Double) throws -> TrainingError.NotFinite {
    var found = TrainingError.NotFinite(
      epoch: epoch, step: history.stepLosses.count + 1, layer: nil, place: "the loss itself, which is \(loss)")
    if !batch.features.isFinite {
      found.place = "the data of the batch"
      return found
    }
    let pass = Pass<Element>.training(random: dropoutRandom)
    pass.observer = { path, layer, output in
      guard found.layer == nil, layer.children.isEmpty, !output.isFinite else { return }
      found.layer = path
      let parameter = layer.parameters.first { !$0.value.isFinite }
      found.place = "the \(parameter.map { "\($0.kind) of" } ?? "output of") \(layer.summary)"
    }
    _ = try model(Variable(batch.features), in: pass)
    return found
  }
}
