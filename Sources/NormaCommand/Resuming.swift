import Foundation
import Norma
import NormaTerminal

/// A training that was interrupted, as `norma train` saved it.
struct InterruptedTraining {
  let state: TrainingState<Float>
  /// The command line it was begun with, after `train`.
  let arguments: [String]
  private let settings: Checkpoint.Settings

  private static let argumentsKey = "norma.arguments"

  /// What `norma train` saves beside the state of the training itself. How it shows its work is said anew each time.
  static func notes(_ settings: Checkpoint.Settings, arguments: [String]) throws -> [String: String] {
    let arguments = ProcessOptions.removed(from: arguments).filter {
      !["--resume", "--overwrite", "--quiet", "--json"].contains($0)
    }
    return [Checkpoint.settingsKey: try settings.json, argumentsKey: try arguments.json]
  }

  /// The newest training in a folder that is whole, after telling of newer ones that are not; nil if there is none.
  init?(_ folder: TrainingStateFolder) throws {
    let found = try folder.latest(of: Float.self) { problem in
      Terminal.standardError.write("norma: \(problem) Going on from an earlier checkpoint.\n")
    }
    guard let found else { return nil }
    state = found
    guard let settings = try? Checkpoint.Settings(json: state.notes[Checkpoint.settingsKey] ?? ""),
      let arguments = try? [String](json: state.notes[Self.argumentsKey] ?? "")
    else {
      throw FormatError(
        file: folder.path, problem: "the training in it was not begun by `norma train`",
        remedy: "Go on with it in the program that began it.")
    }
    self.settings = settings
    self.arguments = arguments
  }

  /// Makes sure that what the options ask for is the training that was interrupted.
  func check(_ current: Checkpoint.Settings) throws(UsageError) {
    let differences = current.differences(from: settings) + current.training.differences(from: settings.training)
    guard differences.isEmpty else {
      let list = differences.map { "\(Self.options[$0.name] ?? $0.name) was \($0.saved), and is \($0.current)" }
      throw UsageError(
        """
        These are not the options of the training that was interrupted: \(list.joined(separator: "; ")). It was begun with \
        `\(reproducingCommand(["norma", "train"] + arguments))`. Leave out what differs to go on with it, or leave out \
        --resume to begin anew.
        """)
    }
    guard state.history.epochs.count < current.training.epochs || state.stepsOfEpoch == 0,
      state.history.epochs.count <= current.training.epochs
    else {
      throw UsageError(
        "The training that was interrupted is in \(state.position), beyond --epochs \(current.training.epochs).")
    }
  }

  /// By which option a setting is given.
  private static let options = [
    "batchSize": "--batch-size", "loss": "--loss", "optimizer": "--optimizer", "learningRate": "--learning-rate",
    "schedule": "--schedule, which --epochs and --warm-up are part of,", "l2Penalty": "--l2",
    "weightDecay": "--weight-decay", "groups": "--group", "clipping": "--clip-norm, --clip-value or --clip-adaptive,",
    "averaging": "--average", "microBatches": "--micro-batches", "sharesMoments": "--joint-moments",
    "ghostSize": "--ghost-batch", "shards": "--shards", "mixup": "--mixup", "cutmix": "--cutmix",
    "dropsLastBatch": "--drop-last",
    "monitor": "--monitor", "patience": "--patience",
    "classWeights": "--class-weights",
    "augmentation": "--augment", "seed": "--seed",
  ]
}

extension TrainingState {
  /// Where the training goes on, in words.
  var position: String { "epoch \(epoch)\(stepsOfEpoch > 0 ? ", after step \(stepsOfEpoch)" : "")" }
}

extension Checkpoint.Settings {
  /// What the network and the data differ in, training left aside.
  fileprivate func differences(from saved: Checkpoint.Settings) -> [TrainingDifference] {
    func words(_ settings: Checkpoint.Settings) -> [(name: String, value: String)] {
      let recipe = settings.architecture.recipe
      let feedForward = recipe as? any FeedForwardRecipe
      let residual = recipe as? ResidualNetwork
      let data = settings.data
      return [
        ("--model", settings.architecture.description), ("--norm", settings.architecture.recipe.normalization.rawValue),
        ("--init", "\(settings.architecture.recipe.initialization)"),
        ("--bn-rule, with --bn-momentum and --bn-epsilon,", ConventionReport.words(recipe.conventions)),
        ("--activation", feedForward.map(\.activation.rawValue) ?? ""),
        ("--keep", feedForward.map { "\($0.keepProbability)" } ?? ""),
        ("--shortcut", residual.map(\.shortcut.rawValue) ?? ""),
        ("--zero-gamma", residual.map { "\($0.startsAtIdentity)" } ?? ""),
        ("--data", data.source), ("--label", data.labelColumn ?? "the last column"),
        ("--header", data.hasHeader.map { "\($0)" } ?? "found out"),
        ("the number of examples for --validation", "\(data.validationCount)"),
        ("the shape of the examples", "\(Shape(settings.exampleShape))"),
        ("--image-resize", settings.shorterSide.map { "\($0)" } ?? "none"),
        ("--standardize", settings.standardization.map { $0.mode.rawValue } ?? "none"),
        ("--standardize-target", "\(settings.targetStandardization != nil)"),
        ("--separator", data.separator ?? "found out"), ("--decimal", data.decimalMark ?? "found out"),
        ("the columns of the table", settings.encoding?.columns.map(\.words).joined(separator: ", ") ?? "none"),
      ]
    }
    let found = zip(words(saved), words(self)).filter { $0.value != $1.value }
      .map { TrainingDifference(name: $0.name, saved: $0.value, current: $1.value) }
    guard found.isEmpty, architecture != saved.architecture else { return found }
    func json(_ architecture: ModelArchitecture) -> String { (try? architecture.sortedJSON) ?? "\(architecture)" }
    return [TrainingDifference(name: "the network", saved: json(saved.architecture), current: json(architecture))]
  }
}

extension TableEncoding.Column {
  /// The column in words: its name, what it holds, and how many features it becomes.
  var words: String {
    let name = name ?? "\(position + 1)"
    return kind == .number && !marksGaps ? name : "\(name) (\(kind.rawValue), \(featureCount))"
  }
}
