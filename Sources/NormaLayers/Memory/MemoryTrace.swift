import NormaTensor

/// Follows a training batch through layers by its shape alone, and notes what each of them keeps of it for its gradients.
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
    /// The bytes of its running statistics.
    public let statisticsBytes: Int
  }

  /// The layers in order, each before those within it.
  public private(set) var layers: [Entry] = []
  /// The shape of the network's outputs, with the batch axis.
  public private(set) var outputShape: Shape
  /// Whether the results of batch normalization are computed again, see ``Pass/recomputesNormalized``.
  public let recomputesNormalized: Bool
  /// The bytes of an element.
  public let elementSize: Int

  private var path: [String] = []
  /// The places in `layers` of the layer that is being followed and of those it is in.
  private var open: [Int] = []
  private var tensorCount = 0
  private var kept: Set<Int> = []

  /// Follows a batch `[N, …]` through a model.
  ///
  /// - Throws: ``LayerError`` where the batch does not fit.
  public init<Element: TensorElement>(
    of model: some Layer<Element>, batchShape: Shape, recomputesNormalized: Bool = false
  ) throws(LayerError) {
    self.recomputesNormalized = recomputesNormalized
    elementSize = MemoryLayout<Element>.stride
    outputShape = batchShape
    let batch = makeTensor(batchShape)
    // The caller keeps the batch itself in any case.
    kept.insert(batch.identity)
    outputShape = try follow(model, named: nil, from: batch).shape
  }

  /// A tensor on its way through the network.
  public struct Tensor: Sendable {
    /// Its lengths, with the batch axis.
    public let shape: Shape
    /// Tells memory apart: what is only reshaped is the same memory.
    let identity: Int
    /// Whether those that need it for their gradients compute it again.
    let isRecomputed: Bool
  }

  /// A tensor in memory of its own.
  public mutating func makeTensor(_ shape: Shape, isRecomputed: Bool = false) -> Tensor {
    tensorCount += 1
    return Tensor(shape: shape, identity: tensorCount, isRecomputed: isRecomputed)
  }

  /// The same memory under another shape.
  public func view(_ tensor: Tensor, shape: Shape) -> Tensor {
    Tensor(shape: shape, identity: tensor.identity, isRecomputed: false)
  }

  /// Notes that the layer keeps a tensor.
  public mutating func keep(_ tensor: Tensor) {
    guard kept.insert(tensor.identity).inserted else { return }
    keep(bytes: tensor.shape.elementCount * elementSize)
  }

  /// Notes that the layer keeps a tensor that is not computed again where it is needed.
  public mutating func keepUnlessRecomputed(_ tensor: Tensor) {
    if !tensor.isRecomputed { keep(tensor) }
  }

  /// Notes that the layer keeps so many bytes of its own, such as statistics.
  public mutating func keep(bytes: Int) {
    if let place = open.last { layers[place].keptBytes += bytes }
  }

  /// Follows a tensor through a layer; `name` is nil for the network itself.
  public mutating func follow<Element: TensorElement>(
    _ layer: any Layer<Element>, named name: String?, from input: Tensor
  ) throws(LayerError) -> Tensor {
    begin(layer, named: name)
    let output = try layer.trace(input, in: &self)
    end(name, output.shape)
    return output
  }

  /// Notes a ReLU whose work the layer before it does.
  mutating func followFused<Element: TensorElement>(
    _ layer: any Layer<Element>, named name: String, from input: Tensor
  ) -> Tensor {
    begin(layer, named: name)
    end(name, input.shape)
    return input
  }

  private mutating func begin<Element: TensorElement>(_ layer: any Layer<Element>, named name: String?) {
    if let name { path.append(name) }
    open.append(layers.count)
    let statistics = (layer as? any StatisticsGathering<Element>)?.runningStatistics
    layers.append(
      Entry(
        path: path.joined(separator: "."), layer: layer.summary, outputShape: [], keptBytes: 0,
        parameterBytes: layer.parameters.reduce(0) { $0 + $1.value.count } * elementSize,
        statisticsBytes: statistics.map { ($0.mean.count + $0.variance.count) * elementSize } ?? 0))
  }

  private mutating func end(_ name: String?, _ output: Shape) {
    if let place = open.popLast() { layers[place].outputShape = Array(output) }
    if name != nil { path.removeLast() }
  }
}
