/// Whether labels that are numbers are classes, or numbers to predict.
enum LabelKind {
  /// With more different whole numbers than this, they are numbers to predict.
  private static let mostClasses = 20
  /// With fewer examples a whole number than this, they are numbers to predict.
  private static let fewestExamples = 5

  /// What to do with numbers that nothing was said of, and why; the reason is nil where it goes without saying.
  ///
  /// Numbers that are not all whole are to be predicted. Whole ones are classes if there are two of them; of more, if they are
  /// few, and each has a handful of examples on average.
  ///
  /// - Parameters:
  ///   - numbers: the labels of all rows.
  ///   - name: what the labels are called in the reason.
  static func task(_ numbers: [Double], name: String) -> (task: CSVOptions.Task, reason: String?) {
    if numbers.contains(where: { $0 != $0.rounded() }) {
      return (
        .regression, "\(name) holds numbers that are not all whole: they are to be predicted as numbers (regression)."
      )
    }
    let values = Set(numbers)
    guard values.count > 2, values.count > mostClasses || areFew(numbers.count, for: values.count) else {
      return (.classification, nil)
    }
    let share =
      values.count > mostClasses
      ? "\(values.count) different ones" : "\(values.count) different ones in \(numbers.count) rows"
    return (
      .regression,
      "\(name) holds whole numbers, \(share): they are to be predicted as numbers (regression). "
        + "--classification takes each for a class."
    )
  }

  private static func areFew(_ count: Int, for classCount: Int) -> Bool { count < fewestExamples * classCount }

  /// Whether texts are so many that they may not have been meant as classes.
  static func areManyClasses(_ classCount: Int, of count: Int) -> Bool {
    classCount > mostClasses && areFew(count, for: classCount)
  }

  /// A whole number as the name of a class.
  static func text(_ number: Double) -> String { Int(exactly: number).map(String.init) ?? "\(number)" }
}
