import NormaTensor

/// Examples as a source has them, before they are split, encoded and standardized.
public struct RawDataset: Sendable {
  /// What is known of each example.
  public enum Features: Sendable {
    /// Whole numbers from 0 to 255, of the shape `[N, …]`, in row-major order: pixels. They stay bytes until a batch is made of
    /// them, and are standardized in single precision then.
    case bytes([UInt8], shape: Shape)
    /// Images of any size, which are brought to one and standardized in single precision when a batch is made of them.
    case originals(OriginalImages)
    /// Numbers, `[N, …]`, that are standardized in single precision when a batch is made of them.
    case floats(Tensor<Float>)
    /// Numbers, `[N, …]`, that are standardized in double precision, then rounded.
    case doubles(Tensor<Double>)
    /// Columns that are encoded by what the rows trained on say, standardized in double precision, then rounded.
    case table(Table)
  }

  /// What is known of each example.
  public var features: Features
  /// What should be said of each.
  public var targets: Dataset<Double>.Targets
  /// What the data are called.
  public var name: String
  /// Who made the data and under which licence, where that must be said.
  public var attribution: String?
  /// What the classes are called, in the order of their numbers.
  public var classNames: [String]?
  /// What the features are called, where they are numbers; a table's columns have their own names.
  public var featureNames: [String]?
  /// The shape `[height, width, channels]` of the images that rows of features are; nil for rows that are none, and for images.
  public var imageShape: Shape?

  /// Examples by their parts, which must be of one number.
  public init(
    features: Features, targets: Dataset<Double>.Targets, name: String, attribution: String? = nil,
    classNames: [String]? = nil, featureNames: [String]? = nil
  ) {
    self.features = features
    self.targets = targets
    self.name = name
    self.attribution = attribution
    self.classNames = classNames
    self.featureNames = featureNames
  }

  /// Examples that are arrays already.
  public init(_ dataset: Dataset<Float>) {
    let targets: Dataset<Double>.Targets =
      switch dataset.targets {
      case .classes(let classes, let count): .classes(classes, count: count)
      case .values(let values): .values(values.converted())
      }
    self.init(
      features: .floats(dataset.features), targets: targets, name: dataset.name, attribution: dataset.attribution,
      classNames: dataset.classNames, featureNames: dataset.featureNames)
  }

  /// The number of examples.
  public var count: Int { features.count }

  /// The shape of one example; nil for tables, whose number of features depends on what is trained on.
  public var exampleShape: Shape? { features.exampleShape }

  /// The rows that a split by chance leaves for training and sets aside, as ``DataSplits`` splits them.
  ///
  /// - Throws: ``DataError`` where so many cannot be set aside.
  public func split(
    _ kind: SplitKind, validationCount: Int, using generator: inout RandomGenerator
  ) throws(DataError) -> (training: [Int], validation: [Int]) {
    let rows = try RowSplit(
      count: count, classes: kind == .stratified ? targets.classes : nil, validationCount: validationCount,
      using: &generator)
    return (rows.training, rows.validation)
  }

  /// The examples as images, where they are rows of pixels; others as they are.
  public var asImages: RawDataset {
    guard let imageShape else { return self }
    var images = self
    images.features = features.shaped(as: imageShape)
    images.imageShape = nil
    return images
  }

  /// How many classes occur; 0 for numbers to predict.
  public var classCount: Int { targets.classes.map { Set($0).count } ?? 0 }
}

extension RawDataset.Features {
  /// The number of examples.
  public var count: Int {
    switch self {
    case .bytes(_, let shape): shape[0]
    case .originals(let images): images.count
    case .floats(let tensor): tensor.shape[0]
    case .doubles(let tensor): tensor.shape[0]
    case .table(let table): table.rowCount
    }
  }

  /// The shape of one example; nil for tables, whose number of features depends on what is trained on.
  public var exampleShape: Shape? {
    switch self {
    case .bytes(_, let shape): Shape(shape.dropFirst())
    case .originals(let images): images.shape
    case .floats(let tensor): Shape(tensor.shape.dropFirst())
    case .doubles(let tensor): Shape(tensor.shape.dropFirst())
    case .table: nil
    }
  }

  /// The features with examples of another shape that has as many numbers; those with other than as many, images of any size
  /// and tables stay as they are.
  public func shaped(as shape: Shape) -> Self {
    guard let own = exampleShape, own != shape, own.elementCount == shape.elementCount else { return self }
    let whole = Shape([count] + Array(shape))
    switch self {
    case .bytes(let bytes, _): return .bytes(bytes, shape: whole)
    case .floats(let tensor): return .floats(tensor.reshaped(to: whole))
    case .doubles(let tensor): return .doubles(tensor.reshaped(to: whole))
    case .originals, .table: return self
    }
  }
}

/// What a source of data gives: examples to learn from, those set aside by its makers to be tested on, and what the person
/// should know of how they were read.
public struct RawData: Sendable {
  /// The examples to learn from.
  public var training: RawDataset
  /// Nil where the source makes no such division.
  public var test: RawDataset?
  /// Sentences on what was supposed and left out.
  public var notes: [String]

  /// A source's data by their parts.
  public init(training: RawDataset, test: RawDataset? = nil, notes: [String] = []) {
    self.training = training
    self.test = test
    self.notes = notes
  }

  /// The same data as images, where they are rows of pixels; others as they are.
  public var asImages: RawData { RawData(training: training.asImages, test: test?.asImages, notes: notes) }

  /// How many examples to learn from are set aside for validation where nobody says: a fifth, or a tenth where the makers set
  /// others aside to test with. One of each class stays to learn from.
  public var usualValidationCount: Int {
    let share = training.count - training.count * (test == nil ? 4 : 9) / (test == nil ? 5 : 10)
    return max(0, min(share, training.count - max(1, training.classCount)))
  }

  /// All examples as a network takes them, not standardized; a table is encoded by the rows to learn from.
  ///
  /// - Throws: ``DataError`` where numbers are too large for a `Float`, or a table has no features.
  public func datasets() throws(DataError) -> (training: Dataset<Float>, test: Dataset<Float>?) {
    let preparation = try Preparation(
      fittedOn: training, rows: Array(0..<training.count), standardizing: nil, standardizesTargets: false)
    var notes: [String] = []
    return (
      try preparation.dataset(training, notes: &notes),
      try test.map { part throws(DataError) in try preparation.dataset(part, notes: &notes) }
    )
  }
}
