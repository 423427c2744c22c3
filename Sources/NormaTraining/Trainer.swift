import NormaData
import NormaGraph
import NormaLayers
import NormaTensor

/// Trains a model.
///
/// ```swift
/// let trainer = Trainer(model, configuration: TrainingConfiguration(epochs: 5))
/// let history = try trainer.fit(training, validation: validation)
/// ```
///
/// Everything random comes from the configuration's seed: the same seed, data and model give the same bits.
public final class Trainer<Element: TensorElement> {
  /// The model that is trained; its parameters change while ``fit(_:validation:onEvent:)`` runs.
  public let model: any Layer<Element>
  /// How it is trained.
  public let configuration: TrainingConfiguration
  /// What has happened so far.
  public private(set) var history = TrainingHistory()

  /// What training reports while it runs.
  public enum Event {
    /// A step was made.
    case step(Step)
    /// An epoch has ended and was evaluated.
    case epoch(TrainingHistory.Epoch)
  }

  /// One step of the optimizer.
  public struct Step {
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
    /// The gradients the step was made with, in the order of the model's `namedParameters`; nil for frozen ones.
    public let gradients: [Tensor<Element>?]
  }

  /// What a callback wants to happen next.
  public enum Decision: Sendable { case proceed, stop }

  /// Samples on which the training metric is computed: the first of the training data, at most so many.
  public static var trainingMetricSamples: Int { 1000 }

  private let parameters: [Parameter<Element>]
  private let penalty: L2Penalty<Element>
  private var optimizer: Optimizer<Element>
  private var orderRandom: RandomGenerator
  private var dropoutRandom: RandomGenerator
  private let augmentationRandom: RandomGenerator

  /// A trainer before its first epoch. The model keeps the state it is in.
  public init(_ model: any Layer<Element>, configuration: TrainingConfiguration) {
    self.model = model
    self.configuration = configuration
    parameters = model.namedParameters.map(\.parameter)
    penalty = L2Penalty(strength: configuration.l2Penalty)
    optimizer = Optimizer(configuration.optimizer)
    let random = RandomGenerator(seed: configuration.seed)
    orderRandom = random.split(RandomStream.order.rawValue)
    dropoutRandom = random.split(RandomStream.dropout.rawValue)
    augmentationRandom = random.split(RandomStream.augmentation.rawValue)
  }

  /// Trains for the configured number of epochs.
  ///
  /// - Parameters:
  ///   - training: what to learn from.
  ///   - validation: what decides which epoch was best, and when to stop.
  ///   - onEvent: called after each step and each epoch; may stop the training.
  /// - Returns: the history.
  /// - Throws: ``TrainingError``; what a layer throws for a batch it cannot take; what `onEvent` throws. The model then
  ///   holds the state it had reached.
  @discardableResult public func fit(
    _ training: Dataset<Element>, validation: Dataset<Element>? = nil,
    onEvent: (Event) throws -> Decision = { _ in .proceed }
  ) throws -> TrainingHistory {
    try model.check(training)
    if let validation { try model.check(validation) }
    if let problem = configuration.augmentation?.problem(forExamplesOf: training.exampleShape) {
      throw TrainingError.dataDoNotFit("\(training.name) cannot be augmented: \(problem)")
    }
    let sample = training.subset(rows: 0..<min(training.count, Self.trainingMetricSamples))
    // A trainer that goes on starts from the best state it had, which may stay the best.
    var bestState = configuration.keepsBest && history.best != nil ? model.state : nil
    var epochsSinceBest = 0
    let earlierEpochs = history.epochs.count
    history.stoppedEarly = false
    for number in ((earlierEpochs + 1)...).prefix(configuration.epochs) {
      let clock = ContinuousClock()
      let start = clock.now
      guard let (loss, learningRate) = try runEpoch(number, training, onEvent) else {
        history.stoppedEarly = true
        break
      }
      let seconds = (clock.now - start) / .seconds(1)
      let trainingResult = try model.evaluate(on: sample, loss: configuration.loss)
      let validationResult = try validation.map { try model.evaluate(on: $0, loss: configuration.loss) }
      let epoch = TrainingHistory.Epoch(
        number: number, trainingLoss: loss, trainingMetric: trainingResult.metric,
        validationLoss: validationResult?.loss, validationMetric: validationResult?.metric, learningRate: learningRate,
        seconds: seconds)
      history.epochs.append(epoch)
      if history.best?.number == number {
        epochsSinceBest = 0
        if configuration.keepsBest { bestState = model.state }
      } else {
        epochsSinceBest += 1
      }
      let decision = try onEvent(.epoch(epoch))
      if decision == .stop || configuration.patience.map({ epochsSinceBest >= $0 }) ?? false {
        history.stoppedEarly = number - earlierEpochs < configuration.epochs
        break
      }
    }
    if let bestState { try model.load(bestState) }
    return history
  }

