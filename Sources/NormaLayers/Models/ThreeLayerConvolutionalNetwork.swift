import NormaConvolution
import NormaNormalization
import NormaTensor

/// A recipe for CS231n's three-layer convolutional network: a convolution that leaves the image its size, a max pooling that
/// halves it, a hidden linear layer, and a linear layer at the end.
///
/// The convolution and the hidden layer are each normalized and then nonlinear; instance normalization is left out of the
/// hidden layer, whose units have a single position. The names in files are `conv1`, `norm1`, `fc1`, `norm2`, `fc2`.
public struct ThreeLayerConvolutionalNetwork: FeedForwardRecipe {
  /// The channels of the convolution.
  public var filters: Int
  /// The height and width of the convolution's window, an odd number.
  public var filterSize: Int
  /// The units of the hidden layer.
  public var hidden: Int
  /// What stands between the convolution, or the hidden layer's linear map, and its nonlinearity.
  public var normalization: NormalizationKind
  /// The nonlinearity.
  public var activation: ActivationKind
  /// How the weights start; biases start at 0.
  public var initialization: Initialization
  /// The probability with which dropout after the hidden layer keeps a unit; 1 leaves dropout out.
  public var keepProbability: Double
  /// The conventions of batch normalization.
  public var conventions: BatchNormalizationConventions

  /// A recipe; by default that of CS231n with batch normalization.
  public init(
    filters: Int = 32, filterSize: Int = 7, hidden: Int = 100, normalization: NormalizationKind = .batch,
    activation: ActivationKind = .relu, initialization: Initialization = .kaimingNormal, keepProbability: Double = 1,
    conventions: BatchNormalizationConventions = .pyTorch
  ) {
    self.filters = filters
    self.filterSize = filterSize
    self.hidden = hidden
    self.normalization = normalization
    self.activation = activation
    self.initialization = initialization
    self.keepProbability = keepProbability
    self.conventions = conventions
  }

  /// The widest window that can be asked for.
  static let maximumFilterSize = 255

  public var name: String { "convnet:\(filters)x\(filterSize),\(hidden)" }
  public var architecture: ModelArchitecture { .threeLayerConvolutionalNetwork(self) }
  public static var takesImages: Bool { true }

  public func plan(sampleShape: Shape, outputCount: Int) throws(ModelArchitectureError) -> NetworkPlan {
    guard (1...Self.maximumFilterSize).contains(filterSize), filterSize % 2 == 1 else {
      throw ModelArchitectureError(
        "\(name) has no filters of an odd size from 1 to \(Self.maximumFilterSize), which leave an image its size")
    }
    var planner = try NetworkPlanner(self, activation: activation, sampleShape: sampleShape, outputCount: outputCount)
    let size = Extent2d(height: filterSize, width: filterSize)
    let padding = Extent2d(height: filterSize / 2, width: filterSize / 2)
    try planner.convolution(filters, Window(size, padding: padding), named: "conv1")
    try planner.normalization(named: "norm1")
    planner.append(.activation, named: "activation1")
    try planner.maxPool(Window(2, stride: 2), named: "pool")
    planner.flatten(named: "flatten")
    try planner.linear(hidden, named: "fc1", hasBias: normalization != .batch)
    if normalization != .instance { try planner.normalization(named: "norm2") }
    planner.append(.activation, named: "activation2")
    try planner.dropout(keepProbability: keepProbability, named: "dropout")
    try planner.linear(outputCount, named: "fc2")
    return try planner.plan()
  }
}
