import Norma

/// The checks of the course, in double precision.
struct PublishedChecks: Experiment {
  let name = "checks"
  let title = "The checks of the course"
  let question = "Does every layer compute what it should, and is each of its gradients the slope of what it computes?"
  let origin = "CS231n (Stanford), assignment 2, all notebooks; invariances from Ioffe & Szegedy 2015"
  let dataset: LabDataset? = nil

  /// The check whose measure rounding may decide.
  fileprivate static let illConditioned = "Whole net, weights"

  func runs(_ context: LabContext) -> [CheckRun] { [CheckRun(seed: context.seed)] }

  func findings(_ results: LabResults<CheckRun>) -> Findings {
    let checks = results.outcomes[0][0].checks
    let errors = checks.indices.map { index in results.spread(0) { $0.checks[index].error } }
    let held = checks.indices.filter { errors[$0].highest <= checks[$0].bound }
    let plot = DotPlot(
      title: "Errors", axis: ChartAxis("relative error, logarithmic", kind: .logarithmic),
      series: [("bound", .batchNorm), ("error", .plain)],
      rows: checks.indices.map {
        DotPlot.Row("\(checks[$0].name), \(checks[$0].setting)", [checks[$0].bound, errors[$0].highest])
      })
    return Findings(
      answer: "\(held.count) of \(checks.count) checks are within their bounds.",
      claims: checks.indices.map { index in
        Claim(
          "\(checks[index].name), \(checks[index].setting): at most \(NumberFormat.plain.text(checks[index].bound)).",
          checks[index].name == Self.illConditioned
            ? Judgement.exact(errors[index].highest <= checks[index].bound)
              .unlessShown(because: "gradients that are hardly more than rounding decide the measure")
            : .exact(errors[index].highest <= checks[index].bound),
          evidence: errors[index].text()
            + (checks[index].reported.isEmpty ? "" : "; reported \(checks[index].reported)"))
      },
      blocks: [
        .figure(
          ReportFigure(
            caption: "The error of each check, and its bound",
            reading:
              "A square left of its circle is a check that is within its bound. An error of 0 has no place on the axis.",
            pictures: [plot], legend: plot.legend)),
        .paragraph(
          "Gradients are held against centred differences, (f(x + h) − f(x − h)) / 2h. Errors are CS231n's: the largest |x − y| / "
            + "max(10⁻⁸, |x| + |y|) of all elements, unless a row says otherwise."),
      ],
      settings: [
        .init(name: "element type", value: "Double"), .init(name: "seeds", value: "\(results.outcomes[0].count)"),
      ],
      differences: [
        "The notebooks' differences take one step of 1e-5. Here, linear functions take a larger one, since rounding is all their error, and the "
          + "others two larger ones, extrapolated. Biases in front of batch normalization, whose gradient is 0, are left out of the whole net.",
        "Elements near 0 decide this measure. In the whole net with two rows the gradients of the weights are hardly more than rounding, "
          + "and it depends on the seed whether those rows keep their bounds.",
      ])
  }
}

/// All checks, from one seed.
struct CheckRun: LabRun {
  static let kind = "checks"

  var label: String { "all checks" }
  var seed: UInt64

  /// One check.
  struct Check: Codable, Sendable {
    var name: String, setting: String
    /// What was found, and what it may be at most.
    var error: Double, bound: Double
    /// What others reported.
    var reported: String
  }

  struct Outcome: Codable, Sendable {
    var checks: [Check]
  }

  var work: Double { 1e8 }

  private typealias Values = Tensor<Double>
  private typealias Node = Variable<Double>

  func perform(on data: LabData) throws -> Outcome {
    var random = RandomGenerator(seed: seed)
    return Outcome(
      checks: try forward(&random) + backward(&random) + layers(&random) + images(&random) + losses(&random)
        + network(&random)
        + invariances(&random))
  }

  private func relativeError(_ x: Values, _ y: Values) -> Double {
    GradientCheck(gradient: x, numericGradient: y).relativeError
  }

  /// Gradients against differences of two steps, of which Richardson's extrapolation takes the error to the fourth order: less
  /// rounding than with one small step.
  private func extrapolated(
    at points: [Values], seed: Values? = nil, step: Double = 3e-4, of function: ([Node]) throws -> Node
  ) rethrows -> [Double] {
    let fine = try checkGradients(at: points, seed: seed, step: step, of: function)
    let coarse = try checkGradients(at: points, seed: seed, step: 2 * step, of: function)
    return zip(fine, coarse).map { fine, coarse in
      relativeError(fine.gradient, (4.0 / 3) * fine.numericGradient - (1.0 / 3) * coarse.numericGradient)
    }
  }

