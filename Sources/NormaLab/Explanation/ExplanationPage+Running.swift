import Norma

/// The batches that part 7 takes in: sixteen values each, from a normal distribution with mean 6 and deviation 3.
enum RunningBatches {
  static let mean = 6.0, deviation = 3.0
  static let count = 100, size = 16

  static let drawn: [[Double]] = {
    var random = RandomGenerator(seed: 1)
    let values = Tensor<Double>.normal([count, size], standardDeviation: deviation, using: &random) + mean
    return (0..<count).map { batch in
      values.elements[batch * size..<(batch + 1) * size].map { ($0 * 100).rounded() / 100 }
    }
  }()

  /// Running mean and variance after each batch, and before the first one; by the library.
  static func path(momentum: Double, steps: Int) -> [(mean: Double, variance: Double)] {
    var conventions = BatchNormalizationConventions.pyTorch
    conventions.rule = .updating(momentum)
    var running = RunningStatistics<Double>(channelCount: 1, conventions: conventions)
    var path = [(running.mean.elements[0], running.variance.elements[0])]
    for batch in drawn.prefix(steps) {
      // Batches of one channel fit statistics of one channel.
      try? running.update(with: BatchMoments(of: Tensor(batch, shape: [size, 1])))
      path.append((running.mean.elements[0], running.variance.elements[0]))
    }
    return path
  }
}

/// Parts 7 and 8: what stands in for the batch where there is none, and how much a batch differs from the next.
extension ExplanationPage {
  var runningStatistics: Markup {
    let (momentum, steps) = (0.1, 20)
    let path = RunningBatches.path(momentum: momentum, steps: steps)
    let last = path[steps]
    let value = 9.0
    let training = (value - RunningBatches.mean) / RunningBatches.deviation
    let inference = (value - last.mean) / (last.variance + 1e-5).squareRoot()
    func chart(_ identifier: String, _ top: Double, _ title: String, _ numbers: [Double], _ truth: Double) -> [Markup] {
      let view = RunningView(top: top, truth: truth)
      return [
        PageElements.label(20, top + 12, title),
        PageElements.path("M20,\(PageElements.plain(top + 120))H340", "axis"),
        PageElements.label(16, top + 124, "0", anchor: "end", "small"),
        PageElements.path("M20,\(PageElements.plain(view.y(truth)))H340", "reference"),
        PageElements.label(340, view.y(truth) - 5, "true: \(ExplainedValues.text(truth))", anchor: "end", "small"),
        PageElements.path(
          PageElements.line(numbers.enumerated().map { (view.x($0), view.y($1)) }), "line series-0", id: identifier),
      ]
    }
    let left = UpdateRule.updating(momentum).remainder(afterBatches: steps)
    return PageElements.part(
      "running", number: 7, "Running statistics",
      [
        PageElements.paragraph(
          "Once the network is used, there may be a single example and no batch to take an average of. So while it learns, it keeps two running averages: M of the batches' means and V of their variances, by N − 1. After each batch they move a little towards what the batch had. How far, is the momentum m: M ← (1 − m)·M + m·μ, and V likewise. They start at M = 0 and V = 1, which are nobody's statistics."
        ),
        PageElements.stage(
          [
            PageElements.drawing(
              "running-drawing", height: 290, title: "Running mean and variance",
              description: "Both start far away and come near the true values, the faster the larger the momentum.",
              chart("running-means", 0, "running mean M", path.map(\.mean), RunningBatches.mean)
                + chart(
                  "running-variances", 145, "running variance V", path.map(\.variance),
                  RunningBatches.deviation * RunningBatches.deviation)
                + [PageElements.label(340, 282, "100 batches", anchor: "end", "small")])
          ],
          [
            PageElements.slider(
              "running-momentum", "Momentum m", from: 0.01, to: 1, step: 0.01, at: momentum, text: "0.1"),
            PageElements.slider("running-steps", "Batches so far", from: 0, to: 100, step: 1, at: 20, text: "20"),
            .element(
              "div", ["class": "control check"],
              [
                .element("input", ["type": "checkbox", "id": "running-rule"]),
                .element("label", ["for": "running-rule"], text: "batch n weighs 1/n until that is less than m"),
              ]),
            PageElements.figures([
              ("running mean M", "running-mean", ExplainedValues.text(last.mean)),
              ("running variance V", "running-variance", ExplainedValues.text(last.variance)),
              ("left of the start", "running-left", share(left)),
              ("the value 9 by the true ones", "running-training", ExplainedValues.text(training)),
              ("by M and V", "running-inference", ExplainedValues.text(inference)),
            ]),
            PageElements.outcome(
              "running-outcome",
              "After 20 batches \(share(left)) of the start is still in them: the value 9 becomes \(ExplainedValues.text(inference)) in use, and was about \(ExplainedValues.text(training)) in training."
            ),
          ]),
        PageElements.paragraph(
          "That is why a network that has had few batches is misjudged: it may have learned well, and is asked through statistics that are still partly those of nobody. norma train lets batch n weigh 1/n at first, so that nothing of the start is left after one batch. In use, PyTorch’s eval mode, M and V are constants. No example takes part in another's output any more."
        ),
      ])
  }

