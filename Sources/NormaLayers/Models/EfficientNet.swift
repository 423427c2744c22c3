import NormaConvolution
import NormaNormalization
import NormaTensor

/// A recipe for EfficientNet (Tan and Le 2019, arXiv:1905.11946) and its second version (2021, arXiv:2104.00298): the blocks of
/// ``MobileNetV2`` with squeeze and excitation and SiLU, scaled in width and depth. The names in files are torchvision's:
/// `features.1.0.block.1.fc1`, `classifier.1`.
public struct EfficientNet: PublishedRecipe {
  /// The published networks.
  public enum Variant: String, CaseIterable, Hashable, Sendable, Codable {
    case b0 = "efficientnet_b0"
    case b1 = "efficientnet_b1"
    case b2 = "efficientnet_b2"
    case b3 = "efficientnet_b3"
    case b4 = "efficientnet_b4"
    case b5 = "efficientnet_b5"
    case b6 = "efficientnet_b6"
    case b7 = "efficientnet_b7"
    case v2Small = "efficientnet_v2_s"
    case v2Medium = "efficientnet_v2_m"
    case v2Large = "efficientnet_v2_l"
  }

  /// Blocks of one kind: how much wider they are within, the window, the first one's stride, the channels, and how many there are.
  private struct Stage {
    var expansion: Int, size: Int, stride: Int, channels: Int, count: Int
    /// Whether a single convolution widens and sees the neighbours, without squeeze and excitation.
    var isFused = false
  }

  public var variant: Variant
  public var normalization = NormalizationKind.batch
  public var initialization = Initialization.kaimingNormalOutputs
  public var conventions: BatchNormalizationConventions

  public init(_ variant: Variant) {
    self.variant = variant
    conventions =
      switch variant {
      case .b0, .b1, .b2, .b3, .b4: .pyTorch
      case .b5, .b6, .b7:
        BatchNormalizationConventions(epsilon: 1e-3, rule: .updating(0.01), estimator: .unbiased, initialVariance: 1)
      case .v2Small, .v2Medium, .v2Large:
        BatchNormalizationConventions(epsilon: 1e-3, rule: .updating(0.1), estimator: .unbiased, initialVariance: 1)
      }
  }

  public static let name = "efficientNet"
  public static let forms: [(form: String, meaning: String)] = [
    ("efficientnet_b0, …, _b7", "torchvision's; and efficientnet_v2_s, _m, _l")
  ]
  public func headInitialization(inputs: Int, outputs: Int) -> Initialization {
    .uniform(bound: 1 / Double(outputs).squareRoot())
  }

  /// How much wider and deeper a network of the first version is than b0.
  private var scale: (width: Double, depth: Double) {
    switch variant {
    case .b1: (1, 1.1)
    case .b2: (1.1, 1.2)
    case .b3: (1.2, 1.4)
    case .b4: (1.4, 1.8)
    case .b5: (1.6, 2.2)
    case .b6: (1.8, 2.6)
    case .b7: (2, 3.1)
    default: (1, 1)
    }
  }

  /// The probability with which dropout before the last layer keeps a unit.
  private var keepProbability: Double {
    switch variant {
    case .b0, .b1, .v2Small: 0.8
    case .b2, .b3, .v2Medium: 0.7
    case .b4, .b5, .v2Large: 0.6
    case .b6, .b7: 0.5
    }
  }

