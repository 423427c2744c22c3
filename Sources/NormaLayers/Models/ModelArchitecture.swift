import NormaTensor

/// A network that can be asked for by name, and built again from what a checkpoint says of it.
public enum ModelArchitecture: Hashable, Sendable, Codable {
  /// Fully connected layers: `mlp:512,512`.
  case multilayerPerceptron(MultilayerPerceptron)
  /// A convolution, a hidden layer and one more: `convnet`.
  case threeLayerConvolutionalNetwork(ThreeLayerConvolutionalNetwork)
  /// Blocks of convolutions with ways around them: `resnet20`.
  case residualNetwork(ResidualNetwork)
  /// Convolutions one after the other: `vgg`.
  case vggNetwork(VGGNetwork)

  /// The most units one layer can have: more than any fully connected layer needs, and few enough that the product of
  /// two widths is a number.
  public static let maximumWidth = 1 << 24

  /// The most parameters a network can have: 8 GiB of them as `Float`.
  public static let maximumParameterCount = 1 << 31

  /// How it is built.
  public var recipe: any ModelRecipe {
    switch self {
    case .multilayerPerceptron(let recipe): recipe
    case .threeLayerConvolutionalNetwork(let recipe): recipe
    case .residualNetwork(let recipe): recipe
    case .vggNetwork(let recipe): recipe
    }
  }

  /// The name that ``init(parsing:)`` reads, or a description where no name leads to it.
  public var name: String { recipe.name }

  /// Whether samples must be images `[height, width, channels]`.
  public var takesImages: Bool { type(of: recipe).takesImages }

  /// What stands between linear or convolutional layers and nonlinearities.
  public var normalization: NormalizationKind {
    get { recipe.normalization }
    set {
      var recipe = recipe
      recipe.normalization = newValue
      self = recipe.architecture
    }
  }

  /// How the weights start.
  public var initialization: Initialization {
    get { recipe.initialization }
    set {
      var recipe = recipe
      recipe.initialization = newValue
      self = recipe.architecture
    }
  }

  /// Builds the network for samples of the given shape (without the batch axis), which must be right for it.
  public func build<Element: TensorElement>(
    _ type: Element.Type = Element.self, sampleShape: Shape, outputCount: Int, random: RandomGenerator
  ) -> Sequential<Element> {
    recipe.build(sampleShape: sampleShape, outputCount: outputCount, random: random)
  }

  /// How many numbers are trained, found without building anything.
  ///
  /// - Throws: ``ModelArchitectureError`` where the recipe makes no sense, or not for such samples, and where it asks for
  ///   more than ``maximumParameterCount``.
  public func parameterCount(sampleShape: Shape, outputCount: Int) throws(ModelArchitectureError) -> Int {
    try recipe.plan(sampleShape: sampleShape, outputCount: outputCount).parameterCount
  }
}

/// Why a network cannot be built.
public struct ModelArchitectureError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What is wrong, and what would be right.
  public let description: String
  init(_ description: String) { self.description = description }
}