  private func worst(_ checks: [GradientCheck<Double>]) -> Double { checks.map(\.relativeError).max() ?? .nan }

  private func deviation(_ x: Values) -> Values { BatchMoments(of: x).variance(.biased).applying(.squareRoot) }

  private func normal(_ shape: Shape, _ scale: Double = 1, _ random: inout RandomGenerator) -> Values {
    .normal(shape, standardDeviation: scale, using: &random)
  }

  /// What two layers make of random inputs: `50 → 60 → 3`.
  private func sums(_ rows: Int, _ weights: [Values], _ random: inout RandomGenerator) -> Values {
    normal([rows, 50], 1, &random).matrixProduct(weights[0]).applying(.leakyReLU(slope: 0)).matrixProduct(weights[1])
  }

  private func forward(_ random: inout RandomGenerator) throws -> [Check] {
    let weights = [normal([50, 60], 1, &random), normal([60, 3], 1, &random)]
    let (gamma, beta) = (Values([1, 2, 3], shape: [3]), Values([11, 12, 13], shape: [3]))
    let y = try Node(sums(200, weights, &random)).batchNormalized(gamma: Node(gamma), beta: Node(beta), epsilon: 0)
      .output.value
    let error = max(relativeError(BatchMoments(of: y).mean, beta), relativeError(deviation(y), gamma))
    let layer = BatchNorm<Double>(3, conventions: .cs231n)
    for _ in 0..<50 {
      let pass = Pass<Double>.training(random: random)
      _ = try layer(Node(sums(200, weights, &random)), in: pass)
      try pass.updateRunningStatistics()
    }
    let found = try layer(Node(sums(200, weights, &random)), in: .inference).value
    let means = BatchMoments(of: found).mean.elements.map(abs).max() ?? .nan
    let deviations = deviation(found).elements.map { abs($0 - 1) }.max() ?? .nan
    // 200 rows leave a mean uncertain by 1/√200 and a deviation by 1/√400; three channels rarely exceed three times that.
    return [
      Check(
        name: "Forward in training", setting: "N 200, 50→60→3: mean = beta, deviation = gamma (epsilon 0)",
        error: error, bound: 1e-12,
        reported: ""),
      Check(
        name: "Forward in inference", setting: "after 50 batches: largest |mean|", error: means, bound: 0.22,
        reported: "means of −0.10 to −0.04"),
      Check(
        name: "Forward in inference", setting: "after 50 batches: largest |deviation − 1|", error: deviations,
        bound: 0.16,
        reported: "deviations of 0.98 to 1.02"),
    ]
  }

  private func backward(_ random: inout RandomGenerator) throws -> [Check] {
    let points = [normal([4, 5], 5, &random) + 12, normal([5], 1, &random), normal([5], 1, &random)]
    let seed = normal([4, 5], 1, &random)
    let staged = try extrapolated(at: points, seed: seed) {
      try $0[0].stagedBatchNormalized(gamma: $0[1], beta: $0[2]).output
    }
    let layer = extrapolated(at: points, seed: seed) { $0[0].layerNormalized(gamma: $0[1], beta: $0[2]) }
    let rows = Node(normal([4, 60], 4, &random) + 10).layerNormalized(epsilon: 0).value.transposed([1, 0])
    let layerForward = max(
      BatchMoments(of: rows).mean.elements.map(abs).max() ?? .nan, relativeError(deviation(rows), .ones([4])))
    return [
      Check(name: "Staged backward, dx", setting: "4 × 5", error: staged[0], bound: 1e-8, reported: "1.7e-9"),
      Check(name: "Staged backward, dgamma", setting: "4 × 5", error: staged[1], bound: 1e-8, reported: "7.4e-13"),
      Check(name: "Staged backward, dbeta", setting: "4 × 5", error: staged[2], bound: 1e-8, reported: "2.9e-12"),
      Check(
        name: "Layer norm forward", setting: "N 4: mean 0, deviation 1 (epsilon 0)", error: layerForward, bound: 1e-12,
        reported: ""),
      Check(name: "Layer norm backward", setting: "4 × 5", error: layer.max() ?? .nan, bound: 1e-8, reported: ""),
    ]
  }

