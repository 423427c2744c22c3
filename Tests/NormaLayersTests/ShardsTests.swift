import Norma
import TestSupport
import Testing

/// A batch in shards that are worked on at the same time, and normalized as one.
@Suite struct ShardsTests {
  /// What batch normalization of a batch in shards gives.
  private struct Normalized<Element: TensorElement>: Equatable {
    var output, input, gamma, beta: Tensor<Element>
    var moments: BatchMoments

    static func == (a: Normalized, b: Normalized) -> Bool {
      a.output.elements == b.output.elements && a.input.elements == b.input.elements
        && a.gamma.elements == b.gamma.elements && a.beta.elements == b.beta.elements && a.moments == b.moments
    }
  }

  private struct Case: CustomStringConvertible {
    var shape: Shape
    var layout = ChannelLayout.channelsLast
    var isMasked = false
    var rectifies = false
    var mean = 0.0
    var description: String { "\(shape) \(layout)\(isMasked ? " masked" : "")\(rectifies ? " ReLU" : "") mean \(mean)" }
  }

  private static let cases = [
    Case(shape: [37, 5]), Case(shape: [64, 300], rectifies: true), Case(shape: [19, 6, 7, 8]),
    Case(shape: [24, 16, 16, 32], rectifies: true), Case(shape: [17, 12, 5, 5], layout: .channelsFirst),
    Case(shape: [41, 9, 33], isMasked: true), Case(shape: [700, 3], mean: 1e4), Case(shape: [5, 4, 4, 20]),
    Case(shape: [40, 64], isMasked: true, rectifies: true), Case(shape: [1200, 260]),
  ]

  private func inputs<Element: TensorElement>(
    _ test: Case, _ type: Element.Type
  ) -> (
    x: Tensor<Element>, g: Tensor<Element>, gamma: Tensor<Element>, beta: Tensor<Element>, weights: Tensor<Element>?
  ) {
    var random = RandomGenerator(seed: 7)
    let channels = test.layout == .channelsLast ? test.shape.channelCount : test.shape[1]
    let x = Tensor<Float>.normal(test.shape, using: &random) + Tensor(repeating: Float(test.mean), shape: test.shape)
    let g = Tensor<Float>.normal(test.shape, using: &random)
    let gamma = Tensor<Float>.normal([channels], using: &random),
      beta = Tensor<Float>.normal([channels], using: &random)
    let weights =
      test.isMasked
      ? Tensor((0..<test.shape[0]).map { Float($0 % 3 == 1 || (8..<13).contains($0) ? 0 : 1) }, shape: [test.shape[0]])
      : nil
    return (x.converted(), g.converted(), gamma.converted(), beta.converted(), weights?.converted())
  }

  private func normalized<Element: TensorElement>(
    _ test: Case, shards: Int?, _ type: Element.Type
  ) throws -> Normalized<Element> {
    let (x, g, gamma, beta, weights) = inputs(test, Element.self)
    func one(_ rows: Range<Int>, _ exchange: (any ShardExchange)?) throws -> Normalized<Element> {
      let (y, saved) = try BatchNormalization.forward(
        x[rows: rows], gamma: gamma, beta: beta, layout: test.layout, rectifies: test.rectifies,
        weights: weights.map { $0[rows: rows] }, exchange: exchange)
      let found = BatchNormalization.backward(g[rows: rows], input: x[rows: rows], saved: saved)
      return Normalized(
        output: y, input: found.input, gamma: found.gamma, beta: found.beta, moments: saved.moments)
    }
    guard let shards else { return try one(0..<test.shape[0], nil) }
    let ranges = StatisticsScope.parts(shards).ranges(of: test.shape[0])
    let found = try Shards.run(BatchCut(ranges)) { try one(ranges[$0], $1) }.values.compactMap(\.self)
    #expect(found.allSatisfy { $0.moments == found[0].moments })
    return Normalized(
      output: .concatenating(rows: found.map(\.output)), input: .concatenating(rows: found.map(\.input)),
      gamma: found.dropFirst().reduce(found[0].gamma) { $0 + $1.gamma },
      beta: found.dropFirst().reduce(found[0].beta) { $0 + $1.beta }, moments: found[0].moments)
  }

