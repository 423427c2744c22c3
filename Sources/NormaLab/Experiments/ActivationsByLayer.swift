import Norma

/// Lecture 7 of CS231n: what becomes of random numbers on their way through six layers.
struct ActivationsByLayer: Experiment {
  let name = "activations"
  let title = "Why activations die"
  let question = "What becomes of the spread of values on the way through six layers, before anything is learned?"
  let origin = "CS231n (Stanford), lecture 7"
  let dataset: LabDataset? = nil

  private static let kinds:
    [(name: String, scale: ActivationRun.Scale, activation: ActivationKind, reported: [Double])] = [
      ("tanh, 0.01", .fixed(0.01), .tanh, [0.49, 0.29, 0.18, 0.11, 0.07, 0.05]),
      ("tanh, 0.05", .fixed(0.05), .tanh, [0.87, 0.85, 0.85, 0.85, 0.85, 0.85]),
      ("tanh, Xavier", .inputs(1), .tanh, [0.63, 0.49, 0.41, 0.36, 0.32, 0.30]),
      ("ReLU, Xavier", .inputs(1), .relu, [0.58, 0.41, 0.29, 0.20, 0.14, 0.10]),
      ("ReLU, Kaiming", .inputs(2), .relu, [0.82, 0.83, 0.83, 0.83, 0.83, 0.81]),
    ]

  func runs(_ context: LabContext) -> [ActivationRun] {
    [false, true].flatMap { isNormalized in
      Self.kinds.map { kind in
        ActivationRun(
          label: kind.name + (isNormalized ? ", batch norm" : ""), width: context.full(4096, quick: 1024),
          scale: kind.scale,
          activation: kind.activation, isNormalized: isNormalized, seed: context.seed)
      }
    }
  }

