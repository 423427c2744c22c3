import Norma
import Testing

/// Which samples the batches of an epoch hold.
@Suite struct BatchOrderTests {
  /// A layer that only looks at the first feature of what passes, in training.
  private final class Recorder: Layer {
    typealias Element = Float
    var batches: [[Int]] = []
    var summary: String { "Recorder" }
    func callAsFunction(_ x: Variable<Float>, in pass: Pass<Float>) -> Variable<Float> {
      if pass.isTraining { batches.append((0..<x.shape[0]).map { Int(x.value[$0, 0]) }) }
      return x
    }
  }

  /// The numbers of the samples of each batch, by epoch.
  private func order(count: Int, batchSize: Int, epochs: Int, dropsLastBatch: Bool = false) throws -> [[[Int]]] {
    let features = Tensor<Float>((0..<count).flatMap { [Float($0), 1] }, shape: [count, 2])
    let recorder = Recorder()
    var random = RandomGenerator(seed: 1)
    let model = Sequential<Float>([recorder, Linear(inputs: 2, outputs: 2, using: &random)])
    let data = Dataset<Float>(
      features: features, targets: .classes([Int](repeating: 0, count: count), count: 2), name: "numbers")
    var result: [[[Int]]] = []
    let configuration = TrainingConfiguration(
      epochs: epochs, batchSize: batchSize, learningRate: 0, dropsLastBatch: dropsLastBatch)
    try Trainer(model, configuration: configuration).fit(data) { event in
      if case .epoch = event {
        result.append(recorder.batches)
        recorder.batches = []
      }
      return .proceed
    }
    return result
  }

  @Test func everyEpochTakesEverySampleOnceInAnOrderOfItsOwn() throws {
    let epochs = try order(count: 23, batchSize: 5, epochs: 4)
    #expect(epochs.count == 4)
    for batches in epochs {
      #expect(batches.map(\.count) == [5, 5, 5, 5, 3])
      #expect(batches.joined().sorted() == Array(0..<23))
    }
    #expect(Set(epochs.map { Array($0.joined()) }).count == 4)
    #expect(epochs.allSatisfy { Array($0.joined()) != Array(0..<23) })
  }

  @Test func aRemainderOfOneJoinsTheBatchBeforeIt() throws {
    let batches = try order(count: 21, batchSize: 5, epochs: 1)[0]
    #expect(batches.map(\.count) == [5, 5, 5, 6])
    #expect(batches.joined().sorted() == Array(0..<21))
    // Batches that are to have one sample keep it, and a single sample is a batch.
    #expect(try order(count: 3, batchSize: 1, epochs: 1)[0].map(\.count) == [1, 1, 1])
    #expect(try order(count: 1, batchSize: 5, epochs: 1)[0].map(\.count) == [1])
  }

  @Test func theLastBatchCanBeDroppedAndOtherSamplesAreLeftOutEachTime() throws {
    let epochs = try order(count: 23, batchSize: 5, epochs: 3, dropsLastBatch: true)
    for batches in epochs {
      #expect(batches.map(\.count) == [5, 5, 5, 5])
      #expect(Set(batches.joined()).count == 20)
    }
    #expect(Set(epochs.map { Set(0..<23).subtracting($0.joined()) }).count > 1)
    // There is no dropping the only batch.
    #expect(try order(count: 3, batchSize: 5, epochs: 1, dropsLastBatch: true)[0].map(\.count) == [3])
  }
}
