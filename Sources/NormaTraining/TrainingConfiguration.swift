import NormaData
import NormaNormalization
import NormaTensor

/// How a model is trained, whatever the model and the data are.
public struct TrainingConfiguration: Sendable {
  /// What a learning-rate schedule counts.
  public enum ScheduleUnit: String, Hashable, Sendable, Codable, CaseIterable { case step, epoch }

  /// How often the training data are gone over.
  public var epochs: Int
  /// Samples a step.
  public var batchSize: Int
  /// What is made small.
  public var loss: any LossFunction
  /// How gradients become steps.
  public var optimizer: any OptimizerRule
  /// The learning rate, by which the schedule's factor is multiplied.
  public var learningRate: Double
  /// How the learning rate changes.
  public var schedule: any LearningRateSchedule
  /// What the schedule counts.
  public var scheduleUnit: ScheduleUnit
  /// The strength of the ``L2Penalty`` on weights.
  public var l2Penalty: Double
  /// By how much weights shrink at each step, times the learning rate, apart from the gradient; nil for what the optimizer says.
  public var weightDecay: Double?
  /// Parameters that are trained by settings of their own.
  public var groups: [ParameterGroup]
  /// What is done about gradients that are very large; nil for nothing.
  public var clipping: GradientClipping?
  /// Which mean of the weights the training ends with; nil to end with the weights themselves.
  public var averaging: WeightAveraging?
  /// Into how many parts each batch is cut for a step with what they say together; no part has less than two samples, and of a
  /// smaller batch there are fewer. Running statistics take them in as those of one batch.
  public var microBatches: Int
  /// Whether the parts are normalized by the moments of all of them, merged, and not each by its own.
  ///
  /// By their own, parts go through the network one after the other, in as much memory as one of them takes. By those of all, the
  /// gradient of each part depends on all others layer by layer: they go through together, in the memory of the whole batch, and say
  /// what the batch says as a whole, to rounding.
  public var sharesMoments: Bool
  /// The most examples that share moments in batch normalization, for ghost batches (Hoffer, Hubara and Soudry 2017); nil for all that
  /// go through the network together.
  public var ghostSize: Int?
  /// Into how many shards each batch is cut, a power of two: parts that are worked on side by side, each on a thread of its own, and
  /// normalized as one batch. Their number decides the bits, and how many threads there are does not; nil for none.
  public var shards: Int?
  /// How much each example of a batch is mixed with another: both numbers of the beta distribution from which its share is drawn for
  /// each step (mixup, Zhang et al. 2018); nil to leave examples as they are.
  public var mixup: Double?
  /// How large a rectangle of each image of a batch comes from another: both numbers of the beta distribution from which the share that
  /// stays is drawn for each step (CutMix, Yun et al. 2019); nil for none. With ``mixup`` too, each step does one of both by chance.
  public var cutmix: Double?
  /// Whether the samples left over by whole batches are left out (another few each epoch). Otherwise they are a smaller
  /// batch of their own; a single one, which batch normalization could not train on, joins the batch before it.
  public var dropsLastBatch: Bool
  /// Whether the model ends with the state that was best on the validation data rather than with the last.
  public var keepsBest: Bool
  /// What decides which state is best.
  public var monitor: TrainingHistory.Monitor
  /// After how many epochs without a better state training stops; nil to go on to the end.
  public var patience: Int?
  /// How much an example of each class counts in the loss of a step, one number above 0 a class; nil if all count the same.
  /// Losses on validation data are not weighted.
  public var classWeights: [Double]?
  /// How training images are changed by chance before each step; nil to leave them.
  public var augmentation: ImageAugmentation?
  /// Decides every random number of a training: weights, order of samples, dropout, augmentation.
  public var seed: UInt64
  /// Whether what batch normalization gives is computed again for the gradients instead of kept, see
  /// `Pass.recomputesNormalized`: the same bits, in less memory and a little more time.
  public var recomputesNormalized: Bool
  /// The width in which activations are kept for the gradients, see `Graph.keptActivations`: half of the memory, and gradients of
  /// activations that are rounded. Nil for their own, which rounds nothing.
  public var keptActivations: HalfPrecision?

