import Foundation
import Norma
import NormaLab
import NormaONNX

/// Answers requests for measurements, so that a driver can time several libraries in turn.
///
/// The protocol is described at the top of `Benchmarks/bench_peers.py`.
struct BenchmarkWorker {
  private struct Request: Decodable {
    var hello: Bool?
    var drop: Bool?
    var `case`: BenchmarkCase?
    var variant: String?
    var minTime: Double?
    var pause: Double?

    enum CodingKeys: String, CodingKey {
      case hello, drop, `case`, variant, pause
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
    if let text = ProcessInfo.processInfo.environment["PEER_THREADS"], let threads = Int(text),
      (1...1024).contains(threads)
    {
      Parallel.threadCount = threads
    }
    var prepared: [String: Benchmark] = [:]
    while let line = readLine() {
      var reply = Reply()
      do {
        let request = try JSONDecoder().decode(Request.self, from: Data(line.utf8))
        if request.hello == true {
          reply.info = "norma \(normaVersion) threads=\(Parallel.threadCount) kernels=\(Kernels.name)"
          reply.variants = Dictionary(
            uniqueKeysWithValues: ["norm", "norm+family", "conv", "product", "train", "infer"].map {
              ($0, Benchmark.variants(section: $0))
            } + [("onnx", ["fused"])])
        } else if request.drop == true {
          prepared = [:]
        } else if let benchmark = request.case {
          let variant = request.variant ?? "fused"
          let name = "\(benchmark.name) \(variant)"
          let ready =
            try prepared[name]
            ?? (benchmark.sec == "onnx" ? Self.model(benchmark) : Benchmark(benchmark, variant: variant))
          prepared[name] = ready
          let samples = try ready.samples(
            forSeconds: try seconds(request.minTime ?? 0.15, "min_time"),
            pausing: try request.pause.map { try seconds($0, "pause") })
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

  /// The inference of a model in ONNX's format.
  private static func model(_ benchmark: BenchmarkCase) throws -> Benchmark {
    guard let file = benchmark.file, let lengths = benchmark.shape, lengths.count == 3,
      lengths.allSatisfy((1...1 << 16).contains), let batch = benchmark.batch, (1...1 << 16).contains(batch)
    else { throw BenchmarkError("'\(benchmark.name)' names no file, no shape of images or no batch") }
    let serving = try InferenceModel(try ONNXNetwork(try ONNXModel(contentsOf: file)))
    var random = RandomGenerator(seed: 0)
    let images = Tensor<Float>.normal([batch, lengths[1], lengths[2], lengths[0]], using: &random)
    return Benchmark { _ = try serving(images) }
  }

  private func seconds(_ value: Double, _ name: String) throws -> Double {
    guard (0...3600).contains(value) else { throw BenchmarkError("\(name) is 0 to 3600 seconds, not \(value)") }
    return value
  }
}
