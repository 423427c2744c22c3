import ArgumentParser
import Norma

/// The losses that `--loss` names.
enum LossChoice: ExpressibleByArgument {
  case softmaxCrossEntropy, multiclassSVM, binaryCrossEntropy, meanSquaredError
  case focal(focus: Double)
  case huber(threshold: Double)

  init?(argument: String) {
    let parts = argument.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    let number = parts.count == 2 ? Double(parts[1]) : nil
    switch (parts[0], parts.count) {
    case ("softmaxCrossEntropy", 1): self = .softmaxCrossEntropy
    case ("multiclassSVM", 1): self = .multiclassSVM
    case ("binaryCrossEntropy", 1): self = .binaryCrossEntropy
    case ("meanSquaredError", 1): self = .meanSquaredError
    case ("focal", 1): self = .focal(focus: 2)
    case ("huber", 1): self = .huber(threshold: 1)
    case ("focal", 2):
      guard let number, number >= 0, number.isFinite else { return nil }
      self = .focal(focus: number)
    case ("huber", 2):
      guard let number, number > 0, number.isFinite else { return nil }
      self = .huber(threshold: number)
    default: return nil
    }
  }

  /// Whether it is for numbers, rather than for classes.
  var isForNumbers: Bool {
    switch self {
    case .meanSquaredError, .huber: true
    case .softmaxCrossEntropy, .multiclassSVM, .binaryCrossEntropy, .focal: false
    }
  }

  /// The loss.
  func loss(labelSmoothing: Double) -> any LossFunction {
    switch self {
    case .softmaxCrossEntropy: .softmaxCrossEntropy(labelSmoothing: labelSmoothing)
    case .focal(let focus): .focal(focus: focus)
    case .multiclassSVM: .multiclassSVM
    case .binaryCrossEntropy: .binaryCrossEntropy
    case .meanSquaredError: .meanSquaredError
    case .huber(let threshold): .huber(threshold: threshold)
    }
  }
}

/// What `--group` asks for: `PATTERN:FACTOR`, or `PATTERN:FACTOR:DECAY`.
struct GroupChoice: ExpressibleByArgument {
  let group: ParameterGroup

  init?(argument: String) {
    let parts = argument.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard (2...3).contains(parts.count), !parts[0].isEmpty, let factor = Double(parts[1]), factor >= 0, factor.isFinite
    else { return nil }
    var decay: Double?
    if parts.count == 3 {
      guard let number = Double(parts[2]), number >= 0, number.isFinite else { return nil }
      decay = number
    }
    group = ParameterGroup(NamePattern(parts[0]), learningRateFactor: factor, weightDecay: decay)
  }
}

extension WeightAveraging: ExpressibleByArgument {
  /// `ema:DECAY` or `swa:EPOCH`.
  public init?(argument: String) {
    let parts = argument.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    switch (parts[0], parts.count) {
    case ("ema", 2):
      guard let decay = Double(parts[1]), (0..<1).contains(decay) else { return nil }
      self = .exponential(decay: decay)
    case ("swa", 2):
      guard let epoch = Int(parts[1]), epoch >= 1 else { return nil }
      self = .stochastic(fromEpoch: epoch)
    default: return nil
    }
  }
}

extension TrainingHistory.Monitor: ExpressibleByArgument {}
extension HalfPrecision: ExpressibleByArgument {}

/// What `--class-weights` asks for.
enum ClassWeightsChoice: ExpressibleByArgument {
  case none, balanced
  case given([Double])

