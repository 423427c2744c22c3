import NormaFiles
import NormaLayers
import NormaTensor

/// A model's state as PyTorch's `state_dict` has it, for images `[N, C, H, W]`.
///
/// ```swift
/// let state = try StateDictionary(contentsOf: "state.pt")
/// let remarks = try state.load(into: model, sampleShape: [32, 32, 3])
/// try StateDictionary(model, sampleShape: [32, 32, 3]).write(to: "back.safetensors")
/// ```
///
/// The names are those of Norma's own files, and so are the layouts, but for one: the values of a flattened image stand in
/// the order of channels, rows and columns, where Norma has rows, columns and channels. So the columns of a linear layer
/// that takes them (and the vectors of a normalization between) change places. Nothing is computed on the way there and
/// back, and every number keeps its bits.
public struct StateDictionary: Equatable, Sendable {
  /// What stands in files, by PyTorch's names.
  public var entries: [String: Safetensors.Entry]
  /// What reading the file had to suppose or to leave out.
  public private(set) var remarks: [Remark] = []

  /// A state of the given entries.
  public init(entries: [String: Safetensors.Entry]) { self.entries = entries }

  /// The state that a file of tensors is.
  public init(_ file: TensorFile) {
    entries = file.entries
    if !file.dictionary.isEmpty { remarks.append(.dictionary(file.dictionary)) }
    if !file.leftOut.isEmpty { remarks.append(.noTensors(file.leftOut)) }
  }

  /// Reads a state from PyTorch's own files, safetensors or `.npz`, whichever its first bytes say it is. Nothing that a file of
  /// PyTorch's says is run, see `PyTorchFile`.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - dictionary: which dictionary of a file of PyTorch's to take, such as `model`; nil for the only one with tensors.
  /// - Throws: `FileError` if it cannot be read, `FormatError` if it is none of these, or not whole.
  public init(contentsOf path: String, dictionary: String? = nil) throws {
    self.init(try TensorFile(contentsOf: path, dictionary: dictionary))
  }

  /// Writes the state to `.npz` where the path ends so, else to safetensors.
  ///
  /// - Throws: `FileError` if it cannot be written, `FormatError` for a tensor whose name the format cannot hold.
  public func write(to path: String) throws {
    let isArchive = TensorFile.Format(path: path) == .npz
    try TensorFile(entries: entries, metadata: ["format": "pt"]).write(to: path, as: isArchive ? .npz : .safetensors)
  }

  /// The state of a model for samples of the given shape, `[height, width, channels]` for images.
  ///
  /// - Throws: `LayerError` where such samples do not fit the model, or where the model mixes the values of a flattened image
  ///   in a way that has no counterpart.
  public init(_ model: Sequential<Float>, sampleShape: Shape) throws {
    let images = try model.tensorsOverFlattenedImages(sampleShape: sampleShape)
    let state = model.state
    entries = [:]
    for (name, tensor) in state.tensors {
      entries[name] = .float(images[name].map { tensor.withChannelsFirst(image: $0) } ?? tensor)
    }
    for (name, count) in state.counts { entries[name] = .integers([Int64(count)], shape: []) }
  }

  /// Something about a state that loading it had to change or to suppose.
  public enum Remark: Hashable, Sendable, CustomStringConvertible {
    /// The state is a part of what the file holds, under this name.
    case dictionary(String)
    /// What the state holds of these names is no tensor, and was left out.
    case noTensors([String])
    /// The names began so, as those of models do that are wrapped for several processors or for compilation, or are part of another.
    case prefix(String)
    /// What the state holds besides, of names that begin otherwise, is no part of the network, and was left out.
    case others([String])
    /// What layers that take part in training alone have learned was left out.
    case auxiliaryLayer(String)
    /// The entries are of double precision, and were rounded.
    case rounded(count: Int)
    /// The bias stands before a normalization, which subtracts it again, and the model has none: it was subtracted from the
    /// running mean; nil where the normalization keeps none, and it could be left out.
    case cancelledBias(String, runningMean: String?)
    /// So many entries of normalized weights had the names that PyTorch's earlier functions gave them: `weight_g` and `weight_v`, or
    /// `weight_orig`, `weight_u` and `weight_v`.
    case earlierNames(count: Int)
    /// The state says of running statistics, but not of how many batches, or of none: one is supposed.
    case suppliedCount(String)

