import Foundation
import NormaFiles
import NormaTensor

/// A folder that keeps the last few states of one training, from the newest of which it can go on.
///
/// A state's file appears whole or not at all, and older ones go only when it is on the disk. So whenever the process is
/// killed, the machine stops or the disk is full, the newest state in the folder is whole.
public struct TrainingStateFolder: Sendable {
  /// The folder; it is made when the first state is written.
  public let path: String
  /// How many states are kept.
  public let kept: Int
  /// Whether states of an earlier training may lie in it, which the first that is written replaces.
  private var holdsAnother: Bool

  /// The states in a folder.
  ///
  /// - Parameters:
  ///   - path: the folder.
  ///   - kept: how many states are kept; at least 1.
  ///   - replacing: whether a training begins anew, whose first state replaces all that lie there.
  public init(_ path: String, kept: Int = 2, replacing: Bool = false) {
    require(kept >= 1, "\(kept) states are none to go on from")
    self.path = path
    self.kept = kept
    holdsAnother = replacing
  }

  /// The names of the states, the oldest first.
  private var names: [String] {
    get throws {
      guard FileAccess.kind(of: path) == .directory else { return [] }
      return try FileAccess.names(inDirectory: path).filter { $0.wholeMatch(of: /step-\d{12}\.safetensors/) != nil }
    }
  }

  /// The files of the states, the oldest first.
  public var files: [String] {
    get throws { try names.map { "\(path)/\($0)" } }
  }

  /// Writes a state, then removes those that are too many, and those of later steps: they are damaged, or of another
  /// training.
  ///
  /// - Returns: the state's file.
  @discardableResult public mutating func write<Element: TensorElement>(_ state: TrainingState<Element>) throws
    -> String
  {
    let name = String(format: "step-%012ld.safetensors", state.stepCount)
    try FileAccess.createDirectory(path)
    try state.write(to: "\(path)/\(name)")
    let earlier = holdsAnother ? [] : try names.filter { $0 < name }.suffix(kept - 1)
    for other in try names where other != name && !earlier.contains(other) {
      try FileAccess.remove("\(path)/\(other)")
    }
    try FileAccess.removeTemporaryFiles(inDirectory: path)
    holdsAnother = false
    return "\(path)/\(name)"
  }

  /// The newest state that is whole; nil if there is no state at all.
  ///
  /// - Parameters:
  ///   - element: the element type of the training.
  ///   - onUnusable: called with what is wrong with each newer one.
  /// - Throws: what is wrong with the newest, if none can be used.
  public func latest<Element: TensorElement>(
    of element: Element.Type = Element.self, onUnusable: (any Error) -> Void = { _ in }
  ) throws -> TrainingState<Element>? {
    var problems: [any Error] = []
    for file in try files.reversed() {
      do {
        let state = try TrainingState<Element>(contentsOf: file)
        problems.forEach(onUnusable)
        return state
      } catch {
        problems.append(error)
      }
    }
    if let problem = problems.first { throw problem }
    return nil
  }

  /// Removes all states, and the folder if nothing else is in it.
  public func removeAll() throws {
    for file in try files { try FileAccess.remove(file) }
    guard FileAccess.kind(of: path) == .directory else { return }
    try FileAccess.removeTemporaryFiles(inDirectory: path)
    if try FileAccess.names(inDirectory: path).isEmpty { try FileAccess.remove(path) }
  }
}
