import Foundation
import Norma
import NormaONNX
import TestSupport

/// A network that is written as an ONNX model, what goes into it, and what Norma makes of that.
struct ExportedNetwork {
  let name: String
  let network: any Layer<Float>
  let sampleShape: Shape
  var form = ONNXModel.Form.inference
  var standardization: Standardization<Float>?
  /// Where it takes indices, how many there are.
  var indexCount: Int?

  /// A network whose numbers are all made of their names, so that they are the same on every machine.
  init(
    _ name: String, _ sampleShape: Shape, form: ONNXModel.Form = .inference,
    standardization: Standardization<Float>? = nil, indexCount: Int? = nil, _ network: any Layer<Float>
  ) throws {
    self.name = name
    self.sampleShape = sampleShape
    self.form = form
    self.standardization = standardization
    self.indexCount = indexCount
    self.network = network
    var state = network.state
    for (key, tensor) in state.tensors {
      let values = HashedNumbers("\(name).\(key)").values(tensor.shape, bound: 0.5)
      // What multiplies or is divided by is to be about 1.
      let isFactor = key.hasSuffix("running_var") || (key.hasSuffix("weight") && tensor.rank == 1)
      state.tensors[key] = isFactor ? values + 1 : values
    }
    for key in state.counts.keys { state.counts[key] = 3 }
    try network.load(state)
  }

  init(_ name: String, _ sampleShape: Shape, _ architecture: ModelArchitecture, _ norm: NormalizationKind) throws {
    var architecture = architecture
    architecture.recipe.normalization = norm
    let network: Sequential<Float> = try architecture.recipe.build(
      sampleShape: sampleShape, outputCount: 4, random: RandomGenerator(seed: 0))
    try self.init("\(name)_\(norm.rawValue)", sampleShape, network)
  }

  /// A batch of 6, channels last.
  var batch: Tensor<Float> {
    let numbers: Tensor<Float> = HashedNumbers("\(name).input").values(Shape([6] + sampleShape), bound: 2)
    guard let indexCount else { return numbers }
    return Tensor(
      numbers.elements.map { ((($0 + 2) / 4 * Float(indexCount)).rounded(.down)) }, shape: numbers.shape)
  }

  /// The same as the model takes it.
  var input: ONNXTensor {
    let numbers = channelsFirst(batch)
    guard indexCount != nil else { return .floats(numbers) }
    return .integers(ONNXIntegers(numbers.elements.map { Int64($0) }, shape: numbers.shape))
  }

  func model() throws -> ONNXModel {
    try ONNXModel(
      network, sampleShape: sampleShape, form: form, standardization: standardization.map { ($0.mean, $0.scale) })
  }

  /// What Norma computes, by the names of the model's outputs. In training, the running statistics of the network move.
  func outputs() throws -> [String: Tensor<Float>] {
    let x = try standardization?.applied(to: batch) ?? batch
    guard form == .training else {
      return ["output": channelsFirst(try network(Variable(x), in: .inference).value)]
    }
    let pass = Pass<Float>.training(random: RandomGenerator(seed: 0))
    var outputs = ["output": channelsFirst(try network(Variable(x), in: pass).value)]
    try pass.updateRunningStatistics()
    for (key, tensor) in network.state.tensors where key.contains("running_") { outputs["\(key).next"] = tensor }
    return outputs
  }

