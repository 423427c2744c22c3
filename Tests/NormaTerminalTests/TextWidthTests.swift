import NormaTerminal
import Testing

struct TextWidthTests {
  // The widths that Unicode's EastAsianWidth.txt gives: W and F are 2, combining marks add nothing.
  @Test(arguments: [
    ("", 0), ("norma", 5), ("größe", 5), ("gro\u{0308}ße", 5), ("正規化", 6), ("한글", 4), ("ﾊﾝ", 2), ("ＡＢ", 4),
    ("🙂", 2), ("👩‍💻", 2), ("❤️", 2), ("a\u{200B}b", 2), ("━╸─…", 4),
  ])
  func aTextsWidthIsWhatATerminalGivesIt(text: String, columns: Int) {
    #expect(text.columns == columns)
  }

  @Test func textIsCutOffBetweenCharactersAndSaysSo() {
    #expect("normalization".truncated(toColumns: 13) == "normalization")
    #expect("normalization".truncated(toColumns: 6) == "norma…")
    #expect("normalization".truncated(toColumns: 6, ellipsis: "...") == "nor...")
    #expect("正規化".truncated(toColumns: 4) == "正…")
    #expect("normalization".truncated(toColumns: 2, ellipsis: "...") == "no")
    #expect("normalization".truncated(toColumns: 0) == "")
  }

  @Test func textIsPaddedByItsWidthNotByItsCharacters() {
    #expect("正".padded(toColumns: 4) == "正  ")
    #expect("正".padded(toColumns: 4, alignedRight: true) == "  正")
    #expect("norma".padded(toColumns: 2) == "norma")
  }

  @Test func textFromOutsideCannotSteerTheTerminal() {
    #expect("a\u{1B}[2Jb\nc\r\nd\te\u{9B}".singleLine == "a [2Jb c d e ")
  }
}
