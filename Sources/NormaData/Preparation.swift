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
    fittedOn examples: SourceExamples, rows: [Int], standardizing mode: StandardizationMode?, standardizesTargets: Bool
  ) throws(DataError) {
    switch examples.features {
    case .floats(let tensor):
      // Rounded to what these features are computed with.
      standardization = try mode.map { mode throws(DataError) in
        try Standardization(fittedOn: tensor.gathering(rows: rows), mode: mode).converted()
      }
    case .doubles(let tensor):
      standardization = try mode.map { mode throws(DataError) in
        try Standardization(fittedOn: tensor.gathering(rows: rows), mode: mode)
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
    _ examples: SourceExamples, rows: [Int]? = nil, shape: Shape? = nil, notes: inout [String]
  ) throws(DataError) -> Dataset<Float> {
    let features = try self.features(of: examples.features, rows: rows, shape: shape, notes: &notes)
    let targets: Dataset<Float>.Targets
    switch rows.map({ examples.targets.subset(rows: $0) }) ?? examples.targets {
    case .classes(let classes, let count): targets = .classes(classes, count: count)
    case .values(let values):
      let standardized = try targetStandardization?.applied(to: values) ?? values
      targets = .values(try single(standardized, as: "the numbers to predict"))
    }
    return Dataset(
      features: features, targets: targets, name: examples.name, attribution: examples.attribution,
      classNames: examples.classNames, featureNames: encoding?.featureNames ?? examples.featureNames)
  }

  /// Features as a network takes them, `[N, …]`. See ``dataset(_:rows:shape:notes:)``.
  public func features(
    of features: SourceExamples.Features, rows: [Int]? = nil, shape: Shape? = nil, notes: inout [String]
  ) throws(DataError) -> Tensor<Float> {
    switch shape.map(features.shaped) ?? features {
    case .floats(let tensor):
      let chosen = rows.map { tensor.gathering(rows: $0) } ?? tensor
      guard let standardization = standardization?.converted(to: Float.self) else { return chosen }
      return try standardization.applied(to: chosen)
    case .doubles(let tensor):
      let chosen = rows.map { tensor.gathering(rows: $0) } ?? tensor
      guard let standardization else { return try single(chosen, as: "the features") }
      return try single(standardization.applied(to: chosen), as: "the features")
    case .table(let table):
      let encoding = encoding ?? TableEncoding(numbers: table.columns.count)
      return try encoding.features(
        of: table, rows: rows ?? Array(0..<table.rowCount), standardization: standardization,
        shape: shape ?? [encoding.featureCount], notes: &notes)
    }
  }

  /// A network's outputs `[N, K]` in the units of the numbers to predict, in double precision.
  ///
  /// - Throws: ``DataError/unfitForStandardization(_:fittedOn:)`` if there are other than K outputs.
  public func originalUnits(_ outputs: Tensor<Float>) throws(DataError) -> Tensor<Double> {
    let outputs: Tensor<Double> = outputs.converted()
    return try targetStandardization?.undone(on: outputs) ?? outputs
  }

  private func single(_ tensor: Tensor<Double>, as name: String) throws(DataError) -> Tensor<Float> {
    let rounded: Tensor<Float> = tensor.converted()
    guard rounded.isFinite else {
      let elements = tensor.elements
      throw .tooLarge(column: name, value: elements.first { !Float($0).isFinite } ?? .infinity)
    }
    return rounded
  }
}