  private func layers(_ random: inout RandomGenerator) -> [Check] {
    let affine = checkGradients(
      at: [normal([10, 6], 1, &random), normal([6, 5], 1, &random), normal([5], 1, &random)],
      seed: normal([10, 5], 1, &random),
      step: 0x1p-6
    ) { $0[0].matrixProduct($0[1]).adding($0[2], broadcast: .perChannel) }
    // Kept off the kink, so that no difference straddles it; and whole eighths, whose sums are exact.
    func eighths(_ count: Int) -> Values {
      Values(random.permutation(count).map { (Double($0 - count / 2) + 0.5) / 8 }, shape: [10, count / 10])
    }
    let (points, seed) = (eighths(100), eighths(100))
    let relu = checkGradients(at: [points], seed: seed, step: 0x1p-6) { $0[0].relu() }
    let state = random.split(7)
    let dropout = checkGradients(
      at: [normal([10, 10], 1, &random) + 10], seed: normal([10, 10], 1, &random), step: 0x1p-6
    ) {
      var random = state
      return $0[0].dropout(keepProbability: 0.2, using: &random)
    }
    return [
      Check(name: "Affine, backward", setting: "10 × 6 → 5", error: worst(affine), bound: 1e-10, reported: ""),
      Check(name: "ReLU, backward", setting: "10 × 10", error: worst(relu), bound: 1e-12, reported: "3.3e-12"),
      Check(name: "Dropout, backward", setting: "keep 0.2", error: worst(dropout), bound: 1e-10, reported: "5.4e-11"),
    ]
  }

  private func images(_ random: inout RandomGenerator) throws -> [Check] {
    func linear(_ start: Double, _ end: Double, _ shape: Shape) -> Values {
      .linearlySpaced(from: start, through: end, shape: shape)
    }
    func channelsLast(_ x: Values) -> Values { x.transposed([0, 2, 3, 1]) }
    let convolution = Node(channelsLast(linear(-0.1, 0.5, [2, 3, 4, 4]))).convolved(
      weight: Node(linear(-0.2, 0.3, [3, 3, 4, 4])), bias: Node(linear(-0.1, 0.2, [3])),
      window: Window(4, stride: 2, padding: 1)
    ).value
    let published = Values(
      [
        -0.08759809, -0.10987781, -0.18387192, -0.2109216, 0.21027089, 0.21661097, 0.22847626, 0.23004637, 0.50813986,
        0.54309974,
        0.64082444, 0.67101435, -0.98053589, -1.03143541, -1.19128892, -1.24695841, 0.69108355, 0.66880383, 0.59480972,
        0.56776003,
        2.36270298, 2.36904306, 2.38090835, 2.38247847,
      ], shape: [2, 3, 2, 2])
    let pooled = Node(channelsLast(linear(-0.3, 0.4, [2, 3, 4, 4]))).maxPooled(Window(2, stride: 2)).value
    let ours = (pooled.elements.min() ?? .nan, pooled.elements.max() ?? .nan)
    let convolutionGradient = checkGradients(
      at: [
        channelsLast(normal([4, 3, 5, 5], 1, &random)), normal([2, 3, 3, 3], 1, &random), normal([2], 1, &random),
      ],
      seed: channelsLast(normal([4, 2, 5, 5], 1, &random)), step: 0x1p-6
    ) { $0[0].convolved(weight: $0[1], bias: $0[2], window: Window(3, padding: 1)) }
    let places = Values(random.permutation(3 * 2 * 8 * 8).map { Double($0) / 16 - 12 }, shape: [3, 8, 8, 2])
    let pooling = checkGradients(
      at: [places], seed: Values(random.permutation(3 * 2 * 4 * 4).map { Double($0) - 40.5 }, shape: [3, 4, 4, 2]),
      step: 0x1p-6
    ) { $0[0].maxPooled(Window(2, stride: 2)) }
    let spatial = try extrapolated(
      at: [normal([2, 4, 5, 3], 5, &random) + 12, normal([3], 1, &random), normal([3], 1, &random)],
      seed: normal([2, 4, 5, 3], 1, &random)
    ) { try $0[0].batchNormalized(gamma: $0[1], beta: $0[2]).output }
    let y = try Node(normal([2, 4, 5, 3], 4, &random) + 10).batchNormalized(epsilon: 0).output.value
    let spatialForward = max(
      BatchMoments(of: y).mean.elements.map(abs).max() ?? .nan, relativeError(deviation(y), .ones([3])))
    let group = extrapolated(
      at: [normal([2, 4, 5, 6], 5, &random) + 12, normal([6], 1, &random), normal([6], 1, &random)],
      seed: normal([2, 4, 5, 6], 1, &random)
    ) { $0[0].groupNormalized(groups: 2, gamma: $0[1], beta: $0[2]) }
    return [
      Check(
        name: "Spatial batch norm, forward", setting: "(2, 3, 4, 5): mean 0, deviation 1 (epsilon 0)",
        error: spatialForward,
        bound: 1e-12, reported: ""),
      Check(
        name: "Spatial batch norm, backward", setting: "(2, 3, 4, 5)", error: spatial.max() ?? .nan, bound: 1e-6,
        reported: "dx 2.7e-7"),
      Check(
        name: "Spatial group norm, backward", setting: "(2, 6, 4, 5), 2 groups", error: group.max() ?? .nan,
        bound: 1e-7, reported: ""),
      Check(
        name: "Convolution, forward",
        setting: "(2, 3, 4, 4), 3 filters of 4 × 4, stride 2: largest difference from eight published decimals",
        error: zip(convolution.elements, channelsLast(published).elements).map { abs($0 - $1) }.max() ?? .nan,
        bound: 1e-8, reported: ""),
      Check(
        name: "Convolution, backward", setting: "(4, 3, 5, 5), 2 filters of 3 × 3", error: worst(convolutionGradient),
        bound: 1e-8, reported: ""),
      Check(
        name: "Max pool, forward", setting: "(2, 3, 4, 4): largest difference of the extremes from the published ones",
        error: max(abs(ours.0 + 0.26315789), abs(ours.1 - 0.4)), bound: 1e-8, reported: ""),
      Check(
        name: "Max pool, backward", setting: "(3, 2, 8, 8)", error: worst(pooling), bound: 1e-12, reported: "3.3e-12"),
    ]
  }

