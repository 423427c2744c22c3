import Norma
import TestSupport
import Testing

@Suite struct LearningRateScheduleTests {
  static let cases = ParityFixture.cases(of: "learning_rates", LearningRateSettings.self)

  private func schedule(_ settings: LearningRateSettings) throws -> any LearningRateSchedule {
    switch settings.schedule {
    case "constant": return .constant
    case "step": return .step(every: try #require(settings.interval), factor: try #require(settings.factor))
    case "milestones":
      return .milestones(try #require(settings.milestones), factor: try #require(settings.factor))
    case "one_cycle":
      return .oneCycle(
        length: settings.steps, rise: try #require(settings.rise),
        initial: try #require(settings.start) / settings.rate,
        final: try #require(settings.final) / settings.rate)
    case "cosine": return .cosine(length: settings.steps, final: try #require(settings.final) / settings.rate)
    default:
      try #require(settings.schedule == "warm_up_cosine")
      let (warmUp, ramp) = (try #require(settings.warmUp), try #require(settings.ramp))
      var next: any LearningRateSchedule = CosineSchedule(
        length: settings.steps - warmUp, final: try #require(settings.final) / settings.rate)
      // Where the ramp is over before the warm-up is, the rest of that is at the whole rate.
      if warmUp > ramp { next = .warmUp(length: warmUp - ramp, initial: 1, then: next) }
      return .warmUp(length: ramp, initial: try #require(settings.start), then: next)
    }
  }

  /// Each rate is a product of a factor in [0, 1] with the rate, found by some ten roundings. Its error near the end of
  /// the cosine is relative to the whole rate; PyTorch finds each rate from the one before it, which adds one step's
  /// error after the other.
  @Test(arguments: cases) func ratesArePyTorchs(parity: ParityCase<LearningRateSettings>) throws {
    let settings = parity.settings
    let schedule = try schedule(settings)
    let expected: Tensor<Double> = parity.input("rates")
    #expect(expected.count == settings.steps + 1)
    for (step, rate) in expected.elements.enumerated() {
      let bound = Double(10 * (step + 1)) * Double.unitRoundoff * settings.rate
      #expect(abs(settings.rate * schedule.factor(at: step) - rate) <= bound, "step \(step)")
    }
  }

  @Test func allSchedulesAreThere() { #expect(Self.cases.count == 14) }

  /// PyTorch's `ReduceLROnPlateau(patience=1, factor=0.5)` on these losses: the rate after each.
  @Test func aPlateauLowersTheRate() {
    let schedule = PlateauSchedule(patience: 1, factor: 0.5)
    var history = TrainingHistory()
    #expect(schedule.factor(at: 0, after: history) == 1)
    let losses = [1.0, 0.9, 0.95, 0.9, 0.89999, 0.95, 0.2, 0.3, 0.3, 0.1]
    let factors = [1.0, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125, 0.125]
    for (number, (loss, factor)) in zip(losses, factors).enumerated() {
      history.epochs.append(
        .init(
          number: number + 1, trainingLoss: 7, trainingMetric: 0, validationLoss: loss, validationMetric: 0,
          learningRate: 0))
      #expect(schedule.factor(at: number, after: history) == factor, "after epoch \(number + 1)")
      #expect(WarmUpSchedule(length: 0, initial: 0, then: schedule).factor(at: number, after: history) == factor)
    }
    // Without validation data the training loss counts.
    for index in history.epochs.indices { history.epochs[index].validationLoss = nil }
    #expect(schedule.factor(at: 0, after: history) == 1.0 / 16)
  }

  @Test func aFinishedCosineStaysAtItsEnd() {
    let schedule = CosineSchedule(length: 4, final: 0.25)
    #expect(schedule.factor(at: 0) == 1)
    #expect([4, 5, 1000].allSatisfy { schedule.factor(at: $0) == 0.25 })
  }

  @Test func schedulesOfNoLengthAreOverAtOnce() {
    #expect(CosineSchedule(length: 0, final: 0.5).factor(at: 0) == 0.5)
    #expect(WarmUpSchedule(length: 0, initial: 0, then: .constant).factor(at: 0) == 1)
    #expect(WarmUpSchedule(length: .min, initial: 0, then: .constant).factor(at: 3) == 1)
    #expect(StepSchedule(every: 0, factor: 0.5).factor(at: 2) == 0.25)
  }
}
