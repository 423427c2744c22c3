import Foundation
import TestSupport
import Testing

/// Manual pages and completions, as `Utils/make-manual` makes them of the built command.
@Suite(.enabled(if: Tool.isThere("python3"))) struct ManualTests {
  /// The commands whose help is held.
  static let commands: [String] = {
    let snapshots = PublicNamesTests.package.appending(path: "Tests/CommandTests/Snapshots").path
    let files = try? FileManager.default.contentsOfDirectory(atPath: snapshots)
    return (files ?? []).map { String($0.dropLast(".txt".count)) }.sorted()
  }()

  @Test func everyCommandHasAPageWithItsOptions() throws {
    try withManual { folder in
      #expect(Self.commands.count > 10)
      for command in Self.commands {
        let name = command == "norma" ? command : "norma-\(command)"
        let page = try String(contentsOf: folder.appending(path: "man/man1/\(name).1"), encoding: .utf8)
        let help = try String(
          contentsOf: PublicNamesTests.package.appending(path: "Tests/CommandTests/Snapshots/\(command).txt"),
          encoding: .utf8)
        for option in Set(help.matches(of: /(?m)^ {2}(?:-., )?(--[a-z-]+)/).map { String($0.1) }) {
          #expect(page.contains("\\fB" + option.replacing("-", with: "\\-")), "\(name) tells nothing of \(option)")
        }
      }
    }
  }

  @Test(.enabled(if: Tool.isThere("mandoc") || Tool.isThere("groff")))
  func pagesAreWellFormed() throws {
    try withManual { folder in
      let manual = folder.appending(path: "man/man1")
      for file in try FileManager.default.contentsOfDirectory(at: manual, includingPropertiesForKeys: nil) {
        if Tool.isThere("mandoc") {
          let found = try Tool.run("mandoc", "-T", "lint", "-W", "warning", file.path)
          #expect(found == (0, ""))
        }
        if Tool.isThere("groff") {
          #expect(try Tool.run("groff", "-ww", "-z", "-man", "-K", "utf8", "-T", "utf8", file.path) == (0, ""))
        }
      }
    }
  }

  @Test(arguments: [
    ("bash", "bash-completion/completions/norma"), ("zsh", "zsh/site-functions/_norma"),
    ("fish", "fish/vendor_completions.d/norma.fish"),
  ])
  func shellsReadTheCompletions(shell: String, file: String) throws {
    try withManual { folder in
      let script = folder.appending(path: file)
      let text = try String(contentsOf: script, encoding: .utf8)
      #expect(text.contains("recalibrate") && text.contains("learning-rate"))
      if Tool.isThere(shell) { #expect(try Tool.run(shell, "-n", script.path) == (0, "")) }
    }
  }

  private func withManual(_ body: (URL) throws -> Void) throws {
    try withTemporaryDirectory { folder in
      let made = try Tool.run("Utils/make-manual", builtProgram(named: "norma").path, folder.path)
      try #require(made == (0, ""))
      try body(folder)
    }
  }
}
