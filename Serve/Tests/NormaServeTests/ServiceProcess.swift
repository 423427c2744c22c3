import Foundation

/// `norma-serve` as a process.
///
/// Unchecked: `text` is read and written by who holds the lock alone, and `port` is set by the initializer, before anybody else has this.
final class ServiceProcess: @unchecked Sendable {
  struct Failure: Error, CustomStringConvertible { let description: String }

  private let process = Process()
  private let messages = Pipe()
  /// Guarded by the lock.
  private var text = ""
  private let lock = NSLock()
  private(set) var port = 0

  /// The command, which SwiftPM builds beside the tests' bundle, whose path is among the arguments of the process.
  private static func command() throws -> URL {
    guard let argument = ProcessInfo.processInfo.arguments.first(where: { $0.contains(".xctest") }),
      let range = argument.firstRange(of: ".xctest")
    else { throw Failure(description: "no bundle of tests") }
    return URL(filePath: String(argument[..<range.lowerBound])).deletingLastPathComponent()
      .appending(path: "norma-serve")
  }

  /// Starts it on a free port and waits until it listens.
  ///
  /// - Parameters:
  ///   - arguments: models and options.
  ///   - descriptorLimit: how many files it may have open, of which it could otherwise raise the number itself.
  init(_ arguments: [String], descriptorLimit: Int? = nil) throws {
    let command = try Self.command()
    let all = arguments + ["--port", "0"]
    if let descriptorLimit {
      process.executableURL = URL(filePath: "/bin/sh")
      process.arguments = ["-c", "ulimit -n \(descriptorLimit); exec \"$0\" \"$@\"", command.path] + all
    } else {
      process.executableURL = command
      process.arguments = all
    }
    process.standardOutput = FileHandle.nullDevice
    process.standardError = messages
    messages.fileHandleForReading.readabilityHandler = { [weak self] handle in
      let data = handle.availableData
      guard !data.isEmpty else {
        handle.readabilityHandler = nil
        return
      }
      self?.lock.withLock { self?.text += String(decoding: data, as: UTF8.self) }
    }
    try process.run()
    for _ in 0..<600 where port == 0 && process.isRunning {
      if let range = said.firstRange(of: "listening on http://127.0.0.1:") {
        port = Int(said[range.upperBound...].prefix { $0.isNumber }) ?? 0
      } else {
        Thread.sleep(forTimeInterval: 0.02)
      }
    }
    guard port > 0 else {
      end()
      throw Failure(description: said)
    }
  }

  /// Runs it with arguments with which it does not start: its exit code, and what it says.
  static func outcome(of arguments: [String]) throws -> (code: Int32?, said: String) {
    let (process, messages) = (Process(), Pipe())
    process.executableURL = try command()
    process.arguments = arguments
    process.standardOutput = FileHandle.nullDevice
    process.standardError = messages
    try process.run()
    let said = messages.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (
      process.terminationReason == .exit ? process.terminationStatus : nil, String(decoding: said, as: UTF8.self)
    )
  }

  deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

  /// What it has said on standard error.
  var said: String { lock.withLock { text } }

  /// Waits until it has said something.
  func waits(for words: String, count: Int = 1) -> Bool {
    for _ in 0..<1000 {
      if said.components(separatedBy: words).count > count { return true }
      Thread.sleep(forTimeInterval: 0.01)
    }
    return false
  }

  func signal(_ number: Int32) { kill(process.processIdentifier, number) }

  /// Waits for the end, and gives the exit code; nil where a signal ended it.
  @discardableResult func end() -> Int32? {
    process.waitUntilExit()
    return process.terminationReason == .exit ? process.terminationStatus : nil
  }

  func connection(timeout: Int = 20) throws -> Connection { try Connection(port: port, timeout: timeout) }

  /// A metric's value.
  func metric(_ name: String) throws -> Double? {
    let text = try connection().ask("/metrics").text
    let line = text.split(separator: "\n").first { $0.hasPrefix(name + " ") }
    return line.flatMap { Double($0.dropFirst(name.count + 1)) }
  }

  /// How many files it has open; nil where the system does not say.
  var openFileCount: Int? {
    try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process.processIdentifier)/fd").count
  }

  /// The processor time that it has taken, in seconds; nil where the system does not say.
  var processorTime: Double? {
    guard let line = try? String(contentsOfFile: "/proc/\(process.processIdentifier)/stat", encoding: .utf8) else {
      return nil
    }
    let parts = line.split(separator: " ")
    guard parts.count > 14, let user = Double(parts[13]), let system = Double(parts[14]) else { return nil }
    return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
  }
}
