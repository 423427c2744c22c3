import NormaTensor

extension TableEncoding {
  /// The features of the given rows, one feature after the other.
  ///
  /// - Parameters:
  ///   - table: a table whose columns are those of this encoding, in the same order: what it was fitted to, or what was read by
  ///     it.
  ///   - rows: which rows, in which order.
  ///   - notes: what the person should know is added to them.
  ///   - body: gets the number of the feature, whether it is a measured one, to be standardized, and its values.
  /// - Throws: ``DataError/gap(column:)`` where there is a gap and the encoding does not say what it becomes; what `body` throws.
  func forEachFeature(
    of table: Table, rows: [Int], notes: inout [String],
    _ body: (_ feature: Int, _ isMeasured: Bool, _ values: [Double]) throws(DataError) -> Void
  ) throws(DataError) {
    let sources = Dictionary(table.columns.map { ($0.position, $0) }, uniquingKeysWith: { first, _ in first })
    let byPosition = columns.count != table.columns.count
    var feature = 0
    for (index, column) in columns.enumerated() {
      guard let source = byPosition ? sources[column.position] : table.columns[index] else {
        throw .noFeatures("Column \(column.title) is not there.")
      }
      var gaps = 0
      switch source.cells {
      case .numbers(let numbers):
        var values: [Double] = []
        values.reserveCapacity(rows.count)
        for row in rows {
          let value = numbers[row]
          if value.isNaN { gaps += 1 }
          values.append(value)
        }
        if gaps > 0 {
          guard let median = column.median else { throw .gap(column: column.title) }
          values = values.map { $0.isNaN ? median : $0 }
        }
        try body(feature, true, values)
        if column.marksGaps { try body(feature + 1, false, rows.map { numbers[$0].isNaN ? 1 : 0 }) }
        if gaps > 0 && !column.marksGaps {
          notes.append(
            "Column \(column.title) has \(gaps) gap\(gaps == 1 ? "" : "s"), and had none in the rows trained on: the median stands there."
          )
        }
      case .texts(let codes, let names):
        let levels = column.levels ?? []
        let positions = Dictionary(levels.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        // What each of the texts is a feature of; −1 for none, and the one after all texts for gaps.
        let features = names.map { positions[$0] ?? -1 }
        let ofGaps = column.marksGaps ? levels.count : -1
        let chosen = rows.map { codes[$0] < 0 ? ofGaps : features[Int(codes[$0])] }
        for level in 0..<column.featureCount {
          try body(feature + level, false, chosen.map { $0 == level ? 1 : 0 })
        }
        let unknown = rows.count { codes[$0] >= 0 && features[Int(codes[$0])] < 0 }
        gaps = rows.count { codes[$0] < 0 }
        if unknown > 0, levels.count < TableEncoding.mostLevels {
          let example =
            rows.first { codes[$0] >= 0 && features[Int(codes[$0])] < 0 }.map { names[Int(codes[$0])] } ?? ""
          notes.append(
            "Column \(column.title) has \(unknown) value\(unknown == 1 ? "" : "s"), such as \(quoted(example)), not met in the rows trained on: none of its features stands for \(unknown == 1 ? "it" : "them")."
          )
        }
        if gaps > 0 && !column.marksGaps {
          notes.append(
            "Column \(column.title) has \(gaps) gap\(gaps == 1 ? "" : "s"), and had none in the rows trained on: none of its features stands for \(gaps == 1 ? "it" : "them")."
          )
        }
      }
      feature += column.featureCount
    }
  }

  /// A standardization of the features of the given rows. Of features that are 0 or 1 by their making, those of categories and
  /// gaps, mean and scale are 0 and 1 where each feature has its own.
  func standardization(
    of table: Table, rows: [Int], mode: StandardizationMode
  ) throws(DataError) -> Standardization<Double> {
    guard !rows.isEmpty else { throw .nothingToStandardize }
    var (means, scales) = ([Double](repeating: 0, count: featureCount), [Double](repeating: 1, count: featureCount))
    var ignored: [String] = []
    if mode == .overall {
      var all: [Double] = []
      try forEachFeature(of: table, rows: rows, notes: &ignored) { _, _, values in all += values }
      return try Standardization(fittedOn: Tensor(all, shape: [all.count, 1]), mode: .overall)
    }
    try forEachFeature(of: table, rows: rows, notes: &ignored) { feature, isMeasured, values throws(DataError) in
      guard isMeasured else { return }
      do throws(DataError) {
        let fitted = try Standardization(fittedOn: Tensor(values, shape: [values.count, 1]), mode: .perFeature)
        (means[feature], scales[feature]) = (fitted.mean.elements[0], fitted.scale.elements[0])
      } catch {
        throw .tooLarge(
          column: featureNames?[feature] ?? "\(feature + 1)", value: values.max { abs($0) < abs($1) } ?? 0)
      }
    }
    return Standardization(mode: mode, mean: Tensor(means), scale: Tensor(scales))
  }

  /// The features of the given rows as a network takes them, `[rows, F]`: standardized in double precision, then rounded.
  ///
  /// - Throws: ``DataError/gap(column:)``, ``DataError/tooLarge(column:value:)``.
  func features(
    of table: Table, rows: [Int], standardization: Standardization<Double>?, shape: Shape, notes: inout [String]
  ) throws(DataError) -> Tensor<Float> {
    let count = featureCount
    guard shape.elementCount == count else {
      throw .unfitForStandardization([rows.count, count], fittedOn: "examples of shape \(shape)")
    }
    let numbers = try standardization?.byElement(of: shape)
    var failure: DataError?
    let result = Tensor<Float>(shape: Shape([rows.count] + Array(shape))) { result in
      do throws(DataError) {
        try forEachFeature(of: table, rows: rows, notes: &notes) { feature, _, values throws(DataError) in
          let (mean, scale) = (numbers?.mean[feature] ?? 0, numbers?.scale[feature] ?? 1)
          for (row, value) in values.enumerated() {
            let element = Float((value - mean) / scale)
            guard element.isFinite else {
              throw .tooLarge(column: featureNames?[feature] ?? "\(feature + 1)", value: value)
            }
            result.initializeElement(at: row * count + feature, to: element)
          }
        }
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return result
  }
}
