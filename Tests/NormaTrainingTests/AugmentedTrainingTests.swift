import Foundation
import Norma
import TestSupport
import Testing

/// Batches that are changed by chance, and prepared while the step before them runs.
@Suite struct AugmentedTrainingTests {
  private static let augmentation = ImageAugmentation(padding: 2, flipsHorizontally: true)

  private static func images(_ count: Int, side: Int = 8) -> Dataset<Float> {
    var random = RandomGenerator(seed: 2)
    return Dataset(
      features: .normal([count, side, side, 3], using: &random),
      targets: .classes((0..<count).map { $0 % 3 }, count: 3),
      name: "noise")
  }

  private static func model(side: Int = 8) throws -> Sequential<Float> {
    try MultilayerPerceptron(hidden: [16]).build(
      sampleShape: [side, side, 3], outputCount: 3, random: RandomGenerator(seed: 3))
  }

  private static func configuration(_ augmentation: ImageAugmentation? = augmentation, batchSize: Int = 16)
    -> TrainingConfiguration
  {
    TrainingConfiguration(epochs: 3, batchSize: batchSize, keepsBest: false, augmentation: augmentation, seed: 4)
  }

  // MARK: Loading

  @Test(arguments: [nil, augmentation])
  func batchesPreparedAheadAreThoseThatAreNot(augmentation: ImageAugmentation?) throws {
    let data = Self.images(50)
    let order = Array((0..<50).reversed())
    let ranges = [0..<20, 20..<40, 40..<50]
    let random = RandomGenerator(seed: 6)
    for prefetching in [false, true] {
      var loader = BatchLoader(
        data, order: order, ranges: ranges, augmentation: augmentation, random: random, prefetching: prefetching)
      for (index, range) in ranges.enumerated() {
        var expected = data.subset(rows: order[range])
        var batchRandom = random.split(UInt64(index))
        if let augmentation {
          expected.features = augmentation.applied(to: expected.features, using: &batchRandom)
        }
        let next = loader.next()
        let batch = try #require(next)
        #expect(haveSameBits(batch.features, expected.features))
        guard case .classes(let labels, 3) = batch.targets else { return #expect(Bool(false)) }
        #expect(labels == order[range].map { $0 % 3 })
      }
      let (end, afterwards) = (loader.next(), loader.next())
      #expect(end == nil && afterwards == nil)
    }
  }

  @Test func aLoaderMayBeDroppedAtAnyTime() {
    let data = Self.images(64)
    for count in 0...3 {
      for _ in 0..<20 {
        var loader = BatchLoader(
          data, order: Array(0..<64), ranges: [0..<30, 30..<60, 60..<64], augmentation: nil,
          random: RandomGenerator(seed: 1), prefetching: true)
        for _ in 0..<count {
          let batch = loader.next()
          #expect(batch != nil)
        }
      }
    }
  }

  // MARK: Training

  @Test func theSameSeedGivesTheSameBitsForEveryThreadCount() throws {
    // Batches of 128 · 32 · 32 · 3 numbers are large enough to be prepared ahead.
    let data = Self.images(300, side: 32)
    let results = try resultsByThreadCount {
      let model = try Self.model(side: 32)
      let history = try Trainer(model, configuration: Self.configuration(batchSize: 128)).fit(data)
      return (model.state, history.stepLosses)
    }
    for (state, losses) in results {
      #expect(haveSameBits(state, results[0].0))
      #expect(losses == results[0].1)
    }
  }

  @Test func everyEpochSeesOtherImagesAndEvaluationTheOnesThatAre() throws {
    // One batch and no steps: only the augmentation can change the loss.
    let data = Self.images(40)
    func losses(_ augmentation: ImageAugmentation?) throws -> TrainingHistory {
      var configuration = Self.configuration(augmentation, batchSize: 40)
      configuration.learningRate = 0
      let model = Sequential<Float>(try Self.model().children.map(\.layer).filter { !($0 is BatchNorm<Float>) })
      return try Trainer(model, configuration: configuration).fit(data, validation: data)
    }
    let (plain, augmented) = (try losses(nil), try losses(Self.augmentation))
    #expect(Set(augmented.stepLosses.map { ($0 * 1e4).rounded() }).count == 3)
    #expect(Set(plain.stepLosses.map { ($0 * 1e4).rounded() }).count == 1)
    #expect(plain.epochs.map(\.validationLoss) == augmented.epochs.map(\.validationLoss))
    #expect(plain.epochs.map(\.trainingMetric) == augmented.epochs.map(\.trainingMetric))
  }

  @Test func trainingThatIsStoppedOrThrowsIsOverAtOnceAndCanGoOn() throws {
    struct Interruption: Error {}
    let trainer = try Trainer(Self.model(side: 32), configuration: Self.configuration(batchSize: 128))
    let data = Self.images(512, side: 32)
    for _ in 0..<10 {
      #expect(throws: Interruption.self) {
        try trainer.fit(data) { event in
          if case .step(let step) = event, step.number == 2 { throw Interruption() }
          return .proceed
        }
      }
      #expect(try trainer.fit(data) { _ in .stop }.stoppedEarly)
    }
    #expect(trainer.history.stepLosses.count == 10 * 3)
    #expect(try trainer.fit(data).epochs.count == 3)
  }

  @Test func onlyImagesCanBeAugmented() throws {
    let model: Sequential<Float> = TrainingSamples.network()
    let error = #expect(throws: TrainingError.self) {
      try Trainer(model, configuration: Self.configuration()).fit(TrainingSamples.classes(30))
    }
    #expect(
      error?.description == "clouds cannot be augmented: examples of shape [4] are no images [height, width, channels]")
    #expect(throws: TrainingError.self) {
      try Trainer(Self.model(), configuration: Self.configuration(ImageAugmentation(padding: 8))).fit(Self.images(30))
    }
  }

  @Test func settingsFromBeforeThereWasAugmentationAreRead() throws {
    let data = try JSONEncoder().encode(Self.configuration(nil))
    #expect(!String(decoding: data, as: UTF8.self).contains("augmentation"))
    #expect(try JSONDecoder().decode(TrainingConfiguration.self, from: data) == Self.configuration(nil))
    let augmented = try JSONEncoder().encode(Self.configuration())
    #expect(try JSONDecoder().decode(TrainingConfiguration.self, from: augmented) == Self.configuration())
  }
}
