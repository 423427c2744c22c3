import ArgumentParser
import Foundation
import Norma
import NormaServe

/// `norma-serve`: answers HTTP requests with models.
@main struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "norma-serve",
    abstract: "Answer HTTP requests with models that `norma train` saved, or ONNX models.",
    usage: "norma-serve <model> ... [<options>]",
    discussion: """
      A model is a model.safetensors, the folder it is in, or an ONNX model. It is asked by the name of its folder or file, or by \
      another that is given as NAME=PATH.

      POST /predict asks the first model, POST /models/NAME/predict one of several. An example is a JSON array of numbers, \
      32-bit floats (application/octet-stream, little-endian), or a PNG or JPEG file; several are an array of arrays, or their \
      floats one after another. The answer is the likeliest class with the probability of each, or numbers. GET /docs tells more, \
      /openapi.json the same to programs; /models, /health, /ready and /metrics (Prometheus) are there too.

      Requests that wait together are answered as one batch; an answer's bits do not depend on that.

      SIGHUP reads all models anew without losing a request, and opens the log anew. SIGTERM and SIGINT withdraw readiness, tell clients with \
      their next answer that it is the last, let requests under way end, and end with 0; a second one ends at once.

      EXAMPLES
        norma-serve iris
        norma-serve digits=runs/7/model.safetensors cats=cats.onnx --host 0.0.0.0 --port 80
        norma-serve iris --max-batch 256 --max-wait 2 --access-log /var/log/norma.log
      """,
    version: normaVersion)

  @Argument(help: ArgumentHelp("Models; the first is asked by POST /predict.", valueName: "model"))
  var models: [String]

  @Option(help: ArgumentHelp("The address to listen on.", valueName: "address"))
  var host = "127.0.0.1"

  @Option(help: ArgumentHelp("The port to listen on; 0 for any that is free, which is told.", valueName: "number"))
  var port = 8080

  @Option(help: ArgumentHelp("The most examples in a batch, and in a request.", valueName: "count"))
  var maxBatch = 64

  @Option(
    help: ArgumentHelp(
      "How long a batch that is not full is held for others to join it, in milliseconds; 0 for not at all: then what came while the model was busy is a batch.",
      valueName: "ms"))
  var maxWait = 0.0

  @Option(help: ArgumentHelp("The most examples that wait for a model; more are refused with 503.", valueName: "count"))
  var maxQueue = 1024

  @Option(help: ArgumentHelp("The most bytes that a body may have, in MiB.", valueName: "MiB"))
  var maxBody = 16

  @Option(help: ArgumentHelp("The most connections at a time; more wait.", valueName: "count"))
  var maxConnections = 1024

  @Option(
    help: ArgumentHelp(
      "How long a client may take for a request's head, for its body, and between requests, in seconds.",
      valueName: "s"))
  var timeout = 30.0

  @Option(
    help: ArgumentHelp(
      "How long new connections are still taken after SIGTERM, in seconds, for a load balancer that has yet to notice.",
      valueName: "s"))
  var drainDelay = 0.0

  @Option(help: ArgumentHelp("How long requests may take to end after that, in seconds.", valueName: "s"))
  var drainTimeout = 30.0

  @Option(
    help: ArgumentHelp(
      "Where a line for each request is written: a file, - for standard output, or off.", valueName: "file"))
  var accessLog = "-"

  @Option(
    help: ArgumentHelp(
      "The threads that a batch is shared among. (default: as many as there are cores)", valueName: "count"))
  var threads: Int?

  func validate() throws {
    guard (0...65_535).contains(port) else { throw ValidationError("--port takes 0 to 65535, not \(port).") }
    for (name, count) in [
      ("--max-batch", maxBatch), ("--max-queue", maxQueue), ("--max-body", maxBody),
      ("--max-connections", maxConnections),
      ("--threads", threads ?? 1),
    ] where !(1...1_000_000).contains(count) {
      throw ValidationError("\(name) takes a number from 1 to a million, not \(count).")
    }
    for (name, time) in [("--max-wait", maxWait), ("--drain-delay", drainDelay), ("--drain-timeout", drainTimeout)]
    where !(0...86_400).contains(time) {
      throw ValidationError("\(name) takes a time from 0 on, and not \(time).")
    }
    guard timeout > 0, timeout <= 86_400 else {
      throw ValidationError("--timeout takes a time above 0, not \(timeout).")
    }
    _ = try sources()
  }

  private func sources() throws -> [ModelSource] {
    do { return try models.map { try ModelSource($0) } } catch { throw ValidationError("\(error).") }
  }

  func run() async throws {
    var configuration = ServiceConfiguration()
    configuration.host = host
    configuration.port = port
    configuration.batchSize = maxBatch
    configuration.batchWait = .seconds(maxWait / 1000)
    configuration.queueLength = maxQueue
    configuration.bodySize = maxBody << 20
    configuration.connectionCount = maxConnections
    configuration.timeout = .seconds(timeout)
    configuration.drainDelay = .seconds(drainDelay)
    configuration.drainTimeout = .seconds(drainTimeout)
    if let threads { Parallel.threadCount = threads }
    // Who reads the log may go before the service does.
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
    do {
      let log = accessLog == "off" ? nil : try AccessLog(path: accessLog)
      let service = try ModelService(try sources(), configuration: configuration, log: log) { remark($0) }
      let signals = ServiceSignals(
        service, log: log, drainTimeout: configuration.drainDelay + configuration.drainTimeout)
      defer { withExtendedLifetime(signals) {} }
      let host = host
      try await service.run { port in
        remark(
          "\(service.servedModels.map(\.name).joined(separator: ", ")): listening on http://\(host):\(port), docs at /docs"
        )
      }
      remark("Ended after \(service.requestCount) requests.")
    } catch {
      remark("\(error)")
      throw ExitCode(exitCode(for: error))
    }
  }

  /// As `norma` ends: 65 for bad data, 74 for a file that could not be read or written, 69 where the address cannot be had.
  private func exitCode(for error: any Error) -> Int32 {
    switch error {
    case is FileError: 74
    case is ServiceStartError: 64
    case is FormatError, is DataError, is ModelStateError, is LayerError, is InferenceModelError, is TrainingError: 65
    default: "\(type(of: error))" == "ONNXError" ? 65 : 69
    }
  }
}

/// Tells whoever runs the service something, on standard error.
func remark(_ text: String) { FileHandle.standardError.write(Data("norma-serve: \(text)\n".utf8)) }
