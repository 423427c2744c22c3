import NormaTensor
import TestSupport
import Testing

/// Numbers of half width: every one there is, what lies between two, and the ends of the range, on every instruction set.
@Suite struct HalfTensorTests {
  /// The value by its digits, as the format defines it: none of the arithmetic under test.
  private static func defined(_ bits: UInt16, _ precision: HalfPrecision) -> Double {
    let (exponentBits, digitBits, bias) = precision == .float16 ? (5, 10, 15) : (8, 7, 127)
    let exponent = Int(bits >> UInt16(digitBits)) & (1 << exponentBits - 1)
    let digits = Double(bits & (1 << UInt16(digitBits) - 1))
    let sign: Double = bits & 0x8000 == 0 ? 1 : -1
    if exponent == 1 << exponentBits - 1 { return digits == 0 ? sign * .infinity : .nan }
    let scale = Double(sign: .plus, exponent: max(exponent, 1) - bias - digitBits, significand: 1)
    return sign * scale * (digits + (exponent > 0 ? Double(1 << digitBits) : 0))
  }

  /// Calls `body` with every instruction set there is, the twins among them.
  private func withEachSet(_ body: (String) throws -> Void) rethrows {
    _ = try resultsByKernels { try body(Kernels.name) }
  }

  @Test(arguments: HalfPrecision.allCases) func everyNumberOfHalfWidthIsWidenedExactly(precision: HalfPrecision) {
    let all = (0...UInt16.max).map { $0 }
    let expected = all.map { Self.defined($0, precision) }
    let half = HalfTensor(bits: all, shape: [256, 256], precision: precision)
    withEachSet { name in
      let wide: Tensor<Float> = half.widened()
      #expect(wide.shape == [256, 256])
      let wrong = zip(wide.elements, expected).filter {
        Double($0) != $1 && !($0.isNaN && $1.isNaN) || $0.sign != $1.sign && !$1.isNaN
      }
      #expect(wrong.isEmpty, "\(name): \(wrong.prefix(3))")
    }
    let doubles: Tensor<Double> = half.widened()
    #expect(zip(doubles.elements, expected).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN })
  }

