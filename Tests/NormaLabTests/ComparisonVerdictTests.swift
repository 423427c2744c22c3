import Norma
import NormaLab
import TestSupport
import Testing

@Suite struct ComparisonVerdictTests {
  private typealias Sample = SampleComparison

  private func verdicts(_ result: NormComparison) -> String {
    ComparisonReport(result).verdicts.joined(separator: "\n")
  }

  private let fast = Sample.runs("batch", [[0.1, 0.96, 0.97], [0.1, 0.9, 0.96], [0.1, 0.96, 0.96]])
  private let slow = Sample.runs("none", [[0.1, 0.3, 0.5], [0.1, 0.2, 0.4], [0.1, 0.3, 0.6]])

  @Test func theHeadlineSaysWhatAllSeedsDid() {
    let result = Sample.of(slow + fast, baseline: 0.1, linear: 0.9)
    #expect(
      ComparisonReport(result).headline
        == "With batch normalization, validation accuracy reached 95 % after 1 to 2 epochs; "
        + "without normalization in none of 3 seeds within 2 epochs.")
    let some = Sample.of(
      Sample.runs("none", [[0.1, 0.96], [0.1, 0.5], [0.1, 0.5]]) + fast, baseline: 0.1, linear: 0.9)
    #expect(ComparisonReport(some).headline.contains("without normalization in 1 of 3 seeds, after 1 epoch"))
  }

  @Test func aNetworkIsSoonerWhereEverySeedIsAheadOfEveryOther() {
    #expect(
      verdicts(Sample.of(slow + fast, baseline: 0.1, linear: 0.9)).contains(
        "With batch normalization 95 % is reached sooner than without normalization, by more than chance explains."))
    let mixed = Sample.runs("none", [[0.1, 0.3, 0.5], [0.1, 0.95, 0.96], [0.1, 0.3, 0.6]])
    #expect(
      verdicts(Sample.of(mixed + fast, baseline: 0.1, linear: 0.9)).contains(
        "Which of the two is sooner at 95 % is too close to tell."))
  }

  // √(0.95·0.05/400) = 1.1 points: 93 % lies within two standard errors of 95 %, and 92 % does not.
  @Test func oneThatComesCloseToTheTargetIsNotCalledSlower() {
    func verdict(_ value: Double) -> String {
      verdicts(
        Sample.of(
          Sample.runs("none", [[0.1, value, value], [0.1, value, value]])
            + Sample.runs("batch", [[0.1, 0.96, 0.96], [0.1, 0.95, 0.95]]), baseline: 0.1, linear: 0.9))
    }
    #expect(verdict(0.93).contains("too close to tell"))
    #expect(verdict(0.92).contains("by more than chance explains"))
  }

  @Test func onlyDifferencesBeyondTheirIntervalAreClaimed() {
    let text = verdicts(
      Sample.of(
        slow + fast + Sample.runs("layer", [[0.1, 0.96], [0.1, 0.95], [0.1, 0.97]]), baseline: 0.1, linear: 0.9,
        differences: [
          ("none", "batch", PairedDifference([-0.46, -0.45, -0.47], standardError: 0.01)),
          ("none", "layer", PairedDifference([-0.46, -0.40, -0.52], standardError: 0.01)),
          ("batch", "layer", PairedDifference([0.001, -0.002, 0], standardError: 0.005)),
          ("batch", "linear", PairedDifference([0.06, 0.06, 0.06], standardError: 0.01)),
          ("none", "linear", PairedDifference([-0.4, -0.4, -0.4], standardError: 0.01)),
          ("layer", "linear", PairedDifference([0.06, 0.0, 0.09], standardError: 0.01)),
        ]))
    #expect(
      text.contains(
        "by more than chance explains: batch than none by 46.0 ± 3.2 points, layer than none by 46.0 ± 15.0 points."))
    #expect(
      text.contains(
        "Too close to tell which is better on validation data at the saved epoch: batch and layer (0.0 ± 1.1 points)."))
    #expect(text.contains("Better than the linear model: batch by 6.0 ± 2.0 points."))
    #expect(text.contains("Worse than the linear model: none by 40.0 ± 2.0 points."))
    #expect(text.contains("Too close to the linear model to tell: layer (5.0 ± 11.6 points)."))
    #expect(
      text.contains(
        "A linear model (logistic regression) has 90.0 % validation accuracy; always saying the most frequent class (no) gives 10.0 %."
      ))
  }

  @Test func manyPairsAreNotListedOneByOne() {
    let others = ["layer", "group", "rms", "scale", "grn"].flatMap {
      Sample.runs($0, [[0.1, 0.3, 0.5], [0.1, 0.2, 0.4], [0.1, 0.3, 0.6]])
    }
    let text = verdicts(Sample.of(slow + fast + others, baseline: 0.1, linear: 0.9))
    #expect(
      text.contains(
        "Sooner at 95 % by more than chance explains: batch than none, layer, group, rms, scale, grn. "
          + "The other 15 of 21 pairs are too close to tell."))
  }

  @Test func oneSeedClaimsNothing() {
    let result = Sample.of(
      [Sample.run("none", seed: 4, [0.1, 0.5]), Sample.run("batch", seed: 4, [0.1, 0.96])], baseline: 0.1, linear: 0.7,
      differences: [("none", "batch", PairedDifference([-0.46], standardError: 0.01))])
    let text = verdicts(result)
    #expect(text.contains("One seed cannot tell which network is sooner or better beyond chance"))
    #expect(!text.contains("chance explains"))
    #expect(text.contains("Without normalization the network did worse than the linear model."))
  }

  @Test func reachingWhatTheBaseLineReachesIsNotPraised() {
    let runs =
      Sample.runs("batch", [[0.9, 0.967], [0.9, 0.97]]) + Sample.runs("none", [[0.9, 0.967], [0.9, 0.968]])
    var result = Sample.of(runs, targets: [0.5, 0.95], baseline: 0.9667, linear: 0.99)
    for index in result.runs.indices { result.runs[index].gain = PairedDifference([0.03], standardError: 0.001) }
    let report = ComparisonReport(result)
    #expect(!report.headline.contains("95 %"))
    #expect(
      report.headline
        == "The best validation accuracy, 96.8 % (96.7 % to 97.0 %), was reached with batch normalization.")
    #expect(
      verdicts(result).contains(
        "Always saying the most frequent class (no) gives 96.6 % without looking, so that reaching 50 % and 95 % says nothing."
      ))
  }

  @Test func whereNothingWasLearnedThatIsSaidAndWhy() {
    let runs = Sample.runs("batch", [[0.1, 0.11], [0.1, 0.1]]) + Sample.runs("none", [[0.1, 0.1], [0.1, 0.09]])
    let linear = ("base line", "linear", PairedDifference([-0.4, -0.4], standardError: 0.01))
    let result = Sample.of(runs, baseline: 0.1, linear: 0.5, differences: [linear])
    let report = ComparisonReport(result)
    #expect(
      report.headline
        == "None of the networks learned anything that shows on validation data: the best validation accuracy is "
        + "10.5 % (10.0 % to 11.0 %), and always saying the most frequent class (no) gives 10.0 %.")
    #expect(report.verdicts[0].hasPrefix("Likely cause: only 30 steps were made."))
    func cause(_ change: (inout NormComparison) -> Void) -> String {
      var changed = result
      for index in changed.runs.indices { changed.runs[index].stepCount = 5000 }
      change(&changed)
      return ComparisonReport(changed).verdicts[0]
    }
    #expect(cause { _ in }.contains("learning rate of 0.00100 does not suit"))
    #expect(
      cause { $0.differences = [.init(first: "linear", second: "base line", difference: .init([0], standardError: 1))] }
        .contains("a linear model does not find it either"))
    let scaled = cause {
      $0.validation?.targetMean = 152
      $0.validation?.targetDeviation = 77
    }
    #expect(scaled.contains("mean 152"))
    #expect(cause { for run in $0.runs.indices { $0.runs[run].epochs[1].trainingLoss = 9 } }.contains("has risen"))
    #expect(
      cause { for run in $0.runs.indices { $0.runs[run].activationsBefore[1].standardDeviation = 1e-6 } }.contains(
        "signals fade"))
    #expect(
      cause { for run in $0.runs.indices { $0.runs[run].epochs[1].trainingMetric = 1 } }.contains("by heart"))
    #expect(
      cause { for run in $0.runs.indices { $0.runs[run].epochs[1].batchTrainingMetric = 1 } }.contains(
        "the running statistics, and not the weights"))
    #expect(cause { for run in $0.runs.indices { $0.runs[run].stoppedBecause = "no" } }.contains("broke off"))
  }

  @Test func statisticsThatPartAreWarnedOf() {
    var result = Sample.of(slow + fast, baseline: 0.1, linear: 0.9)
    for run in result.runs.indices where result.runs[run].norm == "batch" {
      for epoch in result.runs[run].epochs.indices {
        result.runs[run].epochs[epoch].batchTrainingMetric = result.runs[run].epochs[epoch].trainingMetric + 0.02
      }
    }
    #expect(!verdicts(result).contains("running statistics"))
    for run in result.runs.indices where result.runs[run].norm == "batch" {
      let saved = result.runs[run].bestEpoch
      result.runs[run].epochs[saved].trainingMetric = 0.37
    }
    let text = verdicts(result)
    #expect(text.contains("With batch normalization the saved network’s training accuracy is 98"))
    #expect(text.contains("and 37.0 % by the running statistics of inference") && text.contains("--bn-momentum"))
  }

  @Test func theTableHasMeansRangesAndTheReferences() {
    let report = ComparisonReport(Sample.of(slow + fast, baseline: 0.1, linear: 0.9))
    let lines = report.terminalTable(width: 90).split(separator: "\n").map(String.init)
    func row(_ name: String) -> String { lines.first { $0.hasPrefix(name) } ?? "" }
    #expect(row("batch").contains("96.3 %  96.0–97.0 %"))
    #expect(row("batch").contains("  1–2  "))
    #expect(row("none").contains("50.0 %  40.0–60.0 %"))
    #expect(row("linear").contains("90.0 %"))
    #expect(row("base line").contains("10.0 %"))
    let page = PageReader(report.page.html())
    #expect(page.isWellFormed)
    #expect(page.elements(named: "path").contains { $0.attributes["class"] == "band" })
  }

  // Two networks that are equally good: differences by chance alone, of the seeds and of the examples that they share.
  @Test func equallyGoodNetworksAreNeverToldApartInOppositeWays() {
    var random = RandomGenerator(seed: 7)
    func normal() -> Double { Double(Tensor<Double>.normal([1], using: &random).item) }
    var claims = 0
    for _ in 0..<500 {
      let ofExamples = 0.01 * normal()
      let readings = (0..<2).map { _ in
        PairedDifference((0..<3).map { _ in ofExamples + 0.01 * normal() }, standardError: 0.01).reading
      }
      claims += readings.count { $0 != .tooClose }
      #expect(!(readings.contains(.more) && readings.contains(.less)))
    }
    #expect(claims <= 50)
  }
}

