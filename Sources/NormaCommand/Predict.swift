import ArgumentParser
import Foundation
import Norma
import NormaDiagnosis
import NormaImages
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

      Or they are PNG and JPEG files, one or several, which is told by their content, or folders, of which all such files \
      are taken, those in folders below too; hidden files are passed over. An image is scaled until it just \
      covers the size that the model was trained on, and its middle is taken. A model of grey images sees a colour one's \
      luminance, a model of colour images a grey one's value in all three channels. What is transparent lies over white, \
      and a picture is turned as the camera noted it must be (EXIF). Of --data their test part is taken, or all where \
      they have none.

      --csv writes a row for each example, after a header: the row's number, the file or what --id names, the class \
      that was predicted, and the probability of every class (probability_NAME; score_NAME for a model whose scores are no \
      probabilities), or the numbers that were predicted. All have as many digits as it takes to read the same numbers again.

      EXAMPLES
        norma predict norma-model new.csv
        norma predict norma-model - < new.csv
        norma predict norma-model cat.jpg dog.png
        norma predict norma-model photos --csv answers.csv
        norma predict norma-model new.csv --id name --csv -
        norma predict norma-model --data mnist:mnist --rows 0-9 --top 3
      """)

  @Argument(help: ArgumentHelp("A model.safetensors, the folder it is in, or an ONNX model.", valueName: "model"))
  var model: String

  @OptionGroup var given: ExampleOptions
  @OptionGroup var unusable: UnusableNumberOptions

  @Option(help: ArgumentHelp("CSV and --data: only these rows, counted from 0: 7, or 0-9.", valueName: "range"))
  var rows: String?

  @Option(
    help: ArgumentHelp(
      "How many classes to show for each example, the most likely first. (default: 1; 3 for image files)",
      valueName: "count"))
  var top: Int?

  @Option(
    help: ArgumentHelp(
      "CSV: the column, by name or number, that says what a row is called. (default: the rows are numbered)",
      valueName: "column"))
  var id: String?

  @Option(
    help: ArgumentHelp(
      "Write the answers to a CSV file instead of showing them; - for standard output.", valueName: "file"))
  var csv: String?

  @Flag(help: "Print the results as JSON, with the probability of every class.")
  var json = false

  func validate() throws {
    if id != nil, let data = given.data, !data.hasPrefix("csv:") { throw ValidationError("--id is for rows of CSV.") }
    if csv != nil && top != nil { throw ValidationError("--top is for what is shown; --csv has all classes.") }
    if csv == "-" && json { throw ValidationError("--csv - and --json would both write to standard output.") }
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

  /// What is predicted for.
  private struct Examples {
    /// What the model says of them, `[N, outputs]`.
    var outputs: Tensor<Float>
    /// What each is called.
    var names: PredictionNames
    /// Where the network first gave what is no number.
    var place: UnusableResult?
  }

  func run() throws {
    let (file, checkpoint) = try savedModel(model, allowsUnusableNumbers: unusable.allowsUnusableNumbers)
    let network = try checkpoint.makeModel()
    let examples = try examples(checkpoint, network)
    let predictions =
      try unusable.allowsUnusableNumbers
      ? checkpoint.predictions(from: examples.outputs, allowsUnusableNumbers: true)
      : checkpoint.predictions(
        from: examples.outputs, of: file, place: examples.place, naming: examples.names.words)
    let listing = PredictionListing(predictions, names: examples.names, targetNames: checkpoint.targetNames ?? [])
    if let csv {
      if csv == "-" { return try FileAccess.writeToStandardOutput(listing.csv) }
      try FileAccess.write(listing.csv, to: csv)
    }
    if json {
      try outputJSON(listing.entries)
    } else if let csv {
      try output("\(csv): answers for \(listing.count) example\(listing.count == 1 ? "" : "s")")
    } else {
      try output(listing.table(top: top ?? (examples.names.areFiles ? 3 : 1)))
    }
  }

  private func examples(_ checkpoint: Checkpoint, _ network: Sequential<Float>) throws -> Examples {
    let reader = ExampleReader(checkpoint: checkpoint, table: given.table)
    if let data = given.data {
      return try rows(of: try reader.features(ofData: data), try names(of: data, checkpoint), network)
    }
    switch try reader.contents(of: given.files) {
    case .rows(let features, let bytes, let name):
      return try rows(of: features, try rowNames(bytes, name, checkpoint), network)
    case .images(let images):
      if rows != nil { throw UsageError("--rows is for CSV files and --data: an image is one example.") }
      if id != nil { throw UsageError("--id is for rows of CSV: an image is called as its file.") }
      var names: [String] = []
      var outputs: [Tensor<Float>] = []
      var place: UnusableResult?
      try reader.forEachBatch(of: images) { batch, files in
        names += files
        let found = try self.outputs(for: batch, network)
        place = place ?? network.place(ofUnusable: found) { batch[rows: $0..<$0 + 1] }
        outputs.append(found)
      }
      return Examples(
        outputs: .concatenating(rows: outputs), names: .files(names, areRows: false), place: place)
    }
  }

  /// The rows that `--rows` asks for, and what the model says of them.
  private func rows(
    of features: Tensor<Float>, _ names: PredictionNames, _ network: Sequential<Float>
  ) throws -> Examples {
    var (features, names) = (features, names)
    if let rows, let range = parseRows(rows) {
      guard range.upperBound < features.shape[0] else {
        throw UsageError("--rows \(rows): the data have the rows 0 to \(features.shape[0] - 1).")
      }
      features = features[rows: range.lowerBound..<range.upperBound + 1]
      names = names[range]
    }
    let outputs = try outputs(for: features, network)
    return Examples(
      outputs: outputs, names: names,
      place: network.place(ofUnusable: outputs) { features[rows: $0..<$0 + 1] })
  }

  private func outputs(for features: Tensor<Float>, _ network: Sequential<Float>) throws -> Tensor<Float> {
    _ = try network.outputShape(for: features.shape)
    return try network.outputs(for: features)
  }

  /// What the examples of `--data` are called: images as their files, rows as the column `--id` says.
  private func names(of data: String, _ checkpoint: Checkpoint) throws -> PredictionNames {
    switch try DataSource(data).reader {
    case let folder as ImageFolderReader:
      var options = ImageFolderOptions(shape: checkpoint.imageShape)
      if case .classes(let names) = checkpoint.settings.outputs { options.classNames = names }
      let paths = try ImageFolder.paths(folder.path, options: options)
      return .files(paths.test ?? paths.training, areRows: true)
    case let table as CSVReader where id != nil:
      return try identifiers(try input(table.path).bytes, table.path, checkpoint)
    default: return .rows(first: 0)
    }
  }

  private func rowNames(
    _ bytes: [UInt8], _ file: String, _ checkpoint: Checkpoint
  ) throws -> PredictionNames {
    id == nil ? .rows(first: 0) : try identifiers(bytes, file, checkpoint)
  }

  private func identifiers(_ bytes: [UInt8], _ file: String, _ checkpoint: Checkpoint) throws -> PredictionNames {
    let (name, texts) = try CSV.texts(
      of: CSVOptions.Column(id ?? ""), bytes: bytes, file: file, encoding: checkpoint.tableEncoding,
      options: checkpoint.csvOptions(try given.table.csvOptions()))
    return .identifiers(texts, column: name ?? "id")
  }
}
