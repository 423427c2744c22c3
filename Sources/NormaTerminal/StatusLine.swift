/// A line at the end of a terminal that is drawn again in place, and the lines that stay above it.
///
/// Where nothing can be redrawn, as in a file, there are only the lines that stay.
public final class StatusLine {
  private let terminal: Terminal
  private var isVisible = false

  /// A line that is not there yet.
  public init(_ terminal: Terminal = .standardError) { self.terminal = terminal }

  deinit { finish() }

  /// Whether the line can be drawn at this moment.
  public var canDraw: Bool { terminal.isInteractive && terminal.isInForeground() }
  /// Whether the line has been drawn and not been taken away.
  public var isDrawn: Bool { isVisible }
  /// The columns that a text may take. The last one stays free: some terminals go to the next line as soon as it is written to.
  public var columns: Int { terminal.columns() - 1 }

  /// Draws the line, in place of what was there.
  public func draw(_ text: String) {
    isVisible = true
    Cursor.willHide()
    terminal.write(Cursor.hide + "\r" + text + Self.eraseToEndOfLine + "\r")
  }

  /// Writes a line that stays. The status line is gone until it is drawn again.
  public func write(_ line: String) {
    erase()
    terminal.write(line + "\n")
  }

  /// Takes the line away, if it is there, and gives the cursor back. Happens by itself when the object goes away.
  public func finish() {
    guard isVisible else { return }
    erase()
    terminal.write(Cursor.show)
    Cursor.didShow()
    isVisible = false
  }

  private func erase() {
    if isVisible { terminal.write("\r" + Self.eraseToEndOfLine) }
  }

  private static let eraseToEndOfLine = "\u{1B}[K"
}
