import NormaNormalization
import NormaTensor

/// How to build networks of one kind, as a value that checkpoints hold under the kind's `NamedSettings.name`.
///
/// ```swift
/// try ModelRegistry.shared.register(ONNXRecipe.self)  // before a text or a checkpoint that names it is read
/// ```
///
/// Its description is what ``init(parsing:)`` reads, or words where no text leads to it.
public protocol ModelRecipe: NamedSettings, CustomStringConvertible {
  /// The forms of the texts that `init(parsing:)` takes, and what they stand for, for help texts.
  static var forms: [(form: String, meaning: String)] { get }
  /// Whether samples must be images `[height, width, channels]`; they need not by default.
  var takesImages: Bool { get }
  /// How deep its networks are, by which the command trains them where it is not told; ``NetworkDepth/moderate`` by default.
  var depth: NetworkDepth { get }
  /// What stands between linear or convolutional layers and nonlinearities.
  var normalization: NormalizationKind { get set }
  /// How the weights start; biases start at 0.
  var initialization: Initialization { get set }
  /// The conventions of batch normalization.
  var conventions: BatchNormalizationConventions { get set }

  /// What of the recipe no file of its networks' numbers shows, each in words, such as where a stride is: what is to be said where such a file
  /// is taken for one of them. Nothing by default.
  var unseenSettings: [String] { get }

  /// The names of layers that files of its networks may hold besides, for training alone: their entries are left out. None by default.
  var auxiliaryLayers: [String] { get }

  /// The recipe that a text such as `mlp:100,100` describes, with everything that the text does not say at its default; nil,
  /// as always by default, if the text is about another kind.
  ///
  /// - Throws: ``ModelArchitectureError`` for a text about this kind that makes no sense.
  init?(parsing text: String) throws(ModelArchitectureError)

  /// Builds the network for samples of the given shape (without the batch axis), most simply by a ``NetworkBuilder``.
  ///
  /// - Throws: ``ModelArchitectureError`` where the recipe makes no sense, or not for such samples.
  func build<Element: TensorElement>(
    sampleShape: Shape, outputCount: Int, random: RandomGenerator
  ) throws(ModelArchitectureError) -> Sequential<Element>
}

extension ModelRecipe {
  public var takesImages: Bool { false }
  public var depth: NetworkDepth { .moderate }
  public var unseenSettings: [String] { [] }
  public var auxiliaryLayers: [String] { [] }
  public var description: String { Self.name }
  public init?(parsing text: String) throws(ModelArchitectureError) { nil }

  /// How many numbers are trained. The network is built for it; nothing is drawn.
  ///
  /// - Throws: ``ModelArchitectureError`` as ``build(sampleShape:outputCount:random:)`` does.
  public func parameterCount(sampleShape: Shape, outputCount: Int) throws(ModelArchitectureError) -> Int {
    let network: Sequential<Float> = try build(
      sampleShape: sampleShape, outputCount: outputCount, random: RandomGenerator(seed: 0))
    return network.parameterCount
  }
}

/// A recipe for networks without branches, in which the nonlinearity and dropout can be chosen.
public protocol FeedForwardRecipe: ModelRecipe {
  /// The nonlinearity.
  var activation: ActivationKind { get set }
  /// The probability with which dropout keeps a unit; 1 leaves dropout out.
  var keepProbability: Double { get set }
}

/// How deep a network is, as far as it decides what trains it well.
public enum NetworkDepth: Sendable {
  /// Fully connected, of two hidden layers at most: bears high rates.
  case shallow
  /// In between.
  case moderate
  /// Many convolutions: best trained by stochastic gradient descent with momentum, a high rate and a penalty on weights.
  case deep
}

/// The recipes that texts and checkpoints can name: Norma's, and those that a program registers.
public enum ModelRegistry {
  /// The one registry.
  public static let shared = Registry<any ModelRecipe>(
    of: "model",
    [
      MultilayerPerceptron.self, ThreeLayerConvolutionalNetwork.self, ResidualNetwork.self, VGGNetwork.self,
      AlexNet.self,
      ConvNeXt.self, DenseNet.self, EfficientNet.self, GoogLeNet.self, MNASNet.self, MobileNetV2.self, MobileNetV3.self,
      PrunedNetwork.self, PublishedVGGNetwork.self, RegNet.self, ShuffleNetV2.self, SqueezeNet.self,
    ])
}
