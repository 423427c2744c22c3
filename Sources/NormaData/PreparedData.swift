import NormaTensor

/// Data ready for training: split, and standardized by what the training part alone says.
public struct PreparedData: Sendable {
  /// The examples to learn from.
  public var training: Dataset<Float>
  /// The examples set aside for validation; there may be none.
  public var validation: Dataset<Float>
  /// Data that training never sees, where the source sets some aside.
  public var test: Dataset<Float>?
  /// What was done to the features, to be done to all that the model will be asked about; nil if nothing was.
  public var standardization: Standardization<Float>?

  /// Splits loaded data by chance and standardizes all parts.
  ///
  /// - Parameters:
  ///   - loaded: what a source gave.
  ///   - validationCount: how many of the training examples are set aside.
  ///   - standardizing: what shares a mean and a scale; nil to leave the features as they are.
  ///   - random: decides who is set aside.
  /// - Throws: ``DataError`` where the data are too few.
  public init(
    _ loaded: LoadedData, validationCount: Int, standardizing mode: Standardization<Float>.Mode?,
    random: RandomGenerator
  ) throws {
    var random = random
    (training, validation) = try loaded.training.split(validationCount: validationCount, using: &random)
    test = loaded.test
    guard let mode else { return }
    let standardization = try Standardization(fittedOn: training.features, mode: mode)
    self.standardization = standardization
    training.features = try standardization.applied(to: training.features)
    validation.features = try standardization.applied(to: validation.features)
    if let test { self.test?.features = try standardization.applied(to: test.features) }
  }
}
