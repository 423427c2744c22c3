import Foundation
import NormaLayers
import NormaNormalization
import NormaTensor

/// The recipe of a network that a model in ONNX's format describes, as checkpoints hold it: the model without the numbers that are
/// trained, which the checkpoint has itself.
///
/// ```swift
/// try ModelRegistry.shared.register(ONNXRecipe.self)  // before a checkpoint of such a network is read
/// ```
///
/// What there is between its layers, and how they start, is the model's: nothing of it can be chosen.
public struct ONNXRecipe: ModelRecipe {
  public static let name = "onnx"
  public static let forms: [(form: String, meaning: String)] = []

  /// The model; its parameters may be zeros.
  public let model: ONNXModel
  /// The output that is wanted; the first if nil.
  public let output: String?
  public var takesImages: Bool { model.inputs.first?.lengths?.count == 4 }
  public var depth: NetworkDepth { .deep }
  public var normalization = NormalizationKind.none
  public var initialization = Initialization.kaimingNormal
  public var conventions = BatchNormalizationConventions.pyTorch
  public var description: String { "an ONNX model of \(model.nodeCount) nodes" }

  /// The names of the model's tensors that are parameters of the network.
  private let parameters: [String]

  /// The recipe of a network.
  public init(_ network: ONNXNetwork) {
    (model, output) = (network.model, network.outputName)
    parameters = network.parameters.map(\.name).sorted()
  }

  public func build<Element: TensorElement>(
    sampleShape: Shape, outputCount: Int, random: RandomGenerator
  ) throws(ModelArchitectureError) -> Sequential<Element> {
    guard normalization == .none else {
      throw ModelArchitectureError("an ONNX model has the normalization that it has, and takes no other")
    }
    let network: ONNXNetwork
    do throws(ONNXError) {
      network = try ONNXNetwork(model, sampleShape: sampleShape, output: output)
    } catch { throw ModelArchitectureError(error.description) }
    guard network.outputShape == [outputCount] else {
      throw ModelArchitectureError(
        "the ONNX model gives \(network.outputShape) for each sample, and \(outputCount) outputs are wanted")
    }
    guard let layer = network as? any Layer<Element> else {
      throw ModelArchitectureError("a network of an ONNX model calculates in single precision")
    }
    return Sequential([layer])
  }

  private enum CodingKeys: String, CodingKey { case model, parameters, output }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(Data(try model.encoded(withoutElementsOf: Set(parameters))), forKey: .model)
    try container.encode(parameters, forKey: .parameters)
    try container.encodeIfPresent(output, forKey: .output)
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    parameters = try container.decode([String].self, forKey: .parameters)
    model = try ONNXModel(
      bytes: Array(try container.decode(Data.self, forKey: .model)), withoutElementsOf: Set(parameters))
    output = try container.decodeIfPresent(String.self, forKey: .output)
  }

  public static func == (a: ONNXRecipe, b: ONNXRecipe) -> Bool {
    a.model == b.model && a.output == b.output && a.normalization == b.normalization
      && a.initialization == b.initialization && a.conventions == b.conventions
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(model.nodeCount)
    hasher.combine(output)
  }
}