@Suite struct ComparedMetricTests {
  private func classes(_ labels: [Int], of count: Int) -> Dataset<Float> {
    Dataset(features: .zeros([labels.count, 1]), targets: .classes(labels, count: count), name: "labels")
  }

  @Test func unevenClassesAreComparedByBalancedAccuracy() {
    func labels(_ share: Int) -> [Int] { (0..<100).map { $0 < share ? 0 : 1 } }
    #expect(ComparedMetric(for: classes(labels(75), of: 2)) == .accuracy)
    #expect(ComparedMetric(for: classes(labels(76), of: 2)) == .balancedAccuracy)
    #expect(
      ComparedMetric(
        for: Dataset(features: .zeros([2, 1]), targets: .values(.zeros([2, 1])), name: "numbers")) == .determination)
  }

  @Test func whatExamplesContributeAddsUpToTheMetric() throws {
    let outputs = Tensor<Float>([1, 0, 1, 0, 0, 1, 0, 1, 1, 0], shape: [5, 2])
    let data = classes([0, 0, 0, 1, 1], of: 2)
    // Two of three, and one of two.
    #expect(abs(ComparedMetric.balancedAccuracy.value(of: outputs, on: data) - (2.0 / 3 + 1.0 / 2) / 2) < 1e-12)
    #expect(ComparedMetric.accuracy.value(of: outputs, on: data) == 0.6)
    for metric in [ComparedMetric.accuracy, .balancedAccuracy] {
      let mean = metric.credits(outputs, on: data).reduce(0.0, +) / 5
      #expect(abs(mean - metric.value(of: outputs, on: data)) < 1e-12)
    }
    let numbers = Dataset<Float>(
      features: .zeros([3, 1]), targets: .values(Tensor([1, 2, 6], shape: [3, 1])), name: "numbers")
    // Means 3: spread 14, errors 1, 0 and 1.
    let credits = ComparedMetric.determination.credits(Tensor([2, 2, 5], shape: [3, 1]), on: numbers)
    let mean = credits.reduce(0.0, +) / 3
    #expect(abs(mean - 12.0 / 14) < 1e-12)
    // Of two numbers the mean of both: the second is always 1 off where the spread is 2, R² = 1 − 3/2.
    let two = Dataset<Float>(
      features: .zeros([3, 1]), targets: .values(Tensor([1, 0, 2, 1, 6, 2], shape: [3, 2])), name: "numbers")
    let outputsOfTwo = Tensor<Float>([2, 1, 2, 2, 5, 3], shape: [3, 2])
    #expect(abs(ComparedMetric.determination.value(of: outputsOfTwo, on: two) - (12.0 / 14 - 0.5) / 2) < 1e-12)
    let meanOfTwo = ComparedMetric.determination.credits(outputsOfTwo, on: two).reduce(0.0, +) / 3
    #expect(abs(meanOfTwo - (12.0 / 14 - 0.5) / 2) < 1e-12)
    #expect(abs(credits[0] - 11.0 / 14) < 1e-12)
  }

  @Test func whatTwoModelsShareAddsNoUncertainty() {
    let data = classes([0, 0, 0, 0, 0, 0, 0, 0, 1, 1], of: 2)
    let one: [Double] = [1, 1, 1, 1, 1, 1, 0, 0, 1, 0], other: [Double] = [1, 1, 1, 1, 1, 0, 1, 0, 0, 0]
    // Differences 1, −1 and 1: squares 3, mean 0.1, so the variance is (3 − 10·0.01)/9.
    let error = ComparedMetric.accuracy.standardError(of: [one], less: [other], on: data)
    #expect(abs(error - (2.9 / 9 / 10).squareRoot()) < 1e-12)
    #expect(ComparedMetric.accuracy.standardError(of: [one], less: [one], on: data) == 0.1)
    // By class: of eight 1 and −1, weighted by 10/16, of two 1 and 0, weighted by 10/4.
    let weigh = { (values: [Double]) in values.enumerated().map { $1 * ($0 < 8 ? 10.0 / 16 : 10.0 / 4) } }
    let balanced = ComparedMetric.balancedAccuracy.standardError(of: [weigh(one)], less: [weigh(other)], on: data)
    let (frequent, rare) = (2.0 / 7 / 8, 0.5 / 2)
    #expect(abs(balanced - (frequent / 4 + rare / 4).squareRoot()) < 1e-12)
  }

  @Test func standardErrorsAreThoseOfTheFormulas() {
    let accuracy = NormComparison.Metric(name: "accuracy", isPercentage: true)
    #expect(abs(accuracy.standardError(at: 0.9, on: .init(count: 100)) - 0.03) < 1e-12)
    // Of classes of 90 and 10: ½·√(0.09/90 + 0.09/10) = 0.05.
    let balanced = NormComparison.Metric(name: "balanced accuracy", isPercentage: true)
    #expect(abs(balanced.standardError(at: 0.9, on: .init(count: 100, classCounts: [90, 10])) - 0.05) < 1e-12)
    let determination = NormComparison.Metric(name: "R²", isPercentage: false)
    #expect(abs(determination.standardError(at: 0.25, on: .init(count: 100)) - 0.075) < 1e-12)
  }
}