  init?(argument: String) {
    switch argument {
    case "none": self = .none
    case "balanced": self = .balanced
    default:
      let weights = argument.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) }
      guard weights.allSatisfy({ $0.map { $0 > 0 && $0.isFinite } ?? false }) else { return nil }
      self = .given(weights.compactMap(\.self))
    }
  }

  /// The weights for data; nil for none.
  func weights(for data: Dataset<Float>) throws -> [Double]? {
    if case .none = self { return nil }
    guard let counts = data.classCounts else {
      throw UsageError("--class-weights is for classes, and \(data.name) has numbers to predict.")
    }
    guard case .given(let weights) = self else {
      // A class of which there is no example has no share in any loss.
      return counts.map { Double(data.count) / (Double(counts.count) * Double(max(1, $0))) }
    }
    guard weights.count == counts.count else {
      throw UsageError(
        "--class-weights has \(weights.count) number\(weights.count == 1 ? "" : "s"), and \(data.name) \(counts.count) classes."
      )
    }
    return weights
  }
}

/// How to train.
struct TrainingOptions: ParsableArguments {
  enum OptimizerName: String, ExpressibleByArgument, CaseIterable {
    case sgd, momentum, nesterov, rmsprop, adam, adamw, amsgrad, lion
  }

  @Option(
    help: ArgumentHelp(
      "How often to go over the training data. (default: 10; for up to 5,000 examples and no resnet or vgg, as many as make 2,000 steps, but not more than 200)",
      valueName: "count"))
  var epochs: Int?

  @Option(
    help: ArgumentHelp(
      "Examples a step. (default: 64; 50 for mlp and convnet from 1,000 examples on, all where there are fewer than 64)",
      valueName: "count"))
  var batchSize: Int?

  @Option(
    help: ArgumentHelp(
      "How gradients become steps. (default: adam; nesterov for resnet and vgg)",
      valueName: "name"))
  var optimizer: OptimizerName?

  @Option(
    help: ArgumentHelp(
      "The learning rate. (default: 1e-3 for adam, adamw and amsgrad, but 1e-2 where train has an mlp of one or two hidden layers and up to 5,000 examples; a tenth of that for lion; 1e-2 for the others; for resnet and vgg 0.1 for sgd, momentum and nesterov where all are normalized)",
      valueName: "rate"))
  var learningRate: Double?

  @Option(help: ArgumentHelp("What momentum and nesterov keep of the last step. (default: 0.9)", valueName: "share"))
  var momentum: Double?

  @Option(
    help: ArgumentHelp(
      "By how much weights shrink at each step, times the learning rate, apart from the gradient; gamma, beta and biases do not. (default: 0.01 for adamw, else 0)",
      valueName: "factor"))
  var weightDecay: Double?

  @Option(
    help: ArgumentHelp(
      "How the learning rate changes: constant, cosine (down to 0 at the end), one-cycle (from 1/25 up to the rate over three tenths of the training, then down to nothing), step:EPOCHS:FACTOR (multiplied every so many epochs), milestones:EPOCH,EPOCH:FACTOR (multiplied after these epochs), plateau:EPOCHS:FACTOR (multiplied after more than so many epochs without a better validation loss). (default: cosine; constant for compare with mlp and convnet)",
      valueName: "schedule"))
  var schedule: String?

  @Option(help: ArgumentHelp("Epochs in which the learning rate rises from 0 at the beginning.", valueName: "epochs"))
  var warmUp = 0.0

  @Option(
    help: ArgumentHelp(
      "The strength of the penalty ½·strength·Σw² on weights (gamma, beta and biases excepted). (default: 0; 5e-4 for resnet and vgg with sgd, momentum and nesterov)",
      valueName: "strength"))
  var l2: Double?

  @Option(
    help: ArgumentHelp(
      "What to make small: softmaxCrossEntropy, focal or focal:FOCUS (little of examples that are right already), multiclassSVM or binaryCrossEntropy (each class by itself) for classes; meanSquaredError, huber or huber:THRESHOLD for numbers. (default: softmaxCrossEntropy, meanSquaredError)",
      valueName: "name"))
  var loss: LossChoice?

  @Option(
    help: ArgumentHelp(
      "The part of each label that softmaxCrossEntropy spreads evenly over all classes. (default: 0)",
      valueName: "share"))
  var labelSmoothing: Double?

