import Benchmark
import CAllocationCounter

extension Benchmark {
  /// How often heap memory was asked for during one call.
  private static let allocations = BenchmarkMetric.custom("Allocations", useScalingFactor: false)

  /// Time, memory, and allocations where they can be counted.
  public static let usualMetrics: [BenchmarkMetric] =
    [.wallClock, .peakMemoryResident] + (norma_allocation_count() < 0 ? [] : [allocations])

  /// Registers a benchmark: `prepare` makes what is ready before the first call, and the call is what it returns.
  public static func timing(_ name: String, _ prepare: @escaping () throws -> () throws -> Void) {
    let configuration = Configuration(metrics: usualMetrics, warmupIterations: 3, maxDuration: .seconds(1))
    Benchmark(name, configuration: configuration) { (benchmark: Benchmark, call: () throws -> Void) in
      let before = norma_allocation_count()
      benchmark.startMeasurement()
      do { try call() } catch { benchmark.error("\(error)") }
      benchmark.stopMeasurement()
      benchmark.measurement(allocations, norma_allocation_count() - before)
    } setup: {
      try prepare()
    }
  }
}
