import NormaTensor

/// The recipe of a network, of whatever kind, as settings and checkpoints hold it.
public struct ModelArchitecture: Hashable, Sendable, Codable {
  /// How the network is built.
  public var recipe: any ModelRecipe

  /// The architecture of a recipe.
  public init(_ recipe: any ModelRecipe) { self.recipe = recipe }

  /// The architecture that a text such as `mlp:100,100` or `resnet20` describes, by the recipes in ``ModelRegistry/shared``.
  public init(parsing text: String) throws(ModelArchitectureError) {
    for type in Self.kinds {
      if let recipe = try type.init(parsing: text) {
        self.init(recipe)
        return
      }
    }
    let forms = Self.forms.map { "\($0.form) (\($0.meaning))" }.joined(separator: ", ")
    throw ModelArchitectureError("there is no model '\(text)'; the models are \(forms)")
  }

  /// The forms of the texts that ``init(parsing:)`` takes, and what they stand for, for help texts.
  public static var forms: [(form: String, meaning: String)] { kinds.flatMap { $0.forms } }

  private static var kinds: [any ModelRecipe.Type] {
    ModelRegistry.shared.names.compactMap { try? ModelRegistry.shared.type(named: $0) as? any ModelRecipe.Type }
  }

  /// The most units one layer can have: more than any fully connected layer needs, and few enough that the product of
  /// two widths is a number.
  public static let maximumWidth = 1 << 24

  /// The most parameters a network can have: 8 GiB of them as `Float`.
  public static let maximumParameterCount = 1 << 31

  public static func == (a: Self, b: Self) -> Bool { AnyHashable(a.recipe) == AnyHashable(b.recipe) }
  public func hash(into hasher: inout Hasher) { recipe.hash(into: &hasher) }

  public func encode(to encoder: any Encoder) throws { try ModelRegistry.shared.encode(recipe, to: encoder) }

  public init(from decoder: any Decoder) throws {
    if let old = try EarlierForm(decoder) {
      recipe = old.recipe
    } else {
      recipe = try ModelRegistry.shared.decode(from: decoder)
    }
  }

  /// What files held before there was a registry: `{"vggNetwork": {"_0": {…}}}`.
  private struct EarlierForm {
    let recipe: any ModelRecipe

    private struct Key: CodingKey {
      let stringValue: String
      var intValue: Int? { nil }
      init(stringValue: String) { self.stringValue = stringValue }
      init?(intValue: Int) { nil }
    }

    init?(_ decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: Key.self)
      guard container.allKeys.count == 1, let key = container.allKeys.first,
        let type = try ModelRegistry.shared.type(named: key.stringValue) as? any ModelRecipe.Type
      else { return nil }
      let settings = try container.nestedContainer(keyedBy: Key.self, forKey: key)
      recipe = try type.init(from: settings.superDecoder(forKey: Key(stringValue: "_0")))
    }
  }
}

extension ModelArchitecture: CustomStringConvertible {
  /// The text that ``init(parsing:)`` reads, or words where no text leads to it.
  public var description: String { recipe.description }
}

/// Why a network cannot be built.
public struct ModelArchitectureError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What is wrong, and what would be right.
  public let description: String
  /// An error in words.
  public init(_ description: String) { self.description = description }
}
