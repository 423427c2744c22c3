import NormaNormalization
import NormaTensor

/// How to build networks of one kind, as a value that checkpoints hold.
///
/// A recipe says what its layers are, as a ``NetworkPlan``; from that their parameters are counted and the network is built.
public protocol ModelRecipe: Hashable, Sendable, Codable {
  /// What it is called: what ``ModelArchitecture/init(parsing:)`` reads, or a description where no name leads to it.
  var name: String { get }
  /// The recipe as one of those that can be asked for by name.
  var architecture: ModelArchitecture { get }
  /// Whether samples must be images `[height, width, channels]`.
  static var takesImages: Bool { get }
  /// What stands between linear or convolutional layers and nonlinearities.
  var normalization: NormalizationKind { get set }
  /// How the weights start; biases start at 0.
  var initialization: Initialization { get set }
  /// The conventions of batch normalization.
  var conventions: BatchNormalizationConventions { get set }

  /// The network's layers for samples of the given shape (without the batch axis).
  ///
  /// - Throws: ``ModelArchitectureError`` where the recipe makes no sense, or not for such samples, and where the network
  ///   would have more than ``ModelArchitecture/maximumParameterCount`` parameters.
  func plan(sampleShape: Shape, outputCount: Int) throws(ModelArchitectureError) -> NetworkPlan
}

/// A recipe for networks without branches, in which the nonlinearity and dropout can be chosen.
public protocol FeedForwardRecipe: ModelRecipe {
  /// The nonlinearity.
  var activation: ActivationKind { get set }
  /// The probability with which dropout keeps a unit; 1 leaves dropout out.
  var keepProbability: Double { get set }
}

extension ModelRecipe {
  /// Builds the network for samples of the given shape (without the batch axis), for which the recipe must make sense.
  ///
  /// Each layer with weights draws them from a generator of its own, split from the given one by the layer's number: networks
  /// that differ in normalization alone start from the same weights.
  public func build<Element: TensorElement>(
    _ type: Element.Type = Element.self, sampleShape: Shape, outputCount: Int, random: RandomGenerator
  ) -> Sequential<Element> {
    do {
      return try plan(sampleShape: sampleShape, outputCount: outputCount).build(random: random)
    } catch {
      fatalError(error.description)
    }
  }
}
