/// How a CSV file is to be read.
public struct CSVOptions: Hashable, Sendable {
  /// A column, named or numbered.
  public enum Column: Hashable, Sendable, CustomStringConvertible {
    /// By its name in the header.
    case name(String)
    /// By its number: 1 is the first, −1 the last, −2 the one before it.
    case number(Int)

    /// A whole number is a column's number, any other text its name.
    public init(_ text: String) { self = Int(text).map(Column.number) ?? .name(text) }

    public var description: String {
      switch self {
      case .name(let name): "'\(name)'"
      case .number(let number): "\(number)"
      }
    }
  }

  /// What is to be said of each row.
  public enum Task: String, CaseIterable, Hashable, Sendable {
    /// A class: any text.
    case classification
    /// One or more numbers.
    case regression
  }

  /// The columns with what should be said of each row: one for classification, one or more for regression.
  public var labelColumns: [Column]
  /// Whether the first row names the columns; nil to tell from whether its feature columns hold text or numbers.
  public var hasHeader: Bool?
  /// What the label columns hold.
  public var task: Task
  /// The classes in the order of their numbers, where these are known; nil to take those that occur, in order.
  public var classNames: [String]?

  /// Options; by default the last column holds classes, and whether there is a header is found out.
  public init(
    labelColumns: [Column] = [.number(-1)], hasHeader: Bool? = nil, task: Task = .classification,
    classNames: [String]? = nil
  ) {
    self.labelColumns = labelColumns
    self.hasHeader = hasHeader
    self.task = task
    self.classNames = classNames
  }
}
