import Norma
import TestSupport

/// A training of fixed settings, whose bits are committed.
struct GoldenTraining: Hashable, CustomStringConvertible {
  /// The networks: fully connected on the built-in digits; convolutional, with dropout and a schedule, on the same as images; a
  /// residual one, with augmentation and a penalty on weights, on images that are made here.
  enum Network: String, CaseIterable { case mlp, convnet, resnet20 }
  enum Rule: String, CaseIterable { case adam, sgd }
  enum Precision: String, CaseIterable { case float = "Float", double = "Double" }

  var network: Network
  var rule: Rule
  var precision: Precision

  static let all = Network.allCases.flatMap { network in
    Rule.allCases.flatMap { rule in
      Precision.allCases.map { GoldenTraining(network: network, rule: rule, precision: $0) }
    }
  }

  var description: String { "\(network.rawValue) \(rule.rawValue) \(precision.rawValue)" }

  /// Trains, and hashes all there is after each of the given numbers of steps: parameters, buffers, what the optimizer
  /// remembers, and every loss and metric until then.
  func hashes(afterSteps steps: [Int]) throws -> [Int: String] {
    switch precision {
    case .float: try hashes(afterSteps: steps, of: Float.self)
    case .double: try hashes(afterSteps: steps, of: Double.self)
    }
  }

  private func hashes<Element: TensorElement>(afterSteps steps: [Int], of: Element.Type) throws -> [Int: String] {
    let data = try data.converted(to: Element.self)
    let (training, validation) = (data.batch(0..<data.count * 4 / 5), data.batch(data.count * 4 / 5..<data.count))
    let model: Sequential<Element> = try recipe.build(
      sampleShape: data.exampleShape, outputCount: 10, random: RandomGenerator(seed: 7))
    let trainer = try Trainer(model, configuration: configuration)
    var hashes: [Int: String] = [:]
    try trainer.fit(training, validation: validation) { event in
      guard case .step = event else { return .proceed }
      let count = trainer.history.stepLosses.count
      if steps.contains(count) { hashes[count] = Self.hash(of: trainer.state) }
      return hashes.count == steps.count ? .stop : .proceed
    }
    return hashes
  }

  private static func hash<Element: TensorElement>(of state: TrainingState<Element>) -> String {
    var hash = BitHash()
    for (name, tensor) in state.model.tensors.sorted(by: { $0.key < $1.key }) {
      hash.add(name)
      hash.add(tensor)
    }
    for (name, count) in state.model.counts.sorted(by: { $0.key < $1.key }) {
      hash.add(name)
      hash.add(count)
    }
    for (name, slot) in state.optimizer.slots.sorted(by: { $0.key < $1.key }) {
      hash.add(name)
      hash.add(slot)
    }
    for loss in state.history.stepLosses { hash.add(loss) }
    for epoch in state.history.epochs {
      hash.add(epoch.trainingLoss)
      hash.add(epoch.trainingMetric)
      hash.add(ifAny: epoch.inferenceTrainingLoss)
      hash.add(ifAny: epoch.batchTrainingLoss)
      hash.add(ifAny: epoch.validationLoss)
      hash.add(epoch.learningRate)
    }
    return hash.text
  }

  // MARK: Settings

  private var recipe: any ModelRecipe {
    switch network {
    case .mlp: MultilayerPerceptron(hidden: [50, 33])
    case .convnet: ThreeLayerConvolutionalNetwork(filters: 8, filterSize: 5, hidden: 40, keepProbability: 0.8)
    case .resnet20: ResidualNetwork.cifar(depth: 20)
    }
  }

  private var configuration: TrainingConfiguration {
    let optimizer: any OptimizerRule = rule == .adam ? .adam() : .sgd(momentum: 0.9)
    var settings = TrainingConfiguration(
      epochs: 100, batchSize: 16, optimizer: optimizer, learningRate: rule == .adam ? 1e-3 : 0.02, keepsBest: false,
      seed: 3)
    switch network {
    case .mlp: break
    case .convnet:
      settings.schedule = .cosine(length: 200, final: 0.1)
      settings.scheduleUnit = .step
    case .resnet20:
      settings.batchSize = 5
      settings.l2Penalty = 1e-4
      settings.augmentation = ImageAugmentation(padding: 2, flipsHorizontally: true)
    }
    return settings
  }

  /// So few examples that an epoch, with its evaluation, ends within twenty steps, and that its last batch is a smaller one.
  private var data: Dataset<Float> {
    get throws {
      switch network {
      case .mlp: try Self.digits(shape: [64])
      case .convnet: try Self.digits(shape: [8, 8, 1])
      case .resnet20: Self.images
      }
    }
  }

  private static func digits(shape: [Int]) throws -> Dataset<Float> {
    let all = try DataSplits(
      DataSource.digits.read(), validationCount: 1590, standardizing: .perFeature, random: RandomGenerator(seed: 1))
    let some = all.training.batch(0..<207)
    return Dataset(
      features: some.features.reshaped(to: Shape([207] + shape)), targets: some.targets, name: "digits")
  }

  /// Images of 8 × 8 pixels, a pattern of 4 × 4 fields for each class under noise.
  private static let images: Dataset<Float> = {
    let (count, side) = (60, 8)
    let labels = HashedNumbers("golden labels").labels(count, classes: 10)
    let patterns = HashedNumbers("golden patterns").values([10, 4, 4, 3])
    var images = HashedNumbers("golden noise").values([count, side, side, 3])
    images.withUnsafeMutableElements { images in
      patterns.withUnsafeElements { patterns in
        for index in images.indices {
          let (channel, column, row) = (index % 3, index / 3 % side, index / (3 * side) % side)
          let label = labels[index / (3 * side * side)]
          images[index] += patterns[((label * 4 + row * 4 / side) * 4 + column * 4 / side) * 3 + channel]
        }
      }
    }
    return Dataset(features: images, targets: .classes(labels, count: 10), name: "patterns")
  }()
}
