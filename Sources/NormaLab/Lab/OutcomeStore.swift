import Foundation
import Norma

/// The outcomes of runs as files in a folder, each written whole as soon as its run is done.
///
/// A file is found by a hash of what its outcome depends on, and holds that too: it counts only if both are the same.
struct OutcomeStore: Sendable {
  let folder: String

  /// What an outcome depends on.
  struct Identity: Codable, Sendable, Equatable {
    var kind: String
    /// The settings as JSON with sorted keys.
    var settings: String
    /// The data's fingerprint; nil if there are none.
    var data: String?
    /// Norma's version.
    var version: String

    init<Run: LabRun>(_ run: Run, data: LabData) throws {
      kind = Run.kind
      settings = try Self.text(of: run)
      self.data = try run.dataset.map(data.fingerprint)
      version = normaVersion
    }

    private static func text(of value: some Encodable) throws -> String {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    var fileName: String {
      var hash = StableHash()
      for part in [kind, settings, data ?? "", version] { hash.combine(part + "\n") }
      return "\(kind)-\(hash.text).json"
    }
  }

  private struct Entry<Outcome: Codable>: Codable {
    var identity: Identity
    var outcome: Outcome
  }

  /// The outcome of a run that was done before; nil if there is none that can be used.
  func outcome<Run: LabRun>(of type: Run.Type, _ identity: Identity) -> Run.Outcome? {
    guard let bytes = try? FileAccess.read("\(folder)/\(identity.fileName)"),
      let entry = try? ResultFile.result(Entry<Run.Outcome>.self, from: Data(bytes)),
      entry.identity == identity
    else { return nil }
    return entry.outcome
  }

  /// Keeps the outcome of a run.
  ///
  /// - Throws: `FileError` if the file cannot be written.
  func keep<Run: LabRun>(_ outcome: Run.Outcome, of type: Run.Type, _ identity: Identity) throws {
    let entry = Entry(identity: identity, outcome: outcome)
    try FileAccess.write([UInt8](try ResultFile.data(entry)), to: "\(folder)/\(identity.fileName)")
  }

  /// An outcome as a file.
  struct File: Codable {
    var name: String
    var text: String
  }

  /// The file of an outcome that was kept.
  ///
  /// - Throws: `FileError` if it cannot be read.
  func file(_ identity: Identity) throws -> File {
    File(
      name: identity.fileName,
      text: String(decoding: try FileAccess.read("\(folder)/\(identity.fileName)"), as: UTF8.self))
  }

  /// Keeps an outcome that another process found.
  func keep(_ file: File) throws {
    try FileAccess.write([UInt8](file.text.utf8), to: "\(folder)/\(file.name)")
  }
}
