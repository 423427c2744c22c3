import NormaConvolution
import NormaNormalization
import NormaTensor

/// A recipe for DenseNet (Huang and others 2016, arXiv:1608.06993): each layer of a block sees the results of all before it. The names in
/// files are torchvision's: `features.denseblock1.denselayer1.norm1`, `classifier`.
public struct DenseNet: PublishedRecipe {
  /// The published networks.
  public enum Variant: String, CaseIterable, Hashable, Sendable, Codable {
    case denseNet121 = "densenet121"
    case denseNet161 = "densenet161"
    case denseNet169 = "densenet169"
    case denseNet201 = "densenet201"
  }

  public var variant: Variant
  public var normalization = NormalizationKind.batch
  public var initialization = Initialization.kaimingNormal
  public var conventions = BatchNormalizationConventions.pyTorch

  public init(_ variant: Variant) { self.variant = variant }

  public static let name = "denseNet"
  public static let forms: [(form: String, meaning: String)] = [("densenet121, 161, 169, 201", "torchvision's")]
  public func headInitialization(inputs: Int, outputs: Int) -> Initialization { .fanInUniform }

  /// How many channels each layer adds, how many there are at first, and the layers of each block.
  private var structure: (growth: Int, start: Int, blocks: [Int]) {
    switch variant {
    case .denseNet121: (32, 64, [6, 12, 24, 16])
    case .denseNet161: (48, 96, [6, 12, 36, 24])
    case .denseNet169: (32, 64, [6, 12, 32, 32])
    case .denseNet201: (32, 64, [6, 12, 48, 32])
    }
  }

  public func build<Element: TensorElement>(
    sampleShape: Shape, outputCount: Int, random: RandomGenerator
  ) throws(ModelArchitectureError) -> Sequential<Element> {
    var network = try NetworkBuilder<Element>(self, sampleShape: sampleShape, outputCount: outputCount, random: random)
    let (growth, start, blocks) = structure
    let features = try network.branch { features throws(ModelArchitectureError) in
      try features.convolution(start, Window(7, stride: 2, padding: 3), named: "conv0")
      try features.normalization(named: "norm0")
      try features.activation(named: "relu0")
      try features.append(MaxPool2d(Window(3, stride: 2, padding: 1)), named: "pool0")
      for (index, count) in blocks.enumerated() {
        let block = try features.branch { block throws(ModelArchitectureError) in
          for number in 0..<count { try add(growth, named: "denselayer\(number + 1)", to: &block) }
        }
        try features.append(block, named: "denseblock\(index + 1)")
        guard index + 1 < blocks.count else { break }
        let transition = try features.branch { transition throws(ModelArchitectureError) in
          try transition.normalization(named: "norm")
          try transition.activation(named: "relu")
          try transition.convolution(transition.shape.channelCount / 2, Window(1), named: "conv", hasBias: false)
          try transition.append(AveragePool2d(Window(2, stride: 2)), named: "pool")
        }
        try features.append(transition, named: "transition\(index + 1)")
      }
      try features.normalization(named: "norm5")
    }
    try network.append(features, named: "features")
    if !normalization.bringsNonlinearity { try network.append(ReLU(), named: "relu") }
    try network.append(GlobalAveragePool(), named: "avgpool")
    try network.linear(
      outputCount, named: "classifier", initialization: head(inputs: network.shape.channelCount, outputs: outputCount))
    return try network.finished()
  }

  /// Adds a layer that adds so many channels.
  private func add<Element: TensorElement>(
    _ growth: Int, named name: String, to network: inout NetworkBuilder<Element>
  ) throws(ModelArchitectureError) {
    let body = try network.branch { body throws(ModelArchitectureError) in
      try body.normalization(named: "norm1")
      try body.activation(named: "relu1")
      try body.convolution(4 * growth, Window(1), named: "conv1", hasBias: false)
      try body.normalization(named: "norm2")
      try body.activation(named: "relu2")
      try body.convolution(growth, Window(3, padding: 1), named: "conv2", hasBias: false)
    }
    try network.append(DenseConnection(body), named: name)
  }
}
