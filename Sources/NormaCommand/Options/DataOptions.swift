import ArgumentParser
import Norma

/// Which data to use, and how to prepare them.
struct DataOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The data: \(DataSource.forms.map { "\($0.form) (\($0.contents))" }.joined(separator: ", ")).",
      valueName: "source"))
  var data = "digits"

  @OptionGroup var table: TableOptions

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "CSV: columns to pass over, by name or number, separated by commas.", valueName: "columns"))
  var ignore: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "CSV: columns whose dates and times (ISO 8601, such as 2024-02-29T12:00:00) are read as numbers. (default: left out)",
      valueName: "columns"))
  var dates: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "CSV: columns that are categories, each value a feature of its own, though they hold numbers, dates or many texts. (default: columns of text)",
      valueName: "columns"))
  var categories: String?

  @Flag(
    help:
      "CSV and npz: predict numbers. (default: for labels that are not all whole numbers, of which there are more than 20 different ones, or fewer than 5 examples each)"
  )
  var regression = false

  @Flag(help: "CSV and npz: predict classes. (default: for text, truth values and few whole numbers)")
  var classification = false

  @Flag(
    inversion: .prefixedNo,
    help:
      "Whether numbers to predict are standardized for training. All that is shown and written is in their own units."
  )
  var standardizeTarget = true

  @Option(
    help: ArgumentHelp(
      "images: the height and width in pixels that all are brought to: scaled, and cut to the middle square. (default: the size of images that --from takes, else the size they all have)",
      valueName: "pixels"))
  var imageSize: Int?

  @Option(
    help: ArgumentHelp(
      "images: the length in pixels that the shorter side is scaled to before the middle square is cut out, such as 256 for --image-size 224. (default: what the model of --from has it scaled to, else the size itself)",
      valueName: "pixels"))
  var imageResize: Int?

  @Option(
    help: ArgumentHelp(
      "How many training examples to set aside for validation, or which share of them; of each class its share. (default: 0.2, or 0.1 where the data have a test part)",
      valueName: "count|share"))
  var validation: String?

  @Option(
    help: ArgumentHelp(
      "What shares a mean and a scale when the features are standardized: feature, channel, overall, or none to leave them. (default: feature; channel for images)",
      valueName: "scope"))
  var standardize: String?

  @OptionGroup var given: GivenStandardization

  func validate() throws {
    try validateSource(data)
    _ = try standardizationMode { .perFeature }
    if let validation, validationCount(validation, of: 1_000_000) == nil {
      throw ValidationError("--validation takes a count such as 500 or a share such as 0.2, not '\(validation)'.")
    }
    let isCSV = data.hasPrefix("csv:")
    if !isCSV && (table.isGiven || ignore != nil || dates != nil || categories != nil) {
      throw ValidationError(
        "--label, --header, --separator, --decimal, --ignore, --dates and --categories are for data from csv:FILE.")
    }
    if !isCSV && !data.hasPrefix("npz:") && (regression || classification) {
      throw ValidationError("--regression and --classification are for data from csv:FILE and npz:FILE.")
    }
    guard !regression || !classification else {
      throw ValidationError("--regression and --classification are two answers to one question.")
    }
    if let imageSize {
      guard data.hasPrefix("images:") else {
        throw ValidationError("--image-size is for data from images:FOLDER.")
      }
      guard (1...4096).contains(imageSize) else {
        throw ValidationError("--image-size takes a number of pixels from 1 to 4096, not \(imageSize).")
      }
    }
    if let imageResize {
      guard data.hasPrefix("images:") else {
        throw ValidationError("--image-resize is for data from images:FOLDER.")
      }
      guard ((imageSize ?? 1)...8192).contains(imageResize) else {
        throw ValidationError(
          "--image-resize takes a number of pixels from \(imageSize.map { "\($0), which --image-size is," } ?? "1") to 8192, not \(imageResize)."
        )
      }
    }
    guard !given.isGiven || standardize == nil else {
      throw ValidationError("--standardize asks the data for what --mean and --scale say.")
    }
    guard !given.isGiven || !isCSV else {
      throw ValidationError("--mean and --scale are for images and arrays, not for tables, whose columns are encoded.")
    }
  }

  /// The options for reading CSV.
  private func csvOptions() throws -> CSVOptions {
    var options = try table.csvOptions()
    if options.labelColumns.isEmpty { options.labelColumns = [.number(-1)] }
    options.task = regression ? .regression : classification ? .classification : nil
    options.ignoredColumns = ignore.map { CSVOptions.Column.list($0) } ?? []
    options.dateColumns = dates.map { CSVOptions.Column.list($0) } ?? []
    options.categoryColumns = categories.map { CSVOptions.Column.list($0) } ?? []
    return options
  }

  /// What the shorter side of images is scaled to, where the data are images; nil for their size.
  func shorterSide(for base: BaseModel? = nil) -> Int? {
    guard data.hasPrefix("images:") else { return nil }
    return imageResize ?? (imageSize == nil ? base?.checkpoint.settings.shorterSide : nil)
  }

  /// Reads the data.
  ///
  /// - Parameters:
  ///   - asImages: whether rows of pixels are to be images.
  ///   - augmentation: how training images will be changed.
  ///   - base: the model that is trained further.
  func read(asImages: Bool, for augmentation: ImageAugmentation? = nil, base: BaseModel? = nil) throws -> RawData {
    let known = base?.checkpoint.imageShape
    let shape: Shape? = imageSize.map { [$0, $0, known?[2] ?? 3] } ?? known
    let shorterSide = shorterSide(for: base)
    if let shorterSide, data.hasPrefix("images:") {
      guard let shape else { throw UsageError("--image-resize says how large before --image-size cuts: add that.") }
      guard shorterSide >= max(shape[0], shape[1]) else {
        throw UsageError(
          "--image-resize takes a number of pixels from \(max(shape[0], shape[1])) on, the size of the model's images.")
      }
    }
    let read = try DataSource(data).read(
      options: try csvOptions(),
      images: ImageFolderOptions(
        shape: shape, shorterSide: shorterSide, keepsOriginals: augmentation?.changesPixels == true))
    return asImages ? read.asImages : read
  }

  /// Reads the data, splits, encodes and standardizes them, and tells the person what was supposed of them.
  ///
  /// - Parameters:
  ///   - augmentation: how training images will be changed.
  ///   - base: the model that is trained further, whose preparation the features get.
  func prepare(
    seed: UInt64, asImages: Bool, for augmentation: ImageAugmentation? = nil, base: BaseModel? = nil
  ) throws -> DataSplits {
    let read = try read(asImages: asImages, for: augmentation, base: base)
    let random = RandomGenerator(seed: seed).split(RandomStream.split.rawValue)
    let prepared: DataSplits
    if given.isGiven {
      guard base == nil else {
        throw UsageError(
          "--mean and --scale are for networks that are new or from a state dictionary; `norma convert` changes those of a model."
        )
      }
      guard let shape = read.training.exampleShape else {
        throw UsageError("--mean and --scale are for images and arrays, not for tables, whose columns are encoded.")
      }
      let standardization = try given.standardization(Array(shape)).map { $0.standardization(of: Double.self) }
      prepared = try DataSplits(
        read, validationCount: validationCount(read), preparedBy: Preparation(standardization: standardization),
        standardizesTargets: standardizeTarget, random: random)
    } else if let base {
      prepared = try DataSplits(
        read, validationCount: validationCount(read), preparedBy: base.preparation(for: read),
        standardizesTargets: standardizeTarget, random: random)
    } else {
      prepared = try DataSplits(
        read, validationCount: validationCount(read),
        standardizing: try standardizationMode { .usual(for: read.training) },
        standardizesTargets: standardizeTarget, random: random)
    }
    tell(prepared.notes)
    return prepared
  }

  /// Reads the data and divides them into so many parts, each to be set aside once.
  func folds(
    _ count: Int, random: RandomGenerator, asImages: Bool, for augmentation: ImageAugmentation?
  ) throws -> DataSplits.Folds {
    let read = try read(asImages: asImages, for: augmentation)
    return try DataSplits.Folds(
      read, count: count, standardizing: try standardizationMode { .usual(for: read.training) },
      standardizesTargets: standardizeTarget, random: random)
  }

  /// How many examples are set aside for validation.
  private func validationCount(_ read: RawData) -> Int {
    guard let validation else { return read.usualValidationCount }
    return validationCount(validation, of: read.training.count) ?? 0
  }

  private func validationCount(_ text: String, of count: Int) -> Int? {
    if let number = Int(text), number >= 0 { return number }
    guard let share = Double(text), share >= 0, share < 1 else { return nil }
    return Int((share * Double(count)).rounded(.up))
  }

  private func standardizationMode(usual: () -> StandardizationMode) throws -> StandardizationMode? {
    guard let standardize else { return usual() }
    guard standardize != "none" else { return nil }
    guard let mode = StandardizationMode(rawValue: standardize) else {
      throw ValidationError("--standardize takes feature, channel, overall or none, not '\(standardize)'.")
    }
    return mode
  }

  /// What a checkpoint remembers of all this.
  func saved(validationCount: Int) -> Checkpoint.SavedData {
    Checkpoint.SavedData(
      source: data, labelColumn: table.labelColumn, hasHeader: table.header, separator: table.separator,
      decimalMark: table.decimal, validationCount: validationCount)
  }
}

/// Makes sure that `--data` names a source.
func validateSource(_ text: String) throws {
  do { _ = try DataSource(text) } catch { throw ValidationError("--data: \(error)") }
}
