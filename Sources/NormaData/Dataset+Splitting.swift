import NormaTensor

extension Dataset {
  /// The given examples, copied in that order.
  public func subset(rows indices: some Collection<Int>) -> Dataset {
    var copy = self
    copy.features = features.gathering(rows: indices)
    switch targets {
    case .classes(let classes, let count): copy.targets = .classes(indices.map { classes[$0] }, count: count)
    case .values(let values): copy.targets = .values(values.gathering(rows: indices))
    }
    return copy
  }

  /// Sets examples aside by chance: `validationCount` for validation, the others for training, both in random order.
  ///
  /// - Throws: ``DataError/validationCount(_:of:)`` unless at least one example is left for training.
  public func split(
    validationCount: Int, using generator: inout RandomGenerator
  ) throws(DataError) -> (training: Dataset, validation: Dataset) {
    guard validationCount >= 0, validationCount < count else {
      throw .validationCount(validationCount, of: count)
    }
    let order = generator.permutation(count)
    return (subset(rows: order.dropFirst(validationCount)), subset(rows: order.prefix(validationCount)))
  }

  /// Sets a part of the examples aside by chance for validation, rounded up to whole examples.
  ///
  /// - Throws: ``DataError/validationFraction(_:)`` if the part does not lie in `0..<1`, ``DataError/validationCount(_:of:)``
  ///   if it leaves no example for training.
  public func split(
    validationFraction: Double, using generator: inout RandomGenerator
  ) throws(DataError) -> (training: Dataset, validation: Dataset) {
    guard validationFraction >= 0, validationFraction < 1 else { throw .validationFraction(validationFraction) }
    return try split(validationCount: Int((validationFraction * Double(count)).rounded(.up)), using: &generator)
  }
}
