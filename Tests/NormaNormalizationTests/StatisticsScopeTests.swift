import NormaNormalization
import NormaTensor
import TestSupport
import Testing

/// Which values make the moments: rows with weights, ghost batches, parts; and what leads to running statistics.
@Suite struct StatisticsScopeTests {
  // MARK: Against PyTorch

  typealias Case = ParityCase<StatisticsSettings>
  static let cases: [Case] = ParityFixture.cases(of: "statistics")

  private func layout(_ settings: StatisticsSettings) -> ChannelLayout {
    settings.layout == "NCHW" ? .channelsFirst : .channelsLast
  }

  /// As the script makes them: 0 and 1, with two of them at the start and one of each at the end.
  private func weights(_ parity: Case) -> Tensor<Float>? {
    guard let kind = parity.settings.weights else { return nil }
    let shape = parity.settings.shape
    let rows = layout(parity.settings) == .channelsFirst ? [shape[0]] + shape.dropFirst(2) : Array(shape.dropLast())
    let weighted = Shape(Array(rows.prefix(parity.settings.rank)))
    var mask = parity.hashed("mask", weighted, Float.self).elements.map { $0 < 0.5 ? 1 as Float : 0 }
    mask[0] = 1
    mask[1] = 1
    mask[mask.count - 2] = 0
    mask[mask.count - 1] = 1
    let result = Tensor(mask, shape: weighted)
    return kind == "uneven" ? result * parity.hashed("weights", weighted, bound: 0.875, offset: 1) : result
  }

  private func results<Element: TensorElement>(
    of parity: Case, _ type: Element.Type
  ) throws -> [String: Tensor<Element>] {
    let settings = parity.settings
    let shape = Shape(settings.shape)
    let channels = layout(settings) == .channelsFirst ? shape[1] : shape.channelCount
    let x: Tensor<Element> = parity.hashed("x", shape, bound: 1.75, offset: settings.mean)
    var running = RunningStatistics<Element>(
      channelCount: channels,
      conventions: BatchNormalizationConventions(
        epsilon: settings.epsilon, rule: .updating(0.1), estimator: .unbiased, initialVariance: 1))
    running.mean = parity.hashed("running_mean", [channels], bound: 0.5, offset: settings.mean)
    running.variance = parity.hashed("running_var", [channels], bound: 0.5, offset: 1)
    let reference = settings.renormalization.map {
      BatchRenormalization.Reference(
        mean: running.mean, variance: running.variance, largestRatio: $0[0], largestDistance: $0[1])
    }
    let (y, saved) = try BatchNormalization.forward(
      x, gamma: settings.affine ? parity.hashed("gamma", [channels], bound: 0.5, offset: 1) : nil,
      beta: settings.affine ? parity.hashed("beta", [channels]) : nil, epsilon: settings.epsilon,
      layout: layout(settings), scope: settings.ghosts.map { .ghosts(ofSize: $0) } ?? .batch,
      weights: weights(parity)?.converted(), renormalization: reference)
    let gradients = BatchNormalization.backward(
      parity.hashed("dy", shape, bound: 1.75), input: x, saved: saved)
    try running.update(with: saved.moments)
    var results = [
      "y": y, "dx": gradients.input, "running_mean": running.mean, "running_var": running.variance,
    ]
    if settings.affine { (results["dgamma"], results["dbeta"]) = (gradients.gamma, gradients.beta) }
    return results
  }

  /// How far a result may be off, relative to the largest.
  private func bound(_ name: String, _ settings: StatisticsSettings, unit: Double) -> Double {
    // Means of up to 140 values are off by as many roundings of doubles on either side, relative to the mean.
    let ofMeans = 140 * (1 + settings.mean) * Double.unitRoundoff
    return switch name {
    // Six roundings of values up to the largest, eight with renormalization: within 1e-6 of it, whatever the mean is.
    case "y": 1e-6 * (unit / Float.unitRoundoff) + ofMeans
    case "running_mean": 4 * unit
    case "running_var": (32 + 4) * unit + ofMeans
    // As NormalizationBounds has it: of max|h|/s · (1 + |x̂|), |x̂| below 4, 12 roundings of the element-wise work and 32 of each of
    // two sums in single precision; weights of up to 2 over a mean of 1 double it, renormalization adds two roundings.
    default: 2 * (12 + 64 + 2) * 5 * unit + 4 * ofMeans
    }
  }

