import NormaLab
import Testing

@Suite struct HeadlineTests {
  private func headline(_ runs: [NormComparison.Run], targets: [Double] = [0.8, 0.95], isPercentage: Bool = true)
    -> String
  {
    ComparisonReport(SampleComparison.of(runs, targets: targets, isPercentage: isPercentage)).headline
  }

  private func introduction(_ runs: [NormComparison.Run]) -> String {
    ComparisonReport(SampleComparison.of(runs)).page.introduction.joined(separator: " ")
  }

  @Test func itSaysWhoReachedTheHighestTargetAndWhen() {
    let runs = [
      SampleComparison.run("none", [0.1, 0.3, 0.82, 0.9]), SampleComparison.run("batch", [0.1, 0.96, 0.97, 0.97]),
      SampleComparison.run("layer", [0.1, 0.9, 0.91, 0.95]),
    ]
    #expect(
      headline(runs) == "With batch normalization, validation accuracy reached 95 % after 1 epoch; with layer "
        + "normalization after 3 epochs; without normalization it stayed below 95 % in all 3 epochs.")
  }

  @Test func itFallsBackToALowerTargetIfNoRunReachedTheHighest() {
    let runs = [SampleComparison.run("none", [0.1, 0.3]), SampleComparison.run("batch", [0.1, 0.85])]
    #expect(headline(runs).hasPrefix("With batch normalization, validation accuracy reached 80 % after 1 epoch;"))
  }

  @Test func itSaysThatNobodyReachedAnyTarget() {
    let runs = [SampleComparison.run("none", [0.1, 0.3]), SampleComparison.run("batch", [0.1, 0.7999, 0.5])]
    // Rounded to the nearest it would read 80.0 %.
    #expect(
      headline(runs) == "No run reached 80 % validation accuracy; the best was 79.9 %, with batch normalization after "
        + "1 epoch.")
  }

  @Test func itSaysThatThePlainNetworkWins() {
    let runs = [SampleComparison.run("none", [0.1, 0.96]), SampleComparison.run("batch", [0.1, 0.5, 0.97])]
    #expect(
      headline(runs)
        == "Without normalization, validation accuracy reached 95 % after 1 epoch; with batch normalization after 2 "
        + "epochs.")
    #expect(
      introduction(runs).contains("Normalization did not speed learning up here: the network without it was first."))
    let tie = [SampleComparison.run("none", [0.1, 0.96]), SampleComparison.run("batch", [0.1, 0.97])]
    #expect(introduction(tie).contains("was just as fast"))
    #expect(
      !introduction(
        runs.reversed().map { run in
          var run = run
          run.norm = run.norm == "none" ? "batch" : "none"
          return run
        }
      ).contains("did not speed"))
  }

  @Test func runsThatAreEquallyFastShareTheHeadline() {
    let runs = [SampleComparison.run("layer", [0.1, 0.96]), SampleComparison.run("batch", [0.1, 0.97])]
    #expect(
      headline(runs)
        == "With layer normalization and with batch normalization, validation accuracy reached 95 % after 1 epoch.")
  }

  @Test func itSaysIfAnotherRunWasFirstAtALowerTarget() {
    let runs = [SampleComparison.run("none", [0.1, 0.85, 0.86]), SampleComparison.run("batch", [0.1, 0.5, 0.97])]
    #expect(
      introduction(runs).contains(
        "At 80 % the order was another: it was reached first without normalization, after 1 epoch."))
  }

  @Test func aRunThatStoppedIsNotSaidToHaveHadAllItsEpochs() {
    let report = ComparisonReport(SampleComparison.typical)
    #expect(
      report.headline.contains("with layer normalization it stayed below 95 % until training stopped after 2 epochs"))
    #expect(
      report.page.html().contains(
        "The run with layer normalization stopped early: the loss is not finite at step 12."))
  }

  @Test func itHoldsWithoutRunsTargetsOrFiniteValues() {
    #expect(headline([]) == "There are no runs to compare.")
    #expect(headline([SampleComparison.run("none", [.nan])]) == "No run has a finite validation accuracy.")
    #expect(headline([SampleComparison.run("none", [])]) == "No run has a finite validation accuracy.")
    let run = SampleComparison.run("batch", [0.1, 0.5])
    #expect(
      headline([run], targets: [])
        == "The best validation accuracy, 50.0 %, was reached with batch normalization after 1 epoch.")
    #expect(
      headline([run]) == "The network did not reach 80 % validation accuracy; its best was 50.0 %, with batch "
        + "normalization after 1 epoch.")
  }

  @Test func aMetricThatIsNoShareIsNotShownInPerCent() {
    #expect(
      headline([SampleComparison.run("batch", [0.1, 0.9])], isPercentage: false)
        == "With batch normalization, validation R² reached 0.8 after 1 epoch.")
  }
}
