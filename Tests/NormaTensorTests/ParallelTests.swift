import Foundation
import NormaTensor
import Synchronization
import TestSupport
import Testing

@Suite(.serialized) struct ParallelTests {
  /// How often each ticket was called.
  private func calls(_ count: Int, _ body: (Int) -> Void = { _ in }) -> [Int] {
    let calls = Guarded([Int](repeating: 0, count: count))
    Parallel.forEach(count) { ticket in
      body(ticket)
      calls.withLock { $0[ticket] += 1 }
    }
    return calls.withLock { $0 }
  }

  @Test(arguments: [0, 1, 2, 3, 7, 64, 1000]) func everyTicketIsCalledOnce(count: Int) {
    for result in resultsByThreadCount({ calls(count) }) { #expect(result == Array(repeating: 1, count: count)) }
  }

  @Test func everyTicketIsCalledOnceInManyCallsInARow() {
    let counts = resultsByThreadCount { () -> Int in
      let total = Atomic<Int>(0)
      for round in 0..<2000 {
        Parallel.forEach(round % 9) { total.add($0 + 1, ordering: .relaxed) }
      }
      return total.load(ordering: .relaxed)
    }
    let expected = (0..<2000).reduce(0) { $0 + ($1 % 9) * ($1 % 9 + 1) / 2 }
    #expect(counts == Array(repeating: expected, count: 4))
  }

  @Test func aCallInsideACallIsCompleteBeforeItReturns() {
    for result in resultsByThreadCount({
      let inner = Guarded(0)
      let outer = calls(20) { _ in
        let own = Atomic<Int>(0)
        Parallel.forEach(30) { _ in own.add(1, ordering: .relaxed) }
        inner.withLock { $0 += own.load(ordering: .relaxed) == 30 ? 1 : 0 }
      }
      return (outer, inner.withLock { $0 })
    }) {
      #expect(result.0 == Array(repeating: 1, count: 20))
      #expect(result.1 == 20)
    }
  }

  @Test func severalThreadsMayCallAtTheSameTime() {
    let finished = Atomic<Int>(0)
    let group = DispatchGroup()
    let before = Parallel.threadCount
    defer { Parallel.threadCount = before }
    Parallel.threadCount = 3
    for _ in 0..<4 {
      let thread = Thread {
        for _ in 0..<200 where self.calls(17) == Array(repeating: 1, count: 17) {
          finished.add(1, ordering: .relaxed)
        }
        group.leave()
      }
      group.enter()
      thread.start()
    }
    group.wait()
    #expect(finished.load(ordering: .relaxed) == 800)
  }

  @Test func workersThatFellAsleepWakeForTheNextCall() {
    for _ in 0..<5 {
      // Longer than idle workers look for work.
      Thread.sleep(forTimeInterval: 0.02)
      for result in resultsByThreadCount({ calls(40) }) { #expect(result == Array(repeating: 1, count: 40)) }
    }
  }
}
