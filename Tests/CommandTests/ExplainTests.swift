import Foundation
import NormaTensor
import Testing

/// `norma explain`: every node of batch normalization's graph, and the closed form.
struct ExplainTests {
  private struct Explained: Decodable {
    struct Node: Decodable {
      var name: String
      var rule: String
      var inputs: [Int]
      var shape: [Int]
      var value: [Double]
      var gradient: [Double]
      var parts: [Part]
    }
    struct Part: Decodable {
      var node: Int
      var gradient: [Double]
    }
    struct Statistics: Decodable {
      var mean: [Double]
      var variance: [Double]
    }
    struct Running: Decodable {
      var momentum: Double
      var estimator: String
      var before: Statistics
      var batchMean: [Double]
      var batchBiasedVariance: [Double]
      var batchUnbiasedVariance: [Double]
      var after: Statistics
    }
    struct Difference: Decodable {
      var name: String
      var largestDifference: Double
      var largestMagnitude: Double
    }
    var staged: [Node]
    var closedForm: [Node]
    var differences: [Difference]
    var runningStatistics: Running
    var inference: [Node]
  }

  private func node(_ symbol: String, in nodes: [Explained.Node]) throws -> Explained.Node {
    try #require(nodes.first { $0.name == symbol || $0.name.hasPrefix(symbol + " =") }, "\(symbol)")
  }

