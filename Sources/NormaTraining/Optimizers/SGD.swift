import CKernels
import NormaTensor

/// Stochastic gradient descent: `v = momentum · v + g`, then `w −= rate · v`, or with Nesterov's look ahead
/// `w −= rate · (g + momentum · v)`; momentum 0 is the plain rule.
public struct SGD: OptimizerRule {
  public static let name = "sgd"
  /// What is kept of the last step.
  public var momentum: Double
  /// Whether the step looks ahead.
  public var nesterov: Bool

  /// The rule by its settings.
  public init(momentum: Double = 0, nesterov: Bool = false) {
    self.momentum = momentum
    self.nesterov = nesterov
  }

  public var slots: [String] { momentum == 0 ? [] : ["velocity"] }

  public var description: String {
    momentum == 0 ? "SGD" : "SGD, \(nesterov ? "Nesterov " : "")momentum \(momentum)"
  }

  public func update<Element: TensorElement>(
    _ values: inout MutableSpan<Element>, gradients: Span<Element>, slots: inout OptimizerSlots<Element>,
    step: OptimizerStep
  ) {
    let velocity = momentum == 0 ? nil : slots.pointer(0)
    values.withUnsafeMutableBufferPointer { values in
      gradients.withUnsafeBufferPointer { gradients in
        guard let w = values.baseAddress, let g = gradients.baseAddress else { return }
        guard let velocity else { return sgdStep(w, g, values.count, rate: Element(step.learningRate)) }
        if let kernels = Element.kernels {
          return kernels.table.pointee.momentum(
            kernels(w), kernels(g), kernels(velocity), values.count, Float(step.learningRate), Float(momentum), nesterov
          )
        }
        momentumStep(
          w, g, velocity, values.count, rate: Element(step.learningRate), momentum: Element(momentum),
          nesterov: nesterov)
      }
    }
  }
}

extension OptimizerRule where Self == SGD {
  /// Stochastic gradient descent, with momentum and Nesterov's look ahead if wanted.
  public static func sgd(momentum: Double = 0, nesterov: Bool = false) -> Self {
    Self(momentum: momentum, nesterov: nesterov)
  }
}

@specialized(where Element == Float)
@specialized(where Element == Double)
private func sgdStep<Element: TensorElement>(
  _ w: UnsafeMutablePointer<Element>, _ g: UnsafePointer<Element>, _ count: Int, rate: Element
) {
  for i in 0..<count { w[i] -= rate * g[i] }
}

@specialized(where Element == Double)
private func momentumStep<Element: TensorElement>(
  _ w: UnsafeMutablePointer<Element>, _ g: UnsafePointer<Element>, _ velocity: UnsafeMutablePointer<Element>,
  _ count: Int, rate: Element, momentum: Element, nesterov: Bool
) {
  if nesterov {
    for i in 0..<count {
      velocity[i] = momentum * velocity[i] + g[i]
      w[i] -= rate * (g[i] + momentum * velocity[i])
    }
  } else {
    for i in 0..<count {
      velocity[i] = momentum * velocity[i] + g[i]
      w[i] -= rate * velocity[i]
    }
  }
}
