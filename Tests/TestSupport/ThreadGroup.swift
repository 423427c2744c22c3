import Foundation
import Norma

/// Processes that are threads of this one, so that what several processes do together is tested without starting any.
public final class ThreadGroup: ProcessGroup {
  public let rank: Int
  public let count: Int
  private let mail: Mail
  private let timeLimit: TimeInterval

  private init(_ rank: Int, of count: Int, _ mail: Mail, _ timeLimit: TimeInterval) {
    (self.rank, self.count, self.mail, self.timeLimit) = (rank, count, mail, timeLimit)
  }

  /// What `body` makes in each of so many processes, by rank. Each is a thread that works alone.
  ///
  /// - Parameter timeLimit: how long one waits for another, in seconds.
  public static func run<Value>(
    _ count: Int, timeLimit: TimeInterval = 60, _ body: @escaping @Sendable (ThreadGroup) throws -> Value
  ) -> [Result<Value, any Error>] {
    let (mail, outcomes, done) = (Mail(), Outcomes<Value>(count), DispatchSemaphore(value: 0))
    for rank in 0..<count {
      let thread = Thread {
        let group = ThreadGroup(rank, of: count, mail, timeLimit)
        outcomes.set(Parallel.withoutHelp { Result { try body(group) } }, at: rank)
        done.signal()
      }
      thread.stackSize = 4 << 20
      thread.start()
    }
    for _ in 0..<count { done.wait() }
    return outcomes.all
  }

  public func exchange(
    with partner: Int, sending sent: UnsafeRawBufferPointer, receiving received: UnsafeMutableRawBufferPointer,
    channel: ProcessChannel
  ) throws(ProcessGroupError) {
    mail.put(Array(sent), Route(from: rank, to: partner, channel: channel))
    guard let found = mail.take(Route(from: partner, to: rank, channel: channel), within: timeLimit) else {
      throw ProcessGroupError(rank: partner, problem: "has sent nothing for \(timeLimit) seconds")
    }
    guard found.count == received.count else {
      throw ProcessGroupError(rank: partner, problem: "has sent \(found.count) bytes, and not \(received.count)")
    }
    received.copyBytes(from: found)
  }

  private struct Route: Hashable {
    var from: Int, to: Int
    var channel: ProcessChannel
  }

  /// What was sent and not yet received. Unchecked: it is looked at with the lock held.
  private final class Mail: @unchecked Sendable {
    private let condition = NSCondition()
    private var letters: [Route: [[UInt8]]] = [:]

    func put(_ letter: [UInt8], _ route: Route) {
      condition.lock()
      letters[route, default: []].append(letter)
      condition.broadcast()
      condition.unlock()
    }

    func take(_ route: Route, within seconds: TimeInterval) -> [UInt8]? {
      condition.lock()
      defer { condition.unlock() }
      let end = Date(timeIntervalSinceNow: seconds)
      while letters[route, default: []].isEmpty { guard condition.wait(until: end) else { return nil } }
      return letters[route]!.removeFirst()
    }
  }

  /// What became of each. Unchecked: each thread sets its own, with the lock held.
  private final class Outcomes<Value>: @unchecked Sendable {
    private let lock = NSLock()
    private var found: [Result<Value, any Error>?]

    init(_ count: Int) { found = Array(repeating: nil, count: count) }

    func set(_ outcome: Result<Value, any Error>, at rank: Int) { lock.withLock { found[rank] = outcome } }

    var all: [Result<Value, any Error>] { lock.withLock { found.map { $0! } } }
  }
}
