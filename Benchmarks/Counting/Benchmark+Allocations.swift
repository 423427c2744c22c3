import AllocationCounter
import Benchmark

extension Benchmark {
  /// How often heap memory was asked for during one call, by the thread that makes it.
  private static let allocations = BenchmarkMetric.custom("Allocations", useScalingFactor: false)

  /// Time, memory, and allocations where they can be counted.
  public static let usualMetrics: [BenchmarkMetric] =
    [.wallClock, .peakMemoryResident] + (allocation_counter_works() ? [allocations] : [])

  /// Registers a benchmark: `prepare` makes what is ready before the first call, and the call is what it returns.
  public static func timing(_ name: String, _ prepare: @escaping () throws -> () throws -> Void) {
    let configuration = Configuration(metrics: usualMetrics, warmupIterations: 3, maxDuration: .seconds(1))
    Benchmark(name, configuration: configuration) { (benchmark: Benchmark, call: () throws -> Void) in
      benchmark.startMeasurement()
      allocation_counter_start()
      do { try call() } catch { benchmark.error("\(error)") }
      let calls = allocation_counter_calls()
      benchmark.stopMeasurement()
      benchmark.measurement(allocations, calls)
    } setup: {
      try prepare()
    }
  }
}
