import Foundation
import Norma
import NormaONNX
import TestSupport
import Testing

/// `norma convert` to a model in ONNX's format.
struct ConvertToONNXTests {
  /// A trained model, and the file it was converted to.
  private func convert(_ training: [String], _ arguments: [String] = []) throws -> (Checkpoint, ONNXModel, said: String)
  {
    let folder = try Folder()
    let outcome = try Norma.run(["train", "--epochs", "1", "--quiet", "--out", folder.path("model")] + training)
    #expect(outcome.status == 0, "\(outcome.error)")
    let converted = try Norma.run(["convert", folder.path("model"), "-o", folder.path("model.onnx")] + arguments)
    #expect(converted.status == 0, "\(converted.error)")
    return (
      try Checkpoint(contentsOf: folder.path("model/model.safetensors")),
      try ONNXModel(contentsOf: folder.path("model.onnx")), converted.error
    )
  }

  @Test(arguments: [["--model", "mlp:5,5"], ["--model", "convnet", "--norm", "group"]])
  func theModelTakesSamplesAsTheyAreAndGivesTheSameScores(training: [String]) throws {
    let (checkpoint, model, said) = try convert(training)
    #expect(said.contains("The model takes samples as norma reads them"))
    let shape = Shape([4] + checkpoint.settings.exampleShape)
    let pixels = HashedNumbers("pixels").values(shape, bound: 8) + 8
    let standardized = try #require(try checkpoint.standardization?.applied(to: pixels))
    let expected = try checkpoint.makeModel()(Variable(standardized), in: .inference).value
    let input = shape.rank == 4 ? pixels.transposed([0, 3, 1, 2]) : pixels
    guard case .floats(let scores)? = try model([.floats(input)]).first else { throw Norma.NotFound() }
    #expect(scores.shape == expected.shape)
    let largest = max(1, expected.elements.map(abs).max() ?? 0)
    #expect(zip(scores.elements, expected.elements).allSatisfy { abs($0 - $1) <= 1e-5 * largest })
  }

  @Test func inTrainingFormItGivesTheNewStatisticsToo() throws {
    let (_, model, said) = try convert(["--model", "mlp:5"], ["--form", "training"])
    #expect(model.outputs.map(\.name) == ["output", "1.running_mean.next", "1.running_var.next"])
    #expect(said.contains("ONNX moves running variances towards the biased variance"))
  }

  @Test(arguments: [
    ("model -o a.onnx --to pytorch", "leave out --to"),
    ("model -o a.onnx --model mlp:5", "convert to a .safetensors file first"),
    ("model -o a.npz --form training", "--form is for ONNX"), ("model -o a.txt", ".npy or .onnx"),
  ])
  func whatDoesNotGoTogetherIsWrongUsage(arguments: String, words: String) throws {
    let outcome = try Norma.run(["convert"] + arguments.split(separator: " ").map(String.init))
    expectFailure(outcome, status: 64, saying: words)
  }
}
