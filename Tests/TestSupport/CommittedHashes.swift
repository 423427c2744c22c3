import Foundation

/// A text file of the repository with a hash a line, which its key stands before: what computations must give on every machine.
///
/// A test that finds something else fails. After a change that is wanted, `NORMA_RENEW_SNAPSHOTS=1` has it write what it finds;
/// look at the difference in git.
public struct CommittedHashes {
  private let file: URL
  private var lines: [(key: String, hash: String)]

  /// Whether tests are to write what they find.
  public static let renews = ProcessInfo.processInfo.environment["NORMA_RENEW_SNAPSHOTS"] == "1"

  /// What a file holds; nothing if it is to be made.
  public init(_ file: URL) throws {
    self.file = file
    guard !Self.renews || FileManager.default.fileExists(atPath: file.path) else {
      lines = []
      return
    }
    lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map { line in
      let words = line.split(separator: " ").map(String.init)
      return (words.dropLast().joined(separator: " "), words.last ?? "")
    }
  }

  /// The hash that belongs to a key.
  public subscript(key: String) -> String? { lines.first { $0.key == key }?.hash }

  /// All keys, in their order.
  public var keys: [String] { lines.map(\.key) }

  /// Writes hashes in place of those that the file has for their keys, or behind all others. Keys that a condition does not
  /// hold for go.
  public mutating func renew(_ found: [(key: String, hash: String)], keeping keeps: (String) -> Bool = { _ in true })
    throws
  {
    lines.removeAll { !keeps($0.key) }
    for (key, hash) in found {
      if let place = lines.firstIndex(where: { $0.key == key }) {
        lines[place].hash = hash
      } else {
        lines.append((key, hash))
      }
    }
    let text = lines.map { "\($0.key) \($0.hash)\n" }.joined()
    try Data(text.utf8).write(to: file, options: .atomic)
  }
}
