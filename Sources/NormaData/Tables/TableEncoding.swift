import NormaTensor

/// How the columns of a table become the numbers that a network takes: fitted on the rows trained on alone, and saved with the
/// model.
///
/// - A column of numbers, truth values or dates stays one. Where there are gaps in the rows trained on, a gap becomes the median
///   of those rows, and one more feature says where there was one: 1, and 0 elsewhere.
/// - A category becomes a feature for each of its texts, which is 1 for that text and 0 for others. Gaps are a text of their own,
///   if there are some in the rows trained on. A text that does not occur there is 0 in all of them.
public struct TableEncoding: Hashable, Sendable, Codable {
  /// A column with what should be said of each row.
  public struct Label: Hashable, Sendable, Codable {
    /// What the header calls it; nil where there is none.
    public var name: String?
    /// Where it stands in the file, from 0.
    public var position: Int
  }

  /// How one column becomes features.
  public struct Column: Hashable, Sendable, Codable {
    /// What the header calls it; nil where there is none.
    public var name: String?
    /// Where it stands in the file, from 0.
    public var position: Int
    /// What it holds.
    public var kind: Table.Kind
    /// What a gap becomes, the median of the rows trained on; nil for categories, and where gaps are refused.
    public var median: Double?
    /// The texts of a category in the order of their features; nil for other columns.
    public var levels: [String]?
    /// Whether there were gaps in the rows trained on, so that a feature says where there are some.
    public var marksGaps: Bool

    /// A column that is taken as it is.
    public init(name: String? = nil, position: Int, kind: Table.Kind = .number, median: Double? = nil) {
      self.name = name
      self.position = position
      self.kind = kind
      self.median = median
      marksGaps = false
    }

    /// How many features it becomes.
    public var featureCount: Int { (levels?.count ?? 1) + (marksGaps ? 1 : 0) }

    /// What the column is called in messages.
    var title: String { name.map(quoted) ?? "\(position + 1)" }

    /// What the features are called.
    var featureNames: [String] {
      let name = name ?? "column \(position + 1)"
      return (levels.map { $0.map { "\(name)=\($0)" } } ?? [name]) + (marksGaps ? ["\(name) missing"] : [])
    }
  }

  /// The columns that the model takes, in the order of their features.
  public var columns: [Column]
  /// How many columns the file had that the model learned from; nil where that is not known.
  public var fileColumnCount: Int?
  /// Which columns of it held the labels.
  public var labels: [Label]

  /// An encoding by its parts.
  public init(columns: [Column], fileColumnCount: Int? = nil, labels: [Label] = []) {
    self.columns = columns
    self.fileColumnCount = fileColumnCount
    self.labels = labels
  }

  /// Columns of numbers that are taken as they are, gaps refused.
  public init(numbers count: Int, names: [String]? = nil) {
    self.init(columns: (0..<count).map { Column(name: names?[$0], position: $0) })
  }

  /// How many features there are.
  public var featureCount: Int { columns.reduce(0) { $0 + $1.featureCount } }

  /// What the features are called; nil where the columns have no names and none became several features.
  public var featureNames: [String]? {
    guard columns.contains(where: { $0.name != nil || $0.featureCount > 1 || $0.levels != nil }) else { return nil }
    return columns.flatMap(\.featureNames)
  }

  /// Whether the parts hang together, so that a table can be encoded; for encodings that come from a file.
  public var isConsistent: Bool {
    columns.allSatisfy { column in
      (column.kind == .category) == (column.levels != nil) && column.position >= 0 && column.featureCount > 0
        && (column.median?.isFinite ?? true) && Set(column.levels ?? []).count == column.levels?.count ?? 0
    } && labels.allSatisfy { $0.position >= 0 }
      && Set(columns.compactMap(\.name)).count == columns.compactMap(\.name).count
  }
}
