// The settings of the cases of each topic, as `Tests/Fixtures/README.md` lists them.

/// Topics `batch_norm` and `batch_norm_relu`.
public struct BatchNormSettings: ParitySettings {
  public var name: String
  /// That of every training batch.
  public var shape: [Int]
  public var layout: String
  public var epsilon: Double
  /// The weight of the new value; nil for the cumulative average.
  public var momentum: Double?
  public var affine: Bool
  public var statistics: Bool
  public var batches: Int
  public var distribution: String
  public var relu: Bool
}

/// Topic `layer_norm`.
public struct LayerNormSettings: ParitySettings {
  public var name: String
  public var shape: [Int]
  public var epsilon: Double
  public var affine: Bool
}

/// Topic `rms_norm`.
public struct RMSNormSettings: ParitySettings {
  public var name: String
  public var shape: [Int]
  public var epsilon: Double
  public var affine: Bool
}

/// Topic `second_gradients`.
public struct SecondGradientSettings: ParitySettings {
  public var name: String
  public var function: String
  public var shape: [Int]
  /// The shapes of the inputs after x.
  public var parameters: [[Int]]
  public var groups: Int
  public var epsilon: Double
  public var mean: Double
}

/// Topic `statistics`.
public struct StatisticsSettings: ParitySettings {
  public var name: String
  public var shape: [Int]
  public var layout: String
  /// `mask` or `uneven`, over so many of the first axes; nil where all rows count.
  public var weights: String?
  public var rank: Int
  public var ghosts: Int?
  /// The bounds of r and d.
  public var renormalization: [Double]?
  public var epsilon: Double
  /// The mean of x, whose deviation is 1.
  public var mean: Double
  public var affine: Bool
}

/// Topic `forms`.
public struct NormalizationFormSettings: ParitySettings {
  public var name: String
  public var form: NormalizationForm
  public var shape: [Int]
}

/// Topic `group_norm`.
public struct GroupNormSettings: ParitySettings {
  public var name: String
  public var shape: [Int]
  public var groups: Int
  public var layout: String
  public var epsilon: Double
  public var affine: Bool
  public var relu: Bool
  /// `group` or `instance`.
  public var module: String
}

/// Topic `losses`.
public struct LossSettings: ParitySettings {
  public var name: String
  public var loss: String
  public var shape: [Int]

  /// Whether its rows have weights.
  public var isWeighted: Bool { loss.hasPrefix("weighted_") }
  /// The loss, with weights or without.
  public var kind: String { isWeighted ? String(loss.dropFirst("weighted_".count)) : loss }
}

/// Topic `activations`.
public struct ActivationSettings: ParitySettings {
  public var name: String
  public var function: String
  public var slope: Double?
  public var backward: Bool
}

/// Topic `operations`.
public struct OperationSettings: ParitySettings {
  public var name: String
  /// That of an ``EverydayOperation``, or `prelu`.
  public var operation: String
  public var shape: [Int]
}

/// Topic `linear`.
public struct LinearSettings: ParitySettings {
  public var name: String
  public var shape: [Int]
  public var inputs: Int
  public var outputs: Int
  public var bias: Bool
}

/// Topic `convolution`. Heights come before widths.
public struct ConvolutionSettings: ParitySettings {
  public var name: String
  public var shape: [Int]
  public var outputs: Int
  public var size: [Int]
  public var stride: [Int]
  public var padding: [Int]
  public var dilation: [Int]
  public var groups: Int
  public var bias: Bool
}

/// Topic `pooling`. Heights come before widths.
public struct PoolingSettings: ParitySettings {
  public var name: String
  /// `max`, `average` or `global`.
  public var pooling: String
  public var shape: [Int]
  /// Nil for `global`.
  public var size: [Int]?
  public var stride: [Int]
  public var padding: [Int]
  public var dilation: [Int]
  /// Of `average` alone.
  public var countIncludePad: Bool?
  /// Whether partial windows count; nil for no.
  public var ceilMode: Bool?
}

/// Topic `residual_network`.
public struct ResidualNetworkSettings: ParitySettings {
  public var name: String
  public var depth: Int
  public var learningRate: Double
  public var momentum: Double
  public var steps: Int
  public var batchSize: Int
  public var classes: Int
}

/// Topic `optimizers`.
public struct OptimizerSettings: ParitySettings {
  public var name: String
  public var rule: String
  public var learningRate: Double
  public var momentum: Double?
  public var nesterov: Bool?
  public var smoothing: Double?
  public var epsilon: Double?
  public var beta1: Double?
  public var beta2: Double?
  public var weightDecay: Double
  /// The parameters that the weight decay applies to.
  public var decayed: [String]
  /// The name of the gradients that were given.
  public var gradients: String
}

