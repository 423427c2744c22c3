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

  public var name: String {
    switch (stem, width, Set(blocks), blocks.count) {
    case (.small, 16, [blocks.first], 3): "resnet\(6 * (blocks.first ?? 0) + 2)"
    case (.large, 64, [2], 4): "resnet18"
    default:
      "a residual network with a \(stem) stem, \(blocks.map(String.init).joined(separator: ", ")) blocks, \(width) channels at first"
    }
  }
  public var architecture: ModelArchitecture { .residualNetwork(self) }
  public static var takesImages: Bool { true }

  public func plan(sampleShape: Shape, outputCount: Int) throws(ModelArchitectureError) -> NetworkPlan {
    guard (1...8).contains(blocks.count), blocks.allSatisfy({ (1...1000).contains($0) }),
      (1...ModelArchitecture.maximumWidth >> 8).contains(width)
    else {
      throw ModelArchitectureError(
        "\(name) cannot be built: it has 1 to 8 stages of 1 to 1000 blocks, and up to "
          + "\(ModelArchitecture.maximumWidth >> 8) channels at first")
    }
    guard !startsAtIdentity || normalization != .none else {
      throw ModelArchitectureError("without normalization \(name) has no gamma that could start at 0")
    }
    var planner = try NetworkPlanner(self, sampleShape: sampleShape, outputCount: outputCount)
    switch stem {
    case .small: try planner.convolution(width, Window(3, padding: 1), named: "conv1")
    case .large: try planner.convolution(width, Window(7, stride: 2, padding: 3), named: "conv1")
    }
    try planner.normalization(named: "bn1")
    planner.append(.activation, named: "relu")
    if stem == .large { try planner.maxPool(Window(3, stride: 2, padding: 1), named: "maxpool") }
    for (stage, count) in blocks.enumerated() {
      var members = NetworkPlanner(branchOf: planner)
      for block in 0..<count {
        try add(width << stage, stride: stage > 0 && block == 0 ? 2 : 1, named: "\(block)", to: &members)
      }
      planner.append(members.sequential, named: "layer\(stage + 1)", leadingTo: members)
    }
    planner.globalAverage(named: "avgpool")
    try planner.linear(outputCount, named: "fc")
    return try planner.plan()
  }

  /// Adds a block with a number of channels.
  private func add(
    _ channels: Int, stride: Int, named name: String, to planner: inout NetworkPlanner
  ) throws(ModelArchitectureError) {
    let step = Extent2d(height: stride, width: stride)
    var body = NetworkPlanner(branchOf: planner)
    try body.convolution(channels, Window(3, stride: step, padding: 1), named: "conv1")
    try body.normalization(named: "bn1")
    body.append(.activation, named: "relu")
    try body.convolution(channels, Window(3, padding: 1), named: "conv2")
    try body.normalization(named: "bn2", startsAtZero: startsAtIdentity)
    var around: NetworkPlan.Part?
    if stride != 1 || planner.shape.channelCount != channels {
      switch shortcut {
      case .padded: around = .paddedShortcut(stride: stride, channels: channels)
      case .projection:
        var projection = NetworkPlanner(branchOf: planner)
        try projection.convolution(channels, Window(1, stride: step))
        try projection.normalization()
        around = projection.sequential
      }
    }
    planner.residual(body, shortcut: around, named: name)
  }
}
