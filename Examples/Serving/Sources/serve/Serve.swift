import ArgumentParser
import Hummingbird
import Norma
import Serving

/// `serve`: answers HTTP requests with a model that `norma train` saved.
@main struct Serve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Answer HTTP requests with a model that `norma train` saved.",
    discussion: """
      POST /predict with one example, a JSON array of numbers or 32-bit floats as application/octet-stream, answers with \
      the likeliest class and the probability of each. GET /health says what is being served. SIGTERM and SIGINT let \
      requests that have begun end, and then the service.
      """)

  @Argument(help: ArgumentHelp("A .safetensors file, or the folder of a model.", valueName: "model"))
  var model: String

  @Option(help: ArgumentHelp("The address to listen on.", valueName: "address"))
  var host = "127.0.0.1"

  @Option(help: ArgumentHelp("The port to listen on.", valueName: "number"))
  var port = 8080

  func run() async throws {
    let path = FileAccess.kind(of: model) == .directory ? "\(model)/model.safetensors" : model
    let predictor = try Predictor(Checkpoint(contentsOf: path))
    // Requests run side by side; none is worth sharing among threads.
    Parallel.threadCount = 1
    try await PredictionService(predictor).application(host: host, port: port).runService()
  }
}
