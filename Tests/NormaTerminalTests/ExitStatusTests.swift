import Foundation
import NormaTerminal
import Testing

struct ExitStatusTests {
  private struct Described: Error, CustomStringConvertible {
    var description: String
  }

  private struct Localized: LocalizedError {
    var errorDescription: String?
  }

  @Test func theNumbersAreThoseOfSysexits() {
    #expect(ExitStatus.done.rawValue == EXIT_SUCCESS)
    #expect(ExitStatus.wrongUsage.rawValue == 64)
    #expect(ExitStatus.badData.rawValue == 65)
    #expect(ExitStatus.internalFault.rawValue == 70)
    #expect(ExitStatus.fileFailure.rawValue == 74)
  }

  @Test func anErrorSpeaksInItsOwnWords() {
    #expect(message(for: Described(description: "no such column: “age”")) == "norma: no such column: “age”")
    #expect(message(for: Localized(errorDescription: "the file is cut short")) == "norma: the file is cut short")
    #expect(message(for: POSIXError(.ENOSPC)) == "norma: No space left on device")
  }

  @Test func aMessageOfSeveralLinesIsIndentedAndCannotSteerTheTerminal() {
    #expect(message(for: Described(description: "one\ntwo\u{1B}[2J")) == "norma: one\n       two [2J")
  }
}
