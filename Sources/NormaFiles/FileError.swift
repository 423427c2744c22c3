import Foundation

/// A file or folder could not be read, written or created.
public struct FileError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What was being done.
  public enum Operation: String, Hashable, Sendable {
    /// To read, write, create or remove it.
    case read, write, create, remove
  }

  /// The file or folder, as it was given.
  public var path: String
  /// What was being done with it.
  public var operation: Operation
  /// Why it failed, in the system's words where it was the system that refused.
  public var reason: String

  /// An error in words of its own, which should not end with a full stop.
  public init(path: String, operation: Operation, reason: String) {
    self.path = path
    self.operation = operation
    self.reason = reason
  }

  /// An error with the system's words for an `errno`. A symbolic link whose end is missing is named for what it is, which
  /// the system's words hide: for it there is no such file, and yet something is there.
  init(path: String, operation: Operation, code: Int32) {
    let missing = [ENOENT, EEXIST].contains(code) ? FileAccess.missingEndOfLink(path) : nil
    self.init(
      path: path, operation: operation,
      reason: missing.map { "It is a symbolic link to '\($0)', which is not there" } ?? String(cString: strerror(code)))
  }

  public var description: String { "Could not \(operation.rawValue) '\(path)': \(reason)." }
}
