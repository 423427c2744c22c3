import Norma
import Testing

/// Checks the gradients of a function's gradients against centred differences of the gradients, and the gradients that are variables against
/// those that are not.
///
/// - Parameter bound: how far a gradient may be off, relative to the largest of all. With a step h of 1e-5 differences are off by h²·F‴/6
///   and by the rounding of F over 2h: some 1e-10 each where numbers are around 1.
public func expectSecondGradients(
  at points: [Tensor<Double>], seed: Tensor<Double>, bound: Double = 1e-7,
  sourceLocation: SourceLocation = #_sourceLocation, of function: ([Variable<Double>]) throws -> Variable<Double>
) {
  var random = RandomGenerator(seed: 991)
  let directions = points.map { Tensor<Double>.uniform($0.shape, in: 0.5..<1.5, using: &random) }
  do {
    let graph = Graph<Double>()
    let inputs = points.map { graph.input($0, name: "input") }
    let result = try function(inputs)
    let expected = graph.gradients(of: result, seed: seed)
    let found = try graph.gradients(
      of: result, withRespectTo: inputs, seed: Variable(seed), differentiable: true)
    for (input, found) in zip(inputs, found) {
      let scale = expected[input].elements.reduce(1e-300) { max($0, abs($1)) }
      let error = zip(found.value.elements, expected[input].elements).reduce(0) { max($0, abs($1.0 - $1.1)) }
      // Sums of some hundred numbers in another order.
      #expect(error <= 1e-12 * scale, "the gradient itself", sourceLocation: sourceLocation)
    }
    let checks = try checkSecondGradients(at: points, seed: seed, directions: directions, of: function)
    let scale = checks.flatMap(\.numericGradient.elements).reduce(1e-3) { max($0, abs($1)) }
    for (index, check) in checks.enumerated() {
      let error = zip(check.gradient.elements, check.numericGradient.elements)
        .reduce(0) { max($0, $1.0.isNaN ? .infinity : abs($1.0 - $1.1)) }
      #expect(error <= bound * scale, "input \(index) of \(points.count) and a seed", sourceLocation: sourceLocation)
    }
  } catch { Issue.record(error, sourceLocation: sourceLocation) }
}
