import Norma

/// The computation graph of batch normalization with numbers in it, forward and backward.
struct GradientWalk: Experiment {
  let name = "gradient"
  let title = "The gradient, node by node"
  let question = "How does the gradient find its way back through batch normalization, and is the closed form the same?"
  let origin = "Kratzert 2016, the graph and its closed form; CS231n (Stanford), assignment 2"
  let dataset: LabDataset? = nil

  func runs(_ context: LabContext) -> [GradientRun] {
    [
      GradientRun(label: "4 × 2 by hand", isSmall: true, rows: 4, channels: 2, seed: context.seed),
      GradientRun(label: "100 × 500", isSmall: false, rows: 100, channels: 500, seed: context.seed),
    ]
  }

  func findings(_ results: LabResults<GradientRun>) -> Findings {
    let small = results.outcomes[0][0]
    let large = results.spread(1) { $0.differences.map(\.relative).max() ?? .nan }
    let smallError = results.spread(0) { $0.differences.map(\.relative).max() ?? .nan }
    // The walk is drawn anew from its numbers, which are few.
    let walk = try? results.runs[0].walk(.staged)
    let shown = results.runs[0].channel
    var blocks: [ReportBlock] = [
      .figure(
        ReportFigure(
          caption: "The closed form on one channel of four rows",
          reading:
            "A bar a row. Only the first row’s result is asked for, and yet every row gets a gradient. The outlines are what is taken away "
            + "next: first the mean, then the part along x̂. Rows 2 and 3 are alike, and so are their gradients.",
          pictures: [ClosedFormPicture(channel: shown, epsilon: 1e-5)])),
      .paragraph(
        "Forward, each node is computed from those that lead into it. Backward, each turns the gradient that reaches it into one "
          + "for each of its inputs, by its own small rule. Two paths lead back into c = x − μ, and two into x: what they bring is added."
      ),
    ]
    if let walk {
      blocks.append(
        .figure(
          ReportFigure(
            caption: "Batch normalization of four rows and two channels, with every value and gradient",
            reading:
              "Blue numbers are values, computed from the top down. Orange ones are gradients, from the bottom up, starting from "
              + "ones in the first row of the result; where two paths lead back into a node, its gradient is the sum of what they bring, "
              + "which stands below it. The line in italics is the node's rule, in which ∂c is the gradient of c.",
            pictures: [
              GraphPicture(
                title: "The graph of batch normalization", svg: walk.graph.svg(gradients: walk.gradients),
                table: walk.table)
            ])))
    }
    blocks.append(
      .table(
        ReportTable(
          caption: "How far the closed form is from the graph, relative to the largest element",
          columns: [
            .init("size"), .init("y", alignment: .trailing), .init("dx", alignment: .trailing),
            .init("dγ", alignment: .trailing), .init("dβ", alignment: .trailing),
          ],
          rows: results.runs.indices.map { index in
            [results.runs[index].label]
              + (0..<4).map { part in
                results.spread(index) { $0.differences[part].relative }.text()
              }
          })))
    let csError = results.spread(1) { $0.relativeError }
    return Findings(
      answer:
        "The one formula gives what the graph gives node by node: on 100 × 500 values no gradient differs by more than "
        + "\(large.text()) of the largest.",
      claims: [
        Claim(
          "Staged and closed form agree to 10⁻¹³ of the largest element, for the result and all gradients.",
          holds: max(large.highest, smallError.highest) <= 1e-13,
          evidence: "\(smallError.text()) on 4 × 2, \(large.text()) on 100 × 500"),
        Claim(
          "In CS231n's measure, element by element, dx of 100 × 500 differs by at most 10⁻¹¹.",
          Judgement.exact(csError.highest <= 1e-11)
            .unlessShown(because: "the measure divides by each element, so one near 0 decides it by its rounding"),
          evidence: "\(csError.text()); 5×10⁻¹³ to 4.5×10⁻¹² were reported"),
        Claim(
          "The staged gradient of 4 × 2 agrees with centred differences to 10⁻⁸.", holds: small.numericError <= 1e-8,
          evidence: "relative error \(NumberFormat.plain.text(small.numericError))"),
      ],
      blocks: blocks,
      settings: [.init(name: "element type", value: "Double"), .init(name: "epsilon", value: "1e-5")])
  }
}

/// Both forms of the gradient of one batch.
struct GradientRun: LabRun {
  static let kind = "gradient"

