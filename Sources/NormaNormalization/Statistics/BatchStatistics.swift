import NormaTensor

/// What the forward pass of batch normalization found, and its backward pass needs besides the input: vectors `[C]` for each set of
/// values that share moments, and which rows do not count.
public struct BatchStatistics<Element: TensorElement>: Sendable {
  /// The statistics of all values that count, merged where they do not share moments.
  public let moments: BatchMoments
  /// Those of each set: one, or each ghost batch's.
  private let sets: [SharedStatistics<Element>]
  private let vectors: StatisticsVectors<Element>
  let excluded: ExcludedRows
  let excludedOutput: ExcludedOutput
  let parameters: AffineParameters<Element>
  /// What tells of the batch's other shards, where these are the statistics of all.
  let exchange: (any ShardExchange)?

  init(
    _ sets: [SharedStatistics<Element>], _ vectors: StatisticsVectors<Element>, _ excluded: ExcludedRows,
    _ excludedOutput: ExcludedOutput, _ parameters: AffineParameters<Element>, exchange: (any ShardExchange)? = nil
  ) {
    self.exchange = exchange
    self.sets = sets
    self.vectors = vectors
    self.excluded = excluded
    self.excludedOutput = excludedOutput
    self.parameters = parameters
    moments = vectors.moments(sets.map(\.weights))
  }

  /// `1 / √(variance + epsilon)`, `[C]`; of the first ghost batch where there are several.
  public var reciprocalDeviation: Tensor<Double> { vectors.reciprocalDeviation }

  /// How many sets share moments.
  var setCount: Int { sets.count }

  /// Calls `body` for each set that shares moments, with its vectors, on several threads.
  func forEachSet(
    _ body: (Int, SharedStatistics<Element>, ChannelVectors<Element>, PassMemory<Element>?) -> Void
  ) {
    withExtendedLifetime((vectors, parameters)) {
      let lent = vectors.lent(parameters)
      sets.withUnsafeBufferPointer { sets in
        // Only read.
        nonisolated(unsafe) let sets = sets
        forEachOfSets(sets.count, valuesPerSet: sets[0].valueCount, width: vectors.width, Element.self) {
          body($0, sets[$0], lent[$0], $1)
        }
      }
    }
  }

  /// Stops where a tensor of a shape is not one that these are the statistics of.
  func requireInput(_ shape: Shape) {
    let extent = parameters.layout.extent(of: shape)
    requireChannels(extent.channels, of: shape, statistics: moments.channelCount, parameters.layout)
  }
}

/// How much the values of a set weigh.
struct SetWeights {
  var count: Int
  var weight, squaredWeight: Double

  init(count: Int) { (self.count, weight, squaredWeight) = (count, Double(count), Double(count)) }

  init(_ moments: BatchMoments) {
    (count, weight, squaredWeight) = (moments.count, moments.weight, moments.squaredWeight)
  }
}

/// The vectors of all sets in one piece of memory: there may be thousands of ghost batches.
struct StatisticsVectors<Element: TensorElement>: Sendable {
  /// Means, centred second moments and reciprocal deviations `[3 · sets, C]`.
  private let statistics: Tensor<Double>
  /// Pivots, scales and shifts `[3 · sets, width]`, see ``ChannelVectors``.
  private let transforms: Tensor<Element>

  /// Vectors that are still to be written.
  ///
  /// - Parameter width: that of the widest extent of a set.
  init(sets: Int, channels: Int, width: Int) {
    statistics = Tensor.unwritten([3 * sets, channels]).tensor
    transforms = Tensor.unwritten([3 * sets, spaced(width)]).tensor
  }

  /// Where the vectors of all sets stand, and gamma and beta: while they and the parameters are kept alive. Until all are written, each
  /// set writes its own; from then on nobody writes to them.
  struct Lent {
    fileprivate let statistics: UnsafeMutablePointer<Double>
    fileprivate let transforms: UnsafeMutablePointer<Element>
    fileprivate let channels, width: Int
    fileprivate let gamma, beta: UnsafePointer<Element>?

    /// Those of a set.
    subscript(set: Int) -> ChannelVectors<Element> {
      let (mean, pivot) = (statistics + 3 * set * channels, transforms + 3 * set * width)
      return ChannelVectors(
        mean: mean, secondMoment: mean + channels, reciprocalDeviation: mean + 2 * channels, gamma: gamma, beta: beta,
        pivot: pivot, scale: pivot + width, shift: pivot + 2 * width)
    }
  }

  func lent(_ parameters: AffineParameters<Element>) -> Lent {
    Lent(
      statistics: UnsafeMutablePointer(mutating: statistics.address),
      transforms: UnsafeMutablePointer(mutating: transforms.address), channels: statistics.shape[1],
      width: transforms.shape[1], gamma: parameters.gamma?.address, beta: parameters.beta?.address)
  }

  /// The distance between two vectors, at least the width of the widest extent.
  var width: Int { transforms.shape[1] }

  /// The reciprocal deviations of the first set.
  var reciprocalDeviation: Tensor<Double> { row(2) }

  private func row(_ index: Int) -> Tensor<Double> {
    statistics[rows: index..<index + 1].reshaped(to: [statistics.shape[1]])
  }

  /// The moments of all sets.
  func moments(_ weights: [SetWeights]) -> BatchMoments {
    guard weights.count > 1 else {
      return BatchMoments(
        count: weights[0].count, weight: weights[0].weight, squaredWeight: weights[0].squaredWeight, mean: row(0),
        centredSecondMoment: row(1))
    }
    let channels = statistics.shape[1]
    return withExtendedLifetime(statistics) {
      .merged(
        weights.enumerated().map { set, weights in
          let mean = statistics.address + 3 * set * channels
          return BatchMoments.Node(
            count: weights.count, weight: weights.weight, squaredWeight: weights.squaredWeight, mean: mean,
            second: mean + channels)
        }, channels: channels)
    }
  }
}