    public var description: String {
      switch self {
      case .dictionary(let place): "the state dictionary stands under '\(place)'"
      case .noTensors(let names):
        Self.list(names) + (names.count == 1 ? " is no tensor, and was left out" : " are no tensors, and were left out")
      case .prefix(let prefix): "the names begin with '\(prefix)', which was left out"
      case .others(let names):
        Self.list(names)
          + (names.count == 1
            ? " begins otherwise, is no part of the network, and was left out"
            : " begin otherwise, are no part of the network, and were left out")
      case .auxiliaryLayer(let name): "'\(name)' takes part in training alone, and was left out"
      case .rounded(let count): "\(count) entr\(count == 1 ? "y" : "ies") of double precision were rounded to single"
      case .cancelledBias(let bias, let mean?):
        "the normalization after it cancels '\(bias)', so it was subtracted from '\(mean)'"
      case .cancelledBias(let bias, nil): "the normalization after it cancels '\(bias)', so it was left out"
      case .earlierNames(let count):
        "\(count) entries of normalized weights had their earlier names, and were given those of parametrizations"
      case .suppliedCount(let name): "'\(name)' is missing or 0, and was taken to be 1"
      }
    }

    /// First what the state is of the file, then what of it is the network's, then the numbers.
    fileprivate var order: Int {
      switch self {
      case .dictionary: 0
      case .noTensors: 1
      case .prefix: 2
      case .others, .auxiliaryLayer: 3
      case .rounded, .cancelledBias, .earlierNames, .suppliedCount: 4
      }
    }

    /// Names in a row: of more than ten the first ten, and how many there are more.
    private static func list(_ names: [String]) -> String {
      names.prefix(10).map { "'\($0)'" }.joined(separator: ", ")
        + (names.count > 10 ? " and \(names.count - 10) more" : "")
    }
  }

  /// Loads the state into a model of the same architecture for samples of the given shape; on failure the model is left as
  /// it was.
  ///
  /// - Parameters:
  ///   - model: the model.
  ///   - sampleShape: the shape of a sample, `[height, width, channels]` for images.
  ///   - auxiliaryLayers: names of layers that the state may hold besides, see `ModelRecipe.auxiliaryLayers`.
  /// - Returns: what had to be changed or supposed.
  /// - Throws: `ModelStateError` with all entries that are missing, have another shape or type, or have no place in the model;
  ///   `LayerError` as ``init(_:sampleShape:)`` does.
  @discardableResult
  public func load(
    into model: Sequential<Float>, sampleShape: Shape, auxiliaryLayers: [String] = []
  ) throws -> [Remark] {
    let images = try model.tensorsOverFlattenedImages(sampleShape: sampleShape)
    let cancelled = try model.biasesThatNormalizationCancels(sampleShape: sampleShape)
    let expected = model.stateShapes
    var remarks = remarks
    let names = Set(expected.tensors.keys)
    var (found, prefix, others) = withoutPrefix(keeping: names)
    if let prefix { remarks.append(.prefix(prefix)) }
    if !others.isEmpty { remarks.append(.others(others.sorted())) }
    for layer in auxiliaryLayers {
      let kept = found.filter { !$0.key.hasPrefix("\(layer).") }
      if kept.count < found.count { remarks.append(.auxiliaryLayer(layer)) }
      found = kept
    }
    let entries = withoutEarlierNames(found, expected: names)
    let renamedCount = found.keys.count { entries[$0] == nil }
    if renamedCount > 0 { remarks.append(.earlierNames(count: renamedCount)) }

    var state = ModelState<Float>()
    var problems: [String: ModelStateError.Problem] = [:]
    var biases: [String: Tensor<Float>] = [:]
    var roundedCount = 0
    for (name, entry) in entries {
      // Of whatever type: PyTorch copies it into its own.
      if expected.counts.contains(name) {
        if let count = entry.count { state.counts[name] = count } else { problems[name] = .wrongType }
        continue
      }
      guard let tensor = entry.tensor(of: Float.self) else {
        problems[name] = expected.tensors[name] == nil ? .unexpected : .wrongType
        continue
      }
      if case .double(let exact) = entry, exact != tensor.converted() { roundedCount += 1 }
      if let shape = expected.tensors[name] {
        if tensor.shape == shape {
          state.tensors[name] = images[name].map { tensor.withChannelsLast(image: $0) } ?? tensor
        } else {
          problems[name] = .misshapen(expected: shape, found: tensor.shape)
        }
      } else if let mean = cancelled[name], let shape = biasShape(name, expected.tensors), tensor.shape == shape {
        biases[name] = tensor
        remarks.append(.cancelledBias(name, runningMean: mean))
      } else {
        problems[name] = .unexpected
      }
    }
    for (name, shape) in expected.tensors where state.tensors[name] == nil && problems[name] == nil {
      problems[name] = .missing(shape: shape)
    }
    guard problems.isEmpty else { throw ModelStateError(problems) }
    if roundedCount > 0 { remarks.append(.rounded(count: roundedCount)) }
    for name in expected.counts where state.counts[name] == nil || state.hasUncountedStatistics(of: name) {
      state.counts[name] = 1
      remarks.append(.suppliedCount(name))
    }
    for (name, bias) in biases {
      if let mean = cancelled[name] ?? nil, let old = state.tensors[mean] { state.tensors[mean] = old - bias }
    }
    try model.load(state)
    return remarks.sorted { ($0.order, $0.description) < ($1.order, $1.description) }
  }

