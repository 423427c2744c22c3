import CKernels
import NormaTensor

/// RMSProp (Hinton 2012): `c = decay · c + (1 − decay) · g²`, then `w −= rate · g / (√c + epsilon)`.
public struct RMSProp: OptimizerRule {
  public static let name = "rmsProp"
  /// What the running mean of squares keeps at each step.
  public var decay: Double
  /// What is added to the root, so that nothing is divided by 0.
  public var epsilon: Double

  /// The rule by its settings.
  public init(decay: Double = 0.99, epsilon: Double = 1e-8) {
    self.decay = decay
    self.epsilon = epsilon
  }

  public var slots: [String] { ["mean_square"] }
  public var description: String { "RMSProp, decay \(decay)" }

  public func update<Element: TensorElement>(
    _ values: inout MutableSpan<Element>, gradients: Span<Element>, slots: inout OptimizerSlots<Element>,
    step: OptimizerStep
  ) {
    let square = slots.pointer(0)
    values.withUnsafeMutableBufferPointer { values in
      gradients.withUnsafeBufferPointer { gradients in
        guard let w = values.baseAddress, let g = gradients.baseAddress else { return }
        let (rate, decay, epsilon) = (step.learningRate, decay, epsilon)
        MeanSquare.step(
          values.count,
          kernel: Element.kernels.map { kernels in
            { start in
              kernels.table.pointee.rmsprop(
                kernels(w + start), kernels(g + start), kernels(square + start), values.count - start, Float(rate),
                Float(decay), Float(1 - decay), Float(epsilon), MeanSquare.bound)
            }
          }
        ) { start, count in
          rmsPropStep(
            w + start, g + start, square + start, count, rate: Element(rate), decay: Element(decay),
            rest: Element(1 - decay), epsilon: Element(epsilon))
        }
      }
    }
  }
}

extension OptimizerRule where Self == RMSProp {
  /// RMSProp.
  public static func rmsProp(decay: Double = 0.99, epsilon: Double = 1e-8) -> Self {
    Self(decay: decay, epsilon: epsilon)
  }
}

@specialized(where Element == Float)
@specialized(where Element == Double)
private func rmsPropStep<Element: TensorElement>(
  _ w: UnsafeMutablePointer<Element>, _ g: UnsafePointer<Element>, _ square: UnsafeMutablePointer<Element>,
  _ count: Int, rate: Element, decay: Element, rest: Element, epsilon: Element
) {
  for i in 0..<count {
    let (root, isWide) = MeanSquare.add(g[i], to: &square[i], decay: decay, rest: rest)
    // The quotient first where the gradient is large: its product with the rate may be too large.
    w[i] -= isWide ? rate * (g[i] / (root + epsilon)) : rate * g[i] / (root + epsilon)
  }
}
