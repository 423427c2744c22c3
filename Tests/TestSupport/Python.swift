import Foundation

/// The Python that `NORMA_PYTHON` names, with the packages that a test needs, for tests that ask the real tools.
public enum Python {
  /// Why tests that need Python were left out.
  public static let isMissing: String = "NORMA_PYTHON names no Python"

  /// The interpreter; nil where none is named.
  public static let executable = ProcessInfo.processInfo.environment["NORMA_PYTHON"].flatMap { $0.isEmpty ? nil : $0 }

  /// Runs a script of `Tests/Fixtures`, or any other by its path, and gives what it printed.
  ///
  /// - Throws: ``Failure`` with all it printed if it did not end well.
  @discardableResult
  public static func run(_ script: String, _ arguments: [String] = []) throws -> String {
    try run(["-B", script.hasPrefix("/") ? script : fixturesDirectory.appending(path: script).path] + arguments)
  }

  /// Runs some lines of Python, in which `arguments` is a list of texts.
  @discardableResult
  public static func run(lines: String, _ arguments: [String] = []) throws -> String {
    try run(["-c", "import sys\narguments = sys.argv[1:]\n" + lines] + arguments)
  }

  /// What a script printed that failed.
  public struct Failure: Error, CustomStringConvertible {
    public let description: String
  }

  private static func run(_ arguments: [String]) throws -> String {
    guard let executable else { throw Failure(description: isMissing) }
    let process = Process()
    process.executableURL = URL(filePath: executable)
    process.arguments = arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let printed = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw Failure(description: printed) }
    return printed
  }
}
