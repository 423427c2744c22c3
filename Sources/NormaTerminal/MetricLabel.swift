/// How a metric is called, and how its values read.
public struct MetricLabel: Sendable, Equatable {
  /// What stands before a value, such as `accuracy`.
  public var name: String
  /// Whether values are fractions, shown as percentages.
  public var isFraction: Bool

  /// A metric by its name.
  public init(name: String, isFraction: Bool) {
    self.name = name
    self.isFraction = isFraction
  }

  /// The fraction of answers that are right.
  public static let accuracy = MetricLabel(name: "accuracy", isFraction: true)

  /// A value of the metric as text.
  public func text(_ value: Double) -> String {
    isFraction ? Formatting.percentage(value) : Formatting.number(value)
  }
}
