import NormaNormalization
import NormaTensor
import TestSupport
import Testing

/// Holds moments to sums in twice double precision.
///
/// In double precision, a sum of n terms is off by at most n·u·Σ|term|, u being the unit roundoff, and each distance from
/// the centre by one rounding more. The mean of the distances is at most their deviation. `depth` is the number of additions
/// any term goes through: n, or fewer where blocks are added up.
private func expectExact<Element: TensorElement>(
  _ moments: BatchMoments, of x: Tensor<Element>, depth: Int? = nil, sourceLocation: SourceLocation = #_sourceLocation
) {
  let reference = ReferenceBatchNormalization(x)
  let relative = 1.01 * Double(depth ?? reference.rows) * Double.unitRoundoff + 8 * Double.unitRoundoff
  let deviations = reference.secondMoment.map { ($0 / Double(reference.rows)).squareRoot() }
  let meanBounds = zip(reference.mean, deviations).map { 2 * Double.unitRoundoff * abs($0) + relative * $1 }
  #expect(moments.count == reference.rows, sourceLocation: sourceLocation)
  #expect(
    errorOverBound(moments.mean, reference: reference.mean, bound: meanBounds) <= 1, sourceLocation: sourceLocation)
  #expect(
    errorOverBound(
      moments.centredSecondMoment, reference: reference.secondMoment,
      bound: reference.secondMoment.map { relative * $0 }) <= 1, sourceLocation: sourceLocation)
}

@Suite struct BatchMomentsTests {
  @Test(arguments: [[2, 1], [3, 2], [7, 5], [100, 17], [5, 4, 3, 6], [1, 9, 2], [999, 64], [20_001, 3]])
  func momentsAreExactToTheRoundingOfDoubles(shape: [Int]) {
    var generator = RandomGenerator(seed: 31)
    let x = Tensor<Double>.normal(Shape(shape), mean: 0.3, standardDeviation: 2, using: &generator)
    expectExact(BatchMoments(of: x), of: x)
    let floats = x.converted(to: Float.self)
    expectExact(BatchMoments(of: floats), of: floats)
  }

  @Test(arguments: [(1e4, 0.1), (-1e6, 1e-3), (1e12, 1), (1e-30, 1e-32)])
  func aLargeMeanCostsNoDigits(mean: Double, deviation: Double) {
    var generator = RandomGenerator(seed: 32)
    let x = Tensor<Double>.normal([501, 7], mean: mean, standardDeviation: deviation, using: &generator)
    expectExact(BatchMoments(of: x), of: x)
    let floats = x.converted(to: Float.self)
    expectExact(BatchMoments(of: floats), of: floats)
  }

  // Where PyTorch's and oneDNN's variance is off by a factor of 14.
  @Test(arguments: [1, 3]) func aMillionRowsWithAMeanOfAThousandAreExact(channels: Int) {
    var generator = RandomGenerator(seed: 33)
    let x = Tensor<Float>.normal([1_000_000, channels], mean: 1000, using: &generator)
    // Blocks hold 16,384 values of all channels together.
    expectExact(BatchMoments(of: x), of: x, depth: 16_384 + 1_000_000 * channels / 16_384 + 1)
  }

  @Test func aFirstValueFarFromTheOthersCostsNoDigits() {
    var generator = RandomGenerator(seed: 34)
    var x = Tensor<Double>.normal([300, 2], using: &generator)
    x[0, 1] = 1e9
    expectExact(BatchMoments(of: x), of: x)
  }

  @Test(arguments: [0.1, -3, 1e30, 0x1p-140, 0] as [Float]) func aConstantChannelHasAMomentOfExactlyZero(value: Float) {
    let x = Tensor<Float>(repeating: value, shape: [40_007, 2])
    for layout in ChannelLayout.allCases {
      let moments = BatchMoments(of: x, layout: layout)
      #expect(moments.mean.elements == [Double(value), Double(value)])
      #expect(moments.centredSecondMoment.elements == [0, 0])
      #expect(moments.variance(.unbiased).elements == [0, 0])
    }
  }

  @Test func channelsFirstGivesTheMomentsOfTheTransposedTensor() {
    var generator = RandomGenerator(seed: 35)
    let x = Tensor<Float>.normal([6, 5, 7, 3], mean: 50, using: &generator)
    expectExact(BatchMoments(of: x, layout: .channelsFirst), of: x.transposed([0, 2, 3, 1]))
  }

  @Test func anEmptyBatchHasCountZero() {
    for (shape, layout) in [
      ([0, 3], ChannelLayout.channelsLast), ([4, 3, 0], .channelsFirst), ([4, 0, 3], .channelsLast),
    ] {
      let moments = BatchMoments(of: Tensor<Float>.zeros(Shape(shape)), layout: layout)
      #expect(moments.count == 0 && moments.mean == .zeros([3]) && moments.centredSecondMoment == .zeros([3]))
    }
  }

