import Foundation

/// The Python that tests compare with: the one that the environment variable NORMA_PYTHON names.
public enum Python {
  /// What a script left on standard error instead of a result.
  public struct Failure: Error, CustomStringConvertible {
    public let description: String
  }

  private static let interpreter = ProcessInfo.processInfo.environment["NORMA_PYTHON"]

  /// Whether there is one that has the given modules.
  public static func has(_ modules: String...) -> Bool {
    guard interpreter != nil else { return false }
    return (try? run(["-c", modules.map { "import \($0)" }.joined(separator: "\n")])) != nil
  }

  /// Runs a script of `Tests/Fixtures` and gives what it printed.
  ///
  /// - Throws: ``Failure`` if it fails.
  public static func runScript(_ name: String, _ arguments: String...) throws -> Data {
    try runScript(name, arguments)
  }

  /// Runs a script of `Tests/Fixtures` and gives what it printed.
  ///
  /// - Throws: ``Failure`` if it fails.
  public static func runScript(_ name: String, _ arguments: [String]) throws -> Data {
    try run([fixturesDirectory.appending(path: name).path] + arguments)
  }

  /// Runs lines of Python, in which `arguments` is a list of texts, and gives what they printed.
  ///
  /// - Throws: ``Failure`` if they fail.
  public static func runLines(_ lines: String, _ arguments: String...) throws -> String {
    let result = try run(["-c", "import sys\narguments = sys.argv[1:]\n" + lines] + arguments)
    return String(decoding: result, as: UTF8.self)
  }

  private static func run(_ arguments: [String]) throws -> Data {
    guard let interpreter else { throw Failure(description: "NORMA_PYTHON names no interpreter.") }
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    // Files rather than pipes, which would have to be emptied while the process runs.
    func file(_ name: String) throws -> URL {
      let url = folder.appending(path: name)
      try Data().write(to: url)
      return url
    }
    let (output, error) = (try file("output"), try file("error"))
    let process = Process()
    process.executableURL = URL(filePath: interpreter)
    // Without the folders of compiled scripts that Python leaves otherwise.
    process.arguments = ["-B"] + arguments
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = try FileHandle(forWritingTo: error)
    try process.run()
    process.waitUntilExit()
    guard process.terminationReason == .exit, process.terminationStatus == 0 else {
      throw Failure(description: String(decoding: try Data(contentsOf: error), as: UTF8.self))
    }
    return try Data(contentsOf: output)
  }
}
