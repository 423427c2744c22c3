import NormaNormalization
import NormaTensor

/// What stands between a linear or convolutional layer and the nonlinearity after it, in the networks that are built by
/// name.
public enum NormalizationKind: String, Hashable, Sendable, Codable, CaseIterable {
  /// Nothing.
  case none
  /// ``BatchNorm``.
  case batch
  /// ``LayerNorm``, over the channels of each position.
  case layer
  /// ``GroupNorm``, with groups of sixteen channels, or fewer where they do not go into as many.
  case group
  /// ``InstanceNorm``, with gamma and beta.
  case instance
  /// ``RMSNorm``, over the channels of each position.
  case rms
  /// ``GroupNorm`` as ``group`` has it, after layers whose weights are standardized.
  case groupStandardized = "group-ws"
  /// ``IterNorm``, with groups as those of ``group``.
  case whitening

  /// Its name in running text: `batch normalization`, `no normalization`.
  public var words: String {
    switch self {
    case .none: "no normalization"
    case .rms: "RMS normalization"
    case .groupStandardized: "group normalization with standardized weights"
    case .whitening: "whitening"
    default: "\(rawValue) normalization"
    }
  }

  /// Whether a bias before it is subtracted again, so that there need be none.
  public var cancelsBias: Bool { self == .batch || self == .instance || self == .whitening }

  /// How the weights are computed of the layers that it follows; nil where they are what is trained.
  public var weightNormalization: WeightNormalization? { self == .groupStandardized ? .standardized() : nil }

  /// The layer for a number of channels; nil for none.
  func layer<Element: TensorElement>(
    _ channels: Int, conventions: BatchNormalizationConventions
  ) -> (any Layer<Element>)? {
    switch self {
    case .none: nil
    case .batch: BatchNorm(channels, conventions: conventions)
    case .layer: LayerNorm(channels, epsilon: conventions.epsilon)
    case .group, .groupStandardized:
      GroupNorm(channels, groups: groups(of: channels), epsilon: conventions.epsilon)
    case .instance: InstanceNorm(channels, epsilon: conventions.epsilon, isAffine: true)
    case .rms: RMSNorm(channels, epsilon: conventions.epsilon)
    case .whitening:
      IterNorm(channels, groups: groups(of: channels), epsilon: conventions.epsilon, rule: conventions.rule)
    }
  }

  /// How many values of one sample share a mean and a deviation, where a channel has so many positions; nil where other
  /// samples have a share in them, or there are none.
  func sharingValueCount(channels: Int, positions: Int) -> Int? {
    switch self {
    case .none, .batch, .whitening: nil
    case .layer, .rms: channels
    case .group, .groupStandardized: channels / groups(of: channels) * positions
    case .instance: positions
    }
  }

  /// The fewest groups of at most sixteen channels that the channels can be divided into.
  private func groups(of channels: Int) -> Int {
    ((channels + 15) / 16...channels).first { channels % $0 == 0 } ?? channels
  }
}