  @Test(arguments: cases) func resultsAreThoseOfPyTorch(parity: Case) throws {
    let exact = try results(of: parity, Double.self)
    // The terms of gradients are as large as 1 where they cancel.
    for (name, error) in parity.digestErrors(of: exact, floor: 1) {
      #expect(error < bound(name, parity.settings, unit: Double.unitRoundoff), "\(name)")
    }
    for (name, error) in errors(of: try results(of: parity, Float.self), reference: exact, floor: 1) {
      #expect(error < bound(name, parity.settings, unit: Float.unitRoundoff), "\(name) in Float")
    }
  }

  @Test func everyKindIsComparedInTwentyShapes() {
    func count(_ isOfKind: (StatisticsSettings) -> Bool) -> Int { Self.cases.count { isOfKind($0.settings) } }
    #expect(count { $0.weights == "mask" } >= 20 && count { $0.weights == "uneven" } >= 20)
    #expect(count { $0.ghosts != nil } >= 20 && count { $0.renormalization != nil } >= 20)
  }

  // MARK: To the bit

  /// A tensor, what is done to it, and its gradient.
  private struct Inputs {
    let x, gradient, gamma, beta: Tensor<Float>
    var random: RandomGenerator

    init(_ shape: Shape, channels: Int, seed: UInt64) {
      random = RandomGenerator(seed: seed)
      x = .normal(shape, mean: 3, standardDeviation: 2, using: &random)
      gradient = .normal(shape, using: &random)
      gamma = .normal([channels], using: &random)
      beta = .normal([channels], using: &random)
    }

    /// 0 and 1, with runs of both.
    mutating func mask(_ count: Int) -> [Float] {
      var current: Float = 1
      return (0..<count).map { _ in
        if Double.random(in: 0..<1, using: &random) < 0.2 { current = 1 - current }
        return current
      }
    }
  }

  private func bits(_ tensors: Tensor<Float>...) -> [UInt32] { tensors.flatMap { $0.elements.map(\.bitPattern) } }