  /// A configuration; by default Adam on softmax cross-entropy. ``check()`` says whether anything can be trained with it.
  public init(
    epochs: Int = 10, batchSize: Int = 50, loss: any LossFunction = .softmaxCrossEntropy,
    optimizer: any OptimizerRule = .adam(), learningRate: Double = 1e-3, schedule: any LearningRateSchedule = .constant,
    scheduleUnit: ScheduleUnit = .epoch, l2Penalty: Double = 0, weightDecay: Double? = nil,
    groups: [ParameterGroup] = [], clipping: GradientClipping? = nil, averaging: WeightAveraging? = nil,
    microBatches: Int = 1, sharesMoments: Bool = false, ghostSize: Int? = nil, shards: Int? = nil,
    mixup: Double? = nil,
    cutmix: Double? = nil, dropsLastBatch: Bool = false, keepsBest: Bool = true,
    monitor: TrainingHistory.Monitor = .metric, patience: Int? = nil, classWeights: [Double]? = nil,
    augmentation: ImageAugmentation? = nil, seed: UInt64 = 0, recomputesNormalized: Bool = false,
    keptActivations: HalfPrecision? = nil
  ) {
    self.epochs = epochs
    self.batchSize = batchSize
    self.loss = loss
    self.optimizer = optimizer
    self.learningRate = learningRate
    self.schedule = schedule
    self.scheduleUnit = scheduleUnit
    self.l2Penalty = l2Penalty
    self.weightDecay = weightDecay
    self.groups = groups
    self.clipping = clipping
    self.averaging = averaging
    self.microBatches = microBatches
    self.sharesMoments = sharesMoments
    self.ghostSize = ghostSize
    self.shards = shards
    self.mixup = mixup
    self.cutmix = cutmix
    self.dropsLastBatch = dropsLastBatch
    self.keepsBest = keepsBest
    self.monitor = monitor
    self.patience = patience
    self.classWeights = classWeights
    self.augmentation = augmentation
    self.seed = seed
    self.recomputesNormalized = recomputesNormalized
    self.keptActivations = keptActivations
  }

  /// The most shards of a batch.
  public static var mostShards: Int { 1024 }

  /// Makes sure that something can be trained with these settings, as ``Trainer`` does.
  ///
  /// - Throws: ``TrainingError/wrongSettings(_:)`` otherwise.
  public func check() throws {
    if let problem { throw TrainingError.wrongSettings("nothing can be trained with \(problem)") }
  }

  /// What is wrong with these settings; nil if nothing is. Settings read from a file were never checked.
  var problem: String? {
    if epochs < 0 || batchSize <= 0 { return "\(epochs) epochs of batches of \(batchSize)" }
    if !learningRate.isFinite { return "a learning rate of \(learningRate)" }
    if !(l2Penalty >= 0 && l2Penalty.isFinite) { return "a penalty of strength \(l2Penalty)" }
    if let patience, patience < 0 { return "a patience of \(patience) epochs" }
    if let weight = classWeights?.first(where: { !($0 > 0 && $0.isFinite) }) { return "a class of weight \(weight)" }
    if Set(optimizer.slots).count < optimizer.slots.count || optimizer.slots.contains("") {
      return "an optimizer that remembers \(optimizer.slots), names that do not differ"
    }
    if optimizer.slots.contains(Optimizer<Float>.averageSlot) {
      return "an optimizer that remembers '\(Optimizer<Float>.averageSlot)', the name of the mean of the weights"
    }
    if let weightDecay, !(weightDecay >= 0 && weightDecay.isFinite) { return "a weight decay of \(weightDecay)" }
    if microBatches < 1 { return "batches in \(microBatches) parts" }
    if let ghostSize {
      if ghostSize < 2 { return "ghost batches of \(ghostSize)" }
      if sharesMoments { return "ghost batches, each by its own moments, and the moments of all parts merged" }
    }
    if let shards {
      guard (1...Self.mostShards).contains(shards), shards.nonzeroBitCount == 1 else {
        return "batches in \(shards) shards, whose number is a power of two up to \(Self.mostShards)"
      }
      if microBatches > 1 { return "batches in \(shards) shards and in \(microBatches) parts" }
    }
    if let mixup, !(mixup > 0 && mixup.isFinite) { return "examples mixed by a beta distribution of \(mixup)" }
    if let cutmix, !(cutmix > 0 && cutmix.isFinite) { return "rectangles mixed by a beta distribution of \(cutmix)" }
    return loss.problem ?? schedule.problem ?? groups.lazy.compactMap(\.problem).first ?? clipping?.problem
      ?? averaging?.problem ?? augmentation?.problem
  }

