import NormaTensor

extension BinaryFloatingPoint {
  /// The largest relative error of one rounding to nearest: half of the distance from 1 to the next number.
  public static var unitRoundoff: Double { Double(ulpOfOne) / 2 }
}

/// Whether two tensors have the same shape and the same bits; a NaN matches any NaN.
@specialized(where Element == Float)
@specialized(where Element == Double)
public func haveSameBits<Element: TensorElement>(_ x: Tensor<Element>, _ y: Tensor<Element>) -> Bool {
  x.shape == y.shape
    && zip(x.elements, y.elements).allSatisfy { x, y in
      x.isNaN ? y.isNaN : x == y && x.sign == y.sign
    }
}

/// The largest ratio of an error to its bound, element by element: at most 1 where every element keeps to its bound, and
/// infinite where a value is NaN or a bound of 0 is not met. Equal infinities are no error.
@specialized(where Element == Float)
@specialized(where Element == Double)
public func errorOverBound<Element: TensorElement>(
  _ x: Tensor<Element>, reference: [Double], bound: [Double]
) -> Double {
  precondition(x.count == reference.count && x.count == bound.count, "one reference and one bound for each element")
  var worst = 0.0
  for (index, value) in x.elements.enumerated() where Double(value) != reference[index] {
    let error = abs(Double(value) - reference[index])
    if error.isNaN { return .infinity }
    if error > 0 { worst = max(worst, error / bound[index]) }
  }
  return worst
}
