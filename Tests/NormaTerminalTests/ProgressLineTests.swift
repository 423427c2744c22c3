import NormaTerminal
import Testing

struct ProgressLineTests {
  private static func halfway() -> ProgressLine {
    var line = ProgressLine(label: "batch", epochs: 10, stepsPerEpoch: 40)
    line.epoch = 3
    line.step = 20
    line.samplesPerSecond = 12_345
    line.secondsLeft = 3.5
    line.loss = 0.1234
    line.metric = 0.931
    return line
  }

  @Test func aWideLineSaysEverything() {
    let text = Self.halfway().text(width: 130)
    let bar = String(repeating: "━", count: 15) + String(repeating: "─", count: 15)
    #expect(
      text == "batch  epoch  3/10  \(bar)   50%  12.3k samples/s  0:04 left  loss 0.1234  accuracy 93.1%")
  }

  @Test func eightyColumnsHoldBarThroughputTimeLossAndMetric() {
    let text = Self.halfway().text(width: 79)
    #expect(text == "batch   3/10  ━━━━────  12.3k samples/s  0:04 left  loss 0.1234  accuracy 93.1%")
  }

  @Test(arguments: 0...140)
  func noLineIsWiderThanTheTerminal(width: Int) {
    var line = Self.halfway()
    #expect(line.text(width: width).columns <= width)
    #expect(line.text(width: width, glyphs: .ascii).columns <= width)
    line.label = "一つのとても長い名前 of a run that goes on and on"
    line.loss = -1.5e300
    line.samplesPerSecond = nil
    line.secondsLeft = nil
    #expect(line.text(width: width).columns <= width)
  }

  @Test(arguments: [20, 50, 80, 120])
  func colourTakesUpNoColumnsAndIsTurnedOffAgain(width: Int) {
    let plain = Self.halfway().text(width: width)
    let coloured = Self.halfway().text(width: width, usesColor: true)
    #expect(coloured.replacing(#/\u{1B}\[[0-9;]*m/#, with: "") == plain)
    #expect(coloured == plain || coloured.contains("\u{1B}[0m"))
  }

  @Test func theBarStaysInItsPlaceWhileNumbersChange() throws {
    var line = Self.halfway()
    line.step = 40
    let full = line.text(width: 120)
    line.epoch = 10
    line.step = 0
    line.samplesPerSecond = 950
    line.secondsLeft = 75
    line.loss = 12.345
    line.metric = 0.05
    let empty = line.text(width: 120)
    #expect(full.firstIndex(of: "━") == empty.firstIndex(of: "─"))
    #expect(full.count == empty.count)
  }

  @Test func anEpochWithoutStepsIsDone() {
    let line = ProgressLine(label: "batch", epochs: 1, stepsPerEpoch: 0)
    #expect(line.text(width: 100).contains("100%"))
  }

  @Test func beforeTheFirstStepRateAndTimeAreUnknown() {
    let text = ProgressLine(label: "batch", epochs: 1, stepsPerEpoch: 10).text(width: 100)
    #expect(text.contains(" - samples/s"))
    #expect(text.contains("-:-- left"))
    #expect(!text.contains("loss"))
  }
}

struct EpochLineTests {
  private static let line = EpochLine(
    label: "batch", epoch: 3, epochs: 10, trainingLoss: 0.1234, validationLoss: 0.2345, trainingMetric: 0.931,
    validationMetric: 0.91, seconds: 1.23, samplesPerSecond: 12_345)

  @Test func withoutALimitTheLineSaysEverything() {
    #expect(
      Self.line.text() == "batch  epoch  3/10  loss 0.1234  accuracy 93.1%  "
        + "validation loss 0.2345  accuracy 91.0%   1.2 s  12.3k samples/s")
  }

  @Test func eightyColumnsHoldBothSplits() {
    #expect(
      Self.line.text(width: 79) == "batch   3/10  loss 0.1234  accuracy 93.1%  validation 0.2345  91.0%   1.2 s")
  }

  @Test func sixtyColumnsStillSayWhatIsTrained() {
    #expect(Self.line.text(width: 59) == "batch   3/10  validation loss 0.2345  accuracy 91.0%")
  }

  @Test(arguments: 0...140)
  func noLineIsWiderThanTheTerminal(width: Int) {
    #expect(Self.line.text(width: width).columns <= width)
    #expect(Self.line.text(width: width, glyphs: .ascii).columns <= width)
  }

  @Test func whatThereIsNotIsNotNamed() {
    #expect(EpochLine(label: "", epoch: 1, epochs: 1, trainingLoss: .nan).text() == "epoch 1/1  loss    nan")
    let onlyMetric = EpochLine(label: "", epoch: 1, epochs: 1, trainingLoss: 1, validationMetric: 0.5)
    #expect(onlyMetric.text() == "epoch 1/1  loss 1.0000  validation accuracy 50.0%")
  }
}
