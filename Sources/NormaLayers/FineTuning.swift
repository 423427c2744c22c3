import NormaTensor

// What it takes to train a network further that was trained before: to reach its layers, to leave parts of it as they are, to take over
// part of a state, and to give it another head.

/// Why a layer was not found in a network.
public struct LayerPathError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The path that was asked for.
  public let path: String
  /// What is wrong with it.
  public let problem: String

  public var description: String { "'\(path)': \(problem)" }
}

extension Layer {
  /// The layer at a path, such as `2` or `block.0`, as the type that it is of.
  ///
  /// - Throws: ``LayerPathError`` where there is none, with the paths there are, or one of another type.
  public func layer<Found: Layer>(
    _ path: String, as type: Found.Type = Found.self
  ) throws(LayerPathError) -> Found where Found.Element == Element {
    guard let layer = layers.first(where: { $0.path == path })?.layer else {
      let paths = layers.map(\.path).filter { !$0.isEmpty }
      throw LayerPathError(
        path: path,
        problem: "there is no such layer; there are \(paths.prefix(50).joined(separator: ", "))"
          + (paths.count > 50 ? " and \(paths.count - 50) more" : ""))
    }
    guard let found = layer as? Found else {
      throw LayerPathError(path: path, problem: "the layer is \(layer.summary), not a \(Found.self)")
    }
    return found
  }

  /// Lets training leave the parameters as they are that a pattern means: no gradient is found for them.
  ///
  /// - Returns: their names; empty where the pattern means none.
  @discardableResult public func freeze(_ pattern: NamePattern = "") -> [String] { setFrozen(true, pattern) }

  /// Lets training change the parameters again that a pattern means.
  ///
  /// - Returns: their names; empty where the pattern means none.
  @discardableResult public func unfreeze(_ pattern: NamePattern = "") -> [String] { setFrozen(false, pattern) }

  private func setFrozen(_ isFrozen: Bool, _ pattern: NamePattern) -> [String] {
    let meant = namedParameters.filter { pattern.matches($0.name) }
    for (_, parameter) in meant { parameter.isFrozen = isFrozen }
    return meant.map(\.name)
  }

  /// Lets the running statistics of layers be, whose paths a pattern means: in training too these normalize by them, and take in no
  /// batch.
  ///
  /// Statistics that stay while the weights before them change, or that change while what follows stays, no longer fit: freeze both,
  /// or neither.
  ///
  /// - Returns: the layers' paths; empty where the pattern means none with running statistics.
  @discardableResult public func freezeStatistics(_ pattern: NamePattern = "") -> [String] {
    setStatisticsFrozen(true, pattern)
  }

  /// Lets the running statistics of layers take in batches again, whose paths a pattern means.
  ///
  /// - Returns: the layers' paths; empty where the pattern means none with running statistics.
  @discardableResult public func unfreezeStatistics(_ pattern: NamePattern = "") -> [String] {
    setStatisticsFrozen(false, pattern)
  }

  private func setStatisticsFrozen(_ isFrozen: Bool, _ pattern: NamePattern) -> [String] {
    distinctLayers.compactMap { path, layer in
      guard pattern.matches(path), let layer = layer as? any StatisticsKeeping<Element>, layer.keepsStatistics else {
        return nil
      }
      layer.hasFrozenStatistics = isFrozen
      return path
    }
  }

  /// The names of the parameters that training leaves as they are, and the paths of the layers whose running statistics it leaves.
  public var frozen: (parameters: [String], statistics: [String]) {
    (
      namedParameters.filter(\.parameter.isFrozen).map(\.name),
      distinctLayers.filter { ($0.layer as? any StatisticsKeeping<Element>)?.hasFrozenStatistics ?? false }.map(
        \.path)
    )
  }

  /// Takes over what of a state fits: all tensors and counts that the model has by their names, tensors of the same shape.
  ///
  /// - Returns: what does not fit, by its names: entries of the state that the model has no place for, or one of another shape, and
  ///   what of the model keeps its value because the state has nothing for it. Empty where all of both was matched.
  @discardableResult public func loadWhatFits(_ state: ModelState<Element>) -> [String: ModelStateError.Problem] {
    let (shapes, counts) = stateShapes
    var problems: [String: ModelStateError.Problem] = [:]
    var fitting = self.state
    for (name, tensor) in state.tensors {
      switch shapes[name] {
      case tensor.shape: fitting.tensors[name] = tensor
      case let shape?: problems[name] = .misshapen(expected: shape, found: tensor.shape)
      case nil: problems[name] = .unexpected
      }
    }
    for (name, count) in state.counts {
      if counts.contains(name) { fitting.counts[name] = count } else { problems[name] = .unexpected }
    }
    for (name, shape) in shapes where state.tensors[name] == nil { problems[name] = .missing(shape: shape) }
    do { try load(fitting) } catch { fatalError("a state that was made to fit does not: \(error)") }
    return problems
  }
}

extension Sequential {
  /// The same layers, which are shared, with another in the place of one: a new head for other classes.
  ///
  /// - Parameters:
  ///   - path: the name of the layer, or the path to one within layers that are sequences themselves.
  ///   - replacement: what takes its place.
  /// - Throws: ``LayerPathError`` where there is no layer of that name, or one within a layer that is no sequence.
  public func replacing(
    _ path: String, with replacement: any Layer<Element>
  ) throws(LayerPathError) -> Sequential {
    let parts = path.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    var members = children
    guard let place = members.firstIndex(where: { $0.name == parts[0] }) else {
      throw LayerPathError(
        path: path, problem: "there is no such layer; there are \(members.map(\.name).joined(separator: ", "))")
    }
    if parts.count == 1 {
      members[place].layer = replacement
    } else if let inner = members[place].layer as? Sequential {
      do { members[place].layer = try inner.replacing(parts[1], with: replacement) } catch {
        throw LayerPathError(path: path, problem: error.problem)
      }
    } else {
      throw LayerPathError(
        path: path, problem: "\(members[place].layer.summary) is no sequence, whose layers could be replaced")
    }
    do { return try Sequential(named: members) } catch { fatalError("names that differed do not: \(error)") }
  }
}
