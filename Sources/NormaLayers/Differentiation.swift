import NormaGraph
import NormaNormalization
import NormaTensor

/// What one batch says of a model: its outputs, their loss, the gradient of each parameter, and the statistics of the batch.
///
/// It holds no graph and no value of a parameter, so that an optimizer changes parameters in place.
public struct Differentiation<Element: TensorElement> {
  /// What the model gave for the batch.
  public let outputs: Tensor<Element>
  /// The loss.
  public let loss: Element
  /// The model's parameters, in the order of its `namedParameters`.
  public let parameters: [Parameter<Element>]
  /// A gradient for each parameter, of its shape; nil for one that is frozen or was not used.
  public var gradients: [Tensor<Element>?]
  private let statistics: BatchStatistics
  private let model: ObjectIdentifier

  /// Whether it was found for a model.
  package func isOf(_ model: some Layer<Element>) -> Bool { self.model == ObjectIdentifier(model) }

  /// The moments of the batch, with the layers that normalized by them, in the order in which they ran; empty once they took
  /// effect.
  public var moments: [GatheredMoments<Element>] { statistics.moments }

  /// The gradient of a parameter; nil for one that is frozen, was not used, or is not of the model.
  public subscript(parameter: Parameter<Element>) -> Tensor<Element>? {
    get { parameters.firstIndex { $0 === parameter }.flatMap { gradients[$0] } }
    set { if let index = parameters.firstIndex(where: { $0 === parameter }) { gradients[index] = newValue } }
  }

  /// Lets every layer take the statistics of the batch into its running statistics, and makes the changes of other buffers that
  /// layers deferred, once: a second call changes nothing.
  public func updateRunningStatistics() throws(NormalizationError) {
    let (moments, changes) = (statistics.moments, statistics.changes)
    (statistics.moments, statistics.changes) = ([], [])
    for found in moments { try found.layer.updateStatistics(with: found.moments) }
    for change in changes { change() }
  }

  /// What a batch is counted by once, however many copies of the value there are.
  private final class BatchStatistics {
    var moments: [GatheredMoments<Element>]
    /// What layers change of their other buffers.
    var changes: [() -> Void]

    init(_ pass: Pass<Element>) {
      moments = pass.takeGatheredMoments()
      changes = pass.takeDeferredChanges()
    }

    /// The statistics of several batches as those of one: what each layer found at each of its calls, merged.
    init(merging parts: [BatchStatistics]) throws(NormalizationError) {
      moments = []
      for (call, found) in parts[0].moments.enumerated() {
        var merged = [found.moments]
        for part in parts.dropFirst() where part.moments.indices.contains(call) {
          merged.append(part.moments[call].moments)
        }
        moments.append(
          GatheredMoments(layer: found.layer, moments: try found.layer.merging(merged), isOfAllShards: false))
      }
      changes = parts.flatMap(\.changes)
    }

    /// The statistics of the shards of a batch as those of the batch. What layers change of their other buffers does not depend on the
    /// examples, or a layer would have refused shards: it is the same in all.
    init(joining shards: ShardResults<BatchStatistics>) throws {
      let first = shards.values.lazy.compactMap(\.self).first ?? shards.standIn!
      (moments, changes) = (first.moments, first.changes)
      for (call, found) in moments.enumerated() where !found.isOfAllShards {
        let all = try shards.concatenated(like: found.moments.packed) { $0.moments[call].moments.packed }
        moments[call] = GatheredMoments(
          layer: found.layer, moments: try found.layer.merging(all.map { BatchMoments(packed: $0) }),
          isOfAllShards: true)
      }
    }
  }

  /// What parts of a batch say together: outputs one after the other, loss and gradients as the sum of the parts' by their weights,
  /// in their order, and the statistics of the parts merged as those of one batch.
  ///
  /// - Parameters:
  ///   - parts: what each part says of the same model, at least one.
  ///   - weights: the share of each part in the batch, as many numbers.
  /// - Throws: `NormalizationError` for statistics that cannot be merged.
  public static func merging(
    _ parts: [Differentiation], weights: [Double]
  ) throws(NormalizationError) -> Differentiation {
    require(
      !parts.isEmpty && parts.count == weights.count && parts.allSatisfy { $0.model == parts[0].model },
      "\(weights.count) weights for \(parts.count) parts of a batch, which must be of one model")
    var merged = Differentiation(
      outputs: .concatenating(rows: parts.map(\.outputs)),
      loss: Element(zip(parts, weights).reduce(0) { $0 + $1.1 * Double($1.0.loss) }), parameters: parts[0].parameters,
      gradients: parts[0].gradients, statistics: try BatchStatistics(merging: parts.map(\.statistics)),
      model: parts[0].model)
    for index in merged.gradients.indices {
      var sum = parts[0].gradients[index].map { Element(weights[0]) * $0 }
      for (part, weight) in zip(parts, weights).dropFirst() {
        guard let gradient = part.gradients[index] else { continue }
        if sum == nil { sum = Element(weight) * gradient } else { sum! += Element(weight) * gradient }
      }
      merged.gradients[index] = sum
    }
    return merged
  }