  /// All that ONNX must be able to say, in small.
  static func all() throws -> [ExportedNetwork] {
    let residual = ResidualNetwork(blocks: [1, 1], width: 4)
    var padded = residual
    padded.shortcut = .padded
    var networks: [ExportedNetwork] = []
    for norm in NormalizationKind.allCases {
      if !norm.needsPositions { networks.append(try .init("mlp", [9], try .init(parsing: "mlp:7,5"), norm)) }
      networks += try [
        .init(
          "convnet", [6, 5, 2],
          ModelArchitecture(ThreeLayerConvolutionalNetwork(filters: 4, filterSize: 3, hidden: 8)), norm),
        .init("resnet", [8, 7, 3], ModelArchitecture(residual), norm),
      ]
    }
    networks += try [
      .init("padded", [7, 8, 3], ModelArchitecture(padded), .batch),
      .init(
        "large", [16, 16, 3], ModelArchitecture(ResidualNetwork(stem: .large, blocks: [1, 1], width: 4)), .batch),
      .init("vgg", [8, 9, 2], ModelArchitecture(VGGNetwork(widths: [4, 6], keepProbability: 0.9)), .batch),
      layers(), activations(), normalizedWeights(), conditioned(), whitened(), sequence(), picture(), decoder(),
      signals(), squeezed(), words(), transformer(), mobile(),
      .init("shuffled", [33, 35, 3], ModelArchitecture(ShuffleNetV2(.half)), .batch),
      untracked(),
      training(.onnx, "training"),
      training(.init(epsilon: 1e-3, rule: .cumulative, estimator: .biased, initialVariance: 1), "cumulative"),
    ]
    for operation in EverydayOperation.allCases {
      let sample = operation.sampleShape(height: 4, width: 6, channels: 5)
      networks.append(
        try .init("everyday_\(operation)", sample, EverydayLayer(operation, channels: sample.channelCount)))
    }
    for form in NormalizationForm.allCases where form != .evenLRN && form != .meanVariance {
      networks += try forms(form)
    }
    networks.append(
      try .init("form_over_batches", [5, 4, 3], Sequential<Float> { MeanVarianceNorm(axes: [0, 1, 2]) }))
    for mode in Standardization<Float>.Mode.allCases {
      let shape: Shape = mode == .perFeature ? [6, 5, 2] : mode == .perChannel ? [2] : []
      let standardization = Standardization<Float>(
        mode: mode, mean: HashedNumbers("mean").values(shape), scale: HashedNumbers("scale").values(shape) + 2)
      let network = Sequential<Float> { Flatten() }
      networks.append(
        try .init("standardized_\(mode.rawValue)", [6, 5, 2], standardization: standardization, network))
    }
    return networks
  }

  /// The layers that recipes do not use.
  private static func layers() throws -> ExportedNetwork {
    var random = RandomGenerator(seed: 0)
    let window = Window(
      3, stride: Extent2d(height: 2, width: 1), padding: Extent2d(height: 1, width: 2),
      dilation: Extent2d(height: 1, width: 2))
    return try .init(
      "layers", [9, 8, 4],
      Sequential<Float> {
        Conv2d(inputs: 4, outputs: 8, window: window, groups: 2, using: &random)
        LeakyReLU(slope: 0.1)
        InstanceNorm(8, isAffine: true)
        GroupNorm(8, groups: 4, isAffine: false)
        Sigmoid()
        LayerNorm(8)
        AveragePool2d(Window(3, padding: 1), countsPadding: false)
        Tanh()
        AveragePool2d(Window(2, padding: 1, dilation: 2))
        MaxPool2d(Window(3, stride: 2, padding: 1))
        Linear(inputs: 8, outputs: 6, using: &random)
        BatchNorm(6, isAffine: false)
        Dropout(keepProbability: 0.5)
        Flatten()
        Linear(inputs: 72, outputs: 3, hasBias: false, using: &random)
      })
  }

  /// A form of normalization of images among convolutions, of sequences, and of vectors where it takes them.
  private static func forms(_ form: NormalizationForm) throws -> [ExportedNetwork] {
    var random = RandomGenerator(seed: 0)
    let vectors: [ExportedNetwork] =
      form == .l1 ? [] : [try .init("form_\(form)_vectors", [6], Sequential<Float>([form.layer(6)]))]
    return try vectors + [
      .init(
        "form_\(form)", [5, 4, 3],
        Sequential<Float> {
          Conv2d(inputs: 3, outputs: 6, window: Window(3), using: &random)
          form.layer(6, Float.self)
          Conv2d(inputs: 6, outputs: 2, window: Window(1), using: &random)
        }),
      .init(
        "form_\(form)_sequences", [7, 6],
        Sequential<Float> {
          form.layer(6, Float.self)
          Linear(inputs: 6, outputs: 2, using: &random)
        }),
    ]
  }

  /// Layers with weights that are computed.
  private static func normalizedWeights() throws -> ExportedNetwork {
    var random = RandomGenerator(seed: 0)
    return try .init(
      "normalized_weights", [6, 5, 4],
      Sequential<Float> {
        Conv2d(
          inputs: 4, outputs: 6, window: Window(3), groups: 2, weightNormalization: .scaledStandardized(),
          using: &random)
        ReLU()
        ConvTranspose2d(inputs: 6, outputs: 3, window: Window(2), weightNormalization: .spectral(), using: &random)
        BatchNorm(3)
        Conv2d(
          inputs: 3, outputs: 4, window: Window(2), hasBias: false, weightNormalization: .standardized(), using: &random
        )
        Flatten()
        Linear(inputs: 48, outputs: 3, weightNormalization: .magnitude, using: &random)
      })
  }

