import Foundation
import Norma
import TestSupport
import Testing

/// What `predict` writes to CSV, and which examples it finds.
struct PredictTests {
  /// Lines of a file without quotation marks, cut at commas.
  private static func cells(_ text: String) -> [[String]] {
    text.split(separator: "\n").map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }
  }

  private static func image(_ name: String, to place: String, in folder: Folder) throws {
    try folder.write(Data(contentsOf: fixturesDirectory.appending(path: "images/\(name)")), to: place)
  }

  /// Scores (0, x).
  private static func twoClasses(_ loss: LossFunction = .softmaxCrossEntropy) throws -> Folder {
    let folder = try Folder()
    try EvaluateTests.linear(
      [[0], [1]], outputs: .classes(names: ["no", "yes"]), loss: loss, to: folder.path("model.safetensors"))
    return folder
  }

  /// A model of images of 2 × 2 pixels that says how bright they are.
  private static func brightness() throws -> Folder {
    let folder = try Folder()
    let settings = Checkpoint.Settings(
      architecture: ModelArchitecture(MultilayerPerceptron(hidden: [], normalization: .none)), exampleShape: [2, 2, 3],
      outputs: .classes(names: ["dark", "light"]), featureNames: nil, standardization: nil,
      training: TrainingConfiguration(), data: .init(source: "images:none", validationCount: 0),
      history: TrainingHistory())
    let model: Sequential<Float> = try settings.architecture.recipe.build(
      sampleShape: [2, 2, 3], outputCount: 2, random: RandomGenerator(seed: 0))
    for (name, parameter) in model.namedParameters {
      parameter.value =
        name.hasSuffix("weight")
        ? Tensor((0..<24).map { $0 < 12 ? 0 : 0.001 }, shape: [2, 12]) : Tensor([1, 0], shape: parameter.value.shape)
    }
    try Checkpoint(settings: settings, state: model.state).write(to: folder.path("model.safetensors"))
    return folder
  }

  @Test func aRowHasTheClassAndEveryProbabilityToTheLastDigit() throws {
    let folder = try Self.twoClasses()
    let csv = try folder.write("-1\n2\n0.3\n", to: "new.csv")
    let outcome = try Norma.run(["predict", folder.path("model.safetensors"), csv, "--csv", "-"])
    #expect(outcome.status == 0 && outcome.error.isEmpty)
    let rows = Self.cells(outcome.output)
    #expect(rows[0] == ["row", "prediction", "probability_no", "probability_yes"])
    #expect(
      rows.dropFirst().map { $0[0] } == ["0", "1", "2"] && rows.dropFirst().map { $0[1] } == ["no", "yes", "yes"])
    for (row, x) in zip(rows.dropFirst(), [-1, 2, Double(Float(0.3))]) {
      // An exponential, a sum and a quotient in Double.
      let (written, expected) = (try #require(Double(row[3])), 1 / (1 + exp(-x)))
      #expect(abs(written - expected) < 4 * Double.ulpOfOne)
    }
    // The same numbers as in JSON, which has all digits too.
    struct Predicted: Decodable { var probabilities: [String: Double] }
    let listed: [Predicted] = try Norma.run(["predict", folder.path("model.safetensors"), csv, "--json"]).json()
    #expect(listed.map { $0.probabilities["yes"] } == rows.dropFirst().map { Double($0[3]) })
  }

  @Test func aFileIsWrittenWholeOrNotAtAll() throws {
    let folder = try Self.twoClasses()
    let csv = try folder.write("-1\n2\n", to: "new.csv")
    try folder.write("earlier", to: "answers.csv")
    let model = folder.path("model.safetensors")
    let bad = try folder.write("1\nx\n", to: "bad.csv")
    #expect(try Norma.run(["predict", model, bad, "--csv", folder.path("answers.csv")]).status == 65)
    #expect(try folder.bytes("answers.csv") == Array("earlier".utf8))
    let outcome = try Norma.run(["predict", model, csv, "--csv", folder.path("answers.csv")])
    #expect(outcome.output == "\(folder.path("answers.csv")): answers for 2 examples\n")
    #expect(Self.cells(String(decoding: try folder.bytes("answers.csv"), as: UTF8.self)).count == 3)
    #expect(try folder.names().filter { $0.contains("temporary") }.isEmpty)
    expectFailure(
      try Norma.run(["predict", model, csv, "--csv", folder.path("none/a.csv")]), status: 74, saying: "none/a.csv")
  }

  @Test func numbersAreWrittenSoThatTheyReadTheSame() throws {
    let folder = try Folder()
    try EvaluateTests.linear(
      [[1], [0.1]], outputs: .values(count: 2), loss: .meanSquaredError, label: "price,size",
      to: folder.path("m.safetensors"))
    let csv = try folder.write("0.1\n-3e20\n", to: "new.csv")
    let rows = Self.cells(try Norma.run(["predict", folder.path("m.safetensors"), csv, "--csv", "-"]).output)
    #expect(rows[0] == ["row", "prediction_price", "prediction_size"])
    #expect(rows.dropFirst().map { Float($0[1]) } == [0.1, -3e20])
    #expect(rows.dropFirst().map { Double($0[1]) } == [Double(Float(0.1)), Double(Float(-3e20))])
  }

  @Test func scoresThatAreNoProbabilitiesAreCalledScores() throws {
    let folder = try Self.twoClasses(.multiclassSVM)
    let csv = try folder.write("2.5\n", to: "new.csv")
    let model = folder.path("model.safetensors")
    let rows = Self.cells(try Norma.run(["predict", model, csv, "--csv", "-"]).output)
    #expect(rows == [["row", "prediction", "score_no", "score_yes"], ["0", "yes", "0.0", "2.5"]])
    let table = try Norma.run(["predict", model, csv]).output
    #expect(table.contains("score") && table.contains("2.5000") && !table.contains("%"))
  }

  @Test func aColumnSaysWhatTheRowsAreCalled() throws {
    let folder = try Folder()
    let model = folder.path("model.safetensors")
    try EvaluateTests.linear([[0], [1]], outputs: .classes(names: ["no", "yes"]), to: model)
    var checkpoint = try Checkpoint(contentsOf: model)
    checkpoint.settings.featureNames = ["x"]
    try checkpoint.write(to: model)
    let csv = try folder.write("name,x\n\"Smith, A\",1\n\"the \"\"big\"\" one\",-1\nc,2\n", to: "new.csv")
    let outcome = try Norma.run(["predict", model, csv, "--id", "name", "--csv", "-"])
    try #require(outcome.status == 0, "\(outcome.error)")
    let lines = outcome.output.split(separator: "\n")
    #expect(lines.first == "name,prediction,probability_no,probability_yes")
    #expect(lines[1].hasPrefix("\"Smith, A\",yes,0.26") && lines[2].hasPrefix("\"the \"\"big\"\" one\",no,"))
    let some = try Norma.run(["predict", model, csv, "--id", "1", "--rows", "1-2", "--csv", "-"]).output
    #expect(some.split(separator: "\n").dropFirst().map { $0.prefix(3) } == ["\"th", "c,y"])
    #expect(try Norma.run(["predict", model, csv, "--id", "name"]).output.contains("Smith, A"))
    expectFailure(
      try Norma.run(["predict", model, csv, "--id", "surname"]), status: 65, saying: "no column is called 'surname'")
  }

  @Test func aFolderStandsForTheImagesInIt() throws {
    let folder = try Self.brightness()
    try Self.image("gray.png", to: "photos/b.png", in: folder)
    try Self.image("cmyk.jpg", to: "photos/2024/a.JPG", in: folder)
    try folder.write("hidden", to: "photos/.DS_Store")
    let model = folder.path("model.safetensors")
    let quiet = try Norma.run(["predict", model, folder.path("photos"), "--csv", "-"])
    #expect(quiet.status == 0 && quiet.error.isEmpty)
    #expect(
      Self.cells(quiet.output).map { $0[0] } == ["file", folder.path("photos/2024/a.JPG"), folder.path("photos/b.png")])
    // The same answers as for the files themselves.
    let named = try Norma.run(
      ["predict", model, folder.path("photos/2024/a.JPG"), folder.path("photos/b.png"), "--csv", "-"])
    #expect(named.output == quiet.output)
    // What is no image is passed over with a word, what should be one is not.
    try folder.write("a note", to: "photos/note.txt")
    let noted = try Norma.run(["predict", model, folder.path("photos"), "--csv", "-"])
    #expect(
      noted.output == quiet.output && noted.error.contains("note.txt' (text) is no PNG or JPEG and was passed over"))
    try folder.write("no image", to: "damaged/z.png")
    expectFailure(
      try Norma.run(["predict", model, folder.path("damaged")]), status: 65, saying: "z.png': it is neither")
  }

  @Test func aFolderWithoutImagesIsToldWhatWasWanted() throws {
    let folder = try Self.brightness()
    try folder.write("1,2\n", to: "tables/a.csv")
    expectFailure(
      try Norma.run(["predict", folder.path("model.safetensors"), folder.path("tables")]), status: 65,
      saying: "tables': it is a directory, and there are no PNG or JPEG files in it. Name a folder of images")
  }

  @Test func imagesOfADataSetAreCalledAsTheirFiles() throws {
    let folder = try Self.brightness()
    for name in ["dark/a.png", "dark/b.png", "light/c.png"] {
      try Self.image("gray.png", to: "data/\(name)", in: folder)
    }
    let outcome = try Norma.run(
      [
        "predict", folder.path("model.safetensors"), "--data", "images:\(folder.path("data"))", "--rows", "1-2",
        "--csv", "-",
      ])
    #expect(
      Self.cells(outcome.output).map { $0[0] } == [
        "file", folder.path("data/dark/b.png"), folder.path("data/light/c.png"),
      ])
  }

  @Test(arguments: [
    ("conversion/convnet.npz", "a NumPy archive (.npz)"), ("files/ustar.tar", "a tar archive"),
    ("files/large.safetensors", "a safetensors file"),
  ])
  func whatIsNeitherTableNorImageIsNamedForWhatItIs(name: String, words: String) throws {
    let folder = try Self.twoClasses()
    let file = fixturesDirectory.appending(path: name).path
    expectFailure(
      try Norma.run(["predict", folder.path("model.safetensors"), file]), status: 65,
      saying: "it is \(words). Examples come from comma-separated values")
  }
}
