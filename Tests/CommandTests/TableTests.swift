import Foundation
import Norma
import NormaONNX
import TestSupport
import Testing

/// Tables as people have them, from training to answers.
struct TableTests {
  private struct Evaluated: Decodable {
    var count: Int
    var loss: Double
    var metric: String
    var value: Double
    var rootMeanSquaredError: Double?
    var classNames: [String]?
  }

  private struct Predicted: Decodable {
    var label: String?
    var probabilities: [String: Double]?
    var values: [Double]?
  }

  private func fixture(_ path: String) -> String { fixturesDirectory.appending(path: "cases/\(path)").path }

  /// Trains a small network, and gives its folder and what was said of the data.
  private func train(
    _ data: String, in folder: Folder, model: String = "mlp:4", epochs: Int = 2, _ options: [String] = []
  ) throws -> (model: String, notes: [String]) {
    let out = folder.path("model")
    let outcome = try Norma.run(
      ["train", "--data", "csv:\(data)", "--model", model, "--epochs", "\(epochs)", "--quiet", "--out", out] + options)
    #expect(outcome.status == 0, "\(outcome.error)")
    return (out, outcome.error.split(separator: "\n").map { String($0.dropFirst("norma: ".count)) })
  }

  private func predictions(_ arguments: [String], input: String = "") throws -> [Predicted] {
    let outcome = try Norma.run(["predict"] + arguments + ["--json"], input: input)
    #expect(outcome.status == 0, "\(outcome.error)")
    return try outcome.json()
  }

  @Test func columnsAreTakenByNameWhateverTheirOrder() throws {
    let folder = try Folder()
    let (train, reordered) = (
      fixture("01-evaluate-column-order/train.csv"), fixture("01-evaluate-column-order/reordered.csv")
    )
    let model = try self.train(train, in: folder, epochs: 60, ["--batch-size", "8", "--learning-rate", "0.02"]).model
    let same: Evaluated = try Norma.run(["evaluate", model, "--data", "csv:\(train)", "--json"]).json()
    let other: Evaluated = try Norma.run(["evaluate", model, "--data", "csv:\(reordered)", "--json"]).json()
    #expect(same.value == other.value && same.loss == other.loss && same.value > 0.9)
    let answers = try [["--data", "csv:\(reordered)"], [reordered]].map {
      try predictions([model] + $0).map(\.probabilities)
    }
    #expect(answers[0] == answers[1])
    #expect(try answers[0] == predictions([model, train]).map(\.probabilities))

    // Another label column's place, other columns, semicolons and decimal commas; and columns that are not there.
    let moved = try folder.write(
      "note;label;b;a\n" + "x;no;40,0;0,0\n" + "y;yes;0,0;6,0\n", to: "moved.csv")
    let evaluated: Evaluated = try Norma.run(["evaluate", model, "--data", "csv:\(moved)", "--json"]).json()
    #expect(evaluated.count == 2 && evaluated.value == 1)
    let lacking = try folder.write("a,c,label\n1,2,no\n", to: "lacking.csv")
    for command in [
      ["evaluate", model, "--data", "csv:\(lacking)"], ["predict", model, "--data", "csv:\(lacking)"],
      ["predict", model, lacking],
    ] {
      expectFailure(try Norma.run(command), status: 65, saying: "the header lacks the model's column 'b'")
    }
    let unlabeled = try folder.write("a,b\n1,2\n", to: "unlabeled.csv")
    #expect(try predictions([model, "--data", "csv:\(unlabeled)"]).count == 1)
    expectFailure(
      try Norma.run(["evaluate", model, "--data", "csv:\(unlabeled)"]), status: 65,
      saying: "no column is called 'label'")
  }

  @Test func aHeaderOfNumbersIsOne() throws {
    let folder = try Folder()
    let (model, _) = try train(fixture("02-numeric-header/minhdr.csv"), in: folder)
    let settings = try Checkpoint(contentsOf: "\(model)/model.safetensors").settings
    #expect(settings.outputs == .classes(names: ["0", "1"]) && settings.featureNames == ["0", "1"])
    let evaluated: Evaluated = try Norma.run(
      ["evaluate", model, "--data", "csv:\(fixture("02-numeric-header/minhdr.csv"))", "--json"]).json()
    #expect(evaluated.count == 8)
  }

  @Test func aLargeOffsetIsKeptApartFromTheSpread() throws {
    let folder = try Folder()
    let (model, _) = try train(
      fixture("03-large-offset-feature/offset.csv"), in: folder, ["--validation", "0"])
    let saved = try #require(try Checkpoint(contentsOf: "\(model)/model.safetensors").settings.standardization)
    // Each of 0…99 twice: the population's deviation is √((100² − 1)/12).
    let deviation = (9999.0 / 12).squareRoot()
    #expect(abs(saved.scale[0] - deviation) <= 1e-12 * deviation)
    #expect(abs(saved.mean[0] - 1_700_000_049.5) < 1e-6)
    let answers = try predictions([model, fixture("03-large-offset-feature/offset.csv")])
    #expect(Set(answers.compactMap { $0.probabilities?["yes"] }).count > 90)
  }

