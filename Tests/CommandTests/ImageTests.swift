import Foundation
import Norma
import TestSupport
import Testing

/// Folders of images and image files, from training to prediction.
struct ImageTests {
  private struct Predicted: Decodable {
    var file: String?
    var row: Int?
    var label: String?
    var probabilities: [String: Double]?
  }

  private struct Inspected: Decodable {
    var settings: Checkpoint.Settings
  }

  private static func fixture(_ name: String) -> String {
    fixturesDirectory.appending(path: "images/\(name)").path
  }

  private static func copy(_ name: String, to place: String, in folder: Folder) throws {
    try folder.write(Data(contentsOf: URL(filePath: fixture(name))), to: place)
  }

  /// Three classes of four files each, all copies of one picture, and a model that was trained on them.
  private static func trained(_ options: [String] = []) throws -> Folder {
    let folder = try Folder()
    for (name, picture) in [("smooth", "color.png"), ("palette", "palette.png"), ("print", "cmyk.jpg")] {
      let ending = picture.suffix(4)
      for copy in 0..<4 { try Self.copy(picture, to: "data/\(name)/\(copy)\(ending)", in: folder) }
    }
    let outcome = try Norma.run(
      [
        // Without validation data the best epoch is the one that knows the training images best.
        "train", "--data", "images:\(folder.path("data"))", "--model", "mlp:16", "--norm", "none", "--epochs", "20",
        "--batch-size", "4", "--learning-rate", "0.01", "--out", folder.path("model"), "--quiet",
      ] + (options.contains("--validation") ? options : options + ["--validation", "0"]))
    try #require(outcome.status == 0, "\(outcome.error)")
    return folder
  }

  @Test func aFolderOfImagesIsTrainedEvaluatedAndPredicted() throws {
    let folder = try Self.trained(["--image-size", "12", "--augment", "crop:1,flip"])
    let model = folder.path("model")
    let settings = try Norma.run(["inspect", model, "--json"]).json(Inspected.self).settings
    #expect(settings.exampleShape == [12, 12, 3])
    #expect(settings.training.augmentation == ImageAugmentation(padding: 1, flipsHorizontally: true))
    #expect(settings.standardization?.mode == .perChannel && settings.standardization?.mean.count == 3)
    let inspected = try Norma.run(["inspect", model]).output
    #expect(inspected.contains("Augmentation  padded by 1 and cropped by chance, flipped left to right by chance\n"))

    let evaluated = try Norma.run(["evaluate", model, "--data", "images:\(folder.path("data"))"])
    #expect(evaluated.status == 0 && evaluated.output.contains("data, 12 examples: accuracy 100.0%"))

    let files = ["color.png", "cmyk.jpg", "palette.png"].map(Self.fixture)
    let predictions: [Predicted] = try Norma.run(["predict", model] + files + ["--json"]).json()
    #expect(predictions.map(\.file) == files && predictions.allSatisfy { $0.row == nil })
    #expect(predictions.map(\.label) == ["smooth", "print", "palette"])
    #expect(predictions.allSatisfy { abs(($0.probabilities ?? [:]).values.reduce(0, +) - 1) < 1e-12 })

    // The same pictures as rows of the folder: those of palette, print and smooth, in this order.
    let rows: [Predicted] = try Norma.run(
      ["predict", model, "--data", "images:\(folder.path("data"))", "--json"]
    ).json()
    #expect(rows.map(\.row) == Array(0..<12))
    for (row, file) in [(0, 2), (4, 1), (8, 0)] {
      #expect(rows[row].label == predictions[file].label)
      for (name, probability) in rows[row].probabilities ?? [:] {
        // Another size of the batch may lead to another order of the sums.
        #expect(abs(probability - (predictions[file].probabilities?[name] ?? -1)) < 1e-5)
      }
    }
  }

  @Test func theImagesThatWereSetAsideAreFoundAgain() throws {
    let folder = try Self.trained(["--validation", "5", "--image-size", "9"])
    let evaluated = try Norma.run(["evaluate", folder.path("model")])
    #expect(evaluated.status == 0 && evaluated.output.contains("data, validation part, 5 examples: accuracy"))
  }

  @Test func threeClassesAreShownForAnImageUnlessSaidOtherwise() throws {
    let folder = try Self.trained()
    let model = folder.path("model")
    let files = [Self.fixture("color.png"), Self.fixture("gray-16.png"), Self.fixture("gray.jpg")]
    let lines = try Norma.run(["predict", model] + files).output.split(separator: "\n").map(String.init)
    #expect(lines.count == 5 && lines[0].hasPrefix("file"))
    #expect(lines[2].hasPrefix("color.png") && lines[3].hasPrefix("gray-16.png"))
    for line in lines[2...] {
      #expect(["smooth", "palette", "print"].allSatisfy(line.contains))
      #expect(line.split(separator: "%").count == 3)
    }
    let one = try Norma.shell("\"$norma\" predict '\(model)' - --top 1 < '\(files[0])'")
    #expect(one.output.split(separator: "\n").last?.contains("standard input  smooth") == true)
    let best = try Norma.run(["predict", model] + files + ["--top", "1"]).output.split(separator: "\n")
    #expect(best.dropFirst(2).allSatisfy { $0.split(separator: "%").count == 1 })
  }