  /// x = −5, 1, 1, 3 about its mean 6: deviation 3. With g = 1 in the first row alone, by hand from
  /// dx = γ/(N·s)·(N·g − Σg − x̂·Σ(g·x̂)): Σg = 1, Σ(g·x̂) = −5/3.
  @Test func theNumbersAreThoseOfTheCalculationByHand() throws {
    let outcome = try Norma.run(["explain", "--values", "1;7;7;9", "--gamma", "2", "--epsilon", "0", "--json"])
    let explained: Explained = try outcome.json()
    let graph = explained.staged
    // Each is exact or the result of two or three operations on numbers of about 1.
    func expect(_ found: [Double], _ expected: [Double], sourceLocation: SourceLocation = #_sourceLocation) {
      #expect(found.count == expected.count, sourceLocation: sourceLocation)
      #expect(
        zip(found, expected).allSatisfy { abs($0 - $1) <= 32 * Double.ulpOfOne }, "\(found)",
        sourceLocation: sourceLocation)
    }
    expect(try node("μ", in: graph).value, [6])
    expect(try node("c", in: graph).value, [-5, 1, 1, 3])
    expect(try node("v", in: graph).value, [9])
    expect(try node("s", in: graph).value, [3])
    expect(try node("x̂", in: graph).value, [-5.0 / 3, 1.0 / 3, 1.0 / 3, 1])
    expect(try node("y", in: graph).value, [-10.0 / 3, 2.0 / 3, 2.0 / 3, 2])
    expect(try node("y", in: graph).gradient, [1, 0, 0, 0])
    expect(try node("x̂", in: graph).gradient, [2, 0, 0, 0])
    for nodes in [graph, explained.closedForm] {
      expect(try node("β", in: nodes).gradient, [1])
      expect(try node("γ", in: nodes).gradient, [-5.0 / 3])
      expect(
        try node("x", in: nodes).gradient,
        [-5, 1, 1, 3].enumerated().map { index, c in
          2.0 / 12 * ((index == 0 ? 4 : 0) - 1 + 5.0 / 3 * c / 3)
        })
    }
    #expect(explained.differences.map(\.name) == ["y", "∂x", "∂γ", "∂β"])
    #expect(explained.differences.allSatisfy { $0.largestDifference <= 32 * Double.ulpOfOne })
  }

  /// Mean 6 and variance 9, or 12 by N − 1, with momentum 0.25 from mean 2 and variance 4: 0.75·2 + 0.25·6 = 3 and
  /// 0.75·4 + 0.25·12 = 6. With epsilon 3 the deviation is 3 in inference.
  @Test func theRunningAveragesAndInferenceAreThoseOfTheCalculationByHand() throws {
    let arguments = [
      "explain", "--values", "1;7;7;9", "--gamma", "2", "--beta", "1", "--epsilon", "3", "--momentum", "0.25",
      "--running-mean", "2", "--running-variance", "4",
    ]
    let explained: Explained = try Norma.run(arguments + ["--json"]).json()
    let running = explained.runningStatistics
    #expect(running.momentum == 0.25 && running.estimator == "unbiased")
    #expect(running.before.mean == [2] && running.before.variance == [4])
    #expect(running.batchMean == [6] && running.batchBiasedVariance == [9] && running.batchUnbiasedVariance == [12])
    #expect(running.after.mean == [3] && running.after.variance == [6])
    // 2·(x − 3)/3 + 1: a reciprocal, two products and a sum, on numbers of up to 5.
    let expected = [-1.0 / 3, 11.0 / 3, 11.0 / 3, 5]
    let found = try node("y", in: explained.inference).value
    #expect(zip(found, expected).allSatisfy { abs($0 - $1) <= 4 * 5 * Double.ulpOfOne }, "\(found)")
    let text = try Norma.run(arguments).output
    #expect(text.contains("  M ← 0.75·M + 0.25·μ\n  V ← 0.75·V + 0.25·v·N/(N − 1)\n"))
    #expect(text.replacing("\n", with: " ").contains("75 % is left after this batch and 0.3 % after 20"))
    #expect(text.split(separator: "\n").contains { $0.split(separator: " ") == ["V", "4", "9", "12", "6"] })
    #expect(text.split(separator: "\n").contains { $0.split(separator: " ") == ["2", "1", "1.577", "3.667"] })
  }

  @Test func epsilonIsAStepOfItsOwnAndRulesSpeakOfTheNodesByName() throws {
    let explained: Explained = try Norma.run(["explain", "--values", "1;7;7;9", "--epsilon", "7", "--json"]).json()
    let graph = explained.staged
    #expect(try node("u", in: graph).value == [16])
    #expect(try node("s", in: graph).value == [4])
    #expect(try node("s", in: graph).rule == "∂u = ∂s / (2·s)")
    #expect(try node("u", in: graph).rule == "∂v = ∂u")
    #expect(try node("x̂", in: graph).rule == "∂c = ∂x̂·r, ∂r = Σ ∂x̂·c")
    let s = try node("s", in: graph)
    #expect(try node("u", in: graph).gradient == [s.gradient[0] / 8])
  }

  @Test func aGradientIsTheSumOfItsParts() throws {
    let explained: Explained = try Norma.run(["explain", "--json"]).json()
    for (index, node) in explained.staged.enumerated() where index < explained.staged.count - 1 {
      let users = explained.staged.indices.filter { explained.staged[$0].inputs.contains(index) }
      #expect(Set(node.parts.map(\.node)) == Set(users))
      let sum = node.parts.reduce([Double](repeating: 0, count: node.gradient.count)) { zip($0, $1.gradient).map(+) }
      #expect(sum == node.gradient)
    }
    #expect(try Norma.run(["explain"]).output.contains("0.2037 = 0.6667 − 0.4630"))
  }

  @Test func averagesThatAreNoneAreRefused() throws {
    for (option, value) in [
      ("--momentum", "1.5"), ("--momentum", "-0.1"), ("--running-variance", "-1,1"), ("--running-mean", "1"),
    ] {
      let outcome = try Norma.run(["explain", option, value])
      #expect(outcome.status == 64 && outcome.error.contains(option), "\(outcome.error)")
    }
  }

  @Test(arguments: [60, 100]) func noLineIsLongerThanTheTerminal(columns: Int) throws {
    let outcome = try Norma.run(["explain"], environment: ["COLUMNS": "\(columns)"])
    #expect(outcome.output.split(separator: "\n").allSatisfy { $0.count <= columns })
  }

  @Test func everyNodeIsListedWithItsValueGradientAndRule() throws {
    let outcome = try Norma.run(["explain"])
    #expect(outcome.status == 0)
    #expect(outcome.error == "")
    let explained: Explained = try Norma.run(["explain", "--json"]).json()
    #expect(explained.staged.count == 13)
    for node in explained.staged + explained.closedForm {
      #expect(outcome.output.contains("#") && outcome.output.contains(node.name))
      #expect(node.value.count == node.shape.reduce(1, *))
      #expect(node.gradient.count == node.value.count)
      #expect(node.inputs.isEmpty == node.rule.isEmpty)
    }
    #expect(outcome.output.split(separator: "\n").allSatisfy { $0.count <= 80 })
  }

  @Test func aFileAndStandardInputGiveWhatTheOptionGives() throws {
    let folder = try Folder()
    let expected = try Norma.run(["explain", "--values", "-1,2.5;3,4e1;5,-6"])
    #expect(expected.status == 0, "\(expected.error)")
    let file = try folder.write("left,right\r\n-1, 2.5\r\n\r\n3,4e1\r\n5,-6\r\n", to: "batch.csv")
    #expect(try Norma.run(["explain", file]).output == expected.output)
    #expect(try Norma.run(["explain", "-"], input: "-1,2.5\n3,4e1\n5,-6").output == expected.output)
  }

  @Test func aConstantGradientLeavesTheInputWithoutOne() throws {
    let explained: Explained = try Norma.run(["explain", "--gradient", "1,1;1,1;1,1;1,1", "--json"]).json()
    // The closed form's parts N·g and Σg cancel but for the rounding of the four terms, times γ/(N·s) < 1.
    for gradient in try node("x", in: explained.closedForm).gradient {
      #expect(abs(gradient) <= 16 * Double.ulpOfOne)
    }
  }

  @Test func theGraphIsDrawn() throws {
    let folder = try Folder()
    let outcome = try Norma.run(["explain", "--dot", "graph.dot", "--svg", "graph.svg"], directory: folder.url)
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(outcome.output.hasSuffix("Drawing: graph.dot\nDrawing: graph.svg\n"))
    #expect(String(decoding: try folder.bytes("graph.dot"), as: UTF8.self).hasPrefix("digraph"))
    #expect(String(decoding: try folder.bytes("graph.svg"), as: UTF8.self).hasPrefix("<svg"))
  }
}
