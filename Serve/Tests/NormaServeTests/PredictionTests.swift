import Foundation
import Norma
import NormaImages
import NormaONNX
import Testing

/// What is answered, held against the models themselves.
@Suite(.serialized) struct PredictionTests {
  private static let json = "application/json"
  private static let binary = "application/octet-stream"

  @Test func answersAreThoseOfTheModelInEachForm() throws {
    try Fixtures.withFolder { folder in
      let checkpoint = try Fixtures.digits()
      try Fixtures.write(checkpoint, "digits", in: folder)
      let model = try checkpoint.makeModel()
      let service = try ServiceProcess([folder.appending(path: "digits").path, "--access-log", "off"])
      let connection = try service.connection()
      for digit in try Fixtures.digitFeatures(20) {
        let standardized = try #require(checkpoint.standardization).applied(to: Tensor(digit, shape: [1, 64]))
        let scores = try model.predict(standardized).elements.map(Double.init)
        let sum = scores.map(exp).reduce(0, +)
        let numbers = try JSONEncoder().encode(digit)
        let answers = try [
          connection.predict(Fixtures.bytes(digit), type: Self.binary),
          connection.predict(numbers, type: Self.json),
          connection.predict(numbers, type: "application/json; charset=utf-8", path: "/models/digits/predict"),
        ]
        #expect(answers.allSatisfy { $0.status == 200 && $0.body == answers[0].body })
        let prediction = try answers[0].decoded(Prediction.self)
        #expect(prediction.label == scores.firstIndex(of: scores.max() ?? 0).map(String.init))
        let probabilities = try #require(prediction.probabilities)
        #expect(probabilities.count == 10)
        for (label, probability) in probabilities {
          // Folding and single precision: scores of some ten differ in the sixth digit.
          #expect(abs(Double(probability) - exp(scores[Int(label) ?? 0]) / sum) < 1e-4)
        }
        let binary = try connection.predict(Fixtures.bytes(digit), type: Self.binary, accept: Self.binary)
        #expect(binary.headers["content-type"] == Self.binary)
        #expect(Fixtures.floats(binary.body) == (0..<10).map { probabilities["\($0)"] })
      }
    }
  }

  /// Clients that ask at once are answered in batches, by the bits of an answer to who asks alone.
  @Test func answersInBatchesHaveTheBitsOfLoneOnes() throws {
    try Fixtures.withFolder { folder in
      try Fixtures.write(Fixtures.digits(), "digits", in: folder)
      let digits = try Fixtures.digitFeatures(64)
      let path = folder.appending(path: "digits").path
      let service = try ServiceProcess([path, "--access-log", "off", "--max-wait", "20", "--max-batch", "16"])
      let connection = try service.connection()
      let lone = try digits.map { try connection.predict(Fixtures.bytes($0), type: Self.binary).body }
      #expect(try service.metric("norma_batch_size_sum") == 64)
      #expect(try service.metric("norma_batch_size_count") == 64)
      let together = concurrently(32) { client in
        (try? service.connection()).map { connection in
          [client, client + 32].map { try? connection.predict(Fixtures.bytes(digits[$0]), type: Self.binary).body }
        }
      }
      for client in 0..<32 {
        #expect(together[client] == [lone[client], lone[client + 32]])
      }
      #expect(try service.metric("norma_batch_size_sum") == 128)
      // 64 examples in batches of up to 16.
      let batchCount = try #require(try service.metric("norma_batch_size_count"))
      #expect(batchCount < 128)
      // A request of several examples is a list, and so is its answer.
      let several = digits[..<16]
      let expected = Data("[".utf8) + Data(lone[..<16].joined(separator: Data(",".utf8))) + Data("]".utf8)
      #expect(try connection.predict(Fixtures.bytes(Array(several.joined())), type: Self.binary).body == expected)
      #expect(try connection.predict(JSONEncoder().encode(Array(several)), type: Self.json).body == expected)
      let listOfOne = try connection.predict(JSONEncoder().encode([digits[0]]), type: Self.json).body
      #expect(listOfOne == Data("[".utf8) + lone[0] + Data("]".utf8))
      let tooMany = try connection.predict(Fixtures.bytes(Array(digits[..<17].joined())), type: Self.binary)
      #expect(tooMany.status == 413)
    }
  }

  @Test func modelsThatGiveNumbersAnswerInTheirUnits() throws {
    try Fixtures.withFolder { folder in
      let checkpoint = try Fixtures.values()
      try Fixtures.write(checkpoint, "values", in: folder)
      let expected = try checkpoint.makeModel().predict(Tensor([1, 2, 3], shape: [1, 3])).elements.map(Double.init)
      let service = try ServiceProcess(["numbers=\(folder.path)/values/model.safetensors", "--access-log", "off"])
      let connection = try service.connection()
      let answer = try connection.predict(Data("[1, 2, 3e0]".utf8), type: Self.json)
      #expect(try answer.decoded(Prediction.self).values == [expected[0] * 5e4 + 2e5, expected[1] * 2 - 3])
      // What the network makes no number of is said, and leaves the others alone.
      for body in ["[3e38, 3e38, 3e38]", "[1e39, 2, 3]"] {
        let answer = try connection.predict(Data(body.utf8), type: Self.json)
        #expect(answer.status == 422 && answer.text.contains("message"))
      }
      let huge = try connection.predict(Fixtures.bytes([3e38, 3e38, 3e38]), type: Self.binary)
      #expect(huge.status == 422 && huge.text.contains("message"))
      let mixed = try connection.predict(Data("[[1, 2, 3], [3e38, 3e38, 3e38]]".utf8), type: Self.json)
      #expect(mixed.status == 422 && mixed.text.contains("Example 1"))
    }
  }