  @Option(
    help: ArgumentHelp(
      "Mix each example with another in shares drawn from the beta distribution of this number, such as 0.2, for each step anew.",
      valueName: "number"))
  var mixup: Double?

  @Option(
    help: ArgumentHelp(
      "Put a rectangle of another image into each, the share that stays drawn from the beta distribution of this number, such as 1, for each step anew; labels are mixed by the areas. With --mixup, each step does one of both.",
      valueName: "number"))
  var cutmix: Double?

  @Option(
    help: ArgumentHelp(
      "Scale the gradients of all parameters down to this length together where they are longer.", valueName: "length")
  )
  var clipNorm: Double?

  @Option(help: ArgumentHelp("Hold each number of a gradient within ± this.", valueName: "bound"))
  var clipValue: Double?

  @Option(
    help: ArgumentHelp(
      "Scale the gradient of each unit's weights down to this share of the weights' own length where it is longer.",
      valueName: "share"))
  var clipAdaptive: Double?

  @Option(
    help: ArgumentHelp(
      "Train parameters, whose names as norma inspect shows them a pattern means, at FACTOR times the learning rate, and with a weight decay of their own: PATTERN:FACTOR or PATTERN:FACTOR:DECAY. In a pattern * stands for anything; 2 means 2.weight too. May be given several times; the first that means a parameter counts.",
      valueName: "group"))
  var group: [GroupChoice] = []

  @Option(
    help: ArgumentHelp(
      "End with a mean of the weights: ema:DECAY, a running mean that keeps so much of itself at each step, which is evaluated after each epoch; or swa:EPOCH, the mean of the weights after each epoch from this one on, with running statistics recomputed.",
      valueName: "kind"))
  var average: WeightAveraging?

  @Option(
    help: ArgumentHelp(
      "Let each batch go through the network in so many parts, one after the other, each normalized by itself, for less memory; running statistics take them in as one batch.",
      valueName: "count"))
  var microBatches = 1

  @Flag(
    help:
      "Normalize the parts of --micro-batches by the moments of all of them. They go through the network together then, in the memory of the whole batch."
  )
  var jointMoments = false

  @Option(
    help: ArgumentHelp(
      "Batch normalization by ghost batches: the moments of at most so many examples, for each such part of a batch. Running statistics take in those of the whole batch. (default: all examples that go through the network together)",
      valueName: "count"))
  var ghostBatch: Int?

  @Option(
    help: ArgumentHelp(
      "Cut each batch into so many shards, a power of two: they are worked on side by side, each on a thread, and normalized as one batch. Their number decides the result to the bit; the number of threads does not.",
      valueName: "count"))
  var shards: Int?

  @Option(
    help: ArgumentHelp(
      "How training images are changed by chance, a list such as resized-crop,flip,jitter:0.4 of: resized-crop (a part of the image as its file has it, of 8 % of the area or more and proportions from 3:4 to 4:3, is scaled to --image-size; resized-crop:0.2 for other shares, resized-crop:0.2:1:0.75:1.33 for all four bounds), randaugment:COUNT:MAGNITUDE (so many operations of a list of fourteen, of a magnitude from 0 to 30; by itself 2:9), jitter:SHARE (brightness, contrast and saturation changed by up to so much; jitter:SHARE:HUE the hue too, by up to so many turns; jitter:BRIGHTNESS:CONTRAST:SATURATION:HUE), crop:PIXELS (so many pixels of the mean are put around an image, and a part of its old size is cut out), flip (every second one left to right), erasing:PROBABILITY (a rectangle of the mean put over some images); or none. (default: crop:4,flip for resnet and vgg on cifar10, else none)",
      valueName: "list"))
  var augment: String?

