import Norma

/// Something that is compared, with what was measured of it for each seed.
struct Contender {
  /// One seed's measurement on the data that decide.
  struct Measurement: Codable, Sendable {
    /// The metric.
    var metric: Double
    /// What each example contributed to it; nil where that is not known, as after a training that broke off.
    var credits: [Double]?
  }

  let name: String
  var measurements: [Measurement] = []

  /// By how much each of several is better than each after it, on the data that decide.
  static func differences(
    _ contenders: [Contender], metric: ComparedMetric, on dataset: Dataset<Float>
  ) -> [NormComparison.Difference] {
    contenders.indices.flatMap { first in
      contenders[(first + 1)...].map { second in
        let (a, b) = (contenders[first], second)
        let values = zip(a.measurements, b.measurements).map { $0.metric - $1.metric }
        return NormComparison.Difference(
          first: a.name, second: b.name,
          difference: PairedDifference(values, standardError: standardError(a, b, metric: metric, on: dataset)))
      }
    }
  }

  private static func standardError(
    _ first: Contender, _ second: Contender, metric: ComparedMetric, on dataset: Dataset<Float>
  ) -> Double {
    let known = zip(first.measurements, second.measurements).compactMap { a, b in
      a.credits.flatMap { one in b.credits.map { (one, $0) } }
    }
    if known.count == first.measurements.count {
      let error = metric.standardError(of: known.map(\.0), less: known.map(\.1), on: dataset)
      if error.isFinite { return error }
    }
    // As if the two had nothing in common.
    return Judgement.length(
      [first, second].map { contender in
        metric.metric.standardError(at: Spread(contender.measurements.map(\.metric)).mean, on: .init(dataset))
      })
  }
}

/// What networks are held against: what can be said without looking, and a linear model.
struct ReferenceModels {
  let results: [NormComparison.Reference]
  /// What the base line contributes on the data that decide.
  let baseline: Contender.Measurement
  private let linear: Contender.Measurement?

  init(_ data: DataSplits, metric: ComparedMetric) throws {
    let model = try Baseline(of: data.training)
    let name = model.mostFrequentClass.map { number in
      "always saying the most frequent class (\(data.training.classNames?[number] ?? "\(number)"))"
    }
    let baselineReference = try NormComparison.Reference(
      kind: .baseline, description: name ?? "always saying the mean of the training targets", data, metric
    ) { model.predict(count: $0.count) }
    baseline = Contender.Measurement(
      metric: baselineReference.judgedMetric,
      credits: metric.credits(model.predict(count: data.judged.count), on: data.judged))
    do {
      let model = try LinearModel(fittedOn: data.training)
      let part =
        model.exampleCount < data.training.count
        ? ", fitted on the first \(NumberFormat.integer.text(Double(model.exampleCount))) examples" : ""
      let kind = model.predictsClasses ? "logistic regression" : "ridge regression"
      let reference = try NormComparison.Reference(
        kind: .linear, description: kind + part + (model.isConverged ? "" : ", stopped near its optimum"), data, metric
      ) { try model.predict($0) }
      linear = Contender.Measurement(
        metric: reference.judgedMetric,
        credits: metric.credits(try model.predict(data.judged), on: data.judged))
      results = [baselineReference, reference]
    } catch is TrainingError {
      // Features that are not finite: the networks will say so.
      linear = nil
      results = [baselineReference]
    }
  }

  /// The same measurement for every seed: none of them depends on one.
  func contenders(seedCount: Int) -> [Contender] {
    [(NormComparison.Reference.Kind.baseline, Optional(baseline)), (.linear, linear)].compactMap { kind, measurement in
      measurement.map {
        Contender(name: kind.rawValue, measurements: [Contender.Measurement](repeating: $0, count: seedCount))
      }
    }
  }
}

extension NormComparison.Reference {
  fileprivate init(
    kind: Kind, description: String, _ data: DataSplits, _ metric: ComparedMetric,
    _ predict: (Dataset<Float>) throws -> Tensor<Float>
  ) throws {
    self.init(
      kind: kind, description: description,
      trainingMetric: metric.value(of: try predict(data.training), on: data.training),
      validation: .init(try predict(data.validation), on: data.validation, metric),
      test: try data.test.map { .init(try predict($0), on: $0, metric) })
  }

  /// The metric on the data that decide.
  fileprivate var judgedMetric: Double { (test ?? validation).metric }
}

extension NormComparison.Scores {
  /// The scores that a model's outputs come to.
  init(_ outputs: Tensor<Float>, on dataset: Dataset<Float>, _ metric: ComparedMetric) {
    let isBalanced = metric == .balancedAccuracy
    self.init(
      metric: metric.value(of: outputs, on: dataset), accuracy: isBalanced ? dataset.accuracy(of: outputs) : nil,
      recalls: isBalanced ? ComparedMetric.recalls(of: outputs, on: dataset) : [])
  }
}

extension NormComparison.Sample {
  /// The size of data, the sizes of their classes, and the range of their numbers.
  init(_ dataset: Dataset<Float>) {
    self.init(count: dataset.count, classCounts: dataset.classCounts, classNames: dataset.classNames)
    guard case .values(let values) = dataset.targets, values.shape.channelCount == 1 else { return }
    let spread = Spread(values.elements.map(Double.init))
    (targetMean, targetDeviation) = (spread.mean, spread.deviation)
  }
}
