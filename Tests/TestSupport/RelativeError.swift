import NormaTensor

/// CS231n's measure of how far two tensors are apart: `max |x − y| / max(1e-8, |x| + |y|)`.
@specialized(where Element == Float)
@specialized(where Element == Double)
public func relativeError<Element: TensorElement>(_ x: Tensor<Element>, _ y: Tensor<Element>) -> Double {
  precondition(x.shape == y.shape, "comparing shapes \(x.shape) and \(y.shape)")
  return zip(x.elements, y.elements).map { x, y in
    Double(abs(x - y)) / max(1e-8, Double(abs(x) + abs(y)))
  }.max() ?? 0
}

/// The largest absolute difference, divided by the largest absolute value of the reference (at least `floor`): the
/// measure for sums whose terms cancel, where single elements may come out near 0.
@specialized(where Element == Float)
@specialized(where Element == Double)
public func errorRelativeToScale<Element: TensorElement>(
  _ x: Tensor<Element>, reference: Tensor<Element>, floor: Double = 1e-30
) -> Double {
  precondition(x.shape == reference.shape, "comparing shapes \(x.shape) and \(reference.shape)")
  let scale = reference.elements.map { Double(abs($0)) }.max() ?? 0
  let difference =
    zip(x.elements, reference.elements).map { x, y in
      x == y ? 0 : Double(abs(x - y))
    }.max() ?? 0
  return difference / max(floor, scale)
}
