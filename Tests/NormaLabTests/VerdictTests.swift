import Foundation
import NormaLab
import Testing

@Suite struct PairedDifferenceTests {
  // Differences 1, 2 and 3: mean 2, standard deviation 1, so the seeds leave 4.303·1/√3 = 2.484.
  @Test func theIntervalOverSeedsIsStudents() {
    let difference = PairedDifference([1, 2, 3], standardError: 0)
    #expect(difference.mean == 2 && difference.lowest == 1 && difference.highest == 3)
    #expect(abs((difference.seedUncertainty ?? 0) - 2.4843) < 1e-3)
    #expect(difference.reading == .tooClose)
    // 2 > 4.303·0.1/√3.
    #expect(PairedDifference([1.9, 2, 2.1], standardError: 0).reading == .more)
    #expect(PairedDifference([-1.9, -2, -2.1], standardError: 0).reading == .less)
  }

  @Test func bothKindsOfChanceAddInQuadrature() {
    let difference = PairedDifference([1.9, 2, 2.1], standardError: 1)
    #expect(abs(difference.exampleUncertainty - 1.96) < 1e-12)
    #expect(abs(difference.uncertainty - (0.24843 * 0.24843 + 1.96 * 1.96).squareRoot()) < 1e-4)
    #expect(difference.reading == .more)
    #expect(PairedDifference([1.9, 2, 2.1], standardError: 1.02).reading == .tooClose)
  }

  @Test func oneSeedCannotTell() {
    #expect(PairedDifference([100], standardError: 0).reading == .tooClose)
    #expect(PairedDifference([100], standardError: 0).seedUncertainty == nil)
  }

  @Test func whatIsNotFiniteCannotTell() {
    #expect(PairedDifference([.nan, 1, 1], standardError: 0).reading == .tooClose)
    #expect(PairedDifference([1, 1, 1], standardError: .nan).reading == .tooClose)
  }
}

@Suite struct JudgementTests {
  private func spread(_ values: Double...) -> Spread { Spread(values) }

  // Of 1,000 images near 50 % each accuracy is uncertain by 1.6 points and by a seed's 1.5, their difference by ±6.1 points.
  @Test func oneSeedTellsOnlyLargeDifferencesOfAccuracies() {
    func verdict(_ first: Double, _ second: Double) -> Verdict {
      Judgement.accuracy(spread(first), above: spread(second), examples: 1000).verdict
    }
    #expect(verdict(0.57, 0.50) == .held)
    #expect(verdict(0.55, 0.50) == .open)
    #expect(verdict(0.49, 0.50) == .open)
    #expect(verdict(0.43, 0.50) == .notHeld)
    #expect(
      Judgement.accuracy(spread(0.52), above: spread(0.5), examples: 1000).reason
        == "2.0 points are less than the ±6.0 points that one seed and 1,000 images leave")
  }

  @Test func severalSeedsTellByTheirOwnSpread() {
    let (close, wide) = (spread(0.55, 0.551, 0.549), spread(0.50, 0.55, 0.60))
    #expect(Judgement.accuracy(close, above: spread(0.5, 0.5, 0.5), examples: 100_000).verdict == .held)
    #expect(Judgement.accuracy(wide, above: spread(0.5, 0.5, 0.5), examples: 100_000).verdict == .open)
    // Paired: what the seeds do to both does not count.
    #expect(Judgement.accuracy(wide, above: spread(0.47, 0.52, 0.57), examples: 100_000).verdict == .held)
  }

  @Test func anAccuracyIsHeldAgainstANumber() {
    #expect(Judgement.accuracy(spread(0.5), above: 0.4, examples: 1000).verdict == .held)
    #expect(Judgement.accuracy(spread(0.42), above: 0.4, examples: 1000).verdict == .open)
    #expect(Judgement.accuracy(spread(0.3), above: 0.4, examples: 1000).verdict == .notHeld)
    #expect(Judgement.accuracy(spread(0.1), below: 0.15, examples: 1000).verdict == .held)
    #expect(Judgement.accuracy(spread(.nan), above: 0.4, examples: 1000).verdict == .open)
    // Nobody errs on these, and yet another thousand might: 0.998 is no proof of less than 1.
    #expect(Judgement.accuracy(spread(1.0, 1.0), above: 0.999, examples: 100).verdict == .open)
  }

  @Test func otherMeasuresAreComparedByTheirFactor() {
    #expect(Judgement.measure(spread(1), below: spread(3)).verdict == .held)
    #expect(Judgement.measure(spread(1), below: spread(1.5)).verdict == .open)
    #expect(Judgement.measure(spread(3), below: spread(1)).verdict == .notHeld)
    #expect(Judgement.measure(spread(1, 1.01, 0.99), below: spread(1.5, 1.5, 1.5)).verdict == .held)
    // Never at all is longer than any number of steps.
    #expect(Judgement.measure(spread(500), below: spread(.infinity)).verdict == .held)
    #expect(Judgement.measure(spread(0.02, 0.025), atMost: 0.03).verdict == .held)
    #expect(Judgement.measure(spread(0.02, 0.035), atMost: 0.03).verdict == .open)
    #expect(Judgement.measure(spread(0.02), atMost: 0.03).verdict == .open)
    #expect(Judgement.measure(spread(0.01), atMost: 0.03).verdict == .held)
  }

  @Test func oneThatIsNotHeldDecidesSeveralAndOneThatIsOpenTheRest() {
    let open = Judgement.cannotBeTold(because: "no")
    #expect(Judgement.all([.exact(true), open, .exact(false)]).verdict == .notHeld)
    #expect(Judgement.all([.exact(true), open]) == open)
    #expect(Judgement.all([.exact(true), .exact(true)]).verdict == .held)
    #expect(Judgement.all([]).verdict == .notHeld)
    #expect(Judgement.everySeed(spread(1, 1, 0)) { $0 == 1 }.verdict == .open)
    #expect(Judgement.everySeed(spread(0, 0)) { $0 == 1 }.verdict == .notHeld)
    #expect(Judgement.exact(false).unlessShown(because: "the setting is small").verdict == .open)
    #expect(Judgement.exact(true).unlessShown(because: "the setting is small").verdict == .held)
  }
}
