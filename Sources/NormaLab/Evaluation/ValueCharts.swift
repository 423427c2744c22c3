/// The two pictures of predicted numbers: beside the true ones, and how far they are from them.
struct ValueCharts {
  private let name: String
  private let predicted: [Double]
  private let wanted: [Double]

  init(name: String, predicted: [Double], wanted: [Double]) {
    self.name = name
    self.predicted = predicted
    self.wanted = wanted
  }

  /// What the reader must know where not every example is drawn.
  var thinning: String {
    predicted.count > PointChart.maximumDotCount
      ? " There are \(NumberFormat.integer.text(Double(predicted.count))) examples, of which every so many is drawn."
      : ""
  }

  /// What was predicted over what is true.
  var comparison: PointChart {
    let table = table("Predicted and true", by: wanted, "true", of: predicted, "predicted")
    return PointChart(
      title: "Predicted and true", x: ChartAxis("true \(name)"), y: ChartAxis("predicted \(name)"),
      points: zip(wanted, predicted).map { .init(x: $0, y: $1) }, mark: .dots, reference: .diagonal,
      summary: summary(table), table: table)
  }

  /// What was predicted less what is true, over what was predicted.
  var residuals: PointChart {
    let differences = zip(predicted, wanted).map { $0 - $1 }
    let table = table("Predicted less true", by: predicted, "predicted", of: differences, "predicted less true")
    return PointChart(
      title: "Predicted less true", x: ChartAxis("predicted \(name)"), y: ChartAxis("predicted less true"),
      points: zip(predicted, differences).map { .init(x: $0, y: $1) }, mark: .dots, reference: .horizontal(0),
      summary: summary(table), table: table)
  }

  /// Thousands of dots summed up: tenths of the examples in the order of one number, with the mean, least and greatest of the
  /// other.
  private func table(
    _ caption: String, by order: [Double], _ orderName: String, of values: [Double], _ valueName: String
  ) -> ReportTable {
    let sorted = order.indices.sorted { order[$0] < order[$1] }
    let groupCount = min(10, sorted.count)
    let format = NumberFormat.plain
    let rows = (0..<groupCount).map { group -> [String] in
      let members = sorted[group * sorted.count / groupCount..<(group + 1) * sorted.count / groupCount]
      let part = members.map { values[$0] }
      let ends = [members.first, members.last].compactMap { $0.map { format.text(order[$0]) } }
      return [
        ends.joined(separator: " to "), NumberFormat.integer.text(Double(part.count)),
        format.text(part.reduce(0, +) / Double(part.count)), format.text(part.min() ?? .nan),
        format.text(part.max() ?? .nan),
      ]
    }
    return ReportTable(
      caption: caption,
      columns: [.init(orderName)]
        + ["examples", "\(valueName), mean", "least", "greatest"].map { .init($0, alignment: .trailing) },
      rows: rows)
  }

  private func summary(_ table: ReportTable) -> String {
    table.rows.map { "\(table.columns[0].title) \($0[0]): \(table.columns[2].title) \($0[2])." }.joined(separator: " ")
  }
}
