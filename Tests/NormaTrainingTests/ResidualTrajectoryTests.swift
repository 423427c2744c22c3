import Norma
import TestSupport
import Testing

/// Training of ResNet-20 from the same weights on the same batches as PyTorch, step by step.
///
/// How far rounding lets two runs agree is a property of the learning rate, measured with PyTorch alone: see
/// `Tests/Fixtures/README.md`.
@Suite struct ResidualTrajectoryTests {
  static let cases = ParityFixture.cases(of: "residual_network", ResidualNetworkSettings.self)

  typealias Case = ParityCase<ResidualNetworkSettings>

  private func find(_ name: String) throws -> Case { try #require(Self.cases.first { $0.settings.name == name }) }

  /// The network with weights hashed by their names, even over ±√(6 / fan-in).
  private func makeNet<Element: TensorElement>(_ settings: ResidualNetworkSettings) throws -> Sequential<Element> {
    let net: Sequential<Element> = try ResidualNetwork.cifar(depth: settings.depth)
      .build(sampleShape: [32, 32, 3], outputCount: settings.classes, random: RandomGenerator(seed: 1))
    for (name, parameter) in net.namedParameters where parameter.kind == .weight {
      let shape = parameter.value.shape
      let fanIn = shape.dropFirst().reduce(1, *)
      parameter.value = HashedNumbers(name).values(shape, bound: (6 / Double(fanIn)).squareRoot()).converted()
    }
    return net
  }

  /// Images `[N, 32, 32, 3]`, a pattern of 4×4 fields for each class under noise three times as strong, and their classes.
  private func batch(_ step: Int, _ settings: ResidualNetworkSettings) -> (images: Tensor<Float>, labels: [Int]) {
    let labels = HashedNumbers("labels.\(step)").labels(settings.batchSize, classes: settings.classes)
    let patterns = HashedNumbers("patterns").values([settings.classes, 4, 4, 3])
    var images = 3 * HashedNumbers("noise.\(step)").values([settings.batchSize, 32, 32, 3])
    images.withUnsafeMutableElements { images in
      patterns.withUnsafeElements { patterns in
        for index in images.indices {
          let (channel, column, row) = (index % 3, index / 3 % 32, index / 96 % 32)
          images[index] += patterns[((labels[index / 3072] * 4 + row / 8) * 4 + column / 8) * 3 + channel]
        }
      }
    }
    return (images, labels)
  }

  /// Trains a network on the case's batches; the loss of each step before its update.
  private func train<Element: TensorElement>(
    _ net: Sequential<Element>, _ settings: ResidualNetworkSettings
  ) throws -> [Double] {
    let parameters = net.namedParameters.map(\.parameter)
    var optimizer = Optimizer<Element>(.sgd(momentum: settings.momentum))
    return try (0..<settings.steps).map { step in
      let (images, labels) = batch(step, settings)
      let pass = Pass<Element>.training(random: RandomGenerator(seed: 0))
      let loss = try net(Variable(images.converted()), in: pass).softmaxCrossEntropy(labels: labels)
      let gradients = pass.gradients(of: loss)
      optimizer.update(parameters, gradients: parameters.map { gradients[$0] }, learningRate: settings.learningRate)
      try pass.updateRunningStatistics()
      return Double(loss.value.item)
    }
  }

  /// The largest relative difference of the losses, and the largest difference of the running statistics: of a mean in
  /// terms of the channels' largest deviation, which is what it is to be subtracted from, of a variance in terms of the
  /// largest.
  private func differences<Element: TensorElement>(
    _ net: Sequential<Element>, _ losses: [Double], _ parity: Case
  ) throws -> (loss: Double, statistics: Double) {
    let expected = parity.expected("loss").elements
    try #require(losses.count == expected.count)
    let loss = zip(losses, expected).map { abs($0 - $1) / $1 }.max() ?? .infinity
    var statistics: [Double] = []
    for (name, tensor) in net.state.tensors where name.contains(".running_") {
      let variances = parity.expected("final.\(name.replacing(".running_mean", with: ".running_var"))").elements
      let scale = name.hasSuffix("mean") ? variances.max()?.squareRoot() : variances.max()
      let difference = tensor.converted(to: Double.self) - parity.expected("final.\(name)")
      statistics.append((difference.elements.map(abs).max() ?? .infinity) / (scale ?? 0))
    }
    // Two of each convolution: one before the stages, two in each block, and two projections.
    #expect(statistics.count == 2 * (parity.settings.depth - 1 + 2))
    #expect(net.state.counts.values.allSatisfy { $0 == parity.settings.steps })
    return (loss, statistics.max() ?? .infinity)
  }

  @Test(arguments: cases) func weightsAndBatchesAreTheScripts(parity: Case) throws {
    let net: Sequential<Double> = try makeNet(parity.settings)
    let weights = net.namedParameters.filter { $0.parameter.kind == .weight }.map(\.parameter.value)
    let batches = (0..<parity.settings.steps).map { batch($0, parity.settings) }
    let expected: Tensor<Double> = parity.input("checksums")
    // The images are multiples of 2⁻¹⁵, whose sums are exact; the weights' sum, of some thousands, rounds by 1e-12.
    #expect(abs(weights.reduce(0) { $0 + $1.sum() } - expected.elements[0]) < 1e-9)
    #expect(batches.reduce(0) { $0 + $1.images.converted(to: Double.self).sum() } == expected.elements[1])
    #expect(Double(batches.reduce(0) { $0 + $1.labels.reduce(0, +) }) == expected.elements[2])
  }

  // PyTorch's own Float runs come as near as 1e-5 and 6e-5 to its run in double precision.
  @Test func trainingInFloatFollowsPyTorch() throws {
    let parity = try find("slow")
    let net: Sequential<Float> = try makeNet(parity.settings)
    let found = try differences(net, try train(net, parity.settings), parity)
    #expect(found.loss < 1e-3)
    #expect(found.statistics < 1e-4)
  }

  // At the usual learning rate. One rounding error in the weights comes to 2e-13 and 8e-13, and there is one in every step.
  @Test func trainingInDoubleFollowsPyTorch() throws {
    let parity = try find("small")
    let net: Sequential<Double> = try makeNet(parity.settings)
    let found = try differences(net, try train(net, parity.settings), parity)
    #expect(found.loss < 1e-11)
    #expect(found.statistics < 1e-11)
  }
}