  @Test func aGreyModelTakesColourImages() throws {
    let folder = try Folder()
    func idx(_ shape: [Int], _ elements: [UInt8]) -> [UInt8] {
      [0, 0, 8, UInt8(shape.count)] + shape.flatMap { [0, 0, 0, UInt8($0)] } + elements
    }
    for part in ["train", "t10k"] {
      try folder.write(idx([12, 6, 6], (0..<432).map { UInt8($0 * 7 % 251) }), to: "data/\(part)-images-idx3-ubyte")
      try folder.write(idx([12], (0..<12).map { UInt8($0 % 2) }), to: "data/\(part)-labels-idx1-ubyte")
    }
    let trained = try Norma.run([
      "train", "--data", "mnist:\(folder.path("data"))", "--epochs", "1", "--model", "mlp:4", "--out",
      folder.path("model"), "--quiet",
    ])
    #expect(trained.status == 0, "\(trained.error)")
    let outcome = try Norma.run(["predict", folder.path("model"), Self.fixture("color.png")])
    #expect(outcome.status == 0 && outcome.output.contains("color.png"))
  }

  /// Grey pixels, which a network of one layer hands through: what it answers is what it sees.
  @Test func aFileIsSeenAsViewersShowIt() throws {
    for (name, image, expected) in [
      ("07-png-alpha", "alpha.png", [0.0, 63, 127, 191]), ("08-png-gamma", "gamma1.png", [50, 100, 150, 200]),
    ] {
      struct Answer: Decodable { var values: [Double] }
      let folder = fixturesDirectory.appending(path: "cases/\(name)")
      let answers: [Answer] = try Norma.run([
        "predict", folder.appending(path: "gray.safetensors").path, folder.appending(path: image).path, "--json",
      ]).json()
      #expect(answers.map(\.values) == [expected])
    }
  }

  @Test func anArchiveThatLacksABatchIsUsedAndTheBatchIsNamed() throws {
    let folder = try Folder()
    let archive = fixturesDirectory.appending(path: "cases/13-cifar-missing-batch/cifar.tar.gz").path
    let options = ["--data", "cifar10:\(archive)", "--model", "mlp:2", "--epochs", "1", "--norm", "none", "--quiet"]
    let outcome = try Norma.run(["train", "--out", folder.path("out")] + options)
    #expect(outcome.status == 0, "\(outcome.error)")
    let words = "lacks data_batch_4.bin: CIFAR-10 has 5 batches, and what is there was used."
    #expect(outcome.error.contains("norma: '\(archive)' \(words)\n"))
    let evaluated = try Norma.run(["evaluate", folder.path("out")])
    #expect(evaluated.status == 0 && evaluated.error.contains(words))
  }

  // MARK: Bad input

  @Test func amongSeveralFilesTheBadOneIsNamedAndNothingIsPrinted() throws {
    let folder = try Self.trained()
    let model = folder.path("model")
    let good = Self.fixture("color.png")
    let cut = try folder.write(Data(contentsOf: URL(filePath: good)).prefix(700), to: "cut.png")
    let text = try folder.write("1,2,3\n", to: "text.csv")
    for options in [[], ["--json"]] {
      expectFailure(try Norma.run(["predict", model, good, cut] + options), status: 65, saying: "cut.png': the PNG")
      expectFailure(
        try Norma.run(["predict", model, good, text] + options), status: 65, saying: "text.csv': it is neither")
      expectFailure(
        try Norma.run(["predict", model, text, good] + options), status: 65, saying: "text.csv': it is neither")
      let missing = folder.path("missing.jpg")
      expectFailure(try Norma.run(["predict", model, good, missing] + options), status: 74, saying: missing)
    }
    let empty = try folder.write("", to: "empty.JPG")
    expectFailure(try Norma.run(["predict", model, empty]), status: 65, saying: "empty.JPG': it is neither")
    expectFailure(try Norma.run(["predict", model, good, "--rows", "0"]), status: 64, saying: "--rows")
  }

  @Test func aModelThatTakesNoImagesSaysWhatItTakes() throws {
    let folder = try CheckpointTests.trainDigits()
    expectFailure(
      try Norma.run(["predict", folder.path("model"), Self.fixture("color.png")]), status: 65,
      saying: "color.png': it is an image, and the model takes none. The model takes examples of shape [64].")
  }

  @Test func aFolderThatDoesNotFitTheModelIsRefused() throws {
    let folder = try Self.trained()
    let model = folder.path("model")
    try Self.copy("color.png", to: "other/horse/a.png", in: folder)
    expectFailure(
      try Norma.run(["evaluate", model, "--data", "images:\(folder.path("other"))"]), status: 65,
      saying: "'horse' is not one of the classes")
    expectFailure(
      try Norma.run(["evaluate", model, "--data", "images:\(folder.path("model"))"]), status: 65,
      saying: "it has no subfolders")
  }

  @Test func aFolderWithAnythingBadInItLeavesTheEarlierModel() throws {
    let folder = try Self.trained()
    let before = try folder.bytes("model/model.safetensors")
    func expectRefusal(_ words: String, _ options: [String] = [], status: Int32 = 65) throws {
      let outcome = try Norma.run(
        ["train", "--data", "images:\(folder.path("data"))", "--epochs", "1", "--out", folder.path("model")] + options)
      expectFailure(outcome, status: status, saying: words)
      #expect(try folder.bytes("model/model.safetensors") == before)
    }
    try expectRefusal(
      "--augment crop:19: with 19 zeros around an image of 23 × 19", ["--augment", "crop:19"], status: 64)
    try Self.copy("small.png", to: "data/smooth/small.png", in: folder)
    try expectRefusal("--image-size")
    try folder.write("no image", to: "data/print/note.txt")
    try expectRefusal("note.txt", ["--image-size", "8"])
    try Self.copy("gray.png", to: "data/alone/a.png", in: folder)
    try expectRefusal("alone': the class has one image alone")
  }
}
