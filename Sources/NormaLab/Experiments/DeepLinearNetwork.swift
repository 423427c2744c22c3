import Foundation
import Norma

/// The loss along the gradient in a deep linear net.
struct DeepLinearNetwork: Experiment {
  let name = "deep-linear-net"
  let title = "How smooth the loss is"
  let question = "Does the gradient say more about where the loss goes when a net is normalized?"
  let origin = "Santurkar et al. 2018, section 3 and appendix"
  let dataset: LabDataset? = nil

  func runs(_ context: LabContext) -> [DeepLinearRun] {
    [false, true].map { isNormalized in
      DeepLinearRun(
        label: isNormalized ? "batch norm" : "no normalization", isNormalized: isNormalized,
        steps: context.full(10_000, quick: 1000), seed: context.seed)
    }
  }

  func findings(_ results: LabResults<DeepLinearRun>) -> Findings {
    let names = ["none", "batch"], styles = [SeriesStyle.plain, .batchNorm]
    let axis = ChartAxis("step", format: .integer, integersOnly: true)
    func series(_ value: @escaping (DeepLinearRun.Look) -> Double) -> [ChartSeries] {
      names.indices.map { index in
        .seeds(
          names[index], style: styles[index],
          results.outcomes[index][0].looks.indices.map { place in
            (
              Double(results.outcomes[index][0].looks[place].step),
              Spread(results.outcomes[index].map { value($0.looks[place]) })
            )
          })
      }
    }
    func median(_ index: Int, _ value: (DeepLinearRun.Look) -> Double) -> Spread {
      results.spread(index) { outcome in
        let values = outcome.looks.map(value).sorted()
        return values[values.count / 2]
      }
    }
    let ranges = [0, 1].map { median($0, \.range) }
    let changes = [0, 1].map { median($0, \.gradientChange) }
    let shares = [0, 1].map { median($0) { $0.gradientChange / $0.gradientLength } }
    let drops = [0, 1].map { index in results.spread(index) { ($0.looks.last?.loss ?? .nan) / $0.looks[0].loss } }
    let smoother = [Judgement.measure(ranges[1], below: ranges[0]), .measure(changes[1], below: changes[0])]
    let outcome =
      switch Judgement.all(smoother).verdict {
      case .held: "as that explanation has it"
      case .notHeld where !results.context.isQuick: "which speaks against that explanation"
      default: "which does not decide the matter"
      }
    return Findings(
      answer:
        "On a walk along its gradient the loss varies by \(ranges[1].text()) with batch normalization and by \(ranges[0].text()) without, and the gradient "
        + "itself changes by \(shares[1].text()) and \(shares[0].text()) of its length, "
        + "\(outcome).",
      claims: [
        Claim(
          "Along the gradient the loss varies less with batch normalization.", smoother[0],
          evidence: "median range \(ranges[1].text()) against \(ranges[0].text())"),
        Claim(
          "The gradient is more predictive: it changes less along its own direction.",
          smoother[1],
          evidence:
            "median change \(changes[1].text()) against \(changes[0].text()); as a share of the gradient's length "
            + "\(shares[1].text()) against \(shares[0].text())"),
        Claim(
          "The loss falls further with batch normalization.", .measure(drops[1], below: drops[0]),
          evidence: "the last loss is \(drops[1].text()) of the first against \(drops[0].text())"),
      ],
      blocks: [
        .figure(
          ReportFigure(
            caption: "What the gradient says of the loss around it",
            reading:
              "At each look the net walks along its gradient, by a half to four times the learning rate, and looks around. Left: how "
              + "much the loss varies on the way. Right: how far the gradient moves away from where it was. Where a gradient changes little, "
              + "a step does what it promised.",
            pictures: [
              LineChart(
                title: "Range of the loss along the gradient", x: axis,
                y: ChartAxis("range, logarithmic", kind: .logarithmic), series: series(\.range)),
              LineChart(
                title: "Change of the gradient along itself", x: axis,
                y: ChartAxis("change, logarithmic", kind: .logarithmic), series: series(\.gradientChange)),
            ],
            layout: .pairs)),
        .figure(
          ReportFigure(
            caption: "The loss, and how long the gradient is",
            reading: "A long gradient takes a net further at the same rate, and changes by more, too.",
            pictures: [
              LineChart(
                title: "Loss", x: axis, y: ChartAxis("loss, logarithmic", kind: .logarithmic), series: series(\.loss)),
              LineChart(
                title: "Length of the gradient", x: axis,
                y: ChartAxis("length, logarithmic", kind: .logarithmic), series: series(\.gradientLength)),
            ],
            layout: .pairs)),
      ],
      settings: [
        .init(name: "network", value: "25 linear layers of 10 × 10, weights from Xavier's scale, no biases"),
        .init(name: "task", value: "the product with one random 10 × 10 matrix, on 1000 random inputs"),
        .init(name: "training", value: "gradient descent on all inputs, rate 1e-6, \(results.runs[0].steps) steps"),
        .init(name: "seeds", value: "\(results.outcomes[0].count)"),
      ],
      differences: [
        "The paper leaves open how the weights start, how many inputs there are and how the task is made; Xavier's scale, 1000 inputs and a "
          + "random matrix of the same scale are this lab's choice. With batch normalization the gradients of such a net are longer, and a "
          + "fixed rate takes it further: the change of the gradient and its length have to be read together."
      ])
  }
}

