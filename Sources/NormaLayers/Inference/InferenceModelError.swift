/// Why a model cannot be made ready to serve.
public struct InferenceModelError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What is the matter.
  public enum Reason: Equatable, Sendable {
    /// A normalization that has seen no batch has no statistics to normalize with.
    case statisticsNeverGathered
    /// What the layer computes depends on numbers of the batch in a way that is no operation.
    case dependsOnValues
    /// What the layer computes depends on the shape of a sample, which was not given.
    case dependsOnShape
    /// Making it ready failed, for what an error said.
    case failed(String)
  }
  /// The layer's path in the model, as in files; empty for the model itself.
  public var path: String
  /// What the layer is.
  public let layer: String
  /// What is the matter.
  public let reason: Reason

  /// An error about a layer, whose path is added where it is within another.
  public init(layer: String, path: String = "", reason: Reason) {
    self.path = path
    self.layer = layer
    self.reason = reason
  }

  public var description: String {
    let place = path.isEmpty ? layer : "\(layer) at '\(path)'"
    return switch reason {
    case .statisticsNeverGathered: "\(place) has gathered no statistics: train the model before it serves"
    case .dependsOnValues:
      "\(place) reads the numbers it is given; what it makes of them must be a TensorOperation, applied to its input"
    case .dependsOnShape: "\(place) needs to know the shape of its input: give the shape of a sample"
    case .failed(let problem): "\(place) cannot be made ready: \(problem)"
    }
  }
}