  var label = ""
  /// Whether the batch is the one of whole numbers that is shown.
  var isSmall: Bool
  var rows: Int, channels: Int
  var seed: UInt64

  private enum CodingKeys: CodingKey { case isSmall, rows, channels, seed }

  struct Difference: Codable, Sendable {
    var name: String
    /// The largest distance between the forms' elements, relative to the largest element.
    var relative: Double
  }

  struct Outcome: Codable, Sendable {
    var differences: [Difference]
    /// CS231n's relative error between the forms' dx.
    var relativeError: Double
    /// The same between the staged gradients and centred differences; only for the small batch.
    var numericError: Double
  }

  var work: Double { 1e6 }

  /// The batch, walked through in one form.
  fileprivate func walk(_ form: BatchNormalizationForm) throws -> BatchNormalizationWalk {
    let inputs = inputs()
    return try BatchNormalizationWalk(
      inputs.x, gamma: inputs.gamma, beta: inputs.beta, outputGradient: inputs.seed, form: form)
  }

  /// The first channel of the batch that is shown.
  fileprivate var channel: ExplainedChannel {
    let inputs = inputs()
    func column(_ tensor: Tensor<Double>) -> [Double] {
      stride(from: 0, to: tensor.count, by: channels).map { tensor.elements[$0] }
    }
    return ExplainedChannel(
      x: column(inputs.x), gamma: inputs.gamma.elements[0], beta: inputs.beta.elements[0],
      gradient: column(inputs.seed))
  }

  /// The page of the explanation with that batch, as `norma explain` makes it.
  static func explanation() throws -> ExplanationPage {
    let inputs = GradientRun(isSmall: true, rows: 4, channels: 2, seed: 0).inputs()
    return try ExplanationPage(
      inputs.x, gamma: inputs.gamma, beta: inputs.beta, epsilon: 1e-5, outputGradient: inputs.seed,
      command: "norma explain --html \(LabPassage.explanation)")
  }

  private func inputs() -> (x: Tensor<Double>, gamma: Tensor<Double>, beta: Tensor<Double>, seed: Tensor<Double>) {
    if isSmall {
      return (
        Tensor([1, 90, 7, 70, 7, 150, 9, 90], shape: [4, 2]), Tensor([2, 0.5], shape: [2]),
        Tensor([1, -1], shape: [2]),
        Tensor([1, 1, 0, 0, 0, 0, 0, 0], shape: [4, 2])
      )
    }
    var random = RandomGenerator(seed: seed)
    let shape: Shape = [rows, channels]
    let x = Tensor<Double>.normal(shape, standardDeviation: 5, using: &random) + 12
    let gamma = Tensor<Double>.normal([channels], standardDeviation: 1, using: &random)
    let beta = Tensor<Double>.normal([channels], standardDeviation: 1, using: &random)
    return (x, gamma, beta, .normal(shape, standardDeviation: 1, using: &random))
  }

  func perform(on data: LabData) throws -> Outcome {
    let (staged, closed) = (try walk(.staged), try walk(.closedForm))
    let differences = zip(["y", "dx", "dγ", "dβ"], staged.differences(from: closed)).map { name, difference in
      Difference(name: name, relative: difference.largest / difference.magnitude)
    }
    var numericError = 0.0
    if isSmall {
      let inputs = inputs()
      numericError =
        try checkGradients(at: [inputs.x, inputs.gamma, inputs.beta], seed: inputs.seed) {
          try $0[0].stagedBatchNormalized(gamma: $0[1], beta: $0[2]).output
        }.map(\.relativeError).max() ?? .nan
    }
    return Outcome(
      differences: differences,
      relativeError: GradientCheck(gradient: staged.results[1], numericGradient: closed.results[1]).relativeError,
      numericError: numericError)
  }
}

extension BatchNormalizationWalk {
  /// Every node with its numbers.
  fileprivate var table: ReportTable {
    func text(_ tensor: Tensor<Double>?) -> String {
      tensor.map { $0.elements.map(NumberFormat.plain.text).joined(separator: ", ") } ?? ""
    }
    return ReportTable(
      caption: "Every node", columns: [.init("node"), .init("rule"), .init("value"), .init("gradient")],
      rows: graph.nodes.map { [$0.name, graph.rule(of: $0.index), text($0.value), text(gradients[node: $0.index])] })
  }
}

/// A drawing of a computation graph.
struct GraphPicture: Picture {
  let title: String
  let svg: String
  let table: ReportTable

  func markup(identifier: String) -> Markup { .drawing(svg) }
}
