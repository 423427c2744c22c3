import NormaData
import NormaGraph
import NormaLayers
import NormaTensor

/// A batch whose examples may each be mixed with another, all over or in a rectangle.
package struct MixedBatch<Element: TensorElement> {
  /// The examples as the network sees them, with their own targets.
  package let first: Dataset<Element>
  /// The targets of those that were mixed into them; nil where none were, and where numbers were mixed themselves.
  private var second: Dataset<Element>?
  /// The share of the examples themselves.
  private var share = 1.0

  /// A batch as it is.
  package init(_ batch: Dataset<Element>) { first = batch }

  private init(_ first: Dataset<Element>, _ second: Dataset<Element>?, share: Double) {
    (self.first, self.second, self.share) = (first, second, share)
  }

  /// The batch with each example mixed with one of them drawn by chance, of its shard where it is cut into some, in shares `λ` and `1 − λ` with one λ for all, drawn from the
  /// beta distribution with both numbers `concentration` (Zhang et al. 2018). Numbers to predict are mixed like features; of classes
  /// the loss is, by both.
  package func mixed(
    by concentration: Double, within cut: BatchCut? = nil, using generator: inout RandomGenerator
  ) -> MixedBatch {
    let share = generator.beta(concentration)
    let order = partners(within: cut, using: &generator)
    var mixed = first
    mixed.features = Self.mix(first.features, order, share)
    return withTargets(of: order, share: share, features: mixed)
  }

  /// The batch of images with a rectangle of each taken from one of them drawn by chance, the same place for all, `1 − λ` of the area
  /// large with λ drawn from the beta distribution with both numbers `concentration`, and cut at the edges (Yun et al. 2019, as
  /// torchvision's `CutMix`). Targets are mixed by the areas.
  package func cutMixed(
    by concentration: Double, within cut: BatchCut? = nil, using generator: inout RandomGenerator
  ) -> MixedBatch {
    let share = generator.beta(concentration)
    let order = partners(within: cut, using: &generator)
    let (height, width) = (first.exampleShape[0], first.exampleShape[1])
    func range(_ length: Int) -> Range<Int> {
      let center = Int(Double(length) * generator.uniform())
      let half = Int(0.5 * (1 - share).squareRoot() * Double(length))
      return max(0, center - half)..<min(length, center + half)
    }
    let (columns, rows) = (range(width), range(height))
    var mixed = first
    mixed.features = Self.copy(rows, columns, of: first.features, order)
    let kept = 1 - Double(rows.count * columns.count) / Double(height * width)
    return withTargets(of: order, share: kept, features: mixed)
  }

  /// With which example each is mixed: one of the same shard, where the batch is cut. What is drawn does not depend on which shards are
  /// here.
  private func partners(within cut: BatchCut?, using generator: inout RandomGenerator) -> [Int] {
    guard let cut else { return generator.permutation(first.count) }
    return cut.shards.flatMap { shard in
      let order = generator.permutation(shard.count)
      guard cut.places.lowerBound <= shard.lowerBound && shard.upperBound <= cut.places.upperBound else {
        return [Int]()
      }
      return order.map { shard.lowerBound - cut.places.lowerBound + $0 }
    }
  }

  /// The examples, mixed, with the targets of those that were mixed into them.
  private func withTargets(of order: [Int], share: Double, features mixed: Dataset<Element>) -> MixedBatch {
    var mixed = mixed
    if case .values(let values) = first.targets {
      mixed.targets = .values(Self.mix(values, order, share))
      return MixedBatch(mixed, nil, share: 1)
    }
    var other = mixed
    other.targets = first.targets.subset(rows: order)
    other.weights = first.weights.map { weights in order.map { weights[$0] } }
    return MixedBatch(mixed, other, share: share)
  }

  private static func mix(_ x: Tensor<Element>, _ order: [Int], _ share: Double) -> Tensor<Element> {
    Element(share) * x + Element(1 - share) * x.gathering(rows: order)
  }

  /// Images `[N, height, width, channels]` with a rectangle of each taken from another.
  private static func copy(
    _ rows: Range<Int>, _ columns: Range<Int>, of images: Tensor<Element>, _ order: [Int]
  ) -> Tensor<Element> {
    let (height, width, channels) = (images.shape[1], images.shape[2], images.shape[3])
    return Tensor(shape: images.shape) { result in
      images.withUnsafeElements { images in
        _ = result.initialize(from: images)
        for (index, other) in order.enumerated() {
          for row in rows {
            let start = (row * width + columns.lowerBound) * channels
            let (target, source) = (
              index * height * width * channels + start, other * height * width * channels + start
            )
            for offset in 0..<columns.count * channels { result[target + offset] = images[source + offset] }
          }
        }
      }
    }
  }

  /// A part of the batch.
  func part(_ range: Range<Int>) -> MixedBatch {
    MixedBatch(first.batch(range), second?.batch(range), share: share)
  }

  /// The batch with the targets that count most.
  package var judged: Dataset<Element> { share < 0.5 ? second ?? first : first }

  /// The loss of what a model gave for the batch.
  package func loss(of outputs: Variable<Element>, _ configuration: TrainingConfiguration) throws -> Variable<Element> {
    func loss(_ data: Dataset<Element>) throws -> Variable<Element> {
      try configuration.loss(outputs, targets: data.targets, weights: configuration.exampleWeights(data))
    }
    guard let second else { return try loss(first) }
    return try loss(first).scaled(by: Element(share)) + loss(second).scaled(by: Element(1 - share))
  }

  /// How much the batch counts beside others: the number of its examples, or the sum of their weights.
  func weight(_ configuration: TrainingConfiguration) -> Double {
    func weight(_ data: Dataset<Element>) -> Double {
      configuration.exampleWeights(data)?.reduce(0, +) ?? Double(data.count)
    }
    guard let second else { return weight(first) }
    return share * weight(first) + (1 - share) * weight(second)
  }
}

extension TrainingConfiguration {
  /// How much each example counts: by its own weight and that of its class; nil if all count the same.
  func exampleWeights<Element: TensorElement>(_ data: Dataset<Element>) -> [Double]? {
    guard let classWeights, case .classes(let classes, _) = data.targets else { return data.weights }
    guard let weights = data.weights else { return classes.map { classWeights[$0] } }
    return zip(classes, weights).map { classWeights[$0] * $1 }
  }
}
