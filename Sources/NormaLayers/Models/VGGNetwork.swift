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

  public static let name = "vggNetwork"
  public static let forms: [(form: String, meaning: String)] = [
    ("vgg[:WIDTH,WIDTH…]", "two convolutions a stage; alone vgg:64,128,256")
  ]
  public var takesImages: Bool { true }
  public var description: String { "vgg:" + widths.map(String.init).joined(separator: ",") }
  public var depth: NetworkDepth { .deep }

  public init?(parsing text: String) throws(ModelArchitectureError) {
    guard let parts = ModelText(text, kind: "vgg") else { return nil }
    self.init()
    widths = try parts.widths(like: "vgg:64,128") ?? widths
  }

  public func build<Element: TensorElement>(
    sampleShape: Shape, outputCount: Int, random: RandomGenerator
  ) throws(ModelArchitectureError) -> Sequential<Element> {
    guard !widths.isEmpty else { throw ModelArchitectureError("a VGG network has one stage at least, such as vgg:64") }
    var network = try NetworkBuilder<Element>(self, sampleShape: sampleShape, outputCount: outputCount, random: random)
    for (index, width) in widths.enumerated() {
      let stage = index + 1
      for number in 1...2 {
        try network.convolution(width, Window(3, padding: 1), named: "conv\(stage)_\(number)")
        try network.normalization(named: "norm\(stage)_\(number)")
        try network.activation(named: "activation\(stage)_\(number)")
      }
      try network.append(MaxPool2d(Window(2, stride: 2)), named: "pool\(stage)")
    }
    try network.append(GlobalAveragePool(), named: "avgpool")
    try network.dropout(named: "dropout")
    try network.linear(outputCount, named: "fc")
    return try network.finished()
  }
}
