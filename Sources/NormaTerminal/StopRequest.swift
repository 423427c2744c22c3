import Foundation
import Synchronization

/// The wish to end a process early: SIGINT, which Ctrl-C sends, SIGTERM, or SIGUSR1, by which schedulers tell that time is up.
///
/// ```swift
/// let hasFinished = StopRequest.noted {
///   while work.step() {
///     if StopRequest.signal != nil { return false }
///   }
///   return true
/// }
/// ```
public enum StopRequest {
  private static let wishes = [SIGINT, SIGTERM, SIGUSR1]
  private static let isNoting = Atomic<Bool>(false)
  /// The first signal and when it came, in nanoseconds of the monotonic clock; 0 before.
  private static let first = Atomic<Int32>(0), moment = Atomic<Int>(0)
  /// What comes again so soon is the same wish: coreutils' `timeout` signals a process, then the group that it is in.
  private static let shortestPause = 250_000_000

  /// The signal that came first since a call of ``noted(during:)`` began; nil if none did.
  public static var signal: Int32? {
    let number = first.load(ordering: .relaxed)
    return number == 0 ? nil : number
  }

  /// Calls a closure during which the first such signal is only noted, so that work can be brought to an end in order. A
  /// second one ends the process at once, as the first does at other times, unless it is the same and comes within a
  /// quarter of a second. A signal that the process was told to ignore stays ignored.
  public static func noted<Result>(during body: () throws -> Result) rethrows -> Result {
    first.store(0, ordering: .relaxed)
    moment.store(0, ordering: .relaxed)
    isNoting.store(true, ordering: .relaxed)
    defer { isNoting.store(false, ordering: .relaxed) }
    for number in wishes { EndingSignal.guardAgainst(number) }
    return try body()
  }

  /// Whether a signal was noted and should have no other effect. Called by its handler.
  static func notes(_ number: Int32) -> Bool {
    guard number == SIGINT || number == SIGTERM || number == SIGUSR1 else { return false }
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    let now = time.tv_sec * 1_000_000_000 + time.tv_nsec
    let earlier = moment.load(ordering: .sequentiallyConsistent)
    if earlier != 0 {
      let known = first.load(ordering: .sequentiallyConsistent)
      return now - earlier < shortestPause && (known == 0 || known == number)
    }
    guard isNoting.load(ordering: .relaxed) else { return false }
    if moment.compareExchange(expected: 0, desired: now, ordering: .sequentiallyConsistent).exchanged {
      first.store(number, ordering: .sequentiallyConsistent)
    }
    return true
  }
}

/// Signals that end the process by default.
enum EndingSignal {
  /// Lets a signal give back the terminal's cursor before it takes its usual effect, or be noted as a ``StopRequest``.
  static func guardAgainst(_ number: Int32) {
    handle(number) { number in
      if StopRequest.notes(number) { return }
      Cursor.giveBack()
      signal(number, SIG_DFL)
      raise(number)
    }
  }

  /// Installs a handler, unless the process was told to ignore the signal or has a handler for it already.
  static func handle(_ number: Int32, _ handler: @escaping @convention(c) (Int32) -> Void) {
    var action = sigaction()
    sigaction(number, nil, &action)
    #if os(Linux)
      let current = action.__sigaction_handler.sa_handler
    #else
      let current = action.__sigaction_u.__sa_handler
    #endif
    let isDefault = unsafeBitCast(current, to: Int.self) == unsafeBitCast(SIG_DFL, to: Int.self)
    if isDefault { signal(number, handler) }
  }
}
