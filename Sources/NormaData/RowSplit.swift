import NormaTensor

/// How examples are set aside by chance.
public enum SplitKind: String, Hashable, Sendable, Codable, CaseIterable {
  /// Each class in the same proportion, as near as whole examples allow. Numbers to predict have no classes: they are set aside
  /// like ``random``.
  case stratified
  /// Whatever class they are of.
  case random
}

/// Which rows are learned from, and which are set aside.
struct RowSplit: Equatable {
  var training: [Int]
  var validation: [Int]

  init(training: [Int], validation: [Int]) {
    self.training = training
    self.validation = validation
  }

  /// Sets rows aside by chance, both parts in random order.
  ///
  /// Of each class as many are set aside as its share of all rows asks, rounded so that the sum is right: down first, and then up
  /// for the classes with the largest remainders. One row of each class stays for training.
  ///
  /// - Parameters:
  ///   - classes: the class of each row, to stratify by; nil for none.
  /// - Throws: ``DataError/validationCount(_:of:)`` unless at least one row is left for training,
  ///   ``DataError/validationLosesClass(_:of:classCount:)`` unless one of each class is.
  init(
    count: Int, classes: [Int]?, validationCount: Int, using generator: inout RandomGenerator
  ) throws(DataError) {
    guard validationCount >= 0, validationCount < count else { throw .validationCount(validationCount, of: count) }
    let order = generator.permutation(count)
    guard let classes else {
      training = Array(order.dropFirst(validationCount))
      validation = Array(order.prefix(validationCount))
      return
    }
    var quotas = try RowSplit.quotas(classes, total: validationCount)
    training = []
    validation = []
    for row in order {
      if quotas[classes[row]] > 0 {
        quotas[classes[row]] -= 1
        validation.append(row)
      } else {
        training.append(row)
      }
    }
  }

  /// How many rows of each class are set aside.
  private static func quotas(_ classes: [Int], total: Int) throws(DataError) -> [Int] {
    var counts = [Int](repeating: 0, count: (classes.max() ?? 0) + 1)
    for label in classes { counts[label] += 1 }
    let occurring = counts.count { $0 > 0 }
    guard total <= classes.count - occurring else {
      throw .validationLosesClass(total, of: classes.count, classCount: occurring)
    }
    let most = counts.map { max(0, $0 - 1) }
    var quotas = zip(counts, most).map { min($1, $0 * total / classes.count) }
    // What the share exceeds the quota by, in parts of a row; of equal ones the first class has its turn first.
    func remainder(_ label: Int) -> Int { counts[label] * total - quotas[label] * classes.count }
    var missing = total - quotas.reduce(0, +)
    while missing > 0 {
      let open = counts.indices.filter { quotas[$0] < most[$0] }.sorted { (remainder($1), $0) < (remainder($0), $1) }
      for label in open.prefix(missing) { quotas[label] += 1 }
      missing -= min(missing, open.count)
    }
    return quotas
  }

  /// Divides rows by chance into parts of as equal sizes as can be, each set aside once.
  ///
  /// - Parameter classes: the class of each row, so that each part has each in the same proportion; nil for none.
  /// - Throws: ``DataError/foldCount(_:of:)`` unless there are from 2 parts to as many as there are rows.
  static func folds(
    _ foldCount: Int, count: Int, classes: [Int]?, using generator: inout RandomGenerator
  ) throws(DataError) -> [RowSplit] {
    guard foldCount >= 2, foldCount <= count else { throw .foldCount(foldCount, of: count) }
    var order = generator.permutation(count)
    if let classes {
      // Class after class, dealt like cards: each part gets its share of each, and the parts stay of one size.
      let positions = Dictionary(uniqueKeysWithValues: order.enumerated().map { ($1, $0) })
      order.sort { (classes[$0], positions[$0] ?? 0) < (classes[$1], positions[$1] ?? 0) }
    }
    var parts = [[Int]](repeating: [], count: foldCount)
    for (index, row) in order.enumerated() { parts[index % foldCount].append(row) }
    return parts.indices.map { fold in
      RowSplit(training: parts.indices.filter { $0 != fold }.flatMap { parts[$0] }, validation: parts[fold])
    }
  }
}
