/// Something that ails a network, or that it could do without.
public struct Finding: Sendable, Codable, Equatable {
  /// What it is; raw values stand in JSON.
  public enum Kind: String, Sendable, Codable, CaseIterable {
    /// Running statistics that are no numbers, or variances below zero.
    case invalidStatistics = "invalid-statistics"
    /// Running statistics that no batch has reached.
    case neverGathered = "never-gathered"
    /// Running statistics that changed, beside a count of 0 batches.
    case countMissing = "count-missing"
    /// Examples that were not standardized as those were that the network learned from.
    case standardizationLeftOut = "standardization-left-out"
    /// Running statistics that have hardly moved from what they start from.
    case hardlyMoved = "hardly-moved"
    /// Running statistics of the last batch or two, by a momentum in the other direction.
    case momentumReversed = "momentum-reversed"
    /// Running statistics that took in no more batches while the weights went on.
    case statisticsFrozen = "statistics-frozen"
    /// Variances that were gathered by another estimator than they are taken for.
    case estimatorSwapped = "estimator-swapped"
    /// Running statistics of other data, or of other weights.
    case foreignStatistics = "foreign-statistics"
    /// A layer of which nothing depends on the example any more.
    case deadLayer = "dead-layer"
    /// Channels of which nothing depends on the example any more.
    case deadChannels = "dead-channels"
    /// Channels that are divided by epsilon rather than by their deviation.
    case ruledByEpsilon = "ruled-by-epsilon"
    /// An epsilon beyond every framework's that is felt.
    case largeEpsilon = "large-epsilon"
    /// Batches so small that a normalization by them is mostly chance.
    case smallBatch = "small-batch"
    /// A normalization of what is normalized already.
    case doubleNormalization = "double-normalization"
    /// Gammas that leave next to nothing of their channels.
    case negligibleGammas = "negligible-gammas"
    /// A bias that the normalization behind it subtracts again.
    case cancelledBias = "cancelled-bias"
    /// Normalizations by given statistics that could be part of the layers before them.
    case notFolded = "not-folded"

    /// What it is, as a heading.
    public var title: String {
      switch self {
      case .invalidStatistics: "Statistics that are no numbers"
      case .neverGathered: "Statistics that were never gathered"
      case .countMissing: "Statistics without a count"
      case .standardizationLeftOut: "Standardization left out"
      case .hardlyMoved: "Statistics that have hardly moved"
      case .momentumReversed: "Momentum reversed"
      case .statisticsFrozen: "Statistics frozen while the weights went on"
      case .estimatorSwapped: "Variances of another estimator"
      case .foreignStatistics: "Statistics of other data"
      case .deadLayer: "A dead layer"
      case .deadChannels: "Dead channels"
      case .ruledByEpsilon: "Channels ruled by epsilon"
      case .largeEpsilon: "A large epsilon"
      case .smallBatch: "Batches too small"
      case .doubleNormalization: "Normalized twice in a row"
      case .negligibleGammas: "Gammas near 0"
      case .cancelledBias: "Biases that are subtracted again"
      case .notFolded: "Normalizations that could be folded"
      }
    }

    /// Whether the network would do the same without it: nothing that ails it.
    public var isAdvice: Bool { [.negligibleGammas, .cancelledBias, .notFolded].contains(self) }
  }

  /// What mends it.
  public enum Mend: String, Sendable, Codable {
    /// `norma recalibrate`: the running statistics anew.
    case recalibrate
    /// `norma convert --prune-dead`: the network without what is dead.
    case pruneDead = "prune-dead"
    /// `norma convert --fold`: normalizations as part of the layers before them.
    case fold
    /// `norma convert --mean … --scale …`: the standardization that is missing.
    case standardize
    /// `norma convert --epsilon`: the epsilon of the training.
    case setEpsilon = "set-epsilon"
    /// Another training, or another making of the network.
    case train
  }

  /// A number that speaks for it.
  public struct Evidence: Sendable, Codable, Equatable {
    /// What it is.
    public var name: String
    /// How large it is; nil where it is no finite number.
    public var value: Double?
    /// Beyond which value it speaks for the finding, where it is held against one.
    public var threshold: Double?

    init(_ name: String, _ value: Double, threshold: Double? = nil) {
      self.name = name
      self.value = value.isFinite ? value : nil
      self.threshold = threshold
    }
  }

  /// What it is.
  public var kind: Kind
  /// The layers that it is about, as files call them, in the order of the computation.
  public var layers: [String]
  /// The channels, counted from 0, where it is about some of one layer.
  public var channels: [Int]?
  /// What was found, in a sentence or two.
  public var statement: String
  /// What it comes from, as far as can be told.
  public var cause: String
  /// What to do about it, in a sentence.
  public var remedy: String
  /// What mends it.
  public var mend: Mend
  /// What the command that mends it is told besides, such as `["--epsilon", "1e-05"]`.
  public var mendArguments: [String] = []
  /// The numbers that speak for it.
  public var evidence: [Evidence]
}
