import NormaTensor

/// A network that can be asked for by name, and built again from what a checkpoint says of it.
public enum ModelArchitecture: Hashable, Sendable, Codable {
  /// Fully connected layers: `mlp:512,512`.
  case multilayerPerceptron(MultilayerPerceptron)

  /// The most units one layer can have: more than any fully connected layer needs, and few enough that the product of
  /// two widths is a number.
  public static let maximumWidth = 1 << 24

  /// The most parameters a network can have: 8 GiB of them as `Float`.
  public static let maximumParameterCount = 1 << 31

  /// The names that ``init(parsing:)`` takes, for help texts.
  public static let knownNames = "mlp:WIDTH[,WIDTH…] (fully connected hidden layers; mlp: alone has none)"

  /// The architecture that a name such as `mlp:100,100` describes, with everything but the widths at its default.
  public init(parsing name: String) throws(ModelArchitectureError) {
    let parts = name.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts[0] == "mlp" else {
      throw ModelArchitectureError("there is no model '\(name)'; the models are \(Self.knownNames)")
    }
    let widths =
      parts.count < 2 || parts[1].isEmpty ? [] : parts[1].split(separator: ",", omittingEmptySubsequences: false)
    var hidden = [Int]()
    for width in widths {
      guard let value = Int(width), (1...Self.maximumWidth).contains(value) else {
        throw ModelArchitectureError(
          "'\(width)' in '\(name)' is no number of units; write whole numbers from 1 to \(Self.maximumWidth), such as mlp:512,512"
        )
      }
      hidden.append(value)
    }
    self = .multilayerPerceptron(MultilayerPerceptron(hidden: hidden))
  }

  /// The name that ``init(parsing:)`` reads.
  public var name: String {
    switch self {
    case .multilayerPerceptron(let recipe): "mlp:" + recipe.hidden.map(String.init).joined(separator: ",")
    }
  }

  /// Builds the network for samples of the given shape (without the batch axis).
  public func build<Element: TensorElement>(
    _ type: Element.Type = Element.self, sampleShape: Shape, outputCount: Int, random: RandomGenerator
  ) -> Sequential<Element> {
    switch self {
    case .multilayerPerceptron(let recipe):
      recipe.build(sampleShape: sampleShape, outputCount: outputCount, random: random)
    }
  }

  /// How many numbers are trained, found without building anything.
  ///
  /// - Throws: ``ModelArchitectureError`` where a recipe makes no sense or asks for more than
  ///   ``maximumParameterCount``.
  public func parameterCount(sampleShape: Shape, outputCount: Int) throws(ModelArchitectureError) -> Int {
    switch self {
    case .multilayerPerceptron(let recipe):
      let widths = [sampleShape.elementCount] + recipe.hidden + [outputCount]
      guard widths.allSatisfy({ (1...Self.maximumWidth).contains($0) }), widths.count < 10_000 else {
        throw ModelArchitectureError("layers of \(widths.prefix(8)) units cannot be built")
      }
      guard recipe.keepProbability > 0, recipe.keepProbability <= 1 else {
        throw ModelArchitectureError("\(recipe.keepProbability) is no probability to keep")
      }
      let perUnit = recipe.normalization == .none ? 1 : (recipe.normalization == .batch ? 2 : 3)
      let count =
        zip(widths, widths.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 } + recipe.hidden.reduce(0, +) * perUnit
        + outputCount
      guard count <= Self.maximumParameterCount else {
        throw ModelArchitectureError(
          "\(name) would have \(count) parameters here; at most \(Self.maximumParameterCount) are possible")
      }
      return count
    }
  }
}

/// Why a network cannot be built.
public struct ModelArchitectureError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What is wrong, and what would be right.
  public let description: String
  init(_ description: String) { self.description = description }
}
