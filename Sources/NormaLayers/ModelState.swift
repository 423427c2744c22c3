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

/// Why a state does not fit a model: everything in it that does not.
public struct ModelStateError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What is wrong with one entry.
  public enum Problem: Hashable, Sendable {
    /// The model has a tensor of this name, and the state has none.
    case missing(shape: Shape)
    /// The state's tensor has another shape than the model's.
    case misshapen(expected: Shape, found: Shape)
    /// The model has no place for it.
    case unexpected
    /// It holds whole numbers where the model has others, or is no count where the model counts batches.
    case wrongType
  }

  /// What is wrong, by the entries' names.
  public let problems: [String: Problem]

  /// An error about the given entries.
  public init(_ problems: [String: Problem]) { self.problems = problems }

  /// A line for each entry, in the order of their names; of more than ten of a kind the first ten and a count.
  public var description: String {
    var counts: [Int: Int] = [:]
    var lines: [String] = []
    for (name, problem) in problems.sorted(by: { $0.key < $1.key }) {
      counts[problem.kind, default: 0] += 1
      if counts[problem.kind, default: 0] <= Self.shownCount { lines.append(problem.line(name)) }
    }
    for (kind, count) in counts.sorted(by: { $0.key < $1.key }) where count > Self.shownCount {
      lines.append("\(count - Self.shownCount) more \(Problem.kinds[kind])")
    }
    return lines.joined(separator: "\n")
  }

  /// So many entries with a problem of one kind are named.
  private static let shownCount = 10
}

extension ModelStateError.Problem {
  /// What is said of further entries, by the kind.
  fileprivate static let kinds = [
    "are missing", "have other shapes than the model needs", "have no place in the model",
    "are of other types than the model's",
  ]

  /// The number of the kind.
  fileprivate var kind: Int {
    switch self {
    case .missing: 0
    case .misshapen: 1
    case .unexpected: 2
    case .wrongType: 3
    }
  }

  fileprivate func line(_ name: String) -> String {
    switch self {
    case .missing(let shape): "'\(name)' of shape \(shape) is missing"
    case .misshapen(let expected, let found): "'\(name)' has shape \(found), and the model needs \(expected)"
    case .unexpected: "the model has no '\(name)'"
    case .wrongType: "'\(name)' is of another type than the model's"
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
  /// - Throws: ``ModelStateError`` with all names that are missing, have another shape, or have no place in the model.
  public func load(_ state: ModelState<Element>) throws(ModelStateError) {
    let current = self.state
    var problems: [String: ModelStateError.Problem] = [:]
    for (name, tensor) in current.tensors {
      if let new = state.tensors[name] {
        if new.shape != tensor.shape { problems[name] = .misshapen(expected: tensor.shape, found: new.shape) }
      } else {
        problems[name] = .missing(shape: tensor.shape)
      }
    }
    for name in state.tensors.keys where current.tensors[name] == nil { problems[name] = .unexpected }
    for name in state.batchCounts.keys where current.batchCounts[name] == nil { problems[name] = .unexpected }
    guard problems.isEmpty else { throw ModelStateError(problems) }
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
