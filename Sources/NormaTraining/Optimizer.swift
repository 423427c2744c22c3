import CKernels
import NormaLayers
import NormaTensor

/// Changes parameters by their gradients, remembering what its rule needs between steps.
public struct Optimizer<Element: TensorElement>: Sendable {
  /// How gradients become steps.
  public let rule: OptimizerRule
  /// How many steps were made.
  public private(set) var stepCount = 0
  /// The first number that the rule remembers for each parameter's elements, all parameters one after the other: the
  /// velocity of SGD with momentum, the mean square of RMSProp, the first moment of Adam. Empty before the first step.
  public private(set) var first = Tensor<Element>.zeros([0])
  /// The second: the second moment of Adam.
  public private(set) var second = Tensor<Element>.zeros([0])

  /// An optimizer before its first step.
  public init(_ rule: OptimizerRule) { self.rule = rule }

  /// An optimizer that goes on where another stood; `first` and `second` as they are described above.
  init(_ rule: OptimizerRule, stepCount: Int, first: Tensor<Element>, second: Tensor<Element>) {
    self.rule = rule
    self.stepCount = stepCount
    self.first = first
    self.second = second
  }

  /// Whether it has made no step, or steps with as many parameters' elements as are given.
  func fits(elementCount: Int) -> Bool {
    stepCount == 0
      || (first.count == (rule.slotCount >= 1 ? elementCount : 0)
        && second.count == (rule.slotCount >= 2 ? elementCount : 0))
  }

  /// Makes one step.
  ///
  /// - Parameters:
  ///   - parameters: the same parameters in the same order at every step.
  ///   - gradients: one for each, of its shape; nil leaves the parameter alone.
  ///   - learningRate: the rate of this step.
  ///   - decays: which kinds of parameter AdamW's weight decay shrinks.
  @specialized(where Element == Float)
  public mutating func update(
    _ parameters: [Parameter<Element>], gradients: [Tensor<Element>?], learningRate: Double,
    decays: Set<ParameterKind> = [.weight]
  ) {
    require(
      parameters.count == gradients.count, "\(gradients.count) gradients for \(parameters.count) parameters")
    let total = parameters.reduce(0) { $0 + $1.value.count }
    if stepCount == 0 {
      first = .zeros([rule.slotCount >= 1 ? total : 0])
      second = .zeros([rule.slotCount >= 2 ? total : 0])
    }
    require(
      rule.slotCount == 0 || first.count == total, "\(total) parameters, and \(first.count) the step before")
    stepCount += 1
    let step = OptimizerStep<Element>(rule: rule, number: stepCount, learningRate: learningRate)
    first.withUnsafeMutableElements { first in
      second.withUnsafeMutableElements { second in
        let (first, second) = (first.baseAddress!, second.baseAddress!)
        let pieces = Self.pieces(of: parameters, gradients: gradients, decays: decays)
        // The parameters and the gradients are held by the caller's arrays as long as this runs.
        Parallel.forEach(pieces.count) { index in
          let piece = pieces[index]
          step.apply(
            piece.weights, piece.gradient, first: first + piece.offset, second: second + piece.offset, piece.count,
            decays: piece.decays)
        }
      }
    }
  }

  /// A stretch of one parameter's elements.
  private struct Piece {
    let weights: UnsafeMutablePointer<Element>
    let gradient: UnsafePointer<Element>
    /// Its place among the elements of all parameters.
    let offset: Int
    let count: Int
    let decays: Bool
  }

  /// All parameters that are to change, in pieces that are worth a ticket each or are all there is of a parameter.
  @specialized(where Element == Float)
  private static func pieces(
    of parameters: [Parameter<Element>], gradients: [Tensor<Element>?], decays: Set<ParameterKind>
  ) -> [Piece] {
    let mostElements = 1 << 15
    var pieces: [Piece] = []
    var offset = 0
    for (index, parameter) in parameters.enumerated() {
      let count = parameter.value.count
      defer { offset += count }
      guard let gradient = gradients[index], !parameter.isFrozen, count > 0 else { continue }
      require(
        gradient.shape == parameter.value.shape,
        "a gradient of shape \(gradient.shape) for a parameter of shape \(parameter.value.shape)")
      let decays = decays.contains(parameter.kind)
      parameter.withUnsafeMutableElements { weights in
        gradient.withUnsafeElements { gradient in
          for start in stride(from: 0, to: count, by: mostElements) {
            pieces.append(
              Piece(
                weights: weights.baseAddress! + start, gradient: gradient.baseAddress! + start, offset: offset + start,
                count: min(mostElements, count - start), decays: decays))
          }
        }
      }
    }
    return pieces
  }
}

/// One step of a rule, for any stretch of elements.
private struct OptimizerStep<Element: TensorElement> {
  let rule: OptimizerRule
  let number: Int
  let learningRate: Double

  func apply(
    _ w: UnsafeMutablePointer<Element>, _ g: UnsafePointer<Element>, first: UnsafeMutablePointer<Element>,
    second: UnsafeMutablePointer<Element>, _ count: Int, decays: Bool
  ) {
    let rate = Element(learningRate)
    switch rule {
    case .sgd(momentum: 0, _): sgdStep(w, g, count, rate: rate)
    case .sgd(let momentum, let nesterov):
      if let kernels = Kernels.table, let w = floats(w), let g = floats(g), let first = floats(first) {
        return kernels.pointee.momentum(w, g, first, count, Float(learningRate), Float(momentum), nesterov)
      }
      momentumStep(w, g, first, count, rate: rate, momentum: Element(momentum), nesterov: nesterov)
    case .rmsProp(let decay, let epsilon):
      if let kernels = Kernels.table, let w = floats(w), let g = floats(g), let first = floats(first) {
        return kernels.pointee.rmsprop(
          w, g, first, count, Float(learningRate), Float(decay), Float(1 - decay), Float(epsilon))
      }
      rmsPropStep(
        w, g, first, count, rate: rate, decay: Element(decay), rest: Element(1 - decay), epsilon: Element(epsilon))
    case .adam(let beta1, let beta2, let epsilon, let weightDecay):
      let factors = AdamFactors<Element>(
        beta1: beta1, beta2: beta2, epsilon: epsilon, step: number, learningRate: learningRate,
        weightDecay: decays ? weightDecay : 0)
      if let kernels = Kernels.table, let w = floats(w), let g = floats(g), let first = floats(first),
        let second = floats(second), let factors = factors as? AdamFactors<Float>
      {
        return kernels.pointee.adam(
          w, g, first, second, count, factors.beta1, factors.rest1, factors.beta2, factors.rest2, factors.rate,
          factors.rootScale, factors.epsilon, factors.shrink)
      }
      adamStep(w, g, first, second, count, factors)
    }
  }
}
