extension Evaluation {
  /// The share of each class's examples that were classified rightly; nil for a class without examples. Empty for numbers.
  public var recalls: [Double?] {
    confusion.enumerated().map { label, row in
      let count = row.reduce(0, +)
      return count > 0 ? Double(row[label]) / Double(count) : nil
    }
  }

  /// The mean of the classes' ``recalls``, those without examples left out: what the accuracy would be if all classes were
  /// equally frequent. Nil for numbers.
  public var balancedAccuracy: Double? {
    let known = recalls.compactMap(\.self)
    return known.isEmpty ? nil : known.reduce(0, +) / Double(known.count)
  }
}
