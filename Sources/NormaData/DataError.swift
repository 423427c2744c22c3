import NormaTensor

/// Data were asked for in a way that cannot be answered. What is wrong inside a file is a `FormatError` instead.
public enum DataError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The text that should name a source of data does not.
  case unknownSource(String)
  /// The text names a kind of source, but not where it is.
  case missingPath(kind: String)
  /// Classification asked for with other than one label column, or regression with none.
  case labelColumnCount(Int, task: CSVOptions.Task)
  /// The examples cannot spare that many for validation.
  case validationCount(Int, of: Int)
  /// So many examples set aside for validation would leave some class without one to learn from.
  case validationLosesClass(Int, of: Int, classCount: Int)
  /// The examples cannot be divided into that many parts.
  case foldCount(Int, of: Int)
  /// The part for validation is no part.
  case validationFraction(Double)
  /// No column of a table is left to learn from; why.
  case noFeatures(String)
  /// A cell is empty, and the model does not say what stands for it.
  case gap(column: String)
  /// A number that a 32-bit number cannot hold, or whose square a 64-bit one cannot.
  case tooLarge(column: String, value: Double)
  /// A standardization was to be fitted on no examples.
  case nothingToStandardize
  /// The numbers of a standardization are not finite and positive, or their shape does not fit its mode.
  case invalidStandardization(String, shape: Shape)
  /// Features do not have the shape that a standardization was fitted on.
  case unfitForStandardization(Shape, fittedOn: String)

  public var description: String {
    switch self {
    case .unknownSource(let text):
      let kinds = DataSource.forms.map(\.form).joined(separator: ", ")
      return "'\(text)' names no source of data. The sources are: \(kinds)."
    case .missingPath(let kind):
      return "'\(kind)' needs the place of the data: \(kind):PATH."
    case .labelColumnCount(let count, .classification):
      return "Classification takes one label column, not \(count)."
    case .labelColumnCount(_, .regression):
      return "Regression takes at least one target column."
    case .validationCount(let wanted, let count):
      return
        "\(wanted) examples cannot be set aside for validation: there are \(count), and training needs at least one."
    case .validationLosesClass(let wanted, let count, let classCount):
      return
        "\(wanted) of \(count) examples cannot be set aside for validation: training needs one of each of the \(classCount) classes, which leaves \(count - classCount)."
    case .foldCount(let wanted, let count):
      return "\(count) examples are divided into 2 to \(count) parts, not \(wanted)."
    case .validationFraction(let fraction):
      return "The part set aside for validation must be at least 0 and less than 1, not \(fraction)."
    case .noFeatures(let reason):
      return "There is no column to learn from. \(reason)"
    case .gap(let column):
      return
        "A cell of column \(column) is empty, and the model does not say what stands for it: fill it with a number, or leave the row out."
    case .tooLarge(let column, let value):
      return
        "\(value), of \(column), is too large for a network, which computes with 32-bit numbers: choose smaller units."
    case .nothingToStandardize:
      return "A standardization cannot be fitted on no examples."
    case .invalidStandardization(let mode, let shape):
      return
        "The numbers of shape \(shape) make no standardization of mode '\(mode)': it takes finite numbers, positive ones "
        + "for the scale, of the shape of an example (feature), of one axis (channel) or of none (overall)."
    case .unfitForStandardization(let shape, let fitted):
      return "Features of shape \(shape) do not fit a standardization made for \(fitted)."
    }
  }
}
