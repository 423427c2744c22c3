import Foundation
import Norma
import NormaONNX
import TestSupport
import Testing

/// Networks as ONNX models, run by ONNX Runtime and by Norma.
struct ExportTests {
  /// The networks of which the model and ONNX Runtime's outputs are kept in `Tests/Fixtures/onnx`.
  static let kept = ["mlp_batch", "resnet_batch", "layers", "training"]
  static let folder = fixturesDirectory.appending(path: "onnx")

  /// The outputs are within 1e-5 of the largest value, or of 1.
  private func expectSame(
    _ found: [String: Tensor<Float>], _ expected: [String: Tensor<Float>], _ name: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(found.keys.sorted() == expected.keys.sorted(), "\(name)", sourceLocation: sourceLocation)
    for (key, tensor) in expected {
      guard let other = found[key], other.shape == tensor.shape else {
        Issue.record("\(name): '\(key)' is \(found[key]?.shape as Any)", sourceLocation: sourceLocation)
        continue
      }
      let largest = max(1, tensor.elements.map(abs).max() ?? 0)
      let difference = zip(other.elements, tensor.elements).map { abs($0 - $1) }.max() ?? 0
      #expect(difference <= 1e-5 * largest, "\(name), '\(key)'", sourceLocation: sourceLocation)
    }
  }

  private func tensors(_ path: URL) throws -> [String: Tensor<Float>] {
    try Safetensors(contentsOf: path.path).entries.compactMapValues { $0.tensor() }
  }

  private func write(_ network: ExportedNetwork, to folder: URL) throws {
    try network.model().write(to: folder.appending(path: "\(network.name).onnx").path)
    var file = Safetensors()
    switch network.input {
    case .floats(let tensor): file.entries["input"] = .float(tensor)
    case .integers(let tensor): file.entries["input"] = .integers(tensor.values, shape: tensor.shape)
    default: Issue.record("an input of type \(network.input.elementType)")
    }
    try file.write(to: folder.appending(path: "\(network.name).inputs.safetensors").path)
  }

  @Test(
    .enabled(
      if: Python.has("onnx", "onnxruntime", "safetensors"),
      "NORMA_PYTHON names no Python with ONNX Runtime and safetensors"))
  func onnxRuntimeComputesWhatNormaComputes() throws {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    let networks = try ExportedNetwork.all()
    for network in networks { try write(network, to: folder) }
    _ = try Python.runScript("run_onnx.py", folder.path)
    for network in networks {
      let found = try tensors(folder.appending(path: "\(network.name).outputs.safetensors"))
      expectSame(found, try network.outputs(), network.name)
    }
  }

  /// To renew them, run this with `NORMA_RENEW_SNAPSHOTS=1`, then `run_onnx.py Tests/Fixtures/onnx`.
  @Test func theModelsAreThoseThatONNXRuntimeHasRun() throws {
    for network in try ExportedNetwork.all() where Self.kept.contains(network.name) {
      if ProcessInfo.processInfo.environment["NORMA_RENEW_SNAPSHOTS"] == "1" {
        try write(network, to: Self.folder)
        continue
      }
      let model = try Data(contentsOf: Self.folder.appending(path: "\(network.name).onnx"))
      #expect(try network.model().encoded() == [UInt8](model), "\(network.name)")
      let found = try tensors(Self.folder.appending(path: "\(network.name).outputs.safetensors"))
      expectSame(found, try network.outputs(), network.name)
    }
  }

  @Test func aModelThatIsReadAgainComputesWhatTheNetworkDoes() throws {
    for network in try ExportedNetwork.all() {
      let written = try network.model()
      let model = try ONNXModel(bytes: written.encoded())
      #expect(model == written, "\(network.name)")
      #expect(model.obstacle == nil)
      let results = try model([network.input])
      var found: [String: Tensor<Float>] = [:]
      for (value, result) in zip(model.outputs, results) {
        if case .floats(let tensor) = result { found[value.name] = tensor }
      }
      expectSame(found, try network.outputs(), network.name)
    }
  }

