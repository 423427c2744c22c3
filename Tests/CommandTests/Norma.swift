import Foundation
import TestSupport
import Testing

/// The built command, run as its users run it: as a process.
enum Norma {
  /// What a process left behind.
  struct Outcome {
    var status: Int32
    var output: String
    var error: String

    /// Standard output decoded from JSON.
    func json<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
      try JSONDecoder().decode(type, from: Data(output.utf8))
    }
  }

  static let executable = Result<URL, any Error> { try builtProgram(named: "norma") }

  /// Runs `norma` and waits for its end.
  ///
  /// - Parameters:
  ///   - arguments: what follows `norma` on the command line.
  ///   - input: what standard input holds.
  ///   - environment: added to an environment of 80 columns and UTF-8.
  ///   - directory: the folder it runs in.
  static func run(
    _ arguments: [String], input: String = "", environment: [String: String] = [:], directory: URL? = nil
  ) throws -> Outcome {
    try run(executable.get(), arguments, input: input, environment: environment, directory: directory)
  }

  /// Runs a script of the shell, in which `$norma` is the command.
  static func shell(_ script: String, directory: URL? = nil) throws -> Outcome {
    try run(
      URL(filePath: "/bin/sh"), ["-c", script], environment: ["norma": executable.get().path], directory: directory)
  }

  /// Runs `norma` and kills it, as a crash would, when the moment has come.
  ///
  /// - Parameters:
  ///   - arguments: what follows `norma` on the command line.
  ///   - isTime: asked every half millisecond.
  /// - Returns: whether it was killed; otherwise it had ended before.
  static func kill(_ arguments: [String], when isTime: () throws -> Bool) throws -> Bool {
    let process = Process()
    process.executableURL = try executable.get()
    process.arguments = arguments
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    while process.isRunning, try !isTime() { usleep(500) }
    if process.isRunning { Foundation.kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
    return process.terminationReason == .uncaughtSignal && process.terminationStatus == SIGKILL
  }

  /// Runs `norma` and sends it signals when the moment has come, one right after the other.
  ///
  /// - Parameters:
  ///   - signals: at least one.
  ///   - arguments: what follows `norma` on the command line.
  ///   - directory: the folder it runs in.
  ///   - isTime: asked every half millisecond.
  /// - Returns: what it left behind; nil if it had ended before.
  static func signal(
    _ signals: [Int32], _ arguments: [String], directory: URL, when isTime: () throws -> Bool
  ) throws -> Outcome? {
    var isSent = false
    let outcome = try run(
      executable.get(), arguments, environment: [:], directory: directory,
      while: { process in
        while process.isRunning, try !isTime() { usleep(500) }
        guard process.isRunning else { return }
        for (index, signal) in signals.enumerated() {
          if index > 0 { usleep(1000) }
          Foundation.kill(process.processIdentifier, signal)
        }
        isSent = true
      })
    return isSent ? outcome : nil
  }

  /// Runs `norma` by several processes that a launcher of MPI's starts.
  ///
  /// - Parameter library: the folder with what speaks to it.
  static func launch(_ mpi: MPI, _ count: Int, _ arguments: [String], library: String) throws -> Outcome {
    try run(
      launcher: mpi.launcher + ["-n", "\(count)", try executable.get().path] + arguments,
      environment: ["NORMA_MPI": library])
  }

  /// Runs a launcher, and what it starts.
  static func run(launcher: [String], environment: [String: String]) throws -> Outcome {
    try run(URL(filePath: launcher[0]), Array(launcher.dropFirst()), environment: environment, directory: nil)
  }

  /// Runs `norma`, and does something while it runs.
  static func interfered(
    _ arguments: [String], environment: [String: String], _ body: (Process) throws -> Void
  ) throws -> Outcome {
    try run(executable.get(), arguments, environment: environment, directory: nil, while: body)
  }

  private static func run(
    _ executable: URL, _ arguments: [String], input: String = "", environment: [String: String], directory: URL?,
    while body: (Process) throws -> Void = { _ in }
  ) throws -> Outcome {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    // Files rather than pipes, which would have to be emptied while the process runs.
    func file(_ name: String, _ text: String = "") throws -> URL {
      let url = folder.appending(path: name)
      try Data(text.utf8).write(to: url)
      return url
    }
    let (output, error) = (try file("output"), try file("error"))
    let process = Process()
    process.executableURL = executable
    process.arguments = arguments
    process.standardInput = try FileHandle(forReadingFrom: try file("input", input))
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = try FileHandle(forWritingTo: error)
    process.currentDirectoryURL = directory ?? folder
    // Besides the path, what `Utils/sanitize` tells the sanitizers.
    let inherited = ProcessInfo.processInfo.environment.filter {
      ["PATH", "ASAN_OPTIONS", "TSAN_OPTIONS", "SWIFT_BACKTRACE"].contains($0.key)
    }
    process.environment = ["PATH": "/usr/bin:/bin", "COLUMNS": "80", "LC_ALL": "C.UTF-8"]
      .merging(inherited) { $1 }.merging(environment) { $1 }
    // The threads that tests run on block signals, and a process begins with what the thread that starts it blocks.
    var (none, blocked) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, &blocked)
    let start = Result { try process.run() }
    pthread_sigmask(SIG_SETMASK, &blocked, nil)
    try start.get()
    try body(process)
    process.waitUntilExit()
    return Outcome(
      status: process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus,
      output: try String(contentsOf: output, encoding: .utf8), error: try String(contentsOf: error, encoding: .utf8))
  }
}

/// Makes sure that a command failed as all failures should look: the status, one message, and nothing else.
func expectFailure(
  _ outcome: Norma.Outcome, status: Int32, saying words: String, sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(outcome.status == status, sourceLocation: sourceLocation)
  #expect(outcome.output == "", sourceLocation: sourceLocation)
  #expect(outcome.error.hasPrefix("norma: "), "\(outcome.error)", sourceLocation: sourceLocation)
  #expect(outcome.error.hasSuffix("\n"), sourceLocation: sourceLocation)
  #expect(outcome.error.split(separator: "norma: ").count == 1, "\(outcome.error)", sourceLocation: sourceLocation)
  #expect(outcome.error.contains(words), "\(outcome.error)", sourceLocation: sourceLocation)
}

/// A folder for one test, removed with the value.
final class Folder: Sendable {
  let url: URL

  init() throws { url = try makeTemporaryDirectory() }

  deinit { try? FileManager.default.removeItem(at: url) }

  /// The path of a file or folder in it.
  func path(_ name: String) -> String { url.appending(path: name).path }

  /// Writes a file, and the folders it is in, and gives its path.
  @discardableResult func write(_ bytes: some Sequence<UInt8>, to name: String) throws -> String {
    let file = url.appending(path: name)
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: file)
    return file.path
  }

  /// Writes a text file and gives its path.
  @discardableResult func write(_ text: String, to name: String) throws -> String { try write(text.utf8, to: name) }

  /// A file's bytes.
  func bytes(_ name: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: url.appending(path: name))) }

  /// The names of what is in it, hidden ones too.
  func names(in folder: String = ".") throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: path(folder)).sorted()
  }
}
