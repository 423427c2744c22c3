import Norma
import TestSupport
import Testing

/// The layer, its running statistics and its three forms against PyTorch's; see `NormalizationBounds` for the bounds.
@Suite struct BatchNormParityTests {
  typealias Case = ParityCase<BatchNormSettings>
  static let allCases =
    ParityFixture.cases(of: "batch_norm", BatchNormSettings.self)
    + ParityFixture.cases(of: "batch_norm_relu", BatchNormSettings.self)
  static let cases = allCases.filter { $0.settings.layout != "NCHW" }
  static let channelsFirstCases = allCases.filter { $0.settings.layout == "NCHW" }

  private func expect<Element: TensorElement>(
    _ x: Tensor<Element>?, _ reference: Tensor<Double>, within bound: [Double], _ what: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let x = try #require(x, "\(what)", sourceLocation: sourceLocation)
    #expect(x.shape == reference.shape, "\(what)", sourceLocation: sourceLocation)
    let ratio = errorOverBound(x, reference: reference.elements, bound: bound)
    #expect(ratio <= 1, "\(what) in \(Element.self)", sourceLocation: sourceLocation)
  }

  private func conventions(_ settings: BatchNormSettings) -> BatchNormalizationConventions {
    BatchNormalizationConventions(
      epsilon: settings.epsilon, rule: settings.momentum.map { .updating($0) } ?? .cumulative, estimator: .unbiased,
      initialVariance: 1)
  }

  private func check<Element: TensorElement>(
    _ type: Element.Type, _ parity: Case, form: BatchNormalizationForm,
    roundings: NormalizationBounds.Roundings = .batch
  ) throws {
    let settings = parity.settings
    let layer = BatchNorm<Element>(
      parity.channelCount, conventions: conventions(settings), isAffine: settings.affine,
      tracksRunningStatistics: settings.statistics, form: form)
    layer.gamma?.value = parity.input("gamma")
    layer.beta?.value = parity.input("beta")
    let model = Sequential<Element>(settings.relu ? [layer, ReLU()] : [layer])
    let unit = Element.unitRoundoff
    for number in 0..<settings.batches {
      let graph = Graph<Element>()
      let pass = Pass<Element>.training(graph: graph, random: RandomGenerator(seed: 0))
      let x = graph.input(parity.input("\(number).x"), name: "x")
      let y = try model(x, in: pass)
      let bounds = parity.trainingBounds(unit: unit, batch: number, roundings: roundings)
      try expect(y.value, parity.expected("\(number).y"), within: bounds.output, "\(number).y")

      // The passes' own gradients start from ones; multiplied by dy, the sum of the results starts from dy.
      let gradients = pass.gradients(of: (y * Variable(parity.input("\(number).dy"))).sum())
      try expect(gradients.gradients[x], parity.expected("\(number).dx"), within: bounds.inputGradient, "\(number).dx")
      if let gamma = layer.gamma, let beta = layer.beta {
        try expect(
          gradients[gamma], parity.expected("\(number).dgamma"), within: bounds.gammaGradient, "\(number).dgamma")
        try expect(gradients[beta], parity.expected("\(number).dbeta"), within: bounds.betaGradient, "\(number).dbeta")
      }
      try pass.updateRunningStatistics()
      guard settings.statistics else { continue }
      let (mean, variance) = parity.runningBounds(unit: unit, through: number)
      let state = layer.state
      try expect(
        state.tensors["running_mean"], parity.expected("\(number).running_mean"), within: mean, "running mean")
      try expect(
        state.tensors["running_var"], parity.expected("\(number).running_var"), within: variance, "running variance")
      #expect(state.counts["num_batches_tracked"] == number + 1)
    }
    guard settings.statistics else {
      #expect(layer.runningStatistics == nil && layer.state.counts.isEmpty)
      return
    }
    let y = try model(Variable(parity.input("inference.x")), in: .inference)
    try expect(
      y.value, parity.expected("inference.y"), within: parity.inferenceBounds(unit: unit).output, "inference.y")
  }

  @Test(arguments: cases) func theLayerIsPyTorchsInEveryForm(parity: Case) throws {
    try check(Double.self, parity, form: .fused)
    try check(Float.self, parity, form: .fused)
    try check(Double.self, parity, form: .closedForm)
    try check(Float.self, parity, form: .closedForm)
    // In single precision the staged form loses what large means cost; it exists to be looked at.
    try check(Double.self, parity, form: .staged, roundings: .staged)
  }

