import Foundation
import Norma
import TestSupport
import Testing

/// `norma convert`, on state dictionaries that PyTorch wrote (`Tests/Fixtures/make_conversion_fixtures.py`).
struct ConvertTests {
  private struct Answer: Decodable {
    var file: String
    var kind: String
    var network: String?
    var tensorCount: Int
    var remarks: [String]
  }

  private static func fixture(_ name: String) -> String {
    fixturesDirectory.appending(path: "conversion").appending(path: name).path
  }

  private static let convnet = ["--model", "convnet:5x3,7", "--shape", "6x8x3"]

  /// Makes sure that a run went well, and gives what it said on standard error.
  @discardableResult
  private func run(_ arguments: [String], sourceLocation: SourceLocation = #_sourceLocation) throws -> String {
    let outcome = try Norma.run(["convert"] + arguments)
    #expect(outcome.status == 0, "\(outcome.error)", sourceLocation: sourceLocation)
    return outcome.error
  }

  @Test(arguments: ["convnet.safetensors", "convnet.npz"])
  func aStateDictionaryBecomesAModelAndComesBackByteForByte(name: String) throws {
    let folder = try Folder()
    let (model, back) = (folder.path("model.safetensors"), folder.path("back.\(name.split(separator: ".")[1])"))
    let said = try run([Self.fixture(name), "-o", model] + Self.convnet)
    #expect(said.contains("PyTorch's are supposed: epsilon 1e-05, a new batch weighs 0.1, unbiased variance."))
    #expect(try run([model, "-o", back]) == "")
    if name.hasSuffix("npz") {
      #expect(try NumPyArchive(contentsOf: back) == NumPyArchive(contentsOf: Self.fixture(name)))
    } else {
      #expect(try FileAccess.read(back) == FileAccess.read(Self.fixture(name)))
    }
    let checkpoint = try Checkpoint(contentsOf: model)
    #expect(checkpoint.settings.isConverted && checkpoint.settings.exampleShape == [6, 8, 3])
    #expect(checkpoint.settings.outputs == .classes(names: ["0", "1", "2", "3"]))
    #expect(try folder.names().count == 2)
  }

