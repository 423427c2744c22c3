import ArgumentParser
import Foundation
import Norma
import NormaLab
import NormaTerminal

/// `norma predict`: a saved model's answers.
struct Predict: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Ask a saved model about new examples.",
    usage: "norma predict <model> (<file> | --data <source>) [<options>]",
    discussion: """
      The examples come from a CSV file, plain or gzip, with a row for each and the features the model was trained on: in \
      the same order, or under the same names in a header. A label column may be there and is passed over. A - \
      in place of a file stands for standard input.

      EXAMPLES
        norma predict norma-model new.csv
        norma predict norma-model - < new.csv
        norma predict norma-model --data mnist:mnist --rows 0-9 --top 3
      """)

  @Argument(help: ArgumentHelp("A model.safetensors, or the folder it is in.", valueName: "model"))
  var model: String

  @Argument(help: ArgumentHelp("A CSV file with a row for each example; - for standard input.", valueName: "file"))
  var file: String?

  @Option(
    help: ArgumentHelp(
      "Examples from data as for train, in place of a file: their test part, or all.", valueName: "source"))
  var data: String?

  @Option(help: ArgumentHelp("Only these rows, counted from 0: 7, or 0-9.", valueName: "range"))
  var rows: String?

  @Option(help: ArgumentHelp("How many classes to show for each example.", valueName: "count"))
  var top = 1

  @Flag(help: "Print the results as JSON, with the probability of every class.")
  var json = false

  func validate() throws {
    guard (file == nil) != (data == nil) else {
      throw ValidationError("Name either a CSV file or --data, to say what to predict for.")
    }
    if let data { try validateSource(data) }
    guard top >= 1 else { throw ValidationError("--top takes a number from 1 on, not \(top).") }
    if let rows, parseRows(rows) == nil { throw ValidationError("--rows takes 7 or 0-9, not '\(rows)'.") }
  }

  private func parseRows(_ text: String) -> ClosedRange<Int>? {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
    guard let first = parts[0], first >= 0, parts.count <= 2 else { return nil }
    guard parts.count == 2 else { return first...first }
    guard let last = parts[1], last >= first else { return nil }
    return first...last
  }

  /// One example's answer, as `--json` prints it.
  private struct Prediction: Encodable {
    var row: Int
    var label: String?
    var probabilities: [String: Double]?
    var values: [Double]?
  }

  func run() throws {
    let checkpoint = try Checkpoint(contentsOf: checkpointPath(model))
    let network = try checkpoint.makeModel()
    let (features, firstRow) = try readFeatures(checkpoint)
    _ = try network.outputShape(for: features.shape)
    let outputs = try network.predict(features)
    let predictions = predictions(outputs, firstRow, checkpoint.settings.outputs)
    if json {
      try outputJSON(predictions)
    } else {
      try output(table(predictions, checkpoint.settings.outputs))
    }
  }

  private func readFeatures(_ checkpoint: Checkpoint) throws -> (Tensor<Float>, firstRow: Int) {
    let shape = Shape(checkpoint.settings.exampleShape)
    var features: Tensor<Float>
    if let data {
      let loaded = try DataSource(data).load(options: CSVOptions(hasHeader: checkpoint.settings.data.hasHeader))
      features = (loaded.test ?? loaded.training).features
    } else {
      let (bytes, name) = try input(file ?? "-")
      let options = CSVOptions(
        labelColumns: checkpoint.settings.data.labelColumn.map {
          $0.split(separator: ",").map { CSVOptions.Column(String($0)) }
        } ?? [.number(-1)], hasHeader: checkpoint.settings.data.hasHeader)
      features = try CSV.features(
        bytes: bytes, file: name, featureCount: shape.elementCount,
        featureNames: checkpoint.settings.featureNames, options: options)
      features = features.reshaped(to: Shape([features.shape[0]] + Array(shape)))
    }
    var firstRow = 0
    if let rows, let range = parseRows(rows) {
      guard range.upperBound < features.shape[0] else {
        throw UsageError("--rows \(rows): the data have the rows 0 to \(features.shape[0] - 1).")
      }
      features = features[rows: range.lowerBound..<range.upperBound + 1]
      firstRow = range.lowerBound
    }
    if let standardization = checkpoint.standardization { features = try standardization.applied(to: features) }
    return (features, firstRow)
  }

  private func predictions(
    _ outputs: Tensor<Float>, _ firstRow: Int, _ kind: Checkpoint.Outputs
  ) -> [Prediction] {
    let best = outputs.indicesOfMaximaOverChannels()
    return (0..<outputs.shape[0]).map { row in
      let scores = outputs[rows: row..<row + 1].elements.map(Double.init)
      switch kind {
      case .values: return Prediction(row: firstRow + row, values: scores)
      case .classes(let names):
        let exponentials = scores.map { exp($0 - scores[best[row]]) }
        let sum = exponentials.reduce(0, +)
        return Prediction(
          row: firstRow + row, label: names[best[row]],
          probabilities: Dictionary(
            zip(names, exponentials.map { $0 / sum }), uniquingKeysWith: { first, _ in first }))
      }
    }
  }

  private func table(_ predictions: [Prediction], _ kind: Checkpoint.Outputs) -> TextTable {
    switch kind {
    case .values(let count):
      var table = TextTable(
        columns: [.numbers("row")] + (0..<count).map { .numbers(count == 1 ? "value" : "value \($0 + 1)") })
      for prediction in predictions {
        table.addRow(["\(prediction.row)"] + (prediction.values ?? []).map(Formatting.number))
      }
      return table
    case .classes(let names):
      let shown = min(top, names.count)
      var table = TextTable(
        columns: [.numbers("row")]
          + (0..<shown).flatMap { place -> [TextTable.Column] in
            [.words(place == 0 ? "class" : "then"), .numbers("probability")]
          })
      for prediction in predictions {
        let order = (prediction.probabilities ?? [:]).sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        table.addRow(
          ["\(prediction.row)"] + order.prefix(shown).flatMap { [$0.key, Formatting.percentage($0.value)] })
      }
      return table
    }
  }
}
