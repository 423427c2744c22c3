import Foundation
import TestSupport
import Testing

/// The code of README, of the guides and modules' pages, and of documentation comments: each block stands in a file that is compiled, and
/// pages' code is run.
@Suite struct DocumentationCodeTests {
  private static let project = fixturesDirectory.deletingLastPathComponent().deletingLastPathComponent()

  /// Where code stands that is compiled, and what of it is run by the tests of its own package or module.
  private static let compiled = [
    "Tests/Guides", "Tests/NormaTrainingTests/ReadmeTests.swift", "Examples/OwnParts",
    "Examples/ShortPrograms/Programs",
  ]

  private static func files(in paths: [String], withSuffix suffix: String) -> [URL] {
    paths.flatMap { path -> [URL] in
      let url = project.appending(path: path)
      guard let inside = FileManager.default.enumerator(at: url, includingPropertiesForKeys: nil),
        !path.hasSuffix(suffix)
      else { return [url] }
      return inside.compactMap { $0 as? URL }.filter {
        $0.path.hasSuffix(suffix) && !$0.path.contains("/.build/") && !$0.path.contains("/docs/build/")
      }
    }
  }

  /// Code without what changes nothing: spaces and line breaks, imports, comments, commas, which stand behind what is in a list, and what
  /// says that a result is not used, which it is where it is only shown.
  private static func core(_ code: some StringProtocol) -> String {
    code.split(separator: "\n").map { line -> String in
      let line = line.firstRange(of: "//").map { line[..<$0.lowerBound] } ?? line[...]
      return line.trimmingPrefix(while: \.isWhitespace).hasPrefix("import ")
        ? "" : String(line.filter { !$0.isWhitespace && $0 != "," }).replacing("_=", with: "")
    }.joined()
  }

  /// All blocks of a text that are marked as Swift's.
  private static func blocks(_ text: String) -> [String] {
    text.components(separatedBy: "```swift\n").dropFirst().map { $0.components(separatedBy: "```")[0] }
  }

  /// The documentation comments of a source, as a text.
  private static func comments(_ source: String) -> String {
    source.split(separator: "\n", omittingEmptySubsequences: false)
      .map { $0.drop(while: \.isWhitespace) }
      .map { $0.hasPrefix("///") ? String($0.dropFirst($0.hasPrefix("/// ") ? 4 : 3)) : "" }
      .joined(separator: "\n")
  }

  @Test func everyBlockStandsWhereItIsCompiled() throws {
    let code = try Self.files(in: Self.compiled, withSuffix: ".swift").map { file in
      Self.core(try String(contentsOf: file, encoding: .utf8))
    }
    var count = 0
    func look(_ text: String, _ file: URL) {
      for block in Self.blocks(text) {
        // What stands in a manifest names what the reader has.
        guard !block.contains("\"…\"") else { continue }
        count += 1
        let wanted = Self.core(block)
        #expect(
          code.contains { $0.contains(wanted) },
          "\(file.lastPathComponent): this code stands in none of \(Self.compiled.joined(separator: ", ")):\n\(block)")
      }
    }
    for file in Self.files(
      in: ["README.md", "CONTRIBUTING.md", "docs", "Sources", "Serve/README.md"], withSuffix: ".md")
    {
      look(try String(contentsOf: file, encoding: .utf8), file)
    }
    for file in Self.files(in: ["Sources"], withSuffix: ".swift") where !file.path.contains(".docc/") {
      look(Self.comments(try String(contentsOf: file, encoding: .utf8)), file)
    }
    #expect(count > 100)
    // The steps of tutorials; the package is like the one that `Utils/check-bare` builds.
    for file in Self.files(in: ["Sources/Norma/Norma.docc/Resources"], withSuffix: ".swift")
    where !file.path.hasSuffix("Package.swift") {
      let wanted = Self.core(try String(contentsOf: file, encoding: .utf8))
      #expect(code.contains { $0.contains(wanted) }, "\(file.lastPathComponent) stands in none")
    }
  }

  /// The pages that the program of the guides has.
  private static let pages: [String] = {
    let outcome = try? run([])
    return outcome?.split(separator: "\n").map(String.init) ?? []
  }()

  private static func run(_ arguments: [String], in folder: URL? = nil) throws -> String {
    let process = Process()
    process.executableURL = try Norma.executable.get().deletingLastPathComponent().appending(path: "guides")
    process.arguments = arguments
    process.currentDirectoryURL = folder
    let (output, errors) = (Pipe(), Pipe())
    (process.standardOutput, process.standardError) = (output, errors)
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    let words = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(arguments.joined(separator: " ")): \(words)")
    return text
  }

  @Test(arguments: pages) func thePagesCodeDoesWhatItSays(page: String) throws {
    let folder = try Folder()
    _ = try Self.run([page], in: folder.url)
  }

  @Test func thereArePages() { #expect(Self.pages.count > 25) }
}
