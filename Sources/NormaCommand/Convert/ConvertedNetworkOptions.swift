import ArgumentParser
import Norma

/// Which network a state dictionary is of.
struct ConvertedNetworkOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The network, one of MODELS.", valueName: "name"))
  var model: String?

  @Option(
    help: ArgumentHelp(
      "The network, and all that is known of it but its numbers, from a model of norma's.", valueName: "model"))
  var like: String?

  @Option(help: ArgumentHelp("As for train. (default: batch, or as the network was published)", valueName: "name"))
  var norm: NormalizationKind?

  @Option(help: ArgumentHelp("As for train. (default: relu)", valueName: "name"))
  var activation: ActivationKind?

  @Option(help: ArgumentHelp("As for train. (default: 1, no dropout)", valueName: "probability"))
  var keep: Double?

  @Option(help: ArgumentHelp("As for train. (default: projection)", valueName: "kind"))
  var shortcut: ResidualNetwork.Shortcut?

  @Option(
    help: ArgumentHelp(
      "What a sample is: 64 for so many features, 32x32x3 for images of so many rows, columns and channels. (default: the first layer's features, for mlp)",
      valueName: "lengths"))
  var shape: String?

  @Option(
    help: ArgumentHelp("What the classes are called, separated by commas. (default: numbers)", valueName: "names"))
  var classes: String?

  @Flag(help: "The outputs are numbers rather than classes.")
  var regression = false

  @OptionGroup var given: GivenStandardization

  @Option(
    help: ArgumentHelp(
      "What normalization adds to the variance, where it is other than by --conventions. (default: theirs)",
      valueName: "number"))
  var epsilon: Double?

  /// What is said of `--mean` and `--scale`.
  private var mean: String? { given.mean }
  private var scale: String? { given.scale }
  /// Whether a network is named.
  var isGiven: Bool { model != nil || like != nil }
  /// Whether something is said of samples and outputs, which a network of an ONNX model has too.
  var saysOfSamples: Bool { shape != nil || classes != nil || mean != nil || scale != nil || regression }

  /// Whether something is said that the outputs or the shape of samples of a network are named by.
  var namesSamples: Bool { shape != nil || classes != nil || regression }
  /// Whether something is said that a model can be changed by: its standardization or its epsilon.
  var mendsModels: Bool { model == nil && like == nil && (mean != nil || scale != nil || epsilon != nil) }

  /// Nothing is said.
  static var none: ConvertedNetworkOptions { (try? parse([])) ?? ConvertedNetworkOptions() }

  /// The shape of a sample, if it is said.
  func sampleShape() throws -> Shape? { try shape.map { Shape(try lengths($0)) } }

  func validate() throws {
    if let keep, !(keep > 0 && keep <= 1) {
      throw ValidationError("--keep takes a probability above 0 and up to 1, not \(keep).")
    }
    guard model == nil || like == nil else { throw ValidationError("--model and --like are two ways to say the same.") }
    let others: [Any?] = [norm, activation, keep, shortcut]
    if model == nil, others.contains(where: { $0 != nil }) {
      throw ValidationError("--norm, --activation, --keep and --shortcut go with --model.")
    }
    guard like == nil || !saysOfSamples else {
      throw ValidationError("--like says what --shape, --classes, --regression, --mean and --scale do.")
    }
    guard !regression || classes == nil else { throw ValidationError("--regression has no --classes.") }
    if let epsilon, !(epsilon > 0 && epsilon < 1) {
      throw ValidationError("--epsilon takes a number above 0 and below 1, not \(epsilon).")
    }
    if model != nil { _ = try architecture() }
    if let shape { _ = try lengths(shape) }
  }

  /// The network that `--model` names.
  func architecture() throws -> ModelArchitecture {
    try NetworkChoices(
      model: model ?? "", normalization: norm, activation: activation, keep: keep, shortcut: shortcut
    ).architecture()
  }

  /// Everything but the tensors of a model that learned what a state dictionary holds.
  func settings(of dictionary: StateDictionary, from file: String) throws -> Checkpoint.Settings {
    if let like {
      var settings = try Checkpoint(contentsOf: modelFile(like)).settings
      settings.history = TrainingHistory()
      return settings
    }
    let architecture = try architecture()
    let exampleShape = try shape.map(lengths) ?? featureShape(dictionary, architecture, file)
    let count = try architecture.outputCount(of: dictionary, exampleShape: Shape(exampleShape), file: file)
    return try settings(of: architecture, exampleShape: exampleShape, outputCount: count, from: file)
  }

  /// Everything but the tensors of a network whose samples and outputs are known.
  func settings(
    of architecture: ModelArchitecture, exampleShape: [Int], outputCount: Int, from file: String
  ) throws -> Checkpoint.Settings {
    let names = classes?.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    if let names, names.count != outputCount {
      throw UsageError("--classes names \(names.count) classes, and the network has \(outputCount) outputs.")
    }
    // A single output is no class among others.
    let isOfValues = regression || outputCount == 1 && names == nil && !isGiven
    return Checkpoint.Settings(
      convertedFrom: file, architecture: architecture, exampleShape: exampleShape,
      outputs: isOfValues
        ? .values(count: outputCount) : .classes(names: names ?? (0..<outputCount).map(String.init)),
      standardization: try given.standardization(exampleShape))
  }

  /// The features that the first linear layer takes.
  private func featureShape(
    _ dictionary: StateDictionary, _ architecture: ModelArchitecture, _ file: String
  ) throws -> [Int] {
    guard !architecture.recipe.takesImages else {
      throw UsageError("\(architecture) takes images: say of what size, such as --shape 32x32x3.")
    }
    // Layers stand in the order of their names.
    let first = dictionary.entries.filter { $0.value.shape.rank == 2 }
      .min { $0.key.compare($1.key, options: .numeric) == .orderedAscending }
    guard let first else {
      throw FormatError(
        file: file, problem: "it holds no weights of a linear layer", remedy: "A state dictionary is needed.")
    }
    return [first.value.shape[1]]
  }

  private func lengths(_ text: String) throws -> [Int] {
    let parts = text.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
    guard parts.count == 1 || parts.count == 3, parts.allSatisfy({ (1...ModelArchitecture.maximumWidth).contains($0) })
    else {
      throw ValidationError(
        "--shape takes features or rows, columns and channels, such as 64 or 32x32x3, not '\(text)'.")
    }
    return parts
  }
}