  /// Layers with a condition, which is a part of the channels.
  private static func conditioned() throws -> ExportedNetwork {
    var random = RandomGenerator(seed: 0)
    let layers: [any ConditionedLayer<Float>] = [
      Modulation.film(6, inputs: 3, using: &random), Modulation.conditionalBatchNorm(6, inputs: 3, using: &random),
      Modulation.adaptiveInstanceNorm(6, inputs: 3, using: &random), AdaptiveInstanceNorm(3),
      Modulation.spatiallyAdaptive(6, map: 3, hidden: 4, using: &random),
    ]
    return try .init(
      "conditioned", [5, 4, 3],
      Sequential<Float>(
        layers.flatMap { layer -> [any Layer<Float>] in
          let channels = layer is AdaptiveInstanceNorm<Float> ? 3 : 6
          return [
            Conv2d(
              inputs: layer === layers[0] ? 3 : layer === layers[4] ? 3 : 6, outputs: channels + 3, window: Window(1),
              using: &random),
            GivenRest(
              layer, channels: channels, conditionChannels: 3,
              isVector: layer !== layers[3] && layer !== layers[4]),
          ]
        }))
  }

  private static func whitened() throws -> ExportedNetwork {
    var random = RandomGenerator(seed: 0)
    return try .init(
      "whitened", [5, 4, 3],
      Sequential<Float> {
        Conv2d(inputs: 3, outputs: 6, window: Window(2), using: &random)
        IterNorm(6, groups: 2)
        ReLU()
        GlobalAveragePool()
        IterNorm(6, isAffine: false)
      })
  }

  /// Activations with channels first, and last.
  private static func activations() throws -> ExportedNetwork {
    var random = RandomGenerator(seed: 0)
    return try .init(
      "activations", [5, 4, 3],
      Sequential<Float> {
        Conv2d(inputs: 3, outputs: 6, window: Window(3), using: &random)
        PReLU(channels: 6)
        Mish()
        PReLU()
        Linear(inputs: 6, outputs: 4, using: &random)
        PReLU(channels: 4)
        GELU()
        ELU(alpha: 0.7)
      })
  }

  /// Samples that are neither vectors nor images.
  private static func sequence() throws -> ExportedNetwork {
    var random = RandomGenerator(seed: 0)
    return try .init(
      "sequence", [5, 4],
      Sequential<Float> {
        Linear(inputs: 4, outputs: 6, using: &random)
        BatchNorm(6)
        ReLU()
        LayerNorm(6)
        GroupNorm(6, groups: 2)
        GlobalAveragePool()
        InstanceNorm(6, isAffine: true)
        Linear(inputs: 6, outputs: 2, using: &random)
      })
  }

  /// A picture that comes out as a picture.
  private static func picture() throws -> ExportedNetwork {
    var random = RandomGenerator(seed: 0)
    return try .init(
      "picture", [5, 6, 2], Conv2d<Float>(inputs: 2, outputs: 3, window: Window(3, padding: 1), using: &random))
  }

  /// Images that become larger and smaller.
  private static func decoder() throws -> ExportedNetwork {
    var random = RandomGenerator(seed: 0)
    let uneven = Window(
      Extent2d(height: 2, width: 3), stride: Extent2d(height: 1, width: 2), padding: Extent2d(height: 1, width: 0),
      dilation: Extent2d(height: 2, width: 1))
    return try .init(
      "decoder", [4, 5, 6],
      Sequential<Float> {
        ConvTranspose2d(
          inputs: 6, outputs: 4, window: Window(3, stride: 2, padding: 1), outputPadding: 1, groups: 2, using: &random)
        BatchNorm(4)
        ReLU()
        Upsample(by: Extent2d(height: 2, width: 1))
        Upsample(by: 2, interpolation: .bilinear(alignsCorners: false))
        AdaptiveAveragePool2d(Extent2d(height: 7, width: 6))
        AdaptiveMaxPool2d(Extent2d(height: 5, width: 4))
        Upsample(to: Extent2d(height: 7, width: 9), interpolation: .bilinear(alignsCorners: true))
        ConvTranspose2d(inputs: 4, outputs: 2, window: uneven, hasBias: false, using: &random)
        Upsample(to: Extent2d(height: 4, width: 6))
        AdaptiveMaxPool2d(Extent2d(height: 4, width: 3))
        AdaptiveAveragePool2d(Extent2d(height: 2, width: 3))
        Conv2d(inputs: 2, outputs: 4, window: Window(1), using: &random)
        PixelShuffle(2)
      })
  }

