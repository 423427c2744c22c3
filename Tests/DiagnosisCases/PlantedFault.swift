import Norma
import NormaDiagnosis

/// Something wrong, planted in a healthy network.
public struct PlantedFault: Sendable {
  /// What it is.
  public let name: String
  /// What is to be found.
  public let kind: Finding.Kind
  /// Plants it.
  public let plant: @Sendable (TrainedModel.Plan) throws -> Planted
}

/// A network with a fault, and what it is looked at with.
public struct Planted {
  public var model: Sequential<Float>
  public var data: Dataset<Float>
  public var training: Diagnosis.Training
  /// The same as a file holds it; nil for what no recipe builds.
  public var checkpoint: Checkpoint?

  init(
    _ trained: TrainedModel, isRecalibrated: Bool = false, _ change: (Sequential<Float>) throws -> Void = { _ in }
  ) throws {
    var checkpoint = trained.checkpoint
    if isRecalibrated { checkpoint.settings.recalibrationCount = trained.data.count }
    model = try checkpoint.makeModel()
    try change(model)
    checkpoint.state = model.state
    (data, training) = (trained.data, Diagnosis.Training(checkpoint))
    self.checkpoint = checkpoint
  }

  /// Looks at it.
  public func diagnose() throws -> Diagnosis {
    try Diagnosis(of: model, on: data, loss: .softmaxCrossEntropy, training: training)
  }
}

extension Sequential<Float> {
  /// The layers with running statistics.
  public var gathering: [BatchNorm<Float>] { distinctLayers.compactMap { $0.layer as? BatchNorm<Float> } }
}

extension PlantedFault {
  private static func trained(_ plan: TrainedModel.Plan) throws -> TrainedModel {
    switch plan.name {
    case TrainedModel.plans[0].name: try TrainedModel.perceptron.get()
    case TrainedModel.plans[3].name: try TrainedModel.convolutional.get()
    default: try plan.train()
    }
  }

