import Norma
import TestSupport
import Testing

/// Two hundred steps of training on the digits, step by step beside PyTorch.
///
/// Training amplifies rounding. How much is a property of the case, measured with PyTorch alone: the table in
/// `Tests/Fixtures/README.md` says how far runs part whose weights differ by one rounding error at the start.
@Suite struct TrajectoryParityTests {
  static let cases = ParityFixture.cases(of: "trajectory", TrajectorySettings.self)

  typealias Case = ParityCase<TrajectorySettings>

  /// The digits as the fixture scales them: in double precision, rounded to single, and masked where the case says so.
  private func features<Element: TensorElement>(_ parity: Case) -> Tensor<Element> {
    let raw = Dataset<Float>.digits().features.converted(to: Double.self)
    let mean: Tensor<Double> = parity.fixture.tensor("features.mean")
    let scale: Tensor<Double> = parity.fixture.tensor("features.scale")
    let scaled: Tensor<Float> = raw.applying(.subtract, mean, broadcast: .perChannel)
      .applying(.divide, scale, broadcast: .perChannel).converted()
    guard parity.settings.masked else { return scaled.converted() }
    return scaled.applying(.multiply, parity.fixture.tensor("features.mask"), broadcast: .perChannel).converted()
  }

  /// The net of a case with weights of its own, not yet those of the fixture.
  private func makeNet<Element: TensorElement>(_ parity: Case, _ type: Element.Type) -> Sequential<Element> {
    var random = RandomGenerator(seed: 1)
    let widths = parity.settings.widths
    return Sequential {
      for layer in 0..<widths.count - 2 {
        Linear(inputs: widths[layer], outputs: widths[layer + 1], using: &random)
        if parity.settings.norm == "batch" { BatchNorm(widths[layer + 1]) }
        if parity.settings.norm == "layer" { LayerNorm(widths[layer + 1]) }
        ReLU()
      }
      Linear(inputs: widths[widths.count - 2], outputs: widths[widths.count - 1], using: &random)
    }
  }

  /// The state that every case starts from, under PyTorch's names.
  private func initialState<Element: TensorElement>(_ parity: Case) -> ModelState<Element> {
    var state = ModelState<Element>()
    for (index, name) in parity.settings.linears.enumerated() {
      let weight: Tensor<Element> = parity.fixture.tensor("initial.\(index).weight")
      state.tensors["\(name).weight"] = weight
      state.tensors["\(name).bias"] = .zeros([weight.shape[0]])
    }
    for (index, name) in parity.settings.norms.enumerated() {
      let width = parity.settings.widths[index + 1]
      state.tensors["\(name).weight"] = .ones([width])
      state.tensors["\(name).bias"] = .zeros([width])
      guard parity.settings.norm == "batch" else { continue }
      state.tensors["\(name).running_mean"] = .zeros([width])
      state.tensors["\(name).running_var"] = .ones([width])
      state.counts["\(name).num_batches_tracked"] = 0
    }
    return state
  }

