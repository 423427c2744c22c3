/// A value that files hold under a name which its program gave it: a loss, an optimizer, a schedule, the recipe of a model.
///
/// What it encodes are its settings. The name is what says, in a file, which type is to decode them, so it must never
/// change.
public protocol NamedSettings: Codable, Hashable, Sendable {
  /// The name in files, such as `adam`.
  static var name: String { get }
}

/// The kinds of something that programs may add to, by the names under which files hold them.
///
/// ```swift
/// try LossRegistry.shared.register(FocalLoss.self)  // before a checkpoint that names it is read
/// ```
///
/// In JSON a value is `{"name": "adam", "settings": {…}}`.
public final class Registry<Kind: Sendable>: Sendable {
  /// What it holds, in words, for errors: `optimizer`.
  public let noun: String
  private let types: Guarded<[String: any NamedSettings.Type]>

  /// A registry of the given kinds, whose names must differ.
  public init(of noun: String, _ types: [any NamedSettings.Type]) {
    self.noun = noun
    self.types = Guarded(Dictionary(uniqueKeysWithValues: types.map { ($0.name, $0) }))
  }

  /// Adds a kind; one that is there already may be added again.
  ///
  /// - Throws: ``RegistryError`` where another type has its name.
  public func register<Settings: NamedSettings>(_ type: Settings.Type) throws(RegistryError) {
    let isFree = types.withLock { types in
      if let known = types[type.name] { return known == type }
      types[type.name] = type
      return true
    }
    guard isFree else {
      throw RegistryError(description: "another \(noun) is registered under the name '\(type.name)'")
    }
  }

  /// The names of all kinds, in order.
  public var names: [String] { types.withLock { $0.keys.sorted() } }

  /// The type of a name.
  ///
  /// - Throws: ``RegistryError`` where no kind of that name is registered; it names those that are.
  public func type(named name: String) throws(RegistryError) -> any NamedSettings.Type {
    guard let type = types.withLock({ $0[name] }) else {
      throw RegistryError(
        description: "no \(noun) is registered under the name '\(name)'; there are \(names.joined(separator: ", "))")
    }
    return type
  }

  private enum Keys: String, CodingKey { case name, settings }

  /// Writes a value's name and settings.
  ///
  /// - Throws: ``RegistryError`` where the value's type is not registered: what was written could not be read again.
  public func encode<Settings: NamedSettings>(_ value: Settings, to encoder: any Encoder) throws {
    guard types.withLock({ $0[Settings.name] }) == Settings.self else {
      throw RegistryError(
        description: "the \(noun) '\(Settings.name)' is not registered, and could not be read again once it is written")
    }
    var container = encoder.container(keyedBy: Keys.self)
    try container.encode(Settings.name, forKey: .name)
    try container.encode(value, forKey: .settings)
  }

  /// Reads a value by the name that stands beside its settings.
  ///
  /// What versions without registries wrote is read too: a name alone, and a name as the key of the settings.
  ///
  /// - Throws: ``RegistryError`` for a name that is not registered, `DecodingError` for settings that its type does not read.
  public func decode(from decoder: any Decoder) throws -> Kind {
    let (name, settings) = try namedSettings(in: decoder)
    guard let kind = try type(named: name).init(from: settings) as? Kind else {
      throw RegistryError(description: "'\(name)' is no \(noun)")
    }
    return kind
  }

  private func namedSettings(in decoder: any Decoder) throws -> (name: String, settings: any Decoder) {
    if let name = try? decoder.singleValueContainer().decode(String.self) { return (name, decoder) }
    let container = try decoder.container(keyedBy: Keys.self)
    if container.contains(.name) {
      return (try container.decode(String.self, forKey: .name), try container.superDecoder(forKey: .settings))
    }
    let cases = try decoder.container(keyedBy: CaseName.self)
    guard cases.allKeys.count == 1, let key = cases.allKeys.first else {
      throw RegistryError(description: "there is no name of a \(noun)")
    }
    let unlabelled = try cases.nestedContainer(keyedBy: CaseName.self, forKey: key)
    let label = CaseName(stringValue: "_0")
    return (
      key.stringValue,
      try unlabelled.contains(label) ? unlabelled.superDecoder(forKey: label) : cases.superDecoder(forKey: key)
    )
  }

  /// The name of an enumeration's case, as Swift writes it.
  private struct CaseName: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }
}

/// Why a kind cannot be registered, or is not known.
public struct RegistryError: Error, Equatable, Sendable, CustomStringConvertible {
  public let description: String
}
