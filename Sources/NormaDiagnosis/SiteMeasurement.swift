import NormaGraph
import NormaLayers
import NormaNormalization
import NormaTensor

/// What goes through a normalization, over all examples that were looked at, where all before it normalize by batches.
struct SiteMeasurement {
  /// The moments of each batch; of a layer as a whole those of what comes out in inference.
  private(set) var batches: [BatchMoments] = []
  /// Of a layer as a whole: the moments of what comes out in training.
  private var trained: [BatchMoments] = []
  /// By example and channel: the mean over positions, and the mean of the squared distances from it; of the first examples alone.
  private var exampleMeans: [Double] = [], exampleVariances: [Double] = []
  /// The moments of what comes out, behind the nonlinearity if there is one.
  private var results: [BatchMoments] = []
  /// The same behind the sum that it is part of, and its nonlinearity.
  private var sums: [BatchMoments] = []

  /// So many examples tell by how much statistics of batches differ: to some 5 % of that.
  private static let examplesOfChance = 512

  /// Takes in a batch, and gives the statistics that training normalizes it by: those that the layer gathers, where there is one.
  ///
  /// - Parameter running: those that the layer leads to, if it leads to any.
  mutating func add(
    _ x: Tensor<Float>, at site: Site, leadingTo running: Execution.Statistics?
  ) -> Execution.Statistics {
    let examples = (0..<x.shape[0]).map { BatchMoments(of: x[rows: $0..<$0 + 1], layout: site.layout) }
    let moments =
      (site.whole == nil ? try? site.layer?.merging(examples) : nil) ?? BatchMoments(of: x, layout: site.layout)
    batches.append(moments)
    for example in examples where exampleMeans.count < Self.examplesOfChance * moments.channelCount {
      exampleMeans += example.mean.elements
      exampleVariances += example.variance(.biased).elements
    }
    guard let layer = site.layer, let running else {
      return (moments.mean.converted(), moments.variance(.biased).converted())
    }
    return layer.statisticsInTraining(of: moments, leadingTo: running)
  }

  /// Takes in what comes out of a layer as a whole in training, of what goes in, and gives it.
  mutating func add(_ x: Tensor<Float>, through layer: any Layer<Float>, at site: Site) throws -> Tensor<Float> {
    let result = try layer(Variable(x), in: .measuring).value
    trained.append(BatchMoments(of: result, layout: site.layout))
    _ = add(try layer(Variable(x), in: .inference).value, at: site, leadingTo: nil)
    return result
  }

  /// Mean and variance of what comes out of a layer as a whole in training, `[C]`, the mean of all batches'; nil for other sites.
  var inTraining: (mean: [Double], variance: [Double])? {
    let counted = trained.filter { $0.count > 1 }
    guard !counted.isEmpty, let whole = try? BatchMoments.merging(counted) else { return nil }
    let variances = counted.map { $0.variance(.biased).elements }
    return (
      whole.mean.elements,
      whole.mean.elements.indices.map { channel in variances.reduce(0) { $0 + $1[channel] } / Double(counted.count) }
    )
  }

  mutating func add(result: Tensor<Float>, _ layout: ChannelLayout) {
    results.append(BatchMoments(of: result, layout: layout))
  }

  mutating func add(sum: Tensor<Float>, _ layout: ChannelLayout) {
    sums.append(BatchMoments(of: sum, layout: layout))
  }

  /// The numbers that channels are for all examples; nil for those that differ.
  private func constants(_ batches: [BatchMoments]) -> [Double?] {
    guard !batches.isEmpty, let whole = try? BatchMoments.merging(batches) else { return [] }
    return zip(whole.mean.elements, whole.centredSecondMoment.elements).map { $1 == 0 ? $0 : nil }
  }

  /// What is known of a channel.
  struct Channel {
    /// Mean and variance over all examples.
    var mean: Double, variance: Double
    /// The mean over the batches of their variance, as running statistics take it in.
    var meanBatchVariance: Double
    /// The variance of the examples' means: that of a batch's mean is so much over the number of its examples.
    var meanSpread: Double
    /// The variance over examples of the squared distances from the mean: that of a batch's variance is so much over the number of
    /// its examples.
    var varianceSpread: Double
    /// Whether all values are the same, to the rounding of the layer before.
    var isConstant: Bool
    /// What comes out, where that is the same for all examples.
    var constantResult: Double?
    /// Mean and variance of the first batch.
    var firstBatch: (mean: Double, variance: Double)
  }

  /// The channels, for running variances of an estimator.
  func channels(_ estimator: VarianceEstimator) -> [Channel] {
    guard let whole = try? BatchMoments.merging(batches), whole.count > 0 else { return [] }
    let (means, variances) = (whole.mean.elements, whole.variance(.biased).elements)
    let perBatch = batches.filter { $0.count > 1 }.map { $0.variance(estimator).elements }
    let (results, sums) = (constants(results), constants(sums))
    let first = (trained.first ?? batches.first).map { ($0.mean.elements, $0.variance(.biased).elements) }
    let count = means.count
    let examples = exampleMeans.count / max(1, count)
    return (0..<count).map { channel in
      let (mean, variance) = (means[channel], variances[channel])
      // Two sums of as many numbers: the spread of examples' means around theirs, and that of squared distances around theirs.
      func spread(_ number: (Int) -> Double) -> Double {
        guard examples > 1 else { return .nan }
        let numbers = (0..<examples).map { number($0 * count + channel) }
        let centre = numbers.reduce(0, +) / Double(examples)
        return numbers.reduce(0) { $0 + ($1 - centre) * ($1 - centre) } / Double(examples - 1)
      }
      // What the sums before it round: four units in the last place of a Float.
      let rounding = 4 * abs(mean) * Double(Float.ulpOfOne)
      return Channel(
        mean: mean, variance: variance,
        meanBatchVariance: perBatch.isEmpty
          ? variance : perBatch.reduce(0) { $0 + $1[channel] } / Double(perBatch.count),
        meanSpread: spread { exampleMeans[$0] },
        varianceSpread: spread {
          exampleVariances[$0] + (exampleMeans[$0] - mean) * (exampleMeans[$0] - mean)
        },
        isConstant: variance <= rounding * rounding,
        constantResult: (results.isEmpty ? nil : results[channel]) ?? (sums.isEmpty ? nil : sums[channel]),
        firstBatch: (first?.0[channel] ?? mean, first?.1[channel] ?? variance))
    }
  }

  /// Mean and variance over all examples, `[C]`, to normalize by.
  var population: Execution.Statistics? {
    guard let whole = try? BatchMoments.merging(batches), whole.count > 0 else { return nil }
    return (whole.mean.converted(), whole.variance(.biased).converted())
  }

  /// What running statistics of an estimator are once they have taken in all batches alike, `[C]`.
  func running(_ estimator: VarianceEstimator) -> Execution.Statistics? {
    guard let population else { return nil }
    return (population.mean, Tensor(channels(estimator).map { Float($0.meanBatchVariance) }))
  }

  /// By batch and channel that varies: the variance over the mean of all batches'.
  func varianceRatios(_ estimator: VarianceEstimator) -> [[Double]] {
    let whole = channels(estimator)
    let alive = whole.indices.filter { !whole[$0].isConstant }
    return batches.filter { $0.count > 1 }.map { batch in
      let variances = batch.variance(estimator).elements
      return alive.map { variances[$0] / whole[$0].meanBatchVariance }
    }
  }
}