  /// Rows of few and of many channels, in one ticket and in several, by strips of channels, and beyond the caches' blocks.
  @Test(arguments: [
    [9, 3], [70, 17], [40, 64], [130, 300], [700, 33], [3000, 5], [520, 260], [5, 40, 24], [4, 9, 7, 80],
  ])
  func rowsOfWeightOneHaveTheBitsOfThePackedRows(shape: [Int]) throws {
    let shape = Shape(shape)
    let channels = shape.channelCount
    var inputs = Inputs(shape, channels: channels, seed: 7)
    let rows = shape.rowCount
    let mask = inputs.mask(rows)
    let kept = (0..<rows).filter { mask[$0] > 0 }
    // What does not count may be anything.
    var x = inputs.x.reshaped(to: [rows, channels])
    for row in 0..<rows where mask[row] == 0 { x[row, 0] = .nan }
    let gradient = inputs.gradient.reshaped(to: [rows, channels])
    let weights = Tensor(mask, shape: Shape(Array(shape.dropLast())))
    for rectifies in [false, true] {
      let packed = try BatchNormalization.forward(
        x.gathering(rows: kept), gamma: inputs.gamma, beta: inputs.beta, rectifies: rectifies)
      let expected = BatchNormalization.backward(
        gradient.gathering(rows: kept), input: x.gathering(rows: kept), saved: packed.saved)
      for excluded in ExcludedOutput.allCases {
        let results = try resultsByKernels {
          try resultsByThreadCount {
            let (y, saved) = try BatchNormalization.forward(
              x.reshaped(to: shape), gamma: inputs.gamma, beta: inputs.beta, rectifies: rectifies, weights: weights,
              excluded: excluded)
            return (y, saved, BatchNormalization.backward(inputs.gradient, input: x.reshaped(to: shape), saved: saved))
          }
        }
        for (y, saved, gradients) in results.flatMap(\.result) {
          let (y, dx) = (
            y.reshaped(to: [rows, channels]), gradients.input.reshaped(to: [rows, channels])
          )
          #expect(saved.moments == packed.saved.moments)
          #expect(bits(y.gathering(rows: kept)) == bits(packed.output))
          #expect(
            bits(dx.gathering(rows: kept), gradients.gamma, gradients.beta)
              == bits(expected.input, expected.gamma, expected.beta))
          #expect(BatchNormalization.output(for: x.reshaped(to: shape), saved: saved) == y.reshaped(to: shape))
          for row in 0..<rows where mask[row] == 0 {
            let fill = (0..<channels).map {
              excluded == .zero ? 0 : rectifies ? max(0, inputs.beta[$0]) : inputs.beta[$0]
            }
            #expect(y[rows: row..<row + 1].elements == fill)
            #expect(dx[rows: row..<row + 1].elements.allSatisfy { $0 == 0 })
          }
        }
      }
    }
  }

  @Test(arguments: [[7, 3, 5], [30, 20, 9], [12, 70, 40]]) func samplesWithChannelsFirstHaveTheBitsOfThePackedSamples(
    shape: [Int]
  ) throws {
    let shape = Shape(shape)
    var inputs = Inputs(shape, channels: shape[1], seed: 8)
    let mask = inputs.mask(shape[0])
    let kept = mask.indices.filter { mask[$0] > 0 }
    let packed = try BatchNormalization.forward(
      inputs.x.gathering(rows: kept), gamma: inputs.gamma, beta: inputs.beta, layout: .channelsFirst)
    let expected = BatchNormalization.backward(
      inputs.gradient.gathering(rows: kept), input: inputs.x.gathering(rows: kept), saved: packed.saved)
    let (y, saved) = try BatchNormalization.forward(
      inputs.x, gamma: inputs.gamma, beta: inputs.beta, layout: .channelsFirst,
      weights: Tensor(mask, shape: [mask.count]))
    let gradients = BatchNormalization.backward(inputs.gradient, input: inputs.x, saved: saved)
    #expect(bits(y.gathering(rows: kept)) == bits(packed.output) && saved.moments == packed.saved.moments)
    #expect(bits(gradients.input.gathering(rows: kept)) == bits(expected.input))
    #expect(bits(gradients.gamma, gradients.beta) == bits(expected.gamma, expected.beta))
  }

  @Test func weightsThatAreAllTheSameAreNoWeights() throws {
    let inputs = Inputs([40, 6], channels: 6, seed: 9)
    let plain = try BatchNormalization.forward(inputs.x)
    let weighted = try BatchNormalization.forward(inputs.x, weights: Tensor(repeating: 0.3, shape: [40]))
    #expect(plain.output == weighted.output && plain.saved.moments == weighted.saved.moments)
  }

  @Test(arguments: [[12, 5], [48, 70], [50, 3], [33, 4, 20], [8, 30, 30, 16]]) func ghostBatchesAreSeparateBatches(
    shape: [Int]
  ) throws {
    let shape = Shape(shape)
    let inputs = Inputs(shape, channels: shape.channelCount, seed: 10)
    let size = 4
    let parts = (shape[0] + size - 1) / size
    let ranges = (0..<parts).map { $0 * shape[0] / parts..<($0 + 1) * shape[0] / parts }
    let separate = try ranges.map { range in
      let (y, saved) = try BatchNormalization.forward(inputs.x[rows: range], gamma: inputs.gamma, beta: inputs.beta)
      return (
        y, saved.moments,
        BatchNormalization.backward(inputs.gradient[rows: range], input: inputs.x[rows: range], saved: saved)
      )
    }
    for results in try resultsByThreadCount({
      let (y, saved) = try BatchNormalization.forward(
        inputs.x, gamma: inputs.gamma, beta: inputs.beta, scope: .ghosts(ofSize: size))
      return (y, saved, BatchNormalization.backward(inputs.gradient, input: inputs.x, saved: saved))
    }) {
      let (y, saved, gradients) = results
      #expect(y == .concatenating(rows: separate.map(\.0)))
      #expect(gradients.input == .concatenating(rows: separate.map(\.2.input)))
      #expect(gradients.gamma == separate.dropFirst().reduce(separate[0].2.gamma) { $0 + $1.2.gamma })
      #expect(gradients.beta == separate.dropFirst().reduce(separate[0].2.beta) { $0 + $1.2.beta })
      #expect(try saved.moments == .merging(separate.map(\.1)))
      #expect(BatchNormalization.output(for: inputs.x, saved: saved) == y)
    }
  }

  @Test func partsHaveTheMomentsOfWhoHoldsThem() throws {
    let inputs = Inputs([64, 9], channels: 9, seed: 11)
    let parts = [0..<16, 16..<32, 32..<48, 48..<64].map { inputs.x[rows: $0] }
    let (y, saved) = try BatchNormalization.forward(inputs.x, scope: .parts(4))
    #expect(try saved.moments == .merging(parts.map { try BatchNormalization.moments(of: $0) }))
    // The same moments to rounding, and so 5 roundings of values up to 5.
    #expect(
      errorRelativeToScale(y, reference: try BatchNormalization.forward(inputs.x).output) < 10 * Float.unitRoundoff)
    #expect(try BatchNormalization.moments(of: inputs.x, scope: .parts(1)) == BatchNormalization.moments(of: inputs.x))
  }

  // MARK: Weights

  /// A row that counts twice is a row that is there twice, the second time without a gradient.
  @Test(arguments: ChannelLayout.allCases) func aRowThatCountsTwiceIsThereTwice(layout: ChannelLayout) throws {
    var random = RandomGenerator(seed: 12)
    let shape: Shape = layout == .channelsLast ? [6, 5, 3] : [6, 3, 5]
    let (x, gradient): (Tensor<Double>, Tensor<Double>) = (
      .normal(shape, mean: 1000, using: &random), .normal(shape, using: &random)
    )
    let gamma = Tensor<Double>([1.5, -0.5, 2])
    let counts: [Double] = [1, 2, 1, 3, 0, 1]
    let repeated = counts.enumerated().flatMap { [Int](repeating: $0.offset, count: Int($0.element)) }
    var first = Set<Int>()
    var gradientOfRepeated = gradient.gathering(rows: repeated)
    for (place, row) in repeated.enumerated() where !first.insert(row).inserted {
      for index in 0..<15 { gradientOfRepeated[place, index / shape[2], index % shape[2]] = 0 }
    }
    let expected = try BatchNormalization.forward(x.gathering(rows: repeated), gamma: gamma, layout: layout)
    let expectedGradients = BatchNormalization.backward(
      gradientOfRepeated, input: x.gathering(rows: repeated), saved: expected.saved)
    let (y, saved) = try BatchNormalization.forward(
      x, gamma: gamma, layout: layout, weights: Tensor(counts, shape: [6]))
    let gradients = BatchNormalization.backward(gradient, input: x, saved: saved)
    // Means of 1000 deviations cost three digits on both sides.
    let bound = 1000 * 100 * Double.unitRoundoff
    for (place, row) in repeated.enumerated() {
      #expect(
        errorRelativeToScale(y[rows: row..<row + 1], reference: expected.output[rows: place..<place + 1]) < bound)
    }
    var sums = Tensor<Double>.zeros(shape)
    for (place, row) in repeated.enumerated() {
      for channel in 0..<15 {
        sums[row, channel / shape[2], channel % shape[2]] +=
          expectedGradients.input[place, channel / shape[2], channel % shape[2]]
      }
    }
    #expect(errorRelativeToScale(gradients.input, reference: sums) < bound)
    #expect(errorRelativeToScale(gradients.gamma, reference: expectedGradients.gamma) < bound)
    #expect(errorRelativeToScale(gradients.beta, reference: expectedGradients.beta) < bound)
    #expect(
      errorRelativeToScale(saved.moments.variance(.biased), reference: expected.saved.moments.variance(.biased)) < bound
    )
  }

  @Test func onlyRatiosOfWeightsMatter() throws {
    var random = RandomGenerator(seed: 13)
    let x = Tensor<Double>.normal([9, 2], using: &random)
    let weights = Tensor<Double>.uniform([9], in: 0.1..<2, using: &random)
    let (one, two) = (
      try BatchNormalization.forward(x, weights: weights), try BatchNormalization.forward(x, weights: 4 * weights)
    )
    #expect(one.output == two.output)
    #expect(one.saved.moments.variance(.unbiased) == two.saved.moments.variance(.unbiased))
  }

  @Test(arguments: ExcludedOutput.allCases) func aBatchOfWhichNothingCountsTeachesNothing(excluded: ExcludedOutput)
    throws
  {
    let x = Tensor<Float>(repeating: .nan, shape: [4, 3])
    let beta = Tensor<Float>([1, -2, 3])
    let (y, saved) = try BatchNormalization.forward(x, beta: beta, weights: .zeros([4]), excluded: excluded)
    #expect(y[rows: 0..<1].elements == (excluded == .zero ? [0, 0, 0] : beta.elements) && saved.moments.count == 0)
    let gradients = BatchNormalization.backward(x, input: x, saved: saved)
    #expect(gradients.input == .zeros([4, 3]) && gradients.gamma == .zeros([3]) && gradients.beta == .zeros([3]))
    var running = RunningStatistics<Float>(channelCount: 3)
    try running.update(with: saved.moments)
    #expect(running == RunningStatistics<Float>(channelCount: 3))
  }

  @Test func weightsThatAreNoneAreRefused() throws {
    let x = Tensor<Float>.ones([3, 2])
    for weight in [-1, Float.nan, .infinity] {
      let error = #expect(throws: NormalizationError.self) {
        try BatchNormalization.forward(x, weights: Tensor([1, weight, 1]))
      }
      guard case .invalidWeight(_, place: 1)? = error else {
        Issue.record("\(weight): \(error as Any)")
        continue
      }
    }
    #expect(throws: NormalizationError.singleValuePerChannel(shape: [1, 2])) {
      try BatchNormalization.forward(x, weights: Tensor([0, 1, 0]))
    }
    #expect(throws: NormalizationError.singleValuePerChannel(shape: [1, 2])) {
      try BatchNormalization.forward(x, scope: .ghosts(ofSize: 2))
    }
  }

  // MARK: Renormalization

  @Test func withoutBoundsRenormalizationIsInference() throws {
    var random = RandomGenerator(seed: 14)
    let x = Tensor<Double>.normal([20, 3], mean: 2, using: &random)
    let reference = BatchRenormalization.Reference<Double>(
      mean: Tensor([1, 2, 3]), variance: Tensor([0.5, 1, 2]), largestRatio: .infinity, largestDistance: .infinity)
    let (y, saved) = try BatchNormalization.forward(x, renormalization: reference)
    let expected = BatchNormalization.inference(x, mean: reference.mean, variance: reference.variance)
    // Some ten roundings on either side.
    #expect(errorRelativeToScale(y, reference: expected) < 50 * Double.unitRoundoff)
    #expect(saved.moments == (try BatchNormalization.moments(of: x)))
  }

  @Test func boundsRiseInAStraightLine() {
    let bounds = BatchRenormalization.ioffe
    #expect([0, 5000, 22_500, 40_000, 90_000].map { bounds.largestRatio.value(afterBatches: $0) } == [1, 1, 2, 3, 3])
    #expect([0, 5000, 15_000, 25_000].map { bounds.largestDistance.value(afterBatches: $0) } == [0, 0, 2.5, 5])
    let late = BatchRenormalization.afterBatches(100)
    #expect(late.largestRatio.value(afterBatches: 99) == 1 && late.largestRatio.value(afterBatches: 100) == 3)
  }
}
