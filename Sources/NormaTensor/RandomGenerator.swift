/// The source of all random numbers: Philox4x32-10 (Salmon, Moraes, Dror and Shaw, *Parallel random numbers: as easy
/// as 1, 2, 3*, 2011), a counter-based generator.
///
/// The n-th number depends on the seed and n alone. A generator is a value: a copy goes on from the same place, and its
/// ``state`` can be saved and restored. ``split(_:)`` gives independent generators for parts of a program, so that one
/// part drawing more numbers does not change what another draws.
public struct RandomGenerator: RandomNumberGenerator, Sendable {
  /// Everything a generator is: the key, and how many 64-bit numbers it has given out.
  public struct State: Hashable, Sendable, Codable {
    /// What ``RandomGenerator/init(seed:)`` was given.
    public var key: UInt64
    /// How many 64-bit numbers have been given out.
    public var drawn: UInt64

    /// A state by its parts.
    public init(key: UInt64, drawn: UInt64) {
      self.key = key
      self.drawn = drawn
    }
  }

  /// What the generator would need to go on from here.
  public private(set) var state: State
  private var block: (UInt64, UInt64) = (0, 0)

  /// A generator at the start of the sequence that belongs to `seed`.
  public init(seed: UInt64) { self.init(state: State(key: seed, drawn: 0)) }

  /// A generator that goes on where another with this state stood.
  public init(state: State) {
    self.state = state
    if state.drawn & 1 == 1 { block = RandomGenerator.block(key: state.key, counter: state.drawn >> 1, domain: 0) }
  }

  /// The next 64 random bits.
  public mutating func next() -> UInt64 {
    defer { state.drawn &+= 1 }
    if state.drawn & 1 == 1 { return block.1 }
    block = RandomGenerator.block(key: state.key, counter: state.drawn >> 1, domain: 0)
    return block.0
  }

  /// An independent generator for the part of the program that `index` names. Does not advance this one.
  public func split(_ index: UInt64) -> RandomGenerator {
    RandomGenerator(seed: RandomGenerator.block(key: state.key, counter: index, domain: 1).0)
  }

  /// The 128 bits that belong to a key and a counter. The domain keeps the counters of ``split(_:)`` apart from those of
  /// ``next()``.
  private static func block(key: UInt64, counter: UInt64, domain: UInt32) -> (UInt64, UInt64) {
    let words = philox(
      counter: SIMD4(UInt32(truncatingIfNeeded: counter), UInt32(truncatingIfNeeded: counter >> 32), 0, domain),
      key: SIMD2(UInt32(truncatingIfNeeded: key), UInt32(truncatingIfNeeded: key >> 32)))
    return (UInt64(words[1]) << 32 | UInt64(words[0]), UInt64(words[3]) << 32 | UInt64(words[2]))
  }

  /// The ten rounds of Philox4x32.
  static func philox(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
    var counter = counter
    var key = key
    for _ in 0..<10 {
      let first = UInt64(counter[0]) * 0xD251_1F53
      let second = UInt64(counter[2]) * 0xCD9E_8D57
      counter = SIMD4(
        UInt32(truncatingIfNeeded: second >> 32) ^ counter[1] ^ key[0], UInt32(truncatingIfNeeded: second),
        UInt32(truncatingIfNeeded: first >> 32) ^ counter[3] ^ key[1], UInt32(truncatingIfNeeded: first))
      key &+= SIMD2(0x9E37_79B9, 0xBB67_AE85)
    }
    return counter
  }
}

extension RandomGenerator {
  /// A number evenly distributed over [0, 1): a multiple of 2⁻⁵³.
  public mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// Two independent numbers from the standard normal distribution (Box and Muller 1958).
  public mutating func normalPair() -> (Double, Double) {
    // 1 − u lies in (0, 1], so the logarithm is finite.
    let radius = (-2 * Functions.logarithm(1 - uniform())).squareRoot()
    let (sine, cosine) = Functions.sineAndCosine(turns: uniform())
    return (radius * cosine, radius * sine)
  }

  /// The logarithm of a number from the gamma distribution with scale 1 (Marsaglia and Tsang 2000), for a shape above 0; the number
  /// itself may be too small to be one.
  mutating func gammaLogarithm(shape: Double) -> Double {
    // A smaller shape is one larger by 1, times u^(1/shape).
    let isSmall = shape < 1
    let d = (isSmall ? shape + 1 : shape) - 1 / 3.0
    let c = 1 / (9 * d).squareRoot()
    while true {
      let (x, _) = normalPair()
      let v = (1 + c * x) * (1 + c * x) * (1 + c * x)
      guard v > 0 else { continue }
      let logarithm = Functions.logarithm(v)
      guard Functions.logarithm(1 - uniform()) < 0.5 * x * x + d - d * v + d * logarithm else { continue }
      let power = isSmall ? Functions.logarithm(1 - uniform()) / shape : 0
      return Functions.logarithm(d * v) + power
    }
  }

  /// A number from 0 to 1 from the beta distribution with both parameters `concentration`, above 0.
  public mutating func beta(_ concentration: Double) -> Double {
    let (first, second) = (gammaLogarithm(shape: concentration), gammaLogarithm(shape: concentration))
    // a / (a + b), by their logarithms.
    return Functions.sigmoid(first - second)
  }

  /// A random order of `0..<count` (Fisher and Yates).
  public mutating func permutation(_ count: Int) -> [Int] { Array(0..<count).shuffled(using: &self) }
}

extension Tensor {
  /// Independent draws from the normal distribution.
  public static func normal(
    _ shape: Shape, mean: Double = 0, standardDeviation: Double = 1, using generator: inout RandomGenerator
  ) -> Tensor {
    Tensor(shape: shape) { result in
      var index = 0
      while index < result.count {
        let (first, second) = generator.normalPair()
        result.initializeElement(at: index, to: Element(mean + standardDeviation * first))
        if index + 1 < result.count {
          result.initializeElement(at: index + 1, to: Element(mean + standardDeviation * second))
        }
        index += 2
      }
    }
  }

  /// Independent draws from the even distribution over a half-open range.
  public static func uniform(_ shape: Shape, in range: Range<Double>, using generator: inout RandomGenerator) -> Tensor
  {
    let width = range.upperBound - range.lowerBound
    return Tensor(shape: shape) { result in
      for index in 0..<result.count {
        let value = Element(range.lowerBound + width * generator.uniform())
        // Rounding may carry a number just below the bound up to it.
        let isBelow = Double(value) < range.upperBound
        result.initializeElement(at: index, to: isBelow ? value : Swift.max(value.nextDown, Element(range.lowerBound)))
      }
    }
  }
}