/// The statistics of values that share them, but for their vectors, which stand beside those of other sets.
struct SharedStatistics<Element: TensorElement>: Sendable {
  let weights: SetWeights
  private let rows: SelectedRows
  private let renormalized: Renormalized?
  /// False if some channels are left to the definition.
  private let isOrdinary: Bool

  /// What renormalization makes of gamma and beta.
  private final class Renormalized: Sendable {
    let correction: RenormalizationCorrection<Element>
    let parameters: AffineParameters<Element>

    init(_ correction: RenormalizationCorrection<Element>, _ parameters: AffineParameters<Element>) {
      (self.correction, self.parameters) = (correction, correction.corrected(parameters))
    }

    func corrected(_ vectors: ChannelVectors<Element>) -> ChannelVectors<Element> {
      var vectors = vectors
      (vectors.gamma, vectors.beta) = (parameters.gamma?.address, parameters.beta?.address)
      return vectors
    }
  }

  /// Finds the statistics of a set, and writes its vectors and its part of the output.
  @specialized(where Element == Float)
  init(
    of x: Reading<Element>, _ set: BatchSet, _ y: Writing<Element>, _ parameters: AffineParameters<Element>,
    _ vectors: ChannelVectors<Element>, _ memory: PassMemory<Element>?,
    epsilon: Double, renormalization: BatchRenormalization.Reference<Element>?, known: BatchMoments? = nil
  ) {
    rows = set.rows
    let channels = rows.extent.channels
    guard known?.count ?? rows.extent.valuesPerChannel > 0, channels > 0 else {
      // Any variance will do that gives gradients of 0, whatever epsilon is.
      vectors.mean.update(repeating: 0, count: channels)
      vectors.secondMoment.update(repeating: 0, count: channels)
      vectors.reciprocalDeviation.update(
        repeating: NormaNormalization.reciprocalDeviation(1, epsilon), count: channels)
      (weights, renormalized, isOrdinary) = (SetWeights(count: 0), nil, true)
      return
    }
    // Those that are found while the values are normalized, where nothing speaks against it.
    let known = known ?? (set.needsMomentsFirst || renormalization != nil ? set.moments(of: x) : nil)
    let renormalized = renormalization.map { Renormalized($0.correction(of: known!, epsilon: epsilon), parameters) }
    let work = BatchPasses<Element>(over: rows, rectifies: parameters.rectifies, memory: memory)
    if let known {
      isOrdinary = withExtendedLifetime(renormalized) {
        work.forward(x, y, renormalized?.corrected(vectors) ?? vectors, moments: known, epsilon: epsilon)
      }
    } else {
      isOrdinary = work.forward(x, y, vectors, epsilon: epsilon)
    }
    weights = known.map { SetWeights($0) } ?? SetWeights(count: rows.extent.valuesPerChannel)
    self.renormalized = renormalized
  }

  /// The number of values in all channels.
  var valueCount: Int { rows.extent.valuesPerChannel * rows.extent.channels }

  /// Writes the set's part of the output once more.
  @specialized(where Element == Float)
  func writeOutput(
    for x: Reading<Element>, _ y: Writing<Element>, rectifies: Bool, _ vectors: ChannelVectors<Element>
  ) {
    guard valueCount > 0 else { return }
    let work = BatchPasses<Element>(over: rows, rectifies: rectifies)
    withExtendedLifetime(renormalized) {
      work.apply(x, y, renormalized?.corrected(vectors) ?? vectors, isOrdinary: isOrdinary)
    }
  }

  /// Writes the set's part of the input's gradient, and its parts of those of gamma and beta.
  @specialized(where Element == Float)
  func writeGradient(
    _ gradient: Reading<Element>, input x: Reading<Element>, _ dx: Writing<Element>,
    rectifies: Bool, _ vectors: ChannelVectors<Element>, _ memory: PassMemory<Element>?,
    gamma: UnsafeMutablePointer<Element>, beta: UnsafeMutablePointer<Element>, exchange: (any ShardExchange)?
  ) {
    let channels = rows.extent.channels
    guard valueCount > 0 || exchange != nil else {
      gamma.update(repeating: 0, count: channels)
      beta.update(repeating: 0, count: channels)
      return
    }
    let work = BatchPasses<Element>(over: rows, rectifies: rectifies, memory: memory)
    withExtendedLifetime(renormalized) {
      let vectors = renormalized?.corrected(vectors) ?? vectors
      work.backward(
        gradient, x, dx, vectors, isOrdinary: isOrdinary, isInference: false, gamma: gamma, beta: beta,
        shards: exchange.map { (weights.weight, $0) })
    }
    renormalized?.correction.setGammaGradient(gamma, ofCorrectedBeta: beta)
  }
}

/// Calls `body` for each of some sets of about so many values; small ones share the threads, as many together as are worth sharing, and
/// large ones have them for themselves. Those of a ticket share memory for vectors of a width.
func forEachOfSets<Element: TensorElement>(
  _ count: Int, valuesPerSet: Int, width: Int, _ type: Element.Type,
  _ body: (_ set: Int, _ memory: PassMemory<Element>?) -> Void
) {
  guard count > 1, valuesPerSet <= 1 << 16 else {
    for set in 0..<count { body(set, nil) }
    return
  }
  let perTicket = max(1, (1 << 15) / max(1, valuesPerSet))
  Parallel.forEach((count + perTicket - 1) / perTicket) { ticket in
    PassMemory<Element>.lend(width: width) { memory in
      for set in ticket * perTicket..<min(count, (ticket + 1) * perTicket) { body(set, memory) }
    }
  }
}