  private func losses(_ random: inout RandomGenerator) -> [Check] {
    let scores = normal([50, 10], 0.001, &random)
    let labels = (0..<50).map { $0 * 7 % 10 }
    let softmax = extrapolated(at: [scores], step: 1e-3) { $0[0].softmaxCrossEntropy(labels: labels) }
    let hinge = checkGradients(at: [scores], step: 0x1p-4) { $0[0].multiclassSVM(labels: labels) }
    return [
      Check(
        name: "Softmax loss", setting: "50 × 10 scores near 0: distance from ln 10",
        error: abs(Node(scores).softmaxCrossEntropy(labels: labels).value.item - 2.302585093), bound: 1e-3,
        reported: "about 2.3"),
      Check(
        name: "SVM loss", setting: "50 × 10 scores near 0: distance from 9",
        error: abs(Node(scores).multiclassSVM(labels: labels).value.item - 9), bound: 1e-2, reported: "about 9"),
      Check(
        name: "Softmax, backward", setting: "50 × 10", error: softmax.max() ?? .nan, bound: 1e-8, reported: "9.4e-9"),
      Check(name: "SVM, backward", setting: "50 × 10", error: worst(hinge), bound: 1e-9, reported: "1.4e-9"),
    ]
  }

  private func affine(_ x: Node, _ weight: Node, _ bias: Node) -> Node {
    x.matrixProduct(weight).adding(bias, broadcast: .perChannel)
  }

  private func penalty(_ weights: [Node], _ strength: Double) -> Node {
    let squares = weights.map { $0.squared().sum() }
    return squares.dropFirst().reduce(squares[0], +).scaled(by: strength / 2)
  }

