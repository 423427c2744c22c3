/// Finds the minimum of a smooth convex function by limited-memory BFGS (Nocedal & Wright, Numerical Optimization, 2006,
/// algorithms 7.4 and 7.5), with steps that are halved until the function falls enough.
struct LimitedMemoryBFGS {
  /// The largest element of the gradient at which the minimum counts as reached.
  let tolerance: Double
  /// At most so many steps are made.
  let iterations: Int
  /// So many earlier steps tell the curvature.
  private static let memory = 10

  /// A step that was made, the change of the gradient over it, and one over their product.
  private struct Step {
    var move: [Double], change: [Double], inverse: Double
  }

  /// The minimum as far as it was found, from a point on.
  func minimum(
    from start: [Double], of function: ([Double]) -> (value: Double, gradient: [Double])
  ) -> (point: [Double], isConverged: Bool) {
    var point = start
    var (value, gradient) = function(point)
    var steps: [Step] = []
    for _ in 0..<iterations {
      if isSmall(gradient) { return (point, true) }
      let direction = direction(gradient, steps)
      let slope = dot(direction, gradient)
      // The first step has nothing to tell its length by.
      var length = steps.isEmpty ? min(1, 1 / dot(gradient, gradient).squareRoot()) : 1.0
      var next = moved(point, direction, length)
      var found = function(next)
      // Half a hundred halvings: nothing falls any more within rounding.
      var halvings = 0
      while !(found.value <= value + 1e-4 * length * slope) {
        guard halvings < 50 else { return (point, isSmall(gradient)) }
        halvings += 1
        length /= 2
        next = moved(point, direction, length)
        found = function(next)
      }
      let move = difference(next, point)
      let change = difference(found.gradient, gradient)
      let curvature = dot(move, change)
      if curvature > 0 {
        if steps.count == Self.memory { steps.removeFirst() }
        steps.append(Step(move: move, change: change, inverse: 1 / curvature))
      }
      (point, value, gradient) = (next, found.value, found.gradient)
    }
    return (point, isSmall(gradient))
  }

  private func isSmall(_ gradient: [Double]) -> Bool { gradient.allSatisfy { abs($0) <= tolerance } }

  /// The negative gradient times an estimate of the inverse of the second derivatives.
  private func direction(_ gradient: [Double], _ steps: [Step]) -> [Double] {
    var result = gradient
    var factors: [Double] = []
    for step in steps.reversed() {
      let factor = step.inverse * dot(step.move, result)
      add(-factor, step.change, to: &result)
      factors.append(factor)
    }
    if let last = steps.last {
      let scale = 1 / (last.inverse * dot(last.change, last.change))
      for index in result.indices { result[index] *= scale }
    }
    for (step, factor) in zip(steps, factors.reversed()) {
      add(factor - step.inverse * dot(step.change, result), step.move, to: &result)
    }
    for index in result.indices { result[index] = -result[index] }
    return result
  }

  private func dot(_ a: [Double], _ b: [Double]) -> Double {
    var sum = 0.0
    for index in a.indices { sum += a[index] * b[index] }
    return sum
  }

  private func add(_ factor: Double, _ a: [Double], to b: inout [Double]) {
    for index in a.indices { b[index] += factor * a[index] }
  }

  private func moved(_ point: [Double], _ direction: [Double], _ length: Double) -> [Double] {
    var result = point
    add(length, direction, to: &result)
    return result
  }

  private func difference(_ a: [Double], _ b: [Double]) -> [Double] {
    var result = a
    add(-1, b, to: &result)
    return result
  }
}
