import NormaConvolution
import NormaNormalization
import NormaTensor

/// A recipe for a small network in the manner of VGG (Simonyan and Zisserman 2014) with normalization: stages of two 3×3
/// convolutions, each normalized and then nonlinear, and a max pooling that halves the image; then a global average and a
/// linear layer.
///
/// The global average stands in place of the published network's hidden linear layers: those hold nine tenths of its
/// parameters, tie it to one size of image, and have a single position, which instance normalization cannot normalize. The
/// names in files are those of the paper: `conv1_1`, `norm1_1`, `conv1_2`, …, `fc`.
public struct VGGNetwork: FeedForwardRecipe {
  /// The channels of each stage.
  public var widths: [Int]
  /// What stands between a convolution and its nonlinearity.
  public var normalization: NormalizationKind
  /// The nonlinearity.
  public var activation: ActivationKind
  /// How the weights start; biases start at 0.
  public var initialization: Initialization
  /// The probability with which dropout before the last layer keeps a channel; 1 leaves dropout out.
  public var keepProbability: Double
  /// The conventions of batch normalization.
  public var conventions: BatchNormalizationConventions

  /// A recipe; by default of three stages, for images of 8×8 pixels at least.
  public init(
    widths: [Int] = [64, 128, 256], normalization: NormalizationKind = .batch, activation: ActivationKind = .relu,
    initialization: Initialization = .kaimingNormal, keepProbability: Double = 1,
    conventions: BatchNormalizationConventions = .pyTorch
  ) {
    self.widths = widths
    self.normalization = normalization
    self.activation = activation
    self.initialization = initialization
    self.keepProbability = keepProbability
    self.conventions = conventions
  }

  public var name: String { "vgg:" + widths.map(String.init).joined(separator: ",") }
  public var architecture: ModelArchitecture { .vggNetwork(self) }
  public static var takesImages: Bool { true }

  public func plan(sampleShape: Shape, outputCount: Int) throws(ModelArchitectureError) -> NetworkPlan {
    guard !widths.isEmpty else { throw ModelArchitectureError("a VGG network has one stage at least, such as vgg:64") }
    var planner = try NetworkPlanner(self, activation: activation, sampleShape: sampleShape, outputCount: outputCount)
    for (index, width) in widths.enumerated() {
      let stage = index + 1
      for number in 1...2 {
        try planner.convolution(width, Window(3, padding: 1), named: "conv\(stage)_\(number)")
        try planner.normalization(named: "norm\(stage)_\(number)")
        planner.append(.activation, named: "activation\(stage)_\(number)")
      }
      try planner.maxPool(Window(2, stride: 2), named: "pool\(stage)")
    }
    planner.globalAverage(named: "avgpool")
    try planner.dropout(keepProbability: keepProbability, named: "dropout")
    try planner.linear(outputCount, named: "fc")
    return try planner.plan()
  }
}
