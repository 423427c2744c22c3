import NormaConvolution
import NormaGraph
import NormaNormalization
import NormaTensor

/// A recipe for ConvNeXt (Liu and others 2022, arXiv:2201.03545): residual blocks of a wide depthwise convolution, layer normalization and
/// two linear layers. The names in files are torchvision's: `features.1.0.block.0`, `features.1.0.layer_scale`, `classifier.2`.
public struct ConvNeXt: PublishedRecipe {
  /// The published networks.
  public enum Variant: String, CaseIterable, Hashable, Sendable, Codable {
    case tiny = "convnext_tiny"
    case small = "convnext_small"
    case base = "convnext_base"
    case large = "convnext_large"
  }

  public var variant: Variant
  public var normalization = NormalizationKind.layer
  public var initialization = Initialization.normal(scale: 0.02)
  public var conventions = BatchNormalizationConventions(
    epsilon: 1e-6, rule: .updating(0.1), estimator: .unbiased, initialVariance: 1)

  public init(_ variant: Variant) { self.variant = variant }

  public static let name = "convNeXt"
  public static let forms: [(form: String, meaning: String)] = [
    ("convnext_tiny, …", "torchvision's; and _small, _base, _large")
  ]
  public func headInitialization(inputs: Int, outputs: Int) -> Initialization { initialization }

  public func build<Element: TensorElement>(
    sampleShape: Shape, outputCount: Int, random: RandomGenerator
  ) throws(ModelArchitectureError) -> Sequential<Element> {
    var network = try NetworkBuilder<Element>(self, sampleShape: sampleShape, outputCount: outputCount, random: random)
    // The first stage's channels, which double from stage to stage, the blocks of the third, and how often the last block is left out.
    let (width, count, dropped) =
      switch variant {
      case .tiny: (96, 9, 0.1)
      case .small: (96, 27, 0.4)
      case .base: (128, 27, 0.5)
      case .large: (192, 27, 0.5)
      }
    let counts = [3, 3, count, 3]
    let total = counts.reduce(0, +)
    var number = 0
    let features = try network.branch { features throws(ModelArchitectureError) in
      let stem = try features.branch { stem throws(ModelArchitectureError) in
        try stem.convolution(width, Window(4, stride: 4), hasBias: true)
        try stem.normalization(precedesSum: true)
      }
      try features.append(stem)
      for (stage, count) in counts.enumerated() {
        if stage > 0 {
          let reduction = try features.branch { reduction throws(ModelArchitectureError) in
            try reduction.normalization(precedesSum: true)
            try reduction.convolution(width << stage, Window(2, stride: 2), hasBias: true)
          }
          try features.append(reduction)
        }
        let blocks = try features.branch { blocks throws(ModelArchitectureError) in
          for _ in 0..<count {
            try add(width << stage, keepProbability: 1 - dropped * Double(number) / Double(total - 1), to: &blocks)
            number += 1
          }
        }
        try features.append(blocks)
      }
    }
    try network.append(features, named: "features")
    try network.append(GlobalAveragePool(), named: "avgpool")
    let classifier = try network.branch { classifier throws(ModelArchitectureError) in
      if !normalization.needsPositions { try classifier.normalization(named: "0", precedesSum: true) }
      try classifier.linear(
        outputCount, named: "2", initialization: head(inputs: classifier.shape.channelCount, outputs: outputCount))
    }
    try network.append(classifier, named: "classifier")
    return try network.finished()
  }

  private func add<Element: TensorElement>(
    _ channels: Int, keepProbability: Double, to network: inout NetworkBuilder<Element>
  ) throws(ModelArchitectureError) {
    let body = try network.branch { body throws(ModelArchitectureError) in
      try body.convolution(channels, Window(7, padding: 3), named: "0", groups: channels, hasBias: true)
      // What stands between in torchvision brings the channels to the end, where they are here.
      try body.normalization(named: "2", precedesSum: true)
      try body.linear(4 * channels, named: "3")
      try body.append(GELU(), named: "4")
      try body.linear(channels, named: "5")
    }
    try network.append(ConvNeXtBlock(body, channels: channels, keepProbability: keepProbability))
  }
}

/// A block of ``ConvNeXt``: `x + layer_scale · body(x)`, where each channel has a factor that is learned and starts at 1e-6 (Touvron and
/// others 2021, arXiv:2103.17239).
final class ConvNeXtBlock<Element: TensorElement>: Layer {
  private let body: Sequential<Element>
  private let scale: Parameter<Element>
  private let depth: StochasticDepth<Element>

  init(_ body: Sequential<Element>, channels: Int, keepProbability: Double) {
    self.body = body
    scale = Parameter(shape: [channels, 1, 1], name: "layer_scale", kind: .gamma) {
      Tensor(repeating: 1e-6, shape: [channels, 1, 1])
    }
    depth = StochasticDepth(keepProbability: keepProbability)
  }

  var parameters: [Parameter<Element>] { [scale] }
  var children: [(name: String, layer: any Layer<Element>)] { [("block", body), ("stochastic_depth", depth)] }
  var summary: String { "ConvNeXtBlock(\(scale.shape[0]) channels)" }

  func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) throws -> Variable<Element> {
    let y = try pass.apply(body, named: "block", to: x)
      .multiplied(by: pass.variable(for: scale).reshaped(to: [scale.shape[0]]), broadcast: .perChannel)
    return try pass.apply(depth, named: "stochastic_depth", to: y).adding(x)
  }
}
