import ArgumentParser
import Norma
import NormaTerminal

/// Which data to use, and how to prepare them.
struct DataOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The data: digits (built in), mnist:FOLDER, fashion-mnist:FOLDER, cifar10:ARCHIVE-OR-FOLDER, images:FOLDER (PNG and JPEG files, a subfolder for each class), csv:FILE, npz:FILE (NumPy's arrays x and y, or x_train, y_train, x_test, y_test).",
      valueName: "source"))
  var data = "digits"

  @Option(
    name: .customLong("label"),
    help: ArgumentHelp(
      "CSV: the column to predict, by name or number: 1 is the first, -1 the last. Several, separated by commas, for regression. (default: the last)",
      valueName: "column"))
  var labelColumn: String?

  @Flag(inversion: .prefixedNo, help: "CSV: whether the first row holds names. (default: found out)")
  var header: Bool?

  @Flag(help: "CSV and npz: predict numbers rather than classes.")
  var regression = false

  @Option(
    help: ArgumentHelp(
      "images: the height and width in pixels that all are brought to: scaled, and cut to the middle square. (default: the size they all have)",
      valueName: "pixels"))
  var imageSize: Int?

  @Option(
    help: ArgumentHelp(
      "How many training examples to set aside for validation, or which share of them. (default: 0.2, or 0.1 where the data have a test part)",
      valueName: "count|share"))
  var validation: String?

  @Option(
    help: ArgumentHelp(
      "What shares a mean and a scale when the features are standardized: feature, channel, overall, or none to leave them. (default: feature; channel for images)",
      valueName: "scope"))
  var standardize: String?

  func validate() throws {
    try validateSource(data)
    _ = try standardizationMode(forRank: 1)
    if let validation, validationCount(validation, of: 1_000_000) == nil {
      throw ValidationError("--validation takes a count such as 500 or a share such as 0.2, not '\(validation)'.")
    }
    let isCSV = data.hasPrefix("csv:")
    if !isCSV && (labelColumn != nil || header != nil || (regression && !data.hasPrefix("npz:"))) {
      throw ValidationError("--label, --header and --regression are for data from csv:FILE, the last for npz:FILE too.")
    }
    if let imageSize {
      guard data.hasPrefix("images:") else {
        throw ValidationError("--image-size is for data from images:FOLDER.")
      }
      guard (1...4096).contains(imageSize) else {
        throw ValidationError("--image-size takes a number of pixels from 1 to 4096, not \(imageSize).")
      }
    }
  }

  /// The options for reading CSV.
  var csvOptions: CSVOptions {
    var options = CSVOptions()
    if let labelColumn {
      options.labelColumns = labelColumn.split(separator: ",").map { CSVOptions.Column(String($0)) }
    }
    options.hasHeader = header
    options.task = regression ? .regression : .classification
    return options
  }

  /// Reads the data, splits and standardizes them; `asImages`: whether rows of pixels are to be images.
  func prepare(seed: UInt64, asImages: Bool) throws -> PreparedData {
    let source = try DataSource(data)
    let images = ImageFolderOptions(shape: imageSize.map { [$0, $0, 3] })
    var loaded = try source.load(options: csvOptions, images: images)
    loaded.notes.forEach(remark)
    if asImages, let shape = source.shapeOfPixelRows {
      loaded.training.features.shapeExamples(as: shape)
      loaded.test?.features.shapeExamples(as: shape)
    }
    let count = loaded.training.count
    let share = loaded.test == nil ? "0.2" : "0.1"
    return try PreparedData(
      loaded, validationCount: validationCount(validation ?? share, of: count) ?? 0,
      standardizing: try standardizationMode(forRank: loaded.training.exampleShape.rank),
      random: RandomGenerator(seed: seed).split(RandomStream.split.rawValue))
  }

  private func validationCount(_ text: String, of count: Int) -> Int? {
    if let number = Int(text), number >= 0 { return number }
    guard let share = Double(text), share >= 0, share < 1 else { return nil }
    return Int((share * Double(count)).rounded(.up))
  }

  private func standardizationMode(forRank rank: Int) throws -> Standardization<Float>.Mode? {
    guard let standardize else { return rank > 1 ? .perChannel : .perFeature }
    guard standardize != "none" else { return nil }
    guard let mode = Standardization<Float>.Mode(rawValue: standardize) else {
      throw ValidationError("--standardize takes feature, channel, overall or none, not '\(standardize)'.")
    }
    return mode
  }

  /// What a checkpoint remembers of all this.
  func saved(validationCount: Int) -> Checkpoint.SavedData {
    Checkpoint.SavedData(
      source: data, labelColumn: labelColumn, hasHeader: header, validationCount: validationCount)
  }
}

extension DataSource {
  /// The shape of the images that come as rows of pixels; nil for other data.
  fileprivate var shapeOfPixelRows: Shape? { self == .digits ? [8, 8, 1] : nil }
}

extension Tensor {
  /// Gives rows of features the shape of examples that have as many: `[N, 64]` becomes `[N, 8, 8, 1]`. What is no rows, or
  /// has other than as many, stays as it is.
  mutating func shapeExamples(as shape: Shape) {
    if rank == 2 && self.shape[1] == shape.elementCount { self = reshaped(to: Shape([self.shape[0]] + Array(shape))) }
  }
}

/// Makes sure that `--data` names a source.
func validateSource(_ text: String) throws {
  do { _ = try DataSource(text) } catch { throw ValidationError("--data: \(error)") }
}
