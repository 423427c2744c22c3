import NormaConvolution
import NormaNormalization
import NormaTensor

/// A recipe for MnasNet-B1 (Tan and others 2018, arXiv:1807.11626): inverted residual blocks of several windows. The names in files are
/// torchvision's: `layers.8.0.layers.0`, `classifier.1`.
public struct MNASNet: PublishedRecipe {
  /// The published networks, by how wide they are.
  public enum Variant: String, CaseIterable, Hashable, Sendable, Codable {
    case half = "mnasnet0_5"
    case threeQuarters = "mnasnet0_75"
    case full = "mnasnet1_0"
    case wide = "mnasnet1_3"
  }

  public var variant: Variant
  public var normalization = NormalizationKind.batch
  public var initialization = Initialization.kaimingNormalOutputs
  public var conventions = BatchNormalizationConventions(
    epsilon: 1e-5, rule: .updating(1 - 0.9997), estimator: .unbiased, initialVariance: 1)

  public init(_ variant: Variant) { self.variant = variant }

  public static let name = "mnasNet"
  public static let forms: [(form: String, meaning: String)] = [
    ("mnasnet0_5, 0_75, 1_0, 1_3", "torchvision's")
  ]
  public func headInitialization(inputs: Int, outputs: Int) -> Initialization {
    .uniform(bound: (3 / Double(outputs)).squareRoot())
  }

  public func build<Element: TensorElement>(
    sampleShape: Shape, outputCount: Int, random: RandomGenerator
  ) throws(ModelArchitectureError) -> Sequential<Element> {
    var network = try NetworkBuilder<Element>(self, sampleShape: sampleShape, outputCount: outputCount, random: random)
    let scale =
      switch variant {
      case .half: 0.5
      case .threeQuarters: 0.75
      case .full: 1.0
      case .wide: 1.3
      }
    func width(_ channels: Int) -> Int { (Double(channels) * scale).nearestMultiple(of: 8) }
    let layers = try network.branch { layers throws(ModelArchitectureError) in
      try layers.convolution(width(32), Window(3, stride: 2, padding: 1))
      try layers.normalization()
      try layers.activation()
      try layers.convolution(width(32), Window(3, padding: 1), groups: width(32))
      try layers.normalization()
      try layers.activation()
      try layers.convolution(width(16), Window(1))
      try layers.normalization(precedesSum: true)
      // The channels, the window, the first block's stride, how much wider blocks are within, and how many there are.
      let stacks = [
        (24, 3, 2, 3, 3), (40, 5, 2, 3, 3), (80, 5, 2, 6, 3), (96, 3, 1, 6, 2), (192, 5, 2, 6, 4), (320, 3, 1, 6, 1),
      ]
      for (channels, size, stride, expansion, count) in stacks {
        let stack = try layers.branch { stack throws(ModelArchitectureError) in
          for number in 0..<count {
            try add(
              width(channels), size: size, stride: number == 0 ? stride : 1, expansion: expansion, to: &stack)
          }
        }
        try layers.append(stack)
      }
      try layers.convolution(1280, Window(1))
      try layers.normalization()
      try layers.activation()
    }
    try network.append(layers, named: "layers")
    try network.append(GlobalAveragePool(), named: "avgpool")
    let classifier = try network.branch { classifier throws(ModelArchitectureError) in
      try classifier.append(Dropout(keepProbability: 0.8))
      try classifier.linear(outputCount, initialization: head(inputs: 1280, outputs: outputCount))
    }
    try network.append(classifier, named: "classifier")
    return try network.finished()
  }

  private func add<Element: TensorElement>(
    _ channels: Int, size: Int, stride: Int, expansion: Int, to network: inout NetworkBuilder<Element>
  ) throws(ModelArchitectureError) {
    let inputs = network.shape.channelCount
    let within = inputs * expansion
    let body = try network.branch { body throws(ModelArchitectureError) in
      try body.convolution(within, Window(1))
      try body.normalization()
      try body.activation()
      try body.convolution(within, .depthwise(size: size, stride: stride), groups: within)
      try body.normalization()
      try body.activation()
      try body.convolution(channels, Window(1))
      try body.normalization(precedesSum: true)
    }
    // A stack whose first block leaves the size and the channels has a shortcut around it, too.
    try network.appendBlock([("layers", body)], isResidual: stride == 1 && inputs == channels)
  }
}
