import DiagnosisCases
import Norma
import NormaDiagnosis
import NormaONNX
import Testing

/// Faults planted in healthy networks.
@Suite struct PlantedFaultTests {
  @Test(arguments: PlantedFault.all.indices, [0, 3])
  func eachIsFoundWithItsCauseAndNothingElse(index: Int, plan: Int) throws {
    let fault = PlantedFault.all[index]
    let diagnosis = try fault.plant(TrainedModel.plans[plan]).diagnose()
    #expect(
      diagnosis.findings.map(\.kind) == [fault.kind], "\(fault.name): \(diagnosis.findings.map(\.statement))")
    #expect(!diagnosis.isHealthy)
    for finding in diagnosis.findings {
      let known = Set(diagnosis.layers.map(\.name))
      #expect(!finding.layers.isEmpty && known.isSuperset(of: finding.layers))
      #expect(!finding.evidence.isEmpty && finding.evidence.contains { $0.value != nil })
    }
  }

  @Test(.enabled(if: isExhaustive), arguments: PlantedFault.all.indices, [1, 4, 5, 6, 7])
  func eachIsFoundInOtherNetworks(index: Int, plan: Int) throws {
    let fault = PlantedFault.all[index]
    let diagnosis = try fault.plant(TrainedModel.plans[plan]).diagnose()
    #expect(
      diagnosis.findings.first?.kind == fault.kind,
      "\(fault.name) in \(TrainedModel.plans[plan].name): \(diagnosis.findings.map(\.statement))")
  }

  /// Those that running statistics alone show, in a model whose normalizations are operations with constants.
  @Test(arguments: [
    "statistics of other data", "never gathered", "NaN in one variance", "ten dead channels", "epsilon 1e-1",
    "standardization left out", "a dead layer",
  ])
  func modelsInTheFormatOfONNXAreNoOtherThing(name: String) throws {
    let fault = try #require(PlantedFault.all.first { $0.name == name })
    let planted = try fault.plant(TrainedModel.plans[3])
    // What says that it never gathered statistics is not exported; files lose the count.
    for layer in planted.model.gathering { layer.runningStatistics?.batchCount = 1 }
    let model = try ONNXModel(planted.model, sampleShape: planted.data.exampleShape)
    let diagnosis = try Diagnosis(
      of: try ONNXNetwork(model), on: planted.data, loss: .softmaxCrossEntropy, training: planted.training)
    #expect(
      diagnosis.findings.filter { !$0.kind.isAdvice }.map(\.kind) == [fault.kind],
      "\(diagnosis.findings.map(\.statement))")
  }

  @Test func theLossSaysWhatRecalibrationBrings() throws {
    let fault = try #require(PlantedFault.all.first { $0.kind == .foreignStatistics })
    let planted = try fault.plant(TrainedModel.plans[0])
    let found = try planted.diagnose()
    let loss = try #require(found.loss)
    let running = try #require(loss.running)
    let model = planted.model
    // By the same examples, of which the diagnosis draws these.
    var random = RandomGenerator(seed: 0)
    let examples = planted.data.batch(Array(random.permutation(planted.data.count).prefix(1000)))
    let before = try model.evaluate(on: examples, loss: .softmaxCrossEntropy).loss
    try model.recalibrateStatistics(on: examples, batchSize: 64)
    let after = try model.evaluate(on: examples, loss: .softmaxCrossEntropy).loss
    // Means of a thousand Float losses; recalibration takes unbiased variances, which are a thousandth larger.
    #expect(abs(running - before) < 1e-4 * before)
    #expect(abs(loss.population - after) < 5e-3 * after && after < 0.2 * before)
    #expect(try planted.diagnose().findings == [])
  }
}
