import NormaNormalization
import NormaTensor

/// x `[N, …, C]` with another content in the rows of weight 0: 0, or the second input `[C]`, through which no gradient flows.
package struct RowExclusionOperation<Element: TensorElement>: TensorOperation {
  /// Of the shape of the first axes of x.
  let weights: Tensor<Element>

  package var name: String { "rows that count" }
  package var rule: String { "∂{0} = ∂{} where a row counts, 0 elsewhere" }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    let x = inputs[0]
    guard weights.rank > 0, weights.rank < x.rank, weights.shape.elementsEqual(x.prefix(weights.rank)),
      inputs.count < 2 || inputs[1].elementCount == x.channelCount
    else {
      throw ShapeError(expected: "[\(weights.shape.map(String.init).joined(separator: ", ")), …, channels]", found: x)
    }
    return x
  }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    (excluding(inputs[0], fill: inputs.count > 1 ? inputs[1].elements : nil), ())
  }

  package func kept(for needs: Needs) -> KeptTensors { [] }

  package func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    [excluding(g, fill: nil)] + [Tensor<Element>?](repeating: nil, count: kept.count - 1)
  }

  package func backward(_ g: Variable<Element>, _ kept: KeptVariables<Element>, saved: Void) -> [Variable<Element>?] {
    [g.excludingRows(weights)] + [Variable<Element>?](repeating: nil, count: kept.count - 1)
  }

  private func excluding(_ x: Tensor<Element>, fill: [Element]?) -> Tensor<Element> {
    var result = x
    let length = x.count / max(1, weights.count)
    let weights = weights.elements
    result.withUnsafeMutableElements { y in
      guard let y = y.baseAddress else { return }
      for (index, weight) in weights.enumerated() where weight == 0 {
        let part = y + index * length
        if let fill {
          for place in 0..<length { part[place] = fill[place % fill.count] }
        } else {
          part.update(repeating: 0, count: length)
        }
      }
    }
    return result
  }

  package var featureOrder: FeatureOrder { .kept }
}

extension Variable {
  /// x `[N, …, C]` with 0, or beta `[C]`, in the rows of weight 0; weights are `[N]`, or of more of x's first axes. No gradient flows to such
  /// rows, or from them to beta, whatever they hold.
  public func excludingRows(
    _ weights: Tensor<Element>, output: ExcludedOutput = .zero, beta: Variable? = nil
  ) -> Variable {
    let inputs = output == .beta && beta != nil ? [self, beta!] : [self]
    return Graph.apply(RowExclusionOperation(weights: weights), to: inputs).output
  }
}