  /// Trains a net on the fixture's batches with the parts that a trainer is made of; the loss of each step.
  private func train<Element: TensorElement>(
    _ net: Sequential<Element>, _ parity: Case, features: Tensor<Element>, steps: Int
  ) throws -> [Double] {
    guard case .classes(let labels, _) = Dataset<Float>.digits().targets else { return [] }
    let settings = parity.settings
    let rows = parity.fixture.integers("batches")
    let parameters = net.namedParameters.map(\.parameter)
    var optimizer = Optimizer<Element>(
      settings.optimizer == "adam" ? .adam() : .sgd(momentum: try #require(settings.momentum)))
    return try (0..<steps).map { step in
      let batch = rows[step * settings.batchSize..<(step + 1) * settings.batchSize]
      let pass = Pass<Element>.training(random: RandomGenerator(seed: 0))
      let scores = try net(Variable(features.gathering(rows: batch)), in: pass)
      let loss = scores.softmaxCrossEntropy(labels: batch.map { labels[$0] })
      let gradients = pass.gradients(of: loss)
      optimizer.update(parameters, gradients: parameters.map { gradients[$0] }, learningRate: settings.learningRate)
      try pass.updateRunningStatistics()
      return Double(loss.value.item)
    }
  }

  private func largestRelativeDifference(_ losses: [Double], _ expected: [Double]) -> Double {
    zip(losses, expected).map { abs($0 - $1) / abs($1) }.max() ?? .infinity
  }

  private func setWeights<Element: TensorElement>(of net: Sequential<Element>, _ parity: Case) {
    var index = 0
    for (_, parameter) in net.namedParameters where parameter.kind == .weight {
      parameter.value = parity.fixture.tensor("initial.\(index).weight")
      index += 1
    }
  }

  /// The float64 column of the README's table: what one rounding error in the weights comes to in 200 steps.
  static let doubleAmplification = [
    "batch_adam": 9e-11, "batch_adam_masked": 5e-14, "batch_momentum": 1e-12, "batch_momentum_slow": 2e-15,
    "none_adam": 4e-13, "layer_adam": 1e-9,
  ]

  @Test(arguments: cases) func trainingInDoubleFollowsPyTorchToTheEnd(parity: Case) throws {
    let net = makeNet(parity, Double.self)
    setWeights(of: net, parity)
    let features: Tensor<Double> = features(parity)
    let steps = isSanitized ? 20 : parity.settings.steps
    let losses = try train(net, parity, features: features, steps: steps)
    let expected = Array(parity.expected("loss").elements.prefix(steps))
    #expect(parity.settings.steps == 200 && losses.count == steps && expected.count == steps)
    // Such an error is made in every step, and the later it is made the less it grows.
    let amplification = try #require(Self.doubleAmplification[parity.settings.name])
    #expect(largestRelativeDifference(losses, expected) < 10 * amplification)
    guard !isSanitized else { return }

    let logits = try net.predict(features.gathering(rows: parity.fixture.integers("evaluation_rows")))
    #expect(errorRelativeToScale(logits, reference: parity.expected("logits")) < 1e-6)
    var compared = 0
    for (name, tensor) in net.state.tensors where parity.hasExpected("final.\(name)") {
      let reference = parity.expected("final.\(name)")
      #expect(errorRelativeToScale(tensor, reference: reference, floor: 1e-3) < 1e-6, "\(name)")
      compared += 1
    }
    #expect(compared >= parity.settings.linears.count)
    #expect(net.state.counts.values.allSatisfy { $0 == 200 })
  }

  /// For how many steps each case can be followed in single precision: two to the end, the others until rounding has
  /// grown to the bound.
  @Test(arguments: [
    ("batch_adam", 3), ("batch_adam_masked", 200), ("batch_momentum", 40), ("batch_momentum_slow", 200),
    ("none_adam", 30), ("layer_adam", 40),
  ])
  func trainingInFloatFollowsPyTorchWhileRoundingLetsIt(name: String, steps: Int) throws {
    let parity = try #require(Self.cases.first { $0.settings.name == name })
    let net = makeNet(parity, Float.self)
    setWeights(of: net, parity)
    let features: Tensor<Float> = features(parity)
    let losses = try train(net, parity, features: features, steps: steps)
    let expected = parity.expectedFloat("loss").elements.prefix(steps).map { Double($0) }
    #expect(losses.count == steps)
    #expect(largestRelativeDifference(losses, expected) < 1e-3)
    guard steps == 200 else { return }

    // Biases before batch normalization have no effect, and under Adam wander with the rounding noise of their
    // gradients; the running means go along.
    let state = net.state
    let isWandering = name == "batch_adam_masked"
    var compared = 0
    for (name, tensor) in state.tensors where parity.hasExpected("final.\(name)", precision: "f32") {
      if isWandering && !name.hasSuffix("running_var") { continue }
      let reference = parity.expectedFloat("final.\(name)")
      #expect(errorRelativeToScale(tensor, reference: reference, floor: 1e-3) < 1e-3, "\(name)")
      compared += 1
    }
    #expect(compared >= 5)
    guard !isWandering else { return }
    let logits = try net.predict(features.gathering(rows: parity.fixture.integers("evaluation_rows")))
    #expect(errorRelativeToScale(logits, reference: parity.expectedFloat("logits")) < 1e-3)
  }

  @Test(arguments: cases) func aStateUnderPyTorchsNamesStartsTheSameTraining(parity: Case) throws {
    let (first, second) = (makeNet(parity, Float.self), makeNet(parity, Float.self))
    setWeights(of: first, parity)
    try second.load(initialState(parity))
    let features: Tensor<Float> = features(parity)
    let losses = try train(first, parity, features: features, steps: 3)
    #expect(try train(second, parity, features: features, steps: 3) == losses)
    #expect(first.state == second.state)
    #expect(Set(first.state.tensors.keys) == Set((initialState(parity) as ModelState<Float>).tensors.keys))
  }

  @Test func theScalingIsThatOfTheTrainingRows() throws {
    let parity = try #require(Self.cases.first)
    let rows = parity.fixture.integers("training_rows")
    let training = Dataset<Float>.digits().features.gathering(rows: rows).converted(to: Double.self)
    let fitted = try Standardization(fittedOn: training, mode: .perFeature)
    // Pixels are whole numbers up to 16, so only the quotients and the root round.
    #expect(errorRelativeToScale(fitted.mean, reference: parity.fixture.tensor("features.mean")) < 1e-14)
    #expect(errorRelativeToScale(fitted.scale, reference: parity.fixture.tensor("features.scale")) < 1e-14)
  }
}
