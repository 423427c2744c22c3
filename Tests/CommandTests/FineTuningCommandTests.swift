import Foundation
import Norma
import TestSupport
import Testing

/// `train --from`, and the options of a step.
struct FineTuningCommandTests {
  /// Rows of four features in clouds, one a class.
  private func write(_ classes: [String], count: Int, to file: String, in folder: Folder) throws {
    var random = RandomGenerator(seed: 5)
    let rows = (0..<count).map { row in
      let place = row % classes.count
      let numbers = (0..<4).map { feature in (feature == place ? 4 : 0) + random.normalPair().0 }
      return (numbers.map { "\($0)" } + [classes[place]]).joined(separator: ",")
    }
    try folder.write((["a,b,c,d,label"] + rows).joined(separator: "\n"), to: file)
  }

  private func train(_ folder: Folder, _ data: String, _ options: [String]) throws -> Norma.Outcome {
    try Norma.run(
      ["train", "--data", "csv:" + folder.path(data), "--epochs", "3", "--quiet"] + options)
  }

  private func state(_ folder: Folder, _ model: String) throws -> ModelState<Float> {
    try Checkpoint(contentsOf: folder.path("\(model)/model.safetensors")).state
  }

  private func makeBase() throws -> Folder {
    let folder = try Folder()
    try write(["x", "y", "z"], count: 120, to: "base.csv", in: folder)
    try write(["v", "w"], count: 60, to: "other.csv", in: folder)
    let outcome = try train(folder, "base.csv", ["--model", "mlp:8,8", "--out", folder.path("base")])
    try #require(outcome.status == 0, "\(outcome.error)")
    return folder
  }

