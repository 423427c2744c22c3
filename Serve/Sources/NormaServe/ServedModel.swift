import Foundation
import Hummingbird
import Norma
import NormaONNX

/// A model that is ready to answer: batch normalization is folded into the layers before it.
public struct ServedModel: Sendable {
  /// What it is asked by.
  public let name: String
  /// The file that it was read from.
  public let file: String
  /// The network in words, such as `mlp:100,100`.
  public let network: String
  /// The shape of an example.
  public let shape: Shape
  /// What its outputs stand for.
  public let outputs: Checkpoint.Outputs
  /// The shape `[height, width, channels]` of the images that it takes; nil if it takes none.
  let imageShape: Shape?
  /// What the shorter side of an image is scaled to before its middle is cut out; nil for what just covers that shape.
  let shorterSide: Int?
  /// What its features are called; nil where that is not known.
  let featureNames: [String]?
  /// What is to be known of it.
  let note: String?
  let writer: AnswerWriter
  private let model: InferenceModel<Float>
  private let preparation: Preparation
  /// The settings alone, which say what outputs mean.
  private let meaning: Checkpoint

  /// How many numbers an example has.
  public var featureCount: Int { shape.elementCount }

  /// Reads a model.
  ///
  /// - Parameters:
  ///   - name: what it is asked by.
  ///   - path: a `model.safetensors`, the folder it is in, or an ONNX model.
  /// - Throws: `FileError`, `FormatError`, `ONNXError` and `InferenceModelError` for a file that holds no model that can answer.
  public init(name: String, path: String) throws {
    let file = FileAccess.kind(of: path) == .directory ? "\(path)/model.safetensors" : path
    if try FileKind(ofFile: file) == .onnx {
      try self.init(name: name, onnx: ONNXModel(contentsOf: file), file: file)
    } else {
      try self.init(name: name, Checkpoint(contentsOf: file), file: file)
    }
  }

  private init(name: String, onnx model: ONNXModel, file: String) throws {
    let network = try ONNXNetwork(model)
    let outputs = network.outputShape
    guard outputs.rank == 1, let count = outputs.first, count > 0 else {
      throw FormatError(
        file: file, problem: "its output is of shape \(outputs) for each sample",
        remedy: "Models that are asked here give a number for each class, or numbers.")
    }
    let settings = Checkpoint.Settings(
      convertedFrom: file, architecture: ModelArchitecture(ONNXRecipe(network)),
      exampleShape: Array(network.sampleShape),
      outputs: count == 1 ? .values(count: 1) : .classes(names: (0..<count).map(String.init)), standardization: nil)
    let checkpoint = Checkpoint(settings: settings, state: Sequential<Float>([network]).state)
    try checkpoint.checkNumbers(file: file)
    try self.init(
      name: name, checkpoint, file: file,
      note:
        "An ONNX model does not say what its outputs are: \(count == 1 ? "the one is taken for a number" : "they are taken for scores of \(count) classes"). "
        + "`norma convert` makes a model of it that knows more.")
  }

  /// Makes a model ready that has been read.
  public init(name: String, _ checkpoint: Checkpoint, file: String, note: String? = nil) throws {
    let settings = checkpoint.settings
    self.name = name
    self.file = file
    self.note = note
    network = settings.architecture.description
    shape = Shape(settings.exampleShape)
    outputs = settings.outputs
    imageShape = checkpoint.imageShape
    shorterSide = settings.shorterSide
    featureNames = settings.encoding?.featureNames ?? settings.featureNames
    model = try InferenceModel(checkpoint.makeModel(), sampleShape: shape)
    preparation = checkpoint.preparation
    meaning = Checkpoint(settings: settings, state: ModelState())
    writer = AnswerWriter(checkpoint)
    guard shape.elementCount > 0 else {
      throw FormatError(file: file, problem: "its examples are of shape \(shape)", remedy: "Train it on examples.")
    }
    // The first batch decides what is kept, finds what does not fit, and is slower than all others.
    _ = self.answers(for: [.numbers(ArraySlice([Double](repeating: 0, count: shape.elementCount)))])
  }

  /// What the model says of several examples, each as if it had been asked alone: the bits of an answer do not depend on the batch.
  ///
  /// An example that is not answered, since the network makes of it what is no number, leaves the others as they are.
  func answers(for examples: [Example]) -> [Result<Answer, ServiceError>] {
    do {
      return try rows(of: try outputs(for: examples))
    } catch {
      // One of them is to blame. Alone it is told so, and the others get their answers.
      guard examples.count > 1 else { return [.failure(ServiceError(of: error))] }
      return examples.map { answers(for: [$0])[0] }
    }
  }

  private func outputs(for examples: [Example]) throws -> Tensor<Float> {
    var notes: [String] = []
    return try model(preparation.features(of: examples.batch(of: shape), notes: &notes))
  }

  private func rows(of outputs: Tensor<Float>) throws -> [Result<Answer, ServiceError>] {
    let predictions = try meaning.predictions(from: outputs, allowsUnusableNumbers: true)
    let (count, width) = (outputs.shape[0], outputs.shape.channelCount)
    func rows(_ numbers: Tensor<Double>) -> [Result<Answer, ServiceError>] {
      numbers.withUnsafeElements { numbers in
        outputs.withUnsafeElements { scores in
          (0..<count).map { row in
            let range = row * width..<(row + 1) * width
            guard scores[range].allSatisfy(\.isFinite), numbers[range].allSatisfy(\.isFinite) else {
              return .failure(ServiceError.notFinite)
            }
            let best = range.lazy.dropFirst().reduce(range.lowerBound) { scores[$1] > scores[$0] ? $1 : $0 }
            return .success(Answer(numbers: Array(numbers[range]), best: best - range.lowerBound))
          }
        }
      }
    }
    return switch predictions {
    case .classes(_, let scores, let probabilities): rows(probabilities ?? scores.converted())
    case .values(let values): rows(values)
    }
  }
}

/// What a model says of an example.
struct Answer: Equatable, Sendable {
  /// The probability of each class, its score where the model's are none of probabilities, or the numbers that are predicted, in their
  /// own units.
  var numbers: [Double]
  /// The likeliest class.
  var best: Int
}

extension ServiceError {
  /// The network gave what is no number.
  static let notFinite = ServiceError(
    .unprocessableContent,
    "The model's answer is no finite number: the example's numbers are larger than those it can compute with")

  /// What an example failed with that was alone in its batch.
  init(of error: any Error) {
    switch error {
    case let error as DataError: self.init(.unprocessableContent, error.description)
    case let error as LayerError: self.init(.unprocessableContent, error.description)
    default: self.init(.internalServerError, "The model failed: \(error)")
    }
  }
}
