import Foundation
import Norma
import NormaONNX
import TestSupport
import Testing

/// Commands that are given models in ONNX's format.
struct ONNXModelTests {
  /// A network that was trained for a moment, and the same as an ONNX model.
  private func model(_ folder: Folder) throws -> (norma: String, onnx: String) {
    let (norma, onnx) = (folder.path("trained"), folder.path("digits.onnx"))
    let trained = try Norma.run([
      "train", "--data", "digits", "--model", "mlp:12", "--epochs", "2", "--seed", "3", "--quiet", "--out", norma,
    ])
    #expect(trained.status == 0, "\(trained.error)")
    let converted = try Norma.run(["convert", norma, "-o", onnx])
    #expect(converted.status == 0, "\(converted.error)")
    return (norma, onnx)
  }

  private struct Measures: Decodable { var accuracy: Double? }

  @Test func evaluateAndPredictAnswerAsTheModelThatItWasMadeOf() throws {
    let folder = try Folder()
    let (norma, onnx) = try model(folder)
    func predictions(_ model: String) throws -> (rows: [Substring], error: String) {
      let outcome = try Norma.run(["predict", model, "--data", "digits", "--rows", "0-9", "--csv", "-"])
      #expect(outcome.status == 0, "\(outcome.error)")
      // The row and the class.
      return (
        outcome.output.split(separator: "\n").map { $0.split(separator: ",").prefix(2).joined(separator: ",")[...] },
        outcome.error
      )
    }
    let (wanted, found) = (try predictions(norma), try predictions(onnx))
    #expect(found.rows == wanted.rows && found.rows.count == 11)
    #expect(found.error.contains("they are taken for scores of 10 classes, 0 to 9"))
    func loss(_ model: String) throws -> Double {
      let outcome = try Norma.run(["evaluate", model, "--data", "digits", "--json"])
      #expect(outcome.status == 0, "\(outcome.error)")
      let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
      return try #require(object?["loss"] as? Double)
    }
    let (first, second) = (try loss(norma), try loss(onnx))
    #expect(abs(first - second) <= 1e-4 * first)
  }

  @Test func aConvertedModelKnowsMoreAndIsTrainedFurther() throws {
    let folder = try Folder()
    let onnx = try model(folder).onnx
    let named = folder.path("named.safetensors")
    let names = "zero,one,two,three,four,five,six,seven,eight,nine"
    let converted = try Norma.run(["convert", onnx, "--classes", names, "-o", named])
    #expect(converted.status == 0 && converted.error.isEmpty, "\(converted.error)")
    #expect(try Norma.run(["predict", named, "--data", "digits", "--rows", "0"]).output.contains("zero"))
    let tuned = folder.path("tuned")
    let trained = try Norma.run([
      "train", "--data", "digits", "--from", onnx, "--epochs", "2", "--learning-rate", "0.001", "--quiet", "--out",
      tuned,
    ])
    #expect(trained.status == 0, "\(trained.error)")
    func accuracy(_ model: String) throws -> Double {
      let outcome = try Norma.run(["evaluate", model, "--data", "digits", "--json"])
      let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
      return try #require(object?["accuracy"] as? Double, "\(outcome.output.prefix(400))")
    }
    #expect(try accuracy(tuned) > accuracy(onnx) - 0.02)
  }

  @Test func inspectSaysWhatItIsMadeOf() throws {
    let folder = try Folder()
    let onnx = try model(folder).onnx
    let outcome = try Norma.run(["inspect", onnx])
    #expect(outcome.status == 0, "\(outcome.error)")
    for words in ["an ONNX model, version", "Gemm", "Parameters", "float [batch, 64]"] {
      #expect(outcome.output.contains(words), "\(words) in \(outcome.output.prefix(600))")
    }
    let json = try Norma.run(["inspect", onnx, "--json"])
    let object = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
    #expect((object?["model"] as? [String: Any])?["operatorSet"] as? Int != nil)
    let bench = try Norma.run(["bench", "run", "--model", onnx, "--batch", "4", "--time", "0.01"])
    #expect(bench.status == 0 && bench.output.contains("digits.onnx b4"), "\(bench.error)")
  }

  @Test(arguments: [
    (["convert", "MODEL", "--model", "mlp:3", "-o", "x.safetensors"], "knows its network"),
    (["convert", "MODEL", "-o", "x.onnx"], "is an ONNX model already"),
    (["convert", "MODEL", "--to", "pytorch", "-o", "x.safetensors"], "no module of PyTorch's"),
    (
      ["convert", "MODEL", "--classes", "a,b", "-o", "x.safetensors"], "names 2 classes, and the network has 10 outputs"
    ),
    (["bench", "run", "--batch", "3"], "--batch is for --model"),
  ])
  func whatDoesNotGoIsSaid(arguments: [String], words: String) throws {
    let folder = try Folder()
    let path = try model(folder).onnx
    let outcome = try Norma.run(
      arguments.map { $0 == "MODEL" ? path : $0.hasPrefix("x.") ? folder.path($0) : $0 })
    #expect(outcome.status != 0 && outcome.error.contains(words), "\(outcome.error)")
  }
}
