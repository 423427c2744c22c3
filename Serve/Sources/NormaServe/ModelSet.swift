import Norma
import Synchronization

/// The models that are asked by name, each with the thread that answers for it.
final class ModelSet: Sendable {
  private struct State: Sendable {
    /// In the order in which they were given.
    var names: [String]
    var batchers: [String: Batcher]
  }

  private let state: Mutex<State>

  init(_ batchers: [Batcher]) {
    state = Mutex(
      State(
        names: batchers.map(\.model.name),
        batchers: Dictionary(batchers.map { ($0.model.name, $0) }, uniquingKeysWith: { first, _ in first })))
  }

  /// The model of a name; nil where there is none.
  subscript(_ name: String) -> Batcher? { state.withLock { $0.batchers[name] } }

  /// The first model, which requests without a name ask.
  var first: Batcher? { state.withLock { state in state.names.first.flatMap { state.batchers[$0] } } }

  /// All, in the order in which they were given.
  var all: [Batcher] { state.withLock { state in state.names.compactMap { state.batchers[$0] } } }

  /// Puts a model in the place of another of its name, which answers what it has been asked and ends.
  func replace(_ batcher: Batcher) {
    state.withLock { $0.batchers.updateValue(batcher, forKey: batcher.model.name) }?.close()
  }

  /// Ends all of them, once they have answered what they were asked.
  func close() { for batcher in all { batcher.close() } }
}