  @Test func estimatorsDivideByTheirOwnCounts() {
    let moments = BatchMoments(of: Tensor<Float>([1, 2, 6], shape: [3, 1]))
    #expect(moments.mean.elements == [3] && moments.centredSecondMoment.elements == [14])
    #expect(relativeError(moments.variance(.biased), Tensor([14.0 / 3])) < 4 * Double.unitRoundoff)
    #expect(moments.variance(.unbiased).elements == [7])
    let single = BatchMoments(of: Tensor<Float>([5], shape: [1, 1]))
    #expect(single.variance(.biased).elements == [0] && single.variance(.unbiased).elements[0].isNaN)
    #expect(BatchMoments(of: Tensor<Float>.zeros([0, 1])).variance(.biased).elements[0].isNaN)
  }

  @Test(arguments: 0..<10) func mergedPartsAreTheWholeWhateverTheirOrder(seed: UInt64) throws {
    var generator = RandomGenerator(seed: 360 + seed)
    let rows = 400
    let x = Tensor<Double>.normal([rows, 3], mean: seed.isMultiple(of: 2) ? 0 : 1e4, using: &generator)
    let cuts = [0] + (0..<6).map { _ in Int.random(in: 0...rows, using: &generator) }.sorted() + [rows]
    let parts = zip(cuts, cuts.dropFirst()).map { BatchMoments(of: x[rows: $0..<$1]) }
    var merged = BatchMoments(of: x[rows: 0..<0])
    for part in generator.permutation(parts.count) { try merged.merge(parts[part]) }

    let whole = ReferenceBatchNormalization(x)
    // Seven merges of a few roundings each; those of the means, relative to the mean itself, count in the moment by
    // their distance from each other.
    let u = Double.unitRoundoff
    for channel in 0..<3 {
      let deviation = (whole.secondMoment[channel] / Double(rows)).squareRoot()
      let meanError = 7 * 4 * u * (abs(whole.mean[channel]) + deviation) + Double(rows) * u * deviation
      #expect(abs(merged.mean[channel] - whole.mean[channel]) <= meanError)
      let momentError =
        Double(rows + 7 * 8) * u * whole.secondMoment[channel] + 4 * Double(rows) * deviation * meanError
      #expect(abs(merged.centredSecondMoment[channel] - whole.secondMoment[channel]) <= momentError)
    }
    #expect(merged.count == rows)
  }

  @Test func partsMergeInOneTreeOfAlignedPairs() throws {
    var generator = RandomGenerator(seed: 38)
    let parts = (0..<7).map { _ in BatchMoments(of: Tensor<Double>.normal([9, 3], using: &generator)) }
    func pair(_ left: BatchMoments, _ right: BatchMoments) throws -> BatchMoments {
      var left = left
      try left.merge(right)
      return left
    }
    let (first, second) = (try pair(parts[0], parts[1]), try pair(parts[2], parts[3]))
    let quarter = try pair(first, second)
    #expect(try BatchMoments.merging(Array(parts[0..<1])) == parts[0])
    #expect(try BatchMoments.merging(Array(parts[0..<5])) == pair(quarter, parts[4]))
    let last = try pair(pair(parts[4], parts[5]), parts[6])
    #expect(try BatchMoments.merging(parts) == pair(quarter, last))
    // An aligned range that was merged before is one leaf.
    #expect(try BatchMoments.merging([BatchMoments.merging(Array(parts[0..<4])), last]) == BatchMoments.merging(parts))
  }

  @Test func mergingPartsWithOtherNumbersOfChannelsIsAnError() {
    #expect(throws: NormalizationError.channelCountMismatch(expected: 2, found: 3)) {
      try BatchMoments.merging([
        BatchMoments(of: Tensor<Float>.ones([4, 2])), BatchMoments(of: Tensor<Float>.ones([4, 3])),
      ])
    }
  }

  @Test func mergingWithAnEmptyBatchChangesNothing() throws {
    let empty = BatchMoments(of: Tensor<Float>.zeros([0, 2]))
    let full = BatchMoments(of: Tensor<Float>([1, 2, 3, 5], shape: [2, 2]))
    var first = full
    try first.merge(empty)
    var second = empty
    try second.merge(full)
    #expect(first == full && second == full)
  }

  @Test func mergingOtherNumbersOfChannelsIsAnError() {
    var moments = BatchMoments(of: Tensor<Float>.ones([4, 2]))
    #expect(throws: NormalizationError.channelCountMismatch(expected: 2, found: 3)) {
      try moments.merge(BatchMoments(of: Tensor<Float>.ones([4, 3])))
    }
    #expect(moments.count == 4)
  }

  @Test(arguments: ChannelLayout.allCases) func momentsHaveTheSameBitsForEveryThreadCount(layout: ChannelLayout) {
    var generator = RandomGenerator(seed: 37)
    let x = Tensor<Float>.normal([130, 33, 47], using: &generator)
    let results = resultsByThreadCount { BatchMoments(of: x, layout: layout) }
    #expect(results.allSatisfy { $0 == results[0] })
  }
}
