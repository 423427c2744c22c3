import Foundation
import Synchronization

/// A line for each request, written by a thread of its own: whoever answers does not wait for a disk.
///
///     2026-11-30T11:20:00Z 127.0.0.1 POST /predict 200 78 0.61 ms, batch of 4
public final class AccessLog: Sendable {
  private struct State {
    var lines: [UInt8] = []
    var lostCount = 0
  }

  private let path: String
  private let descriptor: Int32
  private let state = Mutex(State())
  /// What waits to be written at most: where a disk takes no more, lines are lost and counted rather than kept.
  private static let mostBytes = 4 << 20

  /// A log that is written to a file, at its end.
  ///
  /// - Parameter path: the file; - for standard output.
  /// - Throws: what the system says of a file that cannot be written.
  public init(path: String) throws {
    self.path = path
    descriptor = try Self.open(path)
    let thread = Thread { [self] in
      while true {
        Thread.sleep(forTimeInterval: 0.2)
        flush()
      }
    }
    thread.name = "norma access log"
    thread.start()
  }

  private static func open(_ path: String) throws -> Int32 {
    guard path != "-" else { return STDOUT_FILENO }
    let descriptor = Foundation.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw ServiceStartError("The access log '\(path)' cannot be written: \(String(cString: strerror(errno)))")
    }
    return descriptor
  }

  /// Opens the file anew, which another program may have moved away.
  public func reopen() throws {
    guard path != "-" else { return }
    flush()
    let new = try Self.open(path)
    // The descriptor stays the same, since the other thread may be writing: another's number could by then be a connection's.
    dup2(new, descriptor)
    Foundation.close(new)
  }

  /// Adds a line.
  func note(
    client: String, method: String, path: String, status: Int, byteCount: Int, duration: Duration, batchSize: Int
  ) {
    var line = "\(Self.time()) \(client) \(method) \(Self.printable(path)) \(status) \(byteCount) "
    line += "\(Self.milliseconds(duration)) ms\(batchSize > 0 ? ", batch of \(batchSize)" : "")\n"
    state.withLock { state in
      if state.lines.count < Self.mostBytes { state.lines += line.utf8 } else { state.lostCount += 1 }
    }
  }

  /// Writes what there is.
  public func flush() {
    let lines = state.withLock { state in
      defer { (state.lines, state.lostCount) = ([], 0) }
      if state.lostCount > 0 { state.lines += "(\(state.lostCount) more requests)\n".utf8 }
      return state.lines
    }
    var rest = lines[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress!, $0.count) }
      // A full disk or a closed pipe takes no service down.
      guard count > 0 || errno == EINTR else { return }
      rest = rest.dropFirst(max(0, count))
    }
  }

  /// What a client sends must not look like another line, nor steer a terminal.
  private static func printable(_ path: String) -> String {
    let shown = path.prefix(200)
    guard !shown.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else { return String(shown) }
    return String(shown.unicodeScalars.map { (0x21...0x7e).contains($0.value) ? Character($0) : "?" })
  }

  private static func milliseconds(_ duration: Duration) -> String {
    let hundredths = Int(duration / .microseconds(10))
    let rest = hundredths % 100
    return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
  }

  private static let lastTime = Mutex<(second: Int, text: String)>((0, ""))

  /// The time of day in ISO 8601, made once a second.
  private static func time() -> String {
    let now = Foundation.time(nil)
    return lastTime.withLock { last in
      if last.second != now {
        var parts = tm()
        var copy = now
        gmtime_r(&copy, &parts)
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        last = (
          now,
          "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))T\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))Z"
        )
      }
      return last.text
    }
  }
}