  private func share(_ value: Double) -> String { "\(ExplainedValues.text((value * 1000).rounded() / 10))\u{A0}%" }

  var batchSize: Markup {
    let size = 16, count = 2000
    var random = RandomGenerator(seed: 2)
    let values = Tensor<Double>.normal([count, size], standardDeviation: 1, using: &random)
    let means = (0..<count).map { batch in
      values.elements[batch * size..<(batch + 1) * size].reduce(0, +) / Double(size)
    }
    let deviation = (means.map { $0 * $0 }.reduce(0, +) / Double(count)).squareRoot()
    let view = MeansView(means)
    let seen = means.prefix(24).map { 1 - $0 }
    return PageElements.part(
      "batch-size", number: 8, "Batch size",
      [
        PageElements.paragraph(
          "A batch is a sample, so its mean is not that of all examples but somewhere near. How near, goes with one over the square root of its size N: four times as many examples, half the error. Below, values of mean 0 and deviation 1 are drawn in 2,000 batches, and their means are counted."
        ),
        PageElements.stage(
          [
            PageElements.drawing(
              "means-drawing", height: 236, title: "The means of 2,000 batches",
              description:
                "A histogram of the means of batches, and what the rule one over the root of N says of it as a curve.",
              [
                PageElements.path(view.bars, "bars series-0", id: "means-bars"),
                PageElements.path(view.curve(1 / Double(size).squareRoot()), "line series-1", id: "means-curve"),
                PageElements.path("M20,150H340", "axis"), PageElements.label(20, 168, "−1.5"),
                PageElements.label(180, 168, "0", anchor: "middle"), PageElements.label(340, 168, "1.5", anchor: "end"),
                PageElements.label(
                  20, 196, "the value 1 less its batch’s mean, in 24 batches", "small"),
                PageElements.path("M20,220H340", "axis"),
                .element(
                  "g", ["id": "means-seen"],
                  seen.map { value in
                    .element(
                      "circle",
                      ["class": "dot series-2", "r": "5", "cy": "214", "cx": PageElements.plain(view.x(value))])
                  }),
              ])
          ],
          [
            PageElements.slider("means-size", "Batch size N", from: 0, to: 8, step: 1, at: 4, text: "16"),
            PageElements.buttons("Batches", [PageElements.button("means-again", "Draw again")]),
            PageElements.figures([
              ("deviation of the means", "means-deviation", ExplainedValues.texts([deviation])[0]),
              ("1/√N", "means-rule", ExplainedValues.text(1 / Double(size).squareRoot())),
            ]),
            PageElements.outcome(
              "means-outcome",
              "Batches of 16: their means are typically \(ExplainedValues.text(deviation)) away from 0, and the rule says \(ExplainedValues.text(1 / Double(size).squareRoot()))."
            ),
          ]),
        PageElements.paragraph(
          "So the same example looks a little different each time, as the dots at the bottom do: it depends on whom it shares its batch with. A network cannot learn such a thing by heart to the last digit, and must make do with what stays. That noise keeps it from fitting its training examples too closely, which is called regularization. With batches of two it is so large that nothing can be learned well; with very large ones it is gone."
        ),
      ])
  }
}

/// Where running statistics stand in the drawing. The script has the same.
struct RunningView {
  let top: Double, truth: Double

  func x(_ batch: Int) -> Double { 20 + 3.2 * Double(batch) }
  func y(_ value: Double) -> Double { top + 120 - 80 * min(1.3, max(0, value / truth)) }
}

/// The histogram of batches' means. The script has the same.
struct MeansView {
  static let binCount = 60
  private let counts: [Int]
  private let total: Double

  init(_ means: [Double]) {
    var counts = [Int](repeating: 0, count: Self.binCount)
    for mean in means {
      let bin = Int(((mean + 1.5) / 3 * Double(Self.binCount)).rounded(.down))
      if counts.indices.contains(bin) { counts[bin] += 1 }
    }
    self.counts = counts
    total = Double(means.count)
  }

  func x(_ value: Double) -> Double { 180 + 320 / 3 * min(1.6, max(-1.6, value)) }

  /// The highest bar reaches the top.
  private var scale: Double { 130 / Double(max(1, counts.max() ?? 1)) }

  var bars: String {
    let width = 320 / Double(Self.binCount)
    return counts.enumerated().filter { $1 > 0 }.map { bin, count in
      let height = scale * Double(count)
      return "M\(PageElements.plain(20 + width * Double(bin))),150v\(PageElements.plain(-height))"
        + "h\(PageElements.plain(width * 0.9))v\(PageElements.plain(height))z"
    }.joined()
  }

  /// How many means a normal distribution with that deviation would put in each place.
  func curve(_ deviation: Double) -> String {
    let peak = total * 3 / Double(Self.binCount) / (deviation * (2 * Double.pi).squareRoot())
    return PageElements.line(
      (0...120).map { place in
        let value = Double(place) / 40 - 1.5
        let height = peak * Functions.exponential(-value * value / (2 * deviation * deviation))
        return (20 + 320 / 3 * (value + 1.5), 150 - min(148, scale * height))
      })
  }
}
