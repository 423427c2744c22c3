import NormaNormalization
import NormaTensor

/// A recipe's network with fewer channels in some of its layers, as is left of one from which channels were taken out.
///
/// Whatever a ``NetworkBuilder`` builds can be narrowed so: no recipe knows of it. The layers behind take as many channels as they get.
public struct PrunedNetwork: ModelRecipe {
  /// The recipe whose network it is.
  public var whole: ModelArchitecture
  /// How many channels layers give in place of what the recipe says, by their number among the linear and convolutional layers in the
  /// order of building.
  public private(set) var widths: [Int: Int]

  /// A recipe's network with other widths; those of a pruned one are taken over.
  public init(_ recipe: any ModelRecipe, widths: [Int: Int]) {
    if let pruned = recipe as? PrunedNetwork {
      whole = pruned.whole
      self.widths = pruned.widths.merging(widths) { $1 }
    } else {
      whole = ModelArchitecture(recipe)
      self.widths = widths
    }
  }

  public static let name = "prunedNetwork"
  public static let forms: [(form: String, meaning: String)] = []
  public var takesImages: Bool { whole.recipe.takesImages }
  public var depth: NetworkDepth { whole.recipe.depth }
  public var unseenSettings: [String] { whole.recipe.unseenSettings }
  public var auxiliaryLayers: [String] { whole.recipe.auxiliaryLayers }
  public var description: String {
    "\(whole) with channels taken out of \(widths.count) layer\(widths.count == 1 ? "" : "s")"
  }

  public var normalization: NormalizationKind {
    get { whole.recipe.normalization }
    set { whole.recipe.normalization = newValue }
  }
  public var initialization: Initialization {
    get { whole.recipe.initialization }
    set { whole.recipe.initialization = newValue }
  }
  public var conventions: BatchNormalizationConventions {
    get { whole.recipe.conventions }
    set { whole.recipe.conventions = newValue }
  }

  public func build<Element: TensorElement>(
    sampleShape: Shape, outputCount: Int, random: RandomGenerator
  ) throws(ModelArchitectureError) -> Sequential<Element> {
    try LayerWidths(widths).applied { () throws(ModelArchitectureError) -> Sequential<Element> in
      try whole.recipe.build(sampleShape: sampleShape, outputCount: outputCount, random: random)
    }
  }
}
