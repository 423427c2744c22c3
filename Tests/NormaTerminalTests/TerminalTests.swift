import NormaTerminal
import Testing

struct TerminalTests {
  @Test func aDumbOrUnknownTerminalIsNotDrawnOn() {
    #expect(Terminal.isCapable(["TERM": "xterm-256color"]))
    #expect(!Terminal.isCapable(["TERM": "dumb"]))
    #expect(!Terminal.isCapable([:]))
  }

  @Test func theNarrowerOfWindowAndWishCounts() {
    #expect(Terminal.columns(reported: 120, [:]) == 120)
    #expect(Terminal.columns(reported: 120, ["COLUMNS": "60"]) == 60)
    #expect(Terminal.columns(reported: 40, ["COLUMNS": "60"]) == 40)
    #expect(Terminal.columns(reported: nil, ["COLUMNS": "60"]) == 60)
    for nonsense in ["", "0", "-5", "wide"] {
      #expect(Terminal.columns(reported: 0, ["COLUMNS": nonsense]) == 80)
    }
  }

  @Test func onlyAUTF8LocaleGetsMoreThanASCII() {
    #expect(Terminal.glyphs(["LANG": "de_DE.UTF-8"]) == .unicode)
    #expect(Terminal.glyphs(["LC_CTYPE": "C.utf8", "LANG": "C"]) == .unicode)
    #expect(Terminal.glyphs(["LC_ALL": "C", "LANG": "en_US.UTF-8"]) == .ascii)
    #expect(Terminal.glyphs(["LC_ALL": "", "LANG": "en_US.UTF-8"]) == .unicode)
    #expect(Terminal.glyphs([:]) == .ascii)
  }
}
