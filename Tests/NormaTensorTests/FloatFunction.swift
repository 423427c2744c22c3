import CKernels
import Foundation
import NormaTensor

#if arch(x86_64)
  typealias Longest = Float80
#else
  typealias Longest = Double
#endif

/// A function of floats in all its forms: the definition, the kernels, and what it is held against.
struct FloatFunction: Sendable, CustomStringConvertible {
  typealias Kernel = @convention(c) (UnsafePointer<Float>?, UnsafeMutablePointer<Float>?, Int) -> Void

  let description: String
  let definition: @Sendable (Float) -> Float
  let kernel: @Sendable (norma_kernels) -> Kernel
  let reference: @Sendable (Longest) -> Longest
  /// The C library's, which is quick.
  let library: @Sendable (Double) -> Double
  /// Magnitudes at which it begins to be made in another way.
  let borders: [Float]
  /// The largest error that is promised: half a unit, and what a unit of a Double is, 2⁻²⁹ of one.
  var bound = 0.5001

  /// The kernels of every set of this processor. Unchecked: constants of the program.
  nonisolated(unsafe) static let tables: [norma_kernels] = {
    var tables: [norma_kernels] = []
    while let table = norma_kernels_at(Int32(tables.count)) { tables.append(table.pointee) }
    return tables
  }()

  static let all: [FloatFunction] = [
    FloatFunction(
      description: "exponential", definition: { Functions.exponential($0) }, kernel: { $0.exponential },
      reference: { Foundation.exp($0) }, library: { Foundation.exp($0) },
      borders: [0.34657359, 88.72284, 89, 103.97208, 104]),
    FloatFunction(
      description: "logarithm", definition: { Functions.logarithm($0) }, kernel: { $0.logarithm },
      reference: { Foundation.log($0) }, library: { Foundation.log($0) }, borders: [0.70710678, 1, 1.41421356]),
    FloatFunction(
      description: "sigmoid", definition: { Functions.sigmoid($0) }, kernel: { $0.sigmoid },
      reference: { 1 / (1 + Foundation.exp(-$0)) }, library: { 1 / (1 + Foundation.exp(-$0)) },
      borders: [0.34657359, 103.97208, 104]),
    FloatFunction(
      description: "hyperbolic tangent", definition: { Functions.hyperbolicTangent($0) },
      kernel: { $0.hyperbolic_tangent }, reference: { Foundation.tanh($0) }, library: { Foundation.tanh($0) },
      borders: [0.17328679, 9.010913, 20]),
    FloatFunction(
      description: "error function", definition: { Functions.errorFunction($0) }, kernel: { $0.error_function },
      reference: { Foundation.erf($0) }, library: { Foundation.erf($0) }, borders: [0.75, 1.3125, 3.8325, 6]),
    FloatFunction(
      description: "GELU", definition: { Functions.gaussianErrorLinearUnit($0) }, kernel: { $0.gelu },
      reference: { $0 * Foundation.erfc(-$0 / Longest(2).squareRoot()) / 2 },
      library: { $0 * Foundation.erfc(-$0 / Double(2).squareRoot()) / 2 }, borders: [1.0606602, 14.2, 40]),
    FloatFunction(
      description: "SiLU", definition: { Functions.sigmoidLinearUnit($0) }, kernel: { $0.silu },
      reference: { $0 / (1 + Foundation.exp(-$0)) }, library: { $0 / (1 + Foundation.exp(-$0)) },
      borders: [0.34657359, 16.635532, 17.3287, 87, 108.7, 120], bound: 0.77),
  ]

  /// How far a result is off, in units in the last place of the exact one; infinite where one of them is no number, or infinite,
  /// and the other is not.
  func error(of result: Float, at x: Float) -> Double {
    // The library's are good to 2⁻²⁰ units of a Float, whichever they are. Where that settles it, it is enough.
    let near = library(Double(x))
    if near.magnitude >= 0x1p-126, near.magnitude < 0x1p127 {
      let error = (Double(result) - near).magnitude / (near.ulp * 0x1p29)
      if error < 0.499 { return error }
    } else if near.magnitude < 0x1p-160 || near.magnitude > 0x1p130 {
      return result == Float(near) ? 0 : .infinity
    } else if near.isNaN, x != -.infinity {
      return result.isNaN ? 0 : .infinity
    }
    var exact = reference(Longest(x))
    // The limit, where the product is 0 · ∞.
    if description == "GELU", x == -.infinity { exact = 0 }
    if exact.isNaN || result.isNaN { return exact.isNaN && result.isNaN ? 0 : .infinity }
    // Half a unit more than the largest is rounded to infinity.
    if exact.magnitude >= 0x1.ffffffp127 || result.isInfinite {
      return Float(exact) == result ? 0 : .infinity
    }
    let unit = Longest(sign: .plus, exponent: max(exact == 0 ? -126 : Int(exact.exponent), -126) - 23, significand: 1)
    return Double((Longest(result) - exact).magnitude / unit)
  }

  /// What was found over some floats.
  struct Findings: Sendable {
    /// The first float for which a set's bits are not the definition's, or whose NaN is not the one there is.
    var difference: String?
    var worst = (error: 0.0, at: Float(0))
    /// How many are not what the exact result is rounded to.
    var misrounded = 0

    mutating func merge(_ other: Findings) {
      difference = difference ?? other.difference
      if other.worst.error > worst.error { worst = other.worst }
      misrounded += other.misrounded
    }
  }

  /// Looks at some floats.
  func findings(_ floats: [Float]) -> Findings {
    var findings = Findings()
    let expected = floats.map(definition)
    for (x, y) in zip(floats, expected) {
      let error = error(of: y, at: x)
      if error > findings.worst.error { findings.worst = (error, x) }
      if error > 0.5 { findings.misrounded += 1 }
      if y.isNaN, y.bitPattern != Float.nan.bitPattern { findings.difference = "\(x) gives another NaN" }
    }
    var found = [Float](repeating: 0, count: floats.count)
    for table in Self.tables {
      kernel(table)(floats, &found, floats.count)
      for (index, x) in floats.enumerated() where found[index].bitPattern != expected[index].bitPattern {
        let bits = String(x.bitPattern, radix: 16)
        findings.difference =
          "\(description) of \(x) (\(bits)): \(found[index]) by \(String(cString: table.name)), not \(expected[index])"
        return findings
      }
    }
    return findings
  }
}
