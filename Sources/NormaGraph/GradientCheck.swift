import NormaTensor

/// The gradient of a function of one tensor, found by centred differences: `(f(x + h) − f(x − h)) / 2h` for each element.
///
/// - Parameters:
///   - point: where to differentiate.
///   - step: the h. The error is about `h²` plus the rounding of f over h: use `Double`, and 1e-5.
///   - function: a function with a single number for result.
public func numericGradient<Element: TensorElement>(
  at point: Tensor<Element>, step: Element = 1e-5, of function: (Tensor<Element>) throws -> Element
) rethrows -> Tensor<Element> {
  var shifted = point
  var gradient = [Element]()
  for index in 0..<point.count {
    let original = point.withUnsafeElements { $0[index] }
    shifted.withUnsafeMutableElements { $0[index] = original + step }
    let above = try function(shifted)
    shifted.withUnsafeMutableElements { $0[index] = original - step }
    let below = try function(shifted)
    shifted.withUnsafeMutableElements { $0[index] = original }
    gradient.append((above - below) / (2 * step))
  }
  return Tensor(gradient, shape: point.shape)
}

/// How far a graph's gradient is from the numeric one.
public struct GradientCheck<Element: TensorElement> {
  /// What the graph found.
  public let gradient: Tensor<Element>
  /// What centred differences found.
  public let numericGradient: Tensor<Element>

  /// Two gradients of one shape to hold against each other.
  public init(gradient: Tensor<Element>, numericGradient: Tensor<Element>) {
    self.gradient = gradient
    self.numericGradient = numericGradient
  }

  /// CS231n's measure: `max |x − y| / max(1e-8, |x| + |y|)`.
  public var relativeError: Element {
    zip(gradient.elements, numericGradient.elements).map { x, y in
      abs(x - y) / Swift.max(1e-8, abs(x) + abs(y))
    }.max() ?? 0
  }
}

/// Differentiates a function both ways, with respect to each of its inputs.
///
/// ```swift
/// let checks = checkGradients(at: [x, weight]) { inputs in inputs[0].matrixProduct(inputs[1]).relu() }
/// checks.allSatisfy { $0.relativeError < 1e-8 }
/// ```
///
/// - Parameters:
///   - points: the inputs.
///   - seed: the gradient of the result to start from, of its shape; ones if nil. Ones are a poor choice for functions
///     whose results add up to a constant.
///   - step: see ``numericGradient(at:step:of:)``.
///   - function: the function, from variables of one graph to one of the same.
public func checkGradients<Element: TensorElement>(
  at points: [Tensor<Element>], seed: Tensor<Element>? = nil, step: Element = 1e-5,
  of function: ([Variable<Element>]) throws -> Variable<Element>
) rethrows -> [GradientCheck<Element>] {
  let graph = Graph<Element>()
  let inputs = points.enumerated().map { graph.input($1, name: "input \($0)") }
  let gradients = graph.gradients(of: try function(inputs), seed: seed)
  return try points.indices.map { index in
    let numeric = try numericGradient(at: points[index], step: step) { shifted in
      var constants = points.map { Variable($0) }
      constants[index] = Variable(shifted)
      let result = try function(constants).value
      return (seed.map { result * $0 } ?? result).sum()
    }
    return GradientCheck(gradient: gradients[inputs[index]], numericGradient: numeric)
  }
}

/// Differentiates the gradients of a function both ways, with respect to each of its inputs and to the seed that they start from.
///
/// What is differentiated is `F = Σᵢ ⟨directionᵢ, ∂⟨seed, f⟩/∂inputᵢ⟩`: by the graph, through gradients that are variables
/// (``Graph/gradients(of:withRespectTo:seed:differentiable:)``), and by centred differences of the gradients that training uses
/// (``Graph/gradients(of:seed:isLast:onLeaf:)``).
///
/// - Parameters:
///   - points: the inputs.
///   - seed: the gradient of the result to start from, of its shape.
///   - directions: of the shapes of the inputs.
///   - step: see ``numericGradient(at:step:of:)``.
///   - function: the function, from variables of one graph to one of the same.
/// - Returns: a check for each input, and one for the seed.
/// - Throws: ``DifferentiationError``, and what the function throws.
public func checkSecondGradients<Element: TensorElement>(
  at points: [Tensor<Element>], seed: Tensor<Element>, directions: [Tensor<Element>], step: Element = 1e-5,
  of function: ([Variable<Element>]) throws -> Variable<Element>
) throws -> [GradientCheck<Element>] {
  require(directions.map(\.shape) == points.map(\.shape), "directions are of the shapes of the inputs")
  let graph = Graph<Element>()
  let inputs = (points + [seed]).enumerated().map { graph.input($1, name: "input \($0)") }
  let result = try function(Array(inputs.dropLast()))
  let slopes = try graph.gradients(
    of: result, withRespectTo: Array(inputs.dropLast()), seed: inputs.last, differentiable: true)
  let parts = zip(slopes, directions).map { ($0 * Variable($1)).sum() }
  guard let first = parts.first else { return [] }
  let gradients = graph.gradients(of: parts.dropFirst().reduce(first, +))
  return try inputs.indices.map { index in
    let numeric = try numericGradient(at: inputs[index].value, step: step) { shifted in
      var values = points + [seed]
      values[index] = shifted
      let graph = Graph<Element>()
      let inputs = values.dropLast().enumerated().map { graph.input($1, name: "input \($0)") }
      let gradients = graph.gradients(of: try function(inputs), seed: values.last)
      return zip(inputs, directions).reduce(0) { $0 + (gradients[$1.0] * $1.1).sum() }
    }
    return GradientCheck(gradient: gradients[inputs[index]], numericGradient: numeric)
  }
}
