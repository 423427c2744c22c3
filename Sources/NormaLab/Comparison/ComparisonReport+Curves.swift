/// The figures with lines.
extension ComparisonReport {
  private typealias Epoch = NormComparison.Epoch

  var metricFigure: ReportFigure {
    let goals = Words.list(result.targets.map(result.metricFormat.shortText))
    let goalEntry =
      goals.isEmpty ? [] : [LegendEntry("target\(result.targets.count == 1 ? "" : "s") \(goals)", symbol: .reference)]
    let chart = LineChart(
      title: Words.capitalized(result.validationMetricName), x: ChartAxis("epoch", integersOnly: true),
      y: ChartAxis(result.validationMetricName, format: result.metricFormat), series: series(\.validationMetric),
      references: result.targets, isWide: true)
    return ReportFigure(
      caption: "\(Words.capitalized(result.validationMetricName)) after each epoch",
      reading: "Each line is one run; the higher, the better, on data that the network was not trained on. "
        + "All runs saw the same batches in the same order."
        + (goals.isEmpty ? "" : " Where a line first crosses a dotted target is the epoch in the table above.")
        + crossReading([\.validationMetric]),
      finding: finalValues("\(result.validationMetricName) is", \.validationMetric, format: result.metricFormat),
      pictures: [chart], legend: runLegend + goalEntry)
  }

  var stepFigure: ReportFigure {
    // More points than this are a thicket, on a phone above all.
    let longest = result.runs.map(\.stepLosses.count).max() ?? 0
    let group = max(1, (longest + 119) / 120)
    let lines = zip(result.runs, result.runs.styles).map { run, style in
      let starts = stride(from: 0, to: run.stepLosses.count, by: group)
      let points = starts.map { start in
        let values = run.stepLosses[start..<min(start + group, run.stepLosses.count)]
        return ChartSeries.Point(
          x: Double(start + values.count) * Double(max(1, run.stepInterval)),
          y: values.reduce(0, +) / Double(values.count))
      }
      return ChartSeries(name: run.norm, points: points, style: style)
    }
    let averaged = group > 1 ? " Each point is the mean of \(group) recorded steps." : ""
    let chart = LineChart(
      title: "Loss at each step", x: ChartAxis("step", format: .integer, integersOnly: true),
      y: ChartAxis("loss, logarithmic", kind: .logarithmic), series: lines, isWide: true)
    return ReportFigure(
      caption: "Training loss from step to step",
      reading: "The loss on each batch just before the network learned from it, on a logarithmic scale: equal "
        + "distances downwards are equal factors. A flat stretch means that the network is not learning; a rise that "
        + "it took too large a step. The lines are rough because every batch is different." + averaged,
      pictures: [chart], legend: runLegend)
  }

  var curvesFigure: ReportFigure {
    let epochs = result.runs.flatMap(\.epochs)
    let losses = epochs.flatMap { [$0.trainingLoss, $0.validationLoss] }
    let metrics = epochs.flatMap { [$0.trainingMetric, $0.validationMetric] }
    func chart(
      _ title: String, _ value: KeyPath<NormComparison.Epoch, Double> & Sendable, isLoss: Bool
    ) -> LineChart {
      LineChart(
        title: title, x: ChartAxis("epoch", integersOnly: true),
        y: isLoss
          ? ChartAxis("loss, logarithmic", kind: .logarithmic, covering: losses)
          : ChartAxis(result.metric.name, format: result.metricFormat, covering: metrics),
        series: series(value))
    }
    return ReportFigure(
      caption: "Loss and \(result.metric.name), on training and on validation data",
      reading: "Left on the data that the network learns from, right on data that it never sees; both on the same "
        + "scale. Where the left goes on improving while the right does not, the network learns its examples by heart."
        + crossReading([\.trainingLoss, \.validationLoss, \.trainingMetric, \.validationMetric]),
      finding: finalValues("training loss is", \.trainingLoss, format: .plain),
      pictures: [
        chart("Training loss", \.trainingLoss, isLoss: true),
        chart("Validation loss", \.validationLoss, isLoss: true),
        chart("Training \(result.metric.name)", \.trainingMetric, isLoss: false),
        chart("Validation \(result.metric.name)", \.validationMetric, isLoss: false),
      ],
      layout: .pairs, legend: runLegend)
  }

  var learningRateFigure: ReportFigure {
    ReportFigure(
      caption: "The learning rate",
      reading: "The learning rate at the end of each epoch.",
      pictures: [
        LineChart(
          title: "Learning rate", x: ChartAxis("epoch", integersOnly: true), y: ChartAxis("learning rate"),
          series: series(\.learningRate), isWide: true)
      ],
      legend: runLegend)
  }

  private var runLegend: [LegendEntry] {
    zip(result.runs, result.runs.styles).map { LegendEntry($0.norm, symbol: .series($1)) }
  }

  private func series(_ value: KeyPath<Epoch, Double> & Sendable) -> [ChartSeries] {
    zip(result.runs, result.runs.styles).map { run, style in
      ChartSeries(
        name: run.norm, points: run.epochs.map { .init(x: Double($0.number), y: $0[keyPath: value]) }, style: style)
    }
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
    let values = result.runs.compactMap { run in
      run.epochs.last.map { epoch in
        let value = epoch[keyPath: value]
        return "\(value.isFinite ? format.text(value) : "not finite") \(run.phrase)"
      }
    }
    return values.isEmpty ? nil : "At the end, \(subject) \(Words.list(values))."
  }
}
