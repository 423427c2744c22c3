import NormaTensor

/// How numbers of floating point are laid out that are narrower than `Float`.
enum NarrowFloat: Hashable, Sendable {
  /// Of half width.
  case half(HalfPrecision)
  /// Of so few bits that all of them stand in a table.
  case table(NarrowFloatTable)
  /// An exponent alone: 2⁻¹²⁷ to 2¹²⁷, by a byte of which 255 is no number.
  case power

  /// Where a number goes that lies between two.
  enum Rounding: String { case nearest, up, down }

  /// The number that bits mean.
  func value(of bits: UInt16) -> Float {
    switch self {
    case .half(let precision): precision.value(of: bits)
    case .table(let table): table.value(of: bits)
    case .power: bits >= 255 ? .nan : bits == 0 ? 0x1p-127 : Float(bitPattern: UInt32(bits) << 23)
    }
  }

  /// The bits of a number: of the nearest that there is, to even where two are as near.
  ///
  /// - Parameters:
  ///   - saturates: whether what is too large becomes the largest number rather than infinite, or no number.
  ///   - rounding: for exponents alone; up where none is said.
  func bits(of value: Float, saturates: Bool = true, rounding: Rounding = .up) -> UInt16 {
    switch self {
    case .half(let precision): return precision.bits(of: value)
    case .table(let table): return table.bits(of: value, saturates: saturates)
    case .power:
      guard value.isFinite, value >= 0 else { return value == .infinity && saturates ? 254 : 255 }
      // Below the normal numbers of single precision there is one power left.
      let magnitude = value.bitPattern
      guard magnitude >= 1 << 23 else {
        guard magnitude > 1 << 22 else { return 0 }
        let goesUp = rounding == .up || rounding == .nearest && magnitude >= 3 << 21
        return goesUp ? 1 : 0
      }
      var exponent = UInt16(magnitude >> 23)
      let fraction = magnitude & 0x7f_ffff
      switch rounding {
      case .up: if fraction > 0 { exponent += 1 }
      case .nearest: if fraction >= 1 << 22 { exponent += 1 }
      case .down: break
      }
      return exponent <= 254 ? exponent : saturates ? 254 : 255
    }
  }

  /// The nearest number that there is.
  func rounded(_ value: Float, saturates: Bool = true, rounding: Rounding = .up) -> Float {
    self.value(of: bits(of: value, saturates: saturates, rounding: rounding))
  }

  /// The difference from 1 to the next larger number.
  var epsilon: Double {
    switch self {
    case .half(.float16): 0x1p-10
    case .half(.bfloat16): 0x1p-7
    case .table(let table): table.epsilon
    case .power: 1
    }
  }
}

/// The formats of four bits and eight: a sign, and magnitudes in the order of their bits (Micikevicius et al. 2022, "FP8 formats for deep
/// learning"; Rouhani et al. 2023, "Microscaling data formats"; those without a negative zero: Noune et al. 2022).
enum NarrowFloatTable: Hashable, Sendable {
  case e4m3fn, e4m3fnuz, e5m2, e5m2fnuz, e2m1

  private var fractionBits: Int {
    switch self {
    case .e4m3fn, .e4m3fnuz: 3
    case .e5m2, .e5m2fnuz: 2
    case .e2m1: 1
    }
  }
  private var bias: Int {
    switch self {
    case .e4m3fn: 7
    case .e4m3fnuz: 8
    case .e5m2: 15
    case .e5m2fnuz: 16
    case .e2m1: 1
    }
  }
  /// The bits of the largest finite magnitude.
  private var largest: UInt16 {
    switch self {
    case .e4m3fn: 0x7e
    case .e4m3fnuz, .e5m2fnuz: 0x7f
    case .e5m2: 0x7b
    case .e2m1: 7
    }
  }
  private var sign: UInt16 { self == .e2m1 ? 8 : 0x80 }
  private var hasOneZero: Bool { self == .e4m3fnuz || self == .e5m2fnuz }
  private var noNumber: UInt16 {
    switch self {
    case .e4m3fn: 0x7f
    case .e4m3fnuz, .e5m2fnuz: 0x80
    case .e5m2: 0x7e
    // There is none; a negative zero stands for it.
    case .e2m1: 8
    }
  }
  var epsilon: Double { 1 / Double(1 << fractionBits) }

  /// The magnitude of bits without a sign, also of the one after the largest.
  private func magnitude(_ bits: UInt16) -> Float {
    let exponent = Int(bits >> fractionBits)
    let fraction = Float(bits & (1 << fractionBits - 1)) / Float(1 << fractionBits)
    let scale = Float(sign: .plus, exponent: max(exponent, 1) - bias, significand: 1)
    return (exponent == 0 ? fraction : 1 + fraction) * scale
  }

  func value(of bits: UInt16) -> Float {
    let magnitudeBits = bits & (sign - 1)
    let isNegative = bits & sign != 0
    if hasOneZero, bits & 0xff == sign { return .nan }
    if magnitudeBits > largest {
      return self == .e5m2 && magnitudeBits == 0x7c ? (isNegative ? -.infinity : .infinity) : .nan
    }
    return isNegative ? -magnitude(magnitudeBits) : magnitude(magnitudeBits)
  }

  func bits(of value: Float, saturates: Bool) -> UInt16 {
    guard !value.isNaN else { return noNumber }
    let size = value.magnitude
    let signBit = value.sign == .minus ? sign : 0
    // The first that is not smaller, of all and the one after the largest.
    var (low, high): (UInt16, UInt16) = (0, largest + 1)
    while low < high {
      let middle = (low + high) / 2
      if magnitude(middle) < size { low = middle + 1 } else { high = middle }
    }
    var found = low
    if found > 0, magnitude(found) > size {
      let (below, above) = (size - magnitude(found - 1), magnitude(found) - size)
      if below < above || below == above && (found - 1) % 2 == 0 { found -= 1 }
    }
    guard found > largest || size == .infinity else { return found == 0 && hasOneZero ? 0 : signBit | found }
    if saturates || self == .e2m1 { return signBit | largest }
    return self == .e5m2 ? signBit | 0x7c : hasOneZero ? 0x80 : signBit | noNumber
  }
}

extension Tensor<Float> {
  /// Each number as the nearest one that there is of a narrower kind.
  func rounded(to type: NarrowFloat, saturates: Bool = true, rounding: NarrowFloat.Rounding = .up) -> Tensor {
    if case .half(let precision) = type { return rounded(to: precision).widened() }
    return Tensor(elements.map { type.rounded($0, saturates: saturates, rounding: rounding) }, shape: shape)
  }
}