  private func checkChannelsFirst<Element: TensorElement>(_ type: Element.Type, _ parity: Case) throws {
    let settings = parity.settings
    let unit = Element.unitRoundoff
    var running = RunningStatistics<Element>(channelCount: parity.channelCount, conventions: conventions(settings))
    func check(
      _ y: Variable<Element>, _ x: Variable<Element>, _ gamma: Variable<Element>, _ beta: Variable<Element>,
      _ prefix: String, _ bounds: NormalizationBounds
    ) throws {
      let graph = try #require(y.graph)
      try expect(y.value, parity.expected("\(prefix).y"), within: bounds.output, "\(prefix).y")
      let gradients = graph.gradients(of: y, seed: parity.input("\(prefix).dy"))
      try expect(gradients[x], parity.expected("\(prefix).dx"), within: bounds.inputGradient, "\(prefix).dx")
      try expect(
        gradients[gamma], parity.expected("\(prefix).dgamma"), within: bounds.gammaGradient, "\(prefix).dgamma")
      try expect(gradients[beta], parity.expected("\(prefix).dbeta"), within: bounds.betaGradient, "\(prefix).dbeta")
    }
    func leaves(_ prefix: String) -> (x: Variable<Element>, gamma: Variable<Element>, beta: Variable<Element>) {
      let graph = Graph<Element>()
      return (
        graph.input(parity.input("\(prefix).x"), name: "x"), graph.parameter(parity.input("gamma"), name: "gamma"),
        graph.parameter(parity.input("beta"), name: "beta")
      )
    }
    for number in 0..<settings.batches {
      let (x, gamma, beta) = leaves("\(number)")
      let (y, moments) = try x.batchNormalized(
        gamma: gamma, beta: beta, epsilon: settings.epsilon, layout: .channelsFirst, rectifies: settings.relu)
      try running.update(with: moments)
      try check(y, x, gamma, beta, "\(number)", parity.trainingBounds(unit: unit, batch: number))
    }
    let (x, gamma, beta) = leaves("inference")
    let y = x.batchNormalized(
      mean: Variable(running.mean), variance: Variable(running.variance), gamma: gamma, beta: beta,
      epsilon: settings.epsilon,
      layout: .channelsFirst, rectifies: settings.relu)
    try check(y, x, gamma, beta, "inference", parity.inferenceBounds(unit: unit))
  }

  @Test(arguments: channelsFirstCases) func channelsFirstIsPyTorchs(parity: Case) throws {
    try checkChannelsFirst(Double.self, parity)
    try checkChannelsFirst(Float.self, parity)
  }

  /// Running statistics may be there in inference alone: their gradients, too, are PyTorch's.
  @Test(arguments: cases.filter(\.settings.statistics)) func gradientsOfInferenceArePyTorchs(parity: Case) throws {
    let settings = parity.settings
    let last = settings.batches - 1
    let graph = Graph<Double>()
    let x = graph.input(parity.input("inference.x"), name: "x")
    let y = x.batchNormalized(
      mean: Variable(parity.expected("\(last).running_mean")),
      variance: Variable(parity.expected("\(last).running_var")),
      gamma: settings.affine ? Variable(parity.input("gamma")) : nil,
      beta: settings.affine ? Variable(parity.input("beta")) : nil, epsilon: settings.epsilon,
      rectifies: settings.relu)
    let bounds = parity.inferenceBounds(unit: Double.unitRoundoff)
    let gradient = graph.gradients(of: y, seed: parity.input("inference.dy"))[x]
    try expect(gradient, parity.expected("inference.dx"), within: bounds.inputGradient, "inference.dx")
  }

  static let layerCases = ParityFixture.cases(of: "layer_norm", LayerNormSettings.self)

  private func check<Element: TensorElement>(_ type: Element.Type, _ parity: ParityCase<LayerNormSettings>) throws {
    let settings = parity.settings
    let x: Tensor<Element> = parity.input("x")
    let layer = LayerNorm<Element>(x.shape.channelCount, epsilon: settings.epsilon, isAffine: settings.affine)
    layer.gamma?.value = parity.input("gamma")
    layer.beta?.value = parity.input("beta")
    let graph = Graph<Element>()
    let pass = Pass<Element>.training(graph: graph, random: RandomGenerator(seed: 0))
    let input = graph.input(x, name: "x")
    let y = layer(input, in: pass)
    let bounds = parity.bounds(unit: Element.unitRoundoff)
    try expect(y.value, parity.expected("y"), within: bounds.output, "y")
    #expect(haveSameBits(layer(Variable(x), in: .inference).value, y.value))
    let gradients = pass.gradients(of: (y * Variable(parity.input("dy"))).sum())
    try expect(gradients.gradients[input], parity.expected("dx"), within: bounds.inputGradient, "dx")
    guard let gamma = layer.gamma, let beta = layer.beta else { return }
    try expect(gradients[gamma], parity.expected("dgamma"), within: bounds.gammaGradient, "dgamma")
    try expect(gradients[beta], parity.expected("dbeta"), within: bounds.betaGradient, "dbeta")
  }

  @Test(arguments: layerCases) func theLayerNormLayerIsPyTorchs(parity: ParityCase<LayerNormSettings>) throws {
    try check(Double.self, parity)
    try check(Float.self, parity)
  }
}
