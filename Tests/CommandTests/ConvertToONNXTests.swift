import Foundation
import Norma
import NormaONNX
import TestSupport
import Testing

/// `norma convert MODEL -o FILE.onnx`. What the models compute is held by the tests of NormaONNX.
struct ConvertToONNXTests {
  @Test func aModelBecomesAnONNXModelThatTakesSamplesAsTheyAre() throws {
    let folder = try Folder()
    #expect(
      try Norma.run(["train", "--model", "mlp:10", "--epochs", "1", "--quiet", "--out", folder.path("m")]).status == 0)
    let file = folder.path("m.onnx")
    let outcome = try Norma.run(["convert", folder.path("m"), "-o", file])
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(outcome.output.hasPrefix("\(file): an ONNX model, mlp:10, "))
    let model = try ONNXModel(contentsOf: file)
    #expect(model.operatorSet >= 17)
    #expect(model.inputs.map(\.name) == ["input"] && model.outputs.map(\.name) == ["output"])
    #expect(model.inputs[0].lengths == [.named("batch"), .fixed(64)])
    #expect(model.outputs[0].lengths == [.named("batch"), .fixed(10)])
    let training = folder.path("t.onnx")
    #expect(try Norma.run(["convert", folder.path("m"), "-o", training, "--form", "training", "--json"]).status == 0)
    #expect(try ONNXModel(contentsOf: training).outputs.count == 3)
  }

  @Test(arguments: [["--model", "mlp:5,5"], ["--model", "convnet", "--norm", "group"]])
  func theModelGivesTheScoresThatTheNetworkGivesForStandardizedSamples(training: [String]) throws {
    let folder = try Folder()
    #expect(
      try Norma.run(["train", "--epochs", "1", "--quiet", "--out", folder.path("m")] + training).status == 0)
    #expect(try Norma.run(["convert", folder.path("m"), "-o", folder.path("m.onnx")]).status == 0)
    let checkpoint = try Checkpoint(contentsOf: folder.path("m/model.safetensors"))
    let samples = HashedNumbers("samples").values(Shape([4] + checkpoint.settings.exampleShape), bound: 8) + 8
    let standardized = try #require(try checkpoint.standardization?.applied(to: samples))
    let expected = try checkpoint.makeModel()(Variable(standardized), in: .inference).value
    let input = samples.rank == 4 ? samples.transposed([0, 3, 1, 2]) : samples
    let results = try ONNXModel(contentsOf: folder.path("m.onnx"))([.floats(input)])
    guard case .floats(let scores)? = results.first, scores.shape == expected.shape else {
      Issue.record("\(results)")
      return
    }
    let largest = max(1, expected.elements.map(abs).max() ?? 0)
    #expect(zip(scores.elements, expected.elements).allSatisfy { abs($0 - $1) <= 1e-5 * largest })
  }

  @Test func whatCannotBecomeOneIsToldOf() throws {
    let folder = try Folder()
    let state = fixturesDirectory.appending(path: "conversion/convnet.safetensors").path
    expectFailure(
      try Norma.run(["convert", state, "-o", folder.path("m.onnx")]), status: 64, saying: "no model of norma's")
    for options in [["--to", "norma"], ["--conventions", "keras"], ["--model", "convnet"]] {
      let outcome = try Norma.run(["convert", state, "-o", folder.path("m.onnx")] + options)
      #expect(outcome.status == 64)
    }
    #expect(try Norma.run(["convert", state, "-o", folder.path("m.npz"), "--form", "training"]).status == 64)
    #expect(try folder.names() == [])
  }
}
