/// How an epoch ended, as one line.
public struct EpochLine: Sendable {
  /// What is being trained.
  public var label: String
  /// The epoch that ended, from 1, and how many there are.
  public var epoch: Int, epochs: Int
  /// The loss on the training and, if there is one, the validation split.
  public var trainingLoss: Double, validationLoss: Double?
  /// The metric on both splits, if there is one.
  public var trainingMetric: Double?, validationMetric: Double?
  /// The metric's name.
  public var metricLabel: MetricLabel
  /// How long the epoch took in seconds, validation included.
  public var seconds: Double?
  /// Samples a second in training, if known.
  public var samplesPerSecond: Double?

  /// An epoch's results.
  public init(
    label: String, epoch: Int, epochs: Int, trainingLoss: Double, validationLoss: Double? = nil,
    trainingMetric: Double? = nil, validationMetric: Double? = nil, metricLabel: MetricLabel = .accuracy,
    seconds: Double? = nil, samplesPerSecond: Double? = nil
  ) {
    self.label = label
    self.epoch = epoch
    self.epochs = epochs
    self.trainingLoss = trainingLoss
    self.validationLoss = validationLoss
    self.trainingMetric = trainingMetric
    self.validationMetric = validationMetric
    self.metricLabel = metricLabel
    self.seconds = seconds
    self.samplesPerSecond = samplesPerSecond
  }

  /// The line; with a `width`, in at most so many columns, in fewer words and then with less in it where that must be.
  public func text(width: Int? = nil, glyphs: Glyphs = .unicode) -> String {
    let label = label.isEmpty ? nil : label.singleLine
    let counter = epochCounter(epoch, of: epochs)
    let metricName = metricLabel.name
    let training = results("loss", trainingLoss, metricName, trainingMetric)
    // Beside a loss that is called the validation's, the metric needs no second word to say so.
    let hasLoss = validationLoss != nil
    let validation = results(
      "validation loss", validationLoss, hasLoss ? metricName : "validation \(metricName)", validationMetric)
    let shortValidation = hasLoss ? results("validation", validationLoss, "", validationMetric) : validation
    let time = seconds.map { Formatting.duration($0).padded(toColumns: 6, alignedRight: true) }
    let rate = samplesPerSecond.map { Formatting.rate($0).padded(toColumns: 5, alignedRight: true) + " samples/s" }
    let epoch = "epoch " + counter

    let choices: [[String?]] = [
      [label, epoch, training, validation, time, rate],
      [label, epoch, training, validation, time],
      [label, epoch, training, shortValidation, time],
      [label, counter, training, shortValidation, time],
      [label, counter, training, shortValidation],
      [label, counter, validation ?? training],
      [label, counter, shortValidation ?? training],
      [counter, training, shortValidation],
      [counter, validation ?? training],
      [counter, shortValidation ?? training],
    ]
    let lines = choices.map { $0.compactMap { $0 }.joined(separator: "  ") }
    guard let width, let shortest = lines.last else { return lines[0] }
    return lines.first { $0.columns <= width } ?? shortest.truncated(toColumns: width, ellipsis: glyphs.ellipsis)
  }

  private func results(_ lossName: String, _ loss: Double?, _ metricName: String, _ metric: Double?) -> String? {
    let loss = loss.map { "\(lossName) " + Formatting.number($0).padded(toColumns: 6, alignedRight: true) }
    let metric = metric.map {
      (metricName.isEmpty ? "" : metricName + " ") + metricLabel.text($0).padded(toColumns: 5, alignedRight: true)
    }
    let fields = [loss, metric].compactMap { $0 }
    return fields.isEmpty ? nil : fields.joined(separator: "  ")
  }
}
