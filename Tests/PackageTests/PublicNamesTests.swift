import Foundation
import TestSupport
import Testing

/// Every public declaration of the libraries is held by a file in `PublicNames`, a product each, so that none changes unannounced.
/// After a change that is wanted, run these tests with `NORMA_RENEW_SNAPSHOTS=1` in the environment and look at the difference in
/// git: docs/Versions.md says which number it takes.
struct PublicNamesTests {
  static let package = fixturesDirectory.deletingLastPathComponent().deletingLastPathComponent()

  /// The products that are libraries, as `Package.swift` has them.
  static let products: [String] = {
    let manifest = try? String(contentsOf: package.appending(path: "Package.swift"), encoding: .utf8)
    return (manifest ?? "").matches(of: /\.library\(name: "(\w+)"/).map { String($0.1) }
  }()

  /// The modules that a product brings: its own, or those that `import Norma` brings.
  static func modules(of product: String) throws -> [String] {
    guard product == "NormaLibrary" else { return [product] }
    let exports = try String(contentsOf: package.appending(path: "Sources/Norma/Norma.swift"), encoding: .utf8)
    return exports.matches(of: /@_exported import (\w+)/).map { String($0.1) }
  }

  @Test func everyLibraryIsHeld() throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
    #expect(Set(files) == Set(Self.products.map { "\($0).txt" }) && !files.isEmpty)
    #expect(try Self.modules(of: "NormaLibrary").count > 1)
  }

  // Other compilers spell declarations otherwise, and other systems' modules lie elsewhere.
  #if os(Linux) && compiler(<6.4)
    @Test(arguments: products) func publicNamesAreThoseThatAreCommitted(product: String) throws {
      let found = try Self.modules(of: product).map { "\($0)\n\n" + (try Self.names(of: $0)) }.joined(separator: "\n")
      let file = Self.folder.appending(path: "\(product).txt")
      if CommittedHashes.renews { try Data(found.utf8).write(to: file, options: .atomic) }
      let committed = try String(contentsOf: file, encoding: .utf8)
      guard found != committed else { return }

      let lines = (committed.split(separator: "\n"), found.split(separator: "\n"))
      let changes = lines.1.difference(from: lines.0).map { change in
        switch change {
        case .remove(_, let line, _): "- \(line)"
        case .insert(_, let line, _): "+ \(line)"
        }
      }
      Issue.record(
        """
        Public names of \(product) changed:
        \(changes.joined(separator: "\n"))
        If that is wanted, docs/Versions.md says which version it takes, and this writes the names anew:
        NORMA_RENEW_SNAPSHOTS=1 swift test -c release --disable-testable-imports --filter PublicNamesTests
        """)
    }
  #endif

  private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "PublicNames")

  /// A module's public declarations, a sorted line each.
  private static func names(of module: String) throws -> String {
    try withTemporaryDirectory { folder in
      let built = try #require(buildFolders.first)
      let map = built.appending(path: "CKernels.build/module.modulemap").path
      #if arch(x86_64)
        let target = "x86_64-unknown-linux-gnu"
      #else
        let target = "aarch64-unknown-linux-gnu"
      #endif
      let arguments =
        [
          "swift-symbolgraph-extract", "-module-name", module, "-target", target, "-output-dir", folder.path,
          "-minimum-access-level", "public", "-skip-synthesized-members", "-skip-inherited-docs",
          "-I", built.appending(path: "Modules").path, "-Xcc", "-fmodule-map-file=\(map)",
        ] + ["CZlib", "CPNG", "CJPEG"].flatMap { ["-I", "Sources/\($0)"] }
      let (status, output) = try Tool.run(arguments)
      try #require(status == 0, "\(output)")

      // The module's own, and what it adds to types of others.
      let graphs = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil).map {
        file in
        try JSONDecoder().decode(SymbolGraph.self, from: Data(contentsOf: file))
      }
      let names = Dictionary(
        graphs.flatMap(\.symbols).map { ($0.identifier.precise, $0.path) }, uniquingKeysWith: { first, _ in first })
      let lines = Set(graphs.flatMap { $0.lines(names: names) }).sorted()
      return lines.map { "\($0)\n" }.joined()
    }
  }
}
