import CKernels
import Foundation
import Synchronization

/// The one set of threads that all of Norma's work is shared among.
///
/// Work is cut into tickets by its shape alone, never by the number of threads, and whoever is awake claims the next
/// one: the result has the same bits for every thread count, and a thread that is asleep or was taken off its core
/// delays nobody.
public enum Parallel {
  /// The number of threads that may work at once, the caller's included. At first the number of active cores.
  public static var threadCount: Int {
    get { WorkerPool.shared.threadCount.load(ordering: .relaxed) }
    set {
      require(newValue >= 1, "\(newValue) threads cannot do any work")
      WorkerPool.shared.threadCount.store(newValue, ordering: .relaxed)
    }
  }

  /// Calls `body` once for each ticket in `0..<count`, on several threads, and returns when all calls have.
  ///
  /// The calls must not write to the same memory. A call from inside a body, or while another thread's work is under
  /// way, runs on the calling thread alone.
  public static func forEach(_ count: Int, _ body: (Int) -> Void) {
    if count <= 1 || threadCount == 1 {
      for ticket in 0..<count { body(ticket) }
    } else {
      WorkerPool.shared.run(count, body)
    }
  }
}

/// Threads that wait for tickets.
///
/// Unchecked: `body` is written by the thread that holds `isBusy`, before `unclaimed` becomes positive, and read only by
/// threads that have claimed a ticket, whose work the writer waits for before it lets go of `isBusy`. `workerCount` and
/// `lastJob` are used by the thread that holds `isBusy` alone.
private final class WorkerPool: @unchecked Sendable {
  static let shared = WorkerPool()

  let threadCount = Atomic<Int>(max(1, ProcessInfo.processInfo.activeProcessorCount))

  private let isBusy = Atomic<Bool>(false)
  private let unclaimed = Atomic<Int>(0)
  private let finished = Atomic<Int>(0)
  private let sleepers = Atomic<Int>(0)
  private var body: ((Int) -> Void)?
  private var workerCount = 0
  private let condition = NSCondition()
  private let clock = ContinuousClock()
  private var lastJob: ContinuousClock.Instant
  private init() { lastJob = clock.now }

  /// How often a worker looks for the next ticket before it goes to sleep: some 200 µs.
  private let spins = 4000

  func run(_ count: Int, _ body: (Int) -> Void) {
    guard isBusy.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged else {
      for ticket in 0..<count { body(ticket) }
      return
    }
    withoutActuallyEscaping(body) { body in
      self.body = body
      finished.store(0, ordering: .relaxed)
      unclaimed.store(count, ordering: .sequentiallyConsistent)
      if isWorthWaking(for: count) { wakeWorkers(upTo: min(count, threadCount.load(ordering: .relaxed)) - 1) }
      while claimAndRun() {}
      var waits = 0
      while finished.load(ordering: .acquiring) < count {
        waits += 1
        if waits % 1024 == 0 { sched_yield() } else { norma_spin_pause() }
      }
      self.body = nil
    }
    lastJob = clock.now
    isBusy.store(false, ordering: .releasing)
  }

  /// Runs one ticket if there is one left.
  private func claimAndRun() -> Bool {
    var remaining = unclaimed.load(ordering: .acquiring)
    while remaining > 0 {
      let (exchanged, original) = unclaimed.compareExchange(
        expected: remaining, desired: remaining - 1, ordering: .acquiringAndReleasing)
      if exchanged {
        body!(remaining - 1)
        finished.add(1, ordering: .releasing)
        return true
      }
      remaining = original
    }
    return false
  }

  /// Whether sleepers help with a job of so many tickets. To wake them takes about as long as a few tickets: after a pause,
  /// the first small job is done sooner without them. If more jobs follow, they are woken.
  private func isWorthWaking(for count: Int) -> Bool {
    count > 12 || clock.now - lastJob < .milliseconds(1)
  }

  private func wakeWorkers(upTo wanted: Int) {
    guard sleepers.load(ordering: .sequentiallyConsistent) > 0 || workerCount < wanted else { return }
    condition.lock()
    while workerCount < wanted {
      let index = workerCount
      workerCount += 1
      let thread = Thread { [self] in work(index) }
      thread.name = "norma worker \(index + 1)"
      thread.stackSize = 4 << 20
      thread.start()
    }
    condition.broadcast()
    condition.unlock()
  }

  /// A worker beyond the thread count sleeps until that grows.
  private func isWanted(_ index: Int) -> Bool { index + 1 < threadCount.load(ordering: .relaxed) }

  private func work(_ index: Int) {
    while true {
      var idle = 0
      while idle < spins && isWanted(index) {
        if claimAndRun() { idle = 0 } else { idle += 1 }
        norma_spin_pause()
      }
      condition.lock()
      sleepers.add(1, ordering: .sequentiallyConsistent)
      while unclaimed.load(ordering: .sequentiallyConsistent) == 0 || !isWanted(index) { condition.wait() }
      sleepers.subtract(1, ordering: .relaxed)
      condition.unlock()
    }
  }
}
