import Foundation
import Hummingbird
import Norma
import Serving
import Testing

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// The service, asked as its users ask it.
@Suite struct ServingTests {
  /// A small model of the digits, as `norma train` would save it.
  private static func checkpoint() throws -> (Checkpoint, DataSplits) {
    let random = RandomGenerator(seed: 1)
    let data = try DataSplits(
      DataSource.digits.read(), validationCount: 300, standardizing: .perFeature, random: random.split(0))
    let architecture = ModelArchitecture(MultilayerPerceptron(hidden: [30]))
    let model: Sequential<Float> = try architecture.recipe.build(
      sampleShape: [64], outputCount: 10, random: random.split(1))
    let configuration = TrainingConfiguration(epochs: 3, seed: 1)
    let history = try Trainer(model, configuration: configuration).fit(data.training)
    let settings = Checkpoint.Settings(
      architecture: architecture, exampleShape: [64], outputs: .classes(names: (0..<10).map(String.init)),
      featureNames: nil, standardization: data.standardization.map { Checkpoint.SavedStandardization($0) },
      training: configuration, data: Checkpoint.SavedData(source: "digits", validationCount: 300), history: history)
    return (Checkpoint(settings: settings, state: model.state), data)
  }

  /// What the service answered.
  private struct Answer {
    var status: Int
    var body: Data
  }

  /// Asks a service.
  private struct Client {
    var port: Int

