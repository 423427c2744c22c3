import NormaNormalization
import NormaTensor
import TestSupport
import Testing

/// The functions of this module against PyTorch's; see `NormalizationBounds` for where the bounds come from.
@Suite struct PyTorchParityTests {
  private func expect<Element: TensorElement>(
    _ x: Tensor<Element>, _ reference: Tensor<Double>, within bound: [Double], _ what: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(x.shape == reference.shape, "\(what)", sourceLocation: sourceLocation)
    let ratio = errorOverBound(x, reference: reference.elements, bound: bound)
    #expect(ratio <= 1, "\(what) in \(Element.self)", sourceLocation: sourceLocation)
  }

  private func expect<Element: TensorElement>(
    _ gradients: NormalizationGradients<Element>, _ reference: (String) -> Tensor<Double>, affine: Bool,
    within bounds: NormalizationBounds, _ what: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    expect(gradients.input, reference("dx"), within: bounds.inputGradient, "\(what).dx", sourceLocation: sourceLocation)
    guard affine else { return }
    expect(
      gradients.gamma, reference("dgamma"), within: bounds.gammaGradient, "\(what).dgamma",
      sourceLocation: sourceLocation)
    expect(
      gradients.beta, reference("dbeta"), within: bounds.betaGradient, "\(what).dbeta", sourceLocation: sourceLocation)
  }

  static let batchCases = ParityFixture.cases(of: "batch_norm", BatchNormSettings.self)
  static let fusedCases = ParityFixture.cases(of: "batch_norm_relu", BatchNormSettings.self)
  static let layerCases = ParityFixture.cases(of: "layer_norm", LayerNormSettings.self)

  private func check<Element: TensorElement>(_ type: Element.Type, _ parity: ParityCase<BatchNormSettings>) throws {
    let settings = parity.settings
    let gamma: Tensor<Element>? = settings.affine ? parity.input("gamma") : nil
    let beta: Tensor<Element>? = settings.affine ? parity.input("beta") : nil
    let layout: ChannelLayout = settings.layout == "NCHW" ? .channelsFirst : .channelsLast
    let conventions = BatchNormalizationConventions(
      epsilon: settings.epsilon, rule: settings.momentum.map { .updating($0) } ?? .cumulative, estimator: .unbiased,
      initialVariance: 1)
    var running = RunningStatistics<Element>(channelCount: parity.channelCount, conventions: conventions)
    let unit = Element.unitRoundoff
    for number in 0..<settings.batches {
      let x: Tensor<Element> = parity.input("\(number).x")
      let (y, batch) = try BatchNormalization.forward(
        x, gamma: gamma, beta: beta, epsilon: settings.epsilon, layout: layout, rectifies: settings.relu)
      let bounds = parity.trainingBounds(unit: unit, batch: number)
      expect(y, parity.expected("\(number).y"), within: bounds.output, "\(number).y")
      let gradients = BatchNormalization.backward(parity.input("\(number).dy"), input: x, saved: batch)
      expect(
        gradients, { parity.expected("\(number).\($0)") }, affine: settings.affine, within: bounds, "\(number)")

      let moments = parity.momentBounds(unit: unit, batch: number)
      expect(batch.moments.mean, parity.expected("\(number).mean"), within: moments.mean, "\(number).mean")
      expect(
        batch.moments.variance(.biased), parity.expected("\(number).variance"), within: moments.variance,
        "\(number).variance")
      guard settings.statistics else { continue }
      try running.update(with: batch.moments)
      let (mean, variance) = parity.runningBounds(unit: unit, through: number)
      expect(running.mean, parity.expected("\(number).running_mean"), within: mean, "\(number).running_mean")
      expect(running.variance, parity.expected("\(number).running_var"), within: variance, "\(number).running_var")
    }
    guard settings.statistics else { return }
    #expect(running.batchCount == settings.batches)
    let x: Tensor<Element> = parity.input("inference.x")
    let y = BatchNormalization.inference(
      x, mean: running.mean, variance: running.variance, gamma: gamma, beta: beta, epsilon: settings.epsilon,
      layout: layout, rectifies: settings.relu)
    let bounds = parity.inferenceBounds(unit: unit)
    expect(y, parity.expected("inference.y"), within: bounds.output, "inference.y")
    let gradients = BatchNormalization.inferenceBackward(
      parity.input("inference.dy"), input: x, mean: running.mean, variance: running.variance, gamma: gamma, beta: beta,
      epsilon: settings.epsilon, layout: layout, rectifies: settings.relu)
    expect(
      gradients, { parity.expected("inference.\($0)") }, affine: settings.affine, within: bounds, "inference")
  }

