import NormaNormalization
import NormaTensor

/// A recipe for a fully connected network: hidden layers, each linear, then normalized, then nonlinear; and a linear
/// layer at the end.
///
/// Instance normalization cannot be had, because a unit has a single position.
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

  public var name: String { "mlp:" + hidden.map(String.init).joined(separator: ",") }
  public var architecture: ModelArchitecture { .multilayerPerceptron(self) }
  public static var takesImages: Bool { false }

  public func plan(sampleShape: Shape, outputCount: Int) throws(ModelArchitectureError) -> NetworkPlan {
    var planner = try NetworkPlanner(self, activation: activation, sampleShape: sampleShape, outputCount: outputCount)
    if sampleShape.rank > 1 { planner.flatten() }
    for width in hidden {
      // Batch normalization subtracts any bias again, and beta takes its place.
      try planner.linear(width, hasBias: normalization != .batch)
      try planner.normalization()
      planner.append(.activation)
      try planner.dropout(keepProbability: keepProbability)
    }
    try planner.linear(outputCount)
    return try planner.plan()
  }
}
