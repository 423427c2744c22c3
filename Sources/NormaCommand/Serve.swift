import ArgumentParser
import Foundation
import Norma

/// `norma serve`: hands over to `norma-serve`, where that is installed.
struct Serve: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Answer HTTP requests with saved models, by the program norma-serve.",
    usage: "norma serve <model> ... [<options>]",
    discussion: """
      norma-serve is a program of its own, so that neither the library nor norma brings a web server. It stands beside norma or \
      on the PATH, and gets all arguments as they are: `norma-serve --help` tells which. From Norma's repository,

        swift build -c release --package-path Serve

      builds it: Serve/.build/release/norma-serve.
      """)

  @Argument(
    parsing: .captureForPassthrough,
    help: ArgumentHelp("What norma-serve takes: models and options.", valueName: "arguments"))
  var arguments: [String] = []

  func run() throws {
    guard let program = Self.program() else {
      throw UsageError(
        "norma-serve is neither beside norma nor on the PATH. It is built in Norma's repository by "
          + "`swift build -c release --package-path Serve`, as Serve/.build/release/norma-serve.")
    }
    var pointers: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) }
    pointers.append(nil)
    // Nothing of this process is left if it succeeds.
    execv(program, &pointers)
    throw FileError(path: program, operation: .read, reason: String(cString: strerror(errno)))
  }

  private static let name = "norma-serve"

  /// Where norma-serve is: beside this program, or in the first folder on the PATH that has it.
  private static func program() -> String? {
    let own = Bundle.main.executableURL?.resolvingSymlinksInPath().deletingLastPathComponent().path
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
    return ((own.map { [$0] } ?? []) + folders).lazy.map { "\($0)/\(name)" }
      .first { access($0, X_OK) == 0 && FileAccess.kind(of: $0) == .file }
  }
}
