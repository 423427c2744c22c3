import NormaLab
import Testing

@Suite struct NumberFormatTests {
  @Test func plainNumbersHaveThreeSignificantDigits() {
    let cases: [(Double, String)] = [
      (0, "0"), (1, "1.00"), (-1.234, "−1.23"), (0.01234, "0.0123"), (123.4, "123"), (12_345, "12,300"),
      (0.00001234, "1.23×10⁻⁵"), (-2e12, "−2×10¹²"), (1e-7, "10⁻⁷"), (.nan, "NaN"), (.infinity, "∞"),
      (-.infinity, "−∞"),
    ]
    for (value, text) in cases { #expect(NumberFormat.plain.text(value) == text) }
  }

  @Test func aPercentageNeverClaimsMoreThanThereIs() {
    #expect(NumberFormat.percentage.text(0.9499999) == "94.9 %")
    #expect(NumberFormat.percentage.text(0.95) == "95.0 %")
    #expect(NumberFormat.percentage.text(0.57) == "57.0 %")
    #expect(NumberFormat.percentage.text(342.0 / 360) == "95.0 %")
    #expect(NumberFormat.percentage.text(1) == "100.0 %")
    #expect(NumberFormat.percentage.shortText(0.95) == "95 %")
    #expect(NumberFormat.percentage.shortText(0.975) == "97.5 %")
  }

  @Test func timesAreWrittenAsPeopleSayThem() {
    let cases: [(Double, String)] = [
      (0.424, "0.42 s"), (12.34, "12.3 s"), (59.96, "1 min 00 s"), (65, "1 min 05 s"), (3725, "1 h 02 min"),
      (.nan, "NaN"),
    ]
    for (seconds, text) in cases { #expect(NumberFormat.duration(seconds) == text) }
  }

  @Test func thousandsStandApart() {
    #expect(NumberFormat.integer.text(52_610) == "52,610")
    #expect(NumberFormat.integer.text(-1_234_567) == "−1,234,567")
    #expect(NumberFormat.integer.text(999) == "999")
  }
}
