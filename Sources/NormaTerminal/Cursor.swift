import Foundation
import Synchronization

/// The terminal's cursor, hidden at the start of its line while a bar is drawn there, and given back whatever ends the
/// process.
enum Cursor {
  static let hide = "\u{1B}[?25l"
  static let show = "\u{1B}[?25h"

  private static let isHidden = Atomic<Bool>(false)
  private static let isGuarded = Atomic<Bool>(false)

  /// Tells that the cursor is hidden from now on. An interrupt, a stop, a crash or an exit will erase the bar and show the
  /// cursor before it takes its usual effect.
  static func willHide() {
    isHidden.store(true, ordering: .relaxed)
    guard isGuarded.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged else { return }
    atexit { Cursor.giveBack() }
    for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGSEGV] {
      EndingSignal.guardAgainst(number)
    }
    // When the process goes on, the next drawing hides the cursor again.
    EndingSignal.handle(SIGTSTP) { _ in
      Cursor.giveBack()
      raise(SIGSTOP)
    }
  }

  /// Tells that the cursor is shown again.
  static func didShow() {
    isHidden.store(false, ordering: .relaxed)
  }

  /// Calls nothing but `write`, since a signal may come at any moment, and leaves `errno` as it was.
  static func giveBack() {
    guard isHidden.load(ordering: .relaxed) else { return }
    let earlierError = errno
    // Start of the line, erase to its end, show the cursor.
    var bytes: (UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8) = (
      0x0D, 0x1B, 0x5B, 0x4B, 0x1B, 0x5B, 0x3F, 0x32, 0x35, 0x68
    )
    _ = write(OtherProcesses.errors, &bytes, 10)
    errno = earlierError
  }
}
