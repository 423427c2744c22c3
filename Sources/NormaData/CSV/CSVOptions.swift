/// How a CSV file is to be read.
public struct CSVOptions: Hashable, Sendable {
  /// A column, named or numbered.
  public enum Column: Hashable, Sendable, CustomStringConvertible {
    /// By its name in the header.
    case name(String)
    /// By its number: 1 is the first, −1 the last, −2 the one before it. Where a header calls a column so, it is that column.
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

  /// What stands between the cells of a row.
  public enum Separator: UInt8, CaseIterable, Hashable, Sendable {
    case comma = 0x2C
    case semicolon = 0x3B
    case tab = 0x09
    case bar = 0x7C

    /// Its name in words.
    public var name: String {
      switch self {
      case .comma: "commas"
      case .semicolon: "semicolons"
      case .tab: "tabs"
      case .bar: "vertical bars"
      }
    }
  }

  /// What stands between the whole part of a number and its decimal places.
  public enum DecimalMark: UInt8, CaseIterable, Hashable, Sendable {
    case point = 0x2E
    case comma = 0x2C
  }

  /// The columns with what should be said of each row: one for classification, one or more for regression.
  public var labelColumns: [Column]
  /// Whether the first row names the columns; nil to tell from what stands below it.
  public var hasHeader: Bool?
  /// What the label columns hold; nil to tell from them.
  public var task: Task?
  /// The classes in the order of their numbers, where these are known; nil to take those that occur, in order.
  public var classNames: [String]?
  /// What separates cells; nil to find out.
  public var separator: Separator?
  /// The decimal mark of numbers; nil to find out.
  public var decimalMark: DecimalMark?
  /// Columns that are passed over.
  public var ignoredColumns: [Column] = []
  /// Columns whose dates and times are read as numbers.
  public var dateColumns: [Column] = []
  /// Columns that are categories, whatever they hold.
  public var categoryColumns: [Column] = []

  /// Options; by default the last column holds what should be said of each row, and all else is found out.
  public init(
    labelColumns: [Column] = [.number(-1)], hasHeader: Bool? = nil, task: Task? = nil, classNames: [String]? = nil,
    separator: Separator? = nil, decimalMark: DecimalMark? = nil
  ) {
    self.labelColumns = labelColumns
    self.hasHeader = hasHeader
    self.task = task
    self.classNames = classNames
    self.separator = separator
    self.decimalMark = decimalMark
  }

  /// Whether a column is asked for by a name that is no number, so that there must be a header.
  var namesColumns: Bool {
    (labelColumns + ignoredColumns + dateColumns + categoryColumns).contains {
      if case .name = $0 { true } else { false }
    }
  }
}