  @Test(arguments: HalfPrecision.allCases) func everyNumberOfHalfWidthComesBack(precision: HalfPrecision) {
    let all = (0...UInt16.max).map { $0 }
    // What is not a number comes back quiet.
    let quiet: UInt16 = precision == .float16 ? 0x200 : 0x40
    let expected = all.map { Self.defined($0, precision).isNaN ? $0 | quiet : $0 }
    let wide: Tensor<Float> = HalfTensor(bits: all, shape: [1 << 16], precision: precision).widened()
    let doubles = Tensor<Double>(all.map { Self.defined($0, precision) })
    withEachSet { name in #expect(wide.rounded(to: precision).bits == expected, "\(name)") }
    let numbers = all.indices.filter { !doubles.elements[$0].isNaN }
    let fromDoubles = doubles.rounded(to: precision).bits
    #expect(numbers.allSatisfy { fromDoubles[$0] == all[$0] })
  }

  /// Halfway between two neighbours, and one unit in the last place of a float on both sides of that; the largest number and what
  /// would come after it are neighbours too.
  @Test(arguments: HalfPrecision.allCases) func whatLiesBetweenRoundsToTheNearestAndToEven(precision: HalfPrecision) {
    let infinity: UInt16 = precision == .float16 ? 0x7c00 : 0x7f80
    var (values, expected): ([Float], [UInt16]) = ([], [])
    for lower in 0..<infinity {
      let upper = lower + 1
      let beyond = Self.defined(lower, precision) - Self.defined(lower - (lower == 0 ? 0 : 1), precision)
      let next = upper == infinity ? Self.defined(lower, precision) + beyond : Self.defined(upper, precision)
      let middle = (Self.defined(lower, precision) + next) / 2
      let exact = Float(middle)
      #expect(Double(exact) == middle || precision == .bfloat16 && upper == infinity)
      for (value, bits) in [(exact.nextDown, lower), (exact, lower % 2 == 0 ? lower : upper), (exact.nextUp, upper)] {
        values += [value, -value]
        expected += [bits, bits | 0x8000]
      }
    }
    let tensor = Tensor(values)
    withEachSet { name in
      let found = tensor.rounded(to: precision).bits
      let wrong = found.indices.filter { found[$0] != expected[$0] }
      #expect(wrong.isEmpty, "\(name): \(wrong.prefix(3).map { (values[$0], found[$0], expected[$0]) })")
    }
    #expect(Tensor(values.map(Double.init)).rounded(to: precision).bits == expected)
    // A double is rounded once: by way of a float, this would be a tie, and go the other way.
    for lower in stride(from: 1, to: infinity - 1, by: 2) {
      let middle = (Self.defined(lower, precision) + Self.defined(lower + 1, precision)) / 2
      let pair = Tensor([middle.nextDown, (-middle).nextUp]).rounded(to: precision).bits
      #expect(pair == [lower, lower | 0x8000])
    }
  }

  @Test func theEndsOfTheRangeAreThoseOfTheFormats() {
    let values: [Float] = [
      0, -0.0, .infinity, -.infinity, .leastNonzeroMagnitude, -.leastNonzeroMagnitude, .greatestFiniteMagnitude, 65_504,
      65_519.996, 65_520, 0x1p-24, 0x1p-25, 0x1.000002p-25,
    ]
    withEachSet { name in
      #expect(
        Tensor(values).rounded(to: .float16).bits == [
          0, 0x8000, 0x7c00, 0xfc00, 0, 0x8000, 0x7c00, 0x7bff, 0x7bff, 0x7c00, 1, 0, 1,
        ], "\(name)")
      #expect(
        Array(Tensor(values).rounded(to: .bfloat16).bits.prefix(7)) == [0, 0x8000, 0x7f80, 0xff80, 0, 0x8000, 0x7f80],
        "\(name)")
      for precision in HalfPrecision.allCases {
        let nans = [Float.nan, -.nan, .signalingNaN, Float(bitPattern: 0x7f80_0001), Float(bitPattern: 0xff80_0001)]
        let back: Tensor<Float> = Tensor(nans).rounded(to: precision).widened()
        #expect(back.elements.allSatisfy { $0.isNaN && !$0.isSignalingNaN }, "\(name)")
        #expect(zip(back.elements, nans).allSatisfy { $0.sign == $1.sign }, "\(name)")
      }
    }
  }

  @Test func aTensorOfHalfWidthIsAValueWithAShape() {
    let x = Tensor<Float>([1, 2, 3, 4, 5, 6.03125], shape: [2, 3])
    let half = x.rounded(to: .bfloat16)
    #expect(half.shape == [2, 3] && half.count == 6 && half.precision == .bfloat16)
    #expect(half.widened(to: Float.self).elements == [1, 2, 3, 4, 5, 6.03125])
    #expect(half.reshaped(to: [3, 2]).widened(to: Float.self) == x.reshaped(to: [3, 2]))
    #expect(half == HalfTensor(bits: half.bits, shape: [2, 3], precision: .bfloat16))
    #expect(half != half.reshaped(to: [6]) && half != x.rounded(to: .float16))
    #expect("\(half)" == "HalfTensor(bfloat16)[2, 3](1.0, 2.0, 3.0, 4.0, 5.0, 6.03125)")
    let empty = Tensor<Float>.zeros([0, 3]).rounded(to: .float16)
    #expect(empty.count == 0 && empty.widened(to: Float.self).shape == [0, 3])
  }

  /// Sizes around a vector and a ticket, at every alignment, with numbers of all magnitudes.
  @Test func theBitsAreThoseOfEachNumberByItself() {
    var random = RandomGenerator(seed: 3)
    for count in [1, 2, 15, 16, 17, 31, 33, 100, 32_767, 32_769, (1 << 20) + 5] {
      let x = Tensor<Float>(
        (0..<count + 7).map { _ in Float(bitPattern: UInt32.random(in: 0...UInt32.max, using: &random)) })
      for start in [0, 1, 7] where count < 1000 || start == 7 {
        let part = x[rows: start..<start + count]
        for precision in HalfPrecision.allCases {
          let expected = part.elements.map { precision.bits(of: $0) }
          withEachSet { name in
            for bits in resultsByThreadCount({ part.rounded(to: precision).bits }) {
              #expect(bits == expected, "\(name), \(count)")
            }
          }
        }
      }
    }
  }

  #if !((os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64))
    /// Swift's own half-width type, where there is one.
    @Test func roundingIsThatOfTheLanguagesOwnType() {
      var random = RandomGenerator(seed: 4)
      for _ in 0..<200_000 {
        let value = Float(bitPattern: UInt32.random(in: 0...UInt32.max, using: &random) & 0xc7ff_ffff | 0x3000_0000)
        let own = Float16(value)
        #expect(HalfPrecision.float16.bits(of: value) == own.bitPattern || value.isNaN)
        #expect(HalfPrecision.float16.value(of: own.bitPattern) == Float(own) || own.isNaN)
      }
    }
  #endif
}
