import Norma

/// What networks are compared by.
public enum ComparedMetric: Sendable, Equatable {
  /// The share of examples that are classified rightly.
  case accuracy
  /// The mean of the classes' shares: where one class is far more frequent than the others, an accuracy is high for naming it alone.
  case balancedAccuracy
  /// R² of numbers.
  case determination

  /// From how many times its even share on, 1/K of K classes, a class makes data uneven: of two classes three quarters.
  static let unevenFrom = 1.5

  /// What suits training data: for classes the accuracy, and the balanced one where the most frequent class has more than one
  /// and a half times its even share.
  public init(for training: Dataset<Float>) {
    guard let counts = training.classCounts else {
      self = .determination
      return
    }
    let evenShare = Double(training.count) / Double(counts.count)
    self = Double(counts.max() ?? 0) > Self.unevenFrom * evenShare ? .balancedAccuracy : .accuracy
  }

  /// How a report calls and writes it.
  var metric: NormComparison.Metric {
    switch self {
    case .accuracy: .init(name: "accuracy", isPercentage: true)
    case .balancedAccuracy: .init(name: "balanced accuracy", isPercentage: true)
    case .determination: .init(name: "R²", isPercentage: false)
    }
  }

  /// Its value for a model's outputs `[N, outputs]`; NaN if one of them is not finite.
  package func value(of outputs: Tensor<Float>, on dataset: Dataset<Float>) -> Double {
    guard outputs.isFinite else { return .nan }
    switch (self, dataset.targets) {
    case (.balancedAccuracy, _): return Spread(Self.recalls(of: outputs, on: dataset).compactMap(\.self)).mean
    case (_, .classes): return dataset.accuracy(of: outputs) ?? .nan
    case (_, .values(let values)):
      return (try? RegressionMetrics(predictions: outputs, targets: values))?.r2 ?? .nan
    }
  }

  /// The share of each class's examples that are classified rightly; nil for a class without examples.
  static func recalls(of outputs: Tensor<Float>, on dataset: Dataset<Float>) -> [Double?] {
    guard case .classes(let labels, let count) = dataset.targets else { return [] }
    let table = ConfusionTable(labels: labels, predicted: outputs.indicesOfMaximaOverChannels(), classCount: count)
    return (0..<count).map { label in
      table.labelCounts[label] > 0 ? Double(table[label, label]) / Double(table.labelCounts[label]) : nil
    }
  }

  /// What each example contributes: numbers whose mean is the metric.
  ///
  /// - Parameters:
  ///   - outputs: a model's, `[N, outputs]`.
  ///   - dataset: the examples that they are of.
  package func credits(_ outputs: Tensor<Float>, on dataset: Dataset<Float>) -> [Double] {
    guard outputs.isFinite else { return [Double](repeating: .nan, count: dataset.count) }
    switch dataset.targets {
    case .classes(let labels, _):
      let isRight = zip(outputs.indicesOfMaximaOverChannels(), labels).map { $0 == $1 }
      guard self == .balancedAccuracy, let counts = dataset.classCounts else { return isRight.map { $0 ? 1 : 0 } }
      let present = Double(counts.count { $0 > 0 })
      let weights = counts.map { $0 > 0 ? Double(dataset.count) / (present * Double($0)) : 0 }
      return zip(isRight, labels).map { $0 ? weights[$1] : 0 }
    case .values(let values):
      let (rows, columns) = (values.shape[0], values.shape[1])
      let (targets, outputs) = (values.elements.map(Double.init), outputs.elements.map(Double.init))
      var credits = [Double](repeating: 0, count: rows)
      for column in 0..<columns {
        let places = stride(from: column, to: targets.count, by: columns)
        let mean = places.reduce(0) { $0 + targets[$1] } / Double(rows)
        let spread = places.reduce(0) { $0 + (targets[$1] - mean) * (targets[$1] - mean) }
        let isMet = places.allSatisfy { outputs[$0] == targets[$0] }
        for (row, place) in places.enumerated() {
          let error = outputs[place] - targets[place]
          let credit = spread > 0 ? 1 - Double(rows) * error * error / spread : isMet ? 1 : 0
          credits[row] += credit / Double(columns)
        }
      }
      return credits
    }
  }
}

extension ComparedMetric {
  /// The standard error of the difference of two models' metrics, from the differences that the examples make. Examples that both
  /// get right, or both wrong, make none, so that what two models share does not count.
  ///
  /// - Parameters:
  ///   - first: what each example contributes to the one, seed by seed.
  ///   - second: to the other, with the same seeds.
  ///   - dataset: the examples.
  package func standardError(of first: [[Double]], less second: [[Double]], on dataset: Dataset<Float>) -> Double {
    let differences = first[0].indices.map { example in
      zip(first, second).reduce(0) { $0 + $1.0[example] - $1.1[example] } / Double(first.count)
    }
    // Two models that answer all of a few examples alike need not always do so.
    return max(standardError(ofMean: differences, on: dataset), metric.resolution(on: .init(dataset)))
  }

  private func standardError(ofMean values: [Double], on dataset: Dataset<Float>) -> Double {
    guard self == .balancedAccuracy, case .classes(let labels, _) = dataset.targets else {
      return Spread(values).deviation / Double(values.count).squareRoot()
    }
    // Each class by itself: how many examples it has is no part of its recall.
    let classes = Dictionary(grouping: zip(labels, values)) { $0.0 }.values
    return Judgement.length(
      classes.map { Spread($0.map(\.1)).deviation * Double($0.count).squareRoot() / Double(values.count) }.sorted())
  }
}

extension NormComparison.Metric {
  /// What one example more or less makes, at most: that two models answer all of a few examples alike is no proof that they always
  /// would. 0 for R², which every example changes.
  func resolution(on sample: NormComparison.Sample) -> Double {
    guard isPercentage else { return 0 }
    guard name != "accuracy", let classes = sample.classCounts?.filter({ $0 > 0 }), let least = classes.min() else {
      return 1 / Double(max(1, sample.count))
    }
    return 1 / Double(classes.count * least)
  }

  /// How far a value lies from what it would be on endless examples of the same kind, one standard error: `√(p(1 − p)/n)` of an
  /// accuracy; of a balanced one from those of its classes; `2(1 − R²)√(R²/n)` of R² (Olkin & Finn 1995).
  package func standardError(at value: Double, on sample: NormComparison.Sample) -> Double {
    let count = Double(max(1, sample.count))
    guard isPercentage else { return 2 * (1 - value) * (max(0, value) / count).squareRoot() }
    let variance = max(0, value * (1 - value))
    guard name != "accuracy", let classes = sample.classCounts?.filter({ $0 > 0 }), !classes.isEmpty else {
      return (variance / count).squareRoot()
    }
    return classes.reduce(0) { $0 + variance / Double($1) }.squareRoot() / Double(classes.count)
  }
}
