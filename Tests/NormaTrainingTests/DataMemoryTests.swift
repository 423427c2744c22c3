import AllocationCounter
import Norma
import Testing

/// What becomes of a data set's memory between the file and the end of a training.
@Suite struct DataMemoryTests {
  @Test(.enabled(if: allocation_counter_works()))
  func imagesAreNeverAllNumbersAtATime() throws {
    // More than are measured at the end of an epoch.
    let (count, shape) = (4 * Trainer<Float>.trainingMetricSamples, [16, 16, 3] as Shape)
    let bytes = (0..<count * shape.elementCount).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 / 1000) }
    let raw = RawDataset(
      features: .bytes(bytes, shape: Shape([count] + Array(shape))),
      targets: .classes((0..<count).map { $0 % 3 }, count: 3), name: "noise")
    var random = RandomGenerator(seed: 1)
    let model = Sequential<Float>([Flatten(), Linear(inputs: shape.elementCount, outputs: 3, using: &random)])

    allocation_counter_start()
    let data = try DataSplits(
      RawData(training: raw), validationCount: 500, standardizing: .perChannel, random: RandomGenerator(seed: 2))
    let trainer = try Trainer(
      model,
      configuration: TrainingConfiguration(
        epochs: 1, batchSize: 100, augmentation: ImageAugmentation(padding: 1, flipsHorizontally: true)))
    try trainer.fit(data.training, validation: data.validation)
    _ = try model.evaluate(on: data.training, loss: .softmaxCrossEntropy)
    // The largest are the examples that are measured after the epoch: a quarter of all.
    let whole = count * shape.elementCount * MemoryLayout<Float>.size
    #expect(allocation_counter_largest() < whole / 3)
  }
}