  @Test(arguments: batchCases) func batchNormalizationIsPyTorchs(parity: ParityCase<BatchNormSettings>) throws {
    try check(Double.self, parity)
    try check(Float.self, parity)
  }

  @Test(arguments: fusedCases)
  func batchNormalizationWithReLUIsPyTorchs(parity: ParityCase<BatchNormSettings>) throws {
    try check(Double.self, parity)
    try check(Float.self, parity)
  }

  private func check<Element: TensorElement>(_ type: Element.Type, _ parity: ParityCase<LayerNormSettings>) {
    let gamma: Tensor<Element>? = parity.settings.affine ? parity.input("gamma") : nil
    let beta: Tensor<Element>? = parity.settings.affine ? parity.input("beta") : nil
    let x: Tensor<Element> = parity.input("x")
    let (y, rows) = LayerNormalization.forward(x, gamma: gamma, beta: beta, epsilon: parity.settings.epsilon)
    let bounds = parity.bounds(unit: Element.unitRoundoff)
    expect(y, parity.expected("y"), within: bounds.output, "y")
    let gradients = LayerNormalization.backward(parity.input("dy"), input: x, saved: rows)
    expect(gradients, { parity.expected($0) }, affine: parity.settings.affine, within: bounds, "backward")
  }

  @Test(arguments: layerCases) func layerNormalizationIsPyTorchs(parity: ParityCase<LayerNormSettings>) {
    check(Double.self, parity)
    check(Float.self, parity)
  }

  static let groupCases = ParityFixture.cases(of: "group_norm", GroupNormSettings.self)

  private func check<Element: TensorElement>(_ type: Element.Type, _ parity: ParityCase<GroupNormSettings>) {
    let settings = parity.settings
    let gamma: Tensor<Element>? = settings.affine ? parity.input("gamma") : nil
    let beta: Tensor<Element>? = settings.affine ? parity.input("beta") : nil
    let x: Tensor<Element> = parity.input("x")
    let layout: ChannelLayout = settings.layout == "NCHW" ? .channelsFirst : .channelsLast
    let (y, statistics) =
      settings.module == "instance"
      ? InstanceNormalization.forward(
        x, gamma: gamma, beta: beta, epsilon: settings.epsilon, layout: layout, rectifies: settings.relu)
      : GroupNormalization.forward(
        x, groups: settings.groups, gamma: gamma, beta: beta, epsilon: settings.epsilon, layout: layout,
        rectifies: settings.relu)
    let bounds = parity.bounds(unit: Element.unitRoundoff)
    expect(y, parity.expected("y"), within: bounds.output, "y")
    let gradients = GroupNormalization.backward(parity.input("dy"), input: x, saved: statistics)
    expect(gradients, { parity.expected($0) }, affine: settings.affine, within: bounds, "backward")
  }

  @Test(arguments: groupCases) func groupNormalizationIsPyTorchs(parity: ParityCase<GroupNormSettings>) {
    check(Double.self, parity)
    check(Float.self, parity)
  }

  @Test func everyKindOfCaseIsThere() {
    #expect(Self.batchCases.count == 30)
    #expect(Self.fusedCases.count == 12)
    #expect(Self.layerCases.count == 24)
    #expect(Self.groupCases.count == 45)
    #expect(Self.groupCases.count { $0.settings.module == "instance" } >= 20)
  }
}