  /// One pass over the data in a new order; nil if the callback stopped it. Returns the mean loss and the last rate.
  private func runEpoch(
    _ number: Int, _ training: Dataset<Element>, _ onEvent: (Event) throws -> Decision
  ) throws -> (loss: Double, learningRate: Double)? {
    let order = orderRandom.permutation(training.count)
    let batches = configuration.batches(of: training.count)
    var loader = BatchLoader(
      training, order: order, ranges: batches, augmentation: configuration.augmentation,
      random: augmentationRandom.split(UInt64(history.stepLosses.count)))
    var total = 0.0
    var sampleCount = 0
    var learningRate = 0.0
    var index = 0
    while let batch = loader.next() {
      index += 1
      let time = configuration.scheduleUnit == .epoch ? number - 1 : history.stepLosses.count
      learningRate = configuration.learningRate * configuration.schedule.factor(at: time)
      let (loss, accuracy, gradients) = try step(batch, epoch: number, learningRate: learningRate)
      total += loss * Double(batch.count)
      sampleCount += batch.count
      let step = Step(
        epoch: number, number: index, count: batches.count, sampleCount: batch.count, loss: loss,
        accuracy: accuracy, learningRate: learningRate, gradients: gradients)
      if try onEvent(.step(step)) == .stop { return nil }
    }
    return (total / Double(max(1, sampleCount)), learningRate)
  }

  private func step(
    _ batch: Dataset<Element>, epoch: Int, learningRate: Double
  ) throws -> (loss: Double, accuracy: Double?, gradients: [Tensor<Element>?]) {
    let result = try differentiate(batch, epoch: epoch)
    optimizer.update(parameters, gradients: result.gradients, learningRate: learningRate)
    history.stepLosses.append(result.loss)
    return result
  }

  /// The loss of a batch and its gradients. The graph is gone when this returns: as long as it holds the parameters'
  /// values, the optimizer would have to copy them before it changes them.
  private func differentiate(
    _ batch: Dataset<Element>, epoch: Int
  ) throws -> (loss: Double, accuracy: Double?, gradients: [Tensor<Element>?]) {
    let pass = Pass<Element>.training(random: dropoutRandom)
    pass.recomputesNormalized = configuration.recomputesNormalized
    let outputs = try model(Variable(batch.features), in: pass)
    let dataLoss = try configuration.loss(outputs, targets: batch.targets)
    let loss = Double(dataLoss.value.item) + penalty.loss(of: parameters)
    guard loss.isFinite else {
      throw TrainingError.notFinite(try findNotFinite(batch, epoch: epoch, loss: loss))
    }
    let found = pass.gradients(of: dataLoss)
    var gradients = parameters.map { found[$0] }
    penalty.add(to: &gradients, of: parameters)
    try pass.updateRunningStatistics()
    dropoutRandom = pass.random
    return (loss, batch.accuracy(of: outputs.value), gradients)
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
