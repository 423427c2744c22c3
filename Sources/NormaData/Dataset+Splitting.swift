import NormaTensor

extension Dataset.Targets {
  /// The class of each example; nil for numbers.
  var classes: [Int]? {
    if case .classes(let classes, _) = self { classes } else { nil }
  }

  /// The targets of the given examples, in that order.
  package func subset(rows: some Collection<Int>) -> Self {
    switch self {
    case .classes(let classes, let count): .classes(rows.map { classes[$0] }, count: count)
    case .values(let values): .values(values.gathering(rows: rows))
    }
  }
}

extension Dataset {
  /// The given examples in that order, which share their features' memory with these.
  public func subset(rows indices: some Collection<Int>) -> Dataset {
    var copy = self
    copy.weights = nil
    copy.samples = samples.subset(Array(indices))
    copy.targets = targets.subset(rows: indices)
    copy.weights = weights.map { weights in indices.map { weights[$0] } }
    return copy
  }

  /// The given examples in that order, brought together in memory of their own.
  public func batch(_ indices: some Collection<Int>) -> Dataset {
    batch(indices, samples.gathered(indices))
  }

  /// A range of the examples, as a view where their numbers lie so already.
  public func batch(_ range: Range<Int>) -> Dataset { batch(range, samples.features(range)) }

  /// The given images in that order, each changed by chance, in one pass: pixels before they are standardized, numbers as
  /// ``ImageAugmentation/applied(to:using:)`` does.
  ///
  /// The images must be such that ``ImageAugmentation/problem(for:)`` finds nothing.
  ///
  /// - Parameters:
  ///   - indices: which images.
  ///   - augmentation: what is done to them.
  ///   - first: the place in the batch of the first of them, where others come before that are not asked for: what is drawn for an image
  ///     depends on its place.
  ///   - generator: decides by chance.
  public func batch(
    _ indices: some Collection<Int>, changedBy augmentation: ImageAugmentation, from first: Int = 0,
    using generator: inout RandomGenerator
  ) -> Dataset {
    if let problem = augmentation.problem(for: self) { fatalError(problem) }
    return batch(indices, samples.gathered(indices, changedBy: augmentation, from: first, using: &generator))
  }

  private func batch(_ indices: some Collection<Int>, _ features: Tensor<Element>) -> Dataset {
    var batch = self
    batch.weights = nil
    batch.features = features
    batch.targets = targets.subset(rows: indices)
    batch.weights = weights.map { weights in indices.map { weights[$0] } }
    return batch
  }

  /// Sets examples aside by chance: `validationCount` for validation, the others for training, both in random order.
  ///
  /// - Throws: ``DataError/validationCount(_:of:)`` unless at least one example is left for training,
  ///   ``DataError/validationLosesClass(_:of:classCount:)`` unless one of each class is, where the split is stratified.
  public func split(
    _ kind: SplitKind = .stratified, validationCount: Int, using generator: inout RandomGenerator
  ) throws(DataError) -> (training: Dataset, validation: Dataset) {
    let rows = try RowSplit(
      count: count, classes: kind == .stratified ? targets.classes : nil, validationCount: validationCount,
      using: &generator)
    return (subset(rows: rows.training), subset(rows: rows.validation))
  }

  /// Sets a part of the examples aside by chance for validation, rounded up to whole examples.
  ///
  /// - Throws: ``DataError/validationFraction(_:)`` if the part does not lie in `0..<1`, and what
  ///   ``split(_:validationCount:using:)`` throws.
  public func split(
    _ kind: SplitKind = .stratified, validationFraction: Double, using generator: inout RandomGenerator
  ) throws(DataError) -> (training: Dataset, validation: Dataset) {
    guard validationFraction >= 0, validationFraction < 1 else { throw .validationFraction(validationFraction) }
    return try split(
      kind, validationCount: Int((validationFraction * Double(count)).rounded(.up)), using: &generator)
  }
}
