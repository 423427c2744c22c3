import NormaTensor
import Normalization

/// A recipe for a fully connected network: hidden layers, each linear, then normalized, then nonlinear; and a linear
/// layer at the end.
public struct MultilayerPerceptron: Hashable, Sendable, Codable {
  /// What stands between a hidden layer's linear map and its nonlinearity.
  public enum Normalization: String, Sendable, Codable, CaseIterable { case none, batch, layer }
  /// The nonlinearity.
  public enum Activation: String, Sendable, Codable, CaseIterable { case relu, leakyReLU, sigmoid, tanh }

  /// The widths of the hidden layers.
  public var hidden: [Int]
  /// What stands between each hidden layer's linear map and its nonlinearity.
  public var normalization: Normalization
  /// The nonlinearity after each hidden layer.
  public var activation: Activation
  /// How the weights of all linear layers start; biases start at 0.
  public var initialization: Initialization
  /// The probability with which dropout after each nonlinearity keeps a unit; 1 leaves dropout out.
  public var keepProbability: Double
  /// The conventions of batch normalization.
  public var conventions: BatchNormalizationConventions

  /// A recipe; by default with batch normalization, ReLU, and no dropout.
  public init(
    hidden: [Int], normalization: Normalization = .batch, activation: Activation = .relu,
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

  /// Builds the network for samples of the given shape (without the batch axis).
  ///
  /// Each linear layer draws from a generator of its own, split from the given one by the layer's number: networks that
  /// differ in normalization alone start from the same weights.
  public func build<Element: TensorElement>(
    sampleShape: Shape, outputCount: Int, random: RandomGenerator
  ) -> Sequential<Element> {
    var layers: [any Layer<Element>] = sampleShape.rank > 1 ? [Flatten()] : []
    var inputs = sampleShape.elementCount
    for (number, width) in hidden.enumerated() {
      var generator = random.split(UInt64(number))
      // Batch normalization subtracts any bias again, and beta takes its place.
      layers.append(
        Linear(
          inputs, width, hasBias: normalization != .batch, initialization: initialization, using: &generator))
      switch normalization {
      case .none: break
      case .batch: layers.append(BatchNorm(width, conventions: conventions))
      case .layer: layers.append(LayerNorm(width, epsilon: conventions.epsilon))
      }
      switch activation {
      case .relu: layers.append(ReLU())
      case .leakyReLU: layers.append(LeakyReLU())
      case .sigmoid: layers.append(Sigmoid())
      case .tanh: layers.append(Tanh())
      }
      if keepProbability < 1 { layers.append(Dropout(keepProbability: keepProbability)) }
      inputs = width
    }
    var generator = random.split(UInt64(hidden.count))
    layers.append(Linear(inputs, outputCount, initialization: initialization, using: &generator))
    return Sequential(layers)
  }
}
