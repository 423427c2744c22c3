import ArgumentParser
import Norma

/// The losses that `--loss` names.
enum LossName: String, ExpressibleByArgument, CaseIterable {
  case softmaxCrossEntropy, multiclassSVM, meanSquaredError

  /// The loss.
  var loss: any LossFunction {
    switch self {
    case .softmaxCrossEntropy: .softmaxCrossEntropy
    case .multiclassSVM: .multiclassSVM
    case .meanSquaredError: .meanSquaredError
    }
  }
}

/// What `--augment` asks for.
struct AugmentationChoice: ExpressibleByArgument {
  /// The changes; nil for none at all.
  var augmentation: ImageAugmentation?

  /// `none`, or the changes that a list such as `crop:4,flip` names, each at most once; nil if it names something else.
  init?(argument: String) {
    guard argument != "none" else { return }
    guard let augmentation = ImageAugmentation(list: argument) else { return nil }
    self.augmentation = augmentation
  }
}

extension ImageAugmentation {
  fileprivate init?(list argument: String) {
    self.init()
    for part in argument.split(separator: ",", omittingEmptySubsequences: false) {
      if part == "flip", !flipsHorizontally {
        flipsHorizontally = true
      } else if part.hasPrefix("crop:"), padding == 0, let pixels = Int(part.dropFirst(5)), pixels > 0 {
        padding = pixels
      } else {
        return nil
      }
    }
  }
}

extension TrainingHistory.Monitor: ExpressibleByArgument {}

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
    case sgd, momentum, nesterov, rmsprop, adam, adamw
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
      "The learning rate. (default: 1e-3 for adam and adamw, but 1e-2 where train has an mlp of one or two hidden layers and up to 5,000 examples; 1e-2 for the others; for resnet and vgg 0.1 for sgd, momentum and nesterov where all are normalized)",
      valueName: "rate"))
  var learningRate: Double?

  @Option(help: ArgumentHelp("What momentum and nesterov keep of the last step. (default: 0.9)", valueName: "share"))
  var momentum: Double?

  @Option(
    help: ArgumentHelp(
      "By how much adamw shrinks weights, times the learning rate. (default: 0.01)", valueName: "factor"))
  var weightDecay: Double?

  @Option(
    help: ArgumentHelp(
      "How the learning rate changes: constant, cosine (down to 0 at the end), step:EPOCHS:FACTOR (multiplied every so many epochs). (default: cosine; constant for compare with mlp and convnet)",
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
      "What to make small. Where it is not said, softmaxCrossEntropy for classes and meanSquaredError for numbers.",
      valueName: "name"))
  var loss: LossName?

  @Option(
    help: ArgumentHelp(
      "How training images are changed by chance: crop:PIXELS (so many pixels of the mean are put around an image, and a part of its old size is cut out), flip (every second one left to right), or both: crop:4,flip; or none. (default: crop:4,flip for resnet and vgg on cifar10, else none)",
      valueName: "list"))
  var augment: AugmentationChoice?

  @Flag(help: "Leave out the examples that do not fill a batch.")
  var dropLast = false

  @Flag(
    help:
      "Compute what batch normalization gives again for the gradients instead of keeping it: the same result in less memory, see norma inspect --memory."
  )
  var recompute = false

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
    try require(weightDecay == nil || optimizer == .adamw, "--weight-decay is for --optimizer adamw; --l2 is for all.")
    try require(
      !recompute || normalizations.contains(.batch),
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
    }
  }

  private func parsedSchedule(_ schedule: String, epochs: Int, stepsPerEpoch: Int) throws -> any LearningRateSchedule {
    let parts = schedule.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    let warmUpSteps = Int((warmUp * Double(stepsPerEpoch)).rounded())
    let main: any LearningRateSchedule
    switch (parts[0], parts.count) {
    case ("constant", 1): main = ConstantSchedule()
    case ("cosine", 1): main = CosineSchedule(length: max(1, epochs * stepsPerEpoch - warmUpSteps))
    case ("step", 3):
      guard let every = Int(parts[1]), every >= 1, let factor = Double(parts[2]), factor > 0, factor.isFinite else {
        throw ValidationError("--schedule step takes epochs and a factor, such as step:10:0.1, not '\(schedule)'.")
      }
      // A change after more steps than can be counted never comes.
      let steps = every.multipliedReportingOverflow(by: stepsPerEpoch)
      main = StepSchedule(every: steps.overflow ? .max : steps.partialValue, factor: factor)
    default: throw ValidationError("--schedule takes constant, cosine or step:EPOCHS:FACTOR, not '\(schedule)'.")
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
    guard largestBatch > 1 || !normalizations.contains(.batch) else {
      throw UsageError(
        "Batch normalization takes its statistics from a batch, and a single example has none: "
          + (batchSize == 1 ? "--batch-size takes 2 or more with it." : "\(training.name) has too few for training."))
    }
    let isClassification = if case .classes = training.targets { true } else { false }
    if let loss, (loss == .meanSquaredError) == isClassification {
      throw UsageError(
        "--loss \(loss.rawValue) is for \(isClassification ? "numbers" : "classes"), which \(training.name) does not have."
      )
    }
    let augmentation = augment.map(\.augmentation) ?? defaults.augmentation
    if let problem = augmentation?.problem(forExamplesOf: training.exampleShape) {
      throw UsageError("--augment \(augmentation?.description ?? ""): \(problem).")
    }
    var configuration = TrainingConfiguration(
      epochs: epochs, batchSize: batchSize,
      loss: (loss ?? (isClassification ? .softmaxCrossEntropy : .meanSquaredError)).loss, optimizer: rule(optimizer),
      learningRate: learningRate ?? defaults.learningRate(optimizer, for: training.count), scheduleUnit: .step,
      l2Penalty: l2 ?? defaults.l2(optimizer), dropsLastBatch: dropLast, monitor: monitor,
      patience: patience == 0 ? nil : patience ?? defaults.patience(for: training.count, epochs: epochs),
      classWeights: try classWeights?.weights(for: training), augmentation: augmentation, seed: seed,
      recomputesNormalized: recompute)
    configuration.schedule = try parsedSchedule(
      schedule ?? defaults.schedule, epochs: epochs, stepsPerEpoch: configuration.batches(of: training.count).count)
    return configuration
  }
}
