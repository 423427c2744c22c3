import NormaGraph
import NormaTensor

/// A trained model made ready to serve: batch normalization is folded into the linear or convolutional layers before it, ReLU
/// and the sums of residual blocks are done with what comes before them, weights are brought into the order that the kernels
/// read, and nothing is recorded.
///
/// ```swift
/// let serving = try InferenceModel(model)
/// let scores = try serving(batch)
/// ```
///
/// It holds the weights as they were when it was made, and may be called from several threads at once. Its outputs
/// differ from the model's by rounding.
public struct InferenceModel<Element: TensorElement>: Sendable {
  private let steps: [InferenceStep<Element>]
  /// The values that are there before the first step, which has none but the batch, the first: the outputs, where they are constant.
  private let values: [Tensor<Element>?]
  private let output: Int
  private let knownSample: KnownSample
  /// How many samples go through all steps at a time, where the model says so.
  private let batchSize: Int?

  /// Makes a model ready.
  ///
  /// - Parameters:
  ///   - model: the model, whose layers must do the same whatever numbers they are given.
  ///   - sampleShape: the shape of a sample, without the batch axis; needed only by layers of one's own that ask for it.
  /// - Throws: ``InferenceModelError`` for a batch normalization that has seen no batch, and for what is no operation;
  ///   ``LayerError`` where samples of that shape do not fit.
  public init(_ model: consuming any Layer<Element>, sampleShape: Shape? = nil) throws {
    let batchSize = model.batchSize
    let shape = sampleShape.map { Shape([batchSize ?? 1] + $0) }
    // The model ends here: where nobody else holds it, its weights go one by one as they are brought into order.
    try self.init(Program(model, batchShape: shape, for: .serving), batchSize: batchSize)
  }

  /// Makes a network ready that is known by its operations.
  init(_ program: consuming Program<Element>, batchSize: Int? = nil) throws(InferenceModelError) {
    var plan = InferencePlan(program)
    for index in plan.nodes.indices { try plan.add(index) }
    (steps, values, output) = plan.finished()
    knownSample = KnownSample()
    self.batchSize = batchSize
  }

  /// What is done, in order, in words.
  public var operations: [String] { steps.map(\.name) }

  /// The outputs for a batch.
  ///
  /// A large batch of images goes through all steps a few images at a time, so that what one step writes is still in
  /// the caches when the next one reads it.
  ///
  /// - Throws: `LayerError` for a batch whose samples do not fit the model; what an operation throws.
  @specialized(where Element == Float)
  public func callAsFunction(_ x: Tensor<Element>) throws -> Tensor<Element> {
    if let batchSize, x.rank > 0, x.shape[0] != batchSize { return try inParts(of: batchSize, x) }
    let largest = try check(x.shape)
    guard let samples = samplesAtOnce(x.shape, largest) else { return try run(x) }
    let parts = (x.shape[0] + samples - 1) / samples
    let outputs = Guarded([Tensor<Element>?](repeating: nil, count: parts))
    Parallel.forEach(parts) { part in
      let rows = part * samples..<min((part + 1) * samples, x.shape[0])
      let output = try? run(x[rows: rows])
      outputs.withLock { $0[part] = output }
    }
    let found = outputs.withLock { $0.compactMap(\.self) }
    // What an operation threw for a part is said of the whole batch.
    return found.count == parts ? .concatenating(rows: found) : try run(x)
  }

  /// The outputs of batches of a fixed size, the last of which is filled up with its last sample.
  private func inParts(of size: Int, _ x: Tensor<Element>) throws -> Tensor<Element> {
    let count = x.shape[0]
    _ = try check(x.shape.replacingFirst(with: size))
    guard count > 0 else {
      let sample = try run(.zeros(x.shape.replacingFirst(with: size)))
      return .zeros(sample.shape.replacingFirst(with: 0))
    }
    let parts = (count + size - 1) / size
    let outputs = Guarded([Result<Tensor<Element>, any Error>?](repeating: nil, count: parts))
    Parallel.forEach(parts) { part in
      let places = (part * size..<(part + 1) * size).map { min($0, count - 1) }
      let rows = places[size - 1] == part * size + size - 1
      let output = Result { try run(rows ? x[rows: part * size..<(part + 1) * size] : x.gathering(places, axis: 0)) }
      outputs.withLock { $0[part] = output }
    }
    let found = try outputs.withLock { $0 }.map { try $0!.get() }
    let all = Tensor<Element>.concatenating(rows: found)
    return all.shape[0] == count ? all : all[rows: 0..<count]
  }

