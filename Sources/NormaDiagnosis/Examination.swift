import Foundation
import NormaData
import NormaGraph
import NormaLayers
import NormaNormalization
import NormaTensor
import NormaTraining

/// A network with what was measured of it, from which findings are made.
struct Examination {
  let model: any Layer<Float>
  let features: Tensor<Float>
  let targets: Dataset<Float>.Targets?
  let loss: (any LossFunction)?
  let training: Diagnosis.Training
  /// What the network is looked at with in place of an epsilon above every framework's default; nil for its own.
  let epsilon: Double?
  /// How many examples are normalized together.
  let batchSize: Int
  let execution: Execution
  let measurements: [SiteMeasurement]
  /// The channels of each site.
  let channels: [[SiteMeasurement.Channel]]
  /// The outputs by the statistics of batches, by those of all examples, and by running ones.
  let batchOutputs, populationOutputs, runningOutputs: Tensor<Float>

  let sites: [Site]
  var count: Int { features.shape[0] }

  /// The chance that is left, over all that is compared of one kind in a diagnosis, to take for a finding what is none.
  static let chance = 1e-3
  /// How many standard errors a mean of many numbers exceeds with that chance: the normal distribution's quantile of 1 − 1e-3.
  static let significantErrors = 3.09

  /// The batch that is supposed where nobody knows how many examples were normalized together.
  private static let usualBatchSize = 32

  init(
    _ model: any Layer<Float>, _ features: Tensor<Float>, _ targets: Dataset<Float>.Targets?,
    _ loss: (any LossFunction)?, _ training: Diagnosis.Training, epsilon: Double? = nil
  ) throws {
    guard features.rank >= 2, features.shape[0] >= 2, features.isFinite else {
      throw TrainingError.dataDoNotFit("a diagnosis takes two examples or more, of numbers that are finite")
    }
    let size = model.batchSize ?? training.batchSize ?? Self.usualBatchSize
    batchSize = min(max(2, size), features.shape[0])
    // A model of a fixed batch takes whole ones.
    let count = model.batchSize.map { features.shape[0] / $0 * $0 } ?? features.shape[0]
    guard count > 0 else {
      throw TrainingError.dataDoNotFit("the model takes \(size) examples at a time, and there are \(features.shape[0])")
    }
    let features = count < features.shape[0] ? features[rows: 0..<count] : features
    _ = try model.outputShape(for: features.shape.replacingFirst(with: model.batchSize ?? 2))
    let execution = try Execution(
      model, batchShape: features.shape.replacingFirst(with: model.batchSize ?? 2), epsilon: epsilon)
    let ranges = TrainingConfiguration(batchSize: batchSize).batches(of: count)
    let inTraining = try Self.measured(execution, features, ranges)
    (measurements, batchOutputs) = (inTraining.measurements, inTraining.outputs)
    guard batchOutputs.isFinite else {
      throw TrainingError.dataDoNotFit(
        "by the statistics of batches too the network gives outputs that are no finite numbers: its weights hold such")
    }
    let sites = zip(execution.sites, measurements).map { site, measurement in
      var site = site
      if let known = measurement.inTraining { (site.mean, site.variance) = known }
      return site
    }
    populationOutputs = try Self.outputs(
      execution, features, batchSize, replacing: Set(sites.indices), measurements)
    runningOutputs = try Self.outputs(execution, features, ranges)
    channels = zip(sites, measurements).map { site, measurement in
      measurement.channels(site.layer?.runningStatistics?.estimator ?? .biased)
    }
    (self.model, self.features, self.targets, self.loss, self.training) = (model, features, targets, loss, training)
    (self.execution, self.epsilon, self.sites) = (execution, epsilon, sites)
  }

  /// What is measured while batches go through.
  private final class Measurements {
    var all: [SiteMeasurement]
    init(_ all: [SiteMeasurement]) { self.all = all }
  }

