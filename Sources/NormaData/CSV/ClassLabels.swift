import NormaFiles

/// The labels of a CSV file's rows on their way to class numbers.
struct ClassLabels {
  /// The classes in the order of their numbers, where these are known beforehand.
  let names: [String]?
  /// The labels met so far, and for each row the position of its label among them.
  private var labels: [String] = []
  private var rows: [Int] = []
  private var positions: [String: Int] = [:]

  init(names: [String]?) {
    self.names = names
    for name in names ?? [] { add(name) }
  }

  @discardableResult
  private mutating func add(_ label: String) -> Int {
    if positions[label] == nil { positions[label] = labels.count }
    let meaning = ClassLabels.meaning(label)
    if positions[meaning] == nil { positions[meaning] = labels.count }
    labels.append(label)
    return labels.count - 1
  }

  /// Takes the label of the current record; false if there is none.
  mutating func append(from records: CSVRecords, column: Int) throws(FormatError) -> Bool {
    let label = try records.text(column)
    if let position = positions[label] {
      rows.append(position)
      return true
    }
    // A dash or "none" may well be a class.
    guard !records.isMissing(column) || ["-", "none", "nil"].contains(label.lowercased()) else { return false }
    if let position = positions[ClassLabels.meaning(label)] {
      positions[label] = position
      rows.append(position)
      return true
    }
    if let names {
      throw records.error(
        column, "the class \(quoted(label)) is not known", remedy: "The classes are \(enumeration(names)).")
    }
    rows.append(add(label))
    return true
  }

  /// What all spellings of a label share: those of a number, as 1 and 1.0, and those of true and false.
  private static func meaning(_ label: String) -> String {
    if let number = Double(label), number.isFinite { return "\(number)" }
    return CellKind.truth(label) == nil ? label : label.lowercased()
  }

  /// The class numbers of the rows, and the classes' names.
  func numbered(file: String) throws(FormatError) -> (classes: [Int], names: [String]) {
    if let names { return (rows, names) }
    guard labels.count > 1 else {
      throw FormatError(
        file: file, problem: "all rows have the label \(quoted(labels.first ?? ""))",
        remedy: "There must be two classes at least; check which column holds the labels.")
    }
    let numbers = labels.compactMap(Double.init)
    let areNumbers = numbers.count == labels.count && numbers.allSatisfy(\.isFinite)
    if areNumbers, let index = numbers.firstIndex(where: { $0 != $0.rounded() }) {
      throw FormatError(
        file: file, problem: "the labels are numbers that are not whole, such as \(quoted(labels[index]))",
        remedy: "To learn numbers rather than classes, choose regression.")
    }
    let order = labels.indices.sorted { left, right in
      if areNumbers && numbers[left] != numbers[right] { return numbers[left] < numbers[right] }
      return labels[left] < labels[right]
    }
    var numberOfLabel = [Int](repeating: 0, count: labels.count)
    for (number, position) in order.enumerated() { numberOfLabel[position] = number }
    return (rows.map { numberOfLabel[$0] }, order.map { labels[$0] })
  }
}
