import Foundation
import Norma
import Testing

/// `train`, and what `evaluate`, `predict` and `inspect` make of its model.
struct TrainingTests {
  private struct Trained: Decodable {
    var checkpoint: String
    var bestEpoch: Int
    var validationLoss: Double?
    var validationMetric: Double?
    var history: TrainingHistory
  }

  private struct Evaluated: Decodable {
    var data: String
    var count: Int
    var loss: Double
    var metric: String
    var value: Double
    var rootMeanSquaredError: Double?
    var classNames: [String]?
    var confusion: [[Int]]?
  }

  private struct Predicted: Decodable {
    var row: Int
    var label: String?
    var probabilities: [String: Double]?
    var values: [Double]?
  }

  private struct Inspected: Decodable {
    struct Row: Decodable {
      var name: String
      var shape: [Int]
    }
    var settings: Checkpoint.Settings
    var layers: [String]
    var parameterCount: Int
    var tensors: [Row]
  }

  @Test func theDigitsAreTrainedEvaluatedPredictedAndInspected() throws {
    let folder = try Folder()
    let out = folder.path("model")
    let trained: Trained = try Norma.run(
      ["train", "--model", "mlp:20", "--epochs", "3", "--out", out, "--json", "--quiet"]
    ).json()
    #expect(trained.checkpoint == "\(out)/model.safetensors")
    #expect(trained.history.epochs.count == 3)
    #expect(try folder.names(in: "model") == ["history.json", "model.safetensors"])
    let history = try JSONDecoder().decode(TrainingHistory.self, from: Data(folder.bytes("model/history.json")))
    #expect(history == trained.history)
    #expect(history.epochs.allSatisfy { $0.seconds != nil })

    let evaluated: Evaluated = try Norma.run(["evaluate", out, "--json"]).json()
    #expect(evaluated.count == 360)
    #expect(evaluated.metric == "accuracy")
    #expect(evaluated.value == trained.validationMetric)
    // Folding batch normalization into the layers before it rounds otherwise.
    let loss = try #require(trained.validationLoss)
    #expect(abs(evaluated.loss - loss) <= 1e-5 * loss)
    let confusion = try #require(evaluated.confusion)
    #expect(confusion.joined().reduce(0, +) == 360)
    #expect(Double((0..<10).reduce(0) { $0 + confusion[$1][$1] }) / 360 == evaluated.value)

    let predictions: [Predicted] = try Norma.run(
      ["predict", out, "--data", "digits", "--rows", "5-9", "--json"]
    ).json()
    #expect(predictions.map(\.row) == Array(5...9))
    for prediction in predictions {
      let probabilities = try #require(prediction.probabilities)
      #expect(probabilities.count == 10)
      #expect(abs(probabilities.values.reduce(0, +) - 1) < 1e-12)
      #expect(probabilities.max { $0.value < $1.value }?.key == prediction.label)
    }

    let inspected: Inspected = try Norma.run(["inspect", out, "--json"]).json()
    #expect(inspected.parameterCount == 64 * 20 + 20 + 20 + 20 * 10 + 10)
    #expect(inspected.layers.count == 4)
    #expect(inspected.settings.history.epochs.map(\.validationMetric) == history.epochs.map(\.validationMetric))
    #expect(inspected.tensors.contains { $0.name == "1.running_mean" && $0.shape == [20] })
  }

  @Test func answersAreThoseOfTheFoldedModelToTheBit() throws {
    let folder = try Folder()
    let rows = (0..<300).map { "\($0 % 7),\($0 % 11),\(Double($0 % 7) * 0.3 - Double($0 % 11))" }
    let file = try folder.write(rows.joined(separator: "\n"), to: "data.csv")
    let out = folder.path("out")
    let trained = try Norma.run([
      "train", "--data", "csv:\(file)", "--regression", "--model", "mlp:8,8", "--epochs", "3", "--quiet", "--out", out,
    ])
    #expect(trained.status == 0, "\(trained.error)")
    var checkpoint = try Checkpoint(contentsOf: "\(out)/model.safetensors")
    let features = Tensor<Double>((0..<300).flatMap { [Double($0 % 7), Double($0 % 11)] }, shape: [300, 2])
    let x: Tensor<Float> = try #require(checkpoint.preparation.standardization).applied(to: features).converted()
    func answers(_ model: String) throws -> [Double] {
      let predictions: [Predicted] = try Norma.run(["predict", model, file, "--json"]).json()
      return predictions.flatMap { $0.values ?? [] }
    }
    func inOwnUnits(_ outputs: Tensor<Float>) throws -> Tensor<Double> {
      try #require(checkpoint.preparation.targetStandardization).undone(on: outputs.converted())
    }
    let folded = try inOwnUnits(InferenceModel(checkpoint.makeModel()).predict(x))
    #expect(try answers(out) == folded.elements)
    let plain = try inOwnUnits(checkpoint.makeModel().predict(x))
    #expect(folded.elements != plain.elements)
    let bound = 1e-5 * (plain.elements.map(abs).max() ?? 0)
    #expect(zip(folded.elements, plain.elements).allSatisfy { abs($0 - $1) <= bound })

    // Old files of others count no batches, and have statistics all the same.
    checkpoint.state.counts = checkpoint.state.counts.mapValues { _ in 0 }
    let uncounted = folder.path("uncounted.safetensors")
    try checkpoint.write(to: uncounted)
    #expect(try answers(uncounted) == folded.elements)

    // Statistics of no batch cannot be folded.
    for (name, tensor) in checkpoint.state.tensors {
      if name.hasSuffix("running_mean") { checkpoint.state.tensors[name] = .zeros(tensor.shape) }
      if name.hasSuffix("running_var") { checkpoint.state.tensors[name] = .ones(tensor.shape) }
    }
    let untrained = folder.path("untrained.safetensors")
    try checkpoint.write(to: untrained)
    #expect(try answers(untrained) == inOwnUnits(checkpoint.makeModel().predict(x)).elements)
    let evaluated: Evaluated = try Norma.run(["evaluate", untrained, "--data", "csv:\(file)", "--json"]).json()
    #expect(evaluated.count == 300 && evaluated.loss.isFinite)
  }

