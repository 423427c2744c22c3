import CKernels

/// The formats in which a ``HalfTensor`` keeps its numbers: sixteen bits each.
///
/// Both are for keeping numbers, not for computing with them: arithmetic and statistics stay in `Float` and wider.
public enum HalfPrecision: String, Sendable, Hashable, Codable, CaseIterable {
  /// IEEE 754's binary16: eleven digits, from 2⁻²⁴ to 65,504. What is larger becomes infinite.
  case float16
  /// The upper half of a `Float`: eight digits, over the whole range of a `Float`.
  case bfloat16

  /// The bits of a number, rounded to the nearest that there is, to even where two are as near: small ones keep what digits there
  /// are, what is not a number stays so.
  public func bits(of value: Float) -> UInt16 {
    let bits = value.bitPattern
    let (sign, magnitude) = (UInt16(bits >> 16 & 0x8000), bits & 0x7fff_ffff)
    switch self {
    case .bfloat16:
      if value.isNaN { return UInt16(bits >> 16) | 0x40 }
      // A carry goes on into the exponent, and from the largest number to infinity.
      return sign | UInt16(Self.shifted(magnitude, by: 16))
    case .float16:
      if value.isNaN { return sign | 0x7e00 | UInt16(magnitude >> 13 & 0x1ff) }
      // From 2¹⁶ on.
      if magnitude >= 143 << 23 { return sign | 0x7c00 }
      // The exponent counts from 15 in place of 127.
      if magnitude >= 113 << 23 { return sign | UInt16(Self.shifted(magnitude - 112 << 23, by: 13)) }
      // Multiples of 2⁻²⁴, of which a number below 2⁻²⁵ rounds to none.
      let exponent = Int(magnitude >> 23)
      if exponent < 102 { return sign }
      return sign | UInt16(Self.shifted(magnitude & 0x7f_ffff | 0x80_0000, by: 126 - exponent))
    }
  }

  /// So many digits fewer, rounded to the nearest.
  private static func shifted(_ digits: UInt32, by places: Int) -> UInt32 {
    let whole = digits >> UInt32(places)
    return (digits + (1 << UInt32(places - 1)) - 1 + whole & 1) >> UInt32(places)
  }

  /// The number that some bits stand for, exactly.
  public func value(of bits: UInt16) -> Float {
    let bits = UInt32(bits)
    switch self {
    case .bfloat16: return Float(bitPattern: bits << 16)
    case .float16:
      let (sign, exponent, digits) = (bits & 0x8000, bits >> 10 & 0x1f, bits & 0x3ff)
      let magnitude: Float =
        switch exponent {
        case 0: Float(digits) * 0x1p-24
        case 31: Float(bitPattern: 0x7f80_0000 | digits << 13)
        default: Float(bitPattern: (exponent + 112) << 23 | digits << 13)
        }
      return Float(bitPattern: magnitude.bitPattern | sign << 16)
    }
  }

  /// Rounds numbers; past the caches, where they will not be read soon.
  package func narrow<Element: TensorElement>(
    _ x: UnsafePointer<Element>, to y: UnsafeMutablePointer<UInt16>, count: Int, streams: Bool,
    _ kernels: KernelSet<Element>?
  ) {
    guard let kernels else {
      for index in 0..<count { y[index] = bits(of: roundedToOdd(x[index])) }
      return
    }
    switch self {
    case .float16: kernels.table.pointee.narrow_float16(kernels(x), y, count, streams)
    case .bfloat16: kernels.table.pointee.narrow_bfloat16(kernels(x), y, count, streams)
    }
  }

  /// Expands numbers.
  package func widen<Element: TensorElement>(
    _ x: UnsafePointer<UInt16>, to y: UnsafeMutablePointer<Element>, count: Int, _ kernels: KernelSet<Element>?
  ) {
    guard let kernels else {
      for index in 0..<count { y[index] = Element(value(of: x[index])) }
      return
    }
    switch self {
    case .float16: kernels.table.pointee.widen_float16(x, kernels(y), count)
    case .bfloat16: kernels.table.pointee.widen_bfloat16(x, kernels(y), count)
    }
  }
}

/// A number as a `Float` that rounds to half width as the number itself does: where it is between two, the one whose last digit is odd,
/// which lies on the same side of all that decides.
private func roundedToOdd<Element: TensorElement>(_ value: Element) -> Float {
  let nearest = Float(value)
  let back = Element(nearest)
  guard back != value, nearest.bitPattern & 1 == 0, !value.isNaN else { return nearest }
  return back < value ? nearest.nextUp : nearest.nextDown
}
