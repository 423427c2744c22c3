/// The feature columns of a table, each of one kind, before they become the numbers that a network takes.
public struct Table: Sendable {
  /// What a column holds.
  public enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
    /// Numbers.
    case number
    /// Words for yes and no, as 1 and 0.
    case truth
    /// Dates and times, as the seconds since the beginning of 1970 (UTC).
    case date
    /// One of several texts.
    case category
  }

  /// The cells of a column.
  public enum Cells: Sendable {
    /// Numbers, NaN where there is none.
    case numbers([Double])
    /// Positions among the texts that occur, −1 where there is none.
    case texts([Int32], names: [String])
  }

  /// A column.
  public struct Column: Sendable {
    /// What the header calls it; nil where there is none.
    public var name: String?
    /// Where it stands in the file, from 0.
    public var position: Int
    /// What it holds.
    public var kind: Kind
    /// Whether it was asked for as a category, so that it is one however many different texts there are.
    public var isCategoryByRequest = false
    /// Its cells, ``Table/rowCount`` of them.
    public var cells: Cells

    /// The name, or the number from 1 where there is none.
    public var title: String { name.map(quoted) ?? "\(position + 1)" }
  }

  /// The columns that are not passed over.
  public var columns: [Column]
  /// The number of rows.
  public var rowCount: Int
  /// How many columns the file has, labels and those passed over among them.
  public var fileColumnCount: Int
  /// The columns with what should be said of each row.
  public var labels: [TableEncoding.Label]
}