  /// Makes sure that there is a weight for each class of the data, and that those of examples are weights.
  func checkWeights<Element: TensorElement>(_ data: Dataset<Element>) throws {
    if let weight = data.weights?.first(where: { !($0 >= 0 && $0.isFinite) }) {
      throw TrainingError.dataDoNotFit("\(data.name) has an example of weight \(weight)")
    }
    guard let classWeights else { return }
    guard case .classes(_, let count) = data.targets else {
      throw TrainingError.targetsDoNotFit("weights of classes, and \(data.name) has numbers to predict")
    }
    guard classWeights.count == count else {
      throw TrainingError.targetsDoNotFit(
        "\(classWeights.count) weights of classes, and \(data.name) has \(count) classes")
    }
  }

  /// The parts in which a batch of `count` samples goes through the network. One that the last samples of an epoch make has fewer, rather than
  /// smaller ones: what two samples are normalized to by themselves says nothing.
  package func microBatches(of count: Int) -> [Range<Int>] {
    // In floating point: batches may be as large as numbers go.
    let share = (Double(count) * Double(microBatches) / Double(batchSize)).rounded(.up)
    let parts = max(1, min(microBatches, count / 2, Int(min(share, Double(microBatches)))))
    return StatisticsScope.parts(parts).ranges(of: count)
  }

  /// Which values share moments in batch normalization, where so many parts of a batch go through the network together.
  func statisticsScope(parts: Int) -> StatisticsScope {
    if let ghostSize { return .ghosts(ofSize: ghostSize) }
    return sharesMoments && parts > 1 ? .parts(parts) : .batch
  }

  /// The parts of `count` samples that make the batches of one epoch; no batch has less than one.
  public func batches(of count: Int) -> [Range<Int>] {
    let batchSize = min(max(1, batchSize), max(1, count))
    var batches = stride(from: 0, to: count, by: batchSize).map { $0..<min(count, $0 + batchSize) }
    guard batches.count > 1, let last = batches.last, last.count < batchSize else { return batches }
    if dropsLastBatch {
      batches.removeLast()
    } else if last.count == 1 {
      batches.removeLast()
      batches[batches.count - 1] = batches[batches.count - 1].lowerBound..<count
    }
    return batches
  }
}

extension TrainingConfiguration: Codable {
  private enum CodingKeys: String, CodingKey, CaseIterable {
    case epochs, batchSize, loss, optimizer, learningRate, schedule, scheduleUnit, l2Penalty, weightDecay, groups
    case clipping, averaging, microBatches, sharesMoments, ghostSize, shards, mixup, cutmix, dropsLastBatch
    case keepsBest
    case monitor, patience, classWeights, augmentation, seed, recomputesNormalized, keptActivations
  }