  @Test func aConvertedModelSaysWhereItIsFromAndTakesAnyData() throws {
    let folder = try Folder()
    let model = folder.path("model.safetensors")
    let said = try run([
      Self.fixture("mlp_biased.safetensors"), "-o", model, "--model", "mlp:12,9", "--keep", "0.75", "--classes",
      "a,b,c,d", "--mean", "1,2,3,4,5,6,7,8,9,10", "--scale", "2", "--conventions", "keras", "--epsilon", "0.01",
    ])
    #expect(said.contains("the normalization after it cancels '4.bias', so it was subtracted from '5.running_mean'."))
    #expect(!said.contains("supposed"))
    let checkpoint = try Checkpoint(contentsOf: model)
    var conventions = BatchNormalizationConventions.keras
    conventions.epsilon = 0.01
    #expect(checkpoint.settings.architecture.recipe.conventions == conventions)
    #expect(checkpoint.standardization?.mean.elements == (1...10).map { Float($0) })
    #expect(checkpoint.standardization?.scale.elements == [Float](repeating: 2, count: 10))
    let listing = try Norma.run(["inspect", model])
    #expect(listing.output.contains("from \(Self.fixture("mlp_biased.safetensors"))"))
    #expect(
      listing.output.contains("epsilon 0.01, the old statistics weigh 0.99, biased variance: no framework's defaults"))
    #expect(!listing.output.contains("Optimizer"))
    expectFailure(try Norma.run(["evaluate", model]), status: 64, saying: "--data")
    let row = (1...10).map(String.init).joined(separator: ",")
    let rows = try folder.write(["a", "b", "c", "d"].map { "\(row),\($0)\n" }.joined(), to: "rows.csv")
    let evaluation = try Norma.run(["evaluate", model, "--data", "csv:\(rows)"])
    #expect(evaluation.status == 0, "\(evaluation.error)")
    #expect(evaluation.output.contains("accuracy 25.0%"))
  }

  @Test func aModelGoesToPyTorchAndComesBackAsItWas() throws {
    let trained = try CheckpointTests.trainDigits()
    let (state, back) = (trained.path("state.safetensors"), trained.path("back.safetensors"))
    let said = try run([trained.path("model"), "-o", state])
    #expect(said.contains("standardized samples"))
    #expect(try Safetensors(contentsOf: state).metadata.keys.sorted() == ["format", "standardization"])
    try run([state, "--like", trained.path("model"), "-o", back])
    let (original, copy) = (
      try Checkpoint(contentsOf: trained.path("model/model.safetensors")), try Checkpoint(contentsOf: back)
    )
    #expect(copy.state == original.state)
    #expect(copy.standardization == original.standardization)
    #expect(try Norma.run(["evaluate", back]).output == Norma.run(["evaluate", trained.path("model")]).output)
    // Who knows in what batches it was trained elsewhere.
    let keras = trained.path("keras.safetensors")
    let words = try run([back, "--to", "norma", "--conventions", "keras", "-o", keras])
    #expect(words.contains("Running variances stay unbiased") && words.contains("(N-1)/N times as large"))
    #expect(try Checkpoint(contentsOf: keras).state == original.state)
    #expect(try Norma.run(["inspect", back]).output.contains("(N-1)/N times"))
  }

  @Test(arguments: HalfPrecision.allCases) func weightsAreRoundedToHalfWidthAndReadBack(type: HalfPrecision) throws {
    let folder = try Folder()
    let (model, half, back) = (
      folder.path("model.safetensors"), folder.path("half.safetensors"), folder.path("back.safetensors")
    )
    try run([Self.fixture("convnet.safetensors"), "-o", model] + Self.convnet)
    try run([model, "--type", type.rawValue, "-o", half])
    let (whole, rounded) = (
      try Safetensors(contentsOf: Self.fixture("convnet.safetensors")), try Safetensors(contentsOf: half)
    )
    for (name, entry) in whole.entries {
      let found = try #require(rounded.entries[name])
      guard case .float(let tensor) = entry else {
        #expect(found == entry)
        continue
      }
      #expect(found.halfWidth == tensor.rounded(to: type))
    }
    // A model takes the rounded numbers.
    try run([half, "--like", model, "-o", back])
    for (name, tensor) in try Checkpoint(contentsOf: model).state.tensors {
      let expected: Tensor<Float> = tensor.rounded(to: type).widened()
      #expect(try Checkpoint(contentsOf: back).state.tensors[name] == expected)
    }
  }

  @Test func whatHalfWidthCannotHoldIsRefused() throws {
    let folder = try Folder()
    let path = folder.path("large.safetensors")
    try Safetensors(entries: ["x": .float(Tensor([1, 70_000])), "n": .integers([1 << 40], shape: [1])]).write(to: path)
    let outcome = try Norma.run(["convert", path, "--type", "float16", "-o", folder.path("y.safetensors")])
    expectFailure(
      outcome, status: 64, saying: "'x' holds 70000.0, which is beyond the largest float16; take --type bfloat16.")
    try run([path, "--type", "bfloat16", "-o", folder.path("y.safetensors")])
    let converted = try Safetensors(contentsOf: folder.path("y.safetensors"))
    #expect(converted.entries["n"] == .integers([1 << 40], shape: [1]))
    #expect(converted.entries["x"]?.elementType == .bfloat16)
    expectFailure(
      try Norma.run(["convert", path, "--type", "bfloat16", "-o", folder.path("y.npz")]), status: 64,
      saying: "NumPy has no bfloat16")
    expectFailure(
      try Norma.run(["convert", path, "--type", "bfloat16", "--to", "norma", "-o", folder.path("y.safetensors")]),
      status: 64, saying: "A model's numbers are float32")
  }

  @Test func conventionsAreConvertedThereAndBackAndSaidToBe() throws {
    let trained = try CheckpointTests.trainDigits()
    let (keras, back) = (trained.path("keras.safetensors"), trained.path("back.safetensors"))
    let said = try run([trained.path("model"), "--to", "norma", "--conventions", "keras", "-o", keras])
    #expect(said.contains("were multiplied by 0.98 for batches of N = 50 values a channel; not exact for the last"))
    let (original, converted) = (
      try Checkpoint(contentsOf: trained.path("model/model.safetensors")), try Checkpoint(contentsOf: keras)
    )
    #expect(
      converted.settings.architecture.recipe.conventions == BatchNormalizationConventions.norma.expressed(in: .keras))
    #expect(converted.state.tensors["1.running_mean"] == original.state.tensors["1.running_mean"])
    #expect(converted.state.tensors["1.running_var"] != original.state.tensors["1.running_var"])

    let toPyTorch = try run([keras, "-o", trained.path("state.safetensors")])
    #expect(toPyTorch.contains("larger by the factor 1.02041 for batches of N = 50 values a channel"))
    try run([keras, "--to", "norma", "--conventions", "pytorch", "-o", back])
    let again = try Checkpoint(contentsOf: back)
    #expect(again.settings == original.settings)
    let (before, after) = (original.state.tensors["1.running_var"], again.state.tensors["1.running_var"])
    // There and back each number is rounded twice.
    #expect(relativeError(try #require(before), try #require(after)) < 4 * Float.unitRoundoff)
  }

  @Test func inspectShowsConventionsInTheWordsOfOthers() throws {
    struct Row: Decodable, Equatable {
      var framework: String
      var arguments: String?
      var estimator: String
      var leastFactor: Double?
      var greatestFactor: Double?
    }
    struct Listing: Decodable { var conventions: [Row]? }
    let trained = try CheckpointTests.trainDigits()
    let listing: Listing = try Norma.run(["inspect", trained.path("model"), "--json"]).json()
    #expect(
      listing.conventions == [
        Row(
          framework: "PyTorch", arguments: "eps=1e-05, momentum=0.1", estimator: "unbiased", leastFactor: 1,
          greatestFactor: 1),
        Row(
          framework: "Keras", arguments: "epsilon=1e-05, momentum=0.9", estimator: "biased", leastFactor: 0.98,
          greatestFactor: 0.98),
        Row(
          framework: "ONNX", arguments: "epsilon=1e-05, momentum=0.9", estimator: "biased", leastFactor: 0.98,
          greatestFactor: 0.98),
        Row(
          framework: "CS231n", arguments: "eps=1e-05, momentum=0.9", estimator: "biased", leastFactor: 0.98,
          greatestFactor: 0.98),
        Row(
          framework: "MLX", arguments: "eps=1e-05, momentum=0.1", estimator: "biased", leastFactor: 0.98,
          greatestFactor: 0.98),
      ])
    let text = try Norma.run(["inspect", trained.path("model")]).output
    #expect(text.contains("unbiased variance: PyTorch's, but for the first batches\n") && text.contains("0.98 times"))
    let foreign = try Norma.run(["inspect", Self.fixture("mlp.safetensors")]).output
    #expect(foreign.contains("not in the file"))
  }

  @Test func tensorsAreCopiedFromFormatToFormat() throws {
    let folder = try Folder()
    var file = Safetensors()
    file.metadata["made by"] = "someone"
    file.entries["a"] = .float(Tensor([1, 2, 3, 6], shape: [2, 2]))
    file.entries["b"] = .integers([7, 8], shape: [2])
    let path = folder.path("x.safetensors")
    try file.write(to: path)
    try run([path, "-o", folder.path("x.npz")])
    try run([folder.path("x.npz"), "-o", folder.path("y.safetensors")])
    try run([path, "-o", folder.path("z.safetensors")])
    #expect(try Safetensors(contentsOf: folder.path("y.safetensors")).entries == file.entries)
    #expect(try FileAccess.read(folder.path("z.safetensors")) == FileAccess.read(path))
    let listing = try Norma.run(["inspect", folder.path("x.npz")])
    #expect(listing.status == 0 && listing.output.contains("3.0000"))

    expectFailure(try Norma.run(["convert", path, "-o", folder.path("x.npy")]), status: 64, saying: "one array")
    file.entries["b"] = nil
    try file.write(to: path)
    try run([path, "-o", folder.path("x.npy")])
    let answer: Answer = try Norma.run(["convert", folder.path("x.npy"), "-o", folder.path("w.npz"), "--json"]).json()
    #expect(answer.kind == "tensors" && answer.tensorCount == 1 && answer.remarks.isEmpty && answer.network == nil)
    #expect(try NumPyArchive(contentsOf: folder.path("w.npz")).entries == ["x": file.entries["a"]])
  }

  @Test func allThatDoesNotFitIsListedAtOnce() throws {
    let folder = try Folder()
    let outcome = try Norma.run(
      ["convert", Self.fixture("mlp.safetensors"), "--model", "mlp:12", "-o", folder.path("x.safetensors")])
    expectFailure(outcome, status: 65, saying: "it is no state of mlp:12 with batch normalization")
    for words in [
      "'3.bias' of shape [9] is missing", "the model has no '4.weight'", "the model has no '6.bias'",
      "the model has no '4.num_batches_tracked'",
    ] { #expect(outcome.error.contains(words), "\(words)") }
    #expect(try folder.names().isEmpty)
  }

  private static func pyTorch(_ name: String) -> String {
    fixturesDirectory.appending(path: "pytorch").appending(path: name).path
  }

  @Test func aFileOfPyTorchBecomesTensorsOrAModelAndNothingOfItIsRun() throws {
    let folder = try Folder()
    let tensors = folder.path("x.safetensors")
    #expect(
      try run([Self.pyTorch("checkpoint.pt"), "-o", tensors]).contains(
        "the state dictionary stands under 'model_state_dict'"))
    #expect(try Safetensors(contentsOf: tensors).entries.count == 7)
    let model = folder.path("model.safetensors")
    // A network of one linear layer and a normalization has no name here; what is missing is said.
    let refused = try Norma.run(["convert", Self.pyTorch("checkpoint.pt"), "-o", model, "--model", "mlp:2"])
    expectFailure(refused, status: 65, saying: "it has no '3.weight', which says how many outputs mlp:2 has")
    let two = try Norma.run(["convert", Self.pyTorch("two.pt"), "-o", tensors])
    expectFailure(two, status: 65, saying: "it holds 2 dictionaries of tensors: 'averaged', 'model'")
    #expect(
      try run([Self.pyTorch("two.pt"), "-o", tensors, "--dictionary", "model"]).contains(
        "'note', 'none' are no tensors, and were left out"))
    let called = try Norma.run(
      ["convert", Self.pyTorch("system.pt"), "-o", model, "--model", "mlp:2"], directory: folder.url)
    expectFailure(called, status: 65, saying: "it would have to call 'posix.system'")
    #expect(try folder.names() == ["x.safetensors"])
    let other = try Norma.run(["evaluate", Self.pyTorch("state.pt"), "--data", "digits"])
    expectFailure(other, status: 65, saying: "it is a PyTorch file")
  }

  @Test func theTensorsOfAFileOfPyTorchAreListed() throws {
    let outcome = try Norma.run(["inspect", Self.pyTorch("state.pt")])
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(outcome.output.contains("channels_last"))
    #expect(try Norma.run(["inspect", Self.pyTorch("two.pt"), "--dictionary", "averaged"]).status == 0)
  }

  @Test(arguments: [
    (["x.txt"], "-o takes a file that ends in"), (["x.npz", "--model", "mlp:12,9"], "A model is a .safetensors file"),
    (["x.npz", "--to", "norma"], "A model is a .safetensors file"),
    (["x.safetensors", "--to", "norma"], "--model or --like"),
    (["x.safetensors", "--to", "pytorch"], "no model of norma's"),
    (["x.safetensors", "--to", "pytorch", "--model", "mlp:12,9"], "leave out --to pytorch"),
    (["x.safetensors", "--model", "mlp:12,9", "--like", "y"], "two ways to say the same"),
    (["x.safetensors", "--norm", "layer"], "go with --model"),
    (["x.safetensors", "--conventions", "keras"], "for models"),
    (["x.safetensors", "--model", "convnet"], "--shape"),
    (["x.safetensors", "--model", "nothing"], "there is no model"),
    (["x.safetensors", "--model", "mlp:12,9", "--shape", "32x32"], "--shape takes"),
    (["x.safetensors", "--model", "mlp:12,9", "--shape", "0"], "--shape takes"),
    (["x.safetensors", "--model", "mlp:12,9", "--classes", "a,b"], "4 outputs"),
    (["x.safetensors", "--model", "mlp:12,9", "--classes", "a,b", "--regression"], "--regression has no --classes"),
    (["x.safetensors", "--model", "mlp:12,9", "--scale", "0"], "--scale takes numbers"),
    (["x.safetensors", "--model", "mlp:12,9", "--mean", "1,2"], "or 10: samples of shape [10]"),
    (["x.safetensors", "--model", "mlp:12,9", "--keep", "0"], "--keep takes"),
    (["x.safetensors", "--model", "mlp:12,9", "--epsilon", "0"], "--epsilon takes"),
    (["x.safetensors", "--model", "mlp:12,9", "--norm", "layer", "--conventions", "mlx"], "no batch normalization"),
    (["x.safetensors", "--model", "resnet20", "--keep", "0.5"], "not for residual networks"),
  ])
  func wrongUsageIsSaid(arguments: [String], words: String) throws {
    let folder = try Folder()
    let outcome = try Norma.run(
      ["convert", Self.fixture("mlp.safetensors"), "-o", folder.path(arguments[0])] + arguments.dropFirst())
    #expect(outcome.status == 64 && outcome.output == "")
    #expect(outcome.error.contains(words), "\(outcome.error)")
    #expect(try folder.names().isEmpty)
  }

  @Test func filesThatCannotBeReadOrWrittenAreSaidToBe() throws {
    let folder = try Folder()
    expectFailure(
      try Norma.run(["convert", folder.path("no.npz"), "-o", folder.path("x.npz")]), status: 74, saying: "no.npz")
    let source = Self.fixture("mlp.safetensors")
    expectFailure(try Norma.run(["convert", source, "-o", folder.path("no/x.npz")]), status: 74, saying: "no/x.npz")
    let cut = try folder.write(try FileAccess.read(source).dropLast(), to: "cut.safetensors")
    expectFailure(try Norma.run(["convert", cut, "-o", folder.path("x.npz")]), status: 65, saying: "cut off")
    let trained = try CheckpointTests.trainDigits()
    expectFailure(
      try Norma.run(["convert", trained.path("model"), "--model", "mlp:4", "-o", folder.path("x.safetensors")]),
      status: 64,
      saying: "knows its network")
  }
}