  /// What the shards of a batch say together, each of which was asked for its share in the loss of the batch: sums of gradients, in the
  /// binary tree over the shards' places that `BatchMoments.merging(_:)` describes, and the outputs of the shards of this process one
  /// after the other.
  ///
  /// - Parameters:
  ///   - shards: what each says of the same model.
  ///   - loss: the sum of their losses, see ``ShardResults/sum(_:)``.
  ///   - sums: the sums of their gradients, where they were found on the way; nil to add them up now.
  /// - Throws: `NormalizationError` for statistics that cannot be merged; `ProcessGroupError`.
  package static func joining(
    _ shards: ShardResults<Differentiation>, loss: Double, sums: GradientSums<Element>? = nil
  ) throws -> Differentiation {
    let found = shards.values.compactMap(\.self)
    let first = found.first ?? shards.standIn!
    require(found.allSatisfy { $0.model == first.model }, "\(found.count) shards, which must be of one model")
    var joined = Differentiation(
      outputs: found.isEmpty ? first.outputs[rows: 0..<0] : .concatenating(rows: found.map(\.outputs)),
      loss: Element(loss), parameters: first.parameters, gradients: [],
      statistics: try BatchStatistics(joining: shards.map(\.statistics)), model: first.model)
    joined.gradients =
      try sums?.all()
      ?? joined.parameters.indices.map { parameter in shards.values.map { $0?.gradients[parameter] }.combined(by: +) }
    return joined
  }

  private init(
    outputs: Tensor<Element>, loss: Element, parameters: [Parameter<Element>], gradients: [Tensor<Element>?],
    statistics: BatchStatistics, model: ObjectIdentifier
  ) {
    (self.outputs, self.loss, self.parameters) = (outputs, loss, parameters)
    (self.gradients, self.statistics, self.model) = (gradients, statistics, model)
  }

  fileprivate init(
    outputs: Tensor<Element>, loss: Element, of model: some Layer<Element>, in pass: Pass<Element>,
    gradients: ParameterGradients<Element>
  ) {
    self.outputs = outputs
    self.loss = loss
    parameters = model.distinctParameters
    self.model = ObjectIdentifier(model)
    self.gradients = parameters.map { gradients[$0] }
    statistics = BatchStatistics(pass)
  }
}

extension Layer {
  /// Runs a batch in training and differentiates its loss. Nothing of the model changes: an optimizer's `update` makes the step,
  /// and lets the statistics of the batch take effect.
  ///
  /// ```swift
  /// let step = try model.differentiate(batch, random: &random) { $0.softmaxCrossEntropy(labels: labels) }
  /// try optimizer.update(model, with: step)
  /// ```
  ///
  /// - Parameters:
  ///   - batch: `[N, …]`.
  ///   - random: where dropout draws from; advanced by what was drawn, so that no two steps draw the same.
  ///   - recomputesNormalized: see ``Pass/recomputesNormalized``.
  ///   - keptActivations: the width in which activations are kept for the gradients, see `Graph.keptActivations`; nil for their own.
  ///   - statisticsScope: which values share moments, see ``Pass/statisticsScope``.
  ///   - rowWeights: which rows count in them, see ``Pass/rowWeights``.
  ///   - loss: the loss of the outputs, `[]`.
  /// - Throws: ``LayerError`` for a batch that does not fit the model and for a loss that is no single number, what a layer and
  ///   `loss` throw; `random` is as it was then.
  public func differentiate(
    _ batch: Tensor<Element>, random: inout RandomGenerator, recomputesNormalized: Bool = false,
    keptActivations: HalfPrecision? = nil, statisticsScope: StatisticsScope = .batch,
    rowWeights: Tensor<Element>? = nil,
    loss: (Variable<Element>) throws -> Variable<Element>
  ) throws -> Differentiation<Element> {
    try differentiate(
      batch, random: &random, recomputesNormalized: recomputesNormalized, keptActivations: keptActivations,
      statisticsScope: statisticsScope, rowWeights: rowWeights, shardExchange: nil, loss: loss)
  }

