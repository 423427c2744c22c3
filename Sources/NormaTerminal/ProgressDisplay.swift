import Foundation

/// Shows on a terminal how training gets on: a line that is redrawn in place, and one that stays for each epoch, or of many epochs
/// for every so many of them and the last.
///
/// Where nothing can be redrawn, as in a file, there are only the lines that stay.
///
///     let display = ProgressDisplay(label: "batch", epochs: 10, stepsPerEpoch: 29, samplesPerStep: 50)
///     display.step(1, epoch: 1, loss: 2.3026, metric: 0.12)
///     display.epochEnded(epoch: 1, trainingLoss: 1.2, validationLoss: 1.1, trainingMetric: 0.6, validationMetric: 0.7)
///     display.finish()
public final class ProgressDisplay {
  /// How much is shown.
  public enum Style: Sendable {
    /// What the terminal can show.
    case automatic
    /// Nothing.
    case quiet
  }

  /// Ten drawings a second, and one of each epoch's last step, look alive and are no load for the terminal.
  private static let secondsBetweenDrawings = 0.1

  private let style: Style
  private let terminal: Terminal
  private let now: () -> Double
  private let samplesPerStep: Int
  /// Of how many epochs one gets a line.
  private let lineInterval: Int
  /// The line of the last epoch, where it was left out.
  private var leftOut: String?
  private var line: ProgressLine

  private let start: Double
  private var stepsSinceStart = 0
  private var epochStart: Double
  private var stepsThisEpoch = 0
  private var lastStep: Double
  private var lastDrawing = -Double.infinity
  private var losses = Mean()
  private var metrics = Mean()
  private let status: StatusLine

  /// A display of training that begins now.
  ///
  /// - Parameters:
  ///   - label: What is being trained.
  ///   - epochs: The number of the last epoch.
  ///   - stepsPerEpoch: How many steps each epoch has.
  ///   - samplesPerStep: How many samples each step takes, for the throughput.
  ///   - metric: The name of the metric that is given along with the losses.
  ///   - lines: About how many epochs get a line that stays; all where there are no more.
  ///   - style: How much is shown.
  ///   - terminal: Where it is shown.
  ///   - now: The time in seconds since a fixed moment.
  public init(
    label: String, epochs: Int, stepsPerEpoch: Int, samplesPerStep: Int, metric: MetricLabel = .accuracy,
    lines: Int = 20, style: Style = .automatic, terminal: Terminal = .standardError,
    now: @escaping () -> Double = { ProcessInfo.processInfo.systemUptime }
  ) {
    self.style = style
    self.terminal = terminal
    self.now = now
    self.samplesPerStep = samplesPerStep
    lineInterval = max(1, (epochs + max(1, lines) - 1) / max(1, lines))
    status = StatusLine(terminal)
    line = ProgressLine(label: label, epochs: epochs, stepsPerEpoch: stepsPerEpoch, metricLabel: metric)
    start = now()
    epochStart = start
    lastStep = start
  }

  deinit { finish() }

  /// Tells of a step that is done.
  ///
  /// What is shown of loss and metric is their mean over the epoch so far, since a single batch's values jump.
  ///
  /// - Parameters:
  ///   - step: How many steps of this epoch are done, this one included.
  ///   - epoch: The epoch under way, from 1.
  ///   - loss: The batch's loss.
  ///   - metric: The batch's metric, if there is one.
  public func step(_ step: Int, epoch: Int, loss: Double, metric: Double? = nil) {
    guard style == .automatic else { return }
    lastStep = now()
    stepsSinceStart += 1
    stepsThisEpoch += 1
    losses.add(loss)
    if let metric { metrics.add(metric) }
    guard terminal.isInteractive else { return }

    let isDue = lastStep - lastDrawing >= Self.secondsBetweenDrawings || step == line.stepsPerEpoch
    guard isDue, status.canDraw else { return }
    line.epoch = epoch
    line.step = step
    line.loss = losses.value
    line.metric = metrics.value
    line.samplesPerSecond = samplesPerSecond
    let stepsLeft = (line.epochs - epoch) * line.stepsPerEpoch + line.stepsPerEpoch - step
    line.secondsLeft = (lastStep - start) / Double(stepsSinceStart) * Double(stepsLeft)
    draw()
  }

  /// Tells of the end of an epoch, after its validation if there is any.
  public func epochEnded(
    epoch: Int, trainingLoss: Double, validationLoss: Double? = nil, trainingMetric: Double? = nil,
    validationMetric: Double? = nil
  ) {
    guard style == .automatic else { return }
    let end = now()
    let summary = EpochLine(
      label: line.label, epoch: epoch, epochs: line.epochs, trainingLoss: trainingLoss, validationLoss: validationLoss,
      trainingMetric: trainingMetric, validationMetric: validationMetric, metricLabel: line.metricLabel,
      seconds: end - epochStart, samplesPerSecond: samplesPerSecond)
    let text = summary.text(width: terminal.isInteractive ? status.columns : nil, glyphs: terminal.glyphs)
    if epoch == 1 || epoch % lineInterval == 0 || epoch == line.epochs {
      status.write(text)
      leftOut = nil
    } else {
      leftOut = text
    }
    epochStart = end
    stepsThisEpoch = 0
    losses = Mean()
    metrics = Mean()
    if status.isDrawn && epoch < line.epochs && status.canDraw {
      line.epoch = epoch + 1
      line.step = 0
      draw()
    }
  }

  /// Writes something worth knowing on a line that stays.
  public func note(_ text: String) {
    guard style == .automatic else { return }
    status.write(text.singleLine)
  }

  /// Takes the bar away, if there is one, and gives the cursor back, after the line of the last epoch if that is still to come.
  /// Happens by itself when the display goes away.
  public func finish() {
    if let leftOut { status.write(leftOut) }
    leftOut = nil
    status.finish()
  }

  private var samplesPerSecond: Double? {
    let seconds = lastStep - epochStart
    return stepsThisEpoch > 0 && seconds > 0 ? Double(stepsThisEpoch * samplesPerStep) / seconds : nil
  }

  private func draw() {
    lastDrawing = now()
    status.draw(line.text(width: status.columns, glyphs: terminal.glyphs, usesColor: terminal.usesColor))
  }
}

/// The mean of the numbers seen so far.
private struct Mean {
  private var sum = 0.0
  private var count = 0

  mutating func add(_ value: Double) {
    sum += value
    count += 1
  }

  var value: Double? { count > 0 ? sum / Double(count) : nil }
}
