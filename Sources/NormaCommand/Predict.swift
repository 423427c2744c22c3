import ArgumentParser
import Foundation
import Norma
import NormaLab
import NormaTerminal

/// `norma predict`: a saved model's answers.
struct Predict: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Ask a saved model about new examples.",
    usage: "norma predict <model> (<file> ... | --data <source>) [<options>]",
    discussion: """
      The examples come from a CSV file, plain or gzip, with a row for each and the features the model was trained on: in \
      the same order, or under the same names in a header. A label column may be there and is passed over. A - \
      in place of a file stands for standard input.

      Or they are PNG and JPEG files, one or several, which is told by their content. An image is scaled until it just \
      covers the size that the model was trained on, and its middle is taken. A model of grey images sees a colour one's \
      luminance, a model of colour images a grey one's value in all three channels. What is transparent lies over white, \
      and a picture is turned as the camera noted it must be (EXIF).

      EXAMPLES
        norma predict norma-model new.csv
        norma predict norma-model - < new.csv
        norma predict norma-model cat.jpg dog.png
        norma predict norma-model --data mnist:mnist --rows 0-9 --top 3
      """)

  @Argument(help: ArgumentHelp("A model.safetensors, or the folder it is in.", valueName: "model"))
  var model: String

  @Argument(
    help: ArgumentHelp(
      "A CSV file with a row for each example, or PNG and JPEG files; - for standard input.", valueName: "file"))
  var files: [String] = []

  @Option(
    help: ArgumentHelp(
      "Examples from data as for train, in place of files: their test part, or all.", valueName: "source"))
  var data: String?

  @Option(help: ArgumentHelp("CSV and --data: only these rows, counted from 0: 7, or 0-9.", valueName: "range"))
  var rows: String?

  @Option(
    help: ArgumentHelp(
      "How many classes to show for each example, the most likely first. (default: 1; 3 for image files)",
      valueName: "count"))
  var top: Int?

  @Flag(help: "Print the results as JSON, with the probability of every class.")
  var json = false

  func validate() throws {
    guard files.isEmpty != (data == nil) else {
      throw ValidationError("Name either files or --data, to say what to predict for.")
    }
    guard files.count(where: { $0 == "-" }) <= 1 else { throw ValidationError("Standard input, -, can be read once.") }
    if let data { try validateSource(data) }
    if let top, top < 1 { throw ValidationError("--top takes a number from 1 on, not \(top).") }
    if let rows, parseRows(rows) == nil { throw ValidationError("--rows takes 7 or 0-9, not '\(rows)'.") }
  }

  private func parseRows(_ text: String) -> ClosedRange<Int>? {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
    guard let first = parts[0], first >= 0, parts.count <= 2 else { return nil }
    guard parts.count == 2 else { return first...first }
    guard let last = parts[1], last >= first else { return nil }
    return first...last
  }

  /// What is predicted for: standardized features `[N, …]`, and what each of the examples is called.
  private struct Examples {
    var features: Tensor<Float>
    /// The files that are an example each; nil where the examples are rows.
    var files: [String]?
    var firstRow = 0
  }

  /// One example's answer, as `--json` prints it.
  private struct Prediction: Encodable {
    var file: String?
    var row: Int?
    var label: String?
    var probabilities: [String: Double]?
    var values: [Double]?
  }

  func run() throws {
    let checkpoint = try Checkpoint(contentsOf: checkpointPath(model))
    let network = try checkpoint.makeModel()
    var examples = try examples(checkpoint)
    _ = try network.outputShape(for: examples.features.shape)
    if let standardization = checkpoint.standardization {
      examples.features = try standardization.applied(to: examples.features)
    }
    let outputs = try network.answers(for: examples.features)
    let predictions = predictions(outputs, examples, checkpoint.settings.outputs)
    if json {
      try outputJSON(predictions)
    } else {
      try output(table(predictions, checkpoint.settings.outputs))
    }
  }

  private func examples(_ checkpoint: Checkpoint) throws -> Examples {
    guard data == nil else { return try rows(of: try dataFeatures(checkpoint)) }
    let first = try input(files[0])
    // Content decides; the name, only that what is no image was meant to be one.
    let isCalledImage = ["png", "jpg", "jpeg"].contains((first.name as NSString).pathExtension.lowercased())
    if files.count == 1 && !isCalledImage && !RasterImage.isImage(first.bytes) {
      return try rows(of: try csvFeatures(first.bytes, file: first.name, checkpoint))
    }
    if rows != nil { throw UsageError("--rows is for CSV files and --data: an image is one example.") }
    return try images(first, checkpoint)
  }

  private func dataFeatures(_ checkpoint: Checkpoint) throws -> Tensor<Float> {
    let loaded = try checkpoint.load(data ?? "", allowsOtherClasses: true)
    var features = (loaded.test ?? loaded.training).features
    features.shapeExamples(as: Shape(checkpoint.settings.exampleShape))
    return features
  }

  private func csvFeatures(_ bytes: [UInt8], file: String, _ checkpoint: Checkpoint) throws -> Tensor<Float> {
    let shape = Shape(checkpoint.settings.exampleShape)
    let options = CSVOptions(
      labelColumns: checkpoint.settings.data.labelColumn.map {
        $0.split(separator: ",").map { CSVOptions.Column(String($0)) }
      } ?? [.number(-1)], hasHeader: checkpoint.settings.data.hasHeader)
    let features = try CSV.features(
      bytes: bytes, file: file, featureCount: shape.elementCount,
      featureNames: checkpoint.settings.featureNames, options: options)
    return features.reshaped(to: Shape([features.shape[0]] + Array(shape)))
  }

  private func images(_ first: (bytes: [UInt8], name: String), _ checkpoint: Checkpoint) throws -> Examples {
    guard let shape = checkpoint.imageShape else {
      throw FormatError(
        file: first.name, problem: "it is an image, and the model takes none",
        remedy: "The model takes examples of shape \(Shape(checkpoint.settings.exampleShape)).")
    }
    var names: [String] = []
    var images: [Tensor<Float>] = []
    for (index, file) in files.enumerated() {
      let (bytes, name) = index == 0 ? first : try input(file)
      let image = try RasterImage(bytes: bytes, file: name).converted(toChannels: shape[2])
      names.append(name)
      images.append(image.fitted(height: shape[0], width: shape[1]).reshaped(to: Shape([1] + Array(shape))))
    }
    return Examples(features: .concatenating(rows: images), files: names)
  }

  /// The rows that `--rows` asks for.
  private func rows(of features: Tensor<Float>) throws -> Examples {
    guard let rows, let range = parseRows(rows) else { return Examples(features: features) }
    guard range.upperBound < features.shape[0] else {
      throw UsageError("--rows \(rows): the data have the rows 0 to \(features.shape[0] - 1).")
    }
    return Examples(
      features: features[rows: range.lowerBound..<range.upperBound + 1], firstRow: range.lowerBound)
  }

  private func predictions(
    _ outputs: Tensor<Float>, _ examples: Examples, _ kind: Checkpoint.Outputs
  ) -> [Prediction] {
    let best = outputs.indicesOfMaximaOverChannels()
    return (0..<outputs.shape[0]).map { row in
      let scores = outputs[rows: row..<row + 1].elements.map(Double.init)
      var prediction = Prediction(
        file: examples.files?[row], row: examples.files == nil ? examples.firstRow + row : nil)
      switch kind {
      case .values: prediction.values = scores
      case .classes(let names):
        let exponentials = scores.map { exp($0 - scores[best[row]]) }
        let sum = exponentials.reduce(0, +)
        prediction.label = names[best[row]]
        prediction.probabilities = Dictionary(
          zip(names, exponentials.map { $0 / sum }), uniquingKeysWith: { first, _ in first })
      }
      return prediction
    }
  }

  private func table(_ predictions: [Prediction], _ kind: Checkpoint.Outputs) -> TextTable {
    let isFiles = predictions.first?.file != nil
    let name: TextTable.Column = isFiles ? .words("file") : .numbers("row")
    // The folders take the room of what tells files apart, as long as the names alone do.
    let paths = predictions.compactMap(\.file)
    let fileNames = paths.map { ($0 as NSString).lastPathComponent }
    let places =
      isFiles ? (Set(fileNames).count == paths.count ? fileNames : paths) : predictions.map { "\($0.row ?? 0)" }
    switch kind {
    case .values(let count):
      var table = TextTable(
        columns: [name] + (0..<count).map { .numbers(count == 1 ? "value" : "value \($0 + 1)") })
      for (place, prediction) in zip(places, predictions) {
        table.addRow([place] + (prediction.values ?? []).map(Formatting.number))
      }
      return table
    case .classes(let names):
      let shown = min(top ?? (isFiles ? 3 : 1), names.count)
      var table = TextTable(
        columns: [name]
          + (0..<shown).flatMap { place -> [TextTable.Column] in
            [.words(place == 0 ? "class" : "then"), .numbers("probability")]
          })
      for (place, prediction) in zip(places, predictions) {
        let order = (prediction.probabilities ?? [:]).sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        table.addRow([place] + order.prefix(shown).flatMap { [$0.key, Formatting.percentage($0.value)] })
      }
      return table
    }
  }
}
