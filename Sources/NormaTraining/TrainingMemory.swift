import NormaLayers
import NormaTensor

/// What a training step keeps alive, in bytes, computed from shapes.
///
/// What a step needs for a moment comes on top: the gradients of activations on their way back, which begin when all
/// activations are there and take the place of those that are let go, and the working memory of single layers.
public struct TrainingMemory: Sendable, Equatable, Codable {
  /// What each layer keeps for its gradients, and its parameters.
  public var layers: [MemoryTrace.Entry]
  /// The batch.
  public var batchBytes: Int
  /// All that is kept for the gradients: by the layers, the network's outputs, and the loss's own gradient.
  public var activationBytes: Int
  /// What is trained.
  public var parameterBytes: Int
  /// A gradient for each parameter.
  public var gradientBytes: Int
  /// What the optimizer remembers between steps.
  public var optimizerBytes: Int
  /// The running statistics.
  public var statisticsBytes: Int

  /// All of it.
  public var totalBytes: Int {
    batchBytes + activationBytes + parameterBytes + gradientBytes + optimizerBytes + statisticsBytes
  }

  /// What a step of a model on batches of the given shape, `[N, …]`, keeps alive.
  ///
  /// - Throws: `LayerError` where the batch does not fit the model.
  public init<Element: TensorElement>(
    of model: some Layer<Element>, batchShape: Shape, optimizer: any OptimizerRule, recomputesNormalized: Bool = false,
    keptActivations: HalfPrecision? = nil
  ) throws {
    let trace = try MemoryTrace(
      of: model, batchShape: batchShape, recomputesNormalized: recomputesNormalized, keptActivations: keptActivations)
    layers = trace.layers
    batchBytes = batchShape.elementCount * trace.elementSize
    let outputBytes = trace.outputShape.elementCount * trace.elementSize
    activationBytes = layers.reduce(0) { $0 + $1.keptBytes } + 2 * outputBytes
    parameterBytes = layers.reduce(0) { $0 + $1.parameterBytes }
    gradientBytes = parameterBytes
    optimizerBytes = optimizer.slots.count * parameterBytes
    statisticsBytes = layers.reduce(0) { $0 + $1.statisticsBytes }
  }
}
