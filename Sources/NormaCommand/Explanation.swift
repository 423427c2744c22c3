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

  /// Records both forms: x and the gradient of the output `[N, C]`, gamma and beta `[C]`.
  ///
  /// - Throws: ``UsageError`` if a number on the way is too large for a `Double`, or 0 is divided by.
  init(
    _ x: Tensor<Double>, gamma: Tensor<Double>, beta: Tensor<Double>, epsilon: Double, outputGradient: Tensor<Double>
  ) throws {
    func walk(_ form: BatchNormalizationForm) throws(NormalizationError) -> BatchNormalizationWalk {
      try BatchNormalizationWalk(
        x, gamma: gamma, beta: beta, epsilon: epsilon, outputGradient: outputGradient, form: form)
    }
    staged = try walk(.staged)
    closedForm = try walk(.closedForm)
    let (nodes, gradients) = (staged.graph.nodes, staged.gradients)
    let steps = nodes.compactMap(\.value) + nodes.compactMap { gradients[node: $0.index] }
    guard (steps + closedForm.results).allSatisfy(\.isFinite) else {
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
      Backward, from the bottom up: the gradient of the last node, y, is given. By its rule each node turns its own \
      gradient, g, into one for each of its inputs, which the rule calls x and y in the order they are named. A node that \
      several others use adds up what it gets from them.
      """
    let closedTitle = "The closed form"
    let closed = """
      All those rules together simplify to one, in which N is the number of rows and each Σ a sum over them:
      """
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
    func wrap(_ text: String) -> String { text.wrapped(toColumns: width).joined(separator: "\n") }
    func listing(_ walk: BatchNormalizationWalk) -> String {
      String(walk.graph.text(gradients: walk.gradients, lineWidth: width).dropLast())
    }
    return [
      wrap(title), wrap(introduction), wrap(forward), wrap(backward), listing(staged), wrap(closedTitle),
      wrap(closed), listing(closedForm), wrap(comparison), table.text(width: width, glyphs: glyphs),
    ].joined(separator: "\n\n")
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
    }

    var staged: [Node]
    var closedForm: [Node]
    var differences: [Difference]
  }

  /// Both graphs with all their numbers.
  var summary: Summary {
    func nodes(_ walk: BatchNormalizationWalk) -> [Summary.Node] {
      walk.graph.nodes.map { node in
        Summary.Node(
          name: node.name, kind: node.kind.rawValue, operation: node.operation, rule: node.rule, inputs: node.inputs,
          shape: Array(node.shape), value: node.value?.elements ?? [],
          gradient: walk.gradients[node: node.index]?.elements ?? [])
      }
    }
    return Summary(staged: nodes(staged), closedForm: nodes(closedForm), differences: differences)
  }
}