  @Test func theLabelMayBeCountedFromTheEnd() throws {
    let folder = try Folder()
    let data = fixture("06-label-minus-one/base.csv")
    for label in [["--label", "-1"], ["--label=-1"], ["--label", "3"], ["--label", "label"]] {
      let (model, _) = try train(data, in: folder, label)
      #expect(try Checkpoint(contentsOf: "\(model)/model.safetensors").settings.featureNames == ["alpha", "beta"])
    }
    let evaluated: Evaluated = try Norma.run(
      ["evaluate", folder.path("model"), "--data", "csv:\(data)", "--label", "-1", "--json"]).json()
    #expect(evaluated.count == 40)
    let (model, _) = try train(data, in: folder, ["--ignore", "-2"])
    #expect(try Checkpoint(contentsOf: "\(model)/model.safetensors").settings.featureNames == ["alpha"])
    let state = folder.path("state.safetensors")
    #expect(try Norma.run(["convert", model, "-o", state]).status == 0)
    let converted = try Norma.run([
      "convert", state, "--model", "mlp:4", "--mean", "-1", "--scale", "2", "-o", folder.path("c.safetensors"),
    ])
    #expect(converted.status == 0, "\(converted.error)")
    #expect(try Checkpoint(contentsOf: folder.path("c.safetensors")).settings.standardization?.mean == [-1])
  }

  @Test func numbersToPredictAreLearnedWhateverTheirUnits() throws {
    let folder = try Folder()
    let data = fixture("11-regression-target-scale/price.csv")
    let options = ["--batch-size", "20", "--learning-rate", "0.01"]
    let (model, notes) = try train(data, in: folder, model: "mlp:8", epochs: 40, options)
    #expect(notes.count == 1 && notes[0].contains("--classification"))
    let evaluated: Evaluated = try Norma.run(["evaluate", model, "--json"]).json()
    // With the same rows in other units the network reaches 0.96; the spread of the prices is some 62,000.
    #expect(evaluated.value > 0.94)
    #expect(try #require(evaluated.rootMeanSquaredError) < 16_000)
    let answers = try predictions([model, data, "--rows", "0-1"]).compactMap(\.values?.first)
    // 219,631 and 184,104 in the file.
    #expect(abs(answers[0] - 219_631) < 40_000 && abs(answers[1] - 184_104) < 40_000)

    // In ONNX's form too the answers have their own units.
    let onnx = folder.path("model.onnx")
    #expect(try Norma.run(["convert", model, "-o", onnx]).status == 0)
    let rows = Tensor<Float>(
      [0.12573, -0.13210, 0.64042, 0.10490, -0.53567, 0.36160, 1.30400, 0.94708], shape: [2, 4])
    let results = try ONNXModel(contentsOf: onnx)([.floats(rows)])
    guard case .floats(let values)? = results.first else {
      Issue.record("no output")
      return
    }
    #expect(zip(values.elements, answers).allSatisfy { abs(Double($0) - $1) < 1e-5 * 2e5 })

    let state = folder.path("state.safetensors")
    let converted = try Norma.run(["convert", model, "-o", state])
    #expect(converted.error.contains("target_standardization"))
    #expect(try Safetensors(contentsOf: state).metadata["target_standardization"] != nil)

    let (plain, _) = try train(data, in: folder, ["--no-standardize-target"])
    #expect(try Checkpoint(contentsOf: "\(plain)/model.safetensors").settings.targetStandardization == nil)
  }

