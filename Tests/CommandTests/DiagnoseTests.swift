import DiagnosisCases
import Foundation
import Norma
import NormaDiagnosis
import TestSupport
import Testing

/// `norma diagnose`, and what mends what it finds.
struct DiagnoseTests {
  /// What `--json` prints, as far as is looked at here.
  private struct Result: Decodable {
    var isHealthy: Bool
    var commands: [String?]
    var diagnosis: Diagnosis
    var kinds: [Finding.Kind] { diagnosis.findings.map(\.kind) }
  }

  private func planted(_ name: String, plan: Int = 0, in folder: Folder) throws -> String {
    let fault = try #require(PlantedFault.all.first { $0.name == name })
    var checkpoint = try #require(try fault.plant(TrainedModel.plans[plan]).checkpoint)
    checkpoint.settings.data = Checkpoint.SavedData(source: "digits", validationCount: 0)
    try checkpoint.write(to: folder.path("model.safetensors"))
    return folder.path("model.safetensors")
  }

  /// The largest difference of outputs, over the largest of them.
  private static func largestDifference(_ a: Tensor<Float>, _ b: Tensor<Float>) -> Float {
    zip(a.elements, b.elements).reduce(0) { max($0, abs($1.0 - $1.1)) } / (b.elements.map(abs).max() ?? 1)
  }

  /// Sums of a few hundred products, twenty of them one behind the other, each rounding as a walk by chance does.
  private static let roundings: Float = 20 * 20 * .ulpOfOne

  private func diagnose(_ arguments: [String], status: Int32) throws -> Result {
    let outcome = try Norma.run(["diagnose"] + arguments + ["--json"])
    #expect(outcome.status == status, "\(outcome.error)")
    return try outcome.json(Result.self)
  }

  @Test func aHealthyModelEndsWithZeroAndAFaultWithOne() throws {
    let folder = try Folder()
    let trained = try Norma.run(["train", "--quiet", "--epochs", "5", "--out", folder.path("model")])
    try #require(trained.status == 0, "\(trained.error)")
    let healthy = try Norma.run(["diagnose", folder.path("model")])
    #expect(healthy.status == 0 && healthy.error == "")
    #expect(healthy.output.hasPrefix("Nothing is wrong with"))
    let path = try planted("statistics of other data", in: folder)
    let found = try Norma.run(["diagnose", path])
    #expect(found.status == 1 && found.error == "")
    for words in ["Statistics of other data", "Likely cause: ", "What to do: ", "norma recalibrate "] {
      #expect(found.output.contains(words), "\(found.output)")
    }
    // Lines fit a terminal, but for commands.
    #expect(found.output.split(separator: "\n").allSatisfy { $0.count <= 80 || $0.contains("norma ") })
  }

