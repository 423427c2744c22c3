import Foundation
import Norma
import TestSupport
import Testing

/// What `evaluate` prints and draws.
struct EvaluateTests {
  private struct Evaluated: Decodable {
    struct ClassListing: Decodable {
      var name: String
      var count: Int
      var recall: Double?
      var f1: Double?
    }
    struct Mistake: Decodable {
      var label: String
      var predicted: String
      var count: Int
    }
    struct Target: Decodable {
      var name: String
      var r2: Double
      var rootMeanSquaredError: Double
    }
    var loss: Double
    var metric: String
    var value: Double
    var accuracy: Double?
    var balancedAccuracy: Double?
    var areaUnderROC: Double?
    var averagePrecision: Double?
    var logLoss: Double?
    var brierScore: Double?
    var calibrationError: Double?
    var classes: [ClassListing]?
    var mistakes: [Mistake]?
    var r2: Double?
    var meanAbsoluteError: Double?
    var rootMeanSquaredError: Double?
    var targets: [Target]?
  }

  /// A model whose single layer has the given weights `[outputs, features]`, so that its answers are known.
  static func linear(
    _ weights: [[Float]], outputs: Checkpoint.Outputs, loss: LossFunction = .softmaxCrossEntropy,
    label: String = "label",
    to path: String
  ) throws {
    let features = weights[0].count
    let settings = Checkpoint.Settings(
      architecture: ModelArchitecture(MultilayerPerceptron(hidden: [], normalization: .none)), exampleShape: [features],
      outputs: outputs, featureNames: nil, standardization: nil, training: TrainingConfiguration(loss: loss),
      data: .init(source: "csv:none", labelColumn: label, validationCount: 0), history: TrainingHistory())
    let model: Sequential<Float> = try settings.architecture.recipe.build(
      sampleShape: [features], outputCount: outputs.count, random: RandomGenerator(seed: 0))
    for (name, parameter) in model.namedParameters {
      parameter.value =
        name.hasSuffix("weight")
        ? Tensor(Array(weights.joined()), shape: [outputs.count, features]) : .zeros(parameter.value.shape)
    }
    try Checkpoint(settings: settings, state: model.state).write(to: path)
  }

  /// Scores (0, x): `yes` has the probability 1 / (1 + exp(−x)).
  private static func twoClasses(_ loss: LossFunction = .softmaxCrossEntropy) throws -> Folder {
    let folder = try Folder()
    try linear([[0], [1]], outputs: .classes(names: ["no", "yes"]), loss: loss, to: folder.path("model.safetensors"))
    try folder.write("x,label\n-1,no\n2,yes\n1,no\n-2,no\n3,yes\n", to: "data.csv")
    return folder
  }

