import NormaNormalization
import NormaTensor

/// What stands between a linear or convolutional layer and the nonlinearity after it, in the networks that are built by
/// name.
public enum NormalizationKind: String, Hashable, Sendable, Codable, CaseIterable {
  /// Nothing.
  case none
  /// ``BatchNorm``.
  case batch
  /// ``BatchNorm`` that is led to its running statistics: batch renormalization.
  case renorm
  /// ``LayerNorm``, over the channels of each position.
  case layer
  /// ``GroupNorm``, with groups of sixteen channels, or fewer where they do not go into as many.
  case group
  /// ``InstanceNorm``, with gamma and beta.
  case instance
  /// ``RMSNorm``, over the channels of each position.
  case rms
  /// ``RMSGroupNorm``, with groups as those of ``group``.
  case rmsGroup = "rms-group"
  /// ``ScaleNorm``, over the channels of each position.
  case scale
  /// ``GlobalResponseNorm``.
  case grn
  /// ``DynamicTanh``.
  case dyt
  /// ``LocalResponseNorm``, over five channels.
  case lrn
  /// ``FilterResponseNorm``, which brings its own nonlinearity.
  case frn
  /// ``EvoNormB0``, which brings its own nonlinearity.
  case evonormB0 = "evonorm-b0"
  /// ``EvoNormS0``, with groups as those of ``group``, which brings its own nonlinearity.
  case evonormS0 = "evonorm-s0"
  /// ``GroupNorm`` as ``group`` has it, after layers whose weights are standardized.
  case groupStandardized = "group-ws"
  /// ``IterNorm``, with groups as those of ``group``.
  case whitening

  /// Its name in running text: `batch normalization`, `no normalization`.
  public var words: String {
    switch self {
    case .none: "no normalization"
    case .batch, .layer, .group, .instance, .scale: "\(rawValue) normalization"
    case .renorm: "batch renormalization"
    case .rms: "RMS normalization"
    case .rmsGroup: "RMS group normalization"
    case .grn: "global response normalization"
    case .dyt: "the dynamic hyperbolic tangent"
    case .lrn: "local response normalization"
    case .frn: "filter response normalization"
    case .evonormB0: "EvoNorm-B0"
    case .evonormS0: "EvoNorm-S0"
    case .groupStandardized: "group normalization with standardized weights"
    case .whitening: "whitening"
    }
  }

  /// Whether a bias before it is subtracted again, so that there need be none.
  public var cancelsBias: Bool { isBatchNormalization || self == .instance || self == .whitening }

  /// Whether it is batch normalization, led to running statistics or not.
  public var isBatchNormalization: Bool { self == .batch || self == .renorm }

  /// Whether it is the nonlinearity too, which a network leaves out then.
  public var bringsNonlinearity: Bool { [.frn, .evonormB0, .evonormS0].contains(self) }

  /// Whether it normalizes each channel of a sample by its positions alone, and so needs several of them: it cannot follow a linear
  /// layer on vectors.
  public var needsPositions: Bool { self == .instance || self == .frn }

  /// Whether it brings the values to a scale, whatever the weights before it; high learning rates need that.
  public var setsScale: Bool { ![.none, .grn, .lrn, .dyt].contains(self) }

  /// Whether it keeps running statistics.
  public var keepsStatistics: Bool { isBatchNormalization || self == .evonormB0 || self == .whitening }

  /// How the weights are computed of the layers that it follows; nil where they are what is trained.
  public var weightNormalization: WeightNormalization? { self == .groupStandardized ? .standardized() : nil }

  /// The layer for a number of channels; nil for none.
  ///
  /// - Parameter isLinear: whether one that brings its nonlinearity leaves it out.
  func layer<Element: TensorElement>(
    _ channels: Int, conventions: BatchNormalizationConventions, isLinear: Bool
  ) -> (any Layer<Element>)? {
    let epsilon = conventions.epsilon
    return switch self {
    case .none: nil
    case .batch: BatchNorm(channels, conventions: conventions)
    case .renorm:
      BatchNorm(
        channels, conventions: conventions,
        renormalization: conventions.renormalization ?? .rising(overBatches: 1000))
    case .layer: LayerNorm(channels, epsilon: epsilon)
    case .group, .groupStandardized: GroupNorm(channels, groups: groups(of: channels), epsilon: epsilon)
    case .instance: InstanceNorm(channels, epsilon: epsilon, isAffine: true)
    case .rms: RMSNorm(channels, epsilon: epsilon)
    case .rmsGroup: RMSGroupNorm(channels, groups: groups(of: channels), epsilon: epsilon)
    case .scale: ScaleNorm(channels)
    case .grn: GlobalResponseNorm(channels)
    case .dyt: DynamicTanh(channels)
    case .lrn: LocalResponseNorm()
    case .frn: FilterResponseNorm(channels, isThresholded: !isLinear)
    case .evonormB0: EvoNormB0(channels, conventions: conventions, isNonlinear: !isLinear)
    case .evonormS0: EvoNormS0(channels, groups: groups(of: channels), epsilon: epsilon, isNonlinear: !isLinear)
    case .whitening: IterNorm(channels, groups: groups(of: channels), epsilon: epsilon, rule: conventions.rule)
    }
  }

  /// How many values of one sample share their statistics, where a channel has so many positions; nil where other samples have a share
  /// in them, or one value alone is something, too.
  func sharingValueCount(channels: Int, positions: Int) -> Int? {
    switch self {
    case .none, .batch, .renorm, .grn, .dyt, .lrn, .evonormB0, .whitening: nil
    case .layer, .rms, .scale: channels
    case .group, .groupStandardized, .rmsGroup, .evonormS0: channels / groups(of: channels) * positions
    case .instance, .frn: positions
    }
  }

  /// The fewest groups of at most sixteen channels that the channels can be divided into.
  private func groups(of channels: Int) -> Int {
    ((channels + 15) / 16...channels).first { channels % $0 == 0 } ?? channels
  }
}
