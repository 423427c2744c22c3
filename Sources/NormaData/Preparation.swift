import NormaTensor

/// What is done to examples before a network sees them, fitted on those trained on alone: the encoding of a table, and the
/// standardization of features and of numbers to predict.
public struct Preparation: Equatable, Sendable {
  /// How a table's columns become features; nil for data that are no tables.
  public var encoding: TableEncoding?
  /// What the features are standardized by; nil if they are left as they are.
  public var standardization: Standardization<Double>?
  /// What the numbers to predict are standardized by, each by its own; nil if they are left as they are, and for classes.
  public var targetStandardization: Standardization<Double>?
  /// What the person should know of how it was fitted.
  public var notes: [String] = []

  /// A preparation with known parts.
  public init(
    encoding: TableEncoding? = nil, standardization: Standardization<Double>? = nil,
    targetStandardization: Standardization<Double>? = nil
  ) {
    self.encoding = encoding
    self.standardization = standardization
    self.targetStandardization = targetStandardization
  }

  /// A preparation by what some of the examples say.
  ///
  /// - Parameters:
  ///   - examples: the source's examples.
  ///   - rows: which of them are trained on.
  ///   - mode: what shares a mean and a scale; nil to leave the features as they are.
  ///   - standardizesTargets: whether numbers to predict are standardized.
  /// - Throws: ``DataError`` where the examples are too few or their numbers too large.
  public init(
    fittedOn examples: RawDataset, rows: [Int], standardizing mode: StandardizationMode?, standardizesTargets: Bool
  ) throws(DataError) {
    switch examples.features {
    // Of what is computed with in single precision, rounded to that.
    case .bytes(let bytes, let shape):
      standardization = try mode.map { mode throws(DataError) in
        try Standardization(fittedOn: Samples<Float>(bytes, shape: shape).subset(rows), mode: mode).converted()
      }
    case .originals(let images):
      standardization = try mode.map { mode throws(DataError) in
        try Standardization(fittedOn: Samples<Float>(images).subset(rows), mode: mode).converted()
      }
    case .floats(let tensor):
      standardization = try mode.map { mode throws(DataError) in
        try Standardization(fittedOn: Samples(tensor).subset(rows), mode: mode).converted()
      }
    case .doubles(let tensor):
      standardization = try mode.map { mode throws(DataError) in
        try Standardization(fittedOn: Samples(tensor).subset(rows), mode: mode)
      }
    case .table(let table):
      let (encoding, notes) = try TableEncoding.fitted(to: table, rows: rows)
      self.encoding = encoding
      self.notes = notes
      standardization = try mode.map { mode throws(DataError) in
        try encoding.standardization(of: table, rows: rows, mode: mode)
      }
    }
    if standardizesTargets, case .values(let values) = examples.targets {
      targetStandardization = try Standardization(fittedOn: values.gathering(rows: rows), mode: .perFeature)
    }
  }

  /// Examples as a network takes them.
  ///
  /// - Parameters:
  ///   - examples: what a source gave.
  ///   - rows: which of them, in which order; nil for all.
  ///   - shape: the shape of an example, where rows of features are images; nil for the one they have.
  ///   - notes: gets what the person should know of gaps and texts that were not met in training.
  /// - Throws: ``DataError`` where they do not fit.
  public func dataset(
    _ examples: RawDataset, rows: [Int]? = nil, shape: Shape? = nil, notes: inout [String]
  ) throws(DataError) -> Dataset<Float> {
    let samples = try self.samples(of: examples.features, rows: rows, shape: shape, notes: &notes)
    let targets: Dataset<Float>.Targets
    switch rows.map({ examples.targets.subset(rows: $0) }) ?? examples.targets {
    case .classes(let classes, let count): targets = .classes(classes, count: count)
    case .values(let values):
      let standardized = try targetStandardization?.applied(to: values) ?? values
      let rounded: Tensor<Float> = standardized.converted()
      guard rounded.isFinite else { throw .tooLarge(column: "the numbers to predict", of: standardized) }
      targets = .values(rounded)
    }
    return Dataset(
      samples: samples, targets: targets, name: examples.name, attribution: examples.attribution,
      classNames: examples.classNames, featureNames: encoding?.featureNames ?? examples.featureNames)
  }

  /// Features as a network takes them, `[N, …]`. See ``dataset(_:rows:shape:notes:)``.
  public func features(
    of features: RawDataset.Features, rows: [Int]? = nil, shape: Shape? = nil, notes: inout [String]
  ) throws(DataError) -> Tensor<Float> {
    try samples(of: features, rows: rows, shape: shape, notes: &notes).features
  }

  private func samples(
    of features: RawDataset.Features, rows: [Int]?, shape: Shape?, notes: inout [String]
  ) throws(DataError) -> Samples<Float> {
    switch shape.map(features.shaped) ?? features {
    case .bytes(let bytes, let shape):
      return try Samples(bytes, shape: shape).subset(rows).standardized(by: standardization?.converted())
    case .originals(let images):
      return try Samples(images).subset(rows).standardized(by: standardization?.converted())
    case .floats(let tensor):
      return try Samples(tensor).subset(rows).standardized(by: standardization?.converted())
    case .doubles(let tensor):
      let samples = try Samples(tensor).subset(rows).standardized(by: standardization)
      // Rounded at once, so that what is too large for it is told of before the training.
      let rounded: Tensor<Float> = samples.converted()
      guard rounded.isFinite else { throw .tooLarge(column: "the features", of: samples.features) }
      return Samples(rounded)
    case .table(let table):
      let encoding = encoding ?? TableEncoding(numbers: table.columns.count)
      return Samples(
        try encoding.features(
          of: table, rows: rows ?? Array(0..<table.rowCount), standardization: standardization,
          shape: shape ?? [encoding.featureCount], notes: &notes))
    }
  }

  /// A network's outputs `[N, K]` in the units of the numbers to predict, in double precision.
  ///
  /// - Throws: ``DataError/unfitForStandardization(_:fittedOn:)`` if there are other than K outputs.
  public func originalUnits(_ outputs: Tensor<Float>) throws(DataError) -> Tensor<Double> {
    let outputs: Tensor<Double> = outputs.converted()
    return try targetStandardization?.undone(on: outputs) ?? outputs
  }
}

extension DataError {
  /// The first of the numbers that a 32-bit number cannot hold.
  fileprivate static func tooLarge(column: String, of numbers: Tensor<Double>) -> DataError {
    .tooLarge(column: column, value: numbers.elements.first { !Float($0).isFinite } ?? .infinity)
  }
}
