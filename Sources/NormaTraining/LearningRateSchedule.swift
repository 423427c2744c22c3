import RealModule

/// By what the learning rate is multiplied as time goes on. Time is counted in steps, or in epochs: see
/// ``TrainingConfiguration/scheduleUnit``.
public indirect enum LearningRateSchedule: Hashable, Sendable, Codable {
  /// Always 1.
  case constant
  /// Multiplied by `factor` each time `every` units have passed: `factor^⌊t / every⌋`.
  case step(every: Int, factor: Double)
  /// Half a cosine from 1 down to `final` over `length` units, then `final`:
  /// `final + (1 − final) · (1 + cos(π·t / length)) / 2` (Loshchilov and Hutter 2017).
  case cosine(length: Int, final: Double = 0)
  /// Rises evenly from `initial` to 1 over `length` units; then follows another schedule from its beginning.
  case warmUp(length: Int, initial: Double, then: LearningRateSchedule)

  /// The factor at a time, which counts from 0.
  public func factor(at time: Int) -> Double {
    switch self {
    case .constant: 1
    case .step(let every, let factor): Double.pow(factor, time / max(1, every))
    case .cosine(let length, let final):
      time >= length ? final : final + (1 - final) * (1 + Double.cos(.pi * Double(time) / Double(length))) / 2
    case .warmUp(let length, let initial, let next):
      time < length
        ? initial + (1 - initial) * Double(time) / Double(length) : next.factor(at: time - max(0, length))
    }
  }
}

extension LearningRateSchedule: CustomStringConvertible {
  /// The schedule in words, times in steps or epochs as they are counted.
  public var description: String {
    switch self {
    case .constant: "constant"
    case .step(let every, let factor): "times \(factor) every \(every)"
    case .cosine(let length, let final): "cosine to \(final) over \(length)"
    case .warmUp(let length, _, let next): "rising over \(length), then \(next)"
    }
  }
}
