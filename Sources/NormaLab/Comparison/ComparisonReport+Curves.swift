/// The figures with lines.
extension ComparisonReport {
  private typealias Epoch = NormComparison.Epoch

  var metricFigure: ReportFigure {
    let goals = Words.list(result.targets.map(result.metricFormat.shortText))
    let goalEntry =
      goals.isEmpty ? [] : [LegendEntry("target\(result.targets.count == 1 ? "" : "s") \(goals)", symbol: .reference)]
    let chart = LineChart(
      title: Words.capitalized(result.validationMetricName), x: ChartAxis("epoch", integersOnly: true),
      y: ChartAxis(result.validationMetricName, format: result.metricFormat),
      series: series { $0.validationMetric } + referenceSeries, references: result.targets, isWide: true)
    return ReportFigure(
      caption: "\(Words.capitalized(result.validationMetricName)) after each epoch",
      reading:
        "Each line is one kind of normalization; the higher, the better, on data that the network was not trained on. "
        + "With the same seed all saw the same batches in the same order." + seedReading
        + (referenceSeries.isEmpty
          ? "" : " Level lines are a linear model and the base line, which does not look at the example.")
        + (goals.isEmpty ? "" : " Where a line first crosses a dotted target is the epoch in the table above.")
        + crossReading([\.validationMetric]),
      finding: finalValues("\(result.validationMetricName) is", \.validationMetric, format: result.metricFormat),
      pictures: [chart],
      legend: groupLegend + referenceSeries.map { LegendEntry($0.name, symbol: .series($0.style)) } + goalEntry)
  }

  /// What the networks are held against, as level lines.
  private var referenceSeries: [ChartSeries] {
    let last = Double(result.runs.flatMap { $0.epochs.map(\.number) }.max() ?? 0)
    guard last > 0 else { return [] }
    return (result.references ?? []).filter(\.validation.metric.isFinite).map { reference in
      ChartSeries(
        name: reference.kind.rawValue,
        points: [0, last].map { .init(x: $0, y: reference.validation.metric) },
        style: SeriesStyle(reference.kind == .linear ? 5 : 7))
    }
  }

  var stepFigure: ReportFigure {
    // More points than this are a thicket, on a phone above all.
    let longest = result.runs.map { $0.stepLosses.count * max(1, $0.stepInterval) }.max() ?? 0
    let width = max(result.runs.map(\.stepInterval).max() ?? 1, (longest + 119) / 120, 1)
    let lines = zip(result.groups, result.groups.styles).map { group, style in
      let means = group.runs.map { stepMeans($0, width: width) }
      return ChartSeries.seeds(
        group.norm, style: style,
        Set(means.flatMap(\.keys)).sorted().map { part in
          (Double((part + 1) * width), Spread(means.compactMap { $0[part] }))
        })
    }
    let averaged = width > 1 ? " Each point is the mean of what was recorded in \(width) steps." : ""
    let chart = LineChart(
      title: "Loss at each step", x: ChartAxis("step", format: .integer, integersOnly: true),
      y: ChartAxis("loss, logarithmic", kind: .logarithmic), series: lines, isWide: true)
    return ReportFigure(
      caption: "Training loss from step to step",
      reading: "The loss on each batch just before the network learned from it, on a logarithmic scale: equal "
        + "distances downwards are equal factors. A flat stretch means that the network is not learning; a rise that "
        + "it took too large a step. The lines are rough because every batch is different." + averaged + seedReading,
      pictures: [chart], legend: groupLegend)
  }

  /// The mean of the losses that were recorded in every so many steps, by the number of the part.
  private func stepMeans(_ run: NormComparison.Run, width: Int) -> [Int: Double] {
    let parts = Dictionary(grouping: run.stepLosses.enumerated()) { $0.offset * max(1, run.stepInterval) / width }
    return parts.mapValues { $0.reduce(0) { $0 + $1.element } / Double($0.count) }
  }

