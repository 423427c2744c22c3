import Norma

/// The mean squared distance of a probability for each class from 1 for the right one and 0 for the others (Brier 1950), where
/// the logistic function makes probabilities of scores.
struct BrierScore: LossFunction {
  static let name = "ownParts.brierScore"

  func callAsFunction<Element: TensorElement>(
    _ outputs: Variable<Element>, targets: Dataset<Element>.Targets, weights: [Double]?
  ) throws -> Variable<Element> {
    let labels = try targets.labels(for: self)
    let classes = outputs.shape.channelCount
    let right = Tensor<Element>(
      labels.flatMap { label in (0..<classes).map { $0 == label ? 1 : 0 } }, shape: outputs.shape)
    return (outputs.sigmoid() - Variable(right)).squared().mean()
  }
}

/// Steps by the sign of a running mean of the gradients (Chen and others 2023).
struct Lion: OptimizerRule {
  static let name = "ownParts.lion"
  var slots: [String] { ["momentum"] }

  func update<Element: TensorElement>(
    _ values: inout MutableSpan<Element>, gradients: Span<Element>, slots: inout OptimizerSlots<Element>,
    step: OptimizerStep
  ) {
    for i in values.indices {
      let direction = 0.9 * slots[0, i] + 0.1 * gradients[i]
      slots[0, i] = 0.99 * slots[0, i] + 0.01 * gradients[i]
      values[i] -= Element(step.learningRate) * (direction > 0 ? 1 : direction < 0 ? -1 : 0)
    }
  }
}

/// Falls as one over the root of time.
struct InverseRoot: LearningRateSchedule {
  static let name = "ownParts.inverseRoot"
  /// The time at which the rate has fallen by √2.
  var scale = 200.0

  func factor(at time: Int) -> Double { (scale / (scale + Double(time))).squareRoot() }
}

/// Hidden layers with ``ScaleNorm``, and dropout: `scaled:64,32`.
struct ScaledNetwork: ModelRecipe {
  static let name = "ownParts.scaledNetwork"
  static let forms = [(form: "scaled:WIDTH[,WIDTH…]", meaning: "hidden layers whose results have a learned length")]

  var hidden: [Int]
  var normalization = NormalizationKind.none
  var initialization = Initialization.kaimingNormal
  var conventions = BatchNormalizationConventions.norma
  var description: String { "scaled:" + hidden.map(String.init).joined(separator: ",") }

  init(hidden: [Int]) { self.hidden = hidden }

  init?(parsing text: String) throws(ModelArchitectureError) {
    guard text.hasPrefix("scaled:") else { return nil }
    hidden = text.dropFirst("scaled:".count).split(separator: ",").compactMap { Int($0) }
  }

  func build<Element: TensorElement>(
    sampleShape: Shape, outputCount: Int, random: RandomGenerator
  ) throws(ModelArchitectureError) -> Sequential<Element> {
    var network = try NetworkBuilder<Element>(self, sampleShape: sampleShape, outputCount: outputCount, random: random)
    if sampleShape.rank > 1 { try network.append(Flatten()) }
    for width in hidden {
      try network.linear(width)
      try network.append(ScaleNorm(width))
      try network.activation()
      try network.append(Dropout(keepProbability: 0.9))
    }
    try network.linear(outputCount)
    return try network.finished()
  }
}

/// Lets files name the parts above: once, before the first is read.
public func registerOwnParts() throws {
  try LossRegistry.shared.register(BrierScore.self)
  try OptimizerRegistry.shared.register(Lion.self)
  try ScheduleRegistry.shared.register(InverseRoot.self)
  try ModelRegistry.shared.register(ScaledNetwork.self)
}
