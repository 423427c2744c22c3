import Foundation
import Norma

/// A small network that Norma trains for the drawings that stand where no script runs: the same task that the script's networks have.
struct SampleNetwork {
  enum Points {
    case circles, spirals

    /// A point of one of two groups, in the square from −1 to 1.
    func point(second: Bool, using random: inout RandomGenerator) -> [Double] {
      let noise = random.normalPair()
      switch self {
      case .circles:
        let (angle, radius) = (2 * Double.pi * random.uniform(), second ? 0.78 : 0.32)
        return [radius * cos(angle) + 0.07 * noise.0, radius * sin(angle) + 0.07 * noise.1]
      case .spirals:
        let along = 0.1 + 0.9 * random.uniform().squareRoot()
        let angle = 5.4 * along + (second ? Double.pi : 0)
        return [0.95 * along * cos(angle) + 0.03 * noise.0, 0.95 * along * sin(angle) + 0.03 * noise.1]
      }
    }

    func draw(_ count: Int, using random: inout RandomGenerator) -> (points: Tensor<Double>, labels: Tensor<Double>) {
      let points = (0..<count).flatMap { point(second: !$0.isMultiple(of: 2), using: &random) }
      return (
        Tensor(points, shape: [count, 2]), Tensor((0..<count).map { Double($0 % 2) }, shape: [count, 1])
      )
    }
  }

  /// How many places the square is asked at, along each side.
  static let side = 28
  static let depth = 5, width = 8, batchSize = 32, learningRate = 0.2

  let points: Tensor<Double>, labels: [Double]
  /// The probability of the second group at each place, row by row from the top.
  let surface: [Double]
  /// The loss on points that were not trained on, after each ten steps.
  let losses: [Double]
  let accuracy: Double
  /// What each layer gives for the points.
  let activations: [[Double]]

  init(_ kind: Points, normalizes: Bool, scale: Double, steps: Int) throws {
    var random = RandomGenerator(seed: 7)
    let training = kind.draw(256, using: &random), held = kind.draw(200, using: &random)
    var layers: [any Layer<Double>] = []
    for index in 0...Self.depth {
      let inputs = index == 0 ? 2 : Self.width
      layers.append(
        Linear<Double>(
          inputs: inputs, outputs: index == Self.depth ? 1 : Self.width,
          initialization: .normal(scale: scale / Double(inputs).squareRoot()), using: &random))
      if index == Self.depth { break }
      if normalizes { layers.append(BatchNorm<Double>(Self.width)) }
      layers.append(Tanh<Double>())
    }
    let model = Sequential(layers)
    var optimizer = Optimizer<Double>(.sgd(), learningRate: Self.learningRate)
    var losses: [Double] = [], logits: [Double] = []
    for step in 0..<steps {
      let rows = (0..<Self.batchSize).map { _ in Int(random.uniform() * 256) }
      let labels = training.labels.gathering(rows: rows)
      let found = try model.differentiate(training.points.gathering(rows: rows), random: &random) {
        $0.binaryCrossEntropy(targets: labels)
      }
      try optimizer.update(model, with: found)
      guard step % 10 == 9 else { continue }
      logits = try model.predict(held.points).elements
      let terms = zip(logits, held.labels.elements).map { max($0, 0) - $0 * $1 + log1p(exp(-abs($0))) }
      losses.append(terms.reduce(0, +) / Double(terms.count))
    }
    let right = zip(logits, held.labels.elements).count { ($0 > 0) == ($1 == 1) }
    let middles = (0..<Self.side).map { 2 * (Double($0) + 0.5) / Double(Self.side) - 1 }
    let places = middles.flatMap { row in middles.flatMap { [$0, -row] } }
    self.losses = losses
    accuracy = Double(right) / Double(logits.count)
    points = training.points
    labels = training.labels.elements
    surface = try model.predict(Tensor(places, shape: [Self.side * Self.side, 2])).elements.map { 1 / (1 + exp(-$0)) }
    let perLayer = normalizes ? 3 : 2
    activations = try (1...Self.depth).map { depth in
      try Sequential(Array(layers.prefix(depth * perLayer))).predict(training.points).elements
    }
  }
}
