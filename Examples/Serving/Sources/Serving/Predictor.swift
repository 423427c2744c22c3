import Foundation
import Norma

/// A trained model, ready to answer for one example at a time.
public struct Predictor: Sendable {
  /// What the model says of an example.
  public struct Prediction: Codable, Equatable, Sendable {
    /// The likeliest class; nil if the model gives numbers.
    public var label: String?
    /// The probability of each class.
    public var probabilities: [String: Float]?
    /// The numbers the model predicts, in their own units, where they are no classes.
    public var values: [Double]?
  }

  /// The network in words, such as `mlp:100,100`.
  public let name: String
  /// The shape of an example.
  public let shape: Shape
  private let model: InferenceModel<Float>
  private let preparation: Preparation
  private let outputs: Checkpoint.Outputs

  /// A model that `norma train` saved: batch normalization is folded into the layers before it.
  public init(_ checkpoint: Checkpoint) throws {
    name = checkpoint.settings.architecture.description
    shape = Shape(checkpoint.settings.exampleShape)
    model = try InferenceModel(checkpoint.makeModel())
    preparation = checkpoint.preparation
    outputs = checkpoint.settings.outputs
  }

  /// How many numbers an example has.
  public var featureCount: Int { shape.elementCount }

  /// What the model says of an example: ``featureCount`` numbers in row-major order, as they are in the data it learned
  /// from, before they were standardized: MNIST's pixels are from 0 to 255. Of a table these are the features that its columns
  /// became, as `norma convert` names them.
  ///
  /// - Throws: `DataError` for numbers that are too large for the model.
  public func predict(_ features: [Double]) throws -> Prediction {
    let batch = Tensor(features, shape: Shape([1] + Array(shape)))
    var notes: [String] = []
    let examples: RawDataset.Features = shape.rank == 1 ? .doubles(batch) : .floats(batch.converted())
    let outputs = try model(preparation.features(of: examples, notes: &notes))
    guard case .classes(let names) = self.outputs else {
      return Prediction(values: try preparation.originalUnits(outputs).elements)
    }
    let scores = outputs.elements
    // The largest score is taken off first, so that nothing overflows.
    let largest = scores.max() ?? 0
    let weights = scores.map { Functions.exponential($0 - largest) }
    let sum = weights.reduce(0, +)
    let best = scores.firstIndex(of: largest) ?? 0
    return Prediction(
      label: names[best],
      probabilities: Dictionary(zip(names, weights.map { $0 / sum }), uniquingKeysWith: { first, _ in first }))
  }
}
