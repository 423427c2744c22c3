import Foundation
import NormaTensor
import TestSupport
import Testing

@Suite struct FunctionTests {
  /// How far a result is off from an exact one, in units in the last place of that.
  private func error(of result: Double, from exact: Double, _ rest: Double = 0) -> Double {
    guard result.isFinite else { return .infinity }
    // Just below a power of two they are half as large.
    let isBelow = exact.magnitude.significand == 1 && rest != 0 && (rest < 0) == (exact > 0)
    let unit = isBelow && exact.isNormal ? exact.ulp / 2 : exact.ulp
    return abs((result - exact) - rest) / unit
  }

  private static let functions: [(name: String, function: @Sendable (Double) -> Double, bound: Double)] = [
    ("exponential", { Functions.exponential($0) }, 1),
    ("logarithm", { Functions.logarithm($0) }, 1),
    ("sigmoid", { Functions.sigmoid($0) }, 1),
    ("hyperbolicTangent", { Functions.hyperbolicTangent($0) }, 1),
    ("errorFunction", { Functions.errorFunction($0) }, 1),
    ("sine", { Functions.sineAndCosine(turns: $0).sine }, 1),
    ("cosine", { Functions.sineAndCosine(turns: $0).cosine }, 1),
    ("powerOfTen", { Functions.powerOfTen($0) }, 1),
    // For which no such promise is made: 1 less an error function up to 0.7 loses two bits, and more come from four roundings.
    ("gaussianErrorLinearUnit", { Functions.gaussianErrorLinearUnit($0) }, 10),
  ]

  private static let fixtures: [String: [[Double]]] = {
    let file = fixturesDirectory.appending(path: "functions.json")
    return (try? JSONDecoder().decode([String: [[Double]]].self, from: Data(contentsOf: file))) ?? [:]
  }()

  @Test(arguments: functions.indices) func valuesAreWithinAUnitInTheLastPlace(index: Int) throws {
    let (name, function, bound) = Self.functions[index]
    let rows = try #require(Self.fixtures[name])
    #expect(rows.count > 100)
    var worst = (error: 0.0, at: 0.0)
    for row in rows {
      let error = error(of: function(row[0]), from: row[1], row[2])
      if error > worst.error { worst = (error, row[0]) }
    }
    #expect(worst.error < bound, "\(name) of \(worst.at)")
  }

