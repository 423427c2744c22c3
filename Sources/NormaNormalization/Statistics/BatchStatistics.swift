import NormaTensor

/// What the forward pass of batch normalization found, and its backward pass needs besides the input: vectors `[C]` for each set of
/// values that share moments, and which rows do not count.
public struct BatchStatistics<Element: TensorElement>: Sendable {
  /// The statistics of all values that count, merged where they do not share moments.
  public let moments: BatchMoments
  /// Those of each set: one, or each ghost batch's.
  private let sets: [SharedStatistics<Element>]
  let excluded: ExcludedRows
  let excludedOutput: ExcludedOutput
  let parameters: AffineParameters<Element>

  init(
    _ sets: [SharedStatistics<Element>], _ excluded: ExcludedRows, _ excludedOutput: ExcludedOutput,
    _ parameters: AffineParameters<Element>
  ) {
    self.sets = sets
    self.excluded = excluded
    self.excludedOutput = excludedOutput
    self.parameters = parameters
    moments = sets.count == 1 ? sets[0].moments : .merged(sets.map(\.moments))
  }

  /// `1 / √(variance + epsilon)`, `[C]`; of the first ghost batch where there are several.
  public var reciprocalDeviation: Tensor<Double> { sets[0].reciprocalDeviation }

  /// Calls `body` for each set that shares moments, in their order as far as results go.
  func forEachSet<Found>(_ body: (SharedStatistics<Element>) -> Found) -> [Found] {
    mapSets(sets, valuesPerSet: sets[0].valueCount, body)
  }

  /// Stops where a tensor of a shape is not one that these are the statistics of.
  func requireInput(_ shape: Shape) {
    let extent = parameters.layout.extent(of: shape)
    requireChannels(extent.channels, of: shape, statistics: moments.channelCount, parameters.layout)
  }
}

/// The statistics of values that share them.
struct SharedStatistics<Element: TensorElement>: Sendable {
  let moments: BatchMoments
  /// `1 / √(variance + epsilon)`, `[C]`.
  let reciprocalDeviation: Tensor<Double>
  private let rows: SelectedRows
  private let parameters: AffineParameters<Element>
  private let correction: RenormalizationCorrection<Element>?
  /// Pivot, scale and shift, `[3, width]`, see ``ChannelVectors``.
  private let transform: Tensor<Element>
  /// False if some channels are left to the definition.
  private let isOrdinary: Bool

  /// Finds the statistics of a set, and writes its part of the output.
  @specialized(where Element == Float)
  init(
    of x: Reading<Element>, _ set: BatchSet, _ y: Writing<Element>, _ parameters: AffineParameters<Element>,
    epsilon: Double, renormalization: BatchRenormalization.Reference<Element>?
  ) {
    rows = set.rows
    let channels = rows.extent.channels
    guard rows.extent.valuesPerChannel > 0, channels > 0 else {
      // Any variance will do that gives gradients of 0, whatever epsilon is.
      moments = BatchMoments(count: 0, mean: .zeros([channels]), centredSecondMoment: .zeros([channels]))
      reciprocalDeviation = Tensor(
        repeating: NormaNormalization.reciprocalDeviation(1, epsilon), shape: [channels])
      (self.parameters, transform, correction, isOrdinary) = (parameters, .zeros([3, channels]), nil, true)
      return
    }
    // Those that are found while the values are normalized, where nothing speaks against it.
    let known = set.needsMomentsFirst || renormalization != nil ? set.moments(of: x) : nil
    let correction = renormalization.map { $0.correction(of: known!, epsilon: epsilon) }
    let parameters = correction?.corrected(parameters) ?? parameters
    let work = BatchPasses<Element>(over: rows, rectifies: parameters.rectifies)
    let vectors = Vectors(parameters, work.cut.extent)
    isOrdinary = withExtendedLifetime(parameters) {
      if let known { return work.forward(x, y, vectors.lent, moments: known, epsilon: epsilon) }
      return work.forward(x, y, vectors.lent, epsilon: epsilon)
    }
    moments =
      known
      ?? BatchMoments(
        count: rows.extent.valuesPerChannel, mean: vectors.mean, centredSecondMoment: vectors.secondMoment)
    (self.parameters, self.correction) = (parameters, correction)
    (reciprocalDeviation, transform) = (vectors.reciprocalDeviation, vectors.transform)
  }

