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

  @Test func headersGoOntoSeveralLinesFirst() {
    #expect(
      Self.comparison().text(width: 33, glyphs: .ascii) == """
                       validation  epochs
        normalization    accuracy  to 95%
        -------------  ----------  ------
        none                81.2%       -
        batch               98.1%       2
        """)
  }

  @Test func wordsGoOntoSeveralLinesNextToTheirNumbers() {
    var table = TextTable(columns: [.words("run"), .numbers("loss")])
    table.addRow(["a run with a long name", "0.1234"])
    table.addRow(["another", "1"])
    #expect(
      table.text(width: 18) == """
        run           loss
        ──────────  ──────
        a run with  0.1234
        a long
        name
        another          1
        """)
  }

  @Test func aWordThatIsTooLongIsBrokenBehindASign() {
    var table = TextTable(columns: [.words("tensor"), .numbers("mean")])
    table.addRow(["stages.0.blocks.11.normalization.running_mean", "0.5"])
    #expect(
      table.text(width: 30) == """
        tensor                    mean
        ────────────────────────  ────
        stages.0.blocks.11.        0.5
        normalization.running_
        mean
        """)
  }

  @Test func inAPipeWordsStayWhole() {
    var table = TextTable(columns: [.words("tensor"), .words("note"), .numbers("mean")])
    table.addRow(["stages.0.blocks.11.normalization.running_mean", "an average of batches", "0.5"])
    #expect(
      table.text(width: 40, breaksWords: false) == """
        tensor                                         note     mean
        ─────────────────────────────────────────────  ───────  ────
        stages.0.blocks.11.normalization.running_mean  an        0.5
                                                       average
                                                       of
                                                       batches
        """)
  }

  @Test func namesStandAboveTheirNumbersWhereTheyHaveNoRoomBesideThem() {
    var table = TextTable(columns: [.words("tensor"), .words("shape"), .numbers("mean"), .numbers("deviation")])
    table.addRow(["layers.0.normalization.weight", "[32]", "-0.0012", "1.2345"])
    table.addRow(["layers.1.bias", "[10, 32]", "0.5", "2"])
    #expect(
      table.text(width: 34) == """
        tensor
          shape        mean  deviation
          ────────  ───────  ─────────
        layers.0.normalization.weight
          [32]      -0.0012     1.2345
        layers.1.bias
          [10, 32]      0.5          2
        """)
  }

  @Test func numbersWithoutRoomBesideEachOtherMakeAList() {
    var table = TextTable(columns: [.words("tensor"), .numbers("mean"), .numbers("deviation"), .numbers("empty")])
    table.addRow(["layers.0.weight", "-0.00123456", "1234.56", ""])
    #expect(
      table.text(width: 22) == """
        layers.0.weight
          mean: -0.00123456
          deviation: 1234.56
        """)
  }

  @Test(arguments: [24, 40, 60, 80, 100], [true, false]) func nothingIsCutOff(width: Int, breaksWords: Bool) {
    let cells = ["features.0.convolution.weight", "grün, 正規化 and a class of some length", "-1.234e-05", "0.5"]
    var table = TextTable(columns: [.words("name"), .words("class"), .numbers("mean"), .numbers("deviation")])
    table.addRow(cells)
    let text = table.text(width: width, breaksWords: breaksWords)
    for (index, cell) in cells.enumerated() {
      // What goes onto several lines stands below itself: what is left when all else is taken away.
      let letters = Set(cell.filter { $0 != " " })
      #expect(letters.allSatisfy(text.contains), "column \(index)")
    }
    #expect(!text.contains("…"))
    for number in cells[2...] { #expect(text.contains(number)) }
    if !breaksWords { #expect(text.contains(cells[0])) }
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
