import NormaData
import NormaGraph
import NormaLayers
import NormaNormalization
import NormaTensor

extension Layer {
  /// Recomputes all running statistics as those of the given examples with the weights as they are: the examples go through
  /// once in batches, normalized by each batch's own statistics and without dropout, and the moments of all batches are merged
  /// by `BatchMoments.merging(_:)` (Wu and Johnson, "Rethinking 'Batch' in BatchNorm", 2021, call it precise batch normalization).
  ///
  /// A layer of which no batch had two values a channel keeps what it has, and so does one that normalizes nothing here.
  ///
  /// - Parameters:
  ///   - features: the examples `[N, …]`, prepared as for training.
  ///   - batchSize: how many go through at once; that of the training, since later layers see what earlier ones make of a
  ///     batch.
  /// - Throws: `LayerError` for examples that do not fit the model, ``TrainingError/wrongSettings(_:)`` for batches of less than
  ///   one, and what a layer throws for a batch it cannot take; nothing has changed then.
  public func recalibrateStatistics(on features: Tensor<Element>, batchSize: Int) throws {
    _ = try checkedOutputShape(for: features.shape, batchSize: batchSize)
    try recalibrateStatistics(count: features.shape[0], batchSize: batchSize) { features[rows: $0] }
  }

  /// Recomputes all running statistics as those of a data set, of which a batch at a time is brought together; otherwise as those
  /// of its features.
  public func recalibrateStatistics(on dataset: Dataset<Element>, batchSize: Int) throws {
    _ = try checkedOutputShape(for: dataset.shape, batchSize: batchSize)
    try recalibrateStatistics(count: dataset.count, batchSize: batchSize) { dataset.batch($0).features }
  }

  private func recalibrateStatistics(
    count: Int, batchSize: Int, _ features: (Range<Int>) -> Tensor<Element>
  ) throws {
    var gathered: [ObjectIdentifier: (layer: any StatisticsGathering<Element>, batches: [BatchMoments])] = [:]
    for rows in TrainingConfiguration(batchSize: batchSize).batches(of: count) {
      let pass = Pass<Element>.measuring
      _ = try self(Variable(features(rows)), in: pass)
      for (layer, moments) in pass.takeGatheredMoments() {
        gathered[ObjectIdentifier(layer), default: (layer, [])].batches.append(moments)
      }
    }
    for (layer, batches) in gathered.values {
      try layer.runningStatistics?.replace(with: layer.merging(batches), batchCount: batches.count)
    }
  }

  /// Whether any layer within gathers running statistics, so that training and inference may part.
  public var gathersStatistics: Bool {
    layers.contains { ($0.layer as? any StatisticsGathering<Element>)?.runningStatistics != nil }
  }

  /// The outputs for each example as training computes them, by the statistics of batches of the given size, but without
  /// dropout: `[N, …] → [N, outputs]`. Nothing is gathered.
  ///
  /// - Throws: as `predict`.
  public func predictByBatchStatistics(_ features: Tensor<Element>, batchSize: Int) throws -> Tensor<Element> {
    let outputShape = try checkedOutputShape(for: features.shape, batchSize: batchSize)
    guard features.shape[0] > 0 else { return .zeros(outputShape) }
    return .concatenating(
      rows: try TrainingConfiguration(batchSize: batchSize).batches(of: features.shape[0]).map { rows in
        try self(Variable(features[rows: rows]), in: .measuring).value
      })
  }
}