  /// All of them.
  public static let all: [PlantedFault] = [
    PlantedFault(name: "statistics of other data", kind: .foreignStatistics) { plan in
      let trained = try trained(plan)
      return try Planted(trained, isRecalibrated: true) { model in
        try model.recalibrateStatistics(on: -1.5 * trained.data.features + 1, batchSize: 64)
      }
    },
    PlantedFault(name: "momentum reversed, as the rule says", kind: .momentumReversed) { plan in
      try Planted(
        try plan.with {
          $0.recipe.conventions = BatchNormalizationConventions(
            epsilon: 1e-5, rule: .keeping(0.1), estimator: .biased, initialVariance: 1)
        }.train())
    },
    PlantedFault(name: "momentum reversed, in a file that does not say so", kind: .momentumReversed) { plan in
      let trained = try trained(plan)
      return try Planted(trained) { model in
        let pass = Pass<Float>.measuring
        _ = try model(Variable(trained.data.batch(Array(100..<164)).features), in: pass)
        for found in pass.takeGatheredMoments() {
          let layer = found.layer as? any StatisticsGathering<Float>
          let count = layer?.runningStatistics?.batchCount ?? 0
          try layer?.runningStatistics?.replace(with: found.moments, batchCount: count)
        }
      }
    },
    PlantedFault(name: "hardly moved", kind: .hardlyMoved) { plan in
      try Planted(
        try plan.with {
          $0.recipe.conventions = BatchNormalizationConventions(
            epsilon: 1e-5, rule: .updating(0.001), estimator: .unbiased, initialVariance: 1)
        }.train())
    },
    PlantedFault(name: "never gathered", kind: .neverGathered) { plan in
      try Planted(try trained(plan)) { model in
        for layer in model.gathering {
          layer.runningStatistics = RunningStatistics(channelCount: layer.featureCount, conventions: layer.conventions)
        }
      }
    },
    PlantedFault(name: "counts 0", kind: .countMissing) { plan in
      try Planted(try trained(plan)) { model in
        for layer in model.gathering { layer.runningStatistics?.batchCount = 0 }
      }
    },
    PlantedFault(name: "a dead layer", kind: .deadLayer) { plan in
      let trained = try trained(plan)
      return try Planted(trained, isRecalibrated: true) { model in
        let layer = model.gathering[model.gathering.count - 1]
        layer.beta?.value = Tensor(repeating: -100, shape: [layer.featureCount])
        try model.recalibrateStatistics(on: trained.data, batchSize: 64)
      }
    },
    PlantedFault(name: "ten dead channels", kind: .deadChannels) { plan in
      let trained = try trained(plan)
      return try Planted(trained, isRecalibrated: true) { model in
        let layer = model.gathering[0]
        var beta = layer.beta?.value ?? .zeros([0])
        // One is left in a network of eight.
        for channel in 1...min(10, layer.featureCount - 1) { beta[channel] = -20 }
        layer.beta?.value = beta
        try model.recalibrateStatistics(on: trained.data, batchSize: 64)
      }
    },
    PlantedFault(name: "epsilon 1e-1", kind: .largeEpsilon) { plan in
      var trained = try trained(plan)
      trained.checkpoint.settings.architecture.recipe.conventions.epsilon = 0.1
      return try Planted(trained)
    },
    PlantedFault(name: "batches of 2", kind: .smallBatch) { plan in
      try Planted(
        try plan.with {
          ($0.batchSize, $0.epochs, $0.learningRate) = (2, 1, 3e-4)
        }.train())
    },
    PlantedFault(name: "unbiased for biased", kind: .estimatorSwapped) { plan in
      let trained = try plan.with {
        $0.batchSize = 12
        $0.recipe.conventions.estimator = .biased
      }.train()
      return try Planted(trained) { model in
        let positions = try model.statisticsPositions(sampleShape: trained.data.exampleShape)
        for (path, layer) in model.distinctLayers {
          guard let layer = layer as? BatchNorm<Float>, let statistics = layer.runningStatistics else { continue }
          let count = Float(12 * (positions[path] ?? 1))
          layer.runningStatistics?.variance = (count / (count - 1)) * statistics.variance
        }
      }
    },
    PlantedFault(name: "NaN in one variance", kind: .invalidStatistics) { plan in
      try Planted(try trained(plan)) { model in model.gathering[1].runningStatistics?.variance[3] = .nan }
    },
    PlantedFault(name: "frozen half-way", kind: .statisticsFrozen) { plan in
      let trained = try trained(plan)
      let configuration = trained.checkpoint.settings.training
      // The same training once more, and the statistics of its middle.
      let model: Sequential<Float> = try plan.recipe.build(
        sampleShape: trained.data.exampleShape, outputCount: 10, random: RandomGenerator(seed: 7))
      var middle: ModelState<Float>?
      try Trainer(model, configuration: configuration).fit(trained.data) { event in
        if case .epoch(let epoch) = event, epoch.number == configuration.epochs / 3 {
          middle = model.state
          return .stop
        }
        return .proceed
      }
      return try Planted(trained) { model in
        var state = model.state
        for (name, tensor) in middle?.tensors ?? [:] where name.contains("running_") { state.tensors[name] = tensor }
        state.counts.merge(middle?.counts ?? [:]) { $1 }
        try model.load(state)
      }
    },
    PlantedFault(name: "double normalization", kind: .doubleNormalization) { plan in
      let trained = try trained(plan)
      var planted = try Planted(trained)
      // A second normalization behind the first, in a network that is trained so.
      let untrained: Sequential<Float> = try plan.recipe.build(
        sampleShape: trained.data.exampleShape, outputCount: 10, random: RandomGenerator(seed: 7))
      var members = untrained.children
      let place = members.firstIndex { $0.layer is BatchNorm<Float> } ?? 0
      let layer = BatchNorm<Float>(untrained.gathering[0].featureCount, conventions: .norma)
      members.insert((name: "again", layer: layer), at: place + 1)
      planted.model = try Sequential(named: members)
      try Trainer(planted.model, configuration: trained.checkpoint.settings.training).fit(trained.data)
      planted.checkpoint = nil
      return planted
    },
    PlantedFault(name: "standardization left out", kind: .standardizationLeftOut) { plan in
      var trained = try trained(plan)
      trained.checkpoint.settings.standardization = nil
      var planted = try Planted(trained)
      planted.data = plan.images()
      return planted
    },
  ]
}
