import Norma

/// How a network is trained where the command line does not say.
///
/// Networks of a few layers learn well with Adam. For deep convolutional networks it is stochastic gradient descent with
/// Nesterov momentum, a high rate that falls along a cosine, and a penalty on weights, as in the papers on residual networks.
struct TrainingDefaults {
  /// Whether the network is a deep convolutional one.
  private let isDeep: Bool
  /// Whether it is a fully connected one of at most two hidden layers.
  private let isShallow: Bool
  /// Whether there is a network among those that are trained whose values nothing brings to a scale; high rates are too much for it.
  private let isUnnormalized: Bool
  /// Whether the same settings serve several networks side by side.
  private let isComparison: Bool
  /// Whether the data are photographs, which show the same when they are moved a little or seen in a mirror.
  private let arePhotographs: Bool

  init(
    _ architecture: ModelArchitecture, data: DataOptions, normalizations: [NormalizationKind], isComparison: Bool
  ) {
    isDeep = architecture.recipe.depth == .deep
    isShallow = architecture.recipe.depth == .shallow
    isUnnormalized = normalizations.contains { !$0.setsScale }
    self.isComparison = isComparison
    arePhotographs = data.data.hasPrefix("cifar10:")
  }

  var augmentation: ImageAugmentation? {
    isDeep && arePhotographs ? ImageAugmentation(padding: 4, flipsHorizontally: true) : nil
  }

  /// A deep network's is half of what its papers take, who had more examples: ten epochs of 18,000 make enough steps so. Small
  /// data have epochs enough, so that their batches need not be small: a batch of few rows has rough statistics.
  func batchSize(for count: Int) -> Int {
    if isDeep { return 64 }
    return count >= 1000 ? 50 : count >= 64 ? 64 : max(2, count)
  }

  /// Up to how many examples data are small: their networks are trained for as many epochs as make enough steps, within
  /// seconds.
  static let smallCount = 5000

  /// Ten, or as many more as small data need for two thousand steps: ten epochs of 120 rows are too few to learn anything.
  func epochs(for count: Int, batchSize: Int) -> Int {
    guard !isDeep, count <= Self.smallCount else { return 10 }
    let steps = max(1, (count + batchSize - 1) / batchSize)
    return min(200, max(10, (2000 + steps - 1) / steps))
  }

  /// Half of the epochs on small data, where the metric of a few hundred rows stands still for long before it gets better; a
  /// comparison shows all of them.
  func patience(for count: Int, epochs: Int) -> Int? {
    isDeep || isComparison || count > Self.smallCount ? nil : max(5, epochs / 2)
  }

  var optimizer: TrainingOptions.OptimizerName { isDeep ? .nesterov : .adam }
  var schedule: String { isComparison && !isDeep ? "constant" : "cosine" }

  /// By itself a network of one or two hidden layers on small data bears ten times the rate that deeper ones do.
  func learningRate(_ optimizer: TrainingOptions.OptimizerName, for count: Int) -> Double {
    switch optimizer {
    case .adam, .adamw, .amsgrad: isShallow && !isComparison && count <= Self.smallCount ? 1e-2 : 1e-3
    // The paper's advice: 3 to 10 times smaller than Adam's.
    case .lion: learningRate(.adam, for: count) / 10
    case .rmsprop: 1e-2
    case .sgd, .momentum, .nesterov: isDeep && !isUnnormalized ? 0.1 : 1e-2
    }
  }

  func l2(_ optimizer: TrainingOptions.OptimizerName) -> Double {
    switch optimizer {
    case .sgd, .momentum, .nesterov: isDeep ? 5e-4 : 0
    case .rmsprop, .adam, .adamw, .amsgrad, .lion: 0
    }
  }
}
