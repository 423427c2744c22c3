import NormaConvolution
import NormaNormalization
import NormaTensor

/// A recipe for a residual network (He and others 2015), also with groups (ResNeXt, Xie and others 2016) or wider blocks (Zagoruyko and
/// Komodakis 2016).
///
/// Blocks of convolutions, each normalized, with a shortcut around them; stages of blocks, of which each but the first
/// begins by halving the image and has twice the channels of the one before; a global average and a linear layer at the end.
/// A block whose input has another shape than its result has a ``Shortcut-swift.enum``; the others pass their input by. The names
/// in files are those of torchvision's residual networks: `conv1`, `layer1.0.bn2`, `layer2.0.downsample.0`, `fc`.
public struct ResidualNetwork: ModelRecipe {
  /// What comes before the stages.
  public enum Stem: String, Hashable, Sendable, Codable, CaseIterable {
    /// A 3×3 convolution, for small images.
    case small
    /// A 7×7 convolution of stride 2 and a pooling of stride 2, for images of some 224 pixels.
    case large
  }

  /// What a block is made of.
  public enum Block: String, Hashable, Sendable, Codable, CaseIterable {
    /// Two 3×3 convolutions.
    case basic
    /// 1×1, 3×3 and 1×1, the last to four times the channels; where a block halves the image, the 3×3 does, as in torchvision, not the
    /// first 1×1, as in the paper.
    case bottleneck

    /// How many times a stage's channels its blocks give.
    var expansion: Int { self == .basic ? 1 : 4 }
  }

  /// What leads around a block that changes the shape.
  public enum Shortcut: String, Hashable, Sendable, Codable, CaseIterable {
    /// A normalized 1×1 convolution (option B).
    case projection
    /// Every other pixel, and zeros for the channels there were not, after those there are: no weights (option A).
    case padded
    /// As ``padded``, but with half of the zeros before the channels there are.
    case paddedAround = "padded-around"
  }