  @specialized(where Element == Float)
  private func run(_ x: Tensor<Element>) throws -> Tensor<Element> {
    var values = values
    values[0] = x
    var inputs: [Tensor<Element>] = []
    for step in steps {
      inputs.removeAll(keepingCapacity: true)
      for input in step.inputs { inputs.append(values[input]!) }
      for input in step.lastUses { values[input] = nil }
      values[step.result] = try step.function(inputs)
    }
    return values[output]!
  }

  /// Makes sure that a batch fits, and gives the most elements that a sample has on its way; nil where a batch is not to be
  /// taken apart.
  private func check(_ shape: Shape) throws(LayerError) -> Int? {
    if let known = knownSample.largest(for: shape) { return known.elements }
    var shapes = values.map { $0?.shape ?? [] }
    shapes[0] = shape
    var largest = 0
    for step in steps {
      var places = step.inputs.makeIterator()
      let inputs = step.constantShapes.map { $0 ?? shapes[places.next()!] }
      do {
        shapes[step.result] = try step.operation.outputShape(for: inputs)
      } catch {
        throw LayerError(layer: step.layer, expected: error.expected, found: error.found)
      }
      let output = shapes[step.result]
      if output.rank > 0 { largest = max(largest, output.dropFirst().reduce(1, *)) }
    }
    let isOfImages = shape.rank == 4 && steps.first.map { shapes[$0.result].rank == 4 } ?? false
    let result = isOfImages && steps.allSatisfy(\.operation.isPerSample) ? largest : nil
    knownSample.note(shape, result)
    return result
  }

  /// How many images go through all steps at a time: as many as the largest activation takes half a MiB for, but a sixteenth
  /// of the batch at most, to be shared among threads. Nil for fewer than sixteen and for what are no images.
  private func samplesAtOnce(_ shape: Shape, _ largest: Int?) -> Int? {
    guard let largest, shape[0] >= 16 else { return nil }
    let bytes = max(1, largest * MemoryLayout<Element>.stride)
    return max(1, min((1 << 19) / bytes, shape[0] / 16))
  }
}

/// One operation of a model that serves.
struct InferenceStep<Element: TensorElement>: Sendable {
  let operation: any TensorOperation<Element>
  /// The operation with all that could be prepared.
  let function: @Sendable ([Tensor<Element>]) throws -> Tensor<Element>
  /// What is done, in words.
  let name: String
  /// Where those of its inputs that are no constants, and its result, are kept.
  let inputs: [Int]
  /// The shapes of the operation's inputs that are constants; nil for the others.
  let constantShapes: [Shape?]
  let result: Int
  /// The inputs that no later step needs.
  let lastUses: [Int]
  /// The layer that it comes from.
  let layer: String
}

/// The shape of the last samples that were found to fit.
private final class KnownSample: Sendable {
  private let known = Guarded<(sample: Shape, largest: Int?)?>(nil)

  /// What was noted of such samples; nil if they are others.
  func largest(for shape: Shape) -> (elements: Int?, Void)? {
    guard shape.rank > 0 else { return nil }
    let sample = shape.replacingFirst(with: 1)
    return known.withLock { known in known.flatMap { $0.sample == sample ? ($0.largest, ()) : nil } }
  }

  func note(_ shape: Shape, _ largest: Int?) {
    guard shape.rank > 0 else { return }
    let sample = shape.replacingFirst(with: 1)
    known.withLock { $0 = (sample, largest) }
  }
}
