import NormaTerminal
import Testing

struct ProgressDisplayTests {
  /// A terminal that keeps what is written, and a clock that moves when told.
  private final class Recorder {
    var written = ""
    var time = 0.0
    var isInForeground = true

    func terminal(isInteractive: Bool) -> Terminal {
      Terminal(
        isInteractive: isInteractive, isInForeground: { self.isInForeground }, columns: { 80 },
        write: { self.written += $0 })
    }

    func display(
      interactive: Bool, epochs: Int = 2, stepsPerEpoch: Int = 100, style: ProgressDisplay.Style = .automatic
    ) -> ProgressDisplay {
      ProgressDisplay(
        label: "batch", epochs: epochs, stepsPerEpoch: stepsPerEpoch, samplesPerStep: 50, style: style,
        terminal: terminal(isInteractive: interactive), now: { self.time })
    }

    /// How often the bar was drawn: each drawing begins by hiding the cursor.
    var drawings: Int { written.matches(of: #/\u{1B}\[\?25l/#).count }

    /// The lines that stay, as a terminal would show them: a line's text is what follows its last return to the start.
    var lines: [String] {
      written.replacing(#/\u{1B}\[[?0-9;]*[a-zA-Z]/#, with: "").split(separator: "\n", omittingEmptySubsequences: false)
        .map { String($0.split(separator: "\r").last ?? "") }
    }
  }

  @Test func aFileGetsOnePlainLineForEachEpoch() {
    let recorder = Recorder()
    let display = recorder.display(interactive: false)
    for epoch in 1...2 {
      for step in 1...100 {
        recorder.time += 0.01
        display.step(step, epoch: epoch, loss: 1)
      }
      display.epochEnded(epoch: epoch, trainingLoss: 1, validationLoss: 2)
    }
    display.finish()
    #expect(
      recorder.written == """
        batch  epoch 1/2  loss 1.0000  validation loss 2.0000   1.0 s  5.00k samples/s
        batch  epoch 2/2  loss 1.0000  validation loss 2.0000   1.0 s  5.00k samples/s

        """)
  }

  @Test func ofManyEpochsSomeGetALineAndTheLastAlways() {
    func epochs(_ count: Int, endingAfter last: Int) -> [Int] {
      let recorder = Recorder()
      let display = recorder.display(interactive: false, epochs: count)
      for epoch in 1...last { display.epochEnded(epoch: epoch, trainingLoss: 1) }
      display.finish()
      return recorder.written.matches(of: #/epoch +(\d+)\//#).compactMap { Int($0.1) }
    }
    #expect(epochs(20, endingAfter: 20) == Array(1...20))
    // Every fifth of a hundred, and the one that training stopped after.
    #expect(epochs(100, endingAfter: 100) == [1] + stride(from: 5, through: 100, by: 5))
    #expect(epochs(100, endingAfter: 13) == [1, 5, 10, 13])
    #expect(epochs(100, endingAfter: 15) == [1, 5, 10, 15])
  }

  @Test func theBarIsDrawnAtMostTenTimesASecondAndAtTheEndsOfAnEpoch() {
    let recorder = Recorder()
    let display = recorder.display(interactive: true, epochs: 1, stepsPerEpoch: 1000)
    for step in 1...1000 {
      recorder.time += 0.002
      display.step(step, epoch: 1, loss: 1)
    }
    // 2 seconds: twenty drawings, the first step's and the last one's.
    #expect((18...22).contains(recorder.drawings), "\(recorder.drawings)")
    #expect(recorder.lines.last?.contains("0:00 left") == true)
  }

  @Test func anEpochLeavesOneLineAndTheBarGoesOnBelowIt() {
    let recorder = Recorder()
    let display = recorder.display(interactive: true)
    for step in 1...100 {
      recorder.time += 0.01
      display.step(step, epoch: 1, loss: 1, metric: 0.5)
    }
    display.epochEnded(epoch: 1, trainingLoss: 1, validationLoss: 2, trainingMetric: 0.5, validationMetric: 0.25)
    #expect(recorder.lines.count == 2)
    #expect(recorder.lines[0].hasPrefix("batch  epoch 1/2  loss 1.0000  accuracy 50.0%  validation 2.0000  25.0%"))
    #expect(recorder.lines[1].hasPrefix("batch  2/2  ─"))
  }

  @Test func lossAndMetricAreTheEpochsMeansSoFar() {
    let recorder = Recorder()
    let display = recorder.display(interactive: true)
    recorder.time = 1
    display.step(1, epoch: 1, loss: 1, metric: 0)
    recorder.time = 2
    display.step(2, epoch: 1, loss: 2, metric: 1)
    #expect(recorder.lines.last?.contains("loss 1.5000  accuracy 50.0%") == true)
    // 2 of 200 steps in 2 seconds leave 198 more.
    #expect(recorder.lines.last?.contains("50.0 samples/s  3:18 left") == true)
    display.epochEnded(epoch: 1, trainingLoss: 1.5)
    recorder.time = 3
    display.step(1, epoch: 2, loss: 0.25, metric: 0.75)
    #expect(recorder.lines.last?.contains("loss 0.2500  accuracy 75.0%") == true)
  }

  @Test func aRunThatGoesOnFromALaterEpochKnowsItsRemainingTime() {
    let recorder = Recorder()
    let display = recorder.display(interactive: true, epochs: 10)
    recorder.time = 1
    display.step(1, epoch: 10, loss: 1)
    #expect(recorder.lines.last?.contains("1:39 left") == true)
  }

  @Test func theCursorIsShownAgainAndTheBarGoneHoweverTheDisplayEnds() {
    for finishes in [true, false] {
      let recorder = Recorder()
      do {
        let display = recorder.display(interactive: true)
        display.step(1, epoch: 1, loss: 1)
        if finishes { display.finish() }
      }
      #expect(recorder.written.hasSuffix("\r\u{1B}[K\u{1B}[?25h"))
      #expect(recorder.written.matches(of: #/\u{1B}\[\?25h/#).count == 1)
    }
  }

  @Test func aDisplayThatDrewNothingLeavesTheTerminalAlone() {
    let recorder = Recorder()
    recorder.display(interactive: true).finish()
    #expect(recorder.written.isEmpty)
  }

  @Test func quietIsQuiet() {
    for isInteractive in [true, false] {
      let recorder = Recorder()
      let display = recorder.display(interactive: isInteractive, style: .quiet)
      display.step(1, epoch: 1, loss: 1)
      display.epochEnded(epoch: 1, trainingLoss: 1)
      display.finish()
      #expect(recorder.written.isEmpty)
    }
  }

  @Test func inTheBackgroundThereIsNoBarButALineForEachEpoch() {
    let recorder = Recorder()
    recorder.isInForeground = false
    let display = recorder.display(interactive: true)
    display.step(100, epoch: 1, loss: 1)
    display.epochEnded(epoch: 1, trainingLoss: 1)
    display.finish()
    #expect(recorder.written.hasPrefix("batch  epoch 1/2  loss 1.0000"))
    #expect(recorder.drawings == 0)
  }

  @Test func anEpochWithoutStepsHasNoThroughput() {
    let recorder = Recorder()
    let display = recorder.display(interactive: false, stepsPerEpoch: 0)
    recorder.time = 1
    display.epochEnded(epoch: 1, trainingLoss: .nan)
    #expect(recorder.written == "batch  epoch 1/2  loss    nan   1.0 s\n")
  }
}
