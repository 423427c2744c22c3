import ArgumentParser
import Norma

/// What a network is chosen by.
struct NetworkChoices {
  var model: String
  /// Nil for what the network has unless told otherwise.
  var normalization: NormalizationKind?
  var activation: ActivationKind?
  var keep: Double?
  var shortcut: ResidualNetwork.Shortcut?
  var zeroGamma = false

  /// The network, with all that is not chosen at its default.
  ///
  /// - Throws: `ValidationError` where there is no such network.
  func architecture() throws -> ModelArchitecture {
    var architecture: ModelArchitecture
    do {
      architecture = try ModelArchitecture(parsing: model)
    } catch {
      throw ValidationError("--model: \(error.description).")
    }
    architecture.recipe.normalization = normalization ?? architecture.recipe.normalization
    if var recipe = architecture.recipe as? any FeedForwardRecipe {
      recipe.activation = activation ?? recipe.activation
      recipe.keepProbability = keep ?? recipe.keepProbability
      architecture.recipe = recipe
    } else if activation != nil || keep != nil {
      throw ValidationError(
        architecture.recipe is ResidualNetwork
          ? "--activation and --keep are not for residual networks: they use ReLU and no dropout."
          : "--activation and --keep are not for \(architecture).")
    }
    if var recipe = architecture.recipe as? ResidualNetwork {
      recipe.shortcut = shortcut ?? recipe.shortcut
      recipe.startsAtIdentity = zeroGamma
      architecture.recipe = recipe
    } else if shortcut != nil || zeroGamma {
      throw ValidationError("--shortcut and --zero-gamma are for residual networks, such as --model resnet20.")
    }
    return architecture
  }
}
