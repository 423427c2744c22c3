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
}

extension LearningRateSchedule {
  /// The name in files.
  public var description: String { Self.name }
}

/// Where schedules are registered, so that files can name them.
public enum ScheduleRegistry {
  /// All schedules of the program: Norma's, and what it adds.
  public static let shared = Registry<any LearningRateSchedule>(
    of: "schedule", [ConstantSchedule.self, StepSchedule.self, CosineSchedule.self, WarmUpSchedule.self])
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

  public var description: String { "rising over \(length), then \(then)" }

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