  /// Settings from a file; what an earlier version did not write is as it was then.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    epochs = try values.decode(Int.self, forKey: .epochs)
    batchSize = try values.decode(Int.self, forKey: .batchSize)
    loss = try LossRegistry.shared.decode(from: values.superDecoder(forKey: .loss))
    optimizer = try OptimizerRegistry.shared.decode(from: values.superDecoder(forKey: .optimizer))
    learningRate = try values.decode(Double.self, forKey: .learningRate)
    schedule = try ScheduleRegistry.shared.decode(from: values.superDecoder(forKey: .schedule))
    scheduleUnit = try values.decode(ScheduleUnit.self, forKey: .scheduleUnit)
    l2Penalty = try values.decode(Double.self, forKey: .l2Penalty)
    weightDecay = try values.decodeIfPresent(Double.self, forKey: .weightDecay)
    groups = try values.decodeIfPresent([ParameterGroup].self, forKey: .groups) ?? []
    clipping = try values.decodeIfPresent(GradientClipping.self, forKey: .clipping)
    averaging = try values.decodeIfPresent(WeightAveraging.self, forKey: .averaging)
    microBatches = try values.decodeIfPresent(Int.self, forKey: .microBatches) ?? 1
    sharesMoments = try values.decodeIfPresent(Bool.self, forKey: .sharesMoments) ?? false
    ghostSize = try values.decodeIfPresent(Int.self, forKey: .ghostSize)
    shards = try values.decodeIfPresent(Int.self, forKey: .shards)
    mixup = try values.decodeIfPresent(Double.self, forKey: .mixup)
    cutmix = try values.decodeIfPresent(Double.self, forKey: .cutmix)
    dropsLastBatch = try values.decode(Bool.self, forKey: .dropsLastBatch)
    keepsBest = try values.decode(Bool.self, forKey: .keepsBest)
    monitor = try values.decodeIfPresent(TrainingHistory.Monitor.self, forKey: .monitor) ?? .metric
    patience = try values.decodeIfPresent(Int.self, forKey: .patience)
    classWeights = try values.decodeIfPresent([Double].self, forKey: .classWeights)
    augmentation = try values.decodeIfPresent(ImageAugmentation.self, forKey: .augmentation)
    seed = try values.decode(UInt64.self, forKey: .seed)
    recomputesNormalized = try values.decodeIfPresent(Bool.self, forKey: .recomputesNormalized) ?? false
    keptActivations = try values.decodeIfPresent(HalfPrecision.self, forKey: .keptActivations)
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(epochs, forKey: .epochs)
    try values.encode(batchSize, forKey: .batchSize)
    try LossRegistry.shared.encode(loss, to: values.superEncoder(forKey: .loss))
    try OptimizerRegistry.shared.encode(optimizer, to: values.superEncoder(forKey: .optimizer))
    try values.encode(learningRate, forKey: .learningRate)
    try ScheduleRegistry.shared.encode(schedule, to: values.superEncoder(forKey: .schedule))
    try values.encode(scheduleUnit, forKey: .scheduleUnit)
    try values.encode(l2Penalty, forKey: .l2Penalty)
    try values.encodeIfPresent(weightDecay, forKey: .weightDecay)
    if !groups.isEmpty { try values.encode(groups, forKey: .groups) }
    try values.encodeIfPresent(clipping, forKey: .clipping)
    try values.encodeIfPresent(averaging, forKey: .averaging)
    if microBatches != 1 { try values.encode(microBatches, forKey: .microBatches) }
    if sharesMoments { try values.encode(sharesMoments, forKey: .sharesMoments) }
    try values.encodeIfPresent(ghostSize, forKey: .ghostSize)
    try values.encodeIfPresent(shards, forKey: .shards)
    try values.encodeIfPresent(mixup, forKey: .mixup)
    try values.encodeIfPresent(cutmix, forKey: .cutmix)
    try values.encode(dropsLastBatch, forKey: .dropsLastBatch)
    try values.encode(keepsBest, forKey: .keepsBest)
    try values.encode(monitor, forKey: .monitor)
    try values.encodeIfPresent(patience, forKey: .patience)
    try values.encodeIfPresent(classWeights, forKey: .classWeights)
    try values.encodeIfPresent(augmentation, forKey: .augmentation)
    try values.encode(seed, forKey: .seed)
    try values.encode(recomputesNormalized, forKey: .recomputesNormalized)
    try values.encodeIfPresent(keptActivations, forKey: .keptActivations)
  }
}

extension TrainingConfiguration: Hashable {
  /// All settings, in the order of their declaration.
  private var settings: [AnyHashable] {
    [
      epochs, batchSize, AnyHashable(loss), AnyHashable(optimizer), learningRate, AnyHashable(schedule), scheduleUnit,
      l2Penalty, weightDecay, groups, clipping, averaging, microBatches, sharesMoments, ghostSize, shards, mixup,
      cutmix,
      dropsLastBatch, keepsBest, monitor, patience, classWeights, augmentation, seed, recomputesNormalized,
      keptActivations,
    ]
  }

  public static func == (left: TrainingConfiguration, right: TrainingConfiguration) -> Bool {
    left.settings == right.settings
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(settings) }
}

/// The parts of a program that draw random numbers, each from a generator split off that of the seed.
public enum RandomStream: UInt64, Sendable {
  /// Initial weights, the order of samples, dropout, what is set aside for validation, how images are changed, and how examples are
  /// mixed.
  case weights, order, dropout, split, augmentation, mixing
}