  /// The shape that a bias must have that the model does without: one number for each of the layer's outputs.
  private func biasShape(_ name: String, _ shapes: [String: Shape]) -> Shape? {
    let path = name.dropLast("bias".count)
    return ["weight", "parametrizations.weight.original", "parametrizations.weight.original1"].lazy
      .compactMap { shapes[path + $0] }.first.map { [$0[0]] }
  }

  /// The entries, those of normalized weights under the names that are expected where they have those of PyTorch's functions before
  /// parametrizations.
  private func withoutEarlierNames(
    _ entries: [String: Safetensors.Entry], expected: Set<String>
  ) -> [String: Safetensors.Entry] {
    let earlier = [
      "original0": "weight_g", "original1": "weight_v", "original": "weight_orig", "0._u": "weight_u",
      "0._v": "weight_v",
    ]
    var result = entries
    for name in expected where entries[name] == nil {
      guard let range = name.range(of: "parametrizations.weight."),
        let old = earlier[String(name[range.upperBound...])],
        let entry = entries[name[..<range.lowerBound] + old]
      else { continue }
      result[name] = entry
      result[name[..<range.lowerBound] + old] = nil
    }
    return result
  }

  /// The entries without what stands before the names of a model that is part of another one, what that is, and the names of all
  /// other entries: found by which beginning leaves most of the names that are expected.
  private func withoutPrefix(
    keeping names: Set<String>
  ) -> (entries: [String: Safetensors.Entry], prefix: String?, others: [String]) {
    guard names.isDisjoint(with: entries.keys) else { return (entries, nil, []) }
    var counts: [Substring: Int] = [:]
    for name in entries.keys {
      for dot in name.indices where name[dot] == "." {
        let start = name.index(after: dot)
        if names.contains(String(name[start...])) { counts[name[..<start], default: 0] += 1 }
      }
    }
    // The shorter of equals, and then the first: the same whatever the order of the names.
    let best = counts.min {
      ($1.value, $0.key.count, String($0.key)) < ($0.value, $1.key.count, String($1.key))
    }
    guard let best else { return (entries, nil, []) }
    let prefix = String(best.key)
    let (own, others) = (entries.filter { $0.key.hasPrefix(prefix) }, entries.keys.filter { !$0.hasPrefix(prefix) })
    var stripped = Dictionary(uniqueKeysWithValues: own.map { (String($0.key.dropFirst(prefix.count)), $0.value) })
    // Of two networks in one file, such as one and its average, none is taken silently: what the other has is unexpected.
    guard counts.values.count(where: { $0 == best.value }) > 1 else { return (stripped, prefix, others) }
    for name in others { stripped[name] = entries[name] }
    return (stripped, prefix, [])
  }
}

extension ModelState {
  /// Whether running statistics are other than those of a new model, although no batch is counted.
  fileprivate func hasUncountedStatistics(of count: String) -> Bool {
    let path = count.dropLast("num_batches_tracked".count)
    return counts[count] == 0
      && (tensors[path + "running_mean"]?.elements.contains { $0 != 0 } == true
        || tensors[path + "running_var"]?.elements.contains { $0 != 1 } == true)
  }
}

extension Tensor {
  /// The last axis from rows, columns and channels of an image to channels, rows and columns.
  fileprivate func withChannelsFirst(image: Shape) -> Tensor {
    let rows = shape.rowCount
    return reshaped(to: [rows, image[0], image[1], image[2]]).transposed([0, 3, 1, 2]).reshaped(to: shape)
  }

  /// The last axis from channels, rows and columns of an image to rows, columns and channels.
  fileprivate func withChannelsLast(image: Shape) -> Tensor {
    let rows = shape.rowCount
    return reshaped(to: [rows, image[2], image[0], image[1]]).transposed([0, 2, 3, 1]).reshaped(to: shape)
  }
}
