import Norma
import NormaLab
import NormaTerminal

/// Batch normalization of a small batch, recorded in two forms: from primitive operations, and as one in closed form.
struct Explanation {
  /// How far the two forms are apart in one of their results.
  struct Difference: Encodable {
    /// What the result is called, such as `∂x`.
    var name: String
    /// The largest distance between elements, and the largest element of the closed form.
    var largestDifference: Double, largestMagnitude: Double
  }

  let staged: BatchNormalizationWalk
  let closedForm: BatchNormalizationWalk
  let differences: [Difference]
  /// The statistics for inference before the batch and after it, and what the batch brings.
  let before: RunningStatistics<Double>, after: RunningStatistics<Double>
  let moments: BatchMoments
  /// What inference makes of the same rows with the statistics after the batch.
  let inference: BatchNormalizationWalk
  /// The page that opens with the same numbers.
  let page: (_ command: String) throws -> ExplanationPage

  /// Records both forms, and inference: x and the gradient of the output `[N, C]`, gamma and beta `[C]`.
  ///
  /// - Parameter running: the running statistics before the batch.
  /// - Throws: ``UsageError`` if a number on the way is too large for a `Double`, or 0 is divided by.
  init(
    _ x: Tensor<Double>, gamma: Tensor<Double>, beta: Tensor<Double>, epsilon: Double, outputGradient: Tensor<Double>,
    running: RunningStatistics<Double>
  ) throws {
    func walk(_ form: BatchNormalizationForm) throws(NormalizationError) -> BatchNormalizationWalk {
      try BatchNormalizationWalk(
        x, gamma: gamma, beta: beta, epsilon: epsilon, outputGradient: outputGradient, form: form)
    }
    staged = try walk(.staged)
    closedForm = try walk(.closedForm)
    let (nodes, gradients) = (staged.graph.nodes, staged.gradients)
    let steps = nodes.compactMap(\.value) + nodes.compactMap { gradients[node: $0.index] }
    page = { command in
      try ExplanationPage(
        x, gamma: gamma, beta: beta, epsilon: epsilon, outputGradient: outputGradient, command: command)
    }
    moments = BatchMoments(of: x)
    before = running
    var after = running
    try after.update(with: moments)
    self.after = after
    inference = BatchNormalizationWalk(
      x, gamma: gamma, beta: beta, epsilon: epsilon, outputGradient: outputGradient, statistics: after)
    guard (steps + closedForm.results + inference.results + [after.mean, after.variance]).allSatisfy(\.isFinite) else {
      throw UsageError(
        epsilon == 0
          ? "With --epsilon 0 a channel whose values are all the same has deviation 0, which cannot be divided by."
          : "The numbers are too large: a Double cannot hold their squares.")
    }
    differences = zip(["y", "∂x", "∂γ", "∂β"], staged.differences(from: closedForm)).map { name, difference in
      Difference(name: name, largestDifference: difference.largest, largestMagnitude: difference.magnitude)
    }
  }
}

extension Explanation {
  /// All of it in words, on lines of up to `width` columns.
  func text(width: Int, glyphs: Glyphs) -> String {
    let shape = staged.results[0].shape
    let title = "Batch normalization of \(shape[0]) rows and \(shape[1]) channel\(shape[1] == 1 ? "" : "s")"
    let introduction = """
      Each channel, a column of the batch x, is brought to mean 0 and variance 1, then multiplied by γ and shifted by \
      β. The graph below has a node for each step.
      """
    let forward = "Forward, from the top down: each value is computed from those that the operation names."
    let backward = """
      Backward, from the bottom up: ∂c is the gradient of the loss with respect to c, and so for every node. That of the \
      last one, ∂y, is given. By its rule each node turns its own gradient into one for each of its inputs; N is the number \
      of rows, and each Σ a sum over them. A node that several others use gets a part from each of them, and its gradient is \
      their sum, which is written out. Numbers are rounded to four digits.
      """
    let closedTitle = "The closed form"
    let closed =
      "All those rules together simplify to one, in which s\u{A0}=\u{A0}√(v\u{A0}+\u{A0}ε) and x̂\u{A0}=\u{A0}(x\u{A0}−\u{A0}μ)/s:"
    let comparison = """
      Graph and closed form are the same mathematics. What is left between them is rounding, of about one part in 10¹⁶ \
      for each operation:
      """
    var table = TextTable(columns: [
      .words("result"), .numbers("largest element"), .numbers("largest difference"),
    ])
    for difference in differences {
      table.addRow([
        difference.name, Formatting.number(difference.largestMagnitude),
        difference.largestDifference == 0 ? "0" : Formatting.number(difference.largestDifference),
      ])
    }
    func wrap(_ text: String) -> String { Explanation.wrapped(text, width: width) }
    func listing(_ walk: BatchNormalizationWalk) -> String {
      String(walk.graph.text(gradients: walk.gradients, lineWidth: width).dropLast())
    }
    return [
      wrap(title), wrap(introduction), wrap(forward), wrap(backward), listing(staged), wrap(closedTitle),
      wrap(closed), listing(closedForm), wrap(comparison), table.text(width: width, glyphs: glyphs),
    ].joined(separator: "\n\n") + "\n\n" + inferenceText(width: width, glyphs: glyphs)
  }
}

extension Explanation {
  /// What `--json` prints.
  struct Summary: Encodable {
    /// A node of a graph; value and gradient in row-major order.
    struct Node: Encodable {
      var name: String
      var kind: String
      var operation: String
      var rule: String
      var inputs: [Int]
      var shape: [Int]
      var value: [Double]
      var gradient: [Double]
      /// What the gradient is the sum of: a part from each node that uses this one.
      var parts: [Part]
    }

    /// A part of a gradient, and the node that it comes from.
    struct Part: Encodable {
      var node: Int
      var gradient: [Double]
    }

    /// Means and variances by channel.
    struct Statistics: Encodable {
      var mean: [Double], variance: [Double]

      init(_ statistics: RunningStatistics<Double>) {
        (mean, variance) = (statistics.mean.elements, statistics.variance.elements)
      }
    }

    /// What a batch does to the running statistics.
    struct Running: Encodable {
      /// The weight of the batch, and which of its variances is taken in.
      var momentum: Double
      var estimator: VarianceEstimator
      var before: Statistics
      var batchMean: [Double], batchBiasedVariance: [Double], batchUnbiasedVariance: [Double]
      var after: Statistics
    }

    var staged: [Node]
    var closedForm: [Node]
    var differences: [Difference]
    var runningStatistics: Running
    var inference: [Node]
  }

  /// The graphs with all their numbers, and the running statistics.
  var summary: Summary {
    func nodes(_ walk: BatchNormalizationWalk) -> [Summary.Node] {
      walk.graph.nodes.map { node in
        Summary.Node(
          name: node.name, kind: node.kind.rawValue, operation: node.operationName,
          rule: walk.graph.rule(of: node.index), inputs: node.inputs, shape: Array(node.shape),
          value: node.value?.elements ?? [], gradient: walk.gradients[node: node.index]?.elements ?? [],
          parts: walk.gradients.parts(ofNode: node.index).map { .init(node: $0.node, gradient: $0.gradient.elements) })
      }
    }
    return Summary(
      staged: nodes(staged), closedForm: nodes(closedForm), differences: differences,
      runningStatistics: Summary.Running(
        momentum: momentum, estimator: before.estimator, before: .init(before), batchMean: moments.mean.elements,
        batchBiasedVariance: moments.variance(.biased).elements,
        batchUnbiasedVariance: moments.variance(.unbiased).elements, after: .init(after)),
      inference: nodes(inference))
  }
}
