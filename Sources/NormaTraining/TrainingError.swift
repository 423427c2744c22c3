import NormaTensor

/// Why training or evaluation could not go on.
public enum TrainingError: Error, Equatable, Sendable, CustomStringConvertible {
  /// There is nothing to learn from.
  case emptyDataset(name: String)
  /// The targets are of another kind or number than loss and model are for.
  case targetsDoNotFit(String)
  /// The data have another shape than the model takes.
  case dataDoNotFit(String)
  /// The state of another training was to be gone on with.
  case stateDoesNotFit(String)
  /// Nothing can be trained, or asked of a model, with such settings.
  case wrongSettings(String)
  /// The loss became infinite or not a number.
  case notFinite(NotFinite)
  /// A model's outputs are not numbers, so that nothing can be said of them.
  case outputsNotFinite(NotFiniteOutputs)

  /// Which outputs of a model are infinite or not a number.
  public struct NotFiniteOutputs: Equatable, Sendable {
    /// The first example with such an output, counted from 0.
    public var firstExample: Int
    /// Which of its outputs is the first such, counted from 0.
    public var output: Int
    /// What it is, such as `nan`.
    public var value: String
    /// How many examples have such outputs.
    public var exampleCount: Int
    /// How many examples there are.
    public var totalCount: Int

    /// Outputs by where they are.
    public init(firstExample: Int, output: Int, value: String, exampleCount: Int, totalCount: Int) {
      self.firstExample = firstExample
      self.output = output
      self.value = value
      self.exampleCount = exampleCount
      self.totalCount = totalCount
    }
  }

  /// Where a value first stopped being finite.
  public struct NotFinite: Equatable, Sendable {
    /// The epoch, counted from 1.
    public var epoch: Int
    /// The step over the whole training, counted from 1.
    public var step: Int
    /// The path of the layer in the model, such as `3`; nil if every layer's output was finite, and the loss overflowed.
    public var layer: String?
    /// What in the layer was not finite, such as `the output of Linear(64 → 100)`.
    public var place: String
  }

  public var description: String {
    switch self {
    case .emptyDataset(let name): "\(name) has no samples"
    case .targetsDoNotFit(let problem), .dataDoNotFit(let problem), .stateDoesNotFit(let problem),
      .wrongSettings(let problem):
      problem
    case .notFinite(let found):
      """
      the loss is no longer finite in epoch \(found.epoch), step \(found.step): first in \
      \(found.layer.map { "layer \($0), " } ?? "")\(found.place). A smaller learning rate or normalization may help
      """
    case .outputsNotFinite(let found):
      """
      the outputs of \(found.exampleCount) of \(found.totalCount) examples are not finite: first output \(found.output) of \
      example \(found.firstExample) (both counted from 0), which is \(found.value). The model's numbers or the example's \
      are too large or not numbers
      """
    }
  }
}
