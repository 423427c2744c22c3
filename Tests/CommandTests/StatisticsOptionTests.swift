import Foundation
import Norma
import Testing

/// What `train` does about running statistics: the rule, the warning, and recomputing them.
struct StatisticsOptionTests {
  private struct Trained: Decodable {
    var validationMetric: Double
    var trainingMetric: Double
    var batchTrainingMetric: Double?
    var recalibratedValidationMetric: Double?
  }

  /// One epoch of the digits, 29 steps.
  private func train(_ options: String) throws -> (result: Trained, error: String, out: Folder) {
    let folder = try Folder()
    let outcome = try Norma.run(
      [
        "train", "--epochs", "1", "--model", "mlp:50,50,50", "--init", "normal:0.02", "--schedule", "constant",
        "--json",
      ]
        + ["--out", folder.path("out")]
        + options.split(separator: " ").map(String.init))
    try #require(outcome.status == 0, "\(outcome.error)")
    return (try outcome.json(), outcome.error, folder)
  }

  @Test func aShortTrainingIsJudgedByStatisticsWithoutTheirStart() throws {
    let (result, error, out) = try train("")
    let byBatch = try #require(result.batchTrainingMetric)
    #expect(byBatch > 0.8 && byBatch - result.trainingMetric < 0.03)
    #expect(!error.contains("--recalibrate"))
    let settings = try Checkpoint(contentsOf: out.path("out/model.safetensors")).settings
    #expect(settings.architecture.recipe.conventions == .norma && settings.recalibrationCount == nil)
  }

  @Test func whereRunningStatisticsLagTrainSaysSoAndRecalibrationMendsIt() throws {
    // After 29 steps, a half of variance 1 and mean 0 is still in statistics to which a batch adds 2 %.
    let (lagging, error, _) = try train("--bn-rule exponential --bn-momentum 0.02")
    #expect(try #require(lagging.batchTrainingMetric) - lagging.trainingMetric > 0.03)
    #expect(error.contains("--recalibrate recomputes them") && error.contains("lag behind the weights"))
    let (mended, silence, out) = try train("--bn-rule exponential --bn-momentum 0.02 --recalibrate")
    #expect(mended.validationMetric == lagging.validationMetric)
    #expect(try #require(mended.recalibratedValidationMetric) > lagging.validationMetric + 0.03)
    #expect(!silence.contains("lag behind"))
    struct Evaluated: Decodable {
      var value: Double
    }
    let evaluated: Evaluated = try Norma.run(["evaluate", out.path("out"), "--json"]).json()
    #expect(evaluated.value == mended.recalibratedValidationMetric)
    let checkpoint = try Checkpoint(contentsOf: out.path("out/model.safetensors"))
    #expect(checkpoint.settings.recalibrationCount == 1437)
    // The statistics are those of all 1,437 examples at once.
    #expect(Set(try checkpoint.valuesPerBatch().values) == [1437])
  }

  @Test func theConventionsAreThoseThatWereAskedFor() throws {
    let (_, _, out) = try train("--bn-rule cumulative --bn-epsilon 1e-3")
    let conventions = try Checkpoint(contentsOf: out.path("out/model.safetensors")).settings.architecture.recipe
      .conventions
    #expect(conventions.rule == .cumulative && conventions.epsilon == 1e-3)
    let inspected = try Norma.run(["inspect", out.path("out")]).output
    #expect(inspected.contains("all batches weigh the same"))
  }

  @Test func batchesOfTwoAreWarnedOf() throws {
    let folder = try Folder()
    func words(_ options: String) throws -> String {
      try Norma.run(
        ["train", "--epochs", "1", "--model", "mlp:4", "--out", folder.path("out")]
          + options.split(separator: " ").map(String.init)
      ).error
    }
    #expect(try words("--batch-size 2").contains("one becomes +1, the other -1"))
    #expect(try words("--batch-size 5").contains("rough guesses"))
    #expect(try !words("--batch-size 2 --norm layer").contains("one becomes"))
  }

  @Test func rareClassesCanCountForMore() throws {
    let folder = try Folder()
    let rows = (0..<200).map { "\($0 % 20),\(Double($0 % 7) / 3),\($0 % 20 == 0 ? "rare" : "usual")" }
    try folder.write((["a,b,label"] + rows).joined(separator: "\n"), to: "rare.csv")
    func settings(_ weights: String) throws -> TrainingConfiguration {
      let outcome = try Norma.run([
        "train", "--data", "csv:" + folder.path("rare.csv"), "--model", "mlp:4", "--epochs", "2", "--out",
        folder.path("out"), "--class-weights", weights, "--monitor", "loss", "--quiet", "--validation", "0",
      ])
      try #require(outcome.status == 0, "\(outcome.error)")
      return try Checkpoint(contentsOf: folder.path("out/model.safetensors")).settings.training
    }
    // Ten of two hundred, in the order of the classes' names.
    #expect(try settings("balanced").classWeights == [200 / (2 * 10.0), 200 / (2 * 190.0)])
    #expect(try settings("3,0.5").classWeights == [3, 0.5])
    #expect(try settings("none").classWeights == nil && settings("none").monitor == .loss)
    for (weights, words) in [("1,2,3", "3 numbers, and rare.csv 2 classes"), ("1,-2", "'1,-2' is invalid")] {
      let outcome = try Norma.run([
        "train", "--data", "csv:" + folder.path("rare.csv"), "--class-weights", weights, "--out", folder.path("o"),
      ])
      #expect(outcome.status == 64 && outcome.error.contains(words))
    }
  }
}
