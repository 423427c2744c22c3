// Made by Utils/fit-functions, which see.

/// The numbers that ``Functions`` are made of; the C kernels have the same.
enum Coefficients {
  /// The first 32 bits of ln 2.
  @inline(__always) static var ln2High: Double { 0x1.62e42fee00000p-1 }
  /// The rest of ln 2.
  @inline(__always) static var ln2Low: Double { 0x1.a39ef35793c76p-33 }
  /// ln 10.
  @inline(__always) static var ln10: Double { 0x1.26bb1bbb55516p+1 }
  /// What is left of ln 10.
  @inline(__always) static var ln10Low: Double { -0x1.f48ad494ea3e9p-53 }
  /// 1 / ln 2.
  @inline(__always) static var log2OfE: Double { 0x1.71547652b82fep+0 }
  /// √½.
  @inline(__always) static var squareRootOfHalf: Double { 0x1.6a09e667f3bcdp-1 }
  /// 2π.
  @inline(__always) static var twoPi: Double { 0x1.921fb54442d18p+2 }
  /// The first 26 bits of 2π.
  @inline(__always) static var twoPiHigh: Double { 0x1.921fb50000000p+2 }
  /// The rest of 2π.
  @inline(__always) static var twoPiLow: Double { 0x1.110b4611a6263p-24 }
  /// The first 24 bits of erf 1.
  @inline(__always) static var errorFunctionOfOne: Double { 0x1.af767a0000000p-1 }

  /// `(eˣ − 1 − x) / x²`, |x| ≤ ln 2 / 2.
  @inline(__always) static func exponential(_ x: Double, square: Double) -> Double {
    var even: Double = 0x1.1f94c92708054p-29
    even = even * square + 0x1.27e4c61323d40p-22
    even = even * square + 0x1.a01a01b077bc0p-16
    even = even * square + 0x1.6c16c16c14550p-10
    even = even * square + 0x1.555555555555ap-5
    even = even * square + 0x1.0000000000000p-1
    var odd: Double = 0x1.af5dd3e53d084p-26
    odd = odd * square + 0x1.71ddf8e4298bap-19
    odd = odd * square + 0x1.a01a01afa6d7cp-13
    odd = odd * square + 0x1.111111110f75dp-7
    odd = odd * square + 0x1.5555555555559p-3
    return even + x * odd
  }

  /// `(ln((1 + s) / (1 − s)) − 2s) / s³` of s², s ≤ (√2 − 1) / (√2 + 1).
  @inline(__always) static func logarithm(_ x: Double, square: Double) -> Double {
    var even: Double = 0x1.2ef11d9cf9ddap-3
    even = even * square + 0x1.7466272b4e54cp-3
    even = even * square + 0x1.249249413a450p-2
    even = even * square + 0x1.555555555558fp-1
    var odd: Double = 0x1.39a3e8abc41dbp-3
    odd = odd * square + 0x1.c71c528abf48dp-3
    odd = odd * square + 0x1.9999999980d32p-2
    return even + x * odd
  }

  /// `(sin x − x) / x³` of x², x ≤ π / 4.
  @inline(__always) static func sine(_ x: Double, square: Double) -> Double {
    var even: Double = -0x1.aaa6956105ee9p-41
    even = even * square - 0x1.ae64529d6832dp-26
    even = even * square - 0x1.a01a01a018b26p-13
    even = even * square - 0x1.5555555555555p-3
    var odd: Double = 0x1.6120959ee27e2p-33
    odd = odd * square + 0x1.71de3a533df85p-19
    odd = odd * square + 0x1.111111111110bp-7
    return even + x * odd
  }

  /// `(cos x − 1 + x² / 2) / x⁴` of x², x ≤ π / 4.
  @inline(__always) static func cosine(_ x: Double, square: Double) -> Double {
    var even: Double = 0x1.aadea249986e3p-45
    even = even * square + 0x1.1eed8cdec954fp-29
    even = even * square + 0x1.a01a01a0191d8p-16
    even = even * square + 0x1.5555555555555p-5
    var odd: Double = -0x1.939374d6bc6eep-37
    odd = odd * square - 0x1.27e4fb7638720p-22
    odd = odd * square - 0x1.6c16c16c16c12p-10
    return even + x * odd
  }