  /// What goes through the sites where each normalizes as in training, and the outputs.
  ///
  /// Layers that lead to running statistics are led to what these would be of all examples, which are known once the layers before are led to theirs:
  /// the examples go through until nothing changes any more, as many times as there are such layers at most.
  private static func measured(
    _ execution: Execution, _ features: Tensor<Float>, _ ranges: [Range<Int>]
  ) throws -> (measurements: [SiteMeasurement], outputs: Tensor<Float>) {
    let sites = execution.sites
    let leading = sites.indices.filter { sites[$0].layer?.leadsToRunningStatistics == true }
    var running: [Int: Execution.Statistics] = [:]
    var passCount = 0
    while true {
      let gathered = Measurements(sites.map { _ in SiteMeasurement() })
      let known = running
      let outputs = try outputs(
        execution, features, ranges,
        Execution.Hooks(
          statistics: { site, x in gathered.all[site].add(x, at: sites[site], leadingTo: known[site]) },
          output: { site, x in
            try sites[site].whole.map { try gathered.all[site].add(x, through: $0, at: sites[site]) }
          },
          result: { site, result in gathered.all[site].add(result: result, sites[site].layout) },
          sum: { site, result in gathered.all[site].add(sum: result, sites[site].layout) }))
      for site in leading {
        running[site] = gathered.all[site].running(sites[site].layer?.runningStatistics?.estimator ?? .biased)
      }
      passCount += 1
      if passCount > leading.count || leading.allSatisfy({ isSettled(running[$0], known[$0]) }) {
        return (gathered.all, outputs)
      }
    }
  }

  /// Whether statistics are others' to a thousandth of a deviation.
  private static func isSettled(_ new: Execution.Statistics?, _ old: Execution.Statistics?) -> Bool {
    guard let new, let old else { return false }
    return new.mean.elements.indices.allSatisfy { channel in
      let (variance, before) = (new.variance[channel], old.variance[channel])
      let shift = new.mean[channel] - old.mean[channel]
      return abs(variance - before) <= 2e-3 * variance && shift * shift <= 1e-6 * variance
    }
  }

  private static func outputs(
    _ execution: Execution, _ features: Tensor<Float>, _ ranges: [Range<Int>],
    _ hooks: Execution.Hooks = Execution.Hooks()
  ) throws -> Tensor<Float> {
    .concatenating(rows: try ranges.map { try execution.run(features[rows: $0], hooks) })
  }

  /// The outputs in inference, with the statistics of all examples at some sites in place of the running ones.
  func outputs(replacing replaced: Set<Int>) throws -> Tensor<Float> {
    try Self.outputs(execution, features, batchSize, replacing: replaced, measurements)
  }

  /// The most examples that a layer as a whole is given at once for what it would do by all of them, which nobody can tell it.
  private static let manyExamples = 256

  private static func outputs(
    _ execution: Execution, _ features: Tensor<Float>, _ batchSize: Int, replacing replaced: Set<Int>,
    _ measurements: [SiteMeasurement]
  ) throws -> Tensor<Float> {
    let population = measurements.map(\.population)
    let sites = execution.sites
    let hasWholes = replaced.contains { sites[$0].whole != nil } && batchSize < manyExamples
    let ranges = TrainingConfiguration(batchSize: hasWholes ? min(manyExamples, features.shape[0]) : batchSize)
      .batches(of: features.shape[0])
    return try outputs(
      execution, features, ranges,
      Execution.Hooks(
        statistics: { site, _ in replaced.contains(site) ? population[site] : nil },
        output: { site, x in
          replaced.contains(site) ? try sites[site].whole.map { try $0(Variable(x), in: .measuring).value } : nil
        }))
  }

  /// The network with another epsilon in place of those that are above every framework's default.
  func replacingLargeEpsilons(by epsilon: Double) throws -> Examination {
    try Examination(model, features, targets, loss, training, epsilon: epsilon)
  }

  /// What is measured of the same network on other examples, and its outputs in inference on them.
  func measured(on features: Tensor<Float>) throws -> (channels: [[SiteMeasurement.Channel]], outputs: Tensor<Float>) {
    let other = try Examination(model, features, targets, loss, training, epsilon: epsilon)
    return (other.channels, other.runningOutputs)
  }

  // MARK: Losses

