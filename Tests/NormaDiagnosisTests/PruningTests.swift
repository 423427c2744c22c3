import DiagnosisCases
import Foundation
import Norma
import NormaDiagnosis
import Testing

/// Taking dead channels out of networks.
@Suite struct PruningTests {
  /// A network of a recipe, trained a little, in which channels were made dead, by the names of their normalizations; with its examples.
  private func dead(
    _ recipe: any ModelRecipe, scale: Int = 1, _ channels: [String: [Int]], giving constant: Float? = nil
  ) throws -> (checkpoint: Checkpoint, data: Dataset<Float>) {
    let plan = TrainedModel.Plan("", recipe).with {
      ($0.exampleCount, $0.epochs, $0.batchSize) = (192, 1, 64)
      if recipe.takesImages { $0.scale = scale }
    }
    let trained = try plan.train()
    return (try withDeadChannels(trained.checkpoint, trained.data, channels, constant), trained.data)
  }

  private func withDeadChannels(
    _ checkpoint: Checkpoint, _ data: Dataset<Float>, _ channels: [String: [Int]], _ constant: Float?
  ) throws -> Checkpoint {
    var checkpoint = checkpoint
    let model = try checkpoint.makeModel()
    for (path, layer) in model.distinctLayers {
      guard let layer = layer as? BatchNorm<Float>, let channels = channels[path] else { continue }
      for channel in channels {
        layer.beta?.value[channel] = constant ?? -100
        if constant != nil { layer.gamma?.value[channel] = 0 }
      }
    }
    try model.recalibrateStatistics(on: data, batchSize: 64)
    checkpoint.state = model.state
    return checkpoint
  }

  /// Prunes it, makes sure that the answers stay and that a file holds what is left, and gives what was found.
  private func pruned(_ dead: (checkpoint: Checkpoint, data: Dataset<Float>)) throws -> Pruning {
    let model = try dead.checkpoint.makeModel()
    let diagnosis = try Diagnosis(of: model, on: dead.data.features)
    let pruning = try dead.checkpoint.pruningDead(diagnosis)
    let left = try JSONDecoder().decode(
      ModelArchitecture.self, from: try JSONEncoder().encode(pruning.checkpoint.settings.architecture))
    #expect(left == pruning.checkpoint.settings.architecture)
    let smaller = try pruning.checkpoint.makeModel()
    #expect(smaller.parameterCount < model.parameterCount)
    let (before, after) = (try model.predict(dead.data.features), try smaller.predict(dead.data.features))
    let largest = before.elements.reduce(0) { max($0, abs($1)) }
    // Sums of a few hundred products, twenty of them one behind the other, each rounding as a walk by chance does.
    #expect(zip(before.elements, after.elements).allSatisfy { abs($0 - $1) < 20 * 20 * .ulpOfOne * largest })
    return pruning
  }

  @Test func whatChannelsGiveGoesIntoTheBiasBehind() throws {
    let pruning = try pruned(dead(MultilayerPerceptron(hidden: [24, 16]), ["1": [2, 5], "4": [0]], giving: 0.7))
    #expect(pruning.removed == ["1": 2, "4": 1] && pruning.kept.isEmpty)
    #expect("\(pruning.checkpoint.settings.architecture)" == "mlp:24,16 with channels taken out of 2 layers")
    let shapes = pruning.checkpoint.state.tensors.mapValues { Array($0.shape) }
    #expect(shapes["0.weight"] == [22, 64] && shapes["3.weight"] == [15, 22] && shapes["6.weight"] == [10, 15])
  }

  @Test func aFlattenedImageLosesTheColumnsOfItsChannels() throws {
    let recipe = ThreeLayerConvolutionalNetwork(filters: 6, filterSize: 3, hidden: 20)
    let pruning = try pruned(dead(recipe, ["norm1": [1, 4], "norm2": [19]]))
    #expect(pruning.removed == ["norm1": 2, "norm2": 1] && pruning.kept.isEmpty)
  }

  @Test func channelsWithinBlocksAreTakenOutAndThoseOfSumsAreNamed() throws {
    let recipe = ResidualNetwork(blocks: [2, 1], width: 8)
    let names = ["bn1", "layer1.0.bn1", "layer1.1.bn1", "layer2.0.bn1"]
    let pruning = try pruned(dead(recipe, Dictionary(uniqueKeysWithValues: names.map { ($0, [0, 3]) })))
    #expect(pruning.removed == ["layer1.0.bn1": 2, "layer1.1.bn1": 2, "layer2.0.bn1": 2])
    #expect(pruning.kept.map(\.layer) == ["bn1"])
    #expect(pruning.kept[0].reason.hasPrefix("its channels go into '"), "\(pruning.kept)")
  }

  @Test func channelsWithinBottlenecksGiveConstantsToTheNormalizationBehind() throws {
    let recipe = ResidualNetwork(block: .bottleneck, blocks: [1, 1], width: 8)
    let pruning = try pruned(
      dead(recipe, ["layer1.0.bn1": [1], "layer1.0.bn2": [2, 3], "layer2.0.bn2": [0]], giving: 0.4))
    // A 3×3 convolution behind has zeros around.
    #expect(pruning.removed == ["layer1.0.bn2": 2, "layer2.0.bn2": 1])
    #expect(pruning.kept.map(\.layer) == ["layer1.0.bn1"])
    #expect(pruning.kept[0].reason.contains("at some positions and not at others"), "\(pruning.kept)")
  }

  @Test func chainsWithPoolingAreTakenOut() throws {
    let pruning = try pruned(
      dead(VGGNetwork(widths: [6, 8]), ["norm1_1": [0], "norm1_2": [5], "norm2_1": [1, 2], "norm2_2": [7]]))
    #expect(pruning.removed == ["norm1_1": 1, "norm1_2": 1, "norm2_1": 2, "norm2_2": 1] && pruning.kept.isEmpty)
    // What is left can be pruned once more, and folded.
    let data = try dead(VGGNetwork(widths: [2]), [:]).data
    let again = try pruned((withDeadChannels(pruning.checkpoint, data, ["norm2_1": [0], "norm1_1": [4]], nil), data))
    #expect(again.removed == ["norm1_1": 1, "norm2_1": 1])
    let model = try pruning.checkpoint.makeModel()
    let features = data.features
    let folded = try pruning.checkpoint.folded().checkpoint
    let (before, after) = (try model.predict(features), try folded.makeModel().predict(features))
    let largest = before.elements.reduce(0) { max($0, abs($1)) }
    #expect(zip(before.elements, after.elements).allSatisfy { abs($0 - $1) < 20 * 20 * .ulpOfOne * largest })
  }

  @Test func groupsOfChannelsStay() throws {
    let (checkpoint, data) = try dead(MobileNetV2(), scale: 4, ["features.2.conv.0.1": [3]])
    let diagnosis = try Diagnosis(of: checkpoint.makeModel(), on: data.features)
    let error = try #require(throws: MendingError.self) { try checkpoint.pruningDead(diagnosis) }
    #expect(error.problem.contains("by groups"), "\(error)")
  }
}
