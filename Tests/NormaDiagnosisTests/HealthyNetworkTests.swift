import DiagnosisCases
import Foundation
import Norma
import NormaDiagnosis
import NormaONNX
import Testing

/// Networks that nothing ails.
@Suite struct HealthyNetworkTests {
  @Test(arguments: TrainedModel.plans.indices)
  func nothingIsFoundWhereNothingIsWrong(index: Int) throws {
    let trained = try TrainedModel.plans[index].train()
    let diagnosis = try trained.diagnose()
    #expect(diagnosis.findings == [], "\(trained.name): \(diagnosis.findings.map(\.statement))")
    #expect(diagnosis.isHealthy && diagnosis.exampleCount == 1000)
    let normalization = trained.checkpoint.settings.architecture.recipe.normalization
    #expect(diagnosis.layers.isEmpty == !normalization.isBatchNormalization)
    // Nor is anything found without labels, or without a word of the training.
    let features = trained.data.batch(0..<500).features
    #expect(try Diagnosis(of: trained.makeModel(), on: features).findings == [])
    #expect(try Diagnosis(of: trained.makeModel(), on: features, training: trained.training).findings == [])
  }

  /// The same from other seeds, some trained longer.
  @Test(.enabled(if: isExhaustive), arguments: TrainedModel.plans.indices, 0..<4)
  func nothingIsFoundFromOtherSeeds(index: Int, seed: Int) throws {
    let trained = try TrainedModel.plans[index].with {
      ($0.seed, $0.epochs) = (UInt64(seed) + 20, $0.epochs + 2 * seed)
    }.train()
    let diagnosis = try trained.diagnose()
    #expect(diagnosis.findings == [], "\(trained.name): \(diagnosis.findings.map(\.statement))")
  }

  /// An epsilon that no framework has is none to complain of where the network learned with it.
  @Test(arguments: [0, 3, 4])
  func aLargeEpsilonThatWasLearnedWithIsNoFault(index: Int) throws {
    let trained = try TrainedModel.plans[index].with { $0.recipe.conventions.epsilon = 0.1 }.train()
    let diagnosis = try trained.diagnose()
    #expect(diagnosis.findings == [], "\(trained.name): \(diagnosis.findings.map(\.statement))")
  }

  /// The variances of either estimator are those that the network says, in batches so small that the two can be told apart.
  @Test(.enabled(if: isExhaustive), arguments: [0, 1, 3, 4, 5, 6, 7], [VarianceEstimator.biased, .unbiased])
  func noEstimatorIsTakenForTheOther(index: Int, estimator: VarianceEstimator) throws {
    let trained = try TrainedModel.plans[index].with {
      $0.batchSize = 12
      $0.recipe.conventions.estimator = estimator
    }.train()
    let diagnosis = try trained.diagnose()
    #expect(diagnosis.findings == [], "\(trained.name): \(diagnosis.findings.map(\.statement))")
  }

  @Test func aModelFromElsewhereIsToldWhatCouldBeFolded() throws {
    for trained in [try TrainedModel.perceptron.get(), try TrainedModel.convolutional.get()] {
      let model = try trained.makeModel()
      let shape = trained.data.exampleShape
      let network = try ONNXNetwork(try ONNXModel(model, sampleShape: shape))
      let diagnosis = try trained.diagnose(Sequential<Float>([network]))
      #expect(diagnosis.findings.map(\.kind) == [.notFolded] && diagnosis.isHealthy)
      let own = try trained.diagnose()
      // Files call the statistics the same; what is measured is the same to rounding.
      #expect(diagnosis.layers.map { String($0.name.split(separator: ".").last ?? "") } == own.layers.map(\.name))
      for (layer, other) in zip(diagnosis.layers, own.layers) {
        #expect(layer.foldsInto != nil && layer.batchCount == nil)
        for (channel, known) in zip(layer.channels, other.channels) {
          #expect(channel.runningMean == known.runningMean && channel.runningVariance == known.runningVariance)
          #expect(abs(channel.mean - known.mean) < 1e-4 * known.variance.squareRoot())
        }
      }
    }
  }
}

/// Whether the long tests run, as by `make diagnosis`.
let isExhaustive = ProcessInfo.processInfo.environment["NORMA_DIAGNOSIS"] != nil