  @Test(arguments: cases.indices) func shardsAreNormalizedAsTheBatchTheyMakeUp(index: Int) throws {
    let test = Self.cases[index]
    let exact = try normalized(test, shards: nil, Double.self)
    let doubles = try normalized(test, shards: 8, Double.self)
    // Sums of up to 1,200 doubles in another order: each is off by at most so many roundings of the mean distance, and of the mean itself.
    let bound = 1e-12 * (1 + test.mean)
    #expect(errorRelativeToScale(doubles.output, reference: exact.output) < bound, "\(test)")
    #expect(errorRelativeToScale(doubles.input, reference: exact.input) < bound, "\(test)")
    #expect(errorRelativeToScale(doubles.gamma, reference: exact.gamma) < bound, "\(test)")
    #expect(errorRelativeToScale(doubles.beta, reference: exact.beta) < bound, "\(test)")
    let floats = try normalized(test, shards: 8, Float.self)
    #expect(errorRelativeToScale(floats.output.converted(), reference: exact.output) < 1e-6, "\(test)")
    // The bound of `StatisticsScopeTests` for gradients.
    let ofGradients = 2 * (12 + 64 + 2) * 5 * Float.unitRoundoff + 4 * 140 * (1 + test.mean) * Double.unitRoundoff
    for (found, expected) in [
      (floats.input, exact.input), (floats.gamma, exact.gamma), (floats.beta, exact.beta),
    ] { #expect(errorRelativeToScale(found.converted(), reference: expected) < ofGradients, "\(test)") }
    #expect(floats.moments.count == exact.moments.count)
  }

  @Test func bitsDoNotDependOnTheNumberOfThreads() throws {
    let before = Parallel.threadCount
    defer { Parallel.threadCount = before }
    for test in Self.cases {
      var first: Normalized<Float>?
      for threads in [1, 2, 3, 8] {
        Parallel.threadCount = threads
        let found = try normalized(test, shards: 8, Float.self)
        if let first { #expect(found == first, "\(test), \(threads) threads") } else { first = found }
      }
    }
  }

  /// A shard without rows is not there, and one all of whose rows are left out brings nothing.
  @Test func shardsOfNothingBringNothing() throws {
    var random = RandomGenerator(seed: 3)
    let x = Tensor<Double>.normal([5, 4], using: &random)
    let whole = try BatchNormalization.forward(x)
    for ranges in [[0..<1, 1..<1, 1..<4, 4..<5], [0..<0, 0..<5], [0..<2, 2..<5, 5..<5]] {
      let found = try Shards.run(BatchCut(ranges)) { shard, exchange in
        try BatchNormalization.forward(x[rows: ranges[shard]], exchange: exchange).output
      }.values
      #expect(found.map { $0 == nil } == ranges.map(\.isEmpty))
      let output = Tensor<Double>.concatenating(rows: found.compactMap(\.self))
      #expect(errorRelativeToScale(output, reference: whole.output) < 1e-13)
    }
    let masked = try Shards.run(BatchCut(of: 5, into: 2)) { shard, exchange in
      let rows = shard == 0 ? 0..<2 : 2..<5
      let (y, saved) = try BatchNormalization.forward(
        x[rows: rows], weights: Tensor(repeating: shard == 0 ? 0 : 1, shape: [rows.count]), exchange: exchange)
      return (y, BatchNormalization.backward(y, input: x[rows: rows], saved: saved), saved.moments)
    }.values
    #expect(masked[0]!.0.elements.allSatisfy { $0 == 0 } && masked[0]!.1.input.elements.allSatisfy { $0 == 0 })
    #expect(masked[0]!.2.count == 3 && masked[0]!.2 == masked[1]!.2)
  }

  /// What a kernel's sums in single precision cannot hold in one shard is found again in double precision, for all.
  @Test func whatOverflowsInOneShardIsFoundByAll() throws {
    var random = RandomGenerator(seed: 5)
    var x = Tensor<Float>.normal([64, 20], using: &random)
    var g = Tensor<Float>.normal([64, 20], using: &random)
    x = Tensor(x.elements.enumerated().map { $0 / 20 < 8 && $0 % 20 == 3 ? $1 * 5e37 : $1 }, shape: x.shape)
    g = Tensor(g.elements.enumerated().map { $0 / 20 < 8 && $0 % 20 == 4 ? $1 * 1e37 : $1 }, shape: g.shape)
    let (y, saved) = try BatchNormalization.forward(x.converted(to: Double.self))
    let expected = BatchNormalization.backward(
      g.converted(to: Double.self), input: x.converted(to: Double.self), saved: saved)
    let found = try Shards.run(BatchCut(of: 64, into: 4)) { shard, exchange in
      let rows = shard * 16..<(shard + 1) * 16
      let (y, saved) = try BatchNormalization.forward(x[rows: rows], exchange: exchange)
      return (y, BatchNormalization.backward(g[rows: rows], input: x[rows: rows], saved: saved).input)
    }.values.compactMap(\.self)
    let output = Tensor<Float>.concatenating(rows: found.map(\.0)).converted(to: Double.self)
    #expect(errorRelativeToScale(output, reference: y) < 1e-6)
    let input = Tensor<Float>.concatenating(rows: found.map(\.1)).converted(to: Double.self)
    for channel in 0..<20 {
      func column(_ tensor: Tensor<Double>) -> Tensor<Double> {
        Tensor((0..<64).map { tensor.elements[$0 * 20 + channel] }, shape: [64])
      }
      #expect(errorRelativeToScale(column(input), reference: column(expected.input)) < 1e-4, "channel \(channel)")
    }
  }

  /// A network with convolutions, batch normalization of images and of vectors, and instance normalization with running statistics.
  private func network<Element: TensorElement>(_ type: Element.Type) -> Sequential<Element> {
    var random = RandomGenerator(seed: 1)
    return Sequential {
      Conv2d(inputs: 3, outputs: 8, window: Window(3, padding: 1), hasBias: false, using: &random)
      BatchNorm(8)
      ReLU()
      InstanceNorm(8, conventions: .pyTorch, tracksRunningStatistics: true)
      Residual(
        Sequential {
          Conv2d(inputs: 8, outputs: 8, window: Window(3, padding: 1), using: &random)
          BatchNorm(8)
        }, rectifies: true)
      GlobalAveragePool()
      Linear(inputs: 8, outputs: 6, using: &random)
      BatchNorm(6)
      Linear(inputs: 6, outputs: 4, using: &random)
    }
  }

  @Test func whatShardsSayTogetherIsWhatTheBatchSays() throws {
    var random = RandomGenerator(seed: 2)
    let x = Tensor<Double>.normal([21, 6, 6, 3], using: &random)
    let labels = (0..<21).map { $0 % 4 }
    let models = [network(Double.self), network(Double.self)]
    var unused = RandomGenerator(seed: 0)
    let whole = try models[0].differentiate(x, random: &unused) { $0.softmaxCrossEntropy(labels: labels) }
    let ranges = StatisticsScope.parts(4).ranges(of: 21)
    let found = try Shards.run(BatchCut(ranges)) { shard, exchange in
      var unused = RandomGenerator(seed: 0)
      return try models[1].differentiate(
        x[rows: ranges[shard]], random: &unused, recomputesNormalized: false, keptActivations: nil,
        statisticsScope: .batch, shardExchange: exchange
      ) {
        $0.softmaxCrossEntropy(labels: Array(labels[ranges[shard]])).scaled(by: Double(ranges[shard].count) / 21)
      }
    }
    let joined = try Differentiation.joining(found, loss: found.sum { [$0.loss] }[0])
    #expect(abs(joined.loss - whole.loss) < 1e-13)
    #expect(errorRelativeToScale(joined.outputs, reference: whole.outputs) < 1e-12)
    for (found, expected) in zip(joined.gradients, whole.gradients) {
      #expect(errorRelativeToScale(found!, reference: expected!, floor: 1e-3) < 1e-11)
    }
    #expect(joined.moments.count == whole.moments.count)
    try whole.updateRunningStatistics()
    try joined.updateRunningStatistics()
    for (name, tensor) in models[0].state.tensors where name.contains("running") {
      #expect(errorRelativeToScale(models[1].state.tensors[name]!, reference: tensor) < 1e-12, "\(name)")
    }
    #expect(models[0].state.counts == models[1].state.counts)
  }

  private struct Fault: Error, Equatable { var shard: Int }

  /// All end, and what is thrown is what went wrong first among the shards that failed by themselves.
  @Test func aShardThatFailsEndsAll() throws {
    let x = Tensor<Double>(repeating: 1, shape: [2, 3])
    for failing in [[3], [5, 6], [0]] {
      for stage in 0..<3 {
        #expect(throws: Fault(shard: failing[0])) {
          try Shards.run(BatchCut(of: 8, into: 8)) { shard, exchange in
            for step in 0..<3 {
              if step == stage && failing.contains(shard) { throw Fault(shard: shard) }
              _ = try BatchNormalization.forward(
                x + Tensor(repeating: Double(shard), shape: [2, 3]), exchange: exchange)
            }
          }
        }
      }
    }
  }

  @Test func whatGoesByAllRowsInAnotherWayRefusesShards() throws {
    for layer in [IterNorm<Float>(4) as any Layer<Float>, EvoNormB0<Float>(4)] {
      let error = #expect(throws: LayerError.self) {
        try Shards.run(BatchCut(of: 8, into: 2)) { shard, exchange in
          var random = RandomGenerator(seed: 0)
          _ = try layer.differentiate(
            Tensor(repeating: 1, shape: [4, 4]), random: &random, recomputesNormalized: false, keptActivations: nil,
            statisticsScope: .batch, shardExchange: exchange
          ) { $0.sum() }
        }
      }
      #expect(error?.expected == "a whole batch, which is not cut into shards")
    }
  }
}
