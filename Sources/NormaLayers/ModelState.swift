import NormaNormalization
import NormaTensor

/// Everything a model has learned, under PyTorch's names: `0.weight`, `1.running_mean`, `1.num_batches_tracked`.
///
/// A value: taking it is cheap, because tensors share their memory until the model learns on.
public struct ModelState<Element: TensorElement>: Sendable, Equatable {
  /// Parameters, and buffers of numbers.
  public var tensors: [String: Tensor<Element>] = [:]
  /// Buffers that count, such as how many batches a normalization has seen.
  public var counts: [String: Int] = [:]

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
  /// What the model has learned so far. Its names must differ, see ``checkNames()``.
  public var state: ModelState<Element> {
    var state = ModelState<Element>()
    func requireNew(_ isNew: Bool, _ name: String) {
      require(isNew, "a model holds two tensors of the name '\(name)'; names must differ")
    }
    for (name, parameter) in namedParameters {
      requireNew(state.tensors.updateValue(parameter.value, forKey: name) == nil, name)
    }
    for (name, buffer) in namedBuffers {
      switch buffer.read() {
      case .tensor(let tensor): requireNew(state.tensors.updateValue(tensor, forKey: name) == nil, name)
      case .count(let count): requireNew(state.counts.updateValue(count, forKey: name) == nil, name)
      }
    }
    return state
  }

  /// The shapes of all tensors of the model's state, by their names, and the names of its counts; nothing is drawn for it.
  public var stateShapes: (tensors: [String: Shape], counts: Set<String>) {
    var tensors: [String: Shape] = [:]
    var counts: Set<String> = []
    for (name, parameter) in namedParameters { tensors[name] = parameter.shape }
    for (name, buffer) in namedBuffers {
      switch buffer.read() {
      case .tensor(let tensor): tensors[name] = tensor.shape
      case .count: counts.insert(name)
      }
    }
    return (tensors, counts)
  }

  /// Puts the model into a state that was taken from one of the same structure; on failure the model is left as it was.
  ///
  /// Counts that the state lacks are 0.
  ///
  /// - Throws: ``ModelStateError`` with all names that are missing, have another shape, or have no place in the model.
  public func load(_ state: ModelState<Element>) throws(ModelStateError) {
    let (shapes, counts) = stateShapes
    var problems: [String: ModelStateError.Problem] = [:]
    for (name, shape) in shapes {
      if let new = state.tensors[name] {
        if new.shape != shape { problems[name] = .misshapen(expected: shape, found: new.shape) }
      } else {
        problems[name] = .missing(shape: shape)
      }
    }
    for name in state.tensors.keys where shapes[name] == nil { problems[name] = .unexpected }
    for name in state.counts.keys where !counts.contains(name) { problems[name] = .unexpected }
    guard problems.isEmpty else { throw ModelStateError(problems) }
    for (name, parameter) in namedParameters { parameter.value = state.tensors[name]! }
    for (name, buffer) in namedBuffers {
      buffer.write(state.tensors[name].map { .tensor($0) } ?? .count(state.counts[name] ?? 0))
    }
  }
}
