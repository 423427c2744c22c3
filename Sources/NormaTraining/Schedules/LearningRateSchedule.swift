import NormaTensor

/// By what the learning rate is multiplied as time goes on. Time is counted in steps, or in epochs: see
/// ``TrainingConfiguration/scheduleUnit``.
///
/// ```swift
/// struct InverseRoot: LearningRateSchedule {
///   static let name = "inverseRoot"
///   func factor(at time: Int) -> Double { 1 / Double(1 + time).squareRoot() }
/// }
///
/// try ScheduleRegistry.shared.register(InverseRoot.self)  // so that checkpoints can name it
/// ```
public protocol LearningRateSchedule: NamedSettings, CustomStringConvertible {
  /// The factor at a time, which counts from 0.
  func factor(at time: Int) -> Double

  /// The factor at a time of a training that has gone as its history says; ``factor(at:)`` unless the schedule looks at that.
  func factor(at time: Int, after history: TrainingHistory) -> Double

  /// What is wrong with its settings, in words that follow "nothing can be trained with"; nil if nothing is, as unless said.
  var problem: String? { get }
}

extension LearningRateSchedule {
  public func factor(at time: Int, after history: TrainingHistory) -> Double { factor(at: time) }
  public var problem: String? { nil }
  /// The name in files.
  public var description: String { Self.name }
}

/// Where schedules are registered, so that files can name them.
public enum ScheduleRegistry {
  /// All schedules of the program: Norma's, and what it adds.
  public static let shared = Registry<any LearningRateSchedule>(
    of: "schedule",
    [
      ConstantSchedule.self, StepSchedule.self, MilestoneSchedule.self, CosineSchedule.self, OneCycleSchedule.self,
      PlateauSchedule.self, WarmUpSchedule.self,
    ])
}

/// Always 1.
public struct ConstantSchedule: LearningRateSchedule {
  public static let name = "constant"
  /// The schedule; there is nothing to set.
  public init() {}

  public func factor(at time: Int) -> Double { 1 }
}

/// Multiplied by a factor again and again: `factor^⌊t / every⌋`.
public struct StepSchedule: LearningRateSchedule {
  public static let name = "step"
  /// How many units pass from one change to the next; less than 1 is 1.
  public var every: Int
  /// What it is multiplied by each time.
  public var factor: Double

  /// A schedule that multiplies by `factor` each time `every` units have passed.
  public init(every: Int, factor: Double) {
    self.every = every
    self.factor = factor
  }

  public func factor(at time: Int) -> Double { Functions.power(factor, max(0, time) / max(1, every)) }

  public var description: String { "times \(factor) every \(every)" }
}

/// Multiplied by a factor at given times: `factor^n` once n of them have come.
public struct MilestoneSchedule: LearningRateSchedule {
  public static let name = "milestones"
  /// When it is multiplied, in any order; a time that stands there twice counts twice.
  public var milestones: [Int]
  /// What it is multiplied by each time.
  public var factor: Double

  /// A schedule that multiplies by `factor` at each milestone.
  public init(milestones: [Int], factor: Double = 0.1) {
    self.milestones = milestones
    self.factor = factor
  }

  public func factor(at time: Int) -> Double { Functions.power(factor, milestones.count { $0 <= time }) }

  public var description: String {
    "times \(factor) at \(milestones.sorted().map(String.init).joined(separator: ", "))"
  }
}

/// One cycle (Smith and Topin 2019): half a cosine from `initial` up to 1 over the first part of its length, then half a cosine down to
/// `final`, which then stays.
public struct OneCycleSchedule: LearningRateSchedule {
  public static let name = "oneCycle"
  /// After how many units it is at its end: as a rule all steps of the training.
  public var length: Int
  /// The part of the length in which it rises.
  public var rise: Double
  /// The factor at the beginning, and at the end.
  public var initial: Double, final: Double

  /// A cycle over `length` units; by default PyTorch's, which rises from 1/25 for 0.3 of it, and ends at a ten-thousandth of that.
  public init(length: Int, rise: Double = 0.3, initial: Double = 0.04, final: Double = 4e-6) {
    self.length = length
    self.rise = rise
    self.initial = initial
    self.final = final
  }

  public func factor(at time: Int) -> Double {
    let (time, peak, end) = (Double(max(0, time)), rise * Double(length) - 1, Double(length) - 1)
    // Half a cosine from one number to another as a part goes from 0 to 1.
    func cosine(from first: Double, to last: Double, _ part: Double) -> Double {
      last + (first - last) * (1 + Functions.sineAndCosine(turns: min(1, max(0, part)) / 2).cosine) / 2
    }
    if time >= end { return end > 0 ? final : 1 }
    return time <= peak
      ? cosine(from: initial, to: 1, peak > 0 ? time / peak : 1)
      : cosine(from: 1, to: final, (time - peak) / (end - peak))
  }

  public var description: String { "one cycle over \(length), rising for \(rise) of it" }
  public var problem: String? {
    (0..<1).contains(rise) && length > 0 ? nil : "a cycle over \(length) that rises for \(rise) of it"
  }
}

/// Multiplied by a factor whenever the training has not got better for some epochs: by the loss on the validation data, or on the
/// training data where there are none.
///
/// What is better is lower by more than a ten-thousandth of the lowest loss so far, as PyTorch has it.
public struct PlateauSchedule: LearningRateSchedule {
  public static let name = "plateau"
  /// How many epochs in a row must not have got better.
  public var patience: Int
  /// What it is multiplied by each time.
  public var factor: Double