  @Test func textLabelsAreLearnedAndAnswered() throws {
    let folder = try Folder()
    let rows = (0..<60).map { "\($0 % 7),\($0 < 30 ? -2 - $0 % 3 : 2 + $0 % 3),\($0 < 30 ? "cold" : "warm")" }
    let file = try folder.write("width,height,kind\n" + rows.joined(separator: "\n"), to: "data.csv")
    let trained = try Norma.run([
      "train", "--data", "csv:\(file)", "--label", "kind", "--model", "mlp:8", "--epochs", "10", "--batch-size", "8",
      "--learning-rate", "0.05",
      "--out", folder.path("model"), "--quiet",
    ])
    #expect(trained.status == 0, "\(trained.error)")
    #expect(trained.output.contains("validation accuracy 100.0%"))
    // The columns are found by their names, the label is not needed, and others are passed over.
    let predictions: [Predicted] = try Norma.run(
      ["predict", folder.path("model"), "-", "--json"], input: "note,height,width\n0,-3,1\n0,3,1\n"
    ).json()
    #expect(predictions.map(\.label) == ["cold", "warm"])
    let table = try Norma.run(["predict", folder.path("model"), file, "--rows", "59", "--top", "2"])
    #expect(table.output.split(separator: "\n").last?.contains("warm") == true)
    #expect(table.output.split(separator: "\n").last?.contains("cold") == true)
  }

  @Test func numbersAreLearnedAndAnswered() throws {
    let folder = try Folder()
    let rows = (0..<80).map { "\($0 % 9),\($0 % 5),\(2 * ($0 % 9) - 3 * ($0 % 5) + 1)" }
    let file = try folder.write(rows.joined(separator: "\n"), to: "data.csv")
    let out = folder.path("model")
    let trained: Trained = try Norma.run([
      "train", "--data", "csv:\(file)", "--regression", "--model", "mlp:", "--epochs", "60", "--batch-size", "8",
      "--learning-rate", "0.05", "--optimizer", "sgd", "--out", out, "--json", "--quiet",
    ]).json()
    #expect(try #require(trained.validationMetric) > 0.999)
    let evaluated: Evaluated = try Norma.run(["evaluate", out, "--data", "csv:\(file)", "--json"]).json()
    #expect(evaluated.metric == "R²")
    #expect(evaluated.count == 80)
    #expect(evaluated.confusion == nil)
    let error = try #require(evaluated.rootMeanSquaredError)
    // The loss is that of training, of standardized numbers; the error is in their own units.
    let scale = try #require(Checkpoint(contentsOf: trained.checkpoint).settings.targetStandardization).scale[0]
    #expect(abs(error * error - evaluated.loss * scale * scale) < 1e-5 * scale * scale)
    let predictions: [Predicted] = try Norma.run(["predict", out, "-", "--json"], input: "4,2\n").json()
    #expect(try abs(#require(predictions.first?.values?.first) - 3) < 0.1)
    let ofTable: [Predicted] = try Norma.run(
      ["predict", out, "--data", "csv:\(file)", "--rows", "0-1", "--json"]).json()
    #expect(try abs(#require(ofTable.last?.values?.first) - 0) < 0.1)
  }

  @Test func theSameSeedGivesTheSameCheckpointForEveryNumberOfThreads() throws {
    let options = ["--model", "mlp:30,30", "--epochs", "2", "--keep", "0.9", "--seed", "5"]
    let files = try [["--threads", "1"], ["--threads", "1"], ["--threads", "2"]].map {
      try CheckpointTests.train(options + $0).bytes("model/model.safetensors")
    }
    #expect(files[0] == files[1])
    #expect(files[0] == files[2])
    let other = try CheckpointTests.train(["--model", "mlp:30,30", "--epochs", "2", "--keep", "0.9", "--seed", "6"])
    #expect(try files[0] != other.bytes("model/model.safetensors"))
  }
}
