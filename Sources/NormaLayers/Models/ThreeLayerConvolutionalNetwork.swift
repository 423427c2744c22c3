import NormaConvolution
import NormaNormalization
import NormaTensor

/// A recipe for CS231n's three-layer convolutional network: a convolution that leaves the image its size, a max pooling that
/// halves it, a hidden linear layer, and a linear layer at the end.
///
/// The convolution and the hidden layer are each normalized and then nonlinear; a normalization that needs several
/// positions (``NormalizationKind/needsPositions``) is left out of the hidden layer, whose units have a single one. The names in files are `conv1`, `norm1`, `fc1`, `norm2`, `fc2`.
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

  public static let name = "threeLayerConvolutionalNetwork"
  public static let forms: [(form: String, meaning: String)] = [
    ("convnet[:FILTERSxSIZE,HIDDEN]", "CS231n's three layers; alone convnet:32x7,100")
  ]
  public var takesImages: Bool { true }
  public var description: String { "convnet:\(filters)x\(filterSize),\(hidden)" }

  public init?(parsing text: String) throws(ModelArchitectureError) {
    guard let parts = ModelText(text, kind: "convnet") else { return nil }
    self.init()
    guard let settings = parts.settings else { return }
    let numbers = settings.split(separator: ",", omittingEmptySubsequences: false)
    let convolution = numbers[0].split(separator: "x", omittingEmptySubsequences: false)
    guard numbers.count == 2, convolution.count == 2, let filters = Int(convolution[0]), let size = Int(convolution[1]),
      let hidden = Int(numbers[1]), (1...ModelArchitecture.maximumWidth).contains(filters),
      (1...ModelArchitecture.maximumWidth).contains(hidden), (1...Self.maximumFilterSize).contains(size), size % 2 == 1
    else {
      throw ModelArchitectureError(
        "'\(text)' does not say how many filters there are, of what odd size, and how many hidden units; write "
          + "convnet:32x7,100")
    }
    (self.filters, filterSize, self.hidden) = (filters, size, hidden)
  }

  public func build<Element: TensorElement>(
    sampleShape: Shape, outputCount: Int, random: RandomGenerator
  ) throws(ModelArchitectureError) -> Sequential<Element> {
    guard (1...Self.maximumFilterSize).contains(filterSize), filterSize % 2 == 1 else {
      throw ModelArchitectureError(
        "\(self) has no filters of an odd size from 1 to \(Self.maximumFilterSize), which leave an image its size")
    }
    var network = try NetworkBuilder<Element>(self, sampleShape: sampleShape, outputCount: outputCount, random: random)
    let size = Extent2d(height: filterSize, width: filterSize)
    let padding = Extent2d(height: filterSize / 2, width: filterSize / 2)
    try network.convolution(filters, Window(size, padding: padding), named: "conv1")
    try network.normalization(named: "norm1")
    try network.activation(named: "activation1")
    try network.append(MaxPool2d(Window(2, stride: 2)), named: "pool")
    try network.append(Flatten(), named: "flatten")
    try network.linear(hidden, named: "fc1", hasBias: !normalization.cancelsBias, isNormalized: true)
    if !normalization.needsPositions { try network.normalization(named: "norm2") }
    try network.activation(named: "activation2")
    try network.dropout(named: "dropout")
    try network.linear(outputCount, named: "fc2")
    return try network.finished()
  }
}