  @Test func powersAreWithinAUnitInTheLastPlace() throws {
    for row in try #require(Self.fixtures["power"]) {
      let error = error(of: Functions.power(row[0], Int(row[1])), from: row[2], row[3])
      // Twice as many digits are rounded once, twice where the result is subnormal.
      #expect(error < (row[2].isNormal ? 0.51 : 1), "\(row[0]) to the power of \(row[1])")
    }
  }

  @Test func powersWithAnyExponentAreThoseOfTheSystem() {
    for base in [0.001, 0.3, 0.999, 1, 1.001, 2, 17.5, 1e10] {
      for exponent in [-2.5, -1, -0.3, 0, 0.5, 0.75, 1, 1.5, 3, 4.1] {
        // An exponential and a logarithm of a unit each, the latter and the product with the exponent weighing as much as that is large.
        let bound = 2 + 2 * abs(exponent * Foundation.log(base))
        #expect(error(of: Functions.power(base, exponent), from: Foundation.pow(base, exponent)) <= bound)
        let single = (Float(base), Float(exponent))
        let exact = Float(Foundation.pow(Double(single.0), Double(single.1)))
        let found = Functions.power(single.0, single.1)
        #expect(found == exact || abs(found - exact) <= exact.ulp)
      }
    }
    let special = [0, -0.0, 1, -1, -2, .infinity, -.infinity, .nan]
    let exponents = [0, 1, -1, 2, 3, -3, 0.5, -0.5, 1.5, 0x1p60, 0x1p70, -0x1p70, .infinity, -.infinity, .nan]
    for base in special {
      for exponent in exponents {
        let (found, expected) = (Functions.power(base, exponent), Foundation.pow(base, exponent))
        let isSame = found == expected && found.sign == expected.sign || found.isNaN && expected.isNaN
        #expect(isSame, "\(base) to the power of \(exponent): \(found), not \(expected)")
      }
    }
  }

  #if arch(x86_64)
    /// Numbers of 64 bits have 11 more than a Double, so that 0.001 units come from them.
    @Test(arguments: functions.indices) func valuesAreThoseOfLongerNumbers(index: Int) {
      let (name, function, bound) = Self.functions[index]
      typealias Case = (reference: (Float80) -> Float80, ranges: [ClosedRange<Double>])
      let cases: [String: Case] = [
        "exponential": ({ Foundation.exp($0) }, [-1...1, -745...709]),
        "logarithm": ({ Foundation.log($0) }, [0.5...2, 0...1000]),
        "sigmoid": ({ 1 / (1 + Foundation.exp(-$0)) }, [-3...3, -40...40, -745...(-30)]),
        "hyperbolicTangent": ({ Foundation.tanh($0) }, [-0.01...0.01, -1...1, -22...22]),
        "errorFunction": ({ Foundation.erf($0) }, [-0.75...0.75, 0.75...1.3125, 1.3125...6.5]),
        "powerOfTen": ({ Foundation.pow(10, $0) }, [-1...1, -20...20]),
        "gaussianErrorLinearUnit": (
          { $0 * Foundation.erfc(-$0 / Float80(2).squareRoot()) / 2 }, [-2...2, -8...40]
        ),
      ]
      guard let (reference, ranges) = cases[name] else { return }
      var random = RandomGenerator(seed: 81)
      for range in ranges {
        var worst = (error: 0.0, at: 0.0)
        for _ in 0..<100_000 {
          let x = range.lowerBound + (range.upperBound - range.lowerBound) * random.uniform()
          let exact = reference(Float80(x))
          let unit = Float80(sign: .plus, exponent: max(exact.exponent - 52, -1074), significand: 1)
          let error = Double((Float80(function(x)) - exact).magnitude / unit)
          if error > worst.error { worst = (error, x) }
        }
        #expect(worst.error < bound, "\(name) of \(worst.at)")
      }
    }
  #endif

  @Test func limitsAndSignedZerosAreThoseOfTheFunctions() {
    typealias F = Functions
    let infinity = Double.infinity
    #expect(F.exponential(infinity) == infinity && F.exponential(-infinity) == 0 && F.exponential(0.0) == 1)
    #expect(F.exponential(710.0) == infinity && F.exponential(-746.0) == 0)
    #expect(F.logarithm(infinity) == infinity && F.logarithm(0.0) == -infinity && F.logarithm(-0.0) == -infinity)
    #expect(F.logarithm(1.0) == 0 && F.logarithm(-1.0).isNaN && F.logarithm(-infinity).isNaN)
    #expect(F.sigmoid(infinity) == 1 && F.sigmoid(-infinity) == 0 && F.sigmoid(0.0) == 0.5 && F.sigmoid(-0.0) == 0.5)
    #expect(F.hyperbolicTangent(infinity) == 1 && F.hyperbolicTangent(-infinity) == -1)
    #expect(F.errorFunction(infinity) == 1 && F.errorFunction(-infinity) == -1)
    #expect(F.gaussianErrorLinearUnit(infinity) == infinity && F.gaussianErrorLinearUnit(-infinity) == 0)
    for odd in [F.hyperbolicTangent(-0.0), F.errorFunction(-0.0), F.gaussianErrorLinearUnit(-0.0)] {
      #expect(odd == 0 && odd.sign == .minus)
    }
    #expect(F.powerOfTen(infinity) == infinity && F.powerOfTen(-infinity) == 0 && F.powerOfTen(0) == 1)
    for (name, function, _) in Self.functions {
      for x in [Double.nan, -.nan, .signalingNaN] {
        #expect(function(x).bitPattern == Double.nan.bitPattern, "\(name)")
      }
    }
    for turns in [infinity, -infinity] {
      #expect(F.sineAndCosine(turns: turns).sine.isNaN && F.sineAndCosine(turns: turns).cosine.isNaN)
    }
  }

  @Test func quartersOfATurnAreExact() {
    for turns in [-1e300, -3, 0, 1, 0x1p52, 1e300] as [Double] {
      let (sine, cosine) = Functions.sineAndCosine(turns: turns)
      #expect(sine == 0 && cosine == 1)
    }
    for turns in [-1e6, 0, 12345] as [Double] {
      #expect(Functions.sineAndCosine(turns: turns + 0.25) == (1, 0))
      #expect(Functions.sineAndCosine(turns: turns + 0.5) == (0, -1))
      #expect(Functions.sineAndCosine(turns: turns + 0.75) == (-1, 0))
    }
  }

  @Test func powersOfZeroInfinityAndOneAreTheirProducts() {
    #expect(Functions.power(0, 3) == 0 && Functions.power(0, -3) == .infinity && Functions.power(.infinity, -1) == 0)
    #expect(Functions.power(-0.0, 3).sign == .minus && Functions.power(-0.0, -3) == -.infinity)
    #expect(Functions.power(-.infinity, 2) == .infinity && Functions.power(-.infinity, 3) == -.infinity)
    #expect(Functions.power(.nan, 0) == 1 && Functions.power(.nan, 2).isNaN)
    #expect(Functions.power(1, .max) == 1 && Functions.power(-1, .max) == -1 && Functions.power(-1, .min) == 1)
    #expect(Functions.power(2, 1024) == .infinity && Functions.power(2, -1074) == .leastNonzeroMagnitude)
    #expect(Functions.power(0.5, .max) == 0 && Functions.power(0.5, .min) == .infinity)
    #expect(Functions.power(.leastNonzeroMagnitude, 1) == .leastNonzeroMagnitude)
    #expect(Functions.power(.greatestFiniteMagnitude, 1) == .greatestFiniteMagnitude)
  }

  /// Some 1,050,000 floats: every 4,099th, and those at powers of two and at borders.
  @Test(arguments: FloatFunction.all.indices) func everySetGivesTheBitsOfTheDefinition(index: Int) {
    let function = FloatFunction.all[index]
    var patterns = Array(stride(from: UInt32(0), through: .max, by: 4099))
    let powers = (0..<256).map { UInt32($0) << 23 }
    for center in powers + function.borders.map(\.bitPattern) + [Float.nan, .signalingNaN].map(\.bitPattern) {
      for offset in -4...4 as ClosedRange<Int32> {
        let pattern = center &+ UInt32(bitPattern: offset)
        patterns += [pattern, pattern ^ 0x8000_0000]
      }
    }
    let findings = function.findings(patterns.map(Float.init(bitPattern:)))
    #expect(findings.difference == nil)
    #expect(findings.worst.error < function.bound, "\(function) of \(findings.worst.at)")
  }

  @Test(arguments: 0..<40) func theLengthOfAnArrayChangesNoBit(count: Int) {
    let floats = (0..<count).map { Float($0) / 7 - 2 }
    for function in FloatFunction.all {
      #expect(function.findings(floats).difference == nil)
      for table in FloatFunction.tables {
        // In place, with what stands behind left alone.
        var values = floats + [7, 7]
        function.kernel(table)(values, &values, count)
        let expected = floats.map(function.definition) + [7, 7]
        #expect(values.map(\.bitPattern) == expected.map(\.bitPattern))
      }
    }
  }
}

/// All 2³² floats: `make exhaustive`.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["NORMA_EXHAUSTIVE"] != nil), .serialized)
struct ExhaustiveFunctionTests {
  @Test(arguments: FloatFunction.all.indices) func everyFloatIsWhatTheDefinitionSays(index: Int) {
    let function = FloatFunction.all[index]
    let all = Guarded(FloatFunction.Findings())
    Parallel.forEach(1 << 16) { part in
      let findings = function.findings((0..<1 << 16).map { Float(bitPattern: UInt32(part << 16 | $0)) })
      all.withLock { $0.merge(findings) }
    }
    let findings = all.withLock { $0 }
    print("\(function): \(findings.worst.error) units at \(findings.worst.at), \(findings.misrounded) misrounded")
    #expect(findings.difference == nil)
    #expect(findings.worst.error < function.bound)
  }
}
