import Foundation
import NormaNormalization
import NormaTensor

extension Array {
  /// What the elements come to, combined two by two in the binary tree of aligned pairs that `BatchMoments.merging(_:)` describes; where
  /// one of two is missing, the other as it is. Nil if all are.
  package func combined<Value>(by combine: (Value, Value) -> Value) -> Value? where Element == Value? {
    var nodes = self
    var step = 1
    while step < nodes.count {
      for place in stride(from: 0, to: nodes.count - step, by: 2 * step) {
        guard let right = nodes[place + step] else { continue }
        nodes[place] = nodes[place].map { combine($0, right) } ?? right
        nodes[place + step] = nil
      }
      step *= 2
    }
    return nodes.first ?? nil
  }
}

/// The shards of a batch while they are worked on: each on a thread of its own, as many at a time as threads may work, in step at each
/// exchange; and in step with those of other processes, where a group shares the batch.
///
/// Unchecked: everything that changes is changed with the lock of `condition` held.
package final class Shards: @unchecked Sendable {
  private let condition = NSCondition()
  /// The other processes, where some have shards of the batch too.
  private let group: (any ProcessGroup)?
  /// Whether none of the shards here has examples: one of none takes part in what all processes do, and brings nothing.
  private let standsIn: Bool
  /// The vectors of the exchange under way, by the places of the shards here, and how many shards it waits for.
  private var vectors: [[Double]?]
  private var missing: Int
  /// How many shards take part: those with examples.
  private let present: Int
  /// What the last exchange came to, and how many there were.
  private var result: [Double] = []
  private var exchanges = 0
  /// How many shards are worked on, and how many may be at a time.
  private var running = 0
  private let mostAtOnce: Int
  private var ended = 0
  private var hasFailed = false
  private var groupError: ProcessGroupError?

  /// What a shard gave, once it has ended. Each is written by the thread of its shard alone, before `ended` counts it, and read after.
  private final class Outcome<Value>: @unchecked Sendable {
    var value: Result<Value, any Error>?
    /// Whether it went on without the others, one of which had failed: what it threw then says nothing.
    var wasLeft = false
  }

  /// What is done for each shard. Unchecked: it is set before the threads start and taken away after all have ended.
  private final class Work<Value>: @unchecked Sendable {
    var body: ((Int, any ShardExchange) throws -> Value)?

    init(_ body: @escaping (Int, any ShardExchange) throws -> Value) { self.body = body }

    /// Apart, so that nothing of the body is held when it returns.
    @inline(never) func done(at place: Int, _ seat: Seat) -> Result<Value, any Error> {
      Parallel.withoutHelp { Result { try body!(place, seat) } }
    }
  }

  private init(count: Int, present: Int, standsIn: Bool, _ group: (any ProcessGroup)?) {
    vectors = Array(repeating: nil, count: count)
    (self.present, missing) = (present, present)
    (self.standsIn, self.group) = (standsIn, group)
    mostAtOnce = min(present, Parallel.threadCount)
  }

  /// The shards that a process works on, of so many of all: an aligned range, so that its part of the tree is a tree.
  package static func local(of count: Int, in group: (any ProcessGroup)?) -> Range<Int> {
    guard let group else { return 0..<count }
    require(
      count % group.count == 0 && (count / group.count).nonzeroBitCount == 1,
      "\(count) shards cannot be shared among \(group.count) processes")
    let own = count / group.count
    return group.rank * own..<(group.rank + 1) * own
  }

  /// What `body` makes of each shard that this process works on; nil for those without examples, for which it is not called. Where none of
  /// them has examples it is called for the first, and is to take any example in its place: whatever it gives is left out.
  ///
  /// - Parameters:
  ///   - isPresent: whether each shard of the batch has examples; at least one must.
  ///   - group: the processes that share the shards, each ``local(of:in:)``; nil for this one alone.
  ///   - body: given the place of a shard and what tells it of the others. It is called on several threads at once.
  /// - Throws: what `body` throws, of the first shard where several do; `ProcessGroupError`.
  package static func run<Value>(
    _ isPresent: [Bool], in group: (any ProcessGroup)? = nil,
    _ body: (_ shard: Int, any ShardExchange) throws -> Value
  ) throws -> [Value?] {
    let local = local(of: isPresent.count, in: group)
    let found = local.filter { isPresent[$0] }
    let places = found.isEmpty ? [local.lowerBound] : found
    let shards = Shards(count: local.count, present: places.count, standsIn: found.isEmpty, group)
    let outcomes = places.map { _ in Outcome<Value>() }
    func seat(_ place: Int) -> Seat { Seat(shards, place - local.lowerBound) }
    guard places.count > 1 else {
      // Alone, it has all threads.
      let value = try body(places[0], seat(places[0]))
      if let error = shards.groupError { throw error }
      return local.map { $0 == places[0] && !found.isEmpty ? value : nil }
    }
    withoutActuallyEscaping(body) { body in
      let work = Work(body)
      for (place, outcome) in zip(places, outcomes) {
        let thread = Thread {
          shards.begin()
          let seat = Seat(shards, place - local.lowerBound)
          let found = work.done(at: place, seat)
          (outcome.value, outcome.wasLeft) = (found, seat.wasLeft)
          if case .failure = found { shards.end(hasFailed: true) } else { shards.end(hasFailed: false) }
        }
        thread.name = "norma shard \(place)"
        thread.stackSize = 4 << 20
        thread.start()
      }
      shards.waitForAll()
      // A thread may hold what it was started with for a moment longer.
      work.body = nil
    }
    for outcome in outcomes where !outcome.wasLeft { _ = try outcome.value!.get() }
    if let error = shards.groupError { throw error }
    var values = [Value?](repeating: nil, count: local.count)
    for (place, outcome) in zip(places, outcomes) { values[place - local.lowerBound] = try outcome.value!.get() }
    return values
  }

  /// A shard's way to the others. Unchecked: only the thread of its shard uses it.
  private final class Seat: ShardExchange, @unchecked Sendable {
    private let shards: Shards
    private let place: Int
    private(set) var wasLeft = false

    init(_ shards: Shards, _ place: Int) { (self.shards, self.place) = (shards, place) }

    func combined(_ vector: [Double], by combine: @Sendable (inout [Double], [Double]) -> Void) -> [Double] {
      guard let result = shards.exchange(vector, at: place, combine) else {
        wasLeft = true
        return vector
      }
      return result
    }
  }

  private func begin() {
    condition.lock()
    while running >= mostAtOnce { condition.wait() }
    running += 1
    condition.unlock()
  }

  private func end(hasFailed: Bool) {
    condition.lock()
    running -= 1
    ended += 1
    if hasFailed { self.hasFailed = true }
    condition.broadcast()
    condition.unlock()
  }

  private func waitForAll() {
    condition.lock()
    while ended < present { condition.wait() }
    condition.unlock()
  }

  /// What the vectors of all shards come to; nil if one has failed.
  private func exchange(
    _ vector: [Double], at place: Int, _ combine: (inout [Double], [Double]) -> Void
  ) -> [Double]? {
    condition.lock()
    defer { condition.unlock() }
    if hasFailed { return nil }
    vectors[place] = vector
    missing -= 1
    if missing == 0 {
      let own =
        vectors.combined { left, right in
          var left = left
          combine(&left, right)
          return left
        } ?? vector
      do throws(ProcessGroupError) { result = try combinedByAll(own, combine) } catch {
        (groupError, hasFailed) = (error, true)
        condition.broadcast()
        return nil
      }
      for index in vectors.indices { vectors[index] = nil }
      missing = present
      exchanges += 1
      condition.broadcast()
      return result
    }
    let number = exchanges
    running -= 1
    condition.broadcast()
    while (exchanges == number && !hasFailed) || running >= mostAtOnce { condition.wait() }
    running += 1
    // The next one cannot have ended: it waits for this shard too.
    return exchanges == number ? nil : result
  }

  /// What the vectors of all processes come to. In front of each stands whether it counts.
  private func combinedByAll(
    _ own: [Double], _ combine: (inout [Double], [Double]) -> Void
  ) throws(ProcessGroupError) -> [Double] {
    guard let group, group.count > 1 else { return own }
    let found = try group.combined([standsIn ? 0 : 1] + own) { left, right in
      guard right[0] == 1 else { return }
      guard left[0] == 1 else {
        left = right
        return
      }
      var sum = Array(left.dropFirst())
      combine(&sum, Array(right.dropFirst()))
      left = [1] + sum
    }
    return Array(found.dropFirst())
  }
}
