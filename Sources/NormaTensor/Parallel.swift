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

  /// What `body` makes, in which work is not shared: for threads that have their own share of a larger work, and keep each other company.
  package static func withoutHelp<Value>(_ body: () throws -> Value) rethrows -> Value {
    let before = norma_works_alone(true)
    defer { _ = norma_works_alone(before) }
    return try body()
  }

  /// Calls `body` once for each ticket in `0..<count`, on several threads, and returns when all calls have.
  ///
  /// The calls must not write to the same memory. A call from inside a body, or while another thread's work is under
  /// way, runs on the calling thread alone.
  public static func forEach(_ count: Int, _ body: (Int) -> Void) {
    if count <= 1 || threadCount == 1 || norma_is_alone() {
      for ticket in 0..<count { body(ticket) }
    } else {
      WorkerPool.shared.run(count, body)
    }
  }
}

/// Threads that wait for tickets.
///
/// The tickets of a job are dealt out in equal ranges, one for each thread; who has done its own takes from the others'.
/// So nobody waits for a thread that is asleep, and in job after job the same tickets go to the same core, whose cache
/// holds what they read and wrote before: without that, two threads took longer than one on data that fit in the caches.
///
/// Unchecked: `body` is written by the thread that holds `isBusy`, before there are tickets, and read only by threads that
/// have claimed a ticket, whose work the writer waits for before it lets go of `isBusy`. `workerCount` and `lastJob` are
/// used by the thread that holds `isBusy` alone.
private final class WorkerPool: @unchecked Sendable {
  static let shared = WorkerPool()

  let threadCount = Atomic<Int>(max(1, ProcessInfo.processInfo.activeProcessorCount))

  /// More threads than this share the ranges of the first.
  private static let mostRanges = 64
  /// A range in one number, so that it is claimed from in one exchange: the next ticket, and above it the end.
  private let ranges = UnsafeMutablePointer<Atomic<UInt64>>.allocate(capacity: mostRanges)
  private let isBusy = Atomic<Bool>(false)
  private let rangeCount = Atomic<Int>(0)
  private let finished = Atomic<Int>(0)
  private let sleepers = Atomic<Int>(0)
  private var body: ((Int) -> Void)?
  private var workerCount = 0
  private let condition = NSCondition()
  private let clock = ContinuousClock()
  private var lastJob: ContinuousClock.Instant

  /// How often a worker looks for the next ticket before it goes to sleep: some 200 µs.
  private let spins = 4000

  private init() {
    for index in 0..<Self.mostRanges { (ranges + index).initialize(to: Atomic(0)) }
    lastJob = clock.now
  }

  func run(_ count: Int, _ body: (Int) -> Void) {
    guard isBusy.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged else {
      for ticket in 0..<count { body(ticket) }
      return
    }
    withoutActuallyEscaping(body) { body in
      self.body = body
      finished.store(0, ordering: .relaxed)
      let threads = min(threadCount.load(ordering: .relaxed), count, Self.mostRanges)
      rangeCount.store(threads, ordering: .sequentiallyConsistent)
      for index in 0..<threads {
        let range = UInt64(index * count / threads) | UInt64((index + 1) * count / threads) << 32
        ranges[index].store(range, ordering: .sequentiallyConsistent)
      }
      if isWorthWaking(for: count) { wakeWorkers(upTo: threads - 1) }
      while claimAndRun(0) {}
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

  /// Runs one ticket if there is one left: of the thread's own range, or of the next that has some.
  private func claimAndRun(_ thread: Int) -> Bool {
    let count = rangeCount.load(ordering: .acquiring)
    for offset in 0..<count {
      let range = ranges + (thread + offset) % count
      var value = range.pointee.load(ordering: .acquiring)
      while value & 0xffff_ffff < value >> 32 {
        let (exchanged, original) = range.pointee.compareExchange(
          expected: value, desired: value + 1, ordering: .acquiringAndReleasing)
        if exchanged {
          body!(Int(value & 0xffff_ffff))
          finished.add(1, ordering: .releasing)
          return true
        }
        value = original
      }
    }
    return false
  }

  /// Whether there are tickets to claim.
  private var hasTickets: Bool {
    (0..<rangeCount.load(ordering: .sequentiallyConsistent)).contains { index in
      let value = ranges[index].load(ordering: .sequentiallyConsistent)
      return value & 0xffff_ffff < value >> 32
    }
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
        if claimAndRun(index + 1) { idle = 0 } else { idle += 1 }
        norma_spin_pause()
      }
      condition.lock()
      sleepers.add(1, ordering: .sequentiallyConsistent)
      while !hasTickets || !isWanted(index) { condition.wait() }
      sleepers.subtract(1, ordering: .relaxed)
      condition.unlock()
    }
  }
}
