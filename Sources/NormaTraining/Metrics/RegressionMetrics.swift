import NormaTensor

/// What predicted numbers are worth where the true ones are known.
///
/// Each measure is computed for each target, and the mean over the targets is that of scikit-learn's "uniform average": targets
/// of large units do not outweigh others in R², as they would if squares were pooled.
public struct RegressionMetrics: Sendable, Equatable {
  /// How one of the numbers fared.
  public struct Target: Sendable, Equatable {
    /// 1 less the share of the target's variance that the predictions leave unexplained: 1 is perfect, 0 what predicting the
    /// mean comes to. Of a target that is the same for all examples it is 1 if all are met, otherwise 0.
    public let r2: Double
    /// The mean distance, in the target's units.
    public let meanAbsoluteError: Double
    /// The root of the mean squared distance, in the target's units.
    public let rootMeanSquaredError: Double
    /// Half of the distances are at most this, in the target's units.
    public let medianAbsoluteError: Double
    /// Whether the target is the same for all examples, so that R² says nothing.
    public let isConstant: Bool
  }

  /// The numbers' results, in their order.
  public let targets: [Target]

  /// The mean R² of the targets.
  public var r2: Double { mean(\.r2) }
  /// The mean distance, averaged over the targets.
  public var meanAbsoluteError: Double { mean(\.meanAbsoluteError) }
  /// The root mean squared error, averaged over the targets.
  public var rootMeanSquaredError: Double { mean(\.rootMeanSquaredError) }
  /// The median distance, averaged over the targets.
  public var medianAbsoluteError: Double { mean(\.medianAbsoluteError) }

  /// Holds predictions `[N, K]` against true values `[N, K]`, for one example or more.
  ///
  /// - Throws: ``TrainingError/outputsNotFinite(_:)``: nothing can be said of predictions that are no numbers.
  public init<Element: TensorElement>(
    predictions: Tensor<Element>, targets: Tensor<Element>
  ) throws {
    require(
      predictions.rank == 2 && predictions.shape == targets.shape && predictions.count > 0,
      "predictions of shape \(predictions.shape) for targets of shape \(targets.shape)")
    try predictions.checkFinite()
    let targetCount = targets.shape[1]
    let (predicted, wanted) = (
      predictions.converted(to: Double.self).elements, targets.converted(to: Double.self).elements
    )
    self.targets = (0..<targetCount).map { target in
      let column = stride(from: target, to: wanted.count, by: targetCount)
      let distances = column.map { abs(predicted[$0] - wanted[$0]) }
      let count = Double(distances.count)
      let center = column.reduce(0) { $0 + wanted[$1] } / count
      let spread = column.reduce(0) { $0 + (wanted[$1] - center) * (wanted[$1] - center) }
      // A mean is rounded, so that the differences from it would not show that all are the same.
      let isConstant = column.allSatisfy { wanted[$0] == wanted[target] }
      let squares = distances.reduce(0) { $0 + $1 * $1 }
      let sorted = distances.sorted()
      let middle = sorted.count / 2
      return Target(
        r2: isConstant ? (squares == 0 ? 1 : 0) : 1 - squares / spread,
        meanAbsoluteError: distances.reduce(0, +) / count, rootMeanSquaredError: (squares / count).squareRoot(),
        medianAbsoluteError: sorted.count.isMultiple(of: 2)
          ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle],
        isConstant: isConstant)
    }
  }

  private func mean(_ value: (Target) -> Double) -> Double {
    targets.reduce(0) { $0 + value($1) } / Double(targets.count)
  }
}
