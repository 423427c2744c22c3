import DiagnosisCases
import Foundation
import Norma
import NormaDiagnosis
import TestSupport
import Testing

/// What a diagnosis measures and says, on networks that are small enough to calculate by hand.
@Suite struct DiagnosisTests {
  /// Examples whose features have the means and deviations of the given channels.
  private func features(_ count: Int, means: [Float], deviations: [Float], seed: UInt64 = 3) -> Tensor<Float> {
    var random = RandomGenerator(seed: seed)
    var tensor = Tensor<Float>.normal([count, means.count], using: &random)
    for row in 0..<count {
      for column in means.indices { tensor[row, column] = tensor[row, column] * deviations[column] + means[column] }
    }
    return tensor
  }

  /// A map that is the identity, so that a normalization behind it sees the examples, and does not stand on them itself.
  private func identity(_ channels: Int, hasBias: Bool = false) -> Linear<Float> {
    let layer = Linear<Float>(inputs: channels, outputs: channels, hasBias: hasBias, random: RandomGenerator(seed: 0))
    var weight = Tensor<Float>.zeros([channels, channels])
    for channel in 0..<channels { weight[channel, channel] = 1 }
    layer.weight.value = weight
    return layer
  }

  private func normalization(mean: [Float], variance: [Float], gamma: [Float]? = nil) -> BatchNorm<Float> {
    let layer = BatchNorm<Float>(mean.count)
    layer.runningStatistics?.mean = Tensor(mean)
    layer.runningStatistics?.variance = Tensor(variance)
    layer.runningStatistics?.batchCount = 100
    if let gamma { layer.gamma?.value = Tensor(gamma) }
    return layer
  }

  @Test func shiftsAndRatiosAreThoseOfAPlainCalculation() throws {
    let examples = features(400, means: [2, -1, 10], deviations: [1, 3, 0.5])
    let model = Sequential<Float>([identity(3), normalization(mean: [2, 0, 9], variance: [1, 9, 1])])
    let diagnosis = try Diagnosis(of: model, on: examples)
    let layer = try #require(diagnosis.layers.first)
    #expect(layer.name == "1" && layer.foldsInto == "0" && layer.batchCount == 100 && diagnosis.batchSize == 32)
    for channel in 0..<3 {
      let column = (0..<400).map { Double(examples[$0, channel]) }
      let mean = column.reduce(0, +) / 400
      let variance = column.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 400
      let found = layer.channels[channel]
      let running = (mean: [2.0, 0, 9][channel], variance: [1.0, 9, 1][channel])
      // Products of a Float by one and by zeros are exact.
      #expect(abs(found.mean - mean) < 1e-12 * 400 && abs(found.variance - variance) < 1e-12 * 400)
      #expect(abs((found.meanShift ?? 0) - (running.mean - mean) / variance.squareRoot()) < 1e-9)
      #expect(abs((found.deviationRatio ?? 0) - (running.variance / variance).squareRoot()) < 1e-9)
      // Of single values a batch's mean is off by one over the root of their number, as the examples' unbiased variance has it.
      #expect(abs(found.batchNoise - (400.0 / 399 / 32).squareRoot()) < 1e-9)
    }
    #expect(diagnosis.findings.map(\.kind) == [.foreignStatistics])
    #expect(diagnosis.loss == nil && !diagnosis.isHealthy)
  }

  @Test func adviceIsGivenOfWhatDoesNothing() throws {
    let examples = features(300, means: [1, 2, 3], deviations: [1, 1, 1])
    let model = Sequential<Float>([
      identity(3, hasBias: true), normalization(mean: [1, 2, 3], variance: [1, 1, 1], gamma: [1, 0.001, 1]),
    ])
    try model.recalibrateStatistics(on: examples, batchSize: 32)
    let diagnosis = try Diagnosis(of: model, on: examples)
    #expect(diagnosis.findings.map(\.kind) == [.negligibleGammas, .cancelledBias] && diagnosis.isHealthy)
    #expect(diagnosis.findings[0].channels == [1] && diagnosis.findings[1].layers == ["0"])
  }

