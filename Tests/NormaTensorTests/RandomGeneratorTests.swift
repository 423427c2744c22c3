import NormaTensor
import Testing

@Suite struct RandomGeneratorTests {
  // Random123's known answers for philox4x32-10 with counter 0 and key 0: 6627e8d5 e169c58d bc57ac4c 9b00dbd8.
  @Test func theFirstNumbersOfSeedZeroAreThePublishedOnes() {
    var generator = RandomGenerator(seed: 0)
    #expect(generator.next() == 0xe169_c58d_6627_e8d5)
    #expect(generator.next() == 0x9b00_dbd8_bc57_ac4c)
  }
}