  /// The same for a batch that may be a shard of one: what tells of the others is asked by its normalizations, and each parameter's gradient
  /// is told as soon as it is whole.
  package func differentiate(
    _ batch: Tensor<Element>, random: inout RandomGenerator, recomputesNormalized: Bool,
    keptActivations: HalfPrecision?, statisticsScope: StatisticsScope, rowWeights: Tensor<Element>? = nil,
    shardExchange: (any ShardExchange)?, onGradient: ((ObjectIdentifier, Tensor<Element>) -> Void)? = nil,
    loss: (Variable<Element>) throws -> Variable<Element>
  ) throws -> Differentiation<Element> {
    let pass = Pass<Element>.training(graph: Graph(keptActivations: keptActivations), random: random)
    pass.recomputesNormalized = recomputesNormalized
    pass.statisticsScope = statisticsScope
    pass.rowWeights = rowWeights
    pass.shardExchange = shardExchange
    let (outputs, found) = try lossOfBatch(batch, in: pass, loss)
    defer { random = pass.random }
    return Differentiation(
      outputs: outputs.value, loss: found.value.item, of: self, in: pass,
      gradients: pass.gradients(of: found, onGradient: onGradient))
  }

  /// Differentiates a loss that needs more than the outputs for a batch: several batches, or gradients of the outputs, such as a penalty
  /// on the slope of a critic (Gulrajani and others 2017):
  ///
  /// ```swift
  /// let step = try critic.differentiate(random: &random) { pass in
  ///   let between = pass.input(mixed)
  ///   let scores = try critic(between, in: pass)
  ///   let slopes = try pass.gradients(of: scores.sum(), withRespectTo: [between], differentiable: true)[0]
  ///   let penalty = (slopes.squared().sum(over: [1]).squareRoot() - 1).squared().mean()
  ///   let real = try critic(Variable(images), in: pass), forged = try critic(Variable(fakes), in: pass)
  ///   return forged.mean() - real.mean() + 10 * penalty
  /// }
  /// ```
  ///
  /// - Parameters:
  ///   - random: where dropout draws from; advanced by what was drawn.
  ///   - loss: the loss, `[]`, of what the model gives in the pass.
  /// - Returns: gradients, and as outputs the loss.
  /// - Throws: ``LayerError`` for a loss that is no single number, and what `loss` throws; `random` is as it was then.
  public func differentiate(
    random: inout RandomGenerator, loss: (Pass<Element>) throws -> Variable<Element>
  ) throws -> Differentiation<Element> {
    let pass = Pass<Element>.training(random: random)
    pass.graph?.notesShapeErrors = true
    let found = try checked(try loss(pass), in: pass)
    defer { random = pass.random }
    return Differentiation(
      outputs: found.value, loss: found.value.item, of: self, in: pass, gradients: pass.gradients(of: found))
  }

  /// The product of the Hessian of a batch's loss with a vector, in the space of all parameters: how the gradient changes along it. See
  /// `Graph.hessianVectorProduct(of:withRespectTo:vectors:)`.
  ///
  /// - Parameters:
  ///   - batch: `[N, …]`, normalized by its own statistics, which nothing takes in.
  ///   - vectors: a part for each parameter, of its shape, in the order of ``Differentiation/parameters``.
  ///   - random: where dropout draws from; advanced by what was drawn.
  ///   - loss: the loss of the outputs, `[]`.
  /// - Returns: a part for each parameter, zeros for those that are frozen or not used.
  /// - Throws: what ``differentiate(_:random:recomputesNormalized:keptActivations:statisticsScope:rowWeights:loss:)``
  ///   throws, and `DifferentiationError` for an operation whose gradient cannot be differentiated.
  public func hessianVectorProduct(
    _ batch: Tensor<Element>, vectors: [Tensor<Element>], random: inout RandomGenerator,
    loss: (Variable<Element>) throws -> Variable<Element>
  ) throws -> [Tensor<Element>] {
    let pass = Pass<Element>.training(random: random)
    let (_, found) = try lossOfBatch(batch, in: pass, loss)
    defer { random = pass.random }
    return try pass.graph!.hessianVectorProduct(
      of: found, withRespectTo: distinctParameters.map { pass.variable(for: $0) }, vectors: vectors)
  }

  /// Outputs for a batch, and their loss.
  private func lossOfBatch(
    _ batch: Tensor<Element>, in pass: Pass<Element>, _ loss: (Variable<Element>) throws -> Variable<Element>
  ) throws -> (outputs: Variable<Element>, loss: Variable<Element>) {
    pass.graph?.notesShapeErrors = true
    // What is within a layer, the pass looks at.
    if children.isEmpty { _ = try outputShape(for: batch.shape) }
    let outputs = try self(Variable(batch), in: pass)
    try pass.checkShapes(self)
    return (outputs, try checked(try loss(outputs), in: pass))
  }

  /// A loss, after making sure that it is one.
  private func checked(_ loss: Variable<Element>, in pass: Pass<Element>) throws(LayerError) -> Variable<Element> {
    if case .shape(let error) = pass.graph?.failure {
      throw LayerError(layer: "the loss", expected: error.expected, found: error.found)
    }
    guard loss.value.shape == [] else {
      throw LayerError(layer: "what differentiates a loss", expected: "a single number", found: loss.value.shape)
    }
    return loss
  }
}
