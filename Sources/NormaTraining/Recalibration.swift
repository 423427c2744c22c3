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
  /// The examples need no labels: those of another domain than the training's make the network one of that domain, with the same
  /// weights (Li et al. 2016, AdaBN).
  ///
  /// - Parameters:
  ///   - features: the examples `[N, …]`, prepared as for training.
  ///   - batchSize: how many go through at once; that of the training, since later layers see what earlier ones make of a
  ///     batch.
  /// - Returns: what changed, layer by layer.
  /// - Throws: `LayerError` for examples that do not fit the model, ``TrainingError/wrongSettings(_:)`` for batches of less than
  ///   one, and what a layer throws for a batch it cannot take; nothing has changed then.
  @discardableResult
  public func recalibrateStatistics(on features: Tensor<Element>, batchSize: Int) throws -> [StatisticsChange] {
    _ = try checkedOutputShape(for: features.shape, batchSize: batchSize)
    return try recalibrateStatistics(count: features.shape[0], batchSize: batchSize) { features[rows: $0] }
  }

  /// Recomputes all running statistics as those of a data set, of which a batch at a time is brought together; otherwise as those
  /// of its features.
  ///
  /// - Parameters:
  ///   - dataset: the examples, prepared as for training.
  ///   - batchSize: how many go through at once.
  ///   - group: the processes that share the batches, all of which end with the same statistics; nil for this one alone.
  @discardableResult
  public func recalibrateStatistics(
    on dataset: Dataset<Element>, batchSize: Int, in group: (any ProcessGroup)? = nil
  ) throws -> [StatisticsChange] {
    _ = try checkedOutputShape(for: dataset.shape, batchSize: batchSize)
    return try recalibrateStatistics(count: dataset.count, batchSize: batchSize, in: group) {
      dataset.batch($0).features
    }
  }

  private func recalibrateStatistics(
    count: Int, batchSize: Int, in group: (any ProcessGroup)? = nil, _ features: (Range<Int>) -> Tensor<Element>
  ) throws -> [StatisticsChange] {
    var gathered: [ObjectIdentifier: (layer: any StatisticsKeeping<Element>, batches: [BatchMoments])] = [:]
    let batches = TrainingConfiguration(batchSize: batchSize).batches(of: count)
    func moments(_ rows: Range<Int>) throws -> [GatheredMoments<Element>] {
      let pass = Pass<Element>.measuring
      _ = try self(Variable(features(rows)), in: pass)
      return pass.takeGatheredMoments()
    }
    for found in try group?.moments(of: batches, moments) ?? batches.flatMap(moments) {
      gathered[ObjectIdentifier(found.layer), default: (found.layer, [])].batches.append(found.moments)
    }
    // All of them, before one is changed.
    let merged = try gathered.mapValues {
      (layer: $0.layer, moments: try $0.layer.merging($0.batches), $0.batches.count)
    }
    var changes: [StatisticsChange] = []
    for (path, layer) in distinctLayers {
      guard let layer = layer as? any StatisticsKeeping<Element>,
        let (_, moments, count) = merged[ObjectIdentifier(layer)],
        let (shifts, ratios) = try layer.replaceStatistics(with: moments, batchCount: count)
      else { continue }
      changes.append(StatisticsChange(layer: path, meanShifts: shifts, deviationRatios: ratios))
    }
    return changes
  }

  /// Whether any layer within gathers running statistics, so that training and inference may part.
  public var gathersStatistics: Bool {
    layers.contains { ($0.layer as? any StatisticsKeeping<Element>)?.keepsStatistics ?? false }
  }

  /// The outputs for each example as training computes them, by the statistics of batches of the given size, but without
  /// dropout: `[N, …] → [N, outputs]`. Nothing is gathered.
  ///
  /// - Parameters:
  ///   - features: the examples.
  ///   - batchSize: how many are normalized together.
  ///   - group: the processes that share the batches, of which each gets all outputs; nil for this one alone.
  /// - Throws: as `predict`.
  public func predictByBatchStatistics(
    _ features: Tensor<Element>, batchSize: Int, in group: (any ProcessGroup)? = nil
  ) throws -> Tensor<Element> {
    let outputShape = try checkedOutputShape(for: features.shape, batchSize: batchSize)
    guard features.shape[0] > 0 else { return .zeros(outputShape) }
    let batches = TrainingConfiguration(batchSize: batchSize).batches(of: features.shape[0])
    let own = batches[group?.share(of: batches.count) ?? batches.indices]
    let outputs =
      own.isEmpty
      ? .zeros(Shape([0] + outputShape.dropFirst()))
      : Tensor.concatenating(
        rows: try own.map { try self(Variable(features[rows: $0]), in: .measuring).value })
    return try group?.concatenated(outputs) ?? outputs
  }
}

extension ProcessGroup {
  /// The moments that layers gather of batches, which the processes share, all one after the other in each process.
  ///
  /// - Parameter gather: what layers gather of the examples of a batch: of the same layers for each.
  fileprivate func moments<Element: TensorElement>(
    of batches: [Range<Int>], _ gather: (Range<Int>) throws -> [GatheredMoments<Element>]
  ) throws -> [GatheredMoments<Element>] {
    guard let first = batches.first else { return [] }
    let own = batches[share(of: batches.count)]
    let found = try own.map(gather)
    // Who has none knows by one which layers gather how much.
    let pattern = try found.first ?? gather(first)
    let packed = try concatenated(found.flatMap { $0.flatMap(\.moments.packed) }, zero: 0)
    var rest = packed[...]
    return batches.flatMap { _ in
      pattern.map { layer in
        let length = layer.moments.packed.count
        defer { rest = rest.dropFirst(length) }
        return layer.with(BatchMoments(packed: Array(rest.prefix(length))))
      }
    }
  }
}

/// What became of the running statistics of a layer.
public struct StatisticsChange: Sendable, Hashable, Codable {
  /// The path of the layer in the network.
  public let layer: String
  /// How far the mean of each channel moved, in its deviations before; of a whitening how far that moves its outputs.
  public let meanShifts: [Double]
  /// By how much the deviation of each channel was multiplied; of a whitening what its outputs are divided by now, and were before.
  public let deviationRatios: [Double]
}
