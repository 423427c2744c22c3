import NormaConvolution
import NormaNormalization
import NormaTensor

/// One thing that an ``InferenceModel`` does to a batch.
public enum InferenceStep<Element: TensorElement>: Sendable {
  /// A linear map of rows, and ReLU if `rectifies`.
  case linear(PreparedLinear<Element>, rectifies: Bool)
  /// A convolution of images, and ReLU if `rectifies`.
  case convolution(PreparedConvolution<Element>, rectifies: Bool)
  /// Batch normalization with given statistics, and ReLU if `rectifies`.
  case batchNormalization(FrozenBatchNormalization<Element>, rectifies: Bool)
  /// Layer normalization over the last axis.
  case layerNormalization(gamma: Tensor<Element>?, beta: Tensor<Element>?, epsilon: Double)
  /// Group normalization over the last axis, and ReLU if `rectifies`.
  case groupNormalization(
    groups: Int, gamma: Tensor<Element>?, beta: Tensor<Element>?, epsilon: Double, rectifies: Bool)
  /// A function of each element.
  case function(UnaryOperation<Element>)
  /// `[N, …] → [N, product of the rest]`.
  case flatten
  /// The largest value of each window.
  case maxPool(Window)
  /// The mean of each window; `countsPadding`: whether places outside the image count as zeros.
  case averagePool(Window, countsPadding: Bool)
  /// The mean of each channel over all positions.
  case globalAverage
  /// Channels of zeros after those there are, so many in all.
  case paddedChannels(Int)
  /// The sum of what two branches make of the batch, the shortcut's steps being none where it is the batch itself, and ReLU if
  /// `rectifies`.
  indirect case residual(body: [InferenceStep], shortcut: [InferenceStep], rectifies: Bool)
}

/// Batch normalization that no longer gathers: all vectors `[C]`.
public struct FrozenBatchNormalization<Element: TensorElement>: Sendable {
  /// The running mean and variance.
  public var mean, variance: Tensor<Element>
  /// The scale and the shift; 1 and 0 where nil.
  public var gamma, beta: Tensor<Element>?
  /// Added to the variance before the square root.
  public var epsilon: Double
}

/// Why a model cannot be made ready to serve.
public struct InferenceModelError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What is the matter.
  public enum Reason: Equatable, Sendable {
    /// A normalization that has seen no batch has no statistics to normalize with.
    case statisticsNeverGathered
    /// The layer does not say what it does in inference.
    case notSupported
  }
  /// The layer's path in the model, as in files; empty for the model itself.
  public var path: String
  /// What the layer is.
  public let layer: String
  /// What is the matter.
  public let reason: Reason

  /// An error about a layer that stands at the top, see ``path``.
  public init(layer: String, reason: Reason) {
    path = ""
    self.layer = layer
    self.reason = reason
  }

  /// The same error about a layer that stands within another.
  func within(_ name: String) -> InferenceModelError {
    var error = self
    error.path = path.isEmpty ? name : "\(name).\(path)"
    return error
  }

  public var description: String {
    let place = path.isEmpty ? layer : "\(layer) at '\(path)'"
    return switch reason {
    case .statisticsNeverGathered: "\(place) has gathered no statistics: train the model before it serves"
    case .notSupported: "\(place) does not say what it does in inference"
    }
  }
}
