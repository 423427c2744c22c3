import NormaFiles
import NormaTensor

/// Reads the rows of a CSV file into a table, column by column of known kinds, and what should be said of each row.
struct CSVTableReader {
  /// The cells of a category on their way into a table.
  private struct Texts {
    var codes: [Int32] = []
    var names: [String] = []
    var positions: [String: Int32] = [:]

    mutating func append(_ text: String) {
      if let known = positions[text] { return codes.append(known) }
      let code = Int32(names.count)
      positions[text] = code
      names.append(text)
      codes.append(code)
    }
  }

  let layout: CSVLayout
  /// What the labels are; nil where they are passed over.
  private let task: CSVOptions.Task?
  /// For each feature column its numbers, or its texts; the other of the two is empty.
  private var numbers: [[Double]]
  private var texts: [Texts]
  private var classes: ClassLabels
  private var values: [Double] = []
  private(set) var rowCount = 0
  /// How many rows had no label and were left out, and which was the first.
  private var unlabeled: (count: Int, row: Int)?

  /// - Parameters:
  ///   - task: what the labels are; nil to pass them over.
  ///   - count: how many rows to expect.
  init(_ layout: CSVLayout, task: CSVOptions.Task?, classNames: [String]?, expecting count: Int = 0) {
    self.layout = layout
    self.task = task
    numbers = layout.features.map { feature in
      var numbers: [Double] = []
      if feature.kind != .category { numbers.reserveCapacity(count) }
      return numbers
    }
    texts = layout.features.map { _ in Texts() }
    classes = ClassLabels(names: classNames)
  }

  /// Reads all records; the first is passed over where it is a header.
  mutating func read(_ records: CSVRecords) throws(FormatError) {
    var records = records
    records.columnNames = layout.columnNames
    if layout.columnNames != nil { _ = try records.next() }
    while try records.next() {
      guard try readLabels(records) else {
        unlabeled = (count: (unlabeled?.count ?? 0) + 1, row: unlabeled?.row ?? records.row)
        continue
      }
      for (index, feature) in layout.features.enumerated() {
        if feature.kind != .category {
          numbers[index].append(try value(feature, records))
        } else if records.isMissing(feature.position) {
          texts[index].codes.append(-1)
        } else {
          texts[index].append(try records.text(feature.position))
        }
      }
      rowCount += 1
    }
  }

  /// Takes a record's labels; false if one is missing.
  private mutating func readLabels(_ records: CSVRecords) throws(FormatError) -> Bool {
    switch task {
    case nil: return true
    case .classification: return try classes.append(from: records, column: layout.labels[0])
    case .regression:
      guard !layout.labels.contains(where: records.isMissing) else { return false }
      for column in layout.labels { values.append(try records.number(column)) }
      return true
    }
  }

  /// The number that a cell stands for, NaN where it is missing.
  private func value(_ feature: CSVLayout.Feature, _ records: CSVRecords) throws(FormatError) -> Double {
    let column = feature.position
    if feature.kind == .number, let number = records.numberIfAny(column), number.isFinite { return number }
    if records.isMissing(column) { return .nan }
    let text = try records.text(column)
    switch feature.kind {
    case .truth:
      switch records.kind(column) {
      case .truth(let isTrue): return isTrue ? 1 : 0
      case .number(let number): return number
      default:
        throw records.error(
          column, "\(quoted(text)) is neither true nor false", remedy: "Write true and false, yes and no, or 1 and 0.")
      }
    case .date:
      if let seconds = DateText.seconds(text) { return seconds }
      throw records.error(column, "\(quoted(text)) is no date", remedy: feature.remedy)
    case .number, .category: throw records.notANumber(column, text, remedy: feature.remedy)
    }
  }

  /// The table that was read.
  var table: Table {
    let columns = layout.features.enumerated().map { index, feature in
      Table.Column(
        name: layout.columnNames?[feature.position], position: feature.position, kind: feature.kind,
        isCategoryByRequest: feature.isCategoryByRequest,
        cells: feature.kind == .category
          ? .texts(texts[index].codes, names: texts[index].names) : .numbers(numbers[index]))
    }
    return Table(
      columns: columns, rowCount: rowCount, fileColumnCount: layout.columnCount, labels: layout.savedLabels)
  }

  /// What should be said of the rows.
  ///
  /// - Parameter mayBeClasses: whether numbers may turn out to be classes, as ``LabelKind`` tells; why they do not is added to
  ///   the notes.
  mutating func targets(
    file: String, mayBeClasses: Bool
  ) throws(FormatError) -> (targets: Dataset<Double>.Targets, classNames: [String]?) {
    guard rowCount > 0 else {
      guard unlabeled == nil else {
        throw FormatError(
          file: file, problem: "the label is missing in all rows",
          remedy: "Give rows their labels; check which column they are in.")
      }
      throw CSV.noRows(file)
    }
    guard task == .regression else {
      let (numbers, names) = try classes.numbered(file: file)
      if mayBeClasses && LabelKind.areManyClasses(names.count, of: rowCount) {
        notes.append(
          "The label \(layout.title(layout.labels[0])) has \(names.count) classes in \(rowCount) rows; --label names another column."
        )
      }
      return (.classes(numbers, count: names.count), names)
    }
    if mayBeClasses {
      let (task, reason) = LabelKind.task(values, name: "The label \(layout.title(layout.labels[0]))")
      if let reason { notes.append(reason) }
      if task == .classification {
        let order = Set(values).sorted()
        guard order.count > 1 else {
          throw FormatError(
            file: file, problem: "all rows have the label \(quoted(LabelKind.text(order[0])))",
            remedy: "There must be two classes at least; check which column holds the labels.")
        }
        let numbers = Dictionary(uniqueKeysWithValues: order.enumerated().map { ($1, $0) })
        return (.classes(values.map { numbers[$0] ?? 0 }, count: order.count), order.map(LabelKind.text))
      }
    }
    return (.values(Tensor(values, shape: [rowCount, layout.labels.count])), nil)
  }

  /// What the person should know of the rows and the labels.
  private(set) var notes: [String] = []

  /// Notes that rows were left out, if some were.
  mutating func noteUnlabeledRows() {
    guard let unlabeled else { return }
    notes.append(
      unlabeled.count == 1
        ? "Row \(unlabeled.row) has no label and is left out."
        : "\(unlabeled.count) rows have no label and are left out, the first of them row \(unlabeled.row).")
  }
}
