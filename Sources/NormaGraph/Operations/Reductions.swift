import NormaTensor

/// The sum or the mean of all elements, `[]`, or of each channel over all rows: `[…, C] → [C]`.
package struct ReductionOperation<Element: TensorElement>: TensorOperation {
  package let isMean: Bool
  /// Whether the channels stay.
  package let isOverRows: Bool

  package var name: String { (isMean ? "mean" : "sum") + (isOverRows ? " over rows" : "") }

  package var rule: String {
    isOverRows
      ? "∂{0} = ∂{}\(isMean ? " / N" : "") in every row" : "∂{0} = ∂{}\(isMean ? " / n" : "") everywhere"
  }

  package func outputShape(for inputs: [Shape]) -> Shape { isOverRows ? [inputs[0].channelCount] : [] }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    let x = inputs[0]
    guard isOverRows else { return (.scalar(isMean ? x.mean() : x.sum()), ()) }
    return (isMean ? 1 / Element(x.shape.rowCount) * x.sumOverRows() : x.sumOverRows(), ())
  }

  package func kept(for needs: Needs) -> KeptTensors { [] }

  package func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    let shape = kept.shape(0)
    guard isOverRows else {
      return [Tensor(repeating: isMean ? g.item / Element(shape.elementCount) : g.item, shape: shape)]
    }
    let part = isMean ? 1 / Element(shape.rowCount) * g : g
    return [Tensor.zeros(shape).applying(.add, part, broadcast: .perChannel)]
  }
}

extension Variable {
  /// The sum of all elements, `[]`.
  public func sum() -> Variable { reduced(isMean: false, isOverRows: false) }
  /// The mean of all elements, `[]`.
  public func mean() -> Variable { reduced(isMean: true, isOverRows: false) }
  /// The sum of each channel over all rows: `[…, C] → [C]`.
  public func sumOverRows() -> Variable { reduced(isMean: false, isOverRows: true) }
  /// The mean of each channel over all rows: `[…, C] → [C]`.
  public func meanOverRows() -> Variable { reduced(isMean: true, isOverRows: true) }

  private func reduced(isMean: Bool, isOverRows: Bool) -> Variable {
    Graph.apply(ReductionOperation(isMean: isMean, isOverRows: isOverRows), to: [self]).output
  }
}