  @Test func channelsBelowEpsilonAndConstantOnesAreToldApart() throws {
    var examples = features(300, means: [1, 2, 3, 0], deviations: [1, 1e-3, 1, 1])
    for row in 0..<300 { examples[row, 3] = 4 }
    let model = Sequential<Float>([
      identity(4), normalization(mean: [1, 2, 3, 4], variance: [1, 1e-6, 1, 0]), ReLU(), identity(4),
    ])
    try model.recalibrateStatistics(on: examples, batchSize: 32)
    let diagnosis = try Diagnosis(of: model, on: examples)
    #expect(diagnosis.findings.map(\.kind) == [.deadChannels, .ruledByEpsilon])
    #expect(diagnosis.findings.map(\.channels) == [[3], [1]])
    #expect(diagnosis.layers[0].channels.map(\.isDead) == [false, false, false, true])
    // A pixel that is always 0 is a matter of the data.
    let first = Sequential<Float>([normalization(mean: [1, 2, 3, 4], variance: [1, 1e-6, 1, 0])])
    try first.recalibrateStatistics(on: examples, batchSize: 32)
    #expect(try Diagnosis(of: first, on: examples).findings.map(\.kind) == [.ruledByEpsilon])
  }

  @Test func twoChannelsOfOneLayerAreNamedWhereverTheLayerStands() throws {
    let examples = features(200, means: [0, 0], deviations: [1, 1])
    let layer = normalization(mean: [0, .nan], variance: [-1, 1])
    let inner = Sequential<Float>([identity(2), layer])
    let model = try Sequential<Float>(named: [
      (name: "body", layer: Residual(inner)), (name: "head", layer: identity(2)),
    ])
    let finding = try #require(try Diagnosis(of: model, on: examples).findings.first)
    #expect(finding.kind == .invalidStatistics && finding.channels == [0, 1])
    #expect(finding.layers.count == 1 && finding.layers[0].hasSuffix("1"))
    #expect(finding.evidence.map(\.value) == [2, 1])
  }

  @Test func instancesAreHeldAgainstInstances() throws {
    var random = RandomGenerator(seed: 9)
    let images = Tensor<Float>.normal([128, 6, 6, 3], using: &random) + 2
    let layer = InstanceNorm<Float>(3, conventions: .pyTorch, isAffine: true, tracksRunningStatistics: true)
    let convolution = Conv2d<Float>(
      inputs: 3, outputs: 3, window: Window(3, padding: 1), hasBias: false, random: RandomGenerator(seed: 1))
    let model = Sequential<Float>([convolution, layer])
    try model.recalibrateStatistics(on: images, batchSize: 32)
    #expect(try Diagnosis(of: model, on: images).findings == [])
    layer.runningStatistics?.variance[1] *= 9
    #expect(try Diagnosis(of: model, on: images).findings.map(\.kind) == [.foreignStatistics])
  }

  @Test func itIsAValueThatFilesHold() throws {
    let fault = try #require(PlantedFault.all.first { $0.kind == .invalidStatistics })
    let diagnosis = try fault.plant(TrainedModel.plans[0]).diagnose()
    let data = try JSONEncoder().encode(diagnosis)
    #expect(try JSONDecoder().decode(Diagnosis.self, from: data) == diagnosis)
    #expect(diagnosis.loss?.running == nil && diagnosis.loss?.standardError == nil)
  }

  @Test func theNumberOfThreadsChangesNothing() throws {
    let trained = try TrainedModel.convolutional.get()
    let found = try resultsByThreadCount { try trained.diagnose() }
    #expect(found.allSatisfy { $0 == found[0] })
  }

  @Test func whatTellsNothingIsRefused() throws {
    let model = Sequential<Float>([identity(2), normalization(mean: [0, 0], variance: [1, 1])])
    #expect(throws: TrainingError.self) { try Diagnosis(of: model, on: .zeros([1, 2])) }
    #expect(throws: TrainingError.self) { try Diagnosis(of: model, on: Tensor(repeating: .nan, shape: [4, 2])) }
    #expect(throws: LayerError.self) { try Diagnosis(of: model, on: .ones([4, 3])) }
    let broken = identity(2)
    broken.weight.value = Tensor(repeating: .infinity, shape: [2, 2])
    #expect(throws: TrainingError.self) {
      try Diagnosis(of: Sequential<Float>([broken]), on: features(8, means: [1, 1], deviations: [1, 1]))
    }
    let labels = Dataset<Float>(
      features: features(8, means: [0, 0], deviations: [1, 1]),
      targets: .classes(.init(repeating: 0, count: 8), count: 5),
      name: "five classes")
    #expect(throws: TrainingError.self) { try Diagnosis(of: model, on: labels, loss: .softmaxCrossEntropy) }
  }
}