@Suite struct ComparisonTests {
  /// Rows of which a tenth is of the second class, and told by its first feature.
  private func data() throws -> DataSplits {
    var random = RandomGenerator(seed: 1)
    let labels = (0..<200).map { $0 % 10 == 0 ? 1 : 0 }
    var features = Tensor<Float>.normal([200, 3], using: &random)
    for (row, label) in labels.enumerated() { features[row, 0] += Float(4 * label) }
    return try DataSplits(
      RawData(
        training: RawDataset(
          features: .floats(features), targets: .classes(labels, count: 2), name: "rows", classNames: ["no", "yes"])),
      validationCount: 60, standardizing: .perFeature, random: random)
  }

  private func comparison(epochs: Int = 3) -> Comparison {
    Comparison(
      network: ModelArchitecture(MultilayerPerceptron(hidden: [6])), normalizations: [.none, .batch],
      training: TrainingConfiguration(epochs: epochs, batchSize: 20), seeds: [3, 4], targets: [0.9])
  }

  private let description = Comparison.Description(title: "t", data: "d", attribution: nil, settings: [], command: "c")

  @Test func everySeedIsRunOnTheSameDataBesideTheReferences() throws {
    let data = try data()
    let result = try comparison().run(on: data, description: description)
    #expect(result.runs.map(\.norm) == ["none", "none", "batch", "batch"])
    #expect(result.runs.map(\.seed) == [3, 4, 3, 4])
    #expect(result.metric.name == "balanced accuracy")
    let references = try #require(result.references)
    #expect(references.map(\.kind) == [.baseline, .linear])
    #expect(references[0].validation.metric == 0.5)
    #expect(references[0].validation.recalls == [1, 0])
    #expect(references[0].description == "always saying the most frequent class (no)")
    let linear = try LinearModel(fittedOn: data.training).evaluate(on: data.validation)
    #expect(references[1].validation.accuracy == linear.metric)
    let recalls = references[1].validation.recalls.compactMap(\.self)
    #expect(references[1].validation.metric == (recalls[0] + recalls[1]) / 2)
    #expect(result.differences?.count == 6)
    let pair = try #require(result.differences?.first { $0.first == "none" && $0.second == "batch" })
    let values = [0, 1].map { result.runs[$0].bestValidationMetric - result.runs[$0 + 2].bestValidationMetric }
    #expect(abs(pair.difference.mean - (values[0] + values[1]) / 2) < 1e-12)
    for run in result.runs {
      let isBatch = run.norm == "batch"
      #expect(run.epochs.dropFirst().allSatisfy { ($0.batchTrainingMetric != nil) == isBatch })
      #expect(run.validation?.metric == run.bestValidationMetric && run.stepCount == 21)
      #expect(run.epochs.first { $0.number == run.bestEpoch }?.validationMetric == run.bestValidationMetric)
      #expect(run.gain != nil)
    }
  }