  /// Convolutions and poolings along one axis.
  private static func signals() throws -> ExportedNetwork {
    var random = RandomGenerator(seed: 0)
    return try .init(
      "signals", [19, 3],
      Sequential<Float> {
        Conv1d(inputs: 3, outputs: 4, window: Window(length: 3, stride: 2, padding: 1), using: &random)
        BatchNorm(4)
        ReLU()
        MaxPool1d(Window(length: 3, padding: 1))
        Conv1d(
          inputs: 4, outputs: 6, window: Window(length: 2, padding: 1, dilation: 2), groups: 2, hasBias: false,
          using: &random)
        AveragePool1d(Window(length: 3, stride: 2, padding: 1), countsPadding: false)
        Flatten()
        Linear(inputs: 30, outputs: 2, using: &random)
      })
  }

  /// What published networks for small processors are made of, and images whose size is no multiple of any stride.
  private static func mobile() throws -> ExportedNetwork {
    var random = RandomGenerator(seed: 0)
    return try .init(
      "mobile", [17, 16, 3],
      Sequential<Float> {
        Conv2d(inputs: 3, outputs: 8, window: Window(3, padding: 1), using: &random)
        HardSwish()
        MaxPool2d(Window(3, stride: 2), countsPartialWindows: true)
        SqueezeExcitation(8, between: 3, activation: .silu, gate: .hardSigmoid, random: random.split(1))
        ReLU6()
        AveragePool2d(Window(3, stride: 2, padding: 1), countsPartialWindows: true)
        PaddedShortcut(stride: 2, channels: 13, before: 2)
        StochasticDepth(keepProbability: 0.8)
        AveragePool2d(Window(2, stride: 2), countsPadding: false, countsPartialWindows: true)
        Flatten()
        Linear(inputs: 52, outputs: 3, using: &random)
      })
  }

  /// Channels that are weighed, of images and of sequences.
  private static func squeezed() throws -> ExportedNetwork {
    var random = RandomGenerator(seed: 0)
    return try .init(
      "squeezed", [5, 4, 3],
      Sequential<Float> {
        Conv2d(inputs: 3, outputs: 8, window: Window(3, padding: 1), using: &random)
        SqueezeExcitation(8, ratio: 4, using: &random)
        ChannelDropout(keepProbability: 0.5)
        GlobalAveragePool()
        SqueezeExcitation(8, ratio: 2, using: &random)
      })
  }

  private static func words() throws -> ExportedNetwork {
    var random = RandomGenerator(seed: 0)
    return try .init(
      "words", [7], indexCount: 9,
      Sequential<Float> {
        Embedding(count: 9, width: 5, using: &random)
        LayerNorm(5)
        GlobalAveragePool()
        Linear(inputs: 5, outputs: 2, using: &random)
      })
  }

  /// Blocks of both orders, of which one looks back alone.
  private static func transformer() throws -> ExportedNetwork {
    var random = RandomGenerator(seed: 0)
    return try .init(
      "transformer", [5], indexCount: 7,
      Sequential<Float> {
        Embedding(count: 7, width: 6, using: &random)
        TransformerBlock(width: 6, heads: 2, hidden: 8, isCausal: true, using: &random)
        TransformerBlock(
          width: 6, heads: 3, hidden: 5, normalization: .rms, normalizesFirst: false, activation: .relu, using: &random)
        MultiHeadAttention(width: 6, heads: 1, hasBias: false, using: &random)
        GlobalAveragePool()
        Linear(inputs: 6, outputs: 2, using: &random)
      })
  }

  private static func untracked() throws -> ExportedNetwork {
    try .init("untracked", [5], BatchNorm<Float>(5, tracksRunningStatistics: false))
  }

  private static func training(_ conventions: BatchNormalizationConventions, _ name: String) throws -> ExportedNetwork {
    var random = RandomGenerator(seed: 0)
    return try .init(
      name, [6, 5, 2], form: .training,
      Sequential<Float> {
        Conv2d(inputs: 2, outputs: 4, window: Window(3, padding: 1), hasBias: false, using: &random)
        BatchNorm(4, conventions: conventions)
        ReLU()
        Flatten()
        Linear(inputs: 120, outputs: 5, using: &random)
        BatchNorm(5, conventions: conventions)
      })
  }
}

/// `[N, …, C]` as `[N, C, …]`.
func channelsFirst(_ x: Tensor<Float>) -> Tensor<Float> {
  x.rank > 2 ? x.transposed([0, x.rank - 1] + Array(1..<x.rank - 1)) : x
}