  @Test func theBatchIsOfAnyLengthAndImagesAreChannelsFirst() throws {
    let model = try #require(try ExportedNetwork.all().first { $0.name == "resnet_batch" }).model()
    #expect(model.inputs.map(\.name) == ["input"] && model.outputs.map(\.name) == ["output"])
    #expect(model.inputs[0].lengths == [.named("batch"), .fixed(3), .fixed(8), .fixed(7)])
    #expect(model.outputs[0].lengths == [.named("batch"), .fixed(4)])
    #expect(model.operatorSet == 17)
    for count in [0, 1, 3] {
      #expect(try model([.floats(.zeros([count, 3, 8, 7]))])[0].shape == [count, 4])
    }
  }

  @Test func aNormalizedWeightIsWrittenAsAPlainOne() throws {
    for normalization in [WeightNormalization.standardized(), .scaledStandardized(), .magnitude, .spectral()] {
      var random = RandomGenerator(seed: 1)
      let layer = Linear<Float>(inputs: 5, outputs: 4, weightNormalization: normalization, using: &random)
      let plain = Linear<Float>(inputs: 5, outputs: 4, using: &random)
      // Of the rows of the unit matrix it makes its weight.
      let unit = Tensor<Float>((0..<25).map { $0 / 5 == $0 % 5 ? 1 : 0 }, shape: [5, 5])
      plain.weight.value = layer(Variable(unit), in: .inference).value.transposed([1, 0])
      for form in ONNXModel.Form.allCases {
        let model = try ONNXModel(Sequential<Float> { layer }, sampleShape: [5], form: form)
        #expect(try model == ONNXModel(Sequential<Float> { plain }, sampleShape: [5], form: form))
      }
    }
  }

  @Test func whatCannotBeWrittenIsToldOf() throws {
    func message(_ network: any Layer<Float>, _ shape: Shape) -> String {
      switch Result(catching: { try ONNXModel(network, sampleShape: shape) }) {
      case .success: ""
      case .failure(let error): "\(error)"
      }
    }
    #expect(
      message(Sequential<Float> { Own() }, [3]).contains(
        "Own at '0': no operators of ONNX are known that do what its operation 'twice' does"))
    #expect(
      message(Sequential<Float> { BatchNorm(3) }, [3]).contains("BatchNorm(3) at '0': it has gathered no statistics"))
    #expect(message(Sequential<Float> { BatchNorm(3) }, [4]).contains("BatchNorm(3)"))
    #expect(message(Sequential<Float> { ReLU() }, []).contains("samples of shape []"))
    var random = RandomGenerator(seed: 0)
    let embedding = Embedding<Float>(count: 3, width: 2, using: &random)
    #expect(message(Sequential<Float>([ReLU(), embedding]), [4]).contains("indices that are computed"))
    let both = Residual(
      Sequential([embedding, GlobalAveragePool()]), shortcut: Linear(inputs: 4, outputs: 2, using: &random))
    #expect(message(both, [4]).contains("inputs that are indices and numbers"))
    for form in NormalizationForm.allCases where form.gathers {
      #expect {
        try ONNXModel(Sequential<Float>([form.layer(3)]), sampleShape: [2, 2, 3], form: .training)
      } throws: { "\($0)".contains("at '0': no operator of ONNX gathers its statistics") }
    }
    for layer in [BatchNorm<Float>(3, renormalization: .ioffe), BatchNorm<Float>(3, ghostSize: 2)] {
      #expect {
        try ONNXModel(Sequential<Float>([layer]), sampleShape: [2, 2, 3], form: .training)
      } throws: { "\($0)".contains("by the moments of all rows of a batch") }
    }
    let even = Sequential<Float> { LocalResponseNorm(size: 4) }
    #expect(message(even, [2, 2, 5]).contains("over 4 channels, of which ONNX has the middle elsewhere"))
    let dropout = Sequential<Float> { ChannelDropout(keepProbability: 0.5) }
    #expect(
      throws: ONNXError.self, performing: { try ONNXModel(dropout, sampleShape: [2, 2, 3], form: .training) })
  }
}

/// A layer with an operation that has no form in ONNX.
private final class Own: Layer {
  struct Twice: TensorOperation {
    let name = "twice"
    func forward(_ inputs: [Tensor<Float>]) -> (output: Tensor<Float>, saved: Void) { (2 * inputs[0], ()) }
    func backward(_ gradient: Tensor<Float>, _ kept: Kept<Float>, saved: Void) -> [Tensor<Float>?] { [2 * gradient] }
  }
  typealias Element = Float
  var summary: String { "Own" }
  func callAsFunction(_ x: Variable<Float>, in pass: Pass<Float>) -> Variable<Float> { x.applying(Twice()) }
}
