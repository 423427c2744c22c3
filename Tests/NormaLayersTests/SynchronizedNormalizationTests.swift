import Norma
import TestSupport
import Testing

/// Batch normalization over several processes, here threads of one: the cases that PyTorch has for its synchronized batch normalization, which
/// takes no tensors on the CPU, with the expected values computed for the whole batch at once, in double precision.
@Suite struct SynchronizedNormalizationTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    /// The shape of an example.
    var example: Shape
    /// How many examples each process has.
    var counts: [Int]
    var layout = ChannelLayout.channelsFirst
    var isAffine = true
    var momentum = 0.1

    var channels: Int { layout == .channelsFirst ? example[0] : example.channelCount }
    var places: [Range<Int>] {
      counts.indices.map { counts[..<$0].reduce(0, +)..<counts[...$0].reduce(0, +) }
    }
  }

  private static let cases = [
    Case(testDescription: "two axes", example: [7], counts: [4, 4, 4, 4]),
    Case(testDescription: "three axes", example: [5, 9], counts: [4, 4]),
    Case(testDescription: "four axes", example: [8, 6, 5], counts: [3, 3, 3, 3]),
    Case(testDescription: "five axes", example: [3, 4, 2, 5], counts: [2, 2]),
    Case(testDescription: "channels last", example: [6, 5, 8], counts: [4, 4], layout: .channelsLast),
    Case(testDescription: "other sizes in each", example: [8, 3, 3], counts: [1, 5, 2, 9]),
    Case(testDescription: "other sizes, channels last", example: [4, 4, 70], counts: [7, 1], layout: .channelsLast),
    Case(testDescription: "an example in each", example: [16], counts: [1, 1, 1, 1]),
    Case(testDescription: "none in some", example: [5], counts: [3, 0, 0, 4]),
    Case(testDescription: "not affine", example: [8, 4], counts: [6, 6], isAffine: false),
    Case(testDescription: "momentum of 1", example: [9, 2], counts: [2, 3], momentum: 1),
  ]

  private struct Found<Element: TensorElement> {
    var output, input: Tensor<Element>
    var gamma, beta: Tensor<Element>
    var mean, variance: Tensor<Element>
  }

  private static func found<Element: TensorElement>(
    _ test: Case, rows: Range<Int>, exchange: (any ShardExchange)?, _ type: Element.Type
  ) throws -> Found<Element> {
    var random = RandomGenerator(seed: 4)
    let shape = Shape([test.counts.reduce(0, +)] + Array(test.example))
    let x = Tensor<Float>.normal(shape, using: &random) + Tensor(repeating: 3, shape: shape)
    let g = Tensor<Float>.normal(shape, using: &random)
    let gamma = Tensor<Float>.normal([test.channels], using: &random)
    let beta = Tensor<Float>.normal([test.channels], using: &random)
    let part = x[rows: rows].converted(to: Element.self)
    let (y, saved) = try BatchNormalization.forward(
      part, gamma: test.isAffine ? gamma.converted() : nil, beta: test.isAffine ? beta.converted() : nil,
      layout: test.layout, exchange: exchange)
    let gradients = BatchNormalization.backward(g[rows: rows].converted(), input: part, saved: saved)
    var conventions = BatchNormalizationConventions.pyTorch
    conventions.rule = .updating(test.momentum)
    var running = RunningStatistics<Element>(
      channelCount: test.channels, conventions: conventions)
    try running.update(with: saved.moments)
    return Found(
      output: y, input: gradients.input, gamma: gradients.gamma, beta: gradients.beta, mean: running.mean,
      variance: running.variance)
  }

  /// What the processes find, each for its own examples, gradients of gamma and beta as sums over them.
  private static func together<Element: TensorElement>(_ test: Case, _ type: Element.Type) throws -> [Found<Element>] {
    try ThreadGroup.run(test.counts.count) { group in
      let cut = BatchCut(test.places, in: group)
      let results = try Shards.run(cut) { shard, exchange in
        try found(test, rows: cut.standsIn ? cut.places : cut.shards[shard], exchange: exchange, Element.self)
      }
      let own = results.values[0] ?? results.standIn!
      var vectors: [Tensor<Element>] = []
      for vector in [own.gamma, own.beta] {
        vectors.append(
          Tensor(
            try group.combined(vector.elements, presence: cut.presence) { left, right in
              for index in left.indices { left[index] += right[index] }
            }))
      }
      return Found(
        output: own.output, input: own.input, gamma: vectors[0], beta: vectors[1], mean: own.mean,
        variance: own.variance)
    }.map { try $0.get() }
  }

  @Test(arguments: cases) func processesNormalizeAsOne(test: Case) throws {
    let total = test.counts.reduce(0, +)
    let exact = try Self.found(test, rows: 0..<total, exchange: nil, Double.self)
    let (doubles, floats) = (try Self.together(test, Double.self), try Self.together(test, Float.self))
    func error<Element: TensorElement>(
      _ found: [Found<Element>], _ member: (Found<Element>) -> Tensor<Element>, _ expected: Tensor<Double>
    ) -> Double {
      let parts = zip(found, test.counts).filter { $0.1 > 0 }.map { member($0.0).converted(to: Double.self) }
      return errorRelativeToScale(.concatenating(rows: parts), reference: expected)
    }
    // Some hundred sums of doubles in another order; and for floats the bounds of `ShardsTests`.
    #expect(error(doubles, \.output, exact.output) < 1e-12 && error(floats, \.output, exact.output) < 1e-6)
    #expect(error(doubles, \.input, exact.input) < 1e-12 && error(floats, \.input, exact.input) < 2e-5)
    for (rank, (double, float)) in zip(doubles, floats).enumerated() {
      for (found, single, expected) in [
        (double.gamma, float.gamma, exact.gamma), (double.beta, float.beta, exact.beta),
        (double.mean, float.mean, exact.mean), (double.variance, float.variance, exact.variance),
      ] {
        #expect(errorRelativeToScale(found, reference: expected) < 1e-12, "process \(rank)")
        #expect(errorRelativeToScale(single.converted(), reference: expected) < 2e-5, "process \(rank)")
      }
      // Running statistics are equal everywhere, and so are gradients of parameters.
      #expect(haveSameBits(float.mean, floats[0].mean) && haveSameBits(float.variance, floats[0].variance))
      #expect(haveSameBits(float.gamma, floats[0].gamma) && haveSameBits(float.beta, floats[0].beta))
    }
  }

  /// A million rows whose mean is a thousand deviations, over eight processes.
  @Test func aLargeMeanSpoilsNothing() throws {
    var random = RandomGenerator(seed: 9)
    let x = Tensor<Float>.normal([1_000_000, 2], mean: 1000, standardDeviation: 1, using: &random)
    let elements = x.elements.map(Double.init)
    // Exact to some 1e-13: deviations from a value close to the mean are summed up.
    let moments = (0..<2).map { channel in
      let column = stride(from: channel, to: elements.count, by: 2).map { elements[$0] - 1000 }
      let mean = column.reduce(0, +) / 1e6
      return (mean: mean + 1000, variance: column.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 1e6)
    }
    let found = try ThreadGroup.run(8) { group in
      let cut = BatchCut(of: 1_000_000, into: 8, in: group)
      return try Shards.run(cut) { shard, exchange in
        let rows = cut.shards[shard]
        let (y, saved) = try BatchNormalization.forward(x[rows: rows], epsilon: 0, exchange: exchange)
        return (rows: rows, output: y, moments: saved.moments)
      }.values[0]!
    }.map { try $0.get() }
    for part in found {
      for channel in 0..<2 {
        #expect(abs(part.moments.mean[channel] / moments[channel].mean - 1) < 1e-12)
        #expect(abs(part.moments.variance(.biased)[channel] / moments[channel].variance - 1) < 1e-6)
      }
      for row in stride(from: 0, to: part.rows.count, by: 997) {
        for channel in 0..<2 {
          let value = elements[(part.rows.lowerBound + row) * 2 + channel]
          let expected = (value - moments[channel].mean) / moments[channel].variance.squareRoot()
          #expect(abs(Double(part.output[row, channel]) - expected) < 1e-6 * max(1, abs(expected)))
        }
      }
    }
  }
}
