import ArgumentParser
import Norma
import NormaTerminal

extension NormalizationKind: ExpressibleByArgument {}
extension ActivationKind: ExpressibleByArgument {}
extension ResidualNetwork.Shortcut: ExpressibleByArgument {}

/// Which network to build.
struct NetworkOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The network, one of MODELS above.", valueName: "name"))
  var model = "mlp:100,100,100,100,100"

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

  @Flag(help: "Residual networks: let the last gamma of each block start at 0, so that blocks start by doing nothing.")
  var zeroGamma = false

  /// The models by name, for a command's help.
  static let models =
    "MODELS\n"
    + ModelArchitecture.knownNames.map { "  \($0.form.padded(toColumns: 29))  \($0.meaning)" }.joined(separator: "\n")

  func validate() throws {
    if let keep, !(keep > 0 && keep <= 1) {
      throw ValidationError("--keep takes a probability above 0 and up to 1, not \(keep).")
    }
    _ = try architecture(normalization: .batch)
  }

  /// The network with a normalization; `startsSmall`: whether fully connected layers start from a hard start where `--init`
  /// was not given.
  func architecture(
    normalization: NormalizationKind, startsSmall: Bool = false
  ) throws -> ModelArchitecture {
    let choices = NetworkChoices(
      model: model, normalization: normalization, activation: activation, keep: keep, shortcut: shortcut,
      zeroGamma: zeroGamma)
    var architecture = try choices.architecture()
    if let initialization {
      architecture.initialization = try parseInitialization(initialization)
    } else if startsSmall, case .multilayerPerceptron = architecture {
      architecture.initialization = .normal(scale: 0.02)
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
