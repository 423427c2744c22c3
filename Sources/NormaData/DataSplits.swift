import NormaTensor

/// Data ready for training: split into examples to learn from, to validate and to test with, and encoded and standardized by
/// what the first part alone says.
public struct DataSplits: Sendable {
  /// The examples to learn from.
  public var training: Dataset<Float>
  /// The examples set aside for validation; there may be none.
  public var validation: Dataset<Float>
  /// Data that training never sees, where the source sets some aside.
  public var test: Dataset<Float>?
  /// What was done to all of them, to be done to all that the model will be asked about.
  public var preparation: Preparation
  /// Whether the examples to learn from said what the features were standardized by, rather than somebody or a model.
  public internal(set) var isStandardizationFitted = false
  /// What the person should know of how the data were read and prepared.
  public var notes: [String]

  /// What was done to the features; nil if nothing was.
  public var standardization: Standardization<Double>? { preparation.standardization }
  /// What was done to the numbers to predict; nil if nothing was.
  public var targetStandardization: Standardization<Double>? { preparation.targetStandardization }

  /// Splits a source's data by chance and prepares all parts.
  ///
  /// - Parameters:
  ///   - source: what a source gave.
  ///   - validationCount: how many of the training examples are set aside.
  ///   - split: whether they are set aside class by class.
  ///   - mode: what shares a mean and a scale; nil to leave the features as they are.
  ///   - standardizesTargets: whether numbers to predict are standardized.
  ///   - random: decides who is set aside.
  /// - Throws: ``DataError`` where the data are too few or do not fit.
  public init(
    _ source: RawData, validationCount: Int, split: SplitKind = .stratified,
    standardizing mode: StandardizationMode?, standardizesTargets: Bool = true, random: RandomGenerator
  ) throws(DataError) {
    var random = random
    let rows = try source.training.split(split, validationCount: validationCount, using: &random)
    try self.init(
      source, RowSplit(training: rows.training, validation: rows.validation), standardizing: mode,
      standardizesTargets: standardizesTargets)
  }

  /// Splits a source's data by chance and prepares all parts as a model is used to that was trained on others; only numbers to
  /// predict are standardized anew, unless the preparation says how.
  ///
  /// - Throws: ``DataError`` where the data are too few, or do not fit the preparation.
  public init(
    _ source: RawData, validationCount: Int, split: SplitKind = .stratified, preparedBy preparation: Preparation,
    standardizesTargets: Bool = true, random: RandomGenerator
  ) throws(DataError) {
    var random = random
    let rows = try source.training.split(split, validationCount: validationCount, using: &random)
    var preparation = preparation
    if standardizesTargets, preparation.targetStandardization == nil, case .values(let values) = source.training.targets
    {
      preparation.targetStandardization = try Standardization(
        fittedOn: values.gathering(rows: rows.training), mode: .perFeature)
    }
    try self.init(source, RowSplit(training: rows.training, validation: rows.validation), preparedBy: preparation)
  }

  private init(
    _ source: RawData, _ rows: RowSplit, standardizing mode: StandardizationMode?, standardizesTargets: Bool
  ) throws(DataError) {
    try self.init(
      source, rows,
      preparedBy: try Preparation(
        fittedOn: source.training, rows: rows.training, standardizing: mode, standardizesTargets: standardizesTargets))
    isStandardizationFitted = mode != nil
  }

  private init(
    _ source: RawData, _ rows: RowSplit, preparedBy preparation: Preparation
  ) throws(DataError) {
    self.preparation = preparation
    notes = source.notes + preparation.notes
    training = try preparation.dataset(source.training, rows: rows.training, notes: &notes)
    validation = try preparation.dataset(source.training, rows: rows.validation, notes: &notes)
    if let part = source.test { test = try preparation.dataset(part, notes: &notes) }
    // What reading and measuring took is of other sizes than training takes.
    BufferPool.shared.trim()
  }
}

extension DataSplits {
  /// Data divided into parts of equal sizes, each of which is set aside for validation once.
  public struct Folds: Sendable {
    private let source: RawData
    private let splits: [RowSplit]
    private let mode: StandardizationMode?
    private let standardizesTargets: Bool

    /// Divides a source's data by chance.
    ///
    /// - Parameters:
    ///   - source: what is divided.
    ///   - count: how many parts, from 2 to the number of examples.
    ///   - mode: how the features are standardized by those learned from; nil for not.
    ///   - standardizesTargets: whether targets that are numbers are standardized too.
    ///   - split: whether each part has each class in the same proportion.
    ///   - random: decides who is in which part.
    /// - Throws: ``DataError/foldCount(_:of:)``.
    public init(
      _ source: RawData, count: Int, split: SplitKind = .stratified, standardizing mode: StandardizationMode?,
      standardizesTargets: Bool = true, random: RandomGenerator
    ) throws(DataError) {
      var random = random
      self.source = source
      self.mode = mode
      self.standardizesTargets = standardizesTargets
      splits = try RowSplit.folds(
        count, count: source.training.count, classes: split == .stratified ? source.training.targets.classes : nil,
        using: &random)
    }

    /// How many parts there are.
    public var count: Int { splits.count }

    /// The data of which part `fold`, counted from 0, is set aside; what they are encoded and standardized by is fitted on the
    /// others alone.
    ///
    /// - Throws: ``DataError`` where the data do not fit.
    public func splits(_ fold: Int) throws(DataError) -> DataSplits {
      try DataSplits(source, splits[fold], standardizing: mode, standardizesTargets: standardizesTargets)
    }

    /// The rows, counted from 0, that are set aside in part `fold`, in the order of its validation examples.
    public func validationRows(_ fold: Int) -> [Int] { splits[fold].validation }
  }
}
