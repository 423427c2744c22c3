import Norma
import NormaDiagnosis

/// A network that was trained on the digits that are compiled in, with rates that end at 0, so that its running statistics are settled.
public struct TrainedModel: @unchecked Sendable {
  // The network is trained once and then only read: whoever changes it makes one of its own from `checkpoint`.
  /// What it is called.
  public let name: String
  /// All that is saved of it.
  public var checkpoint: Checkpoint
  /// What it learned from, standardized.
  public let data: Dataset<Float>

  /// The network, in the state that it was trained to.
  public func makeModel() throws -> Sequential<Float> { try checkpoint.makeModel() }

  /// What is known of the training.
  public var training: Diagnosis.Training { Diagnosis.Training(checkpoint) }

  /// Looks at a model, by default this one.
  public func diagnose(_ model: (any Layer<Float>)? = nil, training: Diagnosis.Training? = nil) throws -> Diagnosis {
    try Diagnosis(
      of: try model ?? makeModel(), on: data, loss: checkpoint.settings.training.loss,
      training: training ?? self.training)
  }
}

extension TrainedModel {
  /// A recipe with how it is trained.
  public struct Plan: Sendable {
    public var name: String
    public var recipe: any ModelRecipe
    /// By how much images are magnified; nil for rows of pixels.
    public var scale: Int?
    public var exampleCount = 1797
    public var epochs = 6
    public var batchSize = 64
    public var learningRate = 2e-3
    public var seed: UInt64 = 7

    public init(_ name: String, _ recipe: any ModelRecipe) {
      (self.name, self.recipe) = (name, recipe)
      scale = recipe.takesImages ? 1 : nil
    }

    /// The plan with some of it otherwise.
    public func with(_ change: (inout Plan) -> Void) -> Plan {
      var plan = self
      change(&plan)
      return plan
    }

    /// Trains the network.
    public func train() throws -> TrainedModel {
      let raw = images()
      let data = try DataSplits(
        RawData(training: RawDataset(raw)), validationCount: 0, standardizing: scale == nil ? .overall : .perChannel,
        random: RandomGenerator(seed: 1))
      let sampleShape = data.training.exampleShape
      let model: Sequential<Float> = try recipe.build(
        sampleShape: sampleShape, outputCount: 10, random: RandomGenerator(seed: seed))
      let steps = epochs * (exampleCount / batchSize)
      let configuration = TrainingConfiguration(
        epochs: epochs, batchSize: batchSize, learningRate: learningRate, schedule: .cosine(length: steps),
        scheduleUnit: .step, dropsLastBatch: true, keepsBest: false, seed: 3)
      let trainer = try Trainer(model, configuration: configuration)
      try trainer.fit(data.training)
      return TrainedModel(
        name: name, checkpoint: Checkpoint(trainer, architecture: ModelArchitecture(recipe), data: data),
        data: data.training)
    }

    /// The digits, as rows of pixels or as images.
    public func images() -> Dataset<Float> {
      var digits = Dataset<Float>.digits().subset(rows: 0..<exampleCount)
      guard let scale else { return digits }
      let images = digits.features.reshaped(to: [digits.count, 8, 8, 1])
      let places = (0..<8 * scale).map { $0 / scale }
      digits.features = images.gathering(places, axis: 1).gathering(places, axis: 2)
      return digits
    }
  }

  private static var norma: BatchNormalizationConventions { .norma }

  /// Eight networks that nothing ails, three of torchvision's shapes among them.
  public static let plans: [Plan] = [
    Plan("a perceptron", MultilayerPerceptron(hidden: [64, 64], conventions: norma)),
    Plan(
      "a deep perceptron by batch renormalization",
      MultilayerPerceptron(hidden: [48, 48, 48, 48], normalization: .renorm, conventions: norma)),
    Plan("a perceptron by layer normalization", MultilayerPerceptron(hidden: [64, 64], normalization: .layer)),
    Plan(
      "a convolutional network",
      ThreeLayerConvolutionalNetwork(filters: 12, filterSize: 3, hidden: 48, conventions: norma)),
    Plan("resnet20", ResidualNetwork(blocks: [3, 3, 3], width: 16, conventions: norma)).with {
      ($0.epochs, $0.batchSize) = (3, 128)
    },
    Plan("resnet18's shape", ResidualNetwork(stem: .large, blocks: [2, 2, 2, 2], width: 16, conventions: norma)).with {
      ($0.scale, $0.epochs) = (4, 4)
    },
    Plan("resnet34's shape", ResidualNetwork(stem: .large, blocks: [3, 4, 6, 3], width: 8, conventions: norma)).with {
      ($0.scale, $0.epochs) = (4, 4)
    },
    Plan("vgg's shape", VGGNetwork(widths: [16, 32, 32], conventions: norma)),
  ]

  /// The perceptron and the convolutional network, trained once, in which faults are planted.
  public static let perceptron = Result { try plans[0].train() }
  public static let convolutional = Result { try plans[3].train() }
}