  var curvesFigure: ReportFigure {
    let epochs = result.runs.flatMap(\.epochs)
    let losses = epochs.flatMap { [$0.lossOfTraining, $0.validationLoss, $0.batchTrainingLoss].compactMap(\.self) }
    let metrics = epochs.flatMap {
      [$0.trainingMetric, $0.validationMetric, $0.batchTrainingMetric].compactMap(\.self)
    }
    func chart(_ title: String, _ series: [ChartSeries], isLoss: Bool) -> LineChart {
      LineChart(
        title: title, x: ChartAxis("epoch", integersOnly: true),
        y: isLoss
          ? ChartAxis("loss, logarithmic", kind: .logarithmic, covering: losses)
          : ChartAxis(result.metric.name, format: result.metricFormat, covering: metrics),
        series: series)
    }
    let hasBatchStatistics = epochs.contains { $0.batchTrainingMetric != nil }
    return ReportFigure(
      caption: "Loss and \(result.metric.name), on training and on validation data",
      reading: "Left on the data that the network learns from, right on data that it never sees; both on the same "
        + "scale. Where the left goes on improving while the right does not, the network learns its examples by heart."
        + (hasBatchStatistics
          ? " All are of the network in inference, by running statistics; “by batch” is the same network on the same training data by the "
            + "statistics of its batches, as in training. Where those two part, the running statistics are to blame, and not the weights."
          : "")
        + seedReading
        + crossReading([\.lossOfTraining, \.validationLoss, \.trainingMetric, \.validationMetric]),
      finding: finalValues("training loss is", \.lossOfTraining, format: .plain),
      pictures: [
        chart("Training loss", series { $0.lossOfTraining } + batchSeries { $0.batchTrainingLoss }, isLoss: true),
        chart("Validation loss", series { $0.validationLoss }, isLoss: true),
        chart(
          "Training \(result.metric.name)", series { $0.trainingMetric } + batchSeries { $0.batchTrainingMetric },
          isLoss: false),
        chart("Validation \(result.metric.name)", series { $0.validationMetric }, isLoss: false),
      ],
      layout: .pairs,
      legend: groupLegend + batchSeries { $0.batchTrainingLoss }.map { LegendEntry($0.name, symbol: .series($0.style)) }
    )
  }

  var learningRateFigure: ReportFigure {
    ReportFigure(
      caption: "The learning rate",
      reading: "The learning rate at the end of each epoch.",
      pictures: [
        LineChart(
          title: "Learning rate", x: ChartAxis("epoch", integersOnly: true), y: ChartAxis("learning rate"),
          series: series { $0.learningRate }, isWide: true)
      ],
      legend: groupLegend)
  }

  private var groupLegend: [LegendEntry] {
    zip(result.groups, result.groups.styles).map { LegendEntry($0.norm, symbol: .series($1)) }
  }

  /// A line for each kind, through the means of its seeds, with a band from the lowest to the highest.
  private func series(_ value: (Epoch) -> Double) -> [ChartSeries] {
    zip(result.groups, result.groups.styles).map { group, style in
      .seeds(group.norm, style: style, group.course { value($0) })
    }
  }

  /// A line for each kind that was measured by the statistics of batches too.
  private func batchSeries(_ value: (Epoch) -> Double?) -> [ChartSeries] {
    result.groups.compactMap { group in
      let course = group.course(value)
      return course.isEmpty ? nil : .seeds("\(group.norm), by batch", style: SeriesStyle(6), course)
    }
  }

  /// What a band is, where there are several seeds.
  private var seedReading: String {
    result.seedCount > 1
      ? " Lines are means over \(result.seedCount) seeds, bands reach from the lowest to the highest." : ""
  }

  /// What a cross means, if one of the values is not finite.
  private func crossReading(_ values: [KeyPath<Epoch, Double> & Sendable]) -> String {
    let isBroken = result.runs.contains { run in
      run.epochs.contains { epoch in values.contains { !epoch[keyPath: $0].isFinite } }
    }
    return isBroken ? " Values that are not finite leave a gap; a line that ends in a cross ends in such values." : ""
  }

  private func finalValues(
    _ subject: String, _ value: KeyPath<Epoch, Double> & Sendable, format: NumberFormat
  ) -> String? {
    let values = result.groups.compactMap { group -> String? in
      let last = group.runs.compactMap { $0.epochs.last?[keyPath: value] }
      guard !last.isEmpty else { return nil }
      let spread = Spread(last)
      return "\(spread.mean.isFinite ? spread.text(format) : "not finite") \(group.phrase)"
    }
    return values.isEmpty ? nil : "At the end, \(subject) \(Words.list(values))."
  }
}
