import NormaLayers

/// Parameters that are trained by settings of their own: the new head of a network that was trained before.
///
/// ```swift
/// configuration.groups = [
///   ParameterGroup("head", learningRateFactor: 10), ParameterGroup("*.bias", weightDecay: 0),
/// ]
/// ```
///
/// A parameter is of the first group that means it.
public struct ParameterGroup: Hashable, Sendable, Codable, CustomStringConvertible {
  /// Which parameters.
  public var pattern: NamePattern
  /// By what the learning rate is multiplied.
  public var learningRateFactor: Double
  /// By how much these shrink at each step, times their learning rate, whatever their kind; nil for what the others do.
  public var weightDecay: Double?

  /// A group by its settings.
  public init(_ pattern: NamePattern, learningRateFactor: Double = 1, weightDecay: Double? = nil) {
    self.pattern = pattern
    self.learningRateFactor = learningRateFactor
    self.weightDecay = weightDecay
  }

  private enum CodingKeys: String, CodingKey { case pattern, learningRateFactor, weightDecay }

  public var description: String {
    "'\(pattern)'" + (learningRateFactor == 1 ? "" : " at \(learningRateFactor) times the rate")
      + (weightDecay.map { ", weight decay \($0)" } ?? "")
  }

  /// What is wrong with it, in words that follow "nothing can be trained with"; nil if nothing is.
  var problem: String? {
    if !(learningRateFactor >= 0 && learningRateFactor.isFinite) {
      return "a group '\(pattern)' at \(learningRateFactor) times the rate"
    }
    if let weightDecay, !(weightDecay >= 0 && weightDecay.isFinite) {
      return "a weight decay of \(weightDecay) for '\(pattern)'"
    }
    return nil
  }
}

/// What is done about gradients that are very large.
public enum GradientClipping: Hashable, Sendable, Codable, CustomStringConvertible {
  /// All gradients together are scaled down to a length, the root of the sum of their squares, where they are longer (Pascanu et al.
  /// 2013).
  case norm(Double)
  /// Each number is held within ± a bound.
  case value(Double)
  /// The gradient of each unit is scaled down to a share of the length of the unit's weights, or of `epsilon` where they are shorter,
  /// where it is longer (adaptive gradient clipping, Brock and others 2021, arXiv:2102.06171).
  ///
  /// A unit is a place of the first axis: what makes one output of a linear or convolutional layer. A parameter of one axis, as biases
  /// and gammas are, is one unit.
  case adaptive(Double, epsilon: Double = 1e-3)

  private enum CodingKeys: String, CodingKey { case norm, value, adaptive }
  private enum NormCodingKeys: String, CodingKey { case _0 = "most" }
  private enum ValueCodingKeys: String, CodingKey { case _0 = "most" }
  private enum AdaptiveCodingKeys: String, CodingKey {
    case _0 = "most"
    case epsilon
  }

  /// The length, the bound, or the share.
  public var most: Double {
    switch self {
    case .norm(let most), .value(let most), .adaptive(let most, _): most
    }
  }

  public var description: String {
    switch self {
    case .norm(let most): "to a length of \(most)"
    case .value(let most): "to ±\(most)"
    case .adaptive(let most, let epsilon): "to \(most) of each unit's weights, at least \(epsilon)"
    }
  }

  /// What is wrong with it; nil if nothing is.
  var problem: String? {
    guard most > 0, most.isFinite else { return "gradients clipped \(self)" }
    if case .adaptive(_, let epsilon) = self, !(epsilon > 0 && epsilon.isFinite) { return "gradients clipped \(self)" }
    return nil
  }
}

/// A mean of the weights of many steps, which as a rule does better than those of the last (Polyak and Juditsky 1992).
public enum WeightAveraging: Hashable, Sendable, Codable, CustomStringConvertible {
  /// A running mean that keeps a part `decay` of itself at each step, plain until it is of `1 / (1 − decay)` steps; running statistics
  /// are averaged with the weights. It is what is evaluated after each epoch, and what training ends with.
  case exponential(decay: Double)
  /// The plain mean of the weights at the ends of epochs, from the given one on, counted from 1 (Izmailov et al. 2018). Training ends
  /// with it, and with running statistics recomputed for it.
  case stochastic(fromEpoch: Int)

  private enum CodingKeys: String, CodingKey { case exponential, stochastic }
  private enum ExponentialCodingKeys: String, CodingKey { case decay }
  private enum StochasticCodingKeys: String, CodingKey { case fromEpoch }

  public var description: String {
    switch self {
    case .exponential(let decay): "exponential, decay \(decay)"
    case .stochastic(let epoch): "stochastic, from epoch \(epoch)"
    }
  }

  /// What is wrong with it; nil if nothing is.
  var problem: String? {
    switch self {
    case .exponential(let decay): (0..<1).contains(decay) ? nil : "a mean of weights that keeps \(decay) of itself"
    case .stochastic(let epoch): epoch >= 1 ? nil : "a mean of weights from epoch \(epoch)"
    }
  }

  /// How much a value weighs in the mean of so many, itself included.
  func weight(ofValue count: Int) -> Double {
    switch self {
    case .exponential(let decay): max(1 - decay, 1 / Double(max(1, count)))
    case .stochastic: 1 / Double(max(1, count))
    }
  }
}
