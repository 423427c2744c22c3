import NormaNormalization
import NormaTensor

/// What batch, layer, group, instance and RMS normalization have in common: values that share moments are centred, if they are, and
/// divided by their deviation, `x̂ = (x − mean) / s` with `s = √(mean of (x − mean)² + epsilon)`.
package struct MomentNormalization: Sendable {
  /// Which values share moments.
  enum Sets: Sendable {
    /// Those of a channel: x `[…, C]`.
    case channels
    /// Those of a row: x `[…, C]`.
    case rows
  }

  let sets: Sets
  /// Whether the mean is subtracted; RMS normalization does not.
  var isCentred = true
  let epsilon: Double

  private var broadcast: Broadcast { sets == .channels ? .perChannel : .perRow }

  /// x̂ and 1/s of a tensor.
  func callAsFunction<Element: TensorElement>(
    _ x: Tensor<Element>
  ) -> (normalized: Tensor<Element>, reciprocal: Tensor<Element>) {
    switch sets {
    case .channels:
      do {
        let (output, saved) = try BatchNormalization.forward(x, epsilon: epsilon, allowsSingleValue: true)
        return (output, saved.reciprocalDeviation.converted())
      } catch { fatalError("\(error)") }
    case .rows where isCentred:
      let (output, saved) = LayerNormalization.forward(x, epsilon: epsilon)
      return (output, saved.reciprocalDeviation.converted())
    case .rows:
      let (output, saved) = RMSNormalization.forward(x, epsilon: epsilon)
      return (output, saved.reciprocal.converted())
    }
  }

  /// x̂ of a variable, by its closed form.
  func normalized<Element: TensorElement>(_ x: Variable<Element>) -> Variable<Element> {
    switch sets {
    case .channels:
      do { return try x.batchNormalized(epsilon: epsilon, allowsSingleValue: true).output } catch {
        fatalError("\(error)")
      }
    case .rows where isCentred: return x.layerNormalized(epsilon: epsilon)
    case .rows: return x.rmsNormalized(epsilon: epsilon)
    }
  }

  /// 1/s of a variable, step by step.
  func reciprocal<Element: TensorElement>(_ x: Variable<Element>) -> Variable<Element> {
    let centred = isCentred ? x.subtracting(mean(x), broadcast: broadcast) : x
    return mean(centred.squared()).offset(by: Element(epsilon)).squareRoot().reciprocal()
  }

  /// The mean of the values that share moments.
  func mean<Element: TensorElement>(_ x: Variable<Element>) -> Variable<Element> {
    sets == .channels ? x.meanOverRows() : x.mean(over: [-1])
  }

  /// The gradient of x from that of x̂, h: `(h − mean(h) − x̂ · mean(h · x̂)) / s`.
  func inputGradient<Element: TensorElement>(
    _ h: Variable<Element>, normalized: Variable<Element>, reciprocal: Variable<Element>
  ) -> Variable<Element> {
    let centred = isCentred ? h.subtracting(mean(h), broadcast: broadcast) : h
    return centred.subtracting(
      normalized.multiplied(by: mean(h * normalized), broadcast: broadcast)
    ).multiplied(by: reciprocal, broadcast: broadcast)
  }

  /// The gradients of h and x from that of ``inputGradient(_:normalized:reciprocal:)``, v.
  ///
  /// With `D(h)` for what that gives, which is its own adjoint in h: that of h is `D(v)`, and since `∂s/∂x = x̂/n` and
  /// `∂x̂ᵢ/∂xⱼ = (δᵢⱼ − 1/n − x̂ᵢ·x̂ⱼ/n)/s`, that of x is `−(x̂ · mean(v · D(h)) + mean(h · x̂) · D(v) + mean(v · x̂) · D(h)) / s`.
  func secondGradients<Element: TensorElement>(
    _ v: Variable<Element>, _ h: Variable<Element>, normalized: Variable<Element>, reciprocal: Variable<Element>
  ) -> (h: Variable<Element>, x: Variable<Element>) {
    let ofH = inputGradient(v, normalized: normalized, reciprocal: reciprocal)
    let first = inputGradient(h, normalized: normalized, reciprocal: reciprocal)
    let sum =
      normalized.multiplied(by: mean(v * first), broadcast: broadcast)
      + ofH.multiplied(by: mean(h * normalized), broadcast: broadcast)
      + first.multiplied(by: mean(v * normalized), broadcast: broadcast)
    return (ofH, -sum.multiplied(by: reciprocal, broadcast: broadcast))
  }
}

