import NormaConvolution
import NormaTensor

/// A recipe for networks that were published under names, which are torchvision's, and whose state dictionaries have its names.
///
/// Every name is a variant with numbers of its own; what can be set besides is normalization, initial weights and the conventions of
/// normalization, which start as the family has them.
public protocol PublishedRecipe: ModelRecipe {
  /// The family's networks, by their names.
  associatedtype Variant: RawRepresentable, CaseIterable, Hashable, Sendable, Codable where Variant.RawValue == String
  /// Which of the family's networks it is.
  var variant: Variant { get set }
  /// A network as it was published.
  init(_ variant: Variant)
  /// How the weights of a linear layer at the end start, where ``ModelRecipe/initialization`` is the family's own.
  func headInitialization(inputs: Int, outputs: Int) -> Initialization
}

extension PublishedRecipe {
  public var takesImages: Bool { true }
  public var depth: NetworkDepth { .deep }
  public var description: String { variant.rawValue }

  public init?(parsing text: String) throws(ModelArchitectureError) {
    guard let variant = Variant(rawValue: text) else { return nil }
    self.init(variant)
  }

  /// The initial weights of the last layers: the family's own, unless others were asked for.
  func head(inputs: Int, outputs: Int) -> Initialization {
    initialization == Self(variant).initialization
      ? headInitialization(inputs: inputs, outputs: outputs) : initialization
  }
}

extension PublishedRecipe {
  /// Makes sure that a network without normalization is not asked for one.
  func requireNoNormalization() throws(ModelArchitectureError) {
    guard normalization == .none else {
      throw ModelArchitectureError("\(self) has no normalization; take none")
    }
  }
}

extension BinaryInteger {
  /// The multiple that is nearest, at least one, and not more than a tenth less: how published networks round their channels.
  func nearestMultiple(of divisor: Int) -> Int { Double(self).nearestMultiple(of: divisor) }
}

extension Double {
  /// The multiple that is nearest, at least one, and not more than a tenth less: how published networks round their channels.
  func nearestMultiple(of divisor: Int) -> Int {
    let nearest = max(divisor, Int(self + Double(divisor) / 2) / divisor * divisor)
    return Double(nearest) < 0.9 * self ? nearest + divisor : nearest
  }
}

extension Window {
  /// A window that leaves the size of an image, but for its stride.
  static func depthwise(size: Int, stride: Int) -> Window {
    Window(
      Extent2d(height: size, width: size), stride: Extent2d(height: stride, width: stride),
      padding: Extent2d(height: size / 2, width: size / 2))
  }
}

extension NetworkBuilder {
  /// Adds a convolution with its normalization and its nonlinearity as layers `0`, `1` and `2` of one.
  mutating func unit(
    _ outputs: Int, _ window: Window, groups: Int = 1, activation: ActivationKind?, named name: String? = nil
  ) throws(ModelArchitectureError) {
    let unit = try branch { unit throws(ModelArchitectureError) in
      try unit.convolution(outputs, window, groups: groups)
      try unit.normalization(precedesSum: activation == nil)
      if let activation { try unit.activation(activation) }
    }
    try append(unit, named: name)
  }

  /// Adds a ``unit(_:_:groups:activation:named:)`` that convolves each channel by itself.
  mutating func depthwiseUnit(size: Int, stride: Int, activation: ActivationKind) throws(ModelArchitectureError) {
    let channels = shape.channelCount
    try unit(channels, .depthwise(size: size, stride: stride), groups: channels, activation: activation)
  }

  /// Adds a block of the layers of a name, with a sum around them if it is residual.
  mutating func appendBlock(
    _ layers: [(name: String, layer: Sequential<Element>)], isResidual: Bool = true,
    shortcut: Sequential<Element>? = nil, shortcutName: String = "downsample", shortcutComesFirst: Bool = false,
    rectifies: Bool = false,
    keepProbability: Double = 1, named name: String? = nil
  ) throws(ModelArchitectureError) {
    let body = try branch { body throws(ModelArchitectureError) in
      for (name, layer) in layers { try body.append(layer, named: name) }
      if isResidual && keepProbability < 1 {
        try body.append(StochasticDepth(keepProbability: keepProbability), named: "stochastic_depth")
      }
    }
    guard isResidual else { return try append(body, named: name) }
    try append(
      Residual(
        body, shortcut: shortcut, shortcutName: shortcutName, listsShortcutFirst: shortcutComesFirst,
        rectifies: rectifies), named: name)
  }
}
