import NormaTerminal
import Testing

struct TextTableTests {
  private static func comparison() -> TextTable {
    var table = TextTable(columns: [
      .words("normalization"), .numbers("validation accuracy"), .numbers("epochs to 95%"),
    ])
    table.addRow(["none", "81.2%", "-"])
    table.addRow(["batch", "98.1%", "2"])
    return table
  }

  @Test func wordsStandOnTheLeftAndNumbersOnTheRight() {
    #expect(
      Self.comparison().text() == """
        normalization  validation accuracy  epochs to 95%
        ─────────────  ───────────────────  ─────────────
        none                         81.2%              -
        batch                        98.1%              2
        """)
  }

  @Test func headersGoOntoSeveralLinesBeforeAnythingIsCutOff() {
    #expect(
      Self.comparison().text(width: 33, glyphs: .ascii) == """
                       validation  epochs
        normalization    accuracy  to 95%
        -------------  ----------  ------
        none                81.2%       -
        batch               98.1%       2
        """)
  }

  @Test func wordsAreCutOffBeforeNumbers() {
    var table = TextTable(columns: [.words("run"), .numbers("loss")])
    table.addRow(["a run with a long name", "0.1234"])
    #expect(
      table.text(width: 16) == """
        run         loss
        ────────  ──────
        a run w…  0.1234
        """)
  }

  @Test(arguments: [7, 8, 13, 20, 40, 79, 80, 200])
  func noLineIsWiderThanAsked(width: Int) {
    var table = Self.comparison()
    table.addRow(["正規化 of a whole layer, and of the one after it as well", "12345678.9012345678", "123456789"])
    for glyphs in [Glyphs.unicode, .ascii] {
      for line in table.text(width: width, glyphs: glyphs).split(separator: "\n") {
        #expect(line.columns <= width, "\(line)")
      }
    }
  }

  @Test func aTableWithoutRowsIsItsHeader() {
    #expect(TextTable(columns: [.words("layer"), .numbers("norm")]).text() == "layer  norm\n─────  ────")
  }

  @Test func aCellStaysOnItsLine() {
    var table = TextTable(columns: [.words("label")])
    table.addRow(["two\nlines\u{1B}[31m"])
    #expect(table.text().split(separator: "\n").last == "two lines [31m")
  }
}