  /// The loss of each example; nil without targets.
  func losses(_ outputs: Tensor<Float>) throws -> [Double]? {
    guard let targets, let loss else { return nil }
    return try (0..<count).map { row in
      Double(
        try loss(Variable(outputs[rows: row..<row + 1]), targets: targets.subset(rows: [row])).value.item)
    }
  }

  /// The mean of the differences of numbers by examples, and its standard error; infinite where the first are no numbers.
  static func difference(_ first: [Double], _ second: [Double]) -> (mean: Double, error: Double) {
    let differences = zip(first, second).map { $0 - $1 }
    guard differences.allSatisfy(\.isFinite) else { return (.infinity, 0) }
    let count = Double(differences.count)
    let mean = differences.reduce(0, +) / count
    let squares = differences.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return (mean, (squares / (count - 1) / count).squareRoot())
  }

  var lossSummary: Diagnosis.Loss? {
    guard let running = try? losses(runningOutputs), let batch = try? losses(batchOutputs),
      let population = try? losses(populationOutputs)
    else { return nil }
    func mean(_ numbers: [Double]) -> Double { numbers.reduce(0, +) / Double(numbers.count) }
    let difference = Self.difference(running, population)
    let inference = mean(running)
    return Diagnosis.Loss(
      running: inference.isFinite ? inference : nil, batch: mean(batch), population: mean(population),
      standardError: difference.mean.isFinite ? difference.error : nil)
  }

  /// Whether outputs are farther from those by the statistics of all examples than the noise of batches puts them in training.
  func isBeyondNoise(_ outputs: Tensor<Float>) -> Bool {
    func distance(_ outputs: Tensor<Float>) -> Double {
      zip(outputs.elements, populationOutputs.elements).reduce(0) { sum, pair in
        let difference = Double(pair.0) - Double(pair.1)
        return sum + difference * difference
      }
    }
    return !outputs.isFinite || distance(outputs) > distance(batchOutputs)
  }

  /// By how many standard errors the loss of outputs is above that by the statistics of all examples; nil without targets.
  func excess(_ outputs: Tensor<Float>) throws -> Double? {
    guard let losses = try losses(outputs), let best = try self.losses(populationOutputs) else { return nil }
    let (mean, error) = Self.difference(losses, best)
    return mean == 0 ? 0 : mean / error
  }

  /// By how many standard errors the loss by the statistics of all examples is above others; nil without targets.
  func excess(over losses: [Double]) throws -> Double? {
    guard let own = try self.losses(populationOutputs) else { return nil }
    let (mean, error) = Self.difference(own, losses)
    return mean == 0 ? 0 : mean / error
  }

  /// By how much the outputs for an example in a batch are off those by the statistics of all examples: the mean of the squares, over the
  /// variance of the latter.
  var outputChance: Double {
    let width = max(1, populationOutputs.count / count)
    let (batch, population) = (batchOutputs.elements, populationOutputs.elements)
    var (noise, variance) = (0.0, 0.0)
    for column in 0..<width {
      let places = stride(from: column, to: column + count * width, by: width)
      let mean = places.reduce(0.0) { $0 + Double(population[$1]) } / Double(count)
      for place in places {
        let (change, distance) = (Double(batch[place]) - Double(population[place]), Double(population[place]) - mean)
        noise += change * change
        variance += distance * distance
      }
    }
    return variance > 0 ? noise / variance : 0
  }

  // MARK: Channels

  /// The channels of each site of which nothing that comes out depends on the example.
  var deadChannels: [Set<Int>] {
    channels.map { channels in Set(channels.indices.filter { channels[$0].constantResult != nil }) }
  }
}

/// A number as sentences have it: three digits.
func words(_ number: Double) -> String {
  number.isFinite ? String(format: "%.3g", number) : "\(number)"
}

/// Names in a row: of more than five the first five, and how many there are more.
func list(_ names: [String]) -> String {
  let shown = names.prefix(5).map { "'\($0)'" }.joined(separator: ", ")
  return names.count > 5 ? "\(shown) and \(names.count - 5) more" : shown
}

extension [Double] {
  /// The middle one, the upper of two; NaN of none.
  var median: Double { isEmpty ? .nan : sorted()[count / 2] }
}