  @Test func aFrozenBackboneGetsAHeadForOtherClasses() throws {
    let folder = try makeBase()
    let base = try state(folder, "base")
    let options = ["--from", folder.path("base"), "--freeze", "*", "--out", folder.path("tuned")]
    let outcome = try Norma.run(
      ["train", "--data", "csv:" + folder.path("other.csv"), "--epochs", "3", "--freeze-statistics", "*"] + options)
    try #require(outcome.status == 0, "\(outcome.error)")
    #expect(outcome.error.contains("its head '6' is new, for 2 outputs, 6 of 8 tensors are frozen"))
    #expect(outcome.error.contains("the running statistics of 2 layers are frozen"))
    let tuned = try state(folder, "tuned")
    #expect(tuned.tensors["6.weight"]?.shape == [2, 8])
    for (name, tensor) in base.tensors where !name.hasPrefix("6.") { #expect(tuned.tensors[name] == tensor, "\(name)") }
    // Features are prepared as the base is used to.
    let settings = try ["base", "tuned"].map {
      try Checkpoint(contentsOf: folder.path("\($0)/model.safetensors")).settings
    }
    #expect(settings[0].standardization == settings[1].standardization)
    #expect(settings[1].outputs == .classes(names: ["v", "w"]))
    // Without --freeze-statistics these follow the new data.
    let moved = try train(folder, "other.csv", options)
    try #require(moved.status == 0, "\(moved.error)")
    let followed = try state(folder, "tuned")
    #expect(followed.tensors["1.running_mean"] != base.tensors["1.running_mean"])
    #expect(followed.tensors["0.weight"] == base.tensors["0.weight"])
    let answers = try Norma.run(["evaluate", folder.path("tuned"), "--json"])
    #expect(answers.status == 0, "\(answers.error)")
  }

  @Test func aCheckpointOfPyTorchsIsTrainedFurther() throws {
    let folder = try Folder()
    let file = fixturesDirectory.appending(path: "conversion/mlp.pt").path
    let original = try Safetensors(contentsOf: fixturesDirectory.appending(path: "conversion/mlp.safetensors").path)
    var random = RandomGenerator(seed: 5)
    for (name, classes) in [("base", ["v", "w", "x", "y"]), ("other", ["u", "v", "w"])] {
      let rows = (0..<60).map { row in
        ((0..<10).map { _ in "\(random.normalPair().0)" } + [classes[row % classes.count]]).joined(separator: ",")
      }
      try folder.write(rows.joined(separator: "\n"), to: "\(name).csv")
    }
    func tune(_ data: String, _ options: [String]) throws -> Norma.Outcome {
      try train(folder, "\(data).csv", ["--from", file, "--out", folder.path("tuned")] + options)
    }
    expectFailure(try tune("base", []), status: 64, saying: "--model does")
    expectFailure(try tune("base", ["--model", "mlp:12,8"]), status: 65, saying: "it is no state of mlp:12,8")
    let options = ["--model", "mlp:12,9", "--learning-rate", "1e-12", "--freeze-statistics", "*"]
    let outcome = try tune("base", options)
    try #require(outcome.status == 0, "\(outcome.error)")
    for words in [
      "the state dictionary stands under 'state_dict'", "the names begin with 'model.'",
      "'loss.weight' begins otherwise",
    ] {
      #expect(outcome.error.contains(words), "\(outcome.error)")
    }
    let tuned = try state(folder, "tuned")
    for (name, entry) in original.entries {
      guard let expected = entry.tensor(of: Float.self) else { continue }
      // A rate of 1e-12 moves a weight by no more, and rounding leaves it where it is.
      #expect(tuned.tensors[name].map { haveSameBits($0, expected) } == true, "\(name)")
    }
    let other = try tune("other", options)
    try #require(other.status == 0, "\(other.error)")
    #expect(try state(folder, "tuned").tensors["6.weight"]?.shape == [3, 9])
  }

  @Test func theSameClassesKeepTheirHead() throws {
    let folder = try makeBase()
    let outcome = try Norma.run([
      "train", "--data", "csv:" + folder.path("base.csv"), "--epochs", "1", "--from", folder.path("base"),
      "--learning-rate", "1e-12", "--head-rate", "10", "--out", folder.path("on"),
    ])
    try #require(outcome.status == 0, "\(outcome.error)")
    #expect(outcome.error.contains("its head is kept"))
    let (base, on) = (try state(folder, "base"), try state(folder, "on"))
    #expect(base.tensors["6.weight"] == on.tensors["6.weight"])
    let training = try Checkpoint(contentsOf: folder.path("on/model.safetensors")).settings.training
    #expect(training.groups == [ParameterGroup("6", learningRateFactor: 10)])
  }

  @Test func aTrainingOfABaseGoesOnAfterAnInterruption() throws {
    let folder = try makeBase()
    let options = [
      "--from", folder.path("base"), "--freeze", "0", "--freeze-statistics", "1", "--head-rate", "3", "--average",
      "ema:0.9", "--clip-norm", "1", "--mixup", "0.2", "--label-smoothing", "0.1", "--micro-batches", "2",
      "--optimizer",
      "amsgrad", "--schedule", "one-cycle", "--weight-decay", "0.01", "--group", "3:0.5:0", "--checkpoint-every",
      "1steps", "--checkpoints", "100",
    ]
    let whole = try train(folder, "other.csv", options + ["--out", folder.path("whole")])
    try #require(whole.status == 0, "\(whole.error)")
    // A state in the middle, as if the training had been killed there.
    let states = folder.path("states")
    _ = try Norma.kill(
      ["train", "--data", "csv:" + folder.path("other.csv"), "--epochs", "3", "--quiet", "--out", states] + options
    ) { FileManager.default.fileExists(atPath: states + "/checkpoints/step-000000000002.safetensors") }
    let resumed = try Norma.run(["train", "--resume", "--quiet", "--out", states])
    #expect(resumed.status == 0, "\(resumed.error)")
    #expect(try folder.bytes("states/model.safetensors") == folder.bytes("whole/model.safetensors"))
  }

  @Test(arguments: [
    (["--from", "BASE", "--model", "mlp:8"], 64, "The network is that of --from"),
    (["--from", "BASE", "--norm", "batch"], 64, "The network is that of --from"),
    (["--freeze", "0"], 64, "add --from"), (["--from", "BASE", "--folds", "3"], 64, "trained from the beginning"),
    (["--from", "BASE", "--freeze", "9"], 64, "no parameter of"),
    (["--from", "BASE", "--freeze-statistics", "0"], 64, "with running statistics is named so"),
    (["--from", "BASE", "--head-rate", "0"], 64, "--head-rate takes a number above 0"),
    (["--from", "BASE/none"], 74, "none"), (["--group", "0"], 64, "'0' is invalid"),
    (["--group", "77:2"], 65, "no parameter is named as the group '77'"),
    (["--average", "ema:1"], 64, "'ema:1' is invalid"), (["--average", "swa:4"], 64, "begins after --epochs 3"),
    (["--clip-norm", "1", "--clip-value", "1"], 64, "not several of them"),
    (["--clip-adaptive", "0"], 64, "--clip-adaptive takes"), (["--mixup", "0"], 64, "--mixup takes"),
    (["--loss", "huber"], 64, "is for numbers"), (["--loss", "focal:-1"], 64, "'focal:-1' is invalid"),
    (["--loss", "focal", "--label-smoothing", "0.1"], 64, "is for --loss softmaxCrossEntropy"),
    (["--schedule", "milestones:1,x:0.1"], 64, "such as milestones:30,60:0.1"),
    (["--schedule", "plateau:5"], 64, "--schedule takes constant"),
    (["--micro-batches", "0"], 64, "--micro-batches takes"),
  ])
  func whatCannotBeIsSaid(options: [String], status: Int32, words: String) throws {
    let folder = try makeBase()
    let outcome = try train(
      folder, "base.csv",
      options.map { $0.replacingOccurrences(of: "BASE", with: folder.path("base")) } + ["--out", folder.path("out")])
    expectFailure(outcome, status: status, saying: words)
  }

  @Test(arguments: [
    "--optimizer lion", "--average swa:2", "--schedule milestones:1,2:0.1", "--schedule plateau:1:0.5", "--loss focal",
    "--loss binaryCrossEntropy", "--clip-value 0.1", "--clip-adaptive 0.01", "--micro-batches 3",
  ])
  func stepsCanBeOfAnyKind(options: String) throws {
    let folder = try Folder()
    try write(["x", "y", "z"], count: 60, to: "base.csv", in: folder)
    let outcome = try train(
      folder, "base.csv",
      ["--model", "mlp:8", "--json", "--out", folder.path("out")] + options.split(separator: " ").map(String.init))
    #expect(outcome.status == 0, "\(outcome.error)")
  }

  @Test func learningRatesAreTriedAndDrawn() throws {
    let folder = try makeBase()
    let outcome = try train(folder, "base.csv", ["--model", "mlp:8", "--range-test", folder.path("rates.html")])
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(outcome.output.contains("The loss falls fastest at a learning rate of "))
    let page = String(decoding: try folder.bytes("rates.html"), as: UTF8.self)
    #expect(page.contains("mlp:8 on base.csv") && page.contains("<svg"))
    struct Tested: Decodable {
      var learningRate: Double
      var learningRates: [Double]
      var losses: [Double]
    }
    let tested: Tested = try train(
      folder, "other.csv",
      ["--from", folder.path("base"), "--freeze", "*", "--json", "--range-test", folder.path("rates.html")]
    ).json()
    #expect(tested.learningRates.contains(tested.learningRate) && tested.learningRates.count == tested.losses.count)
    #expect(throws: (any Error).self) { try folder.bytes("norma-model/model.safetensors") }
  }
}