  /// What comes before the stages.
  public var stem: Stem
  /// What a block is made of.
  public var block: Block
  /// The blocks of each stage.
  public var blocks: [Int]
  /// The channels of the first stage.
  public var width: Int
  /// How many groups the channels of a bottleneck's 3×3 convolution are in.
  public var groups: Int
  /// How many channels each of these groups has in a stage of 64 channels; in the others as many more or fewer.
  public var groupWidth: Int
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
    stem: Stem = .small, block: Block = .basic, blocks: [Int], width: Int, groups: Int = 1, groupWidth: Int = 64,
    shortcut: Shortcut = .projection, normalization: NormalizationKind = .batch, startsAtIdentity: Bool = false,
    initialization: Initialization = .kaimingNormal, conventions: BatchNormalizationConventions = .pyTorch
  ) {
    self.stem = stem
    self.block = block
    self.blocks = blocks
    self.width = width
    self.groups = groups
    self.groupWidth = groupWidth
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

  /// Torchvision's networks for images of 224×224 pixels, by their names: `resnet18` to `resnet152`, `resnext50_32x4d`,
  /// `wide_resnet50_2` and so on; nil for any other name.
  public init?(torchvision name: String) {
    let blocks = [
      "18": [2, 2, 2, 2], "34": [3, 4, 6, 3], "50": [3, 4, 6, 3], "101": [3, 4, 23, 3], "152": [3, 8, 36, 3],
    ]
    let (depth, groups, groupWidth): (String, Int, Int)
    switch name {
    case "resnet18", "resnet34", "resnet50", "resnet101", "resnet152":
      (depth, groups, groupWidth) = (String(name.dropFirst(6)), 1, 64)
    case "resnext50_32x4d": (depth, groups, groupWidth) = ("50", 32, 4)
    case "resnext101_32x8d": (depth, groups, groupWidth) = ("101", 32, 8)
    case "resnext101_64x4d": (depth, groups, groupWidth) = ("101", 64, 4)
    case "wide_resnet50_2": (depth, groups, groupWidth) = ("50", 1, 128)
    case "wide_resnet101_2": (depth, groups, groupWidth) = ("101", 1, 128)
    default: return nil
    }
    self.init(
      stem: .large, block: depth == "18" || depth == "34" ? .basic : .bottleneck, blocks: blocks[depth] ?? [],
      width: 64,
      groups: groups, groupWidth: groupWidth)
  }

  /// The names that ``init(torchvision:)`` takes.
  static let torchvisionNames = [
    "resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d", "resnext101_32x8d",
    "resnext101_64x4d", "wide_resnet50_2", "wide_resnet101_2",
  ]

  public static let name = "residualNetwork"
  public static let forms: [(form: String, meaning: String)] = [
    ("resnet20, 32, 44, 56, 110", "residual, small images; 6n + 2 but 50, 152"),
    ("resnet18, 34, 50, 101, 152", "torchvision's, images of some 224×224 pixels"),
    ("resnext50_32x4d, 101_32x8d", "torchvision's, with groups; and 101_64x4d"),
    ("wide_resnet50_2, 101_2", "torchvision's, with wide bottlenecks"),
    ("resnet:OPTION=VALUE[,…]", "residual; stem, block, blocks, width, groups …"),
  ]
  public var takesImages: Bool { true }
  public var depth: NetworkDepth { .deep }

  public var description: String {
    if let name = Self.torchvisionNames.first(where: { Self(torchvision: $0)?.hasStructure(of: self) == true }) {
      return name
    }
    if let count = blocks.first, (1...200).contains(count), ![50, 152].contains(6 * count + 2),
      Self.cifar(depth: 6 * count + 2).hasStructure(of: self)
    {
      return "resnet\(6 * count + 2)"
    }
    return
      "resnet:stem=\(stem.rawValue),block=\(block.rawValue),blocks=\(blocks.map(String.init).joined(separator: "-"))"
      + ",width=\(width)" + (block == .basic ? "" : ",groups=\(groups),groupwidth=\(groupWidth)")
  }

  /// Whether two networks have the same layers, but for normalizations and shortcuts.
  private func hasStructure(of other: Self) -> Bool {
    stem == other.stem && block == other.block && blocks == other.blocks && width == other.width
      && (block == .basic || groups == other.groups && groupWidth == other.groupWidth)
  }

  public var unseenSettings: [String] {
    var settings: [String] = []
    if block == .bottleneck {
      settings.append(
        "the stride of a block is in its 3×3 convolution, as torchvision has it, not in the 1×1 before it")
    }
    switch shortcut {
    case .projection: break
    case .padded: settings.append("shortcuts have their zeros after the channels there are, not around them")
    case .paddedAround: settings.append("shortcuts have half of their zeros before the channels there are")
    }
    return settings
  }

  public init?(parsing text: String) throws(ModelArchitectureError) {
    if let network = Self(torchvision: text) {
      self = network
    } else if let options = ModelText(text, kind: "resnet")?.options {
      self.init(blocks: [2, 2, 2, 2], width: 64)
      try read(options, in: text)
    } else {
      // What is known as resnet50 and resnet152 has other blocks, although 50 is 6 · 8 + 2.
      guard text.hasPrefix("resnet"), let depth = Int(text.dropFirst(6)), text == "resnet\(depth)",
        (8...1202).contains(depth) && depth % 6 == 2
      else { return nil }
      self = .cifar(depth: depth)
    }
  }

  /// Takes over what a text such as `resnet:stem=small,blocks=3-4-6-3` says.
  private mutating func read(
    _ options: [(name: String, value: String)], in text: String
  ) throws(ModelArchitectureError) {
    for (name, value) in options {
      let numbers = value.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
      let number = numbers.count == 1 && numbers[0] > 0 ? numbers[0] : nil
      switch (name, Stem(rawValue: value), Block(rawValue: value), number) {
      case ("stem", let stem?, _, _): self.stem = stem
      case ("block", _, let block?, _): self.block = block
      case ("blocks", _, _, _) where numbers.allSatisfy { $0 > 0 }: blocks = numbers
      case ("width", _, _, let number?): width = number
      case ("groups", _, _, let number?): groups = number
      case ("groupwidth", _, _, let number?): groupWidth = number
      default:
        throw ModelArchitectureError(
          "'\(name)=\(value)' in '\(text)' is no option of a residual network; write such as "
            + "resnet:stem=small,block=bottleneck,blocks=3-4-6-3,width=64,groups=32,groupwidth=4")
      }
    }
  }

  /// How wide a bottleneck's 3×3 convolution is in a stage of so many channels.
  private func bottleneckWidth(_ channels: Int) -> Int { channels * groupWidth / 64 * groups }

  public func build<Element: TensorElement>(
    sampleShape: Shape, outputCount: Int, random: RandomGenerator
  ) throws(ModelArchitectureError) -> Sequential<Element> {
    guard (1...8).contains(blocks.count), blocks.allSatisfy({ (1...1000).contains($0) }),
      (1...ModelArchitecture.maximumWidth >> 10).contains(width), (1...4096).contains(groups),
      (1...4096).contains(groupWidth)
    else {
      throw ModelArchitectureError(
        "\(self) cannot be built: it has 1 to 8 stages of 1 to 1000 blocks, up to "
          + "\(ModelArchitecture.maximumWidth >> 10) channels at first, and up to 4096 groups of up to 4096 channels")
    }
    guard block == .bottleneck || (groups == 1 && groupWidth == 64) else {
      throw ModelArchitectureError("\(self) cannot be built: groups are for bottlenecks, and its blocks are basic")
    }
    guard block == .basic || bottleneckWidth(width) > 0 else {
      throw ModelArchitectureError("\(self) cannot be built: its groups would have no channels")
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

  /// Adds a block of a stage with a number of channels.
  private func add<Element: TensorElement>(
    _ channels: Int, stride: Int, named name: String, to network: inout NetworkBuilder<Element>
  ) throws(ModelArchitectureError) {
    let step = Extent2d(height: stride, width: stride)
    let outputs = channels * block.expansion
    let body = try network.branch { body throws(ModelArchitectureError) in
      switch block {
      case .basic:
        try body.convolution(channels, Window(3, stride: step, padding: 1), named: "conv1")
        try body.normalization(named: "bn1")
        try body.activation(named: "relu")
        try body.convolution(channels, Window(3, padding: 1), named: "conv2")
        try body.normalization(named: "bn2", startsAtZero: startsAtIdentity, precedesSum: true)
      case .bottleneck:
        let width = bottleneckWidth(channels)
        try body.convolution(width, Window(1), named: "conv1")
        try body.normalization(named: "bn1")
        try body.activation(named: "relu1")
        try body.convolution(width, Window(3, stride: step, padding: 1), named: "conv2", groups: groups)
        try body.normalization(named: "bn2")
        try body.activation(named: "relu2")
        try body.convolution(outputs, Window(1), named: "conv3")
        try body.normalization(named: "bn3", startsAtZero: startsAtIdentity, precedesSum: true)
      }
    }
    var around: (any Layer<Element>)?
    if stride != 1 || network.shape.channelCount != outputs {
      around =
        switch shortcut {
        case .padded, .paddedAround:
          PaddedShortcut<Element>(
            stride: stride, channels: outputs,
            before: shortcut == .paddedAround ? max(0, outputs - network.shape.channelCount) / 2 : 0)
        case .projection:
          try network.branch { projection throws(ModelArchitectureError) in
            try projection.convolution(outputs, Window(1, stride: step))
            try projection.normalization(precedesSum: true)
          }
        }
    }
    try network.append(Residual(body, shortcut: around, rectifies: true), named: name)
  }
}

extension ResidualNetwork {
  /// Reads what checkpoints hold; those of before there were bottlenecks have basic blocks.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      stem: try container.decode(Stem.self, forKey: .stem),
      block: try container.decodeIfPresent(Block.self, forKey: .block) ?? .basic,
      blocks: try container.decode([Int].self, forKey: .blocks), width: try container.decode(Int.self, forKey: .width),
      groups: try container.decodeIfPresent(Int.self, forKey: .groups) ?? 1,
      groupWidth: try container.decodeIfPresent(Int.self, forKey: .groupWidth) ?? 64,
      shortcut: try container.decode(Shortcut.self, forKey: .shortcut),
      normalization: try container.decode(NormalizationKind.self, forKey: .normalization),
      startsAtIdentity: try container.decode(Bool.self, forKey: .startsAtIdentity),
      initialization: try container.decode(Initialization.self, forKey: .initialization),
      conventions: try container.decode(BatchNormalizationConventions.self, forKey: .conventions))
  }
}
