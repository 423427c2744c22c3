import NormaConvolution
import NormaNormalization
import NormaTensor

/// A recipe for MobileNetV2 (Sandler and others 2018, arXiv:1801.04381): inverted residual blocks, narrow between and wide within, where each
/// channel is convolved by itself. The names in files are torchvision's: `features.1.conv.0.0`, `classifier.1`.
public struct MobileNetV2: PublishedRecipe {
  /// The published networks.
  public enum Variant: String, CaseIterable, Hashable, Sendable, Codable {
    case mobileNetV2 = "mobilenet_v2"
  }

  public var variant: Variant
  public var normalization = NormalizationKind.batch
  public var initialization = Initialization.kaimingNormalOutputs
  public var conventions = BatchNormalizationConventions.pyTorch

  public init(_ variant: Variant = .mobileNetV2) { self.variant = variant }

  public static let name = "mobileNetV2"
  public static let forms: [(form: String, meaning: String)] = [("mobilenet_v2", "torchvision's")]
  public func headInitialization(inputs: Int, outputs: Int) -> Initialization { .normal(scale: 0.01) }

  public func build<Element: TensorElement>(
    sampleShape: Shape, outputCount: Int, random: RandomGenerator
  ) throws(ModelArchitectureError) -> Sequential<Element> {
    var network = try NetworkBuilder<Element>(self, sampleShape: sampleShape, outputCount: outputCount, random: random)
    let features = try network.branch { features throws(ModelArchitectureError) in
      try features.unit(32, Window(3, stride: 2, padding: 1), activation: .relu6)
      // How much wider a block is within, its channels, how many there are, and the first one's stride.
      let stages = [
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
      ]
      for (expansion, channels, count, stride) in stages {
        for number in 0..<count {
          try add(channels, expansion: expansion, stride: number == 0 ? stride : 1, to: &features)
        }
      }
      try features.unit(1280, Window(1), activation: .relu6)
    }
    try network.append(features, named: "features")
    try network.append(GlobalAveragePool(), named: "avgpool")
    let classifier = try network.branch { classifier throws(ModelArchitectureError) in
      try classifier.append(Dropout(keepProbability: 0.8))
      try classifier.linear(outputCount, initialization: head(inputs: 1280, outputs: outputCount))
    }
    try network.append(classifier, named: "classifier")
    return try network.finished()
  }

  private func add<Element: TensorElement>(
    _ channels: Int, expansion: Int, stride: Int, to network: inout NetworkBuilder<Element>
  ) throws(ModelArchitectureError) {
    let inputs = network.shape.channelCount
    let isResidual = stride == 1 && inputs == channels
    let body = try network.branch { body throws(ModelArchitectureError) in
      if expansion != 1 { try body.unit(inputs * expansion, Window(1), activation: .relu6) }
      let window = Window(3, stride: Extent2d(height: stride, width: stride), padding: 1)
      try body.unit(inputs * expansion, window, groups: inputs * expansion, activation: .relu6)
      try body.convolution(channels, Window(1))
      try body.normalization(precedesSum: true)
    }
    try network.appendBlock([("conv", body)], isResidual: isResidual)
  }
}