  func findings(_ results: LabResults<ActivationRun>) -> Findings {
    let layers = Array(0..<ActivationRun.layerCount)
    let isFull = results.runs[0].width == 4096
    func deviation(_ index: Int, _ layer: Int) -> Spread {
      results.spread(index) { $0.layers[layer].standardDeviation }
    }
    func chart(_ title: String, from first: Int, published: Bool) -> LineChart {
      var series = Self.kinds.indices.map { index in
        ChartSeries.seeds(
          Self.kinds[index].name, style: SeriesStyle([1, 3, 2, 4, 0][index]),
          layers.map { (Double($0 + 1), deviation(first + index, $0)) })
      }
      if published {
        series += Self.kinds.indices.map { index in
          .published(
            "\(Self.kinds[index].name), reported", style: SeriesStyle([1, 3, 2, 4, 0][index]),
            layers.map { (Double($0 + 1), Self.kinds[index].reported[$0]) })
        }
      }
      return LineChart(
        title: title, x: ChartAxis("layer", integersOnly: true), y: ChartAxis("standard deviation", covering: [0, 1]),
        series: series)
    }
    let count = Self.kinds.count
    let rows = Self.kinds.indices.map { index in
      [Self.kinds[index].name]
        + layers.map { "\(deviation(index, $0).text()) / \(NumberFormat.plain.text(Self.kinds[index].reported[$0]))" }
    }
    let worst =
      Self.kinds.indices.flatMap { index in
        layers.map { abs(deviation(index, $0).mean - Self.kinds[index].reported[$0]) }
      }.max() ?? .nan
    let last = layers.count - 1
    // How far the last layer's deviation is from the first's, as a factor of at least 1.
    let drifts = (0..<2 * count).map { index -> Double in
      let ratio = deviation(index, last).mean / deviation(index, 0).mean
      return max(ratio, 1 / ratio)
    }
    let normalizedDrift = drifts[count...].max() ?? .nan
    let grid = HistogramGrid(
      title: "Activations by layer",
      columns: layers.map { .init(name: "layer \($0 + 1)", style: .batchNorm) },
      rows: Self.kinds.indices.map { index in
        HistogramGrid.Row(
          name: Self.kinds[index].name,
          cells: layers.map { layer in
            let (plain, normalized) = (
              results.outcomes[index][0].layers[layer], results.outcomes[count + index][0].layers[layer]
            )
            return HistogramGrid.Cell(
              outline: plain.histogram, filled: normalized.histogram,
              captions: [
                "σ \(NumberFormat.plain.text(plain.standardDeviation)) → \(NumberFormat.plain.text(normalized.standardDeviation))"
              ],
              description: "Standard deviation \(NumberFormat.plain.text(plain.standardDeviation)) without, "
                + "\(NumberFormat.plain.text(normalized.standardDeviation)) with batch normalization.")
          })
      },
      table: ReportTable(
        caption: "Standard deviation by layer",
        columns: [.init("weights")] + layers.map { .init("layer \($0 + 1)", alignment: .trailing) },
        rows: (0..<2 * count).map { index in
          [results.runs[index].label] + layers.map { deviation(index, $0).text() }
        }))
    return Findings(
      answer:
        "It depends on the weights alone: from scale 0.01 the spread behind tanh goes from \(deviation(0, 0).text()) to "
        + "\(deviation(0, last).text()) within six layers, while with batch normalization no choice of weights changes it by more than "
        + "\(NumberFormat.plain.text(100 * (normalizedDrift - 1))) %.",
      claims: [
        Claim(
          "The standard deviations are those reported, to 0.03.",
          isFull
            ? .exact(worst <= 0.03)
            : .cannotBeTold(because: "a quick lab uses narrower layers, whose fixed scales mean something else"),
          evidence: "largest difference \(NumberFormat.plain.text(worst))"),
        Claim(
          "With batch normalization before each nonlinearity the deviation stays within 10 % from the first to the last layer, "
            + "whatever the weights.",
          holds: normalizedDrift <= 1.1,
          evidence: "largest change by a factor of \(NumberFormat.plain.text(normalizedDrift)) with, "
            + "\(NumberFormat.plain.text(drifts[..<count].max() ?? .nan)) without"),
      ],
      blocks: [
        .figure(
          ReportFigure(
            caption: "The standard deviation of what comes out of each layer",
            reading:
              "Sixteen random inputs pass six layers. Without normalization small weights let the values fade, large ones drive "
              + "tanh against its limits, and only weights that fit the nonlinearity keep them alive.",
            pictures: [
              chart("Without normalization", from: 0, published: isFull),
              chart("With batch normalization", from: count, published: false),
            ],
            layout: .pairs, legend: isFull ? [LegendEntry("the lecture's figures", symbol: .hollow)] : [])),
        .figure(
          ReportFigure(
            caption: "How the values are distributed",
            reading:
              "One row for each choice of weights. Outlined: without normalization; filled: with batch normalization before the "
              + "nonlinearity. A spike at zero is a signal that died, spikes at both ends are saturated units. Heights are the square "
              + "roots of shares.",
            pictures: [grid],
            legend: [
              LegendEntry("without", symbol: .outline), LegendEntry("with batch normalization", symbol: .filled),
            ])),
        .table(
          ReportTable(
            caption: "Without normalization: ours / reported",
            columns: [.init("weights")] + layers.map { .init("layer \($0 + 1)", alignment: .trailing) }, rows: rows)),
      ],
      settings: [
        .init(name: "layers", value: "\(layers.count) of \(results.runs[0].width) units"),
        .init(name: "batch", value: "16 random inputs of mean 0 and variance 1"),
        .init(name: "seeds", value: "\(results.outcomes[0].count)"),
      ],
      differences: isFull ? [] : ["Layers are narrower than in the lecture, so fixed scales give smaller values."])
  }
}

/// One way through layers of random weights.
struct ActivationRun: LabRun {
  static let kind = "activations"
  static let layerCount = 6

  /// The standard deviation of the weights.
  enum Scale: Codable, Sendable, Equatable {
    /// A number.
    case fixed(Double)
    /// `√(gain / inputs)`: Xavier's for gain 1, Kaiming's for gain 2.
    case inputs(Double)
  }

  var label = ""
  var width: Int
  var scale: Scale
  var activation: ActivationKind
  var isNormalized: Bool
  var seed: UInt64

  private enum CodingKeys: CodingKey { case width, scale, activation, isNormalized, seed }

  struct Outcome: Codable, Sendable {
    var layers: [NormComparison.Activation]
  }

  /// Drawing a weight takes about as long as a hundred multiplications.
  var work: Double { Double(Self.layerCount * width * width) * 130 }

  func perform(on data: LabData) throws -> Outcome {
    var random = RandomGenerator(seed: seed)
    var x = Variable(Tensor<Float>.normal([16, width], standardDeviation: 1, using: &random))
    let deviation =
      switch scale {
      case .fixed(let value): value
      case .inputs(let gain): (gain / Double(width)).squareRoot()
      }
    let layers = try (1...Self.layerCount).map { number -> NormComparison.Activation in
      let weight = Tensor<Float>.normal([width, width], standardDeviation: deviation, using: &random)
      x = x.matrixProduct(Variable(weight))
      if isNormalized { x = try x.batchNormalized().output }
      x = activation == .tanh ? x.hyperbolicTangent() : x.relu()
      return NormComparison.Activation(layer: "layer \(number)", values: x.value)
    }
    return Outcome(layers: layers)
  }
}
