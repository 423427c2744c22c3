import NormaConvolution
import NormaNormalization
import NormaTensor

/// A recipe for MobileNetV3 (Howard and others 2019, arXiv:1905.02244): the blocks of ``MobileNetV2`` with squeeze and excitation and hard
/// swish. The names in files are torchvision's: `features.4.block.2.fc1`, `classifier.3`.
public struct MobileNetV3: PublishedRecipe {
  /// The published networks.
  public enum Variant: String, CaseIterable, Hashable, Sendable, Codable {
    case small = "mobilenet_v3_small"
    case large = "mobilenet_v3_large"
  }

  /// What a block is: its window, the channels within and after it, whether there is squeeze and excitation, whether the nonlinearity is
  /// hard swish rather than ReLU, and its stride.
  private typealias Block = (
    size: Int, within: Int, channels: Int, squeezes: Bool, swishes: Bool, stride: Int
  )

  public var variant: Variant
  public var normalization = NormalizationKind.batch
  public var initialization = Initialization.kaimingNormalOutputs
  public var conventions = BatchNormalizationConventions(
    epsilon: 1e-3, rule: .updating(0.01), estimator: .unbiased, initialVariance: 1)

  public init(_ variant: Variant) { self.variant = variant }

  public static let name = "mobileNetV3"
  public static let forms: [(form: String, meaning: String)] = [("mobilenet_v3_small, _large", "torchvision's")]
  public func headInitialization(inputs: Int, outputs: Int) -> Initialization { .normal(scale: 0.01) }

  private var blocks: [Block] {
    switch variant {
    case .large:
      [
        (3, 16, 16, false, false, 1), (3, 64, 24, false, false, 2), (3, 72, 24, false, false, 1),
        (5, 72, 40, true, false, 2), (5, 120, 40, true, false, 1), (5, 120, 40, true, false, 1),
        (3, 240, 80, false, true, 2), (3, 200, 80, false, true, 1), (3, 184, 80, false, true, 1),
        (3, 184, 80, false, true, 1), (3, 480, 112, true, true, 1), (3, 672, 112, true, true, 1),
        (5, 672, 160, true, true, 2), (5, 960, 160, true, true, 1), (5, 960, 160, true, true, 1),
      ]
    case .small:
      [
        (3, 16, 16, true, false, 2), (3, 72, 24, false, false, 2), (3, 88, 24, false, false, 1),
        (5, 96, 40, true, true, 2), (5, 240, 40, true, true, 1), (5, 240, 40, true, true, 1),
        (5, 120, 48, true, true, 1), (5, 144, 48, true, true, 1), (5, 288, 96, true, true, 2),
        (5, 576, 96, true, true, 1), (5, 576, 96, true, true, 1),
      ]
    }
  }

  public func build<Element: TensorElement>(
    sampleShape: Shape, outputCount: Int, random: RandomGenerator
  ) throws(ModelArchitectureError) -> Sequential<Element> {
    var network = try NetworkBuilder<Element>(self, sampleShape: sampleShape, outputCount: outputCount, random: random)
    let features = try network.branch { features throws(ModelArchitectureError) in
      try features.unit(16, Window(3, stride: 2, padding: 1), activation: .hardSwish)
      for block in blocks { try add(block, to: &features) }
      try features.unit(6 * features.shape.channelCount, Window(1), activation: .hardSwish)
    }
    try network.append(features, named: "features")
    try network.append(GlobalAveragePool(), named: "avgpool")
    let hidden = variant == .large ? 1280 : 1024
    let classifier = try network.branch { classifier throws(ModelArchitectureError) in
      try classifier.linear(
        hidden, initialization: head(inputs: classifier.shape.channelCount, outputs: hidden))
      try classifier.append(HardSwish())
      try classifier.append(Dropout(keepProbability: 0.8))
      try classifier.linear(outputCount, initialization: head(inputs: hidden, outputs: outputCount))
    }
    try network.append(classifier, named: "classifier")
    return try network.finished()
  }

  private func add<Element: TensorElement>(
    _ block: Block, to network: inout NetworkBuilder<Element>
  ) throws(ModelArchitectureError) {
    let inputs = network.shape.channelCount
    let activation: ActivationKind = block.swishes ? .hardSwish : .relu
    let body = try network.branch { body throws(ModelArchitectureError) in
      if block.within != inputs { try body.unit(block.within, Window(1), activation: activation) }
      try body.depthwiseUnit(size: block.size, stride: block.stride, activation: activation)
      if block.squeezes {
        try body.squeezeExcitation(
          between: (block.within / 4).nearestMultiple(of: 8), activation: .relu, gate: .hardSigmoid)
      }
      try body.unit(block.channels, Window(1), activation: nil)
    }
    try network.appendBlock([("block", body)], isResidual: block.stride == 1 && inputs == block.channels)
  }
}
