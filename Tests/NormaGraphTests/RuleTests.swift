import Foundation
import NormaGraph
import NormaTensor
import Testing

/// The rules of nodes as they are printed, computed with the numbers that are printed beside them.
@Suite struct RuleTests {
  /// With an epsilon as large as the variance, a rule that leaves it out is far off.
  @Test(arguments: [0, 1e-5, 0.5, 40]) func everyRuleOfTheStagedFormGivesWhatTheNodeSendsBack(epsilon: Double) throws {
    let graph = Graph<Double>(keepsValues: true)
    let x = graph.input(Tensor([1, -2, 2.5, -1, 0.25, 4, 3, 7.75], shape: [4, 2]), name: "x")
    let gamma = graph.parameter(Tensor([1.5, 0.5]), name: "γ")
    let beta = graph.parameter(Tensor([0.125, 0.25]), name: "β")
    let y = try x.stagedBatchNormalized(gamma: gamma, beta: beta, epsilon: epsilon).output
    let gradients = graph.gradients(of: y, seed: Tensor([0.1, -0.3, 0.5, 0.2, -0.4, 1, 0.25, -0.6], shape: [4, 2]))
    var known: [String: [[Double]]] = ["N": [[4, 4]]]
    for node in graph.nodes {
      let symbol = Rule.symbol(node.name)
      known[symbol] = Rule.rows(try #require(node.value))
      known["∂" + symbol] = Rule.rows(try #require(gradients[node: node.index]))
    }
    var count = 0
    for node in graph.nodes where !node.inputs.isEmpty {
      for clause in graph.rule(of: node.index).replacing(" in every row", with: "").split(separator: ", ") {
        let (name, formula) = try Rule.sides(String(clause))
        let target = try #require(node.inputs.first { "∂" + Rule.symbol(graph.nodes[$0].name) == name }, "\(clause)")
        let part = try #require(gradients.parts(ofNode: target).first { $0.node == node.index })
        var rule = Rule(formula, known: known)
        let found = try rule.sum()
        #expect(rule.isRead, "\(clause)")
        let expected = Rule.rows(part.gradient)
        for row in expected.indices {
          for channel in expected[row].indices {
            // A few roundings, and sums of four terms of up to about 10.
            let value = found[found.count == 1 ? 0 : row][channel]
            #expect(abs(value - expected[row][channel]) <= 40 * Double.ulpOfOne * max(1, abs(value)), "\(clause)")
          }
        }
        count += 1
      }
    }
    #expect(count == 14, "ten nodes, four of them with two inputs")
  }

  @Test(arguments: [0.5, 40]) func theStagedFormsGradientsAreRightWhateverEpsilon(epsilon: Double) throws {
    let x = Tensor<Double>([1, -2, 2.5, -1, 0.25, 4, 3, 7.75], shape: [4, 2])
    let checks = try checkGradients(
      at: [x, Tensor([1.5, 0.5]), Tensor([0.125, 0.25])],
      seed: Tensor([0.1, -0.3, 0.5, 0.2, -0.4, 1, 0.25, -0.6], shape: [4, 2])
    ) { try $0[0].stagedBatchNormalized(gamma: $0[1], beta: $0[2], epsilon: epsilon).output }
    // Centred differences of steps of 1e-5 are good to some ten digits.
    #expect(checks.allSatisfy { $0.relativeError < 1e-7 })
  }

  @Test func inputsWithoutNamesAreCalledByTheirNumbers() {
    let graph = Graph<Double>(keepsValues: true)
    let w = graph.parameter(Tensor([1, 2], shape: [2, 1]), name: "features.0.weight")
    let product = graph.input(.ones([3, 2]), name: "x").matrixProduct(w)
    _ = product.squared()
    #expect(graph.rule(of: 2) == "∂x = ∂#2·features.0.weightᵀ, ∂features.0.weight = xᵀ·∂#2")
    #expect(graph.rule(of: 3) == "∂#2 = 2·#2·∂#3")
    #expect(graph.rule(of: 0) == "")
  }

  @Test func rulesTellOfTheInputsThatAreThereAlone() throws {
    let graph = Graph<Double>(keepsValues: true)
    let x = graph.input(Tensor([1, 2, 4, 7], shape: [2, 2]), name: "x")
    let shift = graph.parameter(.zeros([2]), name: "shift")
    _ = try x.batchNormalized(beta: shift).output.named("y")
    _ = x.layerNormalized()
    #expect(graph.rule(of: 2) == "with g = ∂y: ∂x = 1/(N·s) · (N·g − Σg − x̂·Σ(g·x̂)), ∂shift = Σ g")
    #expect(graph.rule(of: 3) == "with h = g = ∂#3: ∂x = (h − mean h − x̂·mean(h·x̂))/s")
  }
}

/// A formula of a rule, read from left to right: sums of products, `Σ` over rows of the product behind it.
private struct Rule {
  struct Unreadable: Error { var rest: String }

  private var rest: Substring
  private let known: [String: [[Double]]]

  init(_ formula: String, known: [String: [[Double]]]) {
    rest = formula.replacing(" ", with: "")[...]
    self.known = known
  }

  var isRead: Bool { rest.isEmpty }

  /// What stands on both sides of the equals sign.
  static func sides(_ clause: String) throws -> (name: String, formula: String) {
    let parts = clause.components(separatedBy: " = ")
    guard parts.count == 2 else { throw Unreadable(rest: clause) }
    return (parts[0], parts[1])
  }

  static func symbol(_ name: String) -> String { name.components(separatedBy: " = ")[0] }

  /// The values as rows of channels.
  static func rows(_ tensor: Tensor<Double>) -> [[Double]] {
    let channels = tensor.shape.channelCount
    return (0..<tensor.shape.rowCount).map { Array(tensor.elements[$0 * channels..<($0 + 1) * channels]) }
  }

  mutating func sum() throws -> [[Double]] {
    var result = takes("−") ? Rule.combine([[0, 0]], try product(), -) : try product()
    while true {
      if takes("−") {
        result = Rule.combine(result, try product(), -)
      } else if takes("+") {
        result = Rule.combine(result, try product(), +)
      } else {
        return result
      }
    }
  }

  private mutating func product() throws -> [[Double]] {
    if takes("Σ") {
      let terms = try product()
      return [terms.reduce([0, 0]) { zip($0, $1).map(+) }]
    }
    var result = try factor()
    while true {
      if takes("·") {
        result = Rule.combine(result, try factor(), *)
      } else if takes("/") {
        result = Rule.combine(result, try factor(), /)
      } else {
        return result
      }
    }
  }

  private mutating func factor() throws -> [[Double]] {
    var result: [[Double]]
    if takes("(") {
      result = try sum()
      guard takes(")") else { throw Unreadable(rest: String(rest)) }
    } else if let name = known.keys.filter({ rest.hasPrefix($0) }).max(by: { $0.count < $1.count }),
      let value = known[name]
    {
      rest.removeFirst(name.count)
      result = value
    } else if let number = Double(rest.prefix { $0.isNumber && $0.isASCII }) {
      rest = rest.drop { $0.isNumber && $0.isASCII }
      result = [[number, number]]
    } else {
      throw Unreadable(rest: String(rest))
    }
    if takes("²") { result = Rule.combine(result, result, *) }
    return result
  }

  private mutating func takes(_ sign: Character) -> Bool {
    guard rest.first == sign else { return false }
    rest.removeFirst()
    return true
  }

  /// Element by element; what has one row stands for all.
  private static func combine(
    _ left: [[Double]], _ right: [[Double]], _ operation: (Double, Double) -> Double
  ) -> [[Double]] {
    (0..<max(left.count, right.count)).map { row in
      zip(left[left.count == 1 ? 0 : row], right[right.count == 1 ? 0 : row]).map { operation($0, $1) }
    }
  }
}
