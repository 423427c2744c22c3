import NormaTensor
import Testing

@Suite struct RandomGeneratorTests {
  // Random123's known answers for philox4x32-10 (tests/kat_vectors), counter 0 and key 0.
  @Test func theFirstNumbersOfSeedZeroAreThePublishedOnes() {
    var generator = RandomGenerator(seed: 0)
    #expect(generator.next() == 0xe169_c58d_6627_e8d5)
    #expect(generator.next() == 0x9b00_dbd8_bc57_ac4c)
  }

  // The other known answers of that file have counters that no generator reaches: they prove the reference.
  @Test func theReferenceGivesThePublishedNumbers() {
    let ones = UInt32.max
    #expect(
      philoxReference(counter: [0, 0, 0, 0], key: [0, 0]) == [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8])
    #expect(
      philoxReference(counter: [ones, ones, ones, ones], key: [ones, ones])
        == [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd])
    #expect(
      philoxReference(
        counter: [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], key: [0xa409_3822, 0x299f_31d0])
        == [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1])
  }

  @Test(arguments: [(0, 1), (1, 0), (0x299f_31d0_a409_3822, 0x05a3_08d3_243f_6a88), (.max, .max >> 1)])
  func numbersFarIntoTheSequenceAreThoseOfTheReference(key: UInt64, counter: UInt64) {
    var generator = RandomGenerator(state: .init(key: key, drawn: counter << 1))
    let words = philoxReference(
      counter: [UInt32(truncatingIfNeeded: counter), UInt32(counter >> 32), 0, 0],
      key: [UInt32(truncatingIfNeeded: key), UInt32(key >> 32)])
    #expect(generator.next() == UInt64(words[1]) << 32 | UInt64(words[0]))
    #expect(generator.next() == UInt64(words[3]) << 32 | UInt64(words[2]))
  }

  @Test(arguments: [0, 1, 2, 7, 8, 101]) func aRestoredGeneratorGoesOnWhereTheOtherStood(drawn: Int) {
    var generator = RandomGenerator(seed: 42)
    for _ in 0..<drawn { _ = generator.next() }
    var restored = RandomGenerator(state: generator.state)
    var copy = generator
    let expected = (0..<9).map { _ in generator.next() }
    #expect((0..<9).map { _ in restored.next() } == expected)
    #expect((0..<9).map { _ in copy.next() } == expected)
    #expect(restored.state == generator.state && generator.state.drawn == UInt64(drawn + 9))
  }

  @Test func splittingDependsOnSeedAndIndexAlone() {
    var generator = RandomGenerator(seed: 6)
    var early = generator.split(3)
    let state = generator.state
    for _ in 0..<11 { _ = generator.next() }
    var late = generator.split(3)
    #expect((0..<8).map { _ in early.next() } == (0..<8).map { _ in late.next() })
    #expect(state.drawn == 0)
  }

  @Test func generatorsAndTheirPartsShareNoNumbers() {
    // Of 64-bit numbers, 41,000 drawn evenly are all different but with a probability of 41,000² / 2^65, some 5e-11.
    var seen = Set<UInt64>()
    var generators = (0..<40).map { RandomGenerator(seed: 9).split(UInt64($0)) } + [RandomGenerator(seed: 9)]
    for index in generators.indices {
      for _ in 0..<1000 { seen.insert(generators[index].next()) }
    }
    #expect(seen.count == 41_000)
  }

  @Test func partsOfAGeneratorAreUncorrelated() {
    var (first, second) = (RandomGenerator(seed: 1).split(0), RandomGenerator(seed: 1).split(1))
    let count = 100_000
    let products = (0..<count).map { _ in (first.uniform() - 0.5) * (second.uniform() - 0.5) }
    // The product of two independent centred uniforms has mean 0 and variance 1/144; five deviations of its mean.
    #expect(abs(products.reduce(0, +) / Double(count)) < 5 / 12 / Double(count).squareRoot())
  }

  @Test(arguments: [0, 1, 2, 5, 1000]) func aPermutationHasEachNumberOnce(count: Int) {
    var generator = RandomGenerator(seed: 17)
    let permutation = generator.permutation(count)
    #expect(permutation.sorted() == Array(0..<count))
    if count == 1000 { #expect(permutation != Array(0..<count)) }
    var again = RandomGenerator(seed: 17)
    #expect(again.permutation(count) == permutation)
  }

  @Test func everyPermutationIsAsLikelyAsTheOthers() {
    var generator = RandomGenerator(seed: 18)
    let count = 24_000
    var frequencies: [[Int]: Int] = [:]
    for _ in 0..<count { frequencies[generator.permutation(4), default: 0] += 1 }
    #expect(frequencies.count == 24)
    // Pearson's statistic has 23 degrees of freedom: mean 23, variance 46; five deviations.
    let expected = Double(count) / 24
    let statistic = frequencies.values.reduce(0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
    #expect(statistic < 23 + 5 * 46.0.squareRoot())
  }
}