  private func network(_ random: inout RandomGenerator) throws -> [Check] {
    func linear(_ start: Double, _ end: Double, _ shape: Shape) -> Values {
      .linearlySpaced(from: start, through: end, shape: shape)
    }
    let images = linear(-5.5, 4.5, [5, 3]).transposed([1, 0])
    let parameters = [
      linear(-0.7, 0.3, [5, 50]), linear(-0.1, 0.9, [50]), linear(-0.3, 0.4, [50, 7]), linear(-0.9, 0.1, [7]),
    ].map { Node($0) }
    let scores = affine(affine(Node(images), parameters[0], parameters[1]).relu(), parameters[2], parameters[3])
    let loss = scores.softmaxCrossEntropy(labels: [0, 5, 1])
    let total = loss + penalty([parameters[0], parameters[2]], 1)
    var checks = [
      Check(
        name: "Two-layer net", setting: "5→50→7, loss: distance from the published one",
        error: abs(loss.value.item - 3.4702243556),
        bound: 1e-10, reported: "3.4702243556"),
      Check(
        name: "Two-layer net", setting: "the same with reg 1", error: abs(total.value.item - 26.5948426952),
        bound: 1e-10,
        reported: "26.5948426952"),
    ]
    let sizes = [15, 20, 30, 10]
    let x = normal([2, 15], 1, &random)
    let weights = (0..<3).map { normal([sizes[$0], sizes[$0 + 1]], 5e-2, &random) }
    for strength in [0, 3.14] {
      func loss(_ weights: [Node], _ others: [Node]) throws -> Node {
        var h = Node(x)
        for layer in 0..<2 {
          h = try h.matrixProduct(weights[layer]).batchNormalized(gamma: others[layer], beta: others[2 + layer]).output
            .relu()
        }
        return affine(h, weights[2], others[4]).softmaxCrossEntropy(labels: [3, 8]) + penalty(weights, strength)
      }
      let others = [Values.ones([20]), .ones([30]), .zeros([20]), .zeros([30]), .zeros([10])]
      // Two rows that are nearly equal in a channel make batch normalization steep, so that steps must be small; and nearly every
      // normalized value is 1 or -1 whatever the weights, so that their gradients are tiny and rounding soon shows.
      let weightError =
        try extrapolated(at: weights, step: 1e-5) { try loss($0, others.map { Node($0) }) }.max() ?? .nan
      let error = try extrapolated(at: others, step: 1e-4) { try loss(weights.map { Node($0) }, $0) }.max() ?? .nan
      checks.append(
        Check(
          name: PublishedChecks.illConditioned, setting: "N 2, 15→20→30→10, reg \(strength)", error: weightError,
          bound: 1e-4, reported: "1e-4 to 1e-10"))
      checks.append(
        Check(
          name: "Whole net, gamma, beta and bias", setting: "the same", error: error, bound: 1e-8,
          reported: "1e-8 to 1e-9"))
    }
    return checks
  }

  /// BN((aW)u) = BN(Wu), the gradient of u does not change with a, and that of aW is 1/a of that of W.
  private func invariances(_ random: inout RandomGenerator) throws -> [Check] {
    let (u, weight, bias) = (normal([20, 8], 1, &random), normal([8, 6], 1, &random), normal([6], 1, &random))
    let (seed, a) = (normal([20, 6], 1, &random), 16.0)
    func run(_ weight: Values, bias: Values? = nil) throws -> [Values] {
      let graph = Graph<Double>()
      let (input, parameter) = (graph.input(u, name: "u"), graph.parameter(weight, name: "W"))
      var sums = input.matrixProduct(parameter)
      if let bias { sums = sums.adding(Variable(bias), broadcast: .perChannel) }
      let y = try sums.batchNormalized(epsilon: 0).output
      let gradients = graph.gradients(of: y, seed: seed)
      return [y.value, gradients[input], gradients[parameter]]
    }
    let (one, scaled, shifted) = (try run(weight), try run(a * weight), try run(weight, bias: bias))
    func distance(_ x: Values, _ y: Values) -> Double {
      (x - y).elements.reduce(0) { max($0, abs($1)) } / y.elements.reduce(0) { max($0, abs($1)) }
    }
    let setting = "relative to the largest element"
    return [
      Check(
        name: "BN((aW)u) = BN(Wu)", setting: setting, error: distance(scaled[0], one[0]), bound: 1e-12, reported: ""),
      Check(
        name: "The gradient of u does not change with a", setting: setting, error: distance(scaled[1], one[1]),
        bound: 1e-12, reported: ""),
      Check(
        name: "The gradient of aW is 1/a of that of W", setting: setting, error: distance(a * scaled[2], one[2]),
        bound: 1e-12, reported: ""),
      Check(
        name: "A bias before batch normalization has no effect", setting: setting, error: distance(shifted[0], one[0]),
        bound: 1e-12, reported: ""),
    ]
  }
}
