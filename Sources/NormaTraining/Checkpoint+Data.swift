import NormaData
import NormaFiles
import NormaLayers
import NormaTensor

extension Checkpoint {
  /// A checkpoint of what a trainer trained.
  ///
  /// ```swift
  /// try trainer.fit(data.training, validation: data.validation)
  /// try Checkpoint(trainer, architecture: architecture, data: data).write(to: "model.safetensors")
  /// ```
  ///
  /// - Parameters:
  ///   - trainer: the trainer, whose model is one of the architecture.
  ///   - architecture: how the model is built.
  ///   - data: what it was trained on, and how that was prepared.
  ///   - source: where the data came from; nil where they are not to be asked for again.
  public init(
    _ trainer: Trainer<Float>, architecture: ModelArchitecture, data: DataSplits, source: SavedData? = nil
  ) {
    self.init(
      settings: Settings(
        architecture: architecture, training: trainer.configuration, data: data, source: source,
        history: trainer.history),
      state: trainer.model.state)
  }
}

extension Checkpoint.Settings {
  /// The settings of a model that is trained on prepared data; see ``Checkpoint/init(_:architecture:data:source:)``.
  public init(
    architecture: ModelArchitecture, training: TrainingConfiguration, data: DataSplits,
    source: Checkpoint.SavedData? = nil, history: TrainingHistory = TrainingHistory()
  ) {
    self.init(
      architecture: architecture, exampleShape: Array(data.training.exampleShape),
      outputs: Checkpoint.Outputs(of: data.training), featureNames: data.training.featureNames,
      encoding: data.preparation.encoding,
      standardization: data.standardization.map { Checkpoint.SavedStandardization($0) },
      targetStandardization: data.targetStandardization.map { Checkpoint.SavedStandardization($0) },
      training: training,
      data: source ?? Checkpoint.SavedData(source: data.training.name, validationCount: data.validation.count),
      history: history)
  }
}

extension Checkpoint.Outputs {
  /// What a network's outputs stand for that learns from the given data.
  public init(of dataset: Dataset<Float>) {
    switch dataset.targets {
    case .classes(_, let count): self = .classes(names: dataset.classNames ?? (0..<count).map(String.init))
    case .values(let values): self = .values(count: values.shape.channelCount)
    }
  }
}

extension Checkpoint {
  /// The shape `[height, width, channels]` of the images that the model takes; nil if it takes none.
  public var imageShape: Shape? {
    let lengths = settings.exampleShape
    return lengths.count == 3 && (lengths[2] == 1 || lengths[2] == 3) ? Shape(lengths) : nil
  }

  /// What the numbers are called that the model predicts; nil if it predicts a class.
  public var targetNames: [String]? {
    guard case .values(let count) = settings.outputs else { return nil }
    let saved = settings.encoding?.labels.compactMap(\.name) ?? []
    if saved.count == count { return saved }
    let names = settings.data.labelColumns.compactMap { if case .name(let name) = $0 { name } else { nil } }
    if names.count == count { return names }
    return count == 1 ? ["value"] : (1...count).map { "value \($0)" }
  }

  /// The options by which a table is read: what is said of it here and, of the label columns and what they hold, what the
  /// model knows.
  public func csvOptions(_ given: CSVOptions = CSVOptions(labelColumns: [])) -> CSVOptions {
    var options = given
    // Which columns these are in tables of another order, the encoding knows.
    if options.labelColumns.isEmpty, settings.encoding?.labels.isEmpty ?? true {
      options.labelColumns = settings.data.labelColumn == nil ? [.number(-1)] : settings.data.labelColumns
    }
    switch settings.outputs {
    case .classes(let names):
      options.classNames = names
      options.task = .classification
    case .values: options.task = .regression
    }
    return options
  }

  /// Reads a source, such as `csv:new.csv`, the columns of a table found as the model's encoding says.
  ///
  /// - Parameters:
  ///   - source: the data, as `--data` names them.
  ///   - given: how a table is read, where that is not found out.
  ///   - needsLabels: whether labels must be of classes that the model knows.
  /// - Throws: `DataError`, `FormatError` and `FileError` where the source cannot be read.
  public func read(
    _ source: String, options given: CSVOptions = CSVOptions(labelColumns: []), needsLabels: Bool = true
  ) throws -> RawData {
    var options = csvOptions(given)
    let source = try DataSource(source)
    if let table = source.reader as? CSVReader {
      try source.checkFileKind()
      return try CSV.data(
        bytes: Gzip.contents(ofFile: table.path), file: table.path, encoding: tableEncoding, options: options)
    }
    let images = ImageFolderOptions(
      shape: imageShape, shorterSide: settings.shorterSide, classNames: options.classNames)
    if !needsLabels { (options.classNames, options.task) = (nil, nil) }
    return try source.read(options: options, images: images)
  }