    func ask(_ path: String, _ method: String = "GET", type: String? = nil, body: Data? = nil) async throws -> Answer {
      var request = URLRequest(url: try #require(URL(string: "http://127.0.0.1:\(port)\(path)")))
      request.httpMethod = method
      request.httpBody = body
      // Foundation would name a type of its own.
      request.setValue(type ?? "", forHTTPHeaderField: "Content-Type")
      let (data, response) = try await URLSession.shared.data(for: request)
      return Answer(status: try #require(response as? HTTPURLResponse).statusCode, body: data)
    }

    func predict(_ body: Data, type: String?) async throws -> Answer {
      try await ask("/predict", "POST", type: type, body: body)
    }
  }

  /// Runs a service on a free port for the length of a call.
  private func withClient(_ body: (Client) async throws -> Void) async throws {
    let (ports, port) = AsyncStream.makeStream(of: Int.self)
    let application = PredictionService(try Predictor(Self.checkpoint().0)).application(host: "127.0.0.1", port: 0) {
      port.yield($0)
    }
    let service = Task { try await application.run() }
    defer { service.cancel() }
    var iterator = ports.makeAsyncIterator()
    try await body(Client(port: try #require(await iterator.next())))
  }

  /// The first digits as they are in the file: 64 numbers from 0 to 16.
  private static func digits(_ count: Int) throws -> [[Float]] {
    let features = try DataSource.digits.read().datasets().training.features
    return (0..<count).map { features[rows: $0..<$0 + 1].elements }
  }

  private static func bytes(_ numbers: [Float]) -> Data {
    var data = Data()
    for number in numbers { withUnsafeBytes(of: number.bitPattern.littleEndian) { data.append(contentsOf: $0) } }
    return data
  }

  private static let json = "application/json"
  private static let binary = "application/octet-stream"

  @Test func answersAreThoseOfTheModelInBothForms() async throws {
    let (checkpoint, _) = try Self.checkpoint()
    let model = try checkpoint.makeModel()
    try await withClient { client in
      for digit in try Self.digits(20) {
        let standardized = try #require(checkpoint.standardization).applied(to: Tensor(digit, shape: [1, 64]))
        let scores = try model.predict(standardized).elements.map(Double.init)
        let sum = scores.map(exp).reduce(0, +)
        for (type, body) in [(Self.binary, Self.bytes(digit)), (Self.json, try JSONEncoder().encode(digit))] {
          let answer = try await client.predict(body, type: type)
          #expect(answer.status == 200)
          let prediction = try JSONDecoder().decode(Predictor.Prediction.self, from: answer.body)
          #expect(prediction.label == scores.firstIndex(of: scores.max() ?? 0).map(String.init))
          let probabilities = try #require(prediction.probabilities)
          #expect(probabilities.count == 10)
          for (label, probability) in probabilities {
            // Folding and single precision: scores of some ten differ in the sixth digit.
            #expect(abs(Double(probability) - exp(scores[Int(label) ?? 0]) / sum) < 1e-4)
          }
        }
      }
    }
  }

  @Test func healthSaysWhatIsServed() async throws {
    try await withClient { client in
      let answer = try await client.ask("/health")
      #expect(answer.status == 200)
      let health = try JSONDecoder().decode(PredictionService.Health.self, from: answer.body)
      #expect(health.status == "ok" && health.model == "mlp:30" && health.shape == [64])
    }
  }

  @Test func malformedBodiesAreRefused() async throws {
    let digit = try Self.digits(1)[0]
    let spoiled: [Float] = [Float](digit.dropLast()) + [.nan]
    try await withClient { client in
      for (type, body) in [
        (Self.binary, Data()), (Self.binary, Self.bytes(Array(digit.dropLast()))),
        (Self.binary, Self.bytes(digit + [1])), (Self.binary, Self.bytes(spoiled)), (Self.binary, Data(count: 255)),
        (Self.json, Data()), (Self.json, Data("[1, 2".utf8)), (Self.json, Data("{}".utf8)),
        (Self.json, Data("[1, 2, 3]".utf8)), (Self.json, Data(#"["one"]"#.utf8)), (Self.json, Data("[1e999]".utf8)),
        (Self.json, Self.bytes(digit)),
      ] {
        let answer = try await client.predict(body, type: type)
        #expect(answer.status == 400)
        #expect(String(decoding: answer.body, as: UTF8.self).contains("message"))
      }
      for type in [nil, "text/html", "nonsense"] {
        let status = try await client.predict(Self.bytes(digit), type: type).status
        #expect(status == 415)
      }
    }
  }

  @Test func bodiesThatAreTooLargeAreRefused() async throws {
    try await withClient { client in
      for (type, count) in [(Self.binary, 64 * 4 + 17), (Self.json, 64 * 32 + 17), (Self.binary, 100_000)] {
        let status = try await client.predict(Data(repeating: 32, count: count), type: type).status
        #expect(status == 413)
      }
    }
  }

  @Test func otherRoutesAreNotThere() async throws {
    try await withClient { client in
      for path in ["/predict", "/"] {
        let status = try await client.ask(path).status
        #expect(status == 404)
      }
    }
  }

  /// The command as a process, from its start to SIGTERM.
  @Test func theCommandServesUntilItIsAskedToStop() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "serving-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Self.checkpoint().0.write(to: folder.appending(path: "model.safetensors").path)
    // SwiftPM builds the command beside the tests' bundle, whose path is among the arguments of the process.
    let argument = try #require(ProcessInfo.processInfo.arguments.first { $0.contains(".xctest") })
    let bundle = String(argument[..<(try #require(argument.firstRange(of: ".xctest"))).lowerBound])
    let process = Process()
    process.executableURL = URL(filePath: bundle).deletingLastPathComponent().appending(path: "serve")
    let port = 20_000 + Int(getpid()) % 20_000
    process.arguments = [folder.path, "--port", "\(port)"]
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    defer { if process.isRunning { process.terminate() } }
    let client = Client(port: port)
    var answer: Answer?
    for _ in 0..<600 where answer == nil && process.isRunning {
      answer = try? await client.ask("/health")
      if answer == nil { try await Task.sleep(for: .milliseconds(50)) }
    }
    #expect(answer?.status == 200)
    process.terminate()
    process.waitUntilExit()
    #expect(process.terminationReason == .exit && process.terminationStatus == 0)
  }

  @Test func modelsThatGiveNumbersAnswerWithThem() throws {
    let architecture = ModelArchitecture(MultilayerPerceptron(hidden: [], normalization: .none))
    let model: Sequential<Float> = try architecture.recipe.build(
      sampleShape: [3], outputCount: 2, random: RandomGenerator(seed: 1))
    let checkpoint = Checkpoint(
      settings: Checkpoint.Settings(
        architecture: architecture, exampleShape: [3], outputs: .values(count: 2), featureNames: nil,
        standardization: nil, training: TrainingConfiguration(loss: .meanSquaredError),
        data: Checkpoint.SavedData(source: "csv:a.csv", validationCount: 0), history: TrainingHistory()),
      state: model.state)
    let prediction = try Predictor(checkpoint).predict([1, 2, 3])
    let expected = try model.predict(Tensor([1, 2, 3], shape: [1, 3])).elements.map(Double.init)
    #expect(prediction.label == nil && prediction.values == expected)
    // Numbers that were standardized for training are answered in their own units.
    var standardized = checkpoint
    standardized.settings.targetStandardization = Checkpoint.SavedStandardization(
      Standardization<Double>(mode: .perFeature, mean: Tensor([2e5, -3]), scale: Tensor([5e4, 2])))
    #expect(
      try Predictor(standardized).predict([1, 2, 3]).values == [expected[0] * 5e4 + 2e5, expected[1] * 2 - 3])
    #expect(throws: DataError.self) { try Predictor(checkpoint).predict([1e39, 2, 3]) }
  }
}