  /// What `--augment` asks for; nil where it is not given.
  func augmentation() throws -> ImageAugmentation? {
    guard let augment else { return nil }
    do { return try ImageAugmentation(list: augment) } catch {
      throw ValidationError("--augment takes a list such as resized-crop,flip,jitter:0.4, or none: \(error).")
    }
  }

  @Flag(help: "Leave out the examples that do not fill a batch.")
  var dropLast = false

  @Flag(
    help:
      "Compute what batch normalization gives again for the gradients instead of keeping it: the same result in less memory, see norma inspect --memory."
  )
  var recompute = false

  @Option(
    help: ArgumentHelp(
      "Keep activations for the gradients in half width, float16 or bfloat16: half of their memory, see norma inspect --memory. All is computed in full width as before; gradients are those of rounded activations.",
      valueName: "format"))
  var keptActivations: HalfPrecision?

  @Option(
    help: ArgumentHelp(
      "What decides which epoch is best: metric (the accuracy or R² on validation data, among equals the lower loss) or loss.",
      valueName: "what"))
  var monitor = TrainingHistory.Monitor.metric

  @Option(
    help: ArgumentHelp(
      "Stop after so many epochs without a better validation result; 0 to go on to the end. (default: half of the epochs where train goes over up to 5,000 examples, else 0)",
      valueName: "epochs"))
  var patience: Int?

  @Option(
    help: ArgumentHelp(
      "How much examples of each class count in the loss: none, balanced (the rarer a class, the more: all classes together the same), or a number for each class in order, such as 1,5. (default: none)",
      valueName: "weights"))
  var classWeights: ClassWeightsChoice?

  func validate() throws {
    try require(
      epochs.map { (1...1_000_000).contains($0) } ?? true, "--epochs takes a number from 1 on, not \(epochs ?? 0).")
    try require(batchSize.map { $0 >= 1 } ?? true, "--batch-size takes a number from 1 on, not \(batchSize ?? 0).")
    try require(
      learningRate.map { $0 > 0 && $0.isFinite } ?? true,
      "--learning-rate takes a number above 0, not \(learningRate ?? 0).")
    try require(momentum.map { (0..<1).contains($0) } ?? true, "--momentum takes a number from 0 to below 1.")
    try require(weightDecay.map { $0 >= 0 && $0.isFinite } ?? true, "--weight-decay takes a number from 0 on.")
    try require(l2.map { $0 >= 0 && $0.isFinite } ?? true, "--l2 takes a number from 0 on, not \(l2 ?? 0).")
    try checkWarmUp(epochs: epochs ?? 1_000_000)
    try require(patience.map { $0 >= 0 } ?? true, "--patience takes a number from 0 on.")
    try require(
      labelSmoothing.map { (0..<1).contains($0) } ?? true, "--label-smoothing takes a number from 0 to below 1.")
    try require(mixup.map { $0 > 0 && $0.isFinite } ?? true, "--mixup takes a number above 0.")
    try require(cutmix.map { $0 > 0 && $0.isFinite } ?? true, "--cutmix takes a number above 0.")
    _ = try augmentation()
    try require(clipNorm.map { $0 > 0 && $0.isFinite } ?? true, "--clip-norm takes a number above 0.")
    try require(clipValue.map { $0 > 0 && $0.isFinite } ?? true, "--clip-value takes a number above 0.")
    try require(clipAdaptive.map { $0 > 0 && $0.isFinite } ?? true, "--clip-adaptive takes a number above 0.")
    try require(
      [clipNorm, clipValue, clipAdaptive].count { $0 != nil } < 2,
      "Give --clip-norm, --clip-value or --clip-adaptive, not several of them.")
    try require(
      (1...1_000_000).contains(microBatches), "--micro-batches takes a number from 1 on, not \(microBatches).")
    if let shards {
      try require(
        (1...TrainingConfiguration.mostShards).contains(shards) && shards.nonzeroBitCount == 1,
        "--shards takes a power of two up to \(TrainingConfiguration.mostShards), not \(shards).")
      try require(microBatches == 1, "Give --shards or --micro-batches, not both.")
    }
    if case .stochastic(let epoch) = average, let epochs {
      try require(epoch <= epochs, "--average swa:\(epoch) begins after --epochs \(epochs).")
    }
    if let loss, labelSmoothing != nil {
      guard case .softmaxCrossEntropy = loss else {
        throw ValidationError("--label-smoothing is for --loss softmaxCrossEntropy.")
      }
    }
    _ = try parsedSchedule(schedule ?? "constant", epochs: epochs ?? 10, stepsPerEpoch: 1)
  }

