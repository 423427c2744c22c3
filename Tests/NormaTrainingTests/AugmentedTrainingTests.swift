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

  @Test func changedPixelsGiveTheSameBitsForEveryThreadCountAndHoweverFarAheadTheyAreMade() throws {
    var random = RandomGenerator(seed: 5)
    let images = (0..<40).map { index -> RasterImage in
      let (height, width) = (10 + index % 5, 12 + index % 3)
      let pixels: [UInt8] = (0..<height * width * 3).map { _ in UInt8.random(in: 0...255, using: &random) }
      return RasterImage(height: height, width: width, channelCount: 3, pixels: pixels)
    }
    let raw = RawDataset(
      features: .originals(OriginalImages(images, shape: [8, 8, 3])),
      targets: .classes((0..<40).map { $0 % 3 }, count: 3), name: "noise")
    let data = try DataSplits(
      RawData(training: raw), validationCount: 8, standardizing: .perChannel, random: RandomGenerator(seed: 1))
    let augmentation = try ImageAugmentation(
      list: "resized-crop,randaugment:2:9,jitter:0.4:0.1,crop:1,flip,erasing:0.3")
    let order = Array((0..<32).reversed())
    let ranges = stride(from: 0, to: 32, by: 6).map { $0..<min(32, $0 + 6) }
    let batches = try resultsByThreadCount {
      var loaders = [false, true].map {
        BatchLoader(
          data.training, order: order, ranges: ranges, augmentation: augmentation, random: RandomGenerator(seed: 6),
          startingAt: 1, prefetching: $0)
      }
      return try (1..<ranges.count).map { _ in
        let (first, second) = (loaders[0].next()?.features, loaders[1].next()?.features)
        #expect(haveSameBits(try #require(first), try #require(second)))
        return try #require(first)
      }
    }
    for found in batches { #expect(zip(found, batches[0]).allSatisfy { haveSameBits($0, $1) }) }
    let results = try resultsByThreadCount {
      var configuration = Self.configuration(augmentation, batchSize: 6)
      (configuration.mixup, configuration.cutmix) = (0.3, 1)
      let model = try Self.model()
      let history = try Trainer(model, configuration: configuration).fit(data.training, validation: data.validation)
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