  /// A schedule that multiplies by `factor` after more than `patience` epochs without a better loss.
  public init(patience: Int = 10, factor: Double = 0.1) {
    self.patience = patience
    self.factor = factor
  }

  public func factor(at time: Int) -> Double { 1 }

  public func factor(at time: Int, after history: TrainingHistory) -> Double {
    var (lowest, waited, drops) = (Double.infinity, 0, 0)
    for epoch in history.epochs {
      let loss = epoch.validationLoss ?? epoch.trainingLoss
      if loss < lowest * (1 - 1e-4) || lowest == .infinity {
        (lowest, waited) = (loss, 0)
      } else {
        waited += 1
      }
      if waited > patience { (waited, drops) = (0, drops + 1) }
    }
    return Functions.power(factor, drops)
  }

  public var description: String { "times \(factor) after \(patience) epochs without a better loss" }
  public var problem: String? { patience >= 0 ? nil : "a patience of \(patience) epochs" }
}

/// Half a cosine from 1 down to `final`, which then stays: `final + (1 − final) · (1 + cos(π·t / length)) / 2` (Loshchilov and
/// Hutter 2017).
public struct CosineSchedule: LearningRateSchedule {
  public static let name = "cosine"
  /// After how many units it is at its end.
  public var length: Int
  /// The factor at the end.
  public var final: Double

  /// A schedule that falls to `final` over `length` units.
  public init(length: Int, final: Double = 0) {
    self.length = length
    self.final = final
  }

  public func factor(at time: Int) -> Double {
    let time = max(0, time)
    guard time < length else { return final }
    return final + (1 - final) * (1 + Functions.sineAndCosine(turns: Double(time) / (2 * Double(length))).cosine) / 2
  }

  public var description: String { "cosine to \(final) over \(length)" }
}

/// Rises evenly to 1, then follows another schedule from its beginning.
public struct WarmUpSchedule: LearningRateSchedule {
  public static let name = "warmUp"
  /// How many units it rises for.
  public var length: Int
  /// The factor at the beginning.
  public var initial: Double
  /// What follows.
  public var then: any LearningRateSchedule

  /// A schedule that rises from `initial` over `length` units.
  public init(length: Int, initial: Double, then: any LearningRateSchedule) {
    self.length = length
    self.initial = initial
    self.then = then
  }

  public func factor(at time: Int) -> Double {
    let time = max(0, time)
    guard time < length else { return then.factor(at: time - max(0, length)) }
    return initial + (1 - initial) * Double(time) / Double(length)
  }

  public func factor(at time: Int, after history: TrainingHistory) -> Double {
    time < length ? factor(at: time) : then.factor(at: time - max(0, length), after: history)
  }

  public var description: String { "rising over \(length), then \(then)" }
  public var problem: String? { then.problem }

  public static func == (left: WarmUpSchedule, right: WarmUpSchedule) -> Bool {
    left.length == right.length && left.initial == right.initial && AnyHashable(left.then) == AnyHashable(right.then)
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(length)
    hasher.combine(initial)
    hasher.combine(AnyHashable(then))
  }

  private enum CodingKeys: String, CodingKey { case length, initial, then }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    length = try values.decode(Int.self, forKey: .length)
    initial = try values.decode(Double.self, forKey: .initial)
    then = try ScheduleRegistry.shared.decode(from: values.superDecoder(forKey: .then))
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(length, forKey: .length)
    try values.encode(initial, forKey: .initial)
    try ScheduleRegistry.shared.encode(then, to: values.superEncoder(forKey: .then))
  }
}

extension LearningRateSchedule where Self == ConstantSchedule {
  /// Always 1.
  public static var constant: Self { Self() }
}

extension LearningRateSchedule where Self == StepSchedule {
  /// Multiplied by `factor` each time `every` units have passed.
  public static func step(every: Int, factor: Double) -> Self { Self(every: every, factor: factor) }
}

extension LearningRateSchedule where Self == MilestoneSchedule {
  /// Multiplied by `factor` at each milestone.
  public static func milestones(_ milestones: [Int], factor: Double = 0.1) -> Self {
    Self(milestones: milestones, factor: factor)
  }
}

extension LearningRateSchedule where Self == OneCycleSchedule {
  /// Up to 1 and down again over `length` units.
  public static func oneCycle(
    length: Int, rise: Double = 0.3, initial: Double = 0.04, final: Double = 4e-6
  ) -> Self { Self(length: length, rise: rise, initial: initial, final: final) }
}

extension LearningRateSchedule where Self == PlateauSchedule {
  /// Multiplied by `factor` after more than `patience` epochs without a better loss.
  public static func plateau(patience: Int = 10, factor: Double = 0.1) -> Self {
    Self(patience: patience, factor: factor)
  }
}

extension LearningRateSchedule where Self == CosineSchedule {
  /// Half a cosine from 1 down to `final` over `length` units, then `final`.
  public static func cosine(length: Int, final: Double = 0) -> Self { Self(length: length, final: final) }
}

extension LearningRateSchedule where Self == WarmUpSchedule {
  /// Rises evenly from `initial` to 1 over `length` units; then follows another schedule from its beginning.
  public static func warmUp(length: Int, initial: Double, then: any LearningRateSchedule) -> Self {
    Self(length: length, initial: initial, then: then)
  }
}
