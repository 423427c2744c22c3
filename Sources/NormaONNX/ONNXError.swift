/// Why a model cannot be read, run or written.
public struct ONNXError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What is the matter.
  public enum Kind: Hashable, Sendable {
    /// The model, or what it is to be run on, breaks the rules of the format.
    case malformed
    /// It follows the rules, and asks for something that is not done here.
    case unsupported
  }

  /// What is the matter.
  public let kind: Kind
  /// Where: the file, or a node such as `node 'conv1' (Conv)`.
  public let place: String
  /// What is wrong, or not supported, without a full stop.
  public let problem: String

  /// The rules are broken at a place.
  static func malformed(_ place: String, _ problem: String) -> ONNXError {
    ONNXError(kind: .malformed, place: place, problem: problem)
  }

  /// Something is asked for that is not done.
  static func unsupported(_ place: String, _ problem: String) -> ONNXError {
    ONNXError(kind: .unsupported, place: place, problem: problem)
  }

  /// The same error about a place in a file.
  func within(_ file: String) -> ONNXError { ONNXError(kind: kind, place: "'\(file)', \(place)", problem: problem) }

  public var description: String { "\(place): \(problem)" }
}
