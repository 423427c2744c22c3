import Foundation
import Norma
import TestSupport
import Testing

/// `norma recalibrate`: other examples' statistics, the weights as they are.
struct RecalibrateTests {
  /// Rows in clouds, one a class; of the other instrument every number is `scale · x + shift`.
  private func write(
    scale: Double = 1, shift: Double = 0, count: Int = 300, isLabelled: Bool = true, to file: String, in folder: Folder
  )
    throws
  {
    var random = RandomGenerator(seed: 5)
    let rows = (0..<count).map { row in
      let numbers = (0..<4).map { feature in
        scale * ((feature == row % 3 ? 3 : 0) + random.normalPair().0) + shift
      }
      return (numbers.map { "\($0)" } + (isLabelled ? ["xyz".map(String.init)[row % 3]] : [])).joined(separator: ",")
    }
    let header = isLabelled ? "a,b,c,d,label" : "a,b,c,d"
    try folder.write(([header] + rows).joined(separator: "\n"), to: file)
  }

  private func makeModel(normalization: String = "batch") throws -> Folder {
    let folder = try Folder()
    try write(to: "here.csv", in: folder)
    try write(scale: 3, shift: 20, to: "there.csv", in: folder)
    let outcome = try Norma.run([
      "train", "--data", "csv:" + folder.path("here.csv"), "--model", "mlp:16", "--norm", normalization,
      "--epochs", "30", "--quiet", "--out", folder.path("model"),
    ])
    try #require(outcome.status == 0, "\(outcome.error)")
    return folder
  }

  private struct Result: Decodable {
    struct Layer: Decodable {
      var layer: String
      var meanShifts: [Double], deviationRatios: [Double]
    }
    var exampleCount: Int
    var metricBefore: Double?, metricAfter: Double?
    var changedShare: Double?
    var layers: [Layer]
  }

  @Test(arguments: ["batch", "whitening"])
  func anotherInstrumentsExamplesWinBackWhatItsUnitsLost(normalization: String) throws {
    let folder = try makeModel(normalization: normalization)
    let outcome = try Norma.run([
      "recalibrate", folder.path("model"), "--data", "csv:" + folder.path("there.csv"), "--out", folder.path("adapted"),
      "--json",
    ])
    try #require(outcome.status == 0, "\(outcome.error)")
    let result = try JSONDecoder().decode(Result.self, from: Data(outcome.output.utf8))
    let (before, after) = (try #require(result.metricBefore), try #require(result.metricAfter))
    // The first layer is linear, so its statistics take up scale and shift as a whole.
    #expect(before < 0.6 && after > 0.9 && result.exampleCount == 300)
    #expect(result.layers.map(\.layer) == ["1"] && result.layers[0].meanShifts.count == 16)
    // Three times as far apart, up to what the last batches of the training made of the statistics.
    let ratios = result.layers[0].deviationRatios.sorted()
    #expect(ratios[8] > 2.5 && ratios[8] < 3.5)
    let states = try ["model", "adapted"].map {
      try Checkpoint(contentsOf: folder.path("\($0)/model.safetensors")).state.tensors
    }
    for (name, tensor) in states[0] {
      #expect((states[1][name] == tensor) == !name.contains("running_"), "\(name)")
    }
    let evaluated = try Norma.run(["evaluate", folder.path("adapted"), "--data", "csv:" + folder.path("there.csv")])
    #expect(evaluated.status == 0, "\(evaluated.error)")
  }

  @Test func unlabelledFilesDo() throws {
    let folder = try makeModel()
    try write(scale: 3, shift: 20, isLabelled: false, to: "unlabelled.csv", in: folder)
    let arguments = [
      "recalibrate", folder.path("model"), folder.path("unlabelled.csv"), "--out", folder.path("adapted"),
    ]
    let outcome = try Norma.run(arguments)
    try #require(outcome.status == 0, "\(outcome.error)")
    #expect(
      outcome.output.contains("Running statistics of 300 examples")
        && outcome.output.contains("are taken for another class"))
    #expect(!outcome.output.contains("Accuracy"))
    // What is there is not written over.
    let again = try Norma.run(arguments)
    #expect(again.status == 64 && again.error.contains("--overwrite"))
    #expect(try Norma.run(arguments + ["--overwrite"]).status == 0)
  }

  @Test func whatCannotBeRecalibratedSaysWhy() throws {
    let folder = try makeModel()
    try write(count: 1, isLabelled: false, to: "one.csv", in: folder)
    let one = try Norma.run([
      "recalibrate", folder.path("model"), folder.path("one.csv"), "--out", folder.path("adapted"),
    ])
    #expect(one.status != 0 && !FileManager.default.fileExists(atPath: folder.path("adapted")), "\(one.error)")
    let plain = try Norma.run([
      "train", "--data", "csv:" + folder.path("here.csv"), "--model", "mlp:4", "--norm", "none", "--epochs", "1",
      "--quiet",
      "--out", folder.path("plain"),
    ])
    try #require(plain.status == 0, "\(plain.error)")
    let none = try Norma.run([
      "recalibrate", folder.path("plain"), folder.path("here.csv"), "--out", folder.path("adapted"),
    ])
    #expect(none.status == 64 && none.error.contains("no running statistics"))
    #expect(try Norma.run(["recalibrate", folder.path("model"), "--out", folder.path("x")]).status == 64)
  }
}
