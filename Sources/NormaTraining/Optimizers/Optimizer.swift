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
  /// By how much weights shrink at each step, times the learning rate, apart from the gradient; nil for what the rule says.
  public var weightDecay: Double?
  /// Which kinds of parameter weight decay shrinks, where there is any.
  public var decayedKinds: Set<ParameterKind> = [.weight]
  /// Parameters with settings of their own.
  public var groups: [ParameterGroup] = [] { didSet { settings = nil } }
  /// What is done about gradients that are very large; nil for nothing.
  public var clipping: GradientClipping?
  /// Which mean of the weights is kept; nil for none.
  public var averaging: WeightAveraging?
  /// How many steps were made.
  public private(set) var stepCount = 0
  /// Of how many values of each weight the mean is.
  public private(set) var averagedCount = 0
  /// The name among ``slots`` of the mean of the weights.
  static var averageSlot: String { "parameter_average" }
  /// The parts of the parameters that processes change and remember, where they share it; nil where this one does all.
  var shares: OptimizerShares?
  /// The settings of each parameter of a model, found once.
  private var settings: (model: ObjectIdentifier, ofParameters: [ParameterSettings])?

  /// What the rule remembers, by the names of its slots, and the mean of the weights where one is kept: a vector each, all
  /// parameters one after the other, or this process's part of them where processes share the optimizer. Empty before the first step.
  public internal(set) var slots: [String: Tensor<Element>] = [:]

  /// An optimizer before its first step.
  public init(_ rule: any OptimizerRule, learningRate: Double = 1e-3) {
    self.rule = rule
    self.learningRate = learningRate
  }

  /// The optimizer of a training, which goes on where another stood.
  init(
    _ configuration: TrainingConfiguration, stepCount: Int = 0, averagedCount: Int = 0,
    slots: [String: Tensor<Element>] = [:]
  ) {
    self.init(configuration.optimizer, learningRate: configuration.learningRate)
    weightDecay = configuration.weightDecay
    groups = configuration.groups
    clipping = configuration.clipping
    averaging = configuration.averaging
    self.stepCount = stepCount
    self.averagedCount = averagedCount
    self.slots = slots
  }

  /// The names of all that is remembered.
  private var slotNames: [String] { rule.slots + (averaging == nil ? [] : [Self.averageSlot]) }

  /// Whether it has made no step, or steps with as many parameters' elements as are given.
  func fits(elementCount: Int) -> Bool {
    let own = own(of: elementCount).count
    return stepCount == 0
      || (slots.keys.sorted() == slotNames.sorted() && slots.values.allSatisfy { $0.count == own })
  }

  /// The numbers that are changed and remembered here, of so many.
  private func own(of elementCount: Int) -> Range<Int> { shares?.own ?? 0..<elementCount }

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
    if settings?.model != ObjectIdentifier(model) {
      settings = (ObjectIdentifier(model), try settings(of: model))
    }
    try step.updateRunningStatistics()
    update(parameters, gradients: step.gradients)
  }

  /// What a parameter's group says of it.
  private struct ParameterSettings {
    var learningRateFactor = 1.0
    /// Nil for what holds for its kind.
    var weightDecay: Double?
  }

  /// The settings of each of a model's parameters.
  ///
  /// - Throws: ``TrainingError/wrongSettings(_:)`` for a group that means none of them.
  private func settings(of model: some Layer<Element>) throws -> [ParameterSettings] {
    guard !groups.isEmpty else { return [] }
    let names = model.namedParameters.map(\.name)
    for group in groups where !names.contains(where: group.pattern.matches) {
      throw TrainingError.wrongSettings(
        "no parameter is named as the group '\(group.pattern)' has it; there are \(names.joined(separator: ", "))")
    }
    return names.map { name in
      groups.first { $0.pattern.matches(name) }.map {
        ParameterSettings(learningRateFactor: $0.learningRateFactor, weightDecay: $0.weightDecay)
      } ?? ParameterSettings()
    }
  }

  /// Makes one step of parameters, the same ones in the same order at every step, by a gradient for each; nil leaves the
  /// parameter alone. Each number is read and written once, whatever is asked of the step.
  @specialized(where Element == Float)
  package mutating func update(_ parameters: [Parameter<Element>], gradients: [Tensor<Element>?]) {
    require(
      parameters.count == gradients.count, "\(gradients.count) gradients for \(parameters.count) parameters")
    let total = parameters.reduce(0) { $0 + $1.shape.elementCount }
    let names = slotNames
    if stepCount == 0 {
      let own = own(of: total).count
      slots = Dictionary(uniqueKeysWithValues: names.map { ($0, .zeros([own])) })
    }
    require(fits(elementCount: total), "\(total) numbers of parameters, which are not those of the step before")
    stepCount += 1
    let rule = rule
    let makesWholeSteps = rule.makesWholeSteps
    let (whole, clipsByUnits) = (clip(of: gradients), clipsByUnits)
    var rest = whole
    if makesWholeSteps { rest.factor = nil }
    let clip = rest
    var average: Double?
    if case .exponential = averaging {
      averagedCount += 1
      average = averaging!.weight(ofValue: averagedCount)
    }
    let ranges = ranges(
      of: parameters, gradients: gradients, factor: makesWholeSteps ? whole.factor : nil,
      averageWeight: makesWholeSteps ? average : nil)
    let averageWeight = average.map { Element($0) }
    // Each slot is held here alone while its memory is written, and so is each parameter within `ranges`.
    var memory = names.map { slots.removeValue(forKey: $0)! }
    let bases = memory.indices.map { memory[$0].withUnsafeMutableElements { $0.baseAddress! } }
    bases.withUnsafeBufferPointer { bases in
      // The compiler cannot see that different ranges are of different memory.
      nonisolated(unsafe) let bases = bases
      Parallel.forEach(ranges.count) { index in
        let range = ranges[index]
        // In blocks that stay in a core's own cache from the first thing that is done to their numbers to the last.
        let length =
          rule.takesWholeParameters
          ? range.count : clipsByUnits ? max(1, Self.blockLength / range.unit) * range.unit : Self.blockLength
        for start in stride(from: 0, to: range.count, by: length) {
          let (count, offset) = (min(length, range.count - start), range.offset + start)
          let weights = range.values + start
          clip.withClipped(range.gradients + start, weights, count, unit: range.unit) { gradients in
            if !makesWholeSteps, range.step.weightDecay != 0 {
              apply(.scale(Element(range.step.shrinkage)), weights, weights, count)
            }
            var values = UnsafeMutableBufferPointer(start: weights, count: count).mutableSpan
            var slots = OptimizerSlots(bases, offset: offset, count: count)
            rule.update(
              &values, gradients: UnsafeBufferPointer(start: gradients, count: count).span, slots: &slots,
              step: range.step)
          }
          if let averageWeight, !makesWholeSteps {
            approach(bases[names.count - 1] + offset, weights, count, weight: averageWeight)
          }
        }
      }
    }
    for (name, tensor) in zip(names, memory) { slots[name] = tensor }
    // Or the mean would be copied before it is written to.
    memory = []
    if let averageWeight {
      // What was left alone is in the mean as it is.
      takeIntoAverage(parameters, weight: averageWeight) { $0.isFrozen || gradients[$1] == nil }
    }
  }

  /// Takes the weights as they are into their mean.
  mutating func takeIntoAverage(_ parameters: [Parameter<Element>]) {
    guard let averaging else { return }
    averagedCount += 1
    takeIntoAverage(parameters, weight: Element(averaging.weight(ofValue: averagedCount))) { _, _ in true }
  }

  private mutating func takeIntoAverage(
    _ parameters: [Parameter<Element>], weight: Element, where isTaken: (Parameter<Element>, Int) -> Bool
  ) {
    guard var mean = slots.removeValue(forKey: Self.averageSlot) else { return }
    let all = own(of: mean.count)
    mean.withUnsafeMutableElements { mean in
      var offset = 0
      for (index, parameter) in parameters.enumerated() {
        let numbers = offset..<offset + parameter.shape.elementCount
        defer { offset = numbers.upperBound }
        let own = numbers.clamped(to: all)
        guard isTaken(parameter, index), !own.isEmpty else { continue }
        parameter.value.withUnsafeElements { values in
          approach(
            mean.baseAddress! + (own.lowerBound - all.lowerBound), values.baseAddress! + (own.lowerBound - offset),
            own.count, weight: weight)
        }
      }
    }
    slots[Self.averageSlot] = mean
  }

  /// The mean of the weights, for each parameter; nil where there is none yet. It takes all the processes that share the optimizer.
  package func averages(
    of parameters: [Parameter<Element>], in group: (any ProcessGroup)? = nil
  ) throws(ProcessGroupError) -> [Tensor<Element>]? {
    guard averagedCount > 0, var mean = slots[Self.averageSlot] else { return nil }
    if let group, let shares { mean = try shares.whole(mean, in: group, atFirstOnly: false) }
    var offset = 0
    return parameters.map { parameter in
      let range = offset..<offset + parameter.shape.elementCount
      offset = range.upperBound
      return mean[rows: range].reshaped(to: parameter.shape)
    }
  }

  /// How many numbers of a parameter all is done to before the next: as many as a core's own cache holds with what belongs to them.
  private static var blockLength: Int { 1 << 14 }

  /// Whether gradients are clipped unit by unit.
  var clipsByUnits: Bool { if case .adaptive = clipping { true } else { false } }

  /// What is done to each gradient of a step.
  private func clip(of gradients: [Tensor<Element>?]) -> Clip<Element> {
    switch clipping {
    case nil: return Clip()
    case .value(let bound): return Clip(bound: Element(bound))
    case .adaptive(let share, let epsilon): return Clip(adaptive: (share, epsilon))
    case .norm(let most):
      let length = norm(of: gradients)
      return length > most ? Clip(factor: most / length) : Clip()
    }
  }

  /// A range of one parameter's numbers.
  private struct Piece {
    let values: UnsafeMutablePointer<Element>
    let gradients: UnsafePointer<Element>
    /// Its place among the numbers that are remembered.
    let offset: Int
    let count: Int
    /// How many numbers make a unit; the range is of whole ones where gradients are clipped by units.
    let unit: Int
    let step: OptimizerStep
  }

  /// All parameters that are to change, in ranges that are worth a ticket each or are all there is of a parameter.
  @specialized(where Element == Float)
  private func ranges(
    of parameters: [Parameter<Element>], gradients: [Tensor<Element>?], factor: Double?, averageWeight: Double?
  ) -> [Piece] {
    let mostElements = rule.takesWholeParameters ? Int.max : 1 << 15
    var ranges: [Piece] = []
    var offset = 0
    let ruleDecay = weightDecay ?? rule.weightDecay
    let all = own(of: parameters.reduce(0) { $0 + $1.shape.elementCount })
    for (index, (parameter, gradient)) in zip(parameters, gradients).enumerated() {
      let count = parameter.shape.elementCount
      let own = (offset..<offset + count).clamped(to: all)
      let first = own.lowerBound - offset
      defer { offset += count }
      guard let gradient, !parameter.isFrozen, !own.isEmpty else { continue }
      require(
        gradient.shape == parameter.shape,
        "a gradient of shape \(gradient.shape) for a parameter of shape \(parameter.shape)")
      let unit = parameter.shape.rank > 1 ? count / parameter.shape[0] : count
      let rangeElements = clipsByUnits && unit > 0 ? max(1, mostElements / unit) * unit : mostElements
      let said = settings.flatMap { $0.ofParameters.isEmpty ? nil : $0.ofParameters[index] } ?? ParameterSettings()
      let step = OptimizerStep(
        number: stepCount, learningRate: learningRate * said.learningRateFactor, kind: parameter.kind,
        weightDecay: said.weightDecay ?? (decayedKinds.contains(parameter.kind) ? ruleDecay : 0),
        gradientFactor: factor ?? 1, averageWeight: averageWeight)
      parameter.withUnsafeMutableElements { values in
        gradient.withUnsafeElements { gradient in
          var start = first
          while start < first + own.count {
            let length = min(rangeElements, first + own.count - start)
            ranges.append(
              Piece(
                values: values.baseAddress! + start, gradients: gradient.baseAddress! + start,
                offset: offset + start - all.lowerBound, count: length, unit: unit, step: step))
            start += length
          }
        }
      }
    }
    return ranges
  }
}