  /// `erf(x) / x − 1` of x², x ≤ 3/4.
  @inline(__always) static func errorFunction(_ x: Double, square: Double) -> Double {
    var even: Double = 0x1.ef46bb6e628d9p-27
    even = even * square + 0x1.b9daee693f4f0p-20
    even = even * square + 0x1.f9a3230c9de48p-14
    even = even * square + 0x1.565bcd0e2cf27p-8
    even = even * square + 0x1.ce2f21a042bc6p-4
    even = even * square + 0x1.06eba8214db69p-3
    var odd: Double = -0x1.0542e8fc2f3ffp-30
    odd = odd * square - 0x1.5ec14a5ccd210p-23
    odd = odd * square - 0x1.f4d1d6bfe25fap-17
    odd = odd * square - 0x1.c02db3ecc39b9p-11
    odd = odd * square - 0x1.b82ce31287d0dp-6
    odd = odd * square - 0x1.812746b0379e7p-2
    return even + x * odd
  }

  /// `erf(1 + x)` less the first bits of erf 1, −1/4 ≤ x ≤ 5/16.
  @inline(__always) static func errorFunctionNearOne(_ x: Double, square: Double) -> Double {
    var even: Double = 0x1.86410f49f52e3p-16
    even = even * square - 0x1.a377d9bb3d331p-13
    even = even * square + 0x1.4176aab672e91p-10
    even = even * square - 0x1.3911469cabd91p-8
    even = even * square + 0x1.2e45a56578101p-8
    even = even * square + 0x1.1b614b0f527f4p-4
    even = even * square - 0x1.a911f096fbc26p-2
    even = even * square + 0x1.d04222b1b3591p-27
    var odd: Double = -0x1.98a6355263871p-18
    odd = odd * square + 0x1.3d017772be216p-16
    odd = odd * square + 0x1.66a2e3a35dc06p-14
    odd = odd * square - 0x1.ee30c93ecc6a0p-10
    odd = odd * square + 0x1.f096fd61c4eeap-7
    odd = odd * square - 0x1.1b614b0f4bf4dp-4
    odd = odd * square + 0x1.1b614b0f527c5p-3
    odd = odd * square + 0x1.a911f096fbc26p-2
    return even + x * odd
  }

  /// `exp(x²) · erfc(x)`, 3/4 ≤ x ≤ 29, multiplied by the next.
  @inline(__always) static func tailNumerator(_ x: Double, square: Double) -> Double {
    var even: Double = 0x1.20dd75042c7bap-1
    even = even * square + 0x1.c5d3f59f4f336p+5
    even = even * square + 0x1.95f6b1031c334p+9
    even = even * square + 0x1.4e9e99a22c2e8p+11
    even = even * square + 0x1.256f29345c8cdp+10
    var odd: Double = 0x1.fc07040e1569fp+2
    odd = odd * square + 0x1.02c17e03affeap+8
    odd = odd * square + 0x1.bdcb77b2dc2d1p+10
    odd = odd * square + 0x1.3c27dabf80832p+11
    return even + x * odd
  }

  /// What the last is to be divided by.
  @inline(__always) static func tailDenominator(_ x: Double, square: Double) -> Double {
    var even: Double = 0x1.c23a41bfa00ddp+3
    even = even * square + 0x1.d1aae6046e42ep+8
    even = even * square + 0x1.a6dc5092c4c89p+11
    even = even * square + 0x1.6db9d77edb9e9p+12
    even = even * square + 0x1.256f2918a75fcp+10
    var odd: Double = 0x1.0000000000000p+0
    odd = odd * square + 0x1.9431cee9852cfp+6
    odd = odd * square + 0x1.74382fef146f0p+10
    odd = odd * square + 0x1.5274d6a124db9p+12
    odd = odd * square + 0x1.e1b54e0ca3e35p+11
    return even + x * odd
  }

  /// The first 17 bits of ln 2.
  @inline(__always) static var singleLn2High: Float { 0x1.62e4p-1 }
  /// The rest of ln 2, in single precision.
  @inline(__always) static var singleLn2Low: Float { 0x1.7f7d1cp-20 }
  /// 1 / ln 2, in single precision.
  @inline(__always) static var singleLog2OfE: Float { 0x1.715476p+0 }

  /// `(eˣ − 1 − x) / x²`, |x| ≤ ln 2 / 2, in single precision; products and sums fused.
  @inline(__always) static func singleExponential(_ x: Float, square: Float) -> Float {
    var even: Float = 0x1.6db126p-10
    even = (0x1.555462p-5 as Float).addingTerm(even, square)
    even = (0x1p-1 as Float).addingTerm(even, square)
    var odd: Float = 0x1.1239a4p-7
    odd = (0x1.555492p-3 as Float).addingTerm(odd, square)
    return even.addingTerm(x, odd)
  }
}