  private func checkWarmUp(epochs: Int) throws {
    try require(warmUp >= 0 && warmUp <= Double(epochs), "--warm-up takes a number of epochs from 0 to --epochs.")
  }

  private func require(_ condition: Bool, _ message: String) throws {
    if !condition { throw ValidationError(message) }
  }

  /// Makes sure that the options go together for networks that are trained by the given defaults and normalized in these
  /// ways.
  func check(_ defaults: TrainingDefaults, normalizations: [NormalizationKind]) throws {
    let optimizer = optimizer ?? defaults.optimizer
    try require(
      momentum == nil || optimizer == .momentum || optimizer == .nesterov,
      "--momentum is for --optimizer momentum and nesterov.")
    try require(
      !recompute || normalizations.contains(where: \.isBatchNormalization),
      "--recompute is about batch normalization, and there is none here: add --norm batch.")
  }

  private func rule(_ optimizer: OptimizerName) -> any OptimizerRule {
    switch optimizer {
    case .sgd: SGD()
    case .momentum: SGD(momentum: momentum ?? 0.9)
    case .nesterov: SGD(momentum: momentum ?? 0.9, nesterov: true)
    case .rmsprop: RMSProp()
    case .adam: Adam()
    case .adamw: Adam(weightDecay: weightDecay ?? 0.01)
    case .amsgrad: Adam(usesLargest: true)
    case .lion: Lion()
    }
  }

  private func parsedSchedule(_ schedule: String, epochs: Int, stepsPerEpoch: Int) throws -> any LearningRateSchedule {
    let parts = schedule.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    let warmUpSteps = Int((warmUp * Double(stepsPerEpoch)).rounded())
    let main: any LearningRateSchedule
    switch (parts[0], parts.count) {
    case ("constant", 1): main = ConstantSchedule()
    case ("one-cycle", 1): main = OneCycleSchedule(length: max(1, epochs * stepsPerEpoch - warmUpSteps))
    case ("milestones", 3):
      let milestones = parts[1].split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
      guard milestones.allSatisfy({ $0.map { $0 >= 1 } ?? false }), let factor = Double(parts[2]), factor > 0,
        factor.isFinite
      else {
        throw ValidationError(
          "--schedule milestones takes epochs and a factor, such as milestones:30,60:0.1, not '\(schedule)'.")
      }
      main = MilestoneSchedule(
        milestones: milestones.map { milestone in
          let steps = milestone!.multipliedReportingOverflow(by: stepsPerEpoch)
          // The schedule's own time begins after the warm-up; its epochs are those of the training.
          return steps.overflow ? .max : steps.partialValue - warmUpSteps
        }, factor: factor)
    case ("plateau", 3):
      guard let patience = Int(parts[1]), patience >= 0, let factor = Double(parts[2]), factor > 0, factor.isFinite
      else {
        throw ValidationError("--schedule plateau takes epochs and a factor, such as plateau:5:0.1, not '\(schedule)'.")
      }
      main = PlateauSchedule(patience: patience, factor: factor)
    case ("cosine", 1): main = CosineSchedule(length: max(1, epochs * stepsPerEpoch - warmUpSteps))
    case ("step", 3):
      guard let every = Int(parts[1]), every >= 1, let factor = Double(parts[2]), factor > 0, factor.isFinite else {
        throw ValidationError("--schedule step takes epochs and a factor, such as step:10:0.1, not '\(schedule)'.")
      }
      // A change after more steps than can be counted never comes.
      let steps = every.multipliedReportingOverflow(by: stepsPerEpoch)
      main = StepSchedule(every: steps.overflow ? .max : steps.partialValue, factor: factor)
    default:
      throw ValidationError(
        "--schedule takes constant, cosine, one-cycle, step:EPOCHS:FACTOR, milestones:EPOCH,EPOCH:FACTOR or plateau:EPOCHS:FACTOR, not '\(schedule)'."
      )
    }
    return warmUpSteps > 0 ? WarmUpSchedule(length: warmUpSteps, initial: 0, then: main) : main
  }