/// What is done to the gradients of a step before the rule sees them: they are scaled, held within a bound, or scaled unit by unit.
private struct Clip<Element: TensorElement> {
  var factor: Double?
  var bound: Element?
  var adaptive: (share: Double, epsilon: Double)?

  /// Lends a range of gradients as they are to be, in memory that is in the cache.
  func withClipped(
    _ gradients: UnsafePointer<Element>, _ values: UnsafePointer<Element>, _ count: Int, unit: Int,
    _ body: (UnsafePointer<Element>) -> Void
  ) {
    guard factor != nil || bound != nil || adaptive != nil else { return body(gradients) }
    withScratch(count, of: Element.self) { clipped in
      if let factor { apply(.scale(Element(factor)), gradients, clipped, count) }
      if let bound { clamp(gradients, clipped, count, bound) }
      if let adaptive {
        for start in stride(from: 0, to: count, by: unit) {
          let most = adaptive.share * max(adaptive.epsilon, sumOfSquares(values + start, unit).squareRoot())
          let length = sumOfSquares(gradients + start, unit).squareRoot()
          // Written so that a NaN stays one.
          apply(.scale(length > most ? Element(most / length) : 1), gradients + start, clipped + start, unit)
        }
      }
      body(clipped)
    }
  }
}

/// The length of all gradients together: the root of the sum of the squares of all their numbers, in double precision. Cut by shapes
/// alone.
func norm<Element: TensorElement>(of gradients: [Tensor<Element>?]) -> Double {
  var total = 0.0
  for case let gradient? in gradients {
    gradient.withUnsafeElements { x in
      guard let x = x.baseAddress else { return }
      let (count, length) = (gradient.count, 1 << 15)
      var sums = [Double](repeating: 0, count: (count + length - 1) / length)
      sums.withUnsafeMutableBufferPointer { sums in
        // Each ticket writes a place of its own.
        nonisolated(unsafe) let sums = sums
        Parallel.forEach(sums.count) { index in
          sums[index] = sumOfSquares(x + index * length, min(length, count - index * length))
        }
      }
      total += sums.reduce(0, +)
    }
  }
  return total.squareRoot()
}

@specialized(where Element == Float)
@specialized(where Element == Double)
private func clamp<Element: TensorElement>(
  _ x: UnsafePointer<Element>, _ y: UnsafeMutablePointer<Element>, _ count: Int, _ bound: Element
) {
  // Written so that a NaN stays one.
  for i in 0..<count { y[i] = x[i] > bound ? bound : x[i] < -bound ? -bound : x[i] }
}
