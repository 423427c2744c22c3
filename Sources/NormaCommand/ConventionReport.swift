import Foundation
import Norma
import NormaTerminal

/// The conventions of a model's batch normalization, as others say them, and where theirs differ in substance.
struct ConventionReport {
  let conventions: BatchNormalizationConventions
  /// How many values a channel had in a batch, at each layer; empty where that is not known.
  let valuesPerBatch: [String: Int]

  /// The conventions of a checkpoint.
  init(_ checkpoint: Checkpoint) throws {
    conventions = checkpoint.settings.architecture.recipe.conventions
    valuesPerBatch = try checkpoint.valuesPerBatch().filter { $0.value >= 2 }
  }

  /// One framework's way to say the same.
  struct Row: Encodable {
    var framework: String
    /// What its layer is told; nil where it cannot be told that.
    var arguments: String?
    var estimator: String
    /// What running variances would have to be multiplied by; 1 where they need not, nil where N is not known.
    var leastFactor: Double?
    var greatestFactor: Double?
  }

  var rows: [Row] {
    NormalizationFramework.allCases.map { framework in
      let factors = factors(to: framework)
      let isSame = framework.conventions.estimator == conventions.estimator
      return Row(
        framework: framework.name, arguments: framework.arguments(for: conventions),
        estimator: framework.conventions.estimator.rawValue, leastFactor: isSame ? 1 : factors.min(),
        greatestFactor: isSame ? 1 : factors.max())
    }
  }

  /// In words, such as `epsilon 1e-05, a new batch weighs 0.1, unbiased variance`.
  static func words(_ conventions: BatchNormalizationConventions) -> String {
    let weight =
      switch conventions.rule {
      case .updating(let weight): "a new batch weighs \(weight)"
      case .keeping(let weight): "the old statistics weigh \(weight)"
      case .cumulative: "all batches weigh the same"
      case .cumulativeFirst(let weight): "batch n weighs max(1/n, \(weight))"
      }
    return "epsilon \(conventions.epsilon), \(weight), \(conventions.estimator.rawValue) variance"
  }

  /// The same, with whose defaults they are.
  var words: String {
    let whose =
      conventions == .norma
      ? "PyTorch's, but for the first batches"
      : conventions.framework.map { "\($0.name)'s" } ?? "no framework's defaults"
    return "\(Self.words(conventions)): \(whose)"
  }

  /// What others are told, a line each.
  var table: TextTable {
    var table = TextTable(columns: [
      .words("in"), .words("arguments"), .words("running variance"), .words("would be"),
    ])
    for row in rows {
      table.addRow([row.framework, row.arguments ?? "has no plain mean", row.estimator, factorWords(row)])
    }
    return table
  }

  private func factorWords(_ row: Row) -> String {
    guard row.estimator != conventions.estimator.rawValue else { return "the same" }
    guard let least = row.leastFactor, let greatest = row.greatestFactor else {
      return row.estimator == "unbiased" ? "N/(N-1) times" : "(N-1)/N times"
    }
    return "\(Self.range(least, greatest)) times"
  }

  /// What to say where running variances are converted.
  func remarks(onConversionTo framework: NormalizationFramework) -> [String] {
    let new = conventions.expressed(in: framework)
    var remarks: [String] = []
    if conventions.rule == .cumulative && framework != .pyTorch {
      remarks.append("A plain mean over all batches has no counterpart in \(framework.name); it stays.")
    }
    if case .cumulativeFirst(let weight) = conventions.rule {
      remarks.append(
        "\(framework.name) knows no plain mean of the first \(Int((1 / weight).rounded(.up))) batches; it stays.")
    }
    guard new.estimator != conventions.estimator else { return remarks }
    let (from, to) = (conventions.estimator.rawValue, new.estimator.rawValue)
    let factors = factors(to: framework)
    if let least = factors.min(), let greatest = factors.max() {
      remarks.append(
        "Running variances, \(from) before and \(to) now, were multiplied by \(Self.range(least, greatest)) for "
          + "batches of N = \(counts) values a channel; not exact for the last batches of epochs, where those were smaller."
      )
    } else {
      remarks.append(
        "Running variances stay \(from): how many values N a channel had in a batch is not known; \(to) they would be "
          + "\(to == "unbiased" ? "N/(N-1)" : "(N-1)/N") times as large.")
    }
    return remarks
  }

  /// What whoever takes a state dictionary to PyTorch must know.
  func remarksForPyTorch() -> [String] {
    var remarks: [String] = []
    let theirs = BatchNormalizationConventions.pyTorch
    let arguments = NormalizationFramework.pyTorch.arguments(for: conventions)
    if let arguments, arguments != NormalizationFramework.pyTorch.arguments(for: theirs) {
      remarks.append("Make PyTorch's layers of batch normalization with \(arguments): the file cannot say so.")
    }
    if conventions.estimator != theirs.estimator {
      let factors = factors(to: .pyTorch)
      let by =
        factors.isEmpty
        ? "N/(N-1) for batches of N values a channel"
        : "\(Self.range(factors.min() ?? 1, factors.max() ?? 1)) for batches of N = \(counts) values a channel"
      remarks.append(
        "Running variances are biased as they were gathered, so that outputs stay the same; PyTorch's own would be larger by "
          + "the factor \(by). --conventions pytorch multiplies them.")
    }
    return remarks
  }

  private func factors(to framework: NormalizationFramework) -> [Double] {
    valuesPerBatch.values.map {
      conventions.varianceFactor(to: framework.conventions, valuesPerBatch: $0)
    }
  }

  private var counts: String {
    let (least, greatest) = (valuesPerBatch.values.min() ?? 0, valuesPerBatch.values.max() ?? 0)
    return least == greatest ? "\(least)" : "\(least) to \(greatest)"
  }

  private static func range(_ least: Double, _ greatest: Double) -> String {
    let (first, last) = (format(least), format(greatest))
    return first == last ? first : "\(first) to \(last)"
  }

  private static func format(_ factor: Double) -> String { String(format: "%.6g", factor) }
}