/// The gradient of what is standardized, from that of the result and from the values: an operation, so that it has a gradient in closed
/// form. Inputs are h and x; `dx = (h − mean(h) − x̂ · mean(h · x̂)) / s`.
package struct MomentNormalizationGradientOperation<Element: TensorElement>: TensorOperation {
  let normalization: MomentNormalization

  /// x̂ and 1/s.
  package struct Saved {
    let normalized, reciprocal: Tensor<Element>
  }

  package var name: String { "gradient of normalization" }
  package var rule: String {
    "with D for this: ∂{0} = D(∂{}), ∂{1} = −(x̂·mean(∂{}·{}) + mean({0}·x̂)·D(∂{}) + mean(∂{}·x̂)·{})/s"
  }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Saved) {
    let (normalized, reciprocal) = normalization(inputs[1])
    let output = normalization.inputGradient(
      Variable(inputs[0]), normalized: Variable(normalized), reciprocal: Variable(reciprocal))
    return (output.value, Saved(normalized: normalized, reciprocal: reciprocal))
  }

  package func kept(for needs: Needs) -> KeptTensors { [.input(0), .input(1)] }

  package func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Saved) -> [Tensor<Element>?] {
    let (normalized, reciprocal) = (Variable(saved.normalized), Variable(saved.reciprocal))
    guard kept.needs[1] else {
      return [
        normalization.inputGradient(Variable(g), normalized: normalized, reciprocal: reciprocal).value, nil,
      ]
    }
    let found = normalization.secondGradients(
      Variable(g), Variable(kept.input(0)), normalized: normalized, reciprocal: reciprocal)
    return [found.h.value, found.x.value]
  }

  /// Third derivatives and further ones are those of the steps that x̂ and s are made of.
  package func backward(
    _ g: Variable<Element>, _ kept: KeptVariables<Element>, saved: Saved
  ) -> [Variable<Element>?] {
    let x = kept.input(1)
    let found = normalization.secondGradients(
      g, kept.input(0), normalized: normalization.normalized(x), reciprocal: normalization.reciprocal(x))
    return [found.h, found.x]
  }

  package func savedBytes(for inputs: [Shape]) -> Int { inputs[1].elementCount * MemoryLayout<Element>.stride }
}

extension Variable {
  /// The gradient of this variable from that of its normalization.
  func momentNormalizationGradient(_ gradient: Variable, _ normalization: MomentNormalization) -> Variable {
    Graph.apply(MomentNormalizationGradientOperation(normalization: normalization), to: [gradient, self]).output
  }
}

extension AffineInputs {
  /// Gradients of input, gamma and beta from that of `gamma · x̂ + beta`, whose channels are last, in the order of the inputs.
  ///
  /// - Parameters:
  ///   - normalized: x̂.
  ///   - inputGradient: what gives the gradient of x from that of x̂.
  func gradients<Element: TensorElement>(
    _ gradient: Variable<Element>, _ kept: KeptVariables<Element>, normalized: () -> Variable<Element>,
    inputGradient: (Variable<Element>) -> Variable<Element>
  ) -> [Variable<Element>?] {
    var gradients = [Variable<Element>?](repeating: nil, count: kept.count)
    if kept.needs[0] {
      gradients[0] = inputGradient(
        gamma.map { gradient.multiplied(by: kept.input($0), broadcast: .perChannel) } ?? gradient)
    }
    if let gamma, kept.needs[gamma] {
      gradients[gamma] = (gradient * normalized()).sumOverRows().reshaped(to: kept.shape(gamma))
    }
    if let beta, kept.needs[beta] { gradients[beta] = gradient.sumOverRows().reshaped(to: kept.shape(beta)) }
    return gradients
  }

  /// Gamma and beta among what is kept, as far as there are any.
  var keptGamma: KeptTensors { gamma.map { .input($0) } ?? [] }
  var keptBeta: KeptTensors { beta.map { .input($0) } ?? [] }
}
