import ArgumentParser
import Foundation
import Norma
import NormaLab
import NormaTerminal

/// `norma bench`: how fast operations and networks are on this machine.
struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Time normalization, training and inference on this machine.",
    usage: "norma bench [<options>]",
    discussion: """
      Each case is warmed up and then timed for --time seconds; the median and the 10th and 90th percentiles are shown. \
      Run it while nothing else does. Times of one run can be compared, those of different machines hardly.

      EXAMPLES
        norma bench --list
        norma bench --only 'bn.*nhwc' --threads 1
        norma bench --json > bench.json
      """)

  @Option(help: ArgumentHelp("Only the cases whose names match.", valueName: "expression"))
  var only: String?

  @Option(help: ArgumentHelp("For how long to take samples of each case.", valueName: "seconds"))
  var time = 0.3

  @Option(help: ArgumentHelp("How many threads work. (default: all cores)", valueName: "count"))
  var threads: Int?

  @Flag(help: "List the cases and time nothing.")
  var list = false

  @Flag(help: "Print the results as JSON.")
  var json = false

  @Flag(
    help: ArgumentHelp(
      "Answer requests, one JSON object a line, from standard input: so several libraries are timed in turn in one run. The number of threads is in PEER_THREADS."
    ))
  var worker = false

  private struct Row: Encodable {
    var name: String
    var threads: Int
    var kernels: String
    var median: Double
    var tenthPercentile: Double
    var ninetiethPercentile: Double
    var samples: Int
  }

  func validate() throws {
    guard time > 0, time <= 3600 else { throw ValidationError("--time takes seconds above 0, not \(time).") }
    if let only, (try? Regex(only)) == nil {
      throw ValidationError("--only takes a regular expression, not '\(only)'.")
    }
    try validateThreads(threads)
  }

  func run() throws {
    if worker { return try BenchmarkWorker().run() }
    if let threads { Parallel.threadCount = threads }
    let pattern = try only.map { try Regex($0) }
    let cases = BenchmarkCase.all.filter { benchmark in pattern.map { benchmark.name.contains($0) } ?? true }
    if list {
      for benchmark in cases { try output(benchmark.name) }
      return
    }
    var rows: [Row] = []
    for benchmark in cases {
      let samples = try Benchmark(benchmark).samples(forSeconds: time).sorted()
      func percentile(_ share: Double) -> Double { samples[Int(share * Double(samples.count - 1) + 0.5)] }
      rows.append(
        Row(
          name: benchmark.name, threads: Parallel.threadCount, kernels: Kernels.name, median: percentile(0.5),
          tenthPercentile: percentile(0.1), ninetiethPercentile: percentile(0.9), samples: samples.count))
    }
    if json {
      return try outputJSON(rows)
    }
    try output("\(Parallel.threadCount) threads, \(Kernels.name) kernels, microseconds")
    var table = TextTable(columns: [.words("case"), .numbers("median"), .numbers("p10"), .numbers("p90")])
    for row in rows {
      let times = [row.median, row.tenthPercentile, row.ninetiethPercentile]
      table.addRow([row.name] + times.map { Formatting.number($0 * 1e6) })
    }
    try output(table)
  }
}

/// Answers requests for measurements, so that a driver can time several libraries in turn.
private struct BenchmarkWorker {
  private struct Request: Decodable {
    var hello: Bool?
    var drop: Bool?
    var `case`: BenchmarkCase?
    var minTime: Double?

    enum CodingKeys: String, CodingKey {
      case hello, drop, `case`
      case minTime = "min_time"
    }
  }

  private struct Reply: Encodable {
    var ok = true
    var error: String?
    var info: String?
    var variants: [String: [String]]?
    var samples: [Double]?
  }

  func run() throws {
    if let text = ProcessInfo.processInfo.environment["PEER_THREADS"], let threads = Int(text), threads > 0 {
      Parallel.threadCount = threads
    }
    var prepared: [String: Benchmark] = [:]
    while let line = readLine() {
      var reply = Reply()
      do {
        let request = try JSONDecoder().decode(Request.self, from: Data(line.utf8))
        if request.hello == true {
          reply.info = "norma \(normaVersion) threads=\(Parallel.threadCount) kernels=\(Kernels.name)"
          let variants = ["fused"]
          reply.variants = ["norm": variants, "norm+relu": variants, "train": variants, "infer": variants]
        } else if request.drop == true {
          prepared = [:]
        } else if let benchmark = request.case {
          let ready = try prepared[benchmark.name] ?? Benchmark(benchmark)
          prepared[benchmark.name] = ready
          let samples = try ready.samples(forSeconds: request.minTime ?? 0.15)
          // A reply stays short.
          reply.samples = stride(from: 0, to: samples.count, by: max(1, samples.count / 400)).map { samples[$0] }
        } else {
          throw BenchmarkError("a request names hello, drop or case")
        }
      } catch {
        reply.ok = false
        reply.error = "\(error)"
      }
      try output(String(decoding: try JSONEncoder().encode(reply), as: UTF8.self))
    }
  }
}