/// Topic `learning_rates`.
public struct LearningRateSettings: ParitySettings {
  public var name: String
  public var schedule: String
  public var rate: Double
  public var steps: Int
  public var factor: Double?
  public var interval: Int?
  public var final: Double?
  public var warmUp: Int?
  public var start: Double?
  public var ramp: Int?
  public var milestones: [Int]?
  public var rise: Double?
}

/// Topic `initialization`.
public struct InitializationSettings: ParitySettings {
  public var name: String
  public var scheme: String
  public var inputs: Int
  public var outputs: Int
  /// `bound` or `deviation`.
  public var measure: String
}

/// Topic `trajectory`.
public struct TrajectorySettings: ParitySettings {
  public var name: String
  public var norm: String
  public var optimizer: String
  public var learningRate: Double
  public var momentum: Double?
  public var masked: Bool
  public var widths: [Int]
  public var steps: Int
  public var batchSize: Int
  public var linears: [String]
  public var norms: [String]
}

/// Topic `transposed_convolution`. Heights come before widths.
public struct TransposedConvolutionSettings: ParitySettings {
  public var name: String
  public var shape: [Int]
  public var outputs: Int
  public var size: [Int]
  public var stride: [Int]
  public var padding: [Int]
  public var outputPadding: [Int]
  public var dilation: [Int]
  public var groups: Int
  public var bias: Bool
}

/// Topic `signals`.
public struct SignalSettings: ParitySettings {
  public var name: String
  /// `convolution`, `max` or `average`.
  public var operation: String
  public var shape: [Int]
  /// Of `convolution` alone.
  public var outputs: Int?
  public var size: Int
  public var stride: Int
  public var padding: Int
  public var dilation: Int
  public var groups: Int
  public var bias: Bool
  /// Of `average` alone.
  public var countIncludePad: Bool?
}

/// Topic `resizing`. Heights come before widths.
public struct ResizingSettings: ParitySettings {
  public var name: String
  /// `adaptive_average`, `adaptive_max`, `nearest` or `bilinear`.
  public var operation: String
  public var shape: [Int]
  public var size: [Int]
  /// Of `bilinear` alone.
  public var alignCorners: Bool?
}

/// Topic `channels`.
public struct ChannelSettings: ParitySettings {
  public var name: String
  /// `embedding` or `squeeze_excitation`.
  public var operation: String
  public var shape: [Int]
  /// The number of vectors, or of the numbers in between.
  public var count: Int
  /// The vectors' width, or the ratio.
  public var width: Int
}

/// Topic `transformer`.
public struct TransformerSettings: ParitySettings {
  public var name: String
  public var shape: [Int]
  public var heads: Int
  /// Nil for attention alone.
  public var hidden: Int?
  public var causal: Bool
  public var bias: Bool
  public var rms: Bool
  public var first: Bool
  /// Of blocks alone: `relu` or `gelu`.
  public var activation: String?
}

/// Topic `weights`.
public struct WeightSettings: ParitySettings {
  public var name: String
  /// `standardized`, `scaled`, `magnitude` or `spectral`.
  public var normalization: String
  /// `linear`, `conv1d`, `conv2d` or `transposed`.
  public var layer: String
  public var shape: [Int]
  public var outputs: Int
  /// Height before width; nothing for linear layers.
  public var size: [Int]
  public var stride: Int
  public var padding: Int
  public var dilation: Int
  public var groups: Int
  public var bias: Bool
  /// Of `standardized` and `scaled`.
  public var epsilon: Double?
  /// Of `spectral`.
  public var iterations: Int
  /// Of the weights.
  public var mean: Double
}

/// Topic `clipping`.
public struct ClippingSettings: ParitySettings {
  public var name: String
  public var shape: [Int]
  public var share: Double
  public var epsilon: Double
  public var learningRate: Double
}

/// Topic `conditioned`.
public struct ConditionedSettings: ParitySettings {
  public var name: String
  /// `film`, `classes`, `vector`, `style`, `adain` or `spade`.
  public var kind: String
  public var shape: [Int]
  /// The shape of what is given beside x.
  public var condition: [Int]
  public var epsilon: Double
  /// Of `spade`: the channels between its convolutions, and the length of their windows.
  public var hidden: Int
  public var window: Int
  /// Of x.
  public var mean: Double
}

/// Topic `whitening`.
public struct WhiteningSettings: ParitySettings {
  public var name: String
  public var shape: [Int]
  public var groups: Int
  public var iterations: Int
  public var epsilon: Double
  public var affine: Bool
  /// Of x.
  public var mean: Double
  /// That of the new in running statistics.
  public var weight: Double
}
