import Foundation
import Norma
import NormaLab

// Settings in words, for reports and listings.

extension DataSplits {
  /// How many examples of what there are.
  var summary: String {
    let parts = [("training", training.count), ("validation", validation.count), ("test", test?.count ?? 0)]
      .filter { $0.1 > 0 }.map { "\($0.1.formatted(.number.locale(.init(identifier: "en")))) for \($0.0)" }
    let kind =
      switch training.targets {
      case .classes(_, let count): "\(count) classes"
      case .values(let values): "\(values.shape.channelCount) numbers to predict"
      }
    return "\(training.name): \(parts.joined(separator: ", ")); samples of shape \(training.exampleShape), \(kind)"
  }
}

/// The settings of a training, in the order to show them.
func settings(
  _ network: ModelArchitecture, _ training: TrainingConfiguration, _ data: DataSplits
) -> [NormComparison.Setting] {
  var rows = [
    ("data", data.summary),
    (
      "standardized",
      data.standardization.map { standardization in
        let origin = data.isStandardizationFitted ? "the training part's mean and deviation" : "a given mean and scale"
        return "by \(origin), \(standardization.mode.words)"
      } ?? "not"
    ),
    ("network", network.description),
  ]
  if data.targetStandardization != nil {
    rows.insert(("numbers to predict", "standardized by the training part's mean and deviation"), at: 2)
  }
  if let recipe = network.recipe as? any FeedForwardRecipe {
    rows.append(
      ("nonlinearity", recipe.normalization.bringsNonlinearity ? "the normalization's own" : recipe.activation.rawValue)
    )
    if recipe.keepProbability < 1 { rows.append(("dropout", "keeps \(recipe.keepProbability)")) }
  }
  if let recipe = network.recipe as? ResidualNetwork { rows.append(("shortcuts", recipe.shortcutWords)) }
  rows += [
    ("initial weights", "\(network.recipe.initialization)"),
    ("loss", training.loss.description),
    ("optimizer", "\(training.optimizer)"),
    ("learning rate", "\(training.learningRate), \(training.schedule)"),
    ("batch size", "\(training.batchSize)"),
    ("epochs", "\(training.epochs)"),
    ("seed", "\(training.seed)"),
  ]
  if network.recipe.normalization == .none || network.recipe.normalization.keepsStatistics {
    rows.append(("batch normalization's statistics", ConventionReport.words(network.recipe.conventions)))
  }
  if let patience = training.patience { rows.append(("stops", "after \(patience) epochs without a better result")) }
  if training.monitor == .loss { rows.append(("best epoch", "by the loss")) }
  if let weights = training.classWeights {
    rows.append(("weights of classes", weights.map { String(format: "%.4g", $0) }.joined(separator: ", ")))
  }
  if training.l2Penalty > 0 { rows.append(("L2 penalty", "\(training.l2Penalty), on weights")) }
  if let decay = training.weightDecay { rows.append(("weight decay", "\(decay), on weights")) }
  for group in training.groups { rows.append(("group", group.description)) }
  if let clipping = training.clipping { rows.append(("gradients clipped", "\(clipping)")) }
  if let averaging = training.averaging { rows.append(("mean of the weights", "\(averaging)")) }
  if training.microBatches > 1 {
    rows.append(
      ("each batch", "in \(training.microBatches) parts\(training.sharesMoments ? ", normalized together" : "")"))
  }
  if let ghostSize = training.ghostSize { rows.append(("ghost batches", "of \(ghostSize)")) }
  if let shards = training.shards { rows.append(("each batch", "in \(shards) shards")) }
  if let mixup = training.mixup { rows.append(("examples mixed", "by a beta distribution of \(mixup)")) }
  if let cutmix = training.cutmix { rows.append(("rectangles mixed", "by a beta distribution of \(cutmix)")) }
  if training.recomputesNormalized { rows.append(("batch normalization", "computed again for the gradients")) }
  if let precision = training.keptActivations { rows.append(("activations kept", "as \(precision.rawValue)")) }
  if let augmentation = training.augmentation { rows.insert(("augmentation", augmentation.words), at: 2) }
  return rows.map { NormComparison.Setting(name: $0.0, value: $0.1) }
}

extension ResidualNetwork {
  /// What leads around its blocks, in words.
  var shortcutWords: String { "\(shortcut.rawValue)\(startsAtIdentity ? ", blocks start with gamma 0" : "")" }
}

extension StandardizationMode {
  /// What shares a mean and a deviation, in words.
  var words: String {
    switch self {
    case .perFeature: "each feature by its own"
    case .perChannel: "each channel by its own"
    case .overall: "all features by the same"
    }
  }
}

extension ImageAugmentation {
  /// What is done to the images, in words.
  var words: String {
    var words: [String] = []
    if let crop = resizedCrop {
      let shares = [crop.smallestShare, crop.largestShare].map { String(format: "%.3g", $0 * 100) }
      words.append("\(shares[0]) to \(shares[1]) % cut out by chance and scaled")
    }
    if let randAugment {
      words.append("\(randAugment.count) operations of magnitude \(randAugment.magnitude) drawn from a list")
    }
    if let jitter {
      words.append(
        "brightness, contrast, saturation and hue changed by up to \(jitter.brightness), \(jitter.contrast), "
          + "\(jitter.saturation) and \(jitter.hue)")
    }
    if padding > 0 { words.append("padded by \(padding) and cropped by chance") }
    if flipsHorizontally { words.append("flipped left to right by chance") }
    if let erasing { words.append("a rectangle erased with a probability of \(erasing.probability)") }
    return words.joined(separator: ", ")
  }
}

/// The command line that was given, quoted for a shell.
func reproducingCommand(_ arguments: [String] = CommandLine.arguments) -> String {
  (["norma"] + arguments.dropFirst().map(\.shellQuoted)).joined(separator: " ")
}
