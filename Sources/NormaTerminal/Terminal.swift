import Foundation

/// Where progress is shown: what it can do, and how to write to it.
public struct Terminal {
  /// Whether lines can be drawn again in place. False for files, pipes and terminals without escape sequences.
  public var isInteractive: Bool
  /// Whether colour is wanted.
  public var usesColor: Bool
  /// The characters to draw with.
  public var glyphs: Glyphs
  /// Whether the terminal is this process's to draw on at this moment. A job in the background keeps its bar to itself.
  public var isInForeground: () -> Bool
  /// The width in columns at this moment.
  public var columns: () -> Int
  /// Writes text as it is.
  public var write: (String) -> Void

  /// A terminal by its parts; tests bring their own.
  public init(
    isInteractive: Bool, usesColor: Bool = false, glyphs: Glyphs = .unicode,
    isInForeground: @escaping () -> Bool = { true },
    columns: @escaping () -> Int = { 80 }, write: @escaping (String) -> Void
  ) {
    self.isInteractive = isInteractive
    self.usesColor = usesColor
    self.glyphs = glyphs
    self.isInForeground = isInForeground
    self.columns = columns
    self.write = write
  }

  /// Standard error, as the environment describes it.
  ///
  /// `TERM=dumb` or unset: nothing is drawn in place. `NO_COLOR` set to anything: no colour (https://no-color.org). A locale
  /// that is not UTF-8: ASCII alone.
  public static var standardError: Terminal {
    let environment = ProcessInfo.processInfo.environment
    let isInteractive = isatty(OtherProcesses.errors) == 1 && isCapable(environment)
    return Terminal(
      isInteractive: isInteractive,
      usesColor: isInteractive && environment["NO_COLOR", default: ""].isEmpty,
      glyphs: glyphs(environment),
      isInForeground: OtherProcesses.isInForeground,
      columns: { columns(reported: windowColumns(OtherProcesses.errors), environment) },
      write: { if !OtherProcesses.isSilent { writeToStandardError($0) } })
  }

  /// Whether standard output is a terminal, and not a file or a pipe.
  public static var outputIsTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

  /// The width in columns that results on standard output may take: its terminal's, and 80 in a file or pipe, or fewer if
  /// the user asks for that in `COLUMNS`.
  public static func outputColumns(
    _ environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> Int { columns(reported: windowColumns(STDOUT_FILENO), environment) }

  /// Whether the environment's terminal knows escape sequences.
  package static func isCapable(_ environment: [String: String]) -> Bool {
    !["", "dumb"].contains(environment["TERM", default: ""])
  }

  /// The characters that the environment's locale can show.
  public static func glyphs(_ environment: [String: String] = ProcessInfo.processInfo.environment) -> Glyphs {
    // The first of these that is set is the one that counts.
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { environment[$0] }.first { !$0.isEmpty } ?? ""
    let normalized = locale.lowercased().replacing("-", with: "")
    return normalized.contains("utf8") ? .unicode : .ascii
  }

  /// The narrower of what the window reports and what the user asked for in `COLUMNS`; 80 if neither is known.
  package static func columns(reported: Int?, _ environment: [String: String]) -> Int {
    let asked = environment["COLUMNS"].flatMap(Int.init)
    return [reported, asked].compactMap { $0 }.filter { $0 > 0 }.min() ?? 80
  }

  private static func windowColumns(_ descriptor: Int32) -> Int? {
    var size = winsize()
    return ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 ? Int(size.ws_col) : nil
  }
}

/// Writes text to standard error at once. What cannot be written is dropped: there is nowhere left to say so.
func writeToStandardError(_ text: String) {
  var text = text
  text.withUTF8 { bytes in
    var rest = UnsafeBufferPointer(rebasing: bytes[...])
    while !rest.isEmpty {
      let written = write(OtherProcesses.errors, rest.baseAddress, rest.count)
      if written < 0 && errno != EINTR { return }
      rest = UnsafeBufferPointer(rebasing: rest.dropFirst(max(0, written)))
    }
  }
}
