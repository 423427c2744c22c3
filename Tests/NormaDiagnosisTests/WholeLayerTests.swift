import DiagnosisCases
import Norma
import NormaDiagnosis
import Testing

/// Layers whose running statistics are no means and variances of channels: EvoNorm-B0 and whitening.
@Suite struct WholeLayerTests {
  private static let plans: [TrainedModel.Plan] = [
    TrainedModel.Plan("VGG, EvoNorm-B0", VGGNetwork(widths: [16, 32, 32], normalization: .evonormB0)),
    TrainedModel.Plan("VGG, whitening", VGGNetwork(widths: [16, 32, 32], normalization: .whitening)),
    TrainedModel.Plan("residual, EvoNorm-B0", ResidualNetwork(blocks: [1, 1], width: 16, normalization: .evonormB0)),
    TrainedModel.Plan("residual, whitening", ResidualNetwork(blocks: [1, 1], width: 16, normalization: .whitening)),
  ]

  /// The network with its numbers changed.
  private func changed(
    _ trained: TrainedModel, _ change: (String, Tensor<Float>) -> Tensor<Float>
  ) throws -> Sequential<Float> {
    let model = try trained.makeModel()
    var state = model.state
    for (name, tensor) in state.tensors { state.tensors[name] = change(name, tensor) }
    try model.load(state)
    return model
  }

  @Test(arguments: plans.indices) func eachFaultIsFoundAndAHealthyNetworkIsLeftAlone(index: Int) throws {
    let plan = Self.plans[index]
    let trained = try plan.train()
    let healthy = try trained.diagnose()
    #expect(healthy.findings == [], "\(plan.name): \(healthy.findings.map(\.statement))")
    let count = trained.checkpoint.state.tensors.keys.count {
      $0.hasSuffix("running_var") || $0.hasSuffix("running_wm")
    }
    #expect(healthy.layers.count == count && healthy.layers.allSatisfy { !$0.channels.isEmpty })

    // Statistics of examples of another contrast.
    let foreign = try trained.diagnose(
      changed(trained) { name, tensor in
        name.hasSuffix("running_var") ? 9 * tensor : name.hasSuffix("running_wm") ? 0.3 * tensor : tensor
      })
    #expect(foreign.findings.map(\.kind) == [.foreignStatistics], "\(plan.name): \(foreign.findings.map(\.statement))")
    #expect((foreign.loss?.running ?? 0) > (foreign.loss?.population ?? 0))

    // One layer alone.
    let names = trained.checkpoint.state.tensors.keys.filter {
      $0.hasSuffix("running_var") || $0.hasSuffix("running_wm")
    }
    let one = try #require(names.sorted().first)
    let single = try trained.diagnose(changed(trained) { $0 == one ? 9 * $1 : $1 })
    #expect(single.findings.map(\.kind) == [.foreignStatistics])
    #expect(single.findings.first?.layers == [one.split(separator: ".").dropLast().joined(separator: ".")])

    let broken = try trained.diagnose(
      changed(trained) { name, tensor in
        guard name == one else { return tensor }
        var tensor = tensor.reshaped(to: [tensor.count])
        tensor[tensor.count - 1] = .nan
        return tensor.reshaped(to: trained.checkpoint.state.tensors[name]!.shape)
      })
    #expect(broken.findings.map(\.kind) == [.invalidStatistics], "\(plan.name): \(broken.findings.map(\.statement))")
    #expect(broken.findings.first?.channels?.count == 1)
  }

  @Test(arguments: plans.indices) func aNetworkThatWasOnlyBuiltHasGatheredNothing(index: Int) throws {
    let plan = Self.plans[index].with { $0.exampleCount = 192 }
    let data = plan.images()
    let model: Sequential<Float> = try plan.recipe.build(
      sampleShape: data.exampleShape, outputCount: 10, random: RandomGenerator(seed: 7))
    let diagnosis = try Diagnosis(of: model, on: data.features)
    #expect(diagnosis.findings.first?.kind == .neverGathered, "\(diagnosis.findings.map(\.statement))")
    #expect(diagnosis.findings.first?.layers == diagnosis.layers.map(\.name))
  }
}
