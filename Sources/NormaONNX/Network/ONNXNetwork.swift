import NormaGraph
import NormaLayers
import NormaTensor

/// A model in ONNX's format as a network of Norma's: trained, made ready to serve by `InferenceModel`, and written again like any other.
///
/// ```swift
/// let network = try ONNXNetwork(ONNXModel(contentsOf: "resnet50.onnx"))
/// let serving = try InferenceModel(network)
/// let scores = try serving(images)  // [N, H, W, C], as everywhere
/// ```
///
/// What the model computes from shapes alone is computed once, here; everything else becomes operations, images with their channels last.
/// Tensors of more than one number that take part in them are parameters, by the model's own names, but for the statistics of a batch
/// normalization. Where the batch's length is open in the model, it is open in the network.
public final class ONNXNetwork: Layer {
  public typealias Element = Float

  /// The shape of a sample, without the batch axis; `[height, width, channels]` for images.
  public let sampleShape: Shape
  /// The shape of a sample's output.
  public let outputShape: Shape
  /// How many samples there must be in a batch, if the model says so.
  public let batchSize: Int?
  /// Whether the model has its input's channels first, `[N, C, H, W]`, where the network has them last.
  public let turnsImages: Bool
  /// The model that it was made of.
  public let model: ONNXModel
  /// The name of the output that it gives, where that is not the model's first.
  public let outputName: String?
  public let parameters: [Parameter<Float>]
  public let children: [(name: String, layer: any Layer<Float>)]
  public var summary: String { "ONNX network of \(model.nodeCount) nodes" }

  /// Whether the model computes in double precision where the network does in single precision; `ONNXModel` runs it as it is.
  public let roundsDoubles: Bool

  private let leaves: [Translation.Leaf]
  private let steps: [Translation.Step]
  private let output: Int
  /// The operators that run as they are, of which no gradient is known, each with the first node's place.
  private let interpreted: [String: String]

  /// Makes a network of a model.
  ///
  /// - Parameters:
  ///   - model: a model with one input, the batch.
  ///   - sampleShape: the shape of a sample, `[height, width, channels]` for images; needed where the model leaves it open.
  ///   - output: the name of the output that is wanted; the first if nil.
  ///   - maximumElementCount: the most elements that a tensor may have that is computed for two samples, or for a fixed batch.
  /// - Throws: ``ONNXError`` for a model that cannot be run, or not as a network: with several inputs (see ``ONNXModel/fixing(_:)``), with lengths that are not known,
  ///   with shapes that depend on the numbers that go in.
  public init(
    _ model: ONNXModel, sampleShape: Shape? = nil, output: String? = nil,
    maximumElementCount: Int = ONNXModel.maximumElementCount
  ) throws(ONNXError) {
    let translation = try Translation(
      model, sampleShape: sampleShape, output: output, maximumElementCount: maximumElementCount)
    for node in model.nodes { try translation.add(node) }
    let wanted = try translation.output()
    self.model = model
    outputName = output
    self.sampleShape = translation.sampleShape
    batchSize = translation.batchSize
    turnsImages = translation.turnsImages
    outputShape = wanted.shape
    (leaves, steps) = translation.finished(keeping: wanted.place)
    self.output = wanted.place
    interpreted = translation.interpreted
    roundsDoubles = translation.roundsDoubles
    parameters = leaves.compactMap { if case .parameter(let parameter) = $0.source { parameter } else { nil } }
    children = steps.compactMap { if case .layer(let name, let layer) = $0.function { (name, layer) } else { nil } }
  }

  /// The operators whose gradients are not known, sorted; where there are none, the network can be trained.
  public var operatorsWithoutGradient: [String] { interpreted.keys.sorted() }

  public func callAsFunction(_ x: Variable<Float>, in pass: Pass<Float>) throws -> Variable<Float> {
    if let shape = x.knownShape {
      guard shape.rank == sampleShape.rank + 1, shape.dropFirst().elementsEqual(sampleShape) else {
        let lengths = ["batch"] + sampleShape.map(String.init)
        throw LayerError(layer: summary, expected: "[\(lengths.joined(separator: ", "))]", found: shape)
      }
    }
    if pass.isTraining, let (name, place) = interpreted.min(by: { $0.key < $1.key }) {
      throw ONNXError.unsupported(place, "no gradient of \(name) is known, so the network cannot be trained")
    }
    guard let batchSize, let count = x.knownShape?[0], count != batchSize, count > 0 else {
      return try run(x, in: pass)
    }
    // As many samples at a time as the model takes, the last of them again and again where there are too few.
    var outputs: [Variable<Float>] = []
    for start in stride(from: 0, to: count, by: batchSize) {
      let end = min(start + batchSize, count)
      var part = x.sliced(start..<end, axis: 0)
      if end - start < batchSize {
        part = part.gathering(rows: (0..<batchSize).map { min($0, end - start - 1) })
      }
      outputs.append(try run(part, in: pass).sliced(0..<end - start, axis: 0))
    }
    while outputs.count > 1 {
      outputs = stride(from: 0, to: outputs.count, by: 60).map {
        .concatenating(Array(outputs[$0..<min(outputs.count, $0 + 60)]), axis: 0)
      }
    }
    return outputs[0]
  }

  private func run(_ x: Variable<Float>, in pass: Pass<Float>) throws -> Variable<Float> {
    var values: [Int: Variable<Float>] = [0: x]
    for leaf in leaves {
      switch leaf.source {
      case .parameter(let parameter): values[leaf.place] = pass.variable(for: parameter)
      case .constant(let tensor): values[leaf.place] = pass.constant(tensor, named: leaf.name)
      }
    }
    for step in steps {
      let inputs = step.inputs.map { values[$0]! }
      for input in step.lastUses { values[input] = nil }
      switch step.function {
      case .variables(let body): values[step.result] = try body(inputs)
      case .layer(let name, let layer): values[step.result] = try pass.apply(layer, named: name, to: inputs[0])
      }
    }
    return values[output]!
  }
}