  /// The command that is named for a fault mends it: run as it stands, it brings the loss back, and nothing is found any more.
  @Test(arguments: [
    "statistics of other data", "momentum reversed, in a file that does not say so", "hardly moved", "never gathered",
    "counts 0", "unbiased for biased", "NaN in one variance", "frozen half-way",
  ])
  func recalibrationMendsStatistics(name: String) throws {
    let folder = try Folder()
    let path = try planted(name, in: folder)
    let before = try diagnose([path], status: 1)
    _ = try mend(by: before.commands.first ?? nil, in: folder)
    let after = try diagnose([folder.path("mended")], status: 0)
    #expect(after.isHealthy && after.kinds == [])
    let (loss, mended) = (try #require(before.diagnosis.loss), try #require(after.diagnosis.loss))
    // What recalibration takes are all examples, of which the diagnosis had a thousand; a loss is known to its standard error.
    #expect(abs((mended.running ?? .nan) - loss.population) < 0.02 * loss.population)
    if let running = loss.running, name == "statistics of other data" || name == "never gathered" {
      #expect((mended.running ?? .nan) < 0.5 * running)
    }
  }

  /// What `norma convert --json` tells of a mend.
  private struct Converted: Decodable {
    var remarks: [String]
    var lossBefore: Double, lossAfter: Double
  }

  /// What the command that a finding names gives, run in a folder.
  private func mend(by command: String?, _ options: String = "", in folder: Folder) throws -> Norma.Outcome {
    let command = try #require(command).replacing("norma ", with: "$norma ", maxReplacements: 1)
    let run = try Norma.shell("cd '\(folder.url.path)' && \(command) \(options)")
    try #require(run.status == 0, "\(run.error)")
    return run
  }

  @Test func standardizationAndEpsilonAreSetByConvert() throws {
    for (name, kind) in [
      ("standardization left out", Finding.Kind.standardizationLeftOut), ("epsilon 1e-1", .largeEpsilon),
    ] {
      let folder = try Folder()
      let path = try planted(name, in: folder)
      let before = try diagnose([path], status: 1)
      #expect(before.kinds == [kind])
      let run = try mend(by: before.commands.first ?? nil, "--data digits", in: folder)
      #expect(run.output.contains("accuracy ") && run.output.contains(" before, "))
      let after = try diagnose([folder.path("mended.safetensors")], status: 0)
      var checkpoint = try TrainedModel.perceptron.get().checkpoint
      checkpoint.settings.data = Checkpoint.SavedData(source: "digits", validationCount: 0)
      try checkpoint.write(to: folder.path("healthy.safetensors"))
      let healthy = try #require(try diagnose([folder.path("healthy.safetensors")], status: 0).diagnosis.loss?.running)
      #expect(abs((after.diagnosis.loss?.running ?? .nan) - healthy) < 0.02 * healthy)
    }
  }

  @Test(arguments: [0, 3]) func deadChannelsAreTakenOutAndAnswersStay(plan: Int) throws {
    let folder = try Folder()
    let path = try planted("ten dead channels", plan: plan, in: folder)
    let before = try diagnose([path], status: 1)
    let converted = try mend(by: before.commands.first ?? nil, "--json", in: folder).json(Converted.self)
    #expect(converted.remarks.first?.contains("10 of ") == true, "\(converted.remarks)")
    #expect(abs(converted.lossAfter - converted.lossBefore) < 1e-4 * converted.lossBefore)
    let after = try diagnose([folder.path("pruned.safetensors")], status: 0)
    #expect(after.kinds == [])
    #expect(after.diagnosis.layers[0].channels.count == before.diagnosis.layers[0].channels.count - 10)
    // The same answers, to the rounding of sums of some hundred products.
    let models = try [path, folder.path("pruned.safetensors")].map { try Checkpoint(contentsOf: $0).makeModel() }
    let features = try TrainedModel.plans[plan].train().data.batch(0..<100).features
    #expect(Self.largestDifference(try models[1].predict(features), try models[0].predict(features)) < Self.roundings)
  }

  @Test(arguments: [0, 3, 4, 7]) func foldedModelsHaveNoNormalizationAndTheSameAnswers(plan: Int) throws {
    let folder = try Folder()
    let trained =
      try plan == 0
      ? TrainedModel.perceptron.get()
      : plan == 3 ? TrainedModel.convolutional.get() : TrainedModel.plans[plan].with { $0.epochs = 1 }.train()
    try trained.checkpoint.write(to: folder.path("model.safetensors"))
    let run = try Norma.run([
      "convert", folder.path("model.safetensors"), "--fold", "-o", folder.path("folded.safetensors"),
    ])
    try #require(run.status == 0, "\(run.error)")
    #expect(run.error.contains("part of the layers before"))
    let folded = try Checkpoint(contentsOf: folder.path("folded.safetensors"))
    #expect(folded.settings.architecture.recipe.normalization == .none)
    #expect(!folded.state.tensors.keys.contains { $0.contains("running_") })
    let features = trained.data.batch(0..<100).features
    let (before, after) = (try trained.makeModel().predict(features), try folded.makeModel().predict(features))
    #expect(Self.largestDifference(after, before) < Self.roundings)
    let diagnosis = try Diagnosis(of: folded.makeModel(), on: features)
    #expect(diagnosis.layers.isEmpty && diagnosis.findings == [])
  }

  @Test func whatCannotBeMendedSoIsSaid() throws {
    let folder = try Folder()
    let layer = try TrainedModel.plans[2].with { $0.epochs = 1 }.train()
    try layer.checkpoint.write(to: folder.path("layer.safetensors"))
    expectFailure(
      try Norma.run(["convert", folder.path("layer.safetensors"), "--fold", "-o", folder.path("x.safetensors")]),
      status: 65, saying: "layer normalization")
    let path = try planted("never gathered", in: folder)
    expectFailure(
      try Norma.run(["convert", path, "--fold", "-o", folder.path("x.safetensors")]), status: 65,
      saying: "recalibrate the model first")
    let dead = try planted("a dead layer", in: folder)
    expectFailure(
      try Norma.run(["convert", dead, "--prune-dead", "--data", "digits", "-o", folder.path("x.safetensors")]),
      status: 65, saying: "all channels of 4 are dead")
    expectFailure(
      try Norma.run(["convert", path, "--fold", "--model", "mlp:4", "-o", folder.path("x.safetensors")]), status: 64,
      saying: "--fold")
    // No option is passed over.
    for arguments in [
      ["convert", path, "--to", "tensors", "--data", "digits", "-o", folder.path("x.npz")],
      ["convert", path, "--to", "tensors", "--epsilon", "1e-3", "-o", folder.path("x.npz")],
      ["diagnose", path, "--epsilon", "1e-3"], ["diagnose", path, "--mean", "3"],
    ] {
      expectFailure(try Norma.run(arguments), status: 64, saying: arguments[0] == "convert" ? "--data" : "--model")
    }
    expectFailure(try Norma.run(["diagnose", path, "--examples", "1"]), status: 64, saying: "--examples")
    expectFailure(try Norma.run(["diagnose", folder.path("none.safetensors")]), status: 74, saying: "none.safetensors")
  }

  @Test func modelsFromElsewhereAreDiagnosedAlike() throws {
    let folder = try Folder()
    let path = try planted("statistics of other data", plan: 3, in: folder)
    let converted = try Norma.run(["convert", path, "-o", folder.path("model.onnx")])
    try #require(converted.status == 0, "\(converted.error)")
    expectFailure(try Norma.run(["diagnose", folder.path("model.onnx")]), status: 64, saying: "--data")
    let onnx = try diagnose([folder.path("model.onnx"), "--data", "digits"], status: 1)
    #expect(onnx.kinds == [.foreignStatistics, .notFolded] && onnx.commands.first == .some(nil))
    let state = try Norma.run(["convert", path, "-o", folder.path("state.npz")])
    try #require(state.status == 0, "\(state.error)")
    let standardization = try #require(try Checkpoint(contentsOf: path).settings.standardization)
    let dictionary = try diagnose(
      [
        folder.path("state.npz"), "--model", "convnet:12x3,48", "--shape", "8x8x1", "--data", "digits", "--mean",
        "\(standardization.mean[0])", "--scale", "\(standardization.scale[0])",
      ], status: 1)
    #expect(dictionary.kinds == [.foreignStatistics])
    // Rows without labels tell as much, but not what it costs.
    try folder.write("a,b\n1,2\n3,4\n", to: "other.csv")
    expectFailure(
      try Norma.run(["diagnose", path, "--data", "csv:" + folder.path("other.csv")]), status: 65, saying: "other.csv")
  }

  @Test func foldingAnONNXModelIsMeasured() throws {
    let folder = try Folder()
    let path = try planted("statistics of other data", plan: 3, in: folder)
    let converted = try Norma.run(["convert", path, "-o", folder.path("model.onnx")])
    try #require(converted.status == 0, "\(converted.error)")
    let before = try diagnose([folder.path("model.onnx"), "--data", "digits"], status: 1)
    let result = try mend(by: before.commands.last ?? nil, "--json", in: folder).json(Converted.self)
    #expect(result.remarks.first?.hasPrefix("2 normalizations are part of the layers before") == true)
    // Means of some thousand losses, by answers that differ by rounding.
    #expect(abs(result.lossAfter - result.lossBefore) < 1e-4 * result.lossBefore)
    let after = try diagnose([folder.path("folded.onnx"), "--data", "digits"], status: 0)
    #expect(after.diagnosis.layers.isEmpty && after.kinds == [])
    for (arguments, words) in [
      (["--prune-dead"], "--prune-dead"), ([], "--fold alone"), (["--fold", "--epsilon", "1e-3"], "--epsilon"),
    ] {
      expectFailure(
        try Norma.run(["convert", folder.path("model.onnx"), "-o", folder.path("x.onnx")] + arguments), status: 64,
        saying: words)
    }
    expectFailure(
      try Norma.run(["convert", folder.path("folded.onnx"), "--fold", "-o", folder.path("x.onnx")]), status: 65,
      saying: "there is none")
  }

  @Test func thePageHasTheFindingsAndAStripALayer() throws {
    let folder = try Folder()
    let path = try planted("ten dead channels", in: folder)
    let outcome = try Norma.run(["diagnose", path, "--html", folder.path("page.html")])
    #expect(outcome.status == 1 && outcome.output.hasSuffix("Report: \(folder.path("page.html"))\n"))
    let page = String(decoding: try folder.bytes("page.html"), as: UTF8.self)
    for words in ["Dead channels", "--prune-dead", "Running statistics beside those of the examples"] {
      #expect(page.contains(words))
    }
    #expect(page.components(separatedBy: "<svg").count >= 3)
  }

  // MARK: While training

  private static let reversed = [
    "train", "--watch", "--model", "mlp:16", "--epochs", "3", "--bn-rule", "exponential", "--bn-momentum", "0.9",
  ]

  @Test func trainingTellsWhatItFindsOnceAndNothingOfAHealthyNetwork() throws {
    let folder = try Folder()
    let outcome = try Norma.run(Self.reversed + ["--out", folder.path("reversed")])
    #expect(outcome.status == 0, "\(outcome.error)")
    let told = outcome.error.split(separator: "\n").filter { $0.contains("Momentum reversed") }
    #expect(told.count == 1 && told.first?.hasPrefix("epoch 1: ") == true, "\(outcome.error)")
    let healthy = try Norma.run(["train", "--watch", "--epochs", "3", "--out", folder.path("healthy")])
    #expect(healthy.status == 0)
    #expect(healthy.error.split(separator: "\n").allSatisfy { $0.contains("epoch") && !$0.hasPrefix("epoch") })
    // Looking changes nothing.
    let plain = try Norma.run(["train", "--quiet", "--epochs", "3", "--out", folder.path("plain")])
    #expect(plain.status == 0)
    #expect(try folder.bytes("plain/model.safetensors") == folder.bytes("healthy/model.safetensors"))
  }

  @Test(.enabled(if: LoggedValue.canBeRead, "NORMA_PYTHON names no Python with TensorBoard"))
  func tensorBoardReadsWhatWasFound() throws {
    let folder = try Folder()
    let outcome = try Norma.run(
      Self.reversed + ["--quiet", "--out", folder.path("out"), "--tensorboard", folder.path("run")])
    #expect(outcome.status == 0, "\(outcome.error)")
    let read = try LoggedValue.readAll(in: folder.path("run"))
    for tag in ["mean off by", "deviation times", "dead channels"] {
      #expect(read.filter { $0.tag == "statistics/\(tag)/1" && $0.scalar != nil }.count == 3)
    }
    let texts = read.filter { $0.tag.hasPrefix("diagnosis") }.compactMap { $0.texts?.first }
    #expect(texts.count == 3 && texts.allSatisfy { $0.contains("**Momentum reversed**") })
  }

  // MARK: Numbers that are none

  @Test func noCommandAnswersWithAVarianceThatIsNone() throws {
    let folder = try Folder()
    let path = try planted("NaN in one variance", in: folder)
    let commands: [[String]] = [
      ["evaluate", path, "--data", "digits"], ["predict", path, "--data", "digits", "--rows", "0-3"],
      ["convert", path, "-o", folder.path("x.onnx")], ["convert", path, "-o", folder.path("x.safetensors")],
    ]
    for arguments in commands {
      expectFailure(try Norma.run(arguments), status: 65, saying: "layer '4'")
      let outcome = try Norma.run(arguments + ["--allow-nan"])
      // All answers are no numbers then, of which there is nothing to measure.
      #expect(outcome.status == (arguments[0] == "evaluate" ? 65 : 0), "\(arguments): \(outcome.error)")
    }
    // In a model from elsewhere it is a constant, and no parameter.
    let onnx = try Norma.run(["evaluate", folder.path("x.onnx"), "--data", "digits"])
    #expect(onnx.status == 65 && onnx.error.contains("the variance of channel 3 is nan"), "\(onnx.error)")
    #expect(
      try Norma.run(["predict", folder.path("x.onnx"), "--data", "digits", "--rows", "0", "--allow-nan"]).output
        .contains("nan"))
  }

  @Test func anAnswerThatIsNoNumberSaysInWhichLayerItBecameOne() throws {
    let folder = try Folder()
    var checkpoint = try TrainedModel.perceptron.get().checkpoint
    checkpoint.settings.data = Checkpoint.SavedData(source: "digits", validationCount: 0)
    // Numbers that are finite, and a sum of products that is not.
    var weight = try #require(checkpoint.state.tensors["6.weight"])
    for column in 0..<weight.shape[1] { weight[2, column] = 3e38 }
    checkpoint.state.tensors["6.weight"] = weight
    try checkpoint.write(to: folder.path("model.safetensors"))
    for arguments in [["evaluate"], ["predict"]] {
      expectFailure(
        try Norma.run(arguments + [folder.path("model.safetensors"), "--data", "digits"]), status: 65,
        saying: "in layer '6', Linear")
    }
  }
}
