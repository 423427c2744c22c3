import Convolution
import NormaTensor
import Normalization

/// A recipe for a residual network (He and others 2015).
///
/// Blocks of two 3×3 convolutions, each normalized, with a shortcut around them; stages of blocks, of which each but the first
/// begins by halving the image and has twice the channels of the one before; a global average and a linear layer at the end.
/// The names in files are those of torchvision's residual networks: `conv1`, `layer1.0.bn2`, `layer2.0.downsample.0`, `fc`.
public struct ResidualNetwork: Hashable, Sendable, Codable {
  /// What comes before the stages.
  public enum Stem: String, Hashable, Sendable, Codable {
    /// A 3×3 convolution, for small images.
    case small
    /// A 7×7 convolution of stride 2 and a pooling of stride 2, for images of some 224 pixels.
    case large
  }

  /// What leads around a block that changes the shape.
  public enum Shortcut: String, Hashable, Sendable, Codable, CaseIterable {
    /// A normalized 1×1 convolution.
    case projection
    /// Every other pixel, and zeros for the channels there were not.
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

  /// Builds the network for images of the given number of channels.
  ///
  /// Each layer draws its weights from a generator of its own, split from the given one by the layer's number: networks that
  /// differ in normalization alone start from the same weights.
  public func build<Element: TensorElement>(
    inputChannels: Int, outputCount: Int, random: RandomGenerator
  ) -> Sequential<Element> {
    var builder = Builder<Element>(recipe: self, random: random)
    let large = stem == .large
    var layers = builder.convolution(
      inputChannels, width, Window(large ? 7 : 3, stride: large ? 2 : 1, padding: large ? 3 : 1),
      names: ("conv1", "bn1"))
    layers.append((name: "relu", layer: ReLU()))
    if large { layers.append((name: "maxpool", layer: MaxPool2d(Window(3, stride: 2, padding: 1)))) }
    var inputs = width
    for (stage, count) in blocks.enumerated() {
      let outputs = width << stage
      var members: [(name: String, layer: any Layer<Element>)] = []
      for block in 0..<count {
        let stride = stage > 0 && block == 0 ? 2 : 1
        members.append((name: "\(block)", layer: builder.block(inputs, outputs, stride: stride)))
        inputs = outputs
      }
      layers.append((name: "layer\(stage + 1)", layer: Sequential(named: members)))
    }
    layers.append((name: "avgpool", layer: GlobalAveragePool()))
    var generator = builder.nextGenerator()
    layers.append(
      (name: "fc", layer: Linear(inputs, outputCount, initialization: initialization, using: &generator)))
    return Sequential(named: layers)
  }

  /// Makes the parts in order.
  private struct Builder<Element: TensorElement> {
    let recipe: ResidualNetwork
    let random: RandomGenerator
    var number: UInt64 = 0

    mutating func nextGenerator() -> RandomGenerator {
      defer { number += 1 }
      return random.split(number)
    }

    /// A convolution and its normalization.
    mutating func convolution(
      _ inputs: Int, _ outputs: Int, _ window: Window, names: (convolution: String, normalization: String)
    ) -> [(name: String, layer: any Layer<Element>)] {
      var generator = nextGenerator()
      let convolution = Conv2d<Element>(
        inputs, outputs, window: window, hasBias: !recipe.normalization.cancelsBias,
        initialization: recipe.initialization, using: &generator)
      let normalization: (any Layer<Element>)? = recipe.normalization.layer(outputs, conventions: recipe.conventions)
      return [(name: names.convolution, layer: convolution)]
        + (normalization.map { [(name: names.normalization, layer: $0)] } ?? [])
    }

    mutating func block(_ inputs: Int, _ outputs: Int, stride: Int) -> Residual<Element> {
      let step = Extent2d(height: stride, width: stride)
      var body = convolution(
        inputs, outputs, Window(3, stride: step, padding: 1), names: (convolution: "conv1", normalization: "bn1"))
      body.append((name: "relu", layer: ReLU()))
      body += convolution(
        outputs, outputs, Window(3, padding: 1), names: (convolution: "conv2", normalization: "bn2"))
      if recipe.startsAtIdentity, let gamma = body.last?.layer.parameters.first(where: { $0.kind == .gamma }) {
        gamma.value = .zeros(gamma.value.shape)
      }
      var shortcut: (any Layer<Element>)?
      if stride != 1 || inputs != outputs {
        switch recipe.shortcut {
        case .padded: shortcut = PaddedShortcut(stride: stride, channels: outputs)
        case .projection:
          let around = convolution(
            inputs, outputs, Window(1, stride: step), names: (convolution: "0", normalization: "1"))
          shortcut = Sequential(named: around)
        }
      }
      return Residual(Sequential(named: body), shortcut: shortcut, rectifies: true)
    }
  }
}
