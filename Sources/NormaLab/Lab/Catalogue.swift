/// All experiments, in the order that tells the story: why activations die, what normalization does about it, its gradient,
/// faster convergence, larger learning rates, regularization, where it fails.
public enum LabCatalogue {
  /// The experiments.
  public static let experiments: [any Experiment] = [
    ActivationsByLayer(),
    GradientWalk(),
    GradientSpeed(),
    PublishedChecks(),
    SixLayerNetwork(),
    WeightScale(),
    SigmoidNetwork(),
    LearningRates(),
    DeepLinearNetwork(),
    NormalizationPlacement(),
    UpdateRules(),
    Overfitting(),
    ConvolutionalNetwork(),
    Dropout(),
    Regularization(),
    BatchSize(normalization: .batch),
    BatchSize(normalization: .layer),
    SmallBatches(),
    GhostBatches(),
    Accumulation(),
    PaddedSequences(),
    ExactStatistics(),
    ShiftedData(),
    RootMeanSquare(),
    HalfWidthActivations(),
  ]

  /// The experiment of a name; nil if there is none.
  public static func experiment(named name: String) -> (any Experiment)? { experiments.first { $0.name == name } }
}