  @Test func categoriesGapsAndTruthValuesGoFromTrainingToAnswers() throws {
    let folder = try Folder()
    let colors = ["rot", "grün", "blau"]
    let rows = (0..<120).map { row in
      "\(row % 10 == 7 ? "" : "\(row % 11),5");\(colors[row % 3]);\(row % 2 == 0 ? "ja" : "nein");\(row % 3 == 0 ? "yes" : "no");\(row % 3 == 0 ? "a" : "b")"
    }
    let data = try folder.write("größe;farbe;wort;wahr;klasse\r\n" + rows.joined(separator: "\r\n"), to: "data.csv")
    let (model, notes) = try train(data, in: folder, epochs: 20, ["--label", "klasse", "--batch-size", "16"])
    #expect(notes == [])
    let settings = try Checkpoint(contentsOf: "\(model)/model.safetensors").settings
    #expect(
      settings.featureNames == [
        "größe", "größe missing", "farbe=blau", "farbe=grün", "farbe=rot", "wort=ja", "wort=nein", "wahr",
      ])
    let outcome = try Norma.run(
      ["predict", model, "-", "--json"], input: "farbe,wahr,größe,wort\nrot,yes,3.5,ja\nviolett,no,,nein\n")
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(
      outcome.error
        == "norma: Column 'farbe' has 1 value, such as 'violett', not met in the rows trained on: none of its features stands for it.\n"
    )
    #expect(try outcome.json([Predicted].self).first?.label == "a")
    // The validation part is found again.
    let trained = try #require(settings.history.best)
    let evaluated: Evaluated = try Norma.run(["evaluate", model, "--json"]).json()
    #expect(evaluated.value == trained.validationMetric && evaluated.count == 24)
  }

  @Test func evaluationFindsTheSameRowsAgainThoughSomeHaveNoLabel() throws {
    let folder = try Folder()
    let rows = (0..<90).map { "\($0 % 17),\($0 % 5),\($0 % 9 == 4 ? "" : $0 % 17 < 8 ? "low" : "high")\n" }
    let data = try folder.write("x,y,kind\n" + rows.joined(), to: "data.csv")
    let (model, notes) = try train(data, in: folder, epochs: 3, ["--seed", "4"])
    #expect(notes == ["10 rows have no label and are left out, the first of them row 6."])
    let settings = try Checkpoint(contentsOf: "\(model)/model.safetensors").settings
    let evaluated: Evaluated = try Norma.run(["evaluate", model, "--json"]).json()
    #expect(evaluated.count == 16 && evaluated.value == settings.history.best?.validationMetric)
  }

  @Test func aModelOfAnEarlierVersionIsMeasuredOnTheRowsThatItSetAside() throws {
    let folder = try Folder()
    let rows = (0..<80).map { "\($0 % 17),\($0 % 5),\($0 % 17 < 8 ? "low" : "high")\n" }
    let data = try folder.write("x,y,kind\n" + rows.joined(), to: "data.csv")
    let (model, _) = try train(data, in: folder)
    // Such a file says nothing of the split and of columns, and has 32-bit numbers.
    var file = try Safetensors(contentsOf: "\(model)/model.safetensors")
    let text = try #require(file.metadata["norma"])
    var settings = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    var saved = try #require(settings["data"] as? [String: Any])
    saved["split"] = nil
    settings["data"] = saved
    settings["encoding"] = nil
    var standardization = try #require(settings["standardization"] as? [String: Any])
    for key in ["mean", "scale"] {
      standardization[key] = try #require(standardization[key] as? [Double]).map { Double("\(Float($0))") ?? 0 }
    }
    settings["standardization"] = standardization
    file.metadata["norma"] = String(decoding: try JSONSerialization.data(withJSONObject: settings), as: UTF8.self)
    try file.write(to: folder.path("old.safetensors"))
    let old = try Checkpoint(contentsOf: folder.path("old.safetensors"))
    #expect(old.settings.data.split == nil && old.settings.encoding == nil)

    var random = RandomGenerator(seed: 0).split(RandomStream.split.rawValue)
    let examples = try CSV.dataset(contentsOf: data)
    let expected = try examples.split(.random, validationCount: 16, using: &random).validation
    guard case .classes(let classes, _) = expected.targets else { return }
    let outcome = try Norma.run(["evaluate", folder.path("old.safetensors"), "--json"])
    struct Confusion: Decodable { var confusion: [[Int]] }
    let confusion = try outcome.json(Confusion.self).confusion
    #expect(confusion.map { $0.reduce(0, +) } == [classes.count { $0 == 0 }, classes.count { $0 == 1 }])
    // By name or by place, with labels or without.
    for text in ["y,x\n1,2\n", "2,1\n", "2,1,low\n"] {
      #expect(try predictions([folder.path("old.safetensors"), "-"], input: text).count == 1)
    }
  }

  @Test func optionsAboutTablesThatMakeNoSenseAreRefused() throws {
    for (options, words) in [
      (["--separator", "x"], "--separator takes"), (["--decimal", ";"], "--decimal takes"),
      (["--label", ","], "--label takes"),
      (["--regression", "--classification"], "two answers"),
    ] {
      expectFailure(try Norma.run(["train", "--data", "csv:none.csv"] + options), status: 64, saying: words)
    }
    for options in [["--ignore", "1"], ["--dates", "1"], ["--categories", "1"], ["--separator", "tab"]] {
      expectFailure(try Norma.run(["train"] + options), status: 64, saying: "csv:FILE")
    }
    expectFailure(try Norma.run(["train", "--classification"]), status: 64, saying: "npz:FILE")
  }
}