  /// The data to measure the model on, prepared as in training: the test part of a source, or all of it; of the data that
  /// the model was trained on the test part, or the part that was set aside for validation.
  ///
  /// - Parameters:
  ///   - source: the data, as `--data` names them; nil for those that the model was trained on.
  ///   - options: how a table is read; nil where that is found out, or known of the model's own.
  /// - Returns: the data, and what the person should know of how they were read.
  /// - Throws: ``TrainingError/dataDoNotFit(_:)`` where there is no source and none of the model's own; what reading throws.
  public func evaluationData(
    source: String? = nil, options: CSVOptions? = nil
  ) throws -> (dataset: Dataset<Float>, notes: [String]) {
    guard source != nil || !settings.isConverted else {
      throw TrainingError.dataDoNotFit("The model was trained elsewhere. Name the data to measure it on")
    }
    let read = try read(
      source ?? settings.data.source,
      options: options ?? (source == nil ? settings.data.csvOptions : CSVOptions(labelColumns: [])))
    var notes = read.notes
    let shape = Shape(settings.exampleShape)
    var dataset: Dataset<Float>
    if let test = read.test {
      dataset = try preparation.dataset(test, shape: shape, notes: &notes)
      dataset.name += ", test part"
    } else if source == nil {
      guard settings.data.validationCount > 0 else {
        throw TrainingError.dataDoNotFit("The model was trained without validation data. Name some to measure it on")
      }
      var random = RandomGenerator(seed: settings.training.seed).split(RandomStream.split.rawValue)
      let rows = try read.training.split(
        settings.data.split ?? .random, validationCount: settings.data.validationCount, using: &random)
      dataset = try preparation.dataset(read.training, rows: rows.validation, shape: shape, notes: &notes)
      dataset.name += ", validation part"
    } else {
      dataset = try preparation.dataset(read.training, shape: shape, notes: &notes)
    }
    return (dataset, notes)
  }
}

extension Checkpoint {
  /// Examples such as the model learned from, prepared as in training, with their labels: the training part of a source, or of the data
  /// that it was trained on, those among them that were set aside for validation.
  ///
  /// - Parameters:
  ///   - source: the data, as `--data` names them; nil for those that the model was trained on.
  ///   - options: how a table is read; nil where that is found out, or known of the model's own.
  /// - Returns: the data, and what the person should know of how they were read.
  /// - Throws: ``TrainingError/dataDoNotFit(_:)`` where there is no source and none of the model's own; what reading throws.
  public func trainingData(
    source: String? = nil, options: CSVOptions? = nil
  ) throws -> (dataset: Dataset<Float>, notes: [String]) {
    guard source != nil || !settings.isConverted else {
      throw TrainingError.dataDoNotFit("The model was trained elsewhere. Name data such as it learned from")
    }
    let read = try read(
      source ?? settings.data.source,
      options: options ?? (source == nil ? settings.data.csvOptions : CSVOptions(labelColumns: [])))
    var notes = read.notes
    let dataset = try preparation.dataset(read.training, shape: Shape(settings.exampleShape), notes: &notes)
    return (dataset, notes)
  }
}

extension Checkpoint.SavedData {
  /// The label columns; none where they were not given.
  var labelColumns: [CSVOptions.Column] { labelColumn.map { CSVOptions.Column.list($0) } ?? [] }

  /// How the table is read again, as far as it was said.
  var csvOptions: CSVOptions {
    CSVOptions(
      labelColumns: labelColumns, hasHeader: hasHeader,
      separator: separator.flatMap { CSVOptions.Separator(named: $0) },
      decimalMark: decimalMark.flatMap { CSVOptions.DecimalMark(named: $0) })
  }
}

extension CSVOptions.Column {
  /// Columns as the command line names them, and files hold them, separated by commas.
  package static func list(_ text: String) -> [CSVOptions.Column] {
    text.split(separator: ",").map { part in
      let trimmed = part.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed()
      return CSVOptions.Column(String(trimmed))
    }
  }
}

extension CSVOptions.Separator {
  /// The separator of a name on the command line and in files; nil for another name.
  package init?(named text: String) {
    switch text {
    case ",", "comma": self = .comma
    case ";", "semicolon": self = .semicolon
    case "\t", "\\t", "tab": self = .tab
    case "|", "bar": self = .bar
    default: return nil
    }
  }
}

extension CSVOptions.DecimalMark {
  /// The mark of a name on the command line and in files; nil for another name.
  package init?(named text: String) {
    switch text {
    case ".", "point": self = .point
    case ",", "comma": self = .comma
    default: return nil
    }
  }
}
