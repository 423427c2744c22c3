import ArgumentParser
import Foundation
import Norma
import NormaLab
import NormaTerminal

/// `norma bench run`: times cases, its own or those it is asked for.
struct BenchRun: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Time the cases.",
    usage: "norma bench run [<options>]",
    discussion: """
      Each case is warmed up and then timed for --time seconds; the mean, the median and the 10th and 90th percentiles \
      are shown. Run it while nothing else does. Times of one run can be compared, those of different machines hardly.

      EXAMPLES
        norma bench run --only 'bn.*nhwc' --threads 1
        norma bench run --json > bench.json
        norma bench run --model resnet50.onnx --batch 32
      """)

  @OptionGroup var cases: BenchCases

  @Option(
    help: ArgumentHelp(
      "Time the inference of a saved model, as for predict, in place of the cases.", valueName: "model"))
  var model: String?

  @Option(help: ArgumentHelp("With --model: the examples at a time. (default: 1)", valueName: "count"))
  var batch: Int?

  @Option(help: ArgumentHelp("For how long to take samples of each case.", valueName: "seconds"))
  var time = 0.3

  @Option(help: ArgumentHelp("How many threads work. (default: all cores)", valueName: "count"))
  var threads: Int?

  @Flag(help: "Print the results as JSON, times in seconds.")
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
    var mean: Double
    var median: Double
    var tenthPercentile: Double
    var ninetiethPercentile: Double
    var samples: Int
  }

  func validate() throws {
    guard time > 0, time <= 3600 else { throw ValidationError("--time takes seconds above 0, not \(time).") }
    try validateThreads(threads)
    guard model != nil || batch == nil else { throw ValidationError("--batch is for --model.") }
    if let batch, !(1...65_536).contains(batch) {
      throw ValidationError("--batch takes a number from 1 to 65536, not \(batch).")
    }
  }

  /// The inference of a saved model.
  private func inference(of model: String) throws -> (name: String, benchmark: Benchmark) {
    let (file, checkpoint) = try savedModel(model)
    let network = try checkpoint.makeModel()
    let serving = try InferenceModel(network, sampleShape: Shape(checkpoint.settings.exampleShape))
    var random = RandomGenerator(seed: 0)
    let batch = batch ?? 1
    let examples = Tensor<Float>.normal(Shape([batch] + checkpoint.settings.exampleShape), using: &random)
    return ("\(URL(filePath: file).lastPathComponent) b\(batch)", Benchmark { _ = try serving(examples) })
  }

  func run() throws {
    if worker { return try BenchmarkWorker().run() }
    if let threads { Parallel.threadCount = threads }
    var rows: [Row] = []
    let selected =
      try model.map { [try inference(of: $0)] }
      ?? cases.selected().map { benchmark in (benchmark.name, try Benchmark(benchmark)) }
    for (name, benchmark) in selected {
      let samples = try benchmark.samples(forSeconds: time).sorted()
      func percentile(_ share: Double) -> Double { samples[Int(share * Double(samples.count - 1) + 0.5)] }
      rows.append(
        Row(
          name: name, threads: Parallel.threadCount, kernels: Kernels.name,
          mean: samples.reduce(0, +) / Double(samples.count), median: percentile(0.5),
          tenthPercentile: percentile(0.1), ninetiethPercentile: percentile(0.9), samples: samples.count))
    }
    if json { return try outputJSON(rows) }
    try output("\(Parallel.threadCount) threads, \(Kernels.name) kernels, microseconds")
    var table = TextTable(
      columns: [.words("case"), .numbers("mean"), .numbers("median"), .numbers("p10"), .numbers("p90")])
    for row in rows {
      let times = [row.mean, row.median, row.tenthPercentile, row.ninetiethPercentile]
      table.addRow([row.name] + times.map { Formatting.number($0 * 1e6) })
    }
    try output(table)
  }
}
