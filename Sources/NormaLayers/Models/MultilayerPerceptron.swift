import NormaNormalization
import NormaTensor

/// A recipe for a fully connected network: hidden layers, each linear, then normalized, then nonlinear; and a linear
/// layer at the end.
///
/// A normalization that needs several positions (``NormalizationKind/needsPositions``) cannot be had, because a unit has a single one.
public struct MultilayerPerceptron: FeedForwardRecipe {
  /// The widths of the hidden layers.
  public var hidden: [Int]
  /// What stands between each hidden layer's linear map and its nonlinearity.
  public var normalization: NormalizationKind
  /// The nonlinearity after each hidden layer.
  public var activation: ActivationKind
  /// How the weights of all linear layers start; biases start at 0.
  public var initialization: Initialization
  /// The probability with which dropout after each nonlinearity keeps a unit; 1 leaves dropout out.
  public var keepProbability: Double
  /// The conventions of batch normalization.
  public var conventions: BatchNormalizationConventions

  /// A recipe; by default with batch normalization, ReLU, and no dropout.
  public init(
    hidden: [Int], normalization: NormalizationKind = .batch, activation: ActivationKind = .relu,
    initialization: Initialization = .kaimingNormal, keepProbability: Double = 1,
    conventions: BatchNormalizationConventions = .pyTorch
  ) {
    self.hidden = hidden
    self.normalization = normalization
    self.activation = activation
    self.initialization = initialization
    self.keepProbability = keepProbability
    self.conventions = conventions
  }

  public static let name = "multilayerPerceptron"
  public static let forms: [(form: String, meaning: String)] = [
    ("mlp:WIDTH[,WIDTH…]", "fully connected hidden layers; mlp: has none")
  ]
  public var description: String { "mlp:" + hidden.map(String.init).joined(separator: ",") }
  public var depth: NetworkDepth { hidden.count <= 2 ? .shallow : .moderate }

  public init?(parsing text: String) throws(ModelArchitectureError) {
    guard let parts = ModelText(text, kind: "mlp") else { return nil }
    self.init(hidden: parts.settings == "" ? [] : try parts.widths(like: "mlp:512,512") ?? [])
  }

  public func build<Element: TensorElement>(
    sampleShape: Shape, outputCount: Int, random: RandomGenerator
  ) throws(ModelArchitectureError) -> Sequential<Element> {
    var network = try NetworkBuilder<Element>(self, sampleShape: sampleShape, outputCount: outputCount, random: random)
    if sampleShape.rank > 1 { try network.append(Flatten()) }
    for width in hidden {
      // Batch normalization subtracts any bias again, and beta takes its place.
      try network.linear(width, hasBias: !normalization.cancelsBias, isNormalized: true)
      try network.normalization()
      try network.activation()
      try network.dropout()
    }
    try network.linear(outputCount)
    return try network.finished()
  }
}
