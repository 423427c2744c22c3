import NormaLayers
import NormaTensor

/// Changes parameters by their gradients, remembering what its rule needs between steps.
///
/// ```swift
/// var optimizer = Optimizer<Float>(.adam(), learningRate: 1e-3)
/// for batch in batches {
///   let step = try model.differentiate(batch.features, random: &random) { $0.softmaxCrossEntropy(labels: batch.labels) }
///   try optimizer.update(model, with: step)
/// }
/// ```
public struct Optimizer<Element: TensorElement>: Sendable {
  /// How gradients become steps.
  public let rule: any OptimizerRule
  /// The learning rate of the next step.
  public var learningRate: Double
  /// Which kinds of parameter weight decay shrinks, where the rule has any.
  public var decayedKinds: Set<ParameterKind> = [.weight]
  /// How many steps were made.
  public private(set) var stepCount = 0
  /// What the rule remembers, by the names of its slots: a vector each, all parameters one after the other. Empty before the
  /// first step.
  public private(set) var slots: [String: Tensor<Element>] = [:]

  /// An optimizer before its first step.
  public init(_ rule: any OptimizerRule, learningRate: Double = 1e-3) {
    self.rule = rule
    self.learningRate = learningRate
  }

  /// An optimizer that goes on where another stood.
  init(_ rule: any OptimizerRule, learningRate: Double, stepCount: Int, slots: [String: Tensor<Element>]) {
    self.init(rule, learningRate: learningRate)
    self.stepCount = stepCount
    self.slots = slots
  }

  /// Whether it has made no step, or steps with as many parameters' elements as are given.
  func fits(elementCount: Int) -> Bool {
    stepCount == 0
      || (slots.keys.sorted() == rule.slots.sorted() && slots.values.allSatisfy { $0.count == elementCount })
  }

  /// Makes one step, and lets the batch's statistics take effect on running ones.
  ///
  /// - Parameters:
  ///   - model: the same model at every step.
  ///   - step: what `Layer.differentiate` found for it. A parameter without a
  ///     gradient is left alone.
  /// - Throws: ``TrainingError`` for a learning rate that is no number, for a step of another model, and for a model whose
  ///   parameters are not those of the step before; what running statistics throw. Nothing has changed then.
  public mutating func update(_ model: some Layer<Element>, with step: Differentiation<Element>) throws {
    guard learningRate.isFinite else { throw TrainingError.wrongSettings("a learning rate of \(learningRate)") }
    let parameters = step.parameters
    guard step.isOf(model) else {
      throw TrainingError.stateDoesNotFit("the step's gradients are of another model than the one to update")
    }
    guard fits(elementCount: parameters.reduce(0) { $0 + $1.shape.elementCount }) else {
      throw TrainingError.stateDoesNotFit("the optimizer's steps so far were made with another model")
    }
    try step.updateRunningStatistics()
    update(parameters, gradients: step.gradients)
  }

  /// Makes one step of parameters, the same ones in the same order at every step, by a gradient for each; nil leaves the
  /// parameter alone.
  @specialized(where Element == Float)
  package mutating func update(_ parameters: [Parameter<Element>], gradients: [Tensor<Element>?]) {
    require(
      parameters.count == gradients.count, "\(gradients.count) gradients for \(parameters.count) parameters")
    let total = parameters.reduce(0) { $0 + $1.shape.elementCount }
    let names = rule.slots
    if stepCount == 0 { slots = Dictionary(uniqueKeysWithValues: names.map { ($0, .zeros([total])) }) }
    require(fits(elementCount: total), "\(total) numbers of parameters, which are not those of the step before")
    stepCount += 1
    let ranges = ranges(of: parameters, gradients: gradients)
    let rule = rule
    // Each slot is held here alone while its memory is written, and so is each parameter within `ranges`.
    var memory = names.map { slots.removeValue(forKey: $0)! }
    let bases = memory.indices.map { memory[$0].withUnsafeMutableElements { $0.baseAddress! } }
    bases.withUnsafeBufferPointer { bases in
      // The compiler cannot see that different ranges are of different memory.
      nonisolated(unsafe) let bases = bases
      Parallel.forEach(ranges.count) { index in
        let range = ranges[index]
        var values = UnsafeMutableBufferPointer(start: range.values, count: range.count).mutableSpan
        var slots = OptimizerSlots(bases, offset: range.offset, count: range.count)
        rule.update(
          &values, gradients: UnsafeBufferPointer(start: range.gradients, count: range.count).span, slots: &slots,
          step: range.step)
      }
    }
    for (name, tensor) in zip(names, memory) { slots[name] = tensor }
  }

  /// A range of one parameter's numbers.
  private struct Range {
    let values: UnsafeMutablePointer<Element>
    let gradients: UnsafePointer<Element>
    /// Its place among the numbers of all parameters.
    let offset: Int
    let count: Int
    let step: OptimizerStep
  }

  /// All parameters that are to change, in ranges that are worth a ticket each or are all there is of a parameter.
  @specialized(where Element == Float)
  private func ranges(of parameters: [Parameter<Element>], gradients: [Tensor<Element>?]) -> [Range] {
    let mostElements = rule.takesWholeParameters ? Int.max : 1 << 15
    var ranges: [Range] = []
    var offset = 0
    for (parameter, gradient) in zip(parameters, gradients) {
      let count = parameter.shape.elementCount
      defer { offset += count }
      guard let gradient, !parameter.isFrozen, count > 0 else { continue }
      require(
        gradient.shape == parameter.shape,
        "a gradient of shape \(gradient.shape) for a parameter of shape \(parameter.shape)")
      let step = OptimizerStep(
        number: stepCount, learningRate: learningRate, kind: parameter.kind,
        decays: decayedKinds.contains(parameter.kind))
      parameter.withUnsafeMutableElements { values in
        gradient.withUnsafeElements { gradient in
          var start = 0
          while start < count {
            let length = min(mostElements, count - start)
            ranges.append(
              Range(
                values: values.baseAddress! + start, gradients: gradient.baseAddress! + start, offset: offset + start,
                count: length, step: step))
            start += length
          }
        }
      }
    }
    return ranges
  }
}
