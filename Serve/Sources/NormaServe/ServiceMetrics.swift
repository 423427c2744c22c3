import Synchronization

/// What is counted of a service, for Prometheus.
final class ServiceMetrics: Sendable {
  /// Counts of values up to each of some bounds.
  struct Histogram: Sendable {
    let bounds: [Double]
    private(set) var counts: [Int]
    private(set) var sum = 0.0

    init(_ bounds: [Double]) {
      self.bounds = bounds
      counts = [Int](repeating: 0, count: bounds.count + 1)
    }

    mutating func note(_ value: Double) {
      counts[bounds.firstIndex { value <= $0 } ?? bounds.count] += 1
      sum += value
    }

    /// In the format of Prometheus, where each bucket counts those of the smaller ones too.
    func lines(_ name: String, _ help: String) -> String {
      var (text, total) = ("# HELP \(name) \(help)\n# TYPE \(name) histogram\n", 0)
      for (index, count) in counts.enumerated() {
        total += count
        text += "\(name)_bucket{le=\"\(index < bounds.count ? "\(bounds[index])" : "+Inf")\"} \(total)\n"
      }
      return text + "\(name)_sum \(sum)\n\(name)_count \(total)\n"
    }
  }

  private struct Counts: Sendable {
    var requests: [Int: Int] = [:]
    var durations = Histogram([
      0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10,
    ])
    var batches = Histogram([1, 2, 4, 8, 16, 32, 64, 128, 256])
    var reloads = 0
    var failedReloads = 0
  }

  private let counts = Mutex(Counts())
  /// Connections that are open.
  let connections = Atomic<Int>(0)
  /// Connections that were closed since their client took too long, or asked nothing more.
  let cutConnections = Atomic<Int>(0)

  /// The bytes that bodies may take which are being read.
  let bodyBytes = Atomic<Int>(0)

  /// Notes a request that was answered.
  func noteRequest(status: Int, duration: Duration) {
    counts.withLock {
      $0.requests[status, default: 0] += 1
      $0.durations.note(duration / .seconds(1))
    }
  }

  func noteBatch(of count: Int) { counts.withLock { $0.batches.note(Double(count)) } }

  func noteReload(failed: Bool) {
    counts.withLock { if failed { $0.failedReloads += 1 } else { $0.reloads += 1 } }
  }

  /// How many requests were answered.
  var requestCount: Int { counts.withLock { $0.requests.values.reduce(0, +) } }

  /// The text that Prometheus reads.
  ///
  /// - Parameter queues: how many examples wait for each model.
  func text(queues: [(model: String, length: Int)], isReady: Bool) -> String {
    let counts = counts.withLock { $0 }
    func metric(_ name: String, _ type: String, _ help: String, _ values: [(labels: String, value: Int)]) -> String {
      "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
        + values.map { "\(name)\($0.labels) \($0.value)\n" }.joined()
    }
    return metric(
      "norma_requests_total", "counter", "Requests answered, by the status of the answer.",
      counts.requests.sorted { $0.key < $1.key }.map { ("{status=\"\($0.key)\"}", $0.value) })
      + counts.durations.lines(
        "norma_request_duration_seconds", "From a request's head to its answer, before that is sent.")
      + counts.batches.lines("norma_batch_size", "Examples answered together.")
      + metric(
        "norma_queue_length", "gauge", "Examples that wait for a model.",
        queues.map { ("{model=\"\($0.model)\"}", $0.length) })
      + metric(
        "norma_connections", "gauge", "Open connections.", [("", connections.load(ordering: .relaxed))])
      + metric(
        "norma_connections_cut_total", "counter",
        "Connections that were closed after --timeout, for a slow request or none.",
        [("", cutConnections.load(ordering: .relaxed))])
      + metric(
        "norma_reloads_total", "counter", "Times that the models were read anew, by how that went.",
        [("{result=\"done\"}", counts.reloads), ("{result=\"failed\"}", counts.failedReloads)])
      + metric("norma_ready", "gauge", "Whether requests are wanted.", [("", isReady ? 1 : 0)])
  }
}
