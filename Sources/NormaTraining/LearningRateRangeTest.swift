import NormaData
import NormaLayers
import NormaTensor

/// What becomes of the loss when the learning rate grows from step to step, by a factor each time (Smith 2017): below some rate
/// nothing is learned, above another the training diverges, and a good rate lies in between.
public struct LearningRateRangeTest: Sendable {
  /// One step.
  public struct Point: Hashable, Sendable {
    /// The rate of the step.
    public let learningRate: Double
    /// The batch's loss before the step.
    public let loss: Double
    /// A running mean of the losses up to here, in which the last few count most, without the weight of its start.
    public let smoothedLoss: Double
  }

  /// The steps, in order.
  public let points: [Point]
  /// Whether the test ended because the loss grew beyond four times the lowest, or was no number any more; otherwise the largest rate
  /// was reached.
  public let diverged: Bool

  /// How much the running mean of losses keeps of itself at each step.
  private static var smoothing: Double { 0.9 }
  /// How many times the lowest smoothed loss ends the test.
  private static var limit: Double { 4 }

  /// Trains a model for some steps at growing rates, and puts it back into the state it was in.
  ///
  /// - Parameters:
  ///   - model: the model.
  ///   - data: what it learns from; gone over as often as there are steps for.
  ///   - configuration: how it is trained; epochs, learning rate and schedule are the test's own.
  ///   - rates: the first and the last rate, above 0.
  ///   - stepCount: how many steps there are at most, at least 2.
  ///   - group: the processes that train together; nil for this one alone.
  /// - Throws: ``TrainingError`` where nothing can be trained so; what a layer throws.
  public init<Element: TensorElement>(
    _ model: any Layer<Element>, on data: Dataset<Element>, configuration: TrainingConfiguration,
    rates: ClosedRange<Double> = 1e-7...10, stepCount: Int = 200,
    group: (any ProcessGroup)? = nil
  ) throws {
    guard rates.lowerBound > 0, rates.upperBound > rates.lowerBound, rates.upperBound.isFinite, stepCount >= 2 else {
      throw TrainingError.wrongSettings("\(stepCount) rates from \(rates.lowerBound) to \(rates.upperBound)")
    }
    let schedule = GrowingRate(ratio: rates.upperBound / rates.lowerBound, length: stepCount)
    var configuration = configuration
    configuration.learningRate = rates.lowerBound
    configuration.schedule = schedule
    configuration.scheduleUnit = .step
    configuration.averaging = nil
    configuration.keepsBest = false
    configuration.patience = nil
    let steps = configuration.batches(of: data.count).count
    configuration.epochs = (stepCount + max(1, steps) - 1) / max(1, steps)
    let before = model.state
    var (points, mean, lowest, diverged) = ([Point](), 0.0, Double.infinity, false)
    do {
      try Trainer(model, configuration: configuration, group: group).fit(data) { event in
        guard case .step(let step) = event else { return .proceed }
        mean = Self.smoothing * mean + (1 - Self.smoothing) * step.loss
        let smoothed = mean / (1 - Functions.power(Self.smoothing, points.count + 1))
        points.append(Point(learningRate: step.learningRate, loss: step.loss, smoothedLoss: smoothed))
        lowest = min(lowest, smoothed)
        diverged = smoothed > Self.limit * lowest
        return diverged || points.count == stepCount ? .stop : .proceed
      }
    } catch TrainingError.notFinite(_) where !points.isEmpty {
      diverged = true
    } catch {
      try model.load(before)
      throw error
    }
    try model.load(before)
    (self.points, self.diverged) = (points, diverged)
  }

  /// The rate at which the smoothed loss falls fastest, per factor of the rate; nil where it never falls. A training starts well a
  /// little below the rate at which the loss is lowest, and this is one that is not too high.
  public var suggestion: Double? {
    // Not at the very beginning, where the mean is of few losses.
    let first = min(10, points.count / 4)
    let places = first..<max(first, points.count - 1)
    // Over some steps to both sides: between two neighbours there is mostly noise.
    let reach = max(1, points.count / 20)
    func slope(_ place: Int) -> Double {
      let (left, right) = (max(first, place - reach), min(points.count - 1, place + reach))
      return (points[right].smoothedLoss - points[left].smoothedLoss) / Double(right - left)
    }
    guard let steepest = places.min(by: { slope($0) < slope($1) }), slope(steepest) < 0 else { return nil }
    return points[steepest].learningRate
  }
}

/// From 1 up to a ratio, by the same factor at each step.
private struct GrowingRate: LearningRateSchedule {
  static let name = "growing"
  let ratio: Double
  let length: Int

  func factor(at time: Int) -> Double {
    Functions.exponential(Functions.logarithm(ratio) * Double(min(time, length - 1)) / Double(length - 1))
  }
}