  private var stages: [Stage] {
    func stage(_ expansion: Int, _ size: Int, _ stride: Int, _ channels: Int, _ count: Int) -> Stage {
      Stage(expansion: expansion, size: size, stride: stride, channels: channels, count: count)
    }
    func fused(_ expansion: Int, _ stride: Int, _ channels: Int, _ count: Int) -> Stage {
      Stage(expansion: expansion, size: 3, stride: stride, channels: channels, count: count, isFused: true)
    }
    switch variant {
    case .v2Small:
      return [
        fused(1, 1, 24, 2), fused(4, 2, 48, 4), fused(4, 2, 64, 4), stage(4, 3, 2, 128, 6), stage(6, 3, 1, 160, 9),
        stage(6, 3, 2, 256, 15),
      ]
    case .v2Medium:
      return [
        fused(1, 1, 24, 3), fused(4, 2, 48, 5), fused(4, 2, 80, 5), stage(4, 3, 2, 160, 7), stage(6, 3, 1, 176, 14),
        stage(6, 3, 2, 304, 18), stage(6, 3, 1, 512, 5),
      ]
    case .v2Large:
      return [
        fused(1, 1, 32, 4), fused(4, 2, 64, 7), fused(4, 2, 96, 7), stage(4, 3, 2, 192, 10), stage(6, 3, 1, 224, 19),
        stage(6, 3, 2, 384, 25), stage(6, 3, 1, 640, 7),
      ]
    default:
      return [
        stage(1, 3, 1, 16, 1), stage(6, 3, 2, 24, 2), stage(6, 5, 2, 40, 2), stage(6, 3, 2, 80, 3),
        stage(6, 5, 1, 112, 3), stage(6, 5, 2, 192, 4), stage(6, 3, 1, 320, 1),
      ].map {
        Stage(
          expansion: $0.expansion, size: $0.size, stride: $0.stride,
          channels: (Double($0.channels) * scale.width).nearestMultiple(of: 8),
          count: Int((Double($0.count) * scale.depth).rounded(.up)))
      }
    }
  }

  public func build<Element: TensorElement>(
    sampleShape: Shape, outputCount: Int, random: RandomGenerator
  ) throws(ModelArchitectureError) -> Sequential<Element> {
    var network = try NetworkBuilder<Element>(self, sampleShape: sampleShape, outputCount: outputCount, random: random)
    let stages = stages
    let isSecondVersion = stages[0].isFused
    let total = stages.reduce(0) { $0 + $1.count }
    var number = 0
    let features = try network.branch { features throws(ModelArchitectureError) in
      let first = isSecondVersion ? stages[0].channels : (32 * scale.width).nearestMultiple(of: 8)
      try features.unit(first, Window(3, stride: 2, padding: 1), activation: .silu)
      for stage in stages {
        let blocks = try features.branch { blocks throws(ModelArchitectureError) in
          for index in 0..<stage.count {
            // Deeper blocks are left out more often, the last nearly every fifth time.
            try add(
              stage, stride: index == 0 ? stage.stride : 1,
              keepProbability: 1 - 0.2 * Double(number) / Double(total), to: &blocks)
            number += 1
          }
        }
        try features.append(blocks)
      }
      try features.unit(
        isSecondVersion ? 1280 : 4 * features.shape.channelCount, Window(1), activation: .silu)
    }
    try network.append(features, named: "features")
    try network.append(GlobalAveragePool(), named: "avgpool")
    let classifier = try network.branch { classifier throws(ModelArchitectureError) in
      try classifier.append(Dropout(keepProbability: keepProbability))
      try classifier.linear(
        outputCount, initialization: head(inputs: classifier.shape.channelCount, outputs: outputCount))
    }
    try network.append(classifier, named: "classifier")
    return try network.finished()
  }

  private func add<Element: TensorElement>(
    _ stage: Stage, stride: Int, keepProbability: Double, to network: inout NetworkBuilder<Element>
  ) throws(ModelArchitectureError) {
    let inputs = network.shape.channelCount
    let within = (inputs * stage.expansion).nearestMultiple(of: 8)
    let window = Window(3, stride: Extent2d(height: stride, width: stride), padding: 1)
    let body = try network.branch { body throws(ModelArchitectureError) in
      if stage.isFused {
        try body.unit(within == inputs ? stage.channels : within, window, activation: .silu)
        if within != inputs { try body.unit(stage.channels, Window(1), activation: nil) }
      } else {
        if within != inputs { try body.unit(within, Window(1), activation: .silu) }
        try body.depthwiseUnit(size: stage.size, stride: stride, activation: .silu)
        try body.squeezeExcitation(between: max(1, inputs / 4), activation: .silu, gate: .sigmoid)
        try body.unit(stage.channels, Window(1), activation: nil)
      }
    }
    try network.appendBlock(
      [("block", body)], isResidual: stride == 1 && inputs == stage.channels, keepProbability: keepProbability)
  }
}
