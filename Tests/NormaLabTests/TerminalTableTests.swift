import NormaLab
import Testing

@Suite struct TerminalTableTests {
  @Test func columnsAreAlignedAndNumbersLeanRight() {
    let text = ComparisonReport(SampleComparison.typical).terminalTable(width: 80)
    let lines = text.split(separator: "\n").map(String.init)
    #expect(lines[3].split(separator: "  ").allSatisfy { $0.allSatisfy { $0 == "─" } })
    #expect(lines[4...6].allSatisfy { $0.count == lines[3].count })
    #expect(lines[4].hasPrefix("none "))
    #expect(lines[4].contains("82.0 %            2  not reached"))
    #expect(lines[6].contains("NaN"))
    #expect(lines.last == "layer stopped early: the loss is not finite at step 12")
  }

  @Test(arguments: [100, 80, 70, 60, 50, 40, 20, 0]) func noTableIsWiderThanTheTerminal(width: Int) {
    let text = ComparisonReport(SampleComparison.of([SampleComparison.run("none", [0.1, 0.85])])).terminalTable(
      width: width)
    let lines = text.split(separator: "\n")
    if text.contains("──") {
      #expect(lines.allSatisfy { $0.count <= width })
    } else {
      #expect(lines.contains("  epochs to 95 %: not reached"))
    }
    #expect(!text.contains("–") || lines.contains("– not reached"))
  }

  @Test func theTestMetricIsThereOnlyIfThereIsOne() {
    let tested = SampleComparison.of([SampleComparison.run("none", [0.1, 0.85], testMetric: 0.875)])
    #expect(ComparisonReport(tested).terminalTable(width: 100).contains("87.5 %"))
    #expect(!ComparisonReport(SampleComparison.typical).terminalTable(width: 100).contains("test"))
  }

  @Test func aPerCentSignStaysWithItsNumber() {
    let table = ReportTable(
      caption: "", columns: [.init("name"), .init("epochs to 95 %", alignment: .trailing)], rows: [["a", "1"], ["b"]])
    #expect(
      table.plainText(width: 80) == """
              epochs
                  to
        name    95 %
        ────  ──────
        a          1
        b
        """)
    #expect(table.plainText(width: 11) == nil)
    // What is empty is left out.
    #expect(table.plainList == "a\n  epochs to 95 %: 1\nb")
  }
}
