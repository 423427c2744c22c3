import NormaGraph
import NormaNormalization
import NormaTensor

/// One run of a network over one batch: training or inference, the graph that records it, the random numbers it draws,
/// and the batch statistics it found.
///
/// ```swift
/// let pass = Pass<Float>.training(random: generator)
/// let loss = try model(Variable(batch), in: pass).softmaxCrossEntropy(labels: labels)
/// let gradients = pass.gradients(of: loss)
/// generator = pass.random  // or the next pass drops the same units
/// try pass.updateRunningStatistics()  // the only step that changes them
/// ```
///
/// A step of training needs none of this: see ``Layer/differentiate(_:random:recomputesNormalized:loss:)``.
public final class Pass<Element: TensorElement> {
  /// The graph of a training pass; nil in inference.
  public let graph: Graph<Element>?
  /// Where dropout draws from; as it stands after the pass.
  public var random: RandomGenerator
  /// Whether what batch normalization gives is computed again for the gradients of the layers that follow instead of kept:
  /// the same bits, for one more pass over each. It halves what convolution and batch normalization in turn keep.
  public var recomputesNormalized = false
  /// Called with each layer's path, the layer and its result, for looking into a network. While it is set, no layers
  /// are fused.
  public var observer: ((_ path: String, _ layer: any Layer<Element>, _ output: Tensor<Element>) -> Void)?

  /// Whether batch normalization is by the statistics of the batch itself, which are gathered, rather than by running ones.
  public let usesBatchStatistics: Bool

  private var variables: [ObjectIdentifier: Variable<Element>] = [:]
  private var found: [(layer: any StatisticsGathering<Element>, moments: BatchMoments)] = []
  private var path: [String] = []

  private init(graph: Graph<Element>?, random: RandomGenerator, usesBatchStatistics: Bool) {
    self.graph = graph
    self.random = random
    self.usesBatchStatistics = usesBatchStatistics
  }

  /// A pass in training: batch statistics, dropout, and a graph to differentiate.
  public static func training(graph: Graph<Element> = Graph(), random: RandomGenerator) -> Pass {
    Pass(graph: graph, random: random, usesBatchStatistics: true)
  }

  /// A pass in inference: running statistics, no dropout, and nothing kept.
  public static var inference: Pass {
    Pass(graph: nil, random: RandomGenerator(seed: 0), usesBatchStatistics: false)
  }

  /// A pass that looks at a batch as training normalizes it, and learns nothing: batch statistics, which are gathered, no
  /// dropout, no graph. What it gives beside ``inference`` is what the running statistics make of a network.
  public static var measuring: Pass {
    Pass(graph: nil, random: RandomGenerator(seed: 0), usesBatchStatistics: true)
  }

  /// Whether this is training.
  public var isTraining: Bool { graph != nil }

  /// The variable that stands for a parameter in this pass: one and the same however often it is used.
  @specialized(where Element == Float)
  public func variable(for parameter: Parameter<Element>) -> Variable<Element> {
    guard let graph, !parameter.isFrozen else { return Variable(parameter.value) }
    if let known = variables[ObjectIdentifier(parameter)] { return known }
    let variable = graph.parameter(
      parameter.value,
      name: parameter.name == "weight" || parameter.name == "bias" ? parameter.kind.rawValue : parameter.name)
    variables[ObjectIdentifier(parameter)] = variable
    return variable
  }

  /// Applies a layer as the child of the one that is running.
  public func apply(
    _ layer: any Layer<Element>, named name: String, to x: Variable<Element>
  ) throws -> Variable<Element> {
    try within(name, layer) { try layer(x, in: self) }
  }

  /// Applies a layer together with the ReLU that follows it.
  func applyRectified(
    _ layer: any ReLUFusing<Element>, named name: String, to x: Variable<Element>
  ) throws -> Variable<Element> {
    try within(name, layer) { try layer.rectified(x, in: self) }
  }

  @specialized(where Element == Float)
  private func within(
    _ name: String, _ layer: any Layer<Element>, _ body: () throws -> Variable<Element>
  ) rethrows -> Variable<Element> {
    path.append(name)
    defer { path.removeLast() }
    let output = try body()
    observer?(path.joined(separator: "."), layer, output.value)
    return output
  }

  /// Notes the statistics of the batch that a layer has just normalized.
  public func gather(_ moments: BatchMoments, for layer: any StatisticsGathering<Element>) {
    found.append((layer, moments))
  }

  /// Lets every layer take the statistics found in this pass into its running statistics, once: a second call changes
  /// nothing.
  public func updateRunningStatistics() throws(NormalizationError) {
    for (layer, moments) in takeGatheredMoments() { try layer.runningStatistics?.update(with: moments) }
  }

  /// The statistics found in this pass, in the order in which layers found them; a second call gives none.
  public func takeGatheredMoments() -> [(layer: any StatisticsGathering<Element>, moments: BatchMoments)] {
    defer { found = [] }
    return found
  }

  /// The gradients of a result of this pass. They can be asked for once: what the layers kept for them is let go.
  public func gradients(of result: Variable<Element>) -> ParameterGradients<Element> {
    require(graph != nil, "a pass in inference has no gradients")
    return ParameterGradients(gradients: graph!.gradients(of: result, isLast: true), variables: variables)
  }
}

/// The gradients of a pass, by parameter.
public struct ParameterGradients<Element: TensorElement> {
  /// The gradients by variable.
  public let gradients: Gradients<Element>
  let variables: [ObjectIdentifier: Variable<Element>]

  /// The gradient with respect to a parameter, of its shape; nil for one that is frozen or was not used.
  public subscript(parameter: Parameter<Element>) -> Tensor<Element>? {
    variables[ObjectIdentifier(parameter)].map { gradients[$0] }
  }
}

/// A layer with running statistics.
public protocol StatisticsGathering<Element>: Layer {
  /// The statistics gathered so far; nil if the layer keeps none.
  var runningStatistics: RunningStatistics<Element>? { get set }
}

extension StatisticsGathering {
  /// The running statistics under PyTorch's names; none if the layer keeps none.
  public var buffers: [Buffer<Element>] { statisticsBuffers }

  /// The running statistics under PyTorch's names, for a layer that has other buffers too; none if it keeps none.
  public var statisticsBuffers: [Buffer<Element>] {
    guard runningStatistics != nil else { return [] }
    return [
      Buffer("running_mean", of: self, \.runningStatistics!.mean),
      Buffer("running_var", of: self, \.runningStatistics!.variance),
      Buffer("num_batches_tracked", of: self, \.runningStatistics!.batchCount),
    ]
  }
}

/// A layer that can do the work of the ReLU that follows it.
public protocol ReLUFusing<Element>: Layer {
  /// Applies the layer and then ReLU.
  func rectified(_ x: Variable<Element>, in pass: Pass<Element>) throws -> Variable<Element>
  /// Whether ``rectified(_:in:)`` is one operation, which keeps nothing more than the layer alone; the default is that it
  /// is.
  var takesReLUIn: Bool { get }
}

extension ReLUFusing {
  /// It does.
  public var takesReLUIn: Bool { true }
}
