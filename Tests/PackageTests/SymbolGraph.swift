import Foundation

/// What the compiler tells of a module's public declarations, as far as a line for each takes it.
struct SymbolGraph: Decodable {
  /// A declaration.
  struct Symbol: Decodable {
    struct Identifier: Decodable { var precise: String }
    struct Fragment: Decodable { var spelling: String }
    struct Extension: Decodable { var constraints: [Constraint]? }
    struct Constraint: Decodable { var kind, lhs, rhs: String }

    var identifier: Identifier
    var pathComponents: [String]
    var declarationFragments: [Fragment]
    var swiftExtension: Extension?
  }

  /// What binds two declarations.
  struct Relationship: Decodable {
    var kind, source, target: String
    var targetFallback: String?
  }

  var symbols: [Symbol]
  var relationships: [Relationship]

  /// A line a declaration, its path and then what stands in the sources, and one for each protocol that a type conforms to.
  ///
  /// - Parameter names: those of declarations of other modules, by their identifiers.
  func lines(names: [String: String]) -> [String] {
    var lines = symbols.map { symbol in
      let declaration = symbol.declarationFragments.map(\.spelling).joined()
        .split(whereSeparator: \.isWhitespace).joined(separator: " ")
      return "\(symbol.path)  \(declaration)\(symbol.condition(beside: declaration))"
    }
    for conformance in relationships where conformance.kind == "conformsTo" {
      guard let type = names[conformance.source] else { continue }
      let name = conformance.targetFallback ?? names[conformance.target] ?? conformance.target
      // The compiler's own way to say that a type is an ordinary one.
      if ["Swift.Copyable", "Swift.Escapable", "Swift.SendableMetatype"].contains(name) { continue }
      lines.append("\(type): \(name)")
    }
    return lines
  }
}

extension SymbolGraph.Symbol {
  /// Its name behind those of what it stands in.
  var path: String { pathComponents.joined(separator: ".") }

  /// The condition of the extension that it stands in, where its own declaration does not name it.
  fileprivate func condition(beside declaration: String) -> String {
    let conditions = (swiftExtension?.constraints ?? []).map { constraint in
      "\(constraint.lhs) \(constraint.kind == "sameType" ? "==" : ":") \(constraint.rhs)"
    }.filter { !declaration.contains($0) }
    return conditions.isEmpty ? "" : " in extension where \(conditions.sorted().joined(separator: ", "))"
  }
}
