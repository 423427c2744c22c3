import Foundation
import Norma
import TestSupport

/// A network that PyTorch trained, as `make_conversion_fixtures.py` left it.
struct ConvertedNetwork: Sendable, CustomStringConvertible {
  let name: String
  let architecture: ModelArchitecture
  let sampleShape: Shape
  let outputCount: Int

  var description: String { name }

  static let all: [ConvertedNetwork] = [
    ConvertedNetwork(
      name: "mlp", architecture: ModelArchitecture(MultilayerPerceptron(hidden: [12, 9])), sampleShape: [10],
      outputCount: 4),
    ConvertedNetwork(
      name: "mlp_biased",
      architecture: ModelArchitecture(MultilayerPerceptron(hidden: [12, 9], keepProbability: 0.75)),
      sampleShape: [10], outputCount: 4),
    ConvertedNetwork(
      name: "mlp_images", architecture: ModelArchitecture(MultilayerPerceptron(hidden: [8])), sampleShape: [4, 5, 3],
      outputCount: 4),
    ConvertedNetwork(
      name: "convnet",
      architecture: ModelArchitecture(ThreeLayerConvolutionalNetwork(filters: 5, filterSize: 3, hidden: 7)),
      sampleShape: [6, 8, 3], outputCount: 4),
    ConvertedNetwork(
      name: "resnet20", architecture: ModelArchitecture(ResidualNetwork.cifar(depth: 20)), sampleShape: [32, 32, 3],
      outputCount: 10),
  ]

  static func named(_ name: String) throws -> ConvertedNetwork {
    guard let network = all.first(where: { $0.name == name }) else { throw CocoaError(.fileNoSuchFile) }
    return network
  }

  /// A network of the architecture that has learned something else.
  func makeModel() throws -> Sequential<Float> {
    try architecture.recipe.build(sampleShape: sampleShape, outputCount: outputCount, random: RandomGenerator(seed: 9))
  }

  static let folder = fixturesDirectory.appending(path: "conversion")

  /// PyTorch's state dictionary.
  func stateDictionary(in folder: URL = folder) throws -> StateDictionary {
    var state = try StateDictionary(contentsOf: folder.appending(path: "\(name).safetensors").path)
    guard name == "resnet20" else { return state }
    // What the file leaves out is hashed, as in the script.
    for (parameterName, parameter) in try makeModel().namedParameters {
      let shape = parameter.value.shape
      let fanIn = shape.dropFirst().reduce(1, *)
      let isMatrix = shape.rank > 1
      var values = HashedNumbers(parameterName).values(shape, bound: isMatrix ? (6 / Double(fanIn)).squareRoot() : 0.5)
      if !isMatrix && parameter.kind == .gamma { values += .ones(shape) }
      state.entries[parameterName] = .float(values)
    }
    return state
  }

  /// A batch, its channels last, and what PyTorch's network makes of it in double precision.
  func sample(in folder: URL = folder) throws -> (x: Tensor<Float>, y: Tensor<Double>) {
    let file = try SafetensorsFile(contentsOf: folder.appending(path: "expected.safetensors").path)
    guard let x: Tensor<Float> = try file.entry("\(name).x")?.tensor(),
      let y: Tensor<Double> = try file.entry("\(name).y")?.tensor()
    else { throw CocoaError(.fileReadCorruptFile) }
    return (x, y)
  }
}
