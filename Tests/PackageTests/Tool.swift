import Foundation
import TestSupport

/// Programs that the tests of the package ask, found on the `PATH`, run in the package's folder.
enum Tool {
  /// Runs a program to its end; both of its outputs are one text.
  static func run(_ arguments: String...) throws -> (status: Int32, output: String) { try run(arguments) }

  /// Runs a program to its end; both of its outputs are one text.
  static func run(_ arguments: [String]) throws -> (status: Int32, output: String) {
    try withTemporaryDirectory { folder in
      // A file rather than a pipe, which would have to be emptied while the process runs.
      let file = folder.appending(path: "output")
      try Data().write(to: file)
      let output = try FileHandle(forWritingTo: file)
      let process = Process()
      process.executableURL = URL(filePath: "/usr/bin/env")
      process.arguments = arguments
      process.currentDirectoryURL = PublicNamesTests.package
      process.standardOutput = output
      process.standardError = output
      try process.run()
      process.waitUntilExit()
      return (process.terminationStatus, try String(contentsOf: file, encoding: .utf8))
    }
  }

  /// Whether there is a program of this name.
  static func isThere(_ name: String) -> Bool { (try? run("sh", "-c", "command -v \(name)").status) == 0 }
}