extension ModelArchitecture {
  /// How many outputs a network has whose numbers a state dictionary holds: what those tensors say whose shapes depend on it.
  func outputCount(of dictionary: StateDictionary, exampleShape: Shape, file: String) throws -> Int {
    func shapes(_ outputCount: Int) throws -> [String: Shape] {
      let network: Sequential<Float> = try recipe.build(
        sampleShape: exampleShape, outputCount: outputCount, random: RandomGenerator(seed: 0))
      return network.stateShapes.tensors
    }
    let (two, three) = (try shapes(2), try shapes(3))
    let names = two.keys.filter { two[$0] != three[$0] }.sorted()
    for name in names {
      guard let shape = two[name], let axis = shape.indices.first(where: { shape[$0] != three[name]?[$0] }) else {
        continue
      }
      // The names may begin with something that all of them begin with: the shortest is the network's own.
      let entries = dictionary.entries.filter { $0.key == name || $0.key.hasSuffix("." + name) }
        .sorted { ($0.key.count, $0.key) < ($1.key.count, $1.key) }.map(\.value)
      for entry in entries where entry.shape.rank == shape.rank && entry.shape[axis] > 0 { return entry.shape[axis] }
    }
    throw FormatError(
      file: file, problem: "it has no '\(names.last ?? "")', which says how many outputs \(self) has",
      remedy: "Say which network it is of with --model and what goes with it, or with --like.")
  }
}
