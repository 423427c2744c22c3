import NormaTerminal
import Testing

struct FormattingTests {
  @Test(arguments: [
    (0.0, "0.0000"), (0.1234, "0.1234"), (-0.1234, "-0.1234"), (2.302585, "2.3026"), (12.3456, "12.346"),
    (123.456, "123.46"), (1234.56, "1234.6"), (123_456.0, "1.235e+05"), (0.0000123, "1.23e-05"),
    (.infinity, "inf"), (-.infinity, "-inf"), (.nan, "nan"),
  ])
  func aNumberTakesSixColumnsWhereItCan(value: Double, text: String) {
    #expect(Formatting.number(value) == text)
  }

  @Test(arguments: [9.99994, 9.99996, 99.9994, 99.9996, 999.994, 999.996, 9999.94])
  func aNumberThatRoundsUpToOneMoreDigitDoesNotGetWider(value: Double) {
    #expect(Formatting.number(value).count == 6)
  }

  @Test(arguments: [
    (0.0, "0.0%"), (0.9312, "93.1%"), (0.99999, "99.9%"), (1.0, "100.0%"), (1.25, "125.0%"), (-0.5, "-50.0%"),
    (.nan, "nan"), (.infinity, "inf"),
  ])
  func onlyAWholeIsAHundredPercent(fraction: Double, text: String) {
    #expect(Formatting.percentage(fraction) == text)
  }

  @Test(arguments: [(0.0, "0%"), (0.999, "99%"), (1.0, "100%"), (7.0, "100%"), (-1.0, "0%"), (.nan, "0%")])
  func progressIsRoundedDownAndStaysBetweenNothingAndAll(fraction: Double, text: String) {
    #expect(Formatting.progress(fraction) == text)
  }

  @Test(arguments: [
    (0.0, "0.00"), (8.214, "8.21"), (82.14, "82.1"), (950, "950"), (999.6, "1.00k"), (12_345, "12.3k"),
    (999_600, "1.00M"), (4.56e6, "4.56M"), (7.8e9, "7.80G"),
  ])
  func aRateHasThreeDigits(rate: Double, text: String) {
    #expect(Formatting.rate(rate) == text)
  }

  @Test(arguments: [
    (0, "0 B"), (1023, "1023 B"), (1024, "1.00 KiB"), (1536, "1.50 KiB"), (1_048_000, "1023 KiB"),
    (1_048_575, "1.00 MiB"), (35_232_154, "33.6 MiB"), (.max, "8388608 TiB"),
  ])
  func bytesAreCountedInPowersOf1024(count: Int, text: String) {
    #expect(Formatting.bytes(count) == text)
  }

  @Test(arguments: [nil, -1.0, .nan, .infinity])
  func whatIsUnknownIsADash(value: Double?) {
    #expect(Formatting.rate(value) == "-")
    #expect(Formatting.clock(value) == "-:--")
    #expect(Formatting.duration(value) == "-")
  }

  @Test(arguments: [
    (0.0, "0:00"), (3.2, "0:04"), (59.5, "1:00"), (61, "1:01"), (3599.5, "1:00:00"), (3723, "1:02:03"),
    (172_799, "47:59:59"), (190_800, "2d 05h"),
  ])
  func remainingTimeReadsLikeAClockAndIsRoundedUp(seconds: Double, text: String) {
    #expect(Formatting.clock(seconds) == text)
  }

  @Test(arguments: [
    (0.0001, "< 1 ms"), (0.036, "36 ms"), (0.9996, "1.0 s"), (1.23, "1.2 s"), (59.96, "1 min 00 s"),
    (200, "3 min 20 s"), (3599.7, "1 h 00 min"), (18_150, "5 h 02 min"),
  ])
  func aDurationIsInTheUnitsThatFitIt(seconds: Double, text: String) {
    #expect(Formatting.duration(seconds) == text)
  }

  @Test func aBarIsAlwaysAsWideAsAsked() {
    for width in 0...12 {
      for fraction in [-1, 0, 0.01, 0.33, 0.5, 0.99, 1, 2, .nan, .infinity] {
        for glyphs in [Glyphs.unicode, .ascii] {
          let bar = Formatting.bar(fraction, width: width, glyphs: glyphs)
          #expect((bar.done + bar.remaining).columns == width, "\(fraction) of \(width)")
        }
      }
    }
    #expect(Formatting.bar(0.5, width: -3) == ("", ""))
  }

  @Test func aBarShowsHalfPlacesAndIsFullOnlyWhenAllIsDone() {
    #expect(Formatting.bar(0.625, width: 4) == ("━━╸", "─"))
    #expect(Formatting.bar(0.999, width: 4) == ("━━━╸", ""))
    #expect(Formatting.bar(0.999, width: 4, glyphs: .ascii) == ("###", "-"))
    #expect(Formatting.bar(1, width: 4) == ("━━━━", ""))
  }
}