/// A deep linear net, trained on everything at once.
struct DeepLinearRun: LabRun {
  static let kind = "deep-linear"
  /// The learning rate.
  static let rate = 1e-6
  private static let (layers, width, count) = (25, 10, 1000)

  var label = ""
  var isNormalized: Bool
  var steps: Int
  var seed: UInt64

  private enum CodingKeys: CodingKey { case isNormalized, steps, seed }

  /// What was seen at a step.
  struct Look: Codable, Sendable {
    /// The step.
    var step: Int
    /// The mean squared error.
    var loss: Double
    /// The largest less the smallest loss on a walk along the gradient, of half a step to four steps.
    var range: Double
    /// The largest distance of a gradient on the walk from the one at its beginning.
    var gradientChange: Double
    /// The length of the gradient.
    var gradientLength: Double
  }

  struct Outcome: Codable, Sendable {
    var looks: [Look]
  }

  var work: Double { Double(steps * Self.layers * Self.width * Self.width * Self.count) * (isNormalized ? 10 : 6) }

  private struct Point {
    var loss: Double
    var gradients: [Tensor<Double>]
  }

  func perform(on data: LabData) throws -> Outcome {
    var random = RandomGenerator(seed: seed)
    let (width, layers) = (Self.width, Self.layers)
    let x = Tensor<Double>.normal([Self.count, width], standardDeviation: 1, using: &random)
    let task = Tensor<Double>.normal([width, width], standardDeviation: 1 / Double(width).squareRoot(), using: &random)
    let targets = x.matrixProduct(task)
    var weights = (0..<layers).map { _ in
      Tensor<Double>.normal([width, width], standardDeviation: 1 / Double(width).squareRoot(), using: &random)
    }
    func point(_ weights: [Tensor<Double>]) throws -> Point {
      let graph = Graph<Double>()
      let parameters = weights.map { graph.parameter($0, name: "W") }
      var h = Variable(x)
      for (index, weight) in parameters.enumerated() {
        h = h.matrixProduct(weight)
        if isNormalized && index < layers - 1 { h = try h.batchNormalized().output }
      }
      let loss = h.meanSquaredError(targets: targets)
      let gradients = graph.gradients(of: loss)
      return Point(loss: loss.value.item, gradients: parameters.map { gradients[$0] })
    }
    func length(_ tensors: [Tensor<Double>]) -> Double { tensors.reduce(0) { $0 + $1.sumOfSquares() }.squareRoot() }
    func moved(_ weights: [Tensor<Double>], along gradients: [Tensor<Double>], by distance: Double) -> [Tensor<Double>]
    {
      zip(weights, gradients).map { $0 - distance * $1 }
    }
    let interval = steps / 50
    var looks: [Look] = []
    for step in 0...steps {
      let here = try point(weights)
      if step.isMultiple(of: interval) {
        let points = try [0.5, 1, 2, 3, 4].map { try point(moved(weights, along: here.gradients, by: $0 * Self.rate)) }
        let losses = points.map(\.loss) + [here.loss]
        looks.append(
          Look(
            step: step, loss: here.loss, range: (losses.max() ?? .nan) - (losses.min() ?? .nan),
            gradientChange: points.map { length(zip($0.gradients, here.gradients).map { $0 - $1 }) }.max() ?? .nan,
            gradientLength: length(here.gradients)))
      }
      weights = moved(weights, along: here.gradients, by: Self.rate)
    }
    return Outcome(looks: looks)
  }
}