  /// Vectors that are still to be written.
  struct Vectors {
    let mean, secondMoment, reciprocalDeviation: Tensor<Double>
    let transform: Tensor<Element>
    let lent: ChannelVectors<Element>

    @specialized(where Element == Float)
    init(_ parameters: AffineParameters<Element>, _ extent: ChannelExtent) {
      // One piece of memory: there may be thousands of ghost batches.
      let channels = extent.channels
      let (doubles, address) = Tensor<Double>.unwritten([3 * channels])
      let (transform, transforms) = Tensor<Element>.unwritten([3, spaced(extent.width)])
      (mean, secondMoment) = (doubles[rows: 0..<channels], doubles[rows: channels..<2 * channels])
      (reciprocalDeviation, self.transform) = (doubles[rows: 2 * channels..<3 * channels], transform)
      lent = parameters.vectors(
        transforms, width: transform.shape[1], mean: address, secondMoment: address + channels,
        reciprocalDeviation: address + 2 * channels)
    }
  }

  /// The number of values in all channels.
  var valueCount: Int { rows.extent.valuesPerChannel * rows.extent.channels }

  /// The vectors, lent: they are not written to.
  private var vectors: ChannelVectors<Element> {
    func mutable(_ tensor: Tensor<Double>) -> UnsafeMutablePointer<Double> { .init(mutating: tensor.address) }
    return parameters.vectors(
      .init(mutating: transform.address), width: transform.shape[1], mean: mutable(moments.mean),
      secondMoment: mutable(moments.centredSecondMoment), reciprocalDeviation: mutable(reciprocalDeviation))
  }

  /// Writes the set's part of the output once more.
  @specialized(where Element == Float)
  func writeOutput(for x: Reading<Element>, _ y: Writing<Element>) {
    guard valueCount > 0 else { return }
    let work = BatchPasses<Element>(over: rows, rectifies: parameters.rectifies)
    withExtendedLifetime(self) { work.apply(x, y, vectors, isOrdinary: isOrdinary) }
  }

  /// Writes the set's part of the input's gradient; returns those of gamma and beta, `[C]`.
  @specialized(where Element == Float)
  func writeGradient(
    _ gradient: Reading<Element>, input x: Reading<Element>, _ dx: Writing<Element>
  ) -> (gamma: Tensor<Element>, beta: Tensor<Element>) {
    let channels = rows.extent.channels
    guard valueCount > 0 else { return (.zeros([channels]), .zeros([channels])) }
    let (gamma, gammas) = Tensor<Element>.unwritten([channels])
    let (beta, betas) = Tensor<Element>.unwritten([channels])
    let work = BatchPasses<Element>(over: rows, rectifies: parameters.rectifies)
    withExtendedLifetime(self) {
      work.backward(
        gradient, x, dx, vectors, isOrdinary: isOrdinary, isInference: false, gamma: gammas,
        beta: betas)
    }
    guard let correction else { return (gamma, beta) }
    return (correction.gammaGradient(ofCorrected: gamma, beta: beta), beta)
  }
}

/// Calls `body` for each of some sets of about so many values; small ones share the threads, large ones have them for themselves.
func mapSets<Set, Found>(_ sets: [Set], valuesPerSet: Int, _ body: (Set) -> Found) -> [Found] {
  guard sets.count > 1, valuesPerSet <= 1 << 16 else { return sets.map(body) }
  return [Found](unsafeUninitializedCapacity: sets.count) { found, count in
    // Each ticket writes a place of its own.
    nonisolated(unsafe) let (places, sets, body) = (found.baseAddress!, sets, body)
    Parallel.forEach(sets.count) { (places + $0).initialize(to: body(sets[$0])) }
    count = sets.count
  }
}
