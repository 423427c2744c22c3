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
  private let cut: BatchCut
  /// The vectors of the exchange under way, by the places of the shards here, and how many shards it waits for.
  private var vectors: [[Double]?]
  private var missing: Int
  /// How many shards take part here.
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

  private init(_ cut: BatchCut, present: Int) {
    self.cut = cut
    vectors = Array(repeating: nil, count: cut.local.count)
    (self.present, missing) = (present, present)
    mostAtOnce = min(present, Parallel.threadCount)
  }

  /// What `body` makes of each shard that this process works on. Where none of them has examples it is called for the first, and is to take
  /// the examples at ``BatchCut/places`` in its place.
  ///
  /// - Parameters:
  ///   - cut: how the batch is cut; at least one shard has examples.
  ///   - body: given the place of a shard and what tells it of the others. It is called on several threads at once.
  /// - Throws: what `body` throws, of the first shard where several do; `ProcessGroupError`.
  package static func run<Value>(
    _ cut: BatchCut, _ body: (_ shard: Int, any ShardExchange) throws -> Value
  ) throws -> ShardResults<Value> {
    let places = cut.standsIn ? [cut.local.lowerBound] : cut.local.filter { !cut.shards[$0].isEmpty }
    let shards = Shards(cut, present: places.count)
    // One alone has all threads.
    let found = try places.count == 1 ? [body(places[0], shards.seat(places[0]))] : shards.apart(places, body)
    if let error = shards.groupError { throw error }
    guard !cut.standsIn else {
      return ShardResults(values: Array(repeating: nil, count: cut.local.count), standIn: found[0], cut: cut)
    }
    var values = [Value?](repeating: nil, count: cut.local.count)
    for (place, value) in zip(places, found) { values[place - cut.local.lowerBound] = value }
    return ShardResults(values: values, standIn: nil, cut: cut)
  }

  private func seat(_ place: Int) -> Seat { Seat(self, place - cut.local.lowerBound) }

  /// What becomes of several shards, each on a thread of its own.
  private func apart<Value>(_ places: [Int], _ body: (Int, any ShardExchange) throws -> Value) throws -> [Value] {
    let outcomes = places.map { _ in Outcome<Value>() }
    withoutActuallyEscaping(body) { body in
      let work = Work(body)
      for (place, outcome) in zip(places, outcomes) {
        let thread = Thread { [self] in
          begin()
          let seat = seat(place)
          let found = work.done(at: place, seat)
          (outcome.value, outcome.wasLeft) = (found, seat.wasLeft)
          end(found)
        }
        thread.name = "norma shard \(place)"
        thread.stackSize = 4 << 20
        thread.start()
      }
      waitForAll()
      // A thread may hold what it was started with for a moment longer.
      work.body = nil
    }
    for outcome in outcomes where !outcome.wasLeft { _ = try outcome.value!.get() }
    // Those that were left say nothing: the group's error does.
    if let groupError { throw groupError }
    return try outcomes.map { try $0.value!.get() }
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

  private func end<Value>(_ outcome: Result<Value, any Error>) {
    condition.lock()
    running -= 1
    ended += 1
    if case .failure = outcome { hasFailed = true }
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
      do throws(ProcessGroupError) { result = try cut.combined(vectors, standIn: vector, by: combine) } catch {
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
}
