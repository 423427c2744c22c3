import NormaGraph
import NormaTensor

/// What each layer keeps of a training batch for its gradients, found by the batch's shape alone.
///
/// ```swift
/// let trace = try MemoryTrace(of: model, batchShape: [128, 32, 32, 3])
/// trace.layers.map(\.keptBytes).reduce(0, +)
/// ```
///
/// What several layers keep in common is counted for the first. Buffers are counted by what they hold: those of
/// `BufferPool` are up to an eighth larger.
public struct MemoryTrace: Sendable {
  /// What is noted of one layer.
  public struct Entry: Sendable, Equatable, Codable {
    /// The layer's path, as in files.
    public let path: String
    /// What the layer is.
    public let layer: String
    /// The shape of its result, with the batch axis.
    public internal(set) var outputShape: [Int]
    /// The bytes it keeps until its gradients have been found; those of the layers within it are not among them.
    public internal(set) var keptBytes: Int
    /// The bytes of its own parameters.
    public let parameterBytes: Int
    /// The bytes of its buffers, such as running statistics.
    public let statisticsBytes: Int
  }

  /// The layers in order, each before those within it.
  public private(set) var layers: [Entry]
  /// The shape of the network's outputs, with the batch axis.
  public let outputShape: Shape
  /// The bytes of an element.
  public let elementSize: Int

  /// Follows a batch `[N, …]` through a model.
  ///
  /// - Parameters:
  ///   - model: what is trained.
  ///   - batchShape: the shape of a batch, `[N, …]`.
  ///   - recomputesNormalized: see ``Pass/recomputesNormalized``.
  ///   - keptActivations: the width in which activations are kept, see `Graph.keptActivations`.
  /// - Throws: ``LayerError`` where the batch does not fit.
  public init<Element: TensorElement>(
    of model: some Layer<Element>, batchShape: Shape, recomputesNormalized: Bool = false,
    keptActivations: HalfPrecision? = nil
  ) throws(LayerError) {
    let program = try model.followed(
      from: batchShape,
      for: .training(recomputesNormalized: recomputesNormalized, keptActivations: keptActivations))
    let size = MemoryLayout<Element>.stride
    elementSize = size
    outputShape = program.nodes[program.output].shape ?? []
    var kept: [String: Int] = [:]
    for (index, bytes) in program.keptBytes.enumerated() { kept[program.nodes[index].path, default: 0] += bytes }
    var known: Set<ObjectIdentifier> = []
    layers = model.layers.map { path, layer in
      let isNew = known.insert(ObjectIdentifier(layer)).inserted
      let parameters = layer.parameters.filter { known.insert(ObjectIdentifier($0)).inserted }
      return Entry(
        path: path, layer: layer.summary, outputShape: program.layerShapes[path].map(Array.init) ?? [],
        keptBytes: kept[path] ?? 0, parameterBytes: parameters.reduce(0) { $0 + $1.shape.elementCount } * size,
        statisticsBytes: isNew ? layer.buffers.reduce(0) { $0 + $1.tensorBytes } : 0)
    }
  }
}

extension Program {
  /// What the operation of each node keeps until its gradients have been found, in bytes.
  ///
  /// The caller keeps the batch and the parameters in any case; what was counted for one operation is not counted for another.
  fileprivate var keptBytes: [Int] {
    var requiresGradient = [Bool](repeating: false, count: nodes.count)
    // The place of what has the memory of each result.
    var memory = Array(nodes.indices)
    var isKept = nodes.map { $0.operation == nil }
    return nodes.enumerated().map { index, node in
      guard let operation = node.operation else {
        requiresGradient[index] = node.isParameter
        return 0
      }
      if operation.isView { memory[index] = memory[node.inputs[0]] }
      var needs = Needs()
      for (place, input) in node.inputs.enumerated() { needs[place] = requiresGradient[input] }
      requiresGradient[index] = node.inputs.contains { requiresGradient[$0] }
      guard requiresGradient[index] else { return 0 }
      var bytes = operation.savedBytes(for: node.inputs.map { nodes[$0].shape ?? [] })
      func keep(_ place: Int) {
        let place = memory[place]
        guard !isKept[place], nodes[place].operation?.isRecomputed != true else { return }
        isKept[place] = true
        let width =
          nodes[place].keptPrecision == nil ? MemoryLayout<Element>.stride : MemoryLayout<UInt16>.stride
        bytes += (nodes[place].shape?.elementCount ?? 0) * width
      }
      let kept = operation.kept(for: needs)
      for (place, input) in node.inputs.enumerated() where kept.contains(.input(place)) { keep(input) }
      if kept.contains(.output) { keep(index) }
      return bytes
    }
  }
}

extension Buffer {
  /// The bytes of its numbers; a count has none worth counting.
  fileprivate var tensorBytes: Int {
    if case .tensor(let tensor) = read() { tensor.count * MemoryLayout<Element>.stride } else { 0 }
  }
}
