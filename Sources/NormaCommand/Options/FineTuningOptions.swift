import ArgumentParser
import Norma
import NormaTerminal

/// A model that is trained further, and what of it is left as it is.
struct FineTuningOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Train this model further instead of a new one: a model.safetensors, the folder it is in, or an ONNX model; or the network of --model from a state dictionary of PyTorch's (.pt, .safetensors or .npz), the data being standardized by themselves. Features are prepared as it is used to. Where the data have other classes, or another count of numbers to predict, its last layer with parameters, the head, is drawn anew.",
      valueName: "model"))
  var from: String?

  @Option(
    help: ArgumentHelp(
      "Leave the parameters of --from as they are whose names, as norma inspect shows them, a pattern means: 0 means 0.weight too, * stands for anything, and '*' for all. A head that is drawn anew is trained all the same. May be given several times.",
      valueName: "pattern"))
  var freeze: [String] = []

  @Option(
    help: ArgumentHelp(
      "Leave the running statistics of layers of --from as they are whose names a pattern means, and normalize by them in training too. May be given several times.",
      valueName: "pattern"))
  var freezeStatistics: [String] = []

  @Option(
    help: ArgumentHelp(
      "Of a .pt file in --from that holds several dictionaries of tensors: which one. (default: the only one)",
      valueName: "name"))
  var dictionary: String?

  @Option(
    help: ArgumentHelp(
      "Train the last layer with parameters of --from at so many times the learning rate.", valueName: "factor"))
  var headRate: Double?

  func validate() throws {
    guard from != nil || (freeze.isEmpty && freezeStatistics.isEmpty && headRate == nil && dictionary == nil) else {
      throw ValidationError(
        "--freeze, --freeze-statistics, --head-rate and --dictionary are about a model: add --from.")
    }
    if let headRate, !(headRate > 0 && headRate.isFinite) {
      throw ValidationError("--head-rate takes a number above 0, not \(headRate).")
    }
  }

  /// The model that is trained further; nil where a new one is.
  func baseModel() throws -> BaseModel? {
    try from.map { BaseModel(try savedModel($0).checkpoint, name: $0, self) }
  }

  /// The state dictionary that is trained further; nil where none is, but a model.
  func stateDictionary() throws -> StateDictionary? {
    guard let from else { return nil }
    let file = try modelFile(from, kinds: [.safetensors, .npz, .pyTorch, .onnx])
    guard try FileKind(ofFile: file) != .onnx else { return nil }
    guard try TensorReader(contentsOf: file, dictionary: dictionary).metadata[Checkpoint.settingsKey] == nil else {
      return nil
    }
    return try StateDictionary(contentsOf: file, dictionary: dictionary)
  }

  /// The model of a state dictionary, for data that it is to learn.
  ///
  /// - Throws: `FormatError` where it is no state of the network.
  func baseModel(
    of dictionary: StateDictionary, _ architecture: ModelArchitecture, for data: DataSplits
  ) throws -> BaseModel {
    let name = from ?? ""
    let shape = data.training.exampleShape
    let count = try architecture.outputCount(of: dictionary, exampleShape: shape, file: name)
    let outputs = Checkpoint.Outputs(of: data.training)
    let settings = Checkpoint.Settings(
      convertedFrom: name, architecture: architecture, exampleShape: Array(shape),
      // As many classes as there are here are taken for these.
      outputs: outputs.count == count ? outputs : .classes(names: (0..<count).map(String.init)), standardization: nil)
    do {
      let (checkpoint, remarks) = try Checkpoint.importing(dictionary, settings: settings)
      try checkpoint.checkNumbers(file: name)
      let words =
        Conversion.words(remarks).map { "In '\(name)' \($0)." }
        + Conversion.supposedWords(architecture.recipe, areConventionsGiven: false)
      for words in words { remark(words) }
      return BaseModel(checkpoint, name: name, self)
    } catch let error as ModelStateError {
      throw FormatError(
        file: name, problem: "it is no state of \(architecture) for samples of shape \(shape):\n\(error)",
        remedy: "Say which network it is of with --model and what goes with it.")
    }
  }
}

/// A model that is trained further.
struct BaseModel {
  let checkpoint: Checkpoint
  private let name: String
  private let options: FineTuningOptions

  init(_ checkpoint: Checkpoint, name: String, _ options: FineTuningOptions) {
    (self.checkpoint, self.name, self.options) = (checkpoint, name, options)
  }

  /// What is done to data before the model sees them. Numbers that it does not know are standardized anew.
  func preparation(for data: RawData) -> Preparation {
    var preparation = checkpoint.preparation
    guard case .values(let values) = data.training.targets,
      checkpoint.settings.outputs == .values(count: values.shape.channelCount)
    else {
      preparation.targetStandardization = nil
      return preparation
    }
    return preparation
  }

  /// Gives a network of the model's architecture what the model has learned, but for a head that has to say something else, and freezes
  /// what is to stay.
  ///
  /// - Returns: what was done, in words, and what the head is trained by.
  func prepare(
    _ network: Sequential<Float>, outputs: Checkpoint.Outputs, exampleShape: Shape
  ) throws -> (words: String, group: ParameterGroup?) {
    guard Array(exampleShape) == checkpoint.settings.exampleShape else {
      throw UsageError(
        "The model '\(name)' takes examples of shape \(Shape(checkpoint.settings.exampleShape)), and these have shape \(exampleShape)."
      )
    }
    guard let head = network.head else { throw UsageError("The model '\(name)' has no parameters to train.") }
    let keepsHead = outputs == checkpoint.settings.outputs
    var state = checkpoint.state
    if !keepsHead {
      state.tensors = state.tensors.filter { !head.matches($0.key) }
      state.counts = state.counts.filter { !head.matches($0.key) }
    }
    network.loadWhatFits(state)
    for pattern in options.freeze {
      guard !network.freeze(NamePattern(pattern)).isEmpty else {
        throw UsageError(
          "--freeze \(pattern): no parameter of '\(name)' is named so; `norma inspect` shows their names.")
      }
    }
    if !keepsHead { network.unfreeze(head) }
    let frozen = network.frozen.parameters.count
    guard frozen < network.namedParameters.count else {
      throw UsageError("--freeze leaves nothing to train: the head of '\(name)' has these very outputs already.")
    }
    for pattern in options.freezeStatistics {
      guard !network.freezeStatistics(NamePattern(pattern)).isEmpty else {
        throw UsageError(
          "--freeze-statistics \(pattern): no layer of '\(name)' with running statistics is named so; `norma inspect` shows their names."
        )
      }
    }
    let statistics = network.frozen.statistics.count
    let parts = [
      keepsHead ? "its head is kept" : "its head '\(head)' is new, for \(outputs.count) outputs",
      frozen > 0 ? "\(frozen) of \(network.namedParameters.count) tensors are frozen" : nil,
      statistics > 0 ? "the running statistics of \(statistics) layer\(statistics == 1 ? "" : "s") are frozen" : nil,
    ]
    return (
      "Going on from '\(name)': \(parts.compactMap(\.self).joined(separator: ", ")).",
      options.headRate.map { ParameterGroup(head, learningRateFactor: $0) }
    )
  }
}

extension Layer {
  /// The last layer that has parameters.
  fileprivate var head: NamePattern? {
    distinctLayers.last { !$0.layer.parameters.isEmpty }.map { NamePattern($0.path) }
  }
}