  @Test func imagesAreTakenAsFilesAndAsNumbers() throws {
    try Fixtures.withFolder { folder in
      let checkpoint = try Fixtures.images()
      try Fixtures.write(checkpoint, "images", in: folder)
      let service = try ServiceProcess([folder.appending(path: "images").path, "--access-log", "off"])
      let connection = try service.connection()
      // Of the model's size, so that its pixels are what the network sees.
      let pixels = (0..<8 * 6 * 3).map { UInt8(truncatingIfNeeded: $0 * 37) }
      let image = RasterImage(height: 8, width: 6, channelCount: 3, pixels: pixels)
      let file = try Data(image.encodedAsPNG())
      let answer = try connection.predict(file, type: "image/png")
      #expect(answer.status == 200)
      let numbers = pixels.map(Float.init)
      #expect(try connection.predict(Fixtures.bytes(numbers), type: Self.binary).body == answer.body)
      let rows = (0..<8).map { row in
        (0..<6).map { column in (0..<3).map { numbers[(row * 6 + column) * 3 + $0] } }
      }
      #expect(try connection.predict(JSONEncoder().encode(rows), type: Self.json).body == answer.body)
      let expected = try InferenceModel(checkpoint.makeModel())(
        Tensor(numbers.map { ($0 - 128) / 64 }, shape: [1, 8, 6, 3])
      ).converted(to: Double.self).softmax().elements.map { Float($0) }
      let found = try #require(answer.decoded(Prediction.self).probabilities)
      #expect(["a\"b", "<c>", "d\\\n"].map { found[$0] } == expected)
      // A larger one is scaled as `norma predict` does.
      let large = RasterImage(height: 16, width: 20, channelCount: 1, pixels: [UInt8](repeating: 9, count: 320))
      #expect(try connection.predict(Data(large.encodedAsPNG()), type: "image/png").status == 200)
      for (body, type, status) in [
        (file.prefix(file.count / 2), "image/png", 400), (Data("no image".utf8), "image/jpeg", 400),
        (Data(), "image/png", 400),
      ] {
        #expect(try connection.predict(Data(body), type: type).status == status)
      }
    }
  }

  /// A model of ONNX's, whose images have their channels first, gets the examples of the network that it was made of, channels last.
  @Test func modelsOfONNXAnswerAsTheNetworksTheyWereMadeOf() throws {
    try Fixtures.withFolder { folder in
      let checkpoint = try Fixtures.images()
      try Fixtures.write(checkpoint, "images", in: folder)
      let network = try ONNXModel(
        checkpoint.makeModel(), sampleShape: [8, 6, 3],
        standardization: (mean: Tensor.scalar(128), scale: Tensor.scalar(64)))
      try network.write(to: folder.appending(path: "images.onnx").path)
      let service = try ServiceProcess([
        "own=\(folder.path)/images", "other=\(folder.path)/images.onnx", "--access-log", "off",
      ])
      #expect(service.said.contains("does not say what its outputs are"))
      let connection = try service.connection()
      let pixels = Fixtures.bytes((0..<144).map { Float($0 * 37 % 256) })
      let found = try ["own", "other"].map { name in
        let answer = try connection.predict(
          pixels, type: Self.binary, accept: Self.binary, path: "/models/\(name)/predict")
        #expect(answer.status == 200)
        return Fixtures.floats(answer.body)
      }
      #expect(found.allSatisfy { $0.count == 3 })
      // Scores are sums of 144 products, and differ by as many roundings of 6e-8 of their size, a few units; a probability by a
      // quarter of that.
      for (own, other) in zip(found[0], found[1]) { #expect(abs(own - other) < 1e-5) }
    }
  }

  @Test func severalModelsAreAskedByName() throws {
    try Fixtures.withFolder { folder in
      try Fixtures.write(Fixtures.values(), "values", in: folder)
      try Fixtures.write(Fixtures.images(), "images", in: folder)
      let service = try ServiceProcess([
        folder.appending(path: "values").path, "pictures=\(folder.path)/images", "--access-log", "off",
      ])
      let connection = try service.connection()
      let numbers = Data("[1, 2, 3]".utf8)
      let byDefault = try connection.predict(numbers, type: Self.json)
      #expect(byDefault.status == 200)
      #expect(try connection.predict(numbers, type: Self.json, path: "/models/values/predict").body == byDefault.body)
      let zeros = Fixtures.bytes([Float](repeating: 0, count: 144))
      #expect(try connection.predict(zeros, type: Self.binary, path: "/models/pictures/predict").status == 200)
      #expect(try connection.predict(numbers, type: Self.json, path: "/models/images/predict").status == 404)
      #expect(try connection.predict(numbers, type: Self.json, path: "/models/pictures/predict").status == 400)
    }
  }
}
