import Foundation
import Norma

/// Those who do pieces of work that do not depend on each other: threads of this process, and those of the processes that share the work.
///
/// A piece goes to whoever is free. Several processes tell each other, a few times a second, what has become of theirs and who is
/// free; so all know who does what, and one that dies is noticed.
struct RunCrew {
  /// How many pieces this process works on at once.
  var workers: Int
  /// How many threads they have together.
  var threads: Int
  /// The processes that share the work; nil for this one alone.
  var group: (any ProcessGroup)?
  /// Whether the first process does all, and the others wait for it.
  var isFirstAlone = false

  /// How often processes tell each other, in seconds. Who waits while another works alone does so less often, not to disturb it.
  private var beat: TimeInterval { isFirstAlone ? 0.3 : 0.02 }

  /// Does the pieces, each begun in their order.
  ///
  /// - Parameters:
  ///   - count: how many there are.
  ///   - perform: does one, on a thread of its own. After one that throws nothing new is begun, and what it threw is thrown.
  ///   - onBegin: called for each that is begun here.
  ///   - onEnd: called for each that is done, here or elsewhere.
  /// - Returns: which process did each, by rank.
  /// - Throws: what the closures throw; `ProcessGroupError`. Other processes are not told of what happened in this one, which is to end.
  @discardableResult func run(
    _ count: Int, _ perform: @escaping @Sendable (Int) throws -> Void, onBegin: (Int) throws -> Void = { _ in },
    onEnd: (Int) throws -> Void = { _ in }
  ) throws -> [Int] {
    let threadCount = Parallel.threadCount
    let desk = Desk(workers: workers, threads: threads)
    for _ in 0..<workers {
      let thread = Thread { desk.work(perform) }
      thread.stackSize = 8 << 20
      thread.start()
    }
    var isDone = false
    defer {
      // A process that fails while others wait does not let them wait for what it still does.
      desk.close(waits: group == nil || isDone)
      Parallel.threadCount = threadCount
    }
    var owners: [Int] = []
    var ended = 0
    while ended < count {
      let idle = isFirstAlone && !group.isFirst ? 0 : desk.idleCount
      var free = try group?.gathered(Int32(idle)) ?? [Int32(idle)]
      while owners.count < count, free.contains(where: { $0 > 0 }) {
        for rank in free.indices where free[rank] > 0 && owners.count < count {
          if rank == group?.rank ?? 0 {
            try onBegin(owners.count)
            desk.put(owners.count, isLast: owners.count == count - 1)
          }
          free[rank] -= 1
          owners.append(rank)
        }
      }
      if group == nil { desk.wait() } else { Thread.sleep(forTimeInterval: beat) }
      if let failure = desk.failure { throw failure }
      let own = desk.takeEnded()
      let all = try group?.concatenated(own.map(Int32.init), zero: 0).map(Int.init) ?? own
      ended += all.count
      for piece in all { try onEnd(piece) }
    }
    isDone = true
    return owners
  }

  /// Values of each process, one after the other in the order of their ranks.
  static func gathered<Value: Codable>(_ values: [Value], in group: (any ProcessGroup)?) throws -> [Value] {
    guard let group else { return values }
    let texts = [UInt8](try ResultFile.data(values))
    let lengths = try group.gathered(texts.count)
    let all = try group.concatenated(texts, zero: 0)
    var start = 0
    return try lengths.flatMap { length in
      defer { start += length }
      return try ResultFile.result([Value].self, from: Data(all[start..<start + length]))
    }
  }
}

/// Where pieces of work lie until a thread takes them.
///
/// Unchecked: what changes is changed with the lock of `condition` held.
private final class Desk: @unchecked Sendable {
  private let condition = NSCondition()
  private let workers: Int
  private let threads: Int
  private var waiting: [Int] = []
  private var running = 0
  private var ended: [Int] = []
  private var found: (any Error)?
  /// Whether nothing more will be put here, and whether all may go home.
  private var isLast = false
  private var isClosed = false
  private var gone = 0

  init(workers: Int, threads: Int) { (self.workers, self.threads) = (workers, threads) }

  /// How many have nothing to do.
  var idleCount: Int { condition.withLock { found == nil ? workers - running - waiting.count : 0 } }

  /// What the first piece that failed threw.
  var failure: (any Error)? { condition.withLock { found } }

  func put(_ piece: Int, isLast: Bool) {
    condition.withLock {
      waiting.append(piece)
      self.isLast = isLast
      condition.broadcast()
    }
  }

  /// The pieces that were done since this was last asked.
  func takeEnded() -> [Int] {
    condition.withLock {
      defer { ended = [] }
      return ended
    }
  }

  /// Waits until a piece is done or has failed.
  func wait() { condition.withLock { while ended.isEmpty && found == nil { condition.wait() } } }

  /// Sends all home, those who work once they have done what they are at.
  func close(waits: Bool) {
    condition.withLock {
      isClosed = true
      waiting = []
      condition.broadcast()
      while waits && gone < workers { condition.wait() }
    }
  }

  /// What each thread does until it is sent home.
  func work(_ perform: (Int) throws -> Void) {
    while let piece = take() {
      let outcome = Result { try perform(piece) }
      condition.withLock {
        running -= 1
        switch outcome {
        case .success: ended.append(piece)
        case .failure(let error): found = found ?? error
        }
        // Whoever is left takes over the cores of those that have nothing more to do.
        if isLast && waiting.isEmpty { shareThreads() }
        condition.broadcast()
      }
    }
    condition.withLock {
      gone += 1
      condition.broadcast()
    }
  }

  private func take() -> Int? {
    condition.withLock {
      while waiting.isEmpty && !isClosed { condition.wait() }
      guard !isClosed else { return nil }
      running += 1
      shareThreads()
      return waiting.removeFirst()
    }
  }

  private func shareThreads() { Parallel.threadCount = max(1, threads / max(1, running)) }
}
