import ArgumentParser
import Norma

extension MultilayerPerceptron.Normalization: ExpressibleByArgument {}
extension MultilayerPerceptron.Activation: ExpressibleByArgument {}

/// Which network to build.
struct NetworkOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The network: mlp: and the widths of its hidden layers, such as mlp:512,512.",
      valueName: "name"))
  var model = "mlp:100,100,100,100,100"

  @Option(
    help: ArgumentHelp("The nonlinearity after each hidden layer.", valueName: "name"))
  var activation = MultilayerPerceptron.Activation.relu

  @Option(
    name: .customLong("init"),
    help: ArgumentHelp(
      "How weights start: normal:SCALE, xavier, xavier-uniform, kaiming, kaiming-uniform or fan-in. (default: kaiming; normal:0.02, a hard start, for compare)",
      valueName: "rule"))
  var initialization: String?

  @Option(
    help: ArgumentHelp(
      "The probability with which dropout keeps a unit in training; 1 is no dropout.", valueName: "probability"))
  var keep = 1.0

  func validate() throws {
    guard keep > 0, keep <= 1 else {
      throw ValidationError("--keep takes a probability above 0 and up to 1, not \(keep).")
    }
    _ = try network(normalization: .none, defaultInitialization: .kaimingNormal)
  }

  /// The recipe with a normalization; `defaultInitialization` is taken where `--init` was not given.
  func network(
    normalization: MultilayerPerceptron.Normalization, defaultInitialization: Initialization
  ) throws -> MultilayerPerceptron {
    do {
      var network: MultilayerPerceptron
      switch try ModelArchitecture(parsing: model) {
      case .multilayerPerceptron(let recipe): network = recipe
      }
      network.normalization = normalization
      network.activation = activation
      network.initialization = try initialization.map(parseInitialization) ?? defaultInitialization
      network.keepProbability = keep
      return network
    } catch let error as ModelArchitectureError {
      throw ValidationError("--model: \(error.description).")
    }
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
