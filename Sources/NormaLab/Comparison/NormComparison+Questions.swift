extension NormComparison {
  /// How the metric's values are written.
  var metricFormat: NumberFormat { metric.isPercentage ? .percentage : .plain }

  /// The metric on the validation data, by name.
  var validationMetricName: String { "validation \(metric.name)" }
}

extension NormComparison.Run {
  /// The number of the first epoch after which the validation metric was at least `target`; `nil` if it never was.
  public func firstEpoch(reaching target: Double) -> Int? {
    // A share that was computed in single precision may miss its own decimal value by a rounding.
    epochs.first { $0.validationMetric >= target - 1e-7 }?.number
  }

  /// How many epochs were trained.
  var trainedEpochCount: Int { max(0, epochs.last?.number ?? 0) }

  /// The run as part of a sentence: "with batch normalization".
  var phrase: String {
    switch norm {
    case "none": "without normalization"
    case "batch", "layer", "group", "instance": "with \(norm) normalization"
    default: "with normalization “\(norm)”"
    }
  }
}

extension Array where Element == NormComparison.Run {
  /// A style for each run; the same kind of normalization looks the same in every report.
  var styles: [SeriesStyle] {
    var next = 5
    return map { run in
      switch run.norm {
      case "batch": return SeriesStyle(0)
      case "none": return SeriesStyle(1)
      case "layer": return SeriesStyle(2)
      case "group": return SeriesStyle(3)
      case "instance": return SeriesStyle(4)
      default:
        defer { next += 1 }
        return SeriesStyle(next)
      }
    }
  }

  /// The runs as part of a sentence: "with batch normalization and without normalization".
  var phrase: String { Words.list(map(\.phrase)) }
}

/// Small help for sentences.
enum Words {
  /// "a", "a and b", "a, b and c".
  static func list(_ parts: [String]) -> String {
    guard let last = parts.last, parts.count > 1 else { return parts.first ?? "" }
    return parts.dropLast().joined(separator: ", ") + " and " + last
  }

  /// "1 epoch", "2 epochs"; "1 class", "2 classes" where the plural is given.
  static func count(_ number: Int, _ noun: String, _ plural: String? = nil) -> String {
    "\(number) \(number == 1 ? noun : plural ?? noun + "s")"
  }

  /// "before training", "after 2 epochs".
  static func after(epoch: Int) -> String { epoch == 0 ? "before training" : "after \(count(epoch, "epoch"))" }

  /// The text with its first letter in upper case.
  static func capitalized(_ text: String) -> String { text.prefix(1).uppercased() + text.dropFirst() }
}
