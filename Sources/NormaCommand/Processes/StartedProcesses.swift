import ArgumentParser
import Dispatch
import Foundation
import Norma
import NormaParallel
import NormaTerminal

/// This command line, run by several processes that mpirun starts: they get the same arguments, and write to this process's output.
struct StartedProcesses {
  private let count: Int
  private let launcher: MPILauncher

  /// - Throws: `UsageError` that says what to install, where nothing starts processes.
  init(_ count: Int) throws {
    self.count = count
    do { launcher = try MPILauncher.installed() } catch {
      throw UsageError("\(error.problem.prefix(1).uppercased())\(error.problem.dropFirst()).")
    }
  }

  /// Whether other processes can open this one's output and errors by their names, as files, pipes and terminals can be on Linux. What
  /// this process writes itself then goes to the end of a file, too.
  private static var streamsCanBeOpened: Bool {
    [STDOUT_FILENO, STDERR_FILENO].allSatisfy { stream in
      let opened = open("/proc/self/fd/\(stream)", O_WRONLY | O_APPEND)
      guard opened >= 0 else { return false }
      close(opened)
      return fcntl(stream, F_SETFL, fcntl(stream, F_GETFL) | O_APPEND) == 0
    }
  }

  /// Starts them, and gives the exit code once all have ended. A signal to stop is brought to them.
  func exitCode() throws -> ExitCode {
    guard let program = Bundle.main.executableURL?.path else {
      throw UsageError("The program's own file is not found.")
    }
    let command = launcher.command(starting: count, of: program, Array(CommandLine.arguments.dropFirst()))
    let process = Process()
    process.executableURL = URL(filePath: command[0])
    process.arguments = Array(command.dropFirst())
    process.standardInput = FileHandle.nullDevice
    var environment = ProcessInfo.processInfo.environment
    let words = Self.streamsCanBeOpened ? try LauncherWords() : nil
    if let words {
      // Processes write to this one's streams by themselves: the launcher tells only what no process could.
      (process.standardOutput, process.standardError) = (words.handle, words.handle)
      environment[GroupMember.starter] = "\(getpid())"
    }
    defer { words?.remove() }
    process.environment = environment
    let signals = ForwardedSignals()
    try process.run()
    signals.forward(to: process.processIdentifier)
    process.waitUntilExit()
    let code = process.terminationStatus
    guard process.terminationReason == .exit, ExitStatus(rawValue: code) != nil || signals.first != nil else {
      throw LostProcess(code: code, words: words?.text ?? "")
    }
    // Processes were told to stop by another signal than this one was.
    if let signal = signals.first, code >= 128 { return ExitCode(128 + signal) }
    return ExitCode(code)
  }
}

/// What a launcher says, in a file until it is asked for.
private struct LauncherWords {
  private let file = URL(filePath: NSTemporaryDirectory()).appending(path: "norma-\(UUID().uuidString)")
  let handle: FileHandle

  init() throws {
    try Data().write(to: file)
    handle = try FileHandle(forWritingTo: file)
  }

  var text: String { (try? String(contentsOf: file, encoding: .utf8)) ?? "" }

  func remove() { try? FileManager.default.removeItem(at: file) }
}

/// A process that ended without a word.
private struct LostProcess: Error, CustomStringConvertible {
  let code: Int32
  let words: String

  var description: String {
    let cause =
      code > 128 ? "a process was ended by signal \(code - 128)" : "a process ended with exit code \(code)"
    let lines = words.split(separator: "\n").filter { $0.contains { $0.isLetter } }.joined(separator: "\n")
    return
      "The processes did not come to their end: \(cause), which ended all. What was saved before is whole.\n\(lines)"
  }
}

/// Signals to stop that are brought to processes started here: the first as a wish to save and end, a second as an end at once.
///
/// Unchecked: its sources work on one queue, which asks for what changes too.
private final class ForwardedSignals: @unchecked Sendable {
  private let queue = DispatchQueue(label: "norma signals")
  private var sources: [any DispatchSourceSignal] = []
  private var noted: (signal: Int32, moment: ContinuousClock.Instant)?
  private var launcher: pid_t?

  /// The signal that came first.
  var first: Int32? { queue.sync { noted?.signal } }

  init() {
    for number in [SIGINT, SIGTERM] {
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
      source.setEventHandler { [unowned self] in came(number) }
      source.resume()
      sources.append(source)
    }
  }

  /// From now on, and once for what came before.
  func forward(to process: pid_t) {
    queue.sync {
      launcher = process
      if noted != nil { kill(process, SIGUSR1) }
    }
  }

  private func came(_ number: Int32) {
    if let noted, ContinuousClock.now - noted.moment > .milliseconds(250) {
      if let launcher { kill(launcher, SIGTERM) }
      _exit(128 + number)
    }
    guard noted == nil else { return }
    noted = (number, .now)
    if let launcher { kill(launcher, SIGUSR1) }
  }
}
