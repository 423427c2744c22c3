import NormaConvolution
import NormaNormalization
import NormaTensor

/// A recipe for a residual network (He and others 2015).
///
/// Blocks of two 3×3 convolutions, each normalized, with a shortcut around them; stages of blocks, of which each but the first
/// begins by halving the image and has twice the channels of the one before; a global average and a linear layer at the end.
/// A block whose input has another shape than its result has a ``Shortcut-swift.enum``; the others pass their input by. The names
/// in files are those of torchvision's residual networks: `conv1`, `layer1.0.bn2`, `layer2.0.downsample.0`, `fc`.
public struct ResidualNetwork: ModelRecipe {
  /// What comes before the stages.
  public enum Stem: String, Hashable, Sendable, Codable {
    /// A 3×3 convolution, for small images.
    case small
    /// A 7×7 convolution of stride 2 and a pooling of stride 2, for images of some 224 pixels.
    case large
  }

  /// What leads around a block that changes the shape.
  public enum Shortcut: String, Hashable, Sendable, Codable, CaseIterable {
    /// A normalized 1×1 convolution (option B).
    case projection
    /// Every other pixel, and zeros for the channels there were not: no weights (option A).
    case padded
  }

  /// What comes before the stages.
  public var stem: Stem
  /// The blocks of each stage.
  public var blocks: [Int]
  /// The channels of the first stage.
  public var width: Int
  /// What leads around a block that changes the shape.
  public var shortcut: Shortcut
  /// What stands after each convolution.
  public var normalization: NormalizationKind
  /// Whether the last gamma of each block starts at 0, so that blocks start by doing nothing (Goyal and others 2017).
  public var startsAtIdentity: Bool
  /// How the weights start; biases start at 0.
  public var initialization: Initialization
  /// The conventions of batch normalization.
  public var conventions: BatchNormalizationConventions

  /// A recipe by its parts.
  public init(
    stem: Stem = .small, blocks: [Int], width: Int, shortcut: Shortcut = .projection,
    normalization: NormalizationKind = .batch, startsAtIdentity: Bool = false,
    initialization: Initialization = .kaimingNormal, conventions: BatchNormalizationConventions = .pyTorch
  ) {
    self.stem = stem
    self.blocks = blocks
    self.width = width
    self.shortcut = shortcut
    self.normalization = normalization
    self.startsAtIdentity = startsAtIdentity
    self.initialization = initialization
    self.conventions = conventions
  }

  /// The network for CIFAR-10 of a depth 6n + 2, such as 20, 32, 44 or 56: three stages of n blocks of 16, 32 and 64 channels.
  public static func cifar(depth: Int) -> ResidualNetwork {
    require(depth >= 8 && depth % 6 == 2, "a residual network of \(depth) layers, which is not 6n + 2")
    return ResidualNetwork(blocks: [Int](repeating: (depth - 2) / 6, count: 3), width: 16)
  }

  /// The network of 18 layers for images of 224×224 pixels.
  public static var resNet18: ResidualNetwork { ResidualNetwork(stem: .large, blocks: [2, 2, 2, 2], width: 64) }

  public static let name = "residualNetwork"
  public static let forms: [(form: String, meaning: String)] = [
    ("resnet20, 32, 44, 56, 110", "residual, small images; any 6n + 2 but 50"),
    ("resnet18", "residual, images of some 224×224 pixels"),
  ]
  public var takesImages: Bool { true }
  public var depth: NetworkDepth { .deep }

  public var description: String {
    switch (stem, width, Set(blocks), blocks.count) {
    case (.small, 16, [blocks.first], 3): "resnet\(6 * (blocks.first ?? 0) + 2)"
    case (.large, 64, [2], 4): "resnet18"
    default:
      "a residual network with a \(stem) stem, \(blocks.map(String.init).joined(separator: ", ")) blocks, \(width) channels at first"
    }
  }

  public init?(parsing text: String) throws(ModelArchitectureError) {
    // What is known as resnet50 has other blocks, although 50 is 6 · 8 + 2.
    guard text.hasPrefix("resnet"), let depth = Int(text.dropFirst(6)), text == "resnet\(depth)", depth != 50,
      depth == 18 || ((8...1202).contains(depth) && depth % 6 == 2)
    else { return nil }
    self = depth == 18 ? .resNet18 : .cifar(depth: depth)
  }

  public func build<Element: TensorElement>(
    sampleShape: Shape, outputCount: Int, random: RandomGenerator
  ) throws(ModelArchitectureError) -> Sequential<Element> {
    guard (1...8).contains(blocks.count), blocks.allSatisfy({ (1...1000).contains($0) }),
      (1...ModelArchitecture.maximumWidth >> 8).contains(width)
    else {
      throw ModelArchitectureError(
        "\(self) cannot be built: it has 1 to 8 stages of 1 to 1000 blocks, and up to "
          + "\(ModelArchitecture.maximumWidth >> 8) channels at first")
    }
    guard !startsAtIdentity || ![.none, .lrn, .grn].contains(normalization) else {
      throw ModelArchitectureError("with \(normalization.words) \(self) has no gamma that makes a block nothing at 0")
    }
    var network = try NetworkBuilder<Element>(self, sampleShape: sampleShape, outputCount: outputCount, random: random)
    switch stem {
    case .small: try network.convolution(width, Window(3, padding: 1), named: "conv1")
    case .large: try network.convolution(width, Window(7, stride: 2, padding: 3), named: "conv1")
    }
    try network.normalization(named: "bn1")
    try network.activation(named: "relu")
    if stem == .large { try network.append(MaxPool2d(Window(3, stride: 2, padding: 1)), named: "maxpool") }
    for (stage, count) in blocks.enumerated() {
      let layers = try network.branch { members throws(ModelArchitectureError) in
        for block in 0..<count {
          try add(width << stage, stride: stage > 0 && block == 0 ? 2 : 1, named: "\(block)", to: &members)
        }
      }
      try network.append(layers, named: "layer\(stage + 1)")
    }
    try network.append(GlobalAveragePool(), named: "avgpool")
    try network.linear(outputCount, named: "fc")
    return try network.finished()
  }

  /// Adds a block with a number of channels.
  private func add<Element: TensorElement>(
    _ channels: Int, stride: Int, named name: String, to network: inout NetworkBuilder<Element>
  ) throws(ModelArchitectureError) {
    let step = Extent2d(height: stride, width: stride)
    let body = try network.branch { body throws(ModelArchitectureError) in
      try body.convolution(channels, Window(3, stride: step, padding: 1), named: "conv1")
      try body.normalization(named: "bn1")
      try body.activation(named: "relu")
      try body.convolution(channels, Window(3, padding: 1), named: "conv2")
      try body.normalization(named: "bn2", startsAtZero: startsAtIdentity, precedesSum: true)
    }
    var around: (any Layer<Element>)?
    if stride != 1 || network.shape.channelCount != channels {
      around =
        switch shortcut {
        case .padded: PaddedShortcut<Element>(stride: stride, channels: channels)
        case .projection:
          try network.branch { projection throws(ModelArchitectureError) in
            try projection.convolution(channels, Window(1, stride: step))
            try projection.normalization(precedesSum: true)
          }
        }
    }
    try network.append(Residual(body, shortcut: around, rectifies: true), named: name)
  }
}
