import NormaTensor
import Normalization

/// Everything a model has learned, under PyTorch's names: `0.weight`, `1.running_mean`, `1.num_batches_tracked`.
///
/// A value: taking it is cheap, because tensors share their memory until the model learns on.
public struct ModelState<Element: TensorElement>: Sendable, Equatable {
  /// Parameters and running statistics.
  public var tensors: [String: Tensor<Element>] = [:]
  /// How many batches each normalization layer has seen.
  public var batchCounts: [String: Int] = [:]

  /// An empty state.
  public init() {}
}

/// Why a state does not fit a model.
public enum ModelStateError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The model has a tensor of this name, and the state has none.
  case missing(name: String, shape: Shape)
  /// The state's tensor of this name has another shape than the model's.
  case shapeMismatch(name: String, expected: Shape, found: Shape)
  /// The state has tensors that the model has no place for.
  case unexpected(names: [String])

  public var description: String {
    switch self {
    case .missing(let name, let shape): "'\(name)' of shape \(shape) is missing"
    case .shapeMismatch(let name, let expected, let found):
      "'\(name)' has shape \(found), and the model needs \(expected)"
    case .unexpected(let names): "the model has no \(names.map { "'\($0)'" }.joined(separator: ", "))"
    }
  }
}

extension Layer {
  /// What the model has learned so far.
  public var state: ModelState<Element> {
    var state = ModelState<Element>()
    for (name, parameter) in namedParameters { state.tensors[name] = parameter.value }
    for (path, layer) in layers {
      guard let statistics = (layer as? any StatisticsGathering<Element>)?.runningStatistics else { continue }
      let prefix = path.isEmpty ? "" : path + "."
      state.tensors[prefix + "running_mean"] = statistics.mean
      state.tensors[prefix + "running_var"] = statistics.variance
      state.batchCounts[prefix + "num_batches_tracked"] = statistics.batchCount
    }
    return state
  }

  /// Puts the model into a state that was taken from one of the same structure; on failure the model is left as it was.
  ///
  /// - Throws: ``ModelStateError`` for the first name that is missing, has another shape, or has no place in the model.
  public func load(_ state: ModelState<Element>) throws(ModelStateError) {
    let current = self.state
    for (name, tensor) in current.tensors.sorted(by: { $0.key < $1.key }) {
      guard let new = state.tensors[name] else { throw .missing(name: name, shape: tensor.shape) }
      guard new.shape == tensor.shape else {
        throw .shapeMismatch(name: name, expected: tensor.shape, found: new.shape)
      }
    }
    let unexpected = state.tensors.keys.filter { current.tensors[$0] == nil }
    guard unexpected.isEmpty else { throw .unexpected(names: unexpected.sorted()) }
    for (name, parameter) in namedParameters { parameter.value = state.tensors[name]! }
    for (path, layer) in layers {
      guard let layer = layer as? any StatisticsGathering<Element>, var statistics = layer.runningStatistics else {
        continue
      }
      let prefix = path.isEmpty ? "" : path + "."
      statistics.mean = state.tensors[prefix + "running_mean"]!
      statistics.variance = state.tensors[prefix + "running_var"]!
      statistics.batchCount = state.batchCounts[prefix + "num_batches_tracked"] ?? 0
      layer.runningStatistics = statistics
    }
  }
}