  /// The configuration for the given training data, and for networks normalized in these ways; what was not given is taken
  /// from the defaults.
  func configuration(
    for training: Dataset<Float>, normalizations: [NormalizationKind], defaults: TrainingDefaults, seed: UInt64
  ) throws -> TrainingConfiguration {
    try check(defaults, normalizations: normalizations)
    let batchSize = batchSize ?? defaults.batchSize(for: training.count)
    let epochs = epochs ?? defaults.epochs(for: training.count, batchSize: batchSize)
    try checkWarmUp(epochs: epochs)
    let optimizer = optimizer ?? defaults.optimizer
    let largestBatch = min(batchSize, training.count)
    guard largestBatch > 1 || !normalizations.contains(where: \.isBatchNormalization) else {
      throw UsageError(
        "Batch normalization takes its statistics from a batch, and a single example has none: "
          + (batchSize == 1 ? "--batch-size takes 2 or more with it." : "\(training.name) has too few for training."))
    }
    let isClassification = if case .classes = training.targets { true } else { false }
    let loss = loss ?? (isClassification ? .softmaxCrossEntropy : .meanSquaredError)
    if loss.isForNumbers == isClassification {
      throw UsageError(
        "--loss \(type(of: loss.loss(labelSmoothing: 0)).name) is for \(isClassification ? "numbers" : "classes"), which \(training.name) does not have."
      )
    }
    try require(
      labelSmoothing == nil || isClassification,
      "--label-smoothing is for classes, which \(training.name) does not have.")
    let given = try augmentation() ?? defaults.augmentation
    let augmentation = given == ImageAugmentation() ? nil : given
    if let problem = augmentation?.problem(for: training) {
      throw UsageError("--augment \(augmentation?.description ?? ""): \(problem).")
    }
    var configuration = TrainingConfiguration(
      epochs: epochs, batchSize: batchSize,
      loss: loss.loss(labelSmoothing: labelSmoothing ?? 0), optimizer: rule(optimizer),
      learningRate: learningRate ?? defaults.learningRate(optimizer, for: training.count), scheduleUnit: .step,
      l2Penalty: l2 ?? defaults.l2(optimizer), weightDecay: optimizer == .adamw ? nil : weightDecay,
      groups: group.map(\.group),
      clipping: clipNorm.map { .norm($0) } ?? clipValue.map { .value($0) } ?? clipAdaptive.map { .adaptive($0) },
      averaging: average, microBatches: microBatches, sharesMoments: jointMoments, ghostSize: ghostBatch,
      shards: shards,
      mixup: mixup, cutmix: cutmix, dropsLastBatch: dropLast, monitor: monitor,
      patience: patience == 0 ? nil : patience ?? defaults.patience(for: training.count, epochs: epochs),
      classWeights: try classWeights?.weights(for: training), augmentation: augmentation, seed: seed,
      recomputesNormalized: recompute, keptActivations: keptActivations)
    configuration.schedule = try parsedSchedule(
      schedule ?? defaults.schedule, epochs: epochs, stepsPerEpoch: configuration.batches(of: training.count).count)
    return configuration
  }
}
