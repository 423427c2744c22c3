import ArgumentParser
import Norma
import NormaTerminal

extension NormalizationKind: ExpressibleByArgument {}
extension ActivationKind: ExpressibleByArgument {}
extension ResidualNetwork.Shortcut: ExpressibleByArgument {}

/// How running statistics take in a batch, as `--bn-rule` names it.
enum RunningStatisticsRule: String, ExpressibleByArgument, CaseIterable {
  case cumulativeFirst = "cumulative-first"
  case exponential, cumulative
}

/// Which network to build.
struct NetworkOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The network, one of MODELS. (default: mlp:100; mlp:100,100,100,100,100 for compare)", valueName: "name"
    ))
  var model: String?

  @Option(
    help: ArgumentHelp(
      "The nonlinearity; not for residual networks, which have relu. (default: relu)", valueName: "name"))
  var activation: ActivationKind?

  @Option(
    name: .customLong("init"),
    help: ArgumentHelp(
      "How weights start: normal:SCALE, xavier, xavier-uniform, kaiming, kaiming-uniform or fan-in. (default: kaiming; normal:0.02, a hard start, for compare with mlp)",
      valueName: "rule"))
  var initialization: String?

  @Option(
    help: ArgumentHelp(
      "The probability with which dropout keeps a unit in training; not for residual networks. (default: 1, no dropout)",
      valueName: "probability"))
  var keep: Double?

  @Option(
    help: ArgumentHelp(
      "Residual networks: what leads around a block that changes the shape, a convolution (the default) or channels of zeros.",
      valueName: "kind"))
  var shortcut: ResidualNetwork.Shortcut?

  @Option(
    help: ArgumentHelp(
      "How running statistics of batch normalization take in a batch: cumulative-first (batch n weighs 1/n until that is less than --bn-momentum, so that they are right from the first step), exponential (each weighs --bn-momentum, PyTorch's rule; what they start from fades slowly), cumulative (all weigh the same). (default: cumulative-first)",
      valueName: "rule"))
  var bnRule: RunningStatisticsRule?

  @Option(
    help: ArgumentHelp(
      "The weight of a new batch in running statistics, PyTorch's momentum; Keras's is one less this. (default: 0.1; where an epoch has fewer than ten steps, one by their number, at most 0.2)",
      valueName: "weight"))
  var bnMomentum: Double?

  @Option(
    help: ArgumentHelp(
      "What normalization adds to the variance before its root; for every kind of it. (default: 1e-5, or as torchvision's network has it)",
      valueName: "number"))
  var bnEpsilon: Double?

  @Option(
    help: ArgumentHelp(
      "With --norm renorm: over how many batches it goes from batch normalization to renormalization with r up to 3 and d up to 5. (default: half of those of the training)",
      valueName: "count"))
  var renormBatches: Int?

  @Flag(help: "Residual networks: let the last gamma of each block start at 0, so that blocks start by doing nothing.")
  var zeroGamma = false

  /// The models by name, for a command's help.
  static let models =
    "MODELS\n"
    + ModelArchitecture.forms.map { "  \($0.form.padded(toColumns: 29))  \($0.meaning)" }.joined(separator: "\n")

  func validate() throws {
    if let keep, !(keep > 0 && keep <= 1) {
      throw ValidationError("--keep takes a probability above 0 and up to 1, not \(keep).")
    }
    if let bnMomentum, !(bnMomentum > 0 && bnMomentum <= 1) {
      throw ValidationError("--bn-momentum takes a weight above 0 and up to 1, not \(bnMomentum).")
    }
    if let bnEpsilon, !(bnEpsilon > 0 && bnEpsilon <= 1) {
      throw ValidationError("--bn-epsilon takes a number above 0 and up to 1, not \(bnEpsilon).")
    }
    if let renormBatches, renormBatches < 0 {
      throw ValidationError("--renorm-batches takes a number from 0 on, not \(renormBatches).")
    }
    if bnRule == .cumulative && bnMomentum != nil {
      throw ValidationError("--bn-rule cumulative weighs all batches the same and has no --bn-momentum.")
    }
    _ = try architecture(normalization: nil)
  }

  /// Whether anything is said of the network.
  var isGiven: Bool {
    model != nil || activation != nil || initialization != nil || keep != nil || shortcut != nil || bnRule != nil
      || bnMomentum != nil || bnEpsilon != nil || renormBatches != nil || zeroGamma
  }

  /// Makes sure that what is said of running statistics is said of some, and a nonlinearity chosen where there is one.
  func check(normalizations: [NormalizationKind]) throws {
    guard normalizations.contains(where: \.keepsStatistics) || (bnRule == nil && bnMomentum == nil) else {
      throw ValidationError(
        "--bn-rule and --bn-momentum are about running statistics, and there are none here: add --norm batch.")
    }
    guard renormBatches == nil || normalizations.contains(.renorm) else {
      throw ValidationError("--renorm-batches is for batch renormalization, and there is none here: add --norm renorm.")
    }
    guard activation == nil || !normalizations.allSatisfy(\.bringsNonlinearity) else {
      throw ValidationError(
        "--activation goes with other normalizations: \(normalizations.map(\.words).joined(separator: ", ")) "
          + "\(normalizations.count == 1 ? "brings its" : "bring their") own nonlinearity.")
    }
  }

  /// The conventions of normalization, for a network that has conventions of its own.
  private func conventions(_ own: BatchNormalizationConventions) -> BatchNormalizationConventions {
    var conventions = BatchNormalizationConventions.norma
    let weight = bnMomentum ?? own.rule.weight(afterBatches: 1 << 30)
    conventions.rule =
      switch bnRule ?? .cumulativeFirst {
      case .cumulativeFirst: .cumulativeFirst(weight)
      case .exponential: .updating(weight)
      case .cumulative: .cumulative
      }
    conventions.epsilon = bnEpsilon ?? own.epsilon
    conventions.renormalization = renormBatches.map { .rising(overBatches: $0) }
    return conventions
  }

  /// The network for a training of some length, where nothing else was asked for: with running statistics that reach back no further than
  /// an epoch, since of fewer than ten steps an epoch each changes much, and the mean of ten would be of weights that are gone; and with
  /// renormalization that rises over half of the steps.
  func adjusted(
    _ architecture: ModelArchitecture, normalizations: [NormalizationKind], stepsPerEpoch: Int, epochs: Int
  ) -> ModelArchitecture {
    var adjusted = architecture
    if normalizations.contains(.renorm), renormBatches == nil {
      adjusted.recipe.conventions.renormalization = .rising(overBatches: stepsPerEpoch * epochs / 2)
    }
    guard bnMomentum == nil, bnRule == nil || bnRule == .cumulativeFirst, stepsPerEpoch < 10 else { return adjusted }
    adjusted.recipe.conventions.rule = .cumulativeFirst(min(0.2, 1 / Double(max(1, stepsPerEpoch))))
    return adjusted
  }

  /// The network with a normalization, its own unless one is given; `isHard`: whether one is compared that is hard to train without, deep and from a small
  /// start where neither was chosen.
  func architecture(
    normalization: NormalizationKind?, isHard: Bool = false
  ) throws -> ModelArchitecture {
    let choices = NetworkChoices(
      model: model ?? (isHard ? "mlp:100,100,100,100,100" : "mlp:100"), normalization: normalization,
      activation: activation, keep: keep, shortcut: shortcut,
      zeroGamma: zeroGamma)
    var architecture = try choices.architecture()
    architecture.recipe.conventions = conventions(architecture.recipe.conventions)
    if let initialization {
      architecture.recipe.initialization = try parseInitialization(initialization)
    } else if isHard, architecture.recipe is MultilayerPerceptron {
      architecture.recipe.initialization = .normal(scale: 0.02)
    }
    return architecture
  }

  private func parseInitialization(_ text: String) throws -> Initialization {
    let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
    switch (parts.first, parts.count) {
    case ("normal", 2):
      if let scale = Double(parts[1]), scale.isFinite, scale >= 0 { return .normal(scale: scale) }
    case ("xavier", 1): return .xavierNormal
    case ("xavier-uniform", 1): return .xavierUniform
    case ("kaiming", 1): return .kaimingNormal
    case ("kaiming-uniform", 1): return .kaimingUniform
    case ("fan-in", 1): return .fanInUniform
    default: break
    }
    throw ValidationError(
      "--init takes normal:SCALE (such as normal:0.02), xavier, xavier-uniform, kaiming, kaiming-uniform or fan-in, not '\(text)'."
    )
  }
}