  @Test func everyMeasureOfTwoClassesIsPrinted() throws {
    let folder = try Self.twoClasses()
    let arguments = ["evaluate", folder.path("model.safetensors"), "--data", "csv:\(folder.path("data.csv"))"]
    let evaluated: Evaluated = try Norma.run(arguments + ["--json"]).json()
    // One of three is taken for yes; both of yes are found, and both have higher scores than all others.
    #expect(evaluated.metric == "accuracy" && evaluated.value == 0.8 && evaluated.accuracy == 0.8)
    let recalls: [Double] = [2.0 / 3, 1]
    #expect(evaluated.balancedAccuracy == recalls.reduce(0, +) / 2)
    #expect(evaluated.areaUnderROC == 1 && evaluated.averagePrecision == 1)
    #expect(evaluated.classes?.map(\.f1) == [0.8, 0.8] && evaluated.classes?.map(\.count) == [3, 2])
    #expect(evaluated.mistakes?.map(\.label) == ["no"] && evaluated.mistakes?.map(\.predicted) == ["yes"])
    func probability(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
    let misses = [probability(-1), 1 - probability(2), probability(1), probability(-2), 1 - probability(3)]
    // Some 10 roundings in Double on either side.
    let expectedLogLoss = -misses.map { log(1 - $0) }.reduce(0, +) / 5
    let expectedBrier = misses.map { $0 * $0 }.reduce(0, +) / 5
    let (logLoss, brier) = (try #require(evaluated.logLoss), try #require(evaluated.brierScore))
    #expect(abs(logLoss - expectedLogLoss) < 20 * Double.ulpOfOne)
    #expect(abs(brier - expectedBrier) < 20 * Double.ulpOfOne)

    let text = try Norma.run(arguments)
    #expect(text.status == 0 && text.error.isEmpty)
    for line in [
      "data.csv, 5 examples: accuracy 80.0%, loss 0.", "balanced accuracy   83.3%", "F1 of yes          0.8000",
      "ROC AUC            1.0000", "Confusion matrix: rows are classes, columns what they were taken for",
    ] { #expect(text.output.contains(line), "\(line)\n\(text.output)") }
    #expect(text.output.hasSuffix("class  no  yes\n─────  ──  ───\nno      2    1\nyes     0    2\n"))
  }

  @Test func scoresThatAreNoProbabilitiesHaveNoMeasuresOfThem() throws {
    let folder = try Self.twoClasses(.multiclassSVM)
    let arguments = ["evaluate", folder.path("model.safetensors"), "--data", "csv:\(folder.path("data.csv"))"]
    let evaluated: Evaluated = try Norma.run(arguments + ["--json"]).json()
    #expect(evaluated.logLoss == nil && evaluated.brierScore == nil && evaluated.calibrationError == nil)
    #expect(evaluated.areaUnderROC == 1 && evaluated.accuracy == 0.8)
    #expect(try Norma.run(arguments).output.contains("its scores are no probabilities"))
  }

  @Test func numbersAreMeasuredByTarget() throws {
    let folder = try Folder()
    // Of x, the first target is predicted as x and the second as 0.
    try Self.linear(
      [[1], [0]], outputs: .values(count: 2), loss: .meanSquaredError, label: "a,b", to: folder.path("m.safetensors"))
    let csv = try folder.write("x,a,b\n1,1,1000\n2,3,0\n3,2,-1000\n", to: "data.csv")
    let arguments = ["evaluate", folder.path("m.safetensors"), "--data", "csv:\(csv)"]
    let evaluated: Evaluated = try Norma.run(arguments + ["--json"]).json()
    // a: squares of 2 around its mean, missed by 0, −1, 1; b: predicted by its mean.
    #expect(evaluated.targets?.map(\.r2) == [0, 0] && evaluated.r2 == 0 && evaluated.value == 0)
    #expect(evaluated.targets?.map(\.name) == ["a", "b"])
    let roots = [(2 / 3.0).squareRoot(), (2_000_000 / 3.0).squareRoot()]
    #expect(evaluated.targets?.map(\.rootMeanSquaredError) == roots)
    #expect(evaluated.rootMeanSquaredError == (roots[0] + roots[1]) / 2)
    let text = try Norma.run(arguments).output
    #expect(text.hasPrefix("data.csv, 3 examples: R² 0.0000, loss "))
    #expect(text.contains("median absolute error"))
  }

  @Test func aWideConfusionMatrixGivesWayToTheMistakes() throws {
    let folder = try Folder()
    let names = (0..<12).map { "a class with the long name \($0)" }
    let weights: [[Float]] = (0..<12).map { [Float($0 == 3 ? 1 : 0)] }
    try Self.linear(weights, outputs: .classes(names: names), to: folder.path("m.safetensors"))
    let csv = try folder.write("x,label\n" + names.map { "1,\($0)\n" }.joined(), to: "data.csv")
    let outcome = try Norma.run(["evaluate", folder.path("m.safetensors"), "--data", "csv:\(csv)"])
    #expect(outcome.output.contains("Most frequent mistakes, 10 of 11 (--json has all)"))
    #expect(!outcome.output.contains("Confusion matrix"))
  }

  @Test func thePageIsWrittenWholeAndNamesTheCommand() throws {
    let folder = try Self.twoClasses()
    let page = folder.path("page.html")
    let arguments = [
      "evaluate", folder.path("model.safetensors"), "--data", "csv:\(folder.path("data.csv"))", "--report", page,
    ]
    let outcome = try Norma.run(arguments)
    #expect(outcome.status == 0 && outcome.output.hasSuffix("\nReport: \(page)\n"))
    let html = String(decoding: try folder.bytes("page.html"), as: UTF8.self)
    for words in ["<!DOCTYPE html>", "ROC curve", "Reliability", "Confusion matrix", "norma</span> <span>evaluate"] {
      #expect(html.contains(words), "\(words)")
    }
    let nowhere = try Norma.run(Array(arguments.dropLast()) + [folder.path("none/page.html")])
    expectFailure(nowhere, status: 74, saying: "none/page.html")
  }

  @Test func outputsThatAreNoNumbersAreRefusedByExampleAndClass() throws {
    let folder = try Folder()
    let model = folder.path("model.safetensors")
    // 3·10³⁸ times 2 is beyond Float.
    try Self.linear([[0], [3e38]], outputs: .classes(names: ["no", "yes"]), to: model)
    let csv = try folder.write("x,label\n1,no\n2,yes\n", to: "data.csv")
    for arguments in [
      ["evaluate", model, "--data", "csv:\(csv)"], ["predict", model, csv], ["predict", model, csv, "--csv", "-"],
    ] {
      let outcome = try Norma.run(arguments)
      expectFailure(
        outcome, status: 65, saying: "model.safetensors': for 1 of 2 examples it gives what is no finite number")
      #expect(outcome.error.contains("the score of class 'yes' is inf"))
    }
  }

  @Test(arguments: [
    ("images/color.png", "a PNG image"), ("conversion/convnet.npz", "a NumPy archive (.npz)"),
    ("files/ustar.tar", "a tar archive"),
    ("README.md", "text"),
  ])
  func whatIsNoModelIsNamedForWhatItIs(name: String, words: String) throws {
    let file = fixturesDirectory.appending(path: name).path
    for arguments in [["evaluate", file], ["predict", file, "--data", "digits"]] {
      expectFailure(try Norma.run(arguments), status: 65, saying: "it is \(words). A model of norma's is needed")
    }
    if words.contains("image") || words.contains("tar") {
      expectFailure(try Norma.run(["inspect", file]), status: 65, saying: "it is \(words). ")
      expectFailure(try Norma.run(["convert", file, "-o", "x.npz"]), status: 65, saying: "it is \(words). ")
    }
    let folder = try Self.twoClasses()
    let model = folder.path("model.safetensors")
    if words != "text" {
      expectFailure(
        try Norma.run(["evaluate", model, "--data", "csv:\(file)"]), status: 65,
        saying: "it is \(words). csv:FILE takes")
    }
    expectFailure(
      try Norma.run(["evaluate", model, "--data", "images:\(file)"]), status: 65, saying: "it is \(words).")
  }
}