  @Test func aSeedGivesTheSameRunWhateverSeedsAreBesideIt() throws {
    let data = try data()
    var alone = comparison()
    alone.seeds = [4]
    let (both, one) = (
      try comparison().run(on: data, description: description), try alone.run(on: data, description: description)
    )
    #expect(both.runs[1].stepLosses == one.runs[0].stepLosses)
    #expect(both.runs[3].bestValidationMetric == one.runs[1].bestValidationMetric)
  }

  @Test(arguments: [2, 4]) func processesShareTheRuns(count: Int) throws {
    let (data, comparison, description) = (try data(), comparison(), description)
    /// All but times.
    func text(_ result: NormComparison) throws -> String {
      var result = result
      for index in result.runs.indices {
        result.runs[index].seconds = 0
        for epoch in result.runs[index].epochs.indices { result.runs[index].epochs[epoch].seconds = 0 }
      }
      return String(decoding: try ResultFile.data(result), as: UTF8.self)
    }
    let one = try text(try comparison.run(on: data, description: description))
    let found = ThreadGroup.run(count) { group in
      var runs: Set<Int> = []
      let result = try comparison.run(
        on: data, description: description, in: group, onEvent: { run, _ in runs.insert(run) })
      return (result, runs)
    }
    var done: [Int] = []
    for outcome in found {
      let (result, runs) = try outcome.get()
      #expect(try text(result) == one)
      done += runs
    }
    #expect(done.sorted() == [0, 1, 2, 3])
    let others = ThreadGroup.run(2, timeLimit: 10) { group in
      var other = data
      if group.rank == 1 { other.training.features[0, 0] += 1 }
      _ = try comparison.run(on: other, description: description, in: group)
    }
    for outcome in others {
      #expect(throws: ProcessGroupError(rank: 1, problem: "has other data than process 0")) { try outcome.get() }
    }
  }

  @Test func workGrowsWithEpochsAndDecidesWhatIsSmall() throws {
    let training = try data().training
    let work = comparison().work(on: training)
    #expect(work > 0 && work < Comparison.smallWork)
    #expect(abs(comparison(epochs: 30).work(on: training) / work - 10) < 1e-9)
  }
}
