import Foundation

/// The browser that measures drawings: the one that NORMA_CHROMIUM names, or Chromium where it is installed.
public enum Chromium {
  private static let environment = ProcessInfo.processInfo.environment

  /// Whether there is one, and Python for the script that uses it.
  public static let isThere =
    (environment["NORMA_CHROMIUM"] != nil || isOnPath("chromium", "chromium-browser", "google-chrome"))
    && isOnPath("python3")

  /// Whether its driver is there, too, by which a page is operated.
  public static let canBeDriven = isThere && isOnPath("chromedriver")

  /// Why tests that need it are skipped.
  public static let absence = "NORMA_CHROMIUM names no browser, and neither Chromium nor Python 3 may be on the PATH"

  private static func isOnPath(_ names: String...) -> Bool {
    let folders = environment["PATH", default: ""].split(separator: ":")
    return folders.contains { folder in
      names.contains { FileManager.default.isExecutableFile(atPath: "\(folder)/\($0)") }
    }
  }

  /// What `Utils/check-drawings` says of pages, and whether it found no fault.
  public static func check(_ pages: [URL]) throws -> (isGood: Bool, words: String) {
    let script = fixturesDirectory.appending(path: "../../Utils/check-drawings").standardized
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    let words = folder.appending(path: "words")
    try Data().write(to: words)
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["python3", "-B", script.path] + pages.map(\.path)
    process.standardOutput = try FileHandle(forWritingTo: words)
    process.standardError = process.standardOutput
    try process.run()
    process.waitUntilExit()
    let text = String(decoding: try Data(contentsOf: words), as: UTF8.self)
    return (process.terminationReason == .exit && process.terminationStatus == 0, text)
  }
}
