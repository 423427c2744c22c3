import Foundation
import Hummingbird
import Norma

/// Answers the requests for a model that wait together as one batch, on a thread of its own.
///
/// While the model is busy requests queue, and all that are there when it is done are its next batch. With a wait, a batch that is not full
/// is held until its oldest request has waited so long.
///
/// Who was answered may ask again at once, as clients do that wait for each answer. Were the next batch to begin with the first of them, the
/// others would wait for that and then for their own, time and again. So a batch that has fewer examples than the last is held for a
/// sixteenth of the time that the last took.
///
/// Unchecked: `queue`, `queuedCount`, `wakeAt`, `isClosed` and `last` are read and written by who holds `condition` alone; the rest is constant.
final class Batcher: @unchecked Sendable {
  /// What bounds batches and their queue.
  struct Limits: Sendable {
    /// The most examples of a batch.
    var batchSize: Int
    /// How long the oldest request is held for others to join it.
    var wait: Duration
    /// The most examples that may wait.
    var queueLength: Int
  }

  /// A request that was answered.
  struct Served: Sendable {
    var result: Result<ByteBuffer, ServiceError>
    /// How many examples were answered together with it.
    var batchSize: Int
  }

  private struct Request {
    let examples: [Example]
    let format: AnswerFormat
    let isList: Bool
    let arrival: ContinuousClock.Instant
    let continuation: CheckedContinuation<Served?, Never>
  }

  let model: ServedModel
  private let limits: Limits
  private let metrics: ServiceMetrics
  private let condition = NSCondition()
  private var queue: [Request] = []
  private var queuedCount = 0
  /// How many examples must wait for the thread to be woken; nil while it is at work.
  private var wakeAt: Int?
  private var isClosed = false
  /// How many examples the last batch had, and until when a smaller one is held.
  private var last = (count: 0, holdsUntil: ContinuousClock.now)

  /// Starts the thread.
  init(_ model: ServedModel, limits: Limits, metrics: ServiceMetrics) {
    self.model = model
    self.limits = limits
    self.metrics = metrics
    let thread = Thread { [self] in work() }
    thread.name = "norma model"
    thread.stackSize = 4 << 20
    thread.start()
  }

  /// How many examples wait.
  var queueLength: Int { condition.withLock { queuedCount } }

  /// Answers what is queued, and nothing more.
  func close() {
    condition.withLock {
      isClosed = true
      wakeAt = nil
      condition.broadcast()
    }
  }

  /// The body that answers a request.
  ///
  /// - Returns: nil if another model has taken this one's place.
  func answer(_ examples: [Example], format: AnswerFormat, isList: Bool) async -> Served? {
    await withCheckedContinuation { continuation in
      let request = Request(
        examples: examples, format: format, isList: isList, arrival: .now, continuation: continuation)
      condition.lock()
      if isClosed {
        condition.unlock()
        return continuation.resume(returning: nil)
      }
      guard queuedCount + examples.count <= limits.queueLength || queue.isEmpty else {
        let waiting = queuedCount
        condition.unlock()
        return continuation.resume(
          returning: Served(
            result: .failure(
              ServiceError(.serviceUnavailable, "\(waiting) examples are waiting already", retryAfter: 1)),
            batchSize: 0))
      }
      queue.append(request)
      queuedCount += examples.count
      if let wanted = wakeAt, queuedCount >= wanted {
        wakeAt = nil
        condition.signal()
      }
      condition.unlock()
    }
  }

  private func work() {
    while let batch = nextBatch() {
      let start = ContinuousClock.now
      answer(batch)
      let end = ContinuousClock.now
      condition.withLock { last = (batch.reduce(0) { $0 + $1.examples.count }, end + (end - start) / 16) }
    }
  }

  private func answer(_ batch: [Request]) {
    let examples = batch.count == 1 ? batch[0].examples : batch.flatMap(\.examples)
    let results = model.answers(for: examples)
    metrics.noteBatch(of: examples.count)
    var first = 0
    for request in batch {
      let own = results[first..<first + request.examples.count]
      first += request.examples.count
      let result: Result<ByteBuffer, ServiceError>
      do throws(ServiceError) {
        var answers: [Answer] = []
        answers.reserveCapacity(own.count)
        for (index, answer) in own.enumerated() {
          do throws(ServiceError) { answers.append(try answer.get()) } catch {
            throw request.isList
              ? ServiceError(error.status, "Example \(index), counted from 0: \(error.message)") : error
          }
        }
        result = .success(model.writer.body(answers, format: request.format, isList: request.isList))
      } catch {
        result = .failure(error)
      }
      request.continuation.resume(returning: Served(result: result, batchSize: examples.count))
    }
  }

  /// The requests that are answered together next, once there are some; nil when there will be none.
  private func nextBatch() -> [Request]? {
    condition.lock()
    defer { condition.unlock() }
    while true {
      guard let oldest = queue.first else {
        if isClosed { return nil }
        wakeAt = 1
        condition.wait()
        continue
      }
      let now = ContinuousClock.now
      let held = queuedCount < last.count ? last.holdsUntil - now : .zero
      let remaining = max(limits.wait - (now - oldest.arrival), held)
      if queuedCount >= limits.batchSize || isClosed || remaining <= .zero { return takeBatch() }
      wakeAt = held < remaining ? limits.batchSize : min(limits.batchSize, last.count)
      _ = condition.wait(until: Date(timeIntervalSinceNow: remaining / .seconds(1)))
      wakeAt = nil
    }
  }

  private func takeBatch() -> [Request] {
    var (count, size) = (0, 0)
    for request in queue {
      guard count == 0 || size + request.examples.count <= limits.batchSize else { break }
      count += 1
      size += request.examples.count
    }
    let batch = Array(queue[..<count])
    queue.removeFirst(count)
    queuedCount -= size
    wakeAt = nil
    return batch
  }
}
