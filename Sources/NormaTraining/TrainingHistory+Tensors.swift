import NormaFiles
import NormaTensor

extension TrainingHistory {
  /// How many numbers of a history stand in a file's header at most; those of a longer one are tensors, since a header has an
  /// upper bound (100 MB) and is read as a whole. At some 20 bytes a number, these are 2 MB.
  static var mostNumbersInHeader: Int { 100_000 }
  /// With what the names of these tensors begin.
  static var tensorPrefix: String { trainingPrefix + "history." }

  private static var columns: [(name: String, path: WritableKeyPath<Epoch, Double>)] {
    [
      ("training_loss", \.trainingLoss), ("training_metric", \.trainingMetric), ("learning_rate", \.learningRate),
    ]
  }
  private static var optionalColumns: [(name: String, path: WritableKeyPath<Epoch, Double?>)] {
    [
      ("inference_training_loss", \.inferenceTrainingLoss), ("batch_training_loss", \.batchTrainingLoss),
      ("batch_training_metric", \.batchTrainingMetric), ("validation_loss", \.validationLoss),
      ("validation_metric", \.validationMetric),
    ]
  }

  /// The history for a file's header, and the tensors beside it that hold its numbers where they are many. Times are left out:
  /// the same training gives the same file.
  ///
  /// A quantity that some epochs lack has the places of those that have it beside its numbers, under its name and `.epochs`.
  func divided() -> (header: TrainingHistory, tensors: [String: Safetensors.Entry]) {
    var header = withoutTimes
    let width = 1 + Self.columns.count + Self.optionalColumns.count
    guard stepLosses.count + epochs.count * width > Self.mostNumbersInHeader else { return (header, [:]) }
    (header.epochs, header.stepLosses) = ([], [])
    var tensors: [String: Safetensors.Entry] = [:]
    func add(_ numbers: [Double], _ name: String) {
      tensors[Self.tensorPrefix + name] = .double(Tensor(numbers, shape: [numbers.count]))
    }
    func add(_ numbers: [Int64], _ name: String) {
      tensors[Self.tensorPrefix + name] = .integers(numbers, shape: [numbers.count])
    }
    add(stepLosses, "step_loss")
    add(epochs.map { Int64($0.number) }, "number")
    for (name, path) in Self.columns { add(epochs.map { $0[keyPath: path] }, name) }
    for (name, path) in Self.optionalColumns {
      let places = epochs.indices.filter { epochs[$0][keyPath: path] != nil }
      guard !places.isEmpty else { continue }
      add(places.compactMap { epochs[$0][keyPath: path] }, name)
      if places.count < epochs.count { add(places.map { Int64($0) }, name + ".epochs") }
    }
    return (header, tensors)
  }

  /// Takes the numbers back from a file's tensors, where ``divided()`` put them there.
  ///
  /// - Throws: `FormatError` where they do not belong together.
  mutating func take(from entries: [String: Safetensors.Entry], file: String, remedy: String) throws {
    func entry(_ name: String) -> Safetensors.Entry? { entries[Self.tensorPrefix + name] }
    func error(_ name: String) -> FormatError {
      FormatError(file: file, problem: "'\(Self.tensorPrefix + name)' is not what a history has there", remedy: remedy)
    }
    guard let losses = entry("step_loss") else { return }
    guard case .double(let losses) = losses else { throw error("step_loss") }
    stepLosses = losses.elements
    guard let numbers = entry("number")?.wholeNumbers else { throw error("number") }
    epochs = try numbers.map {
      guard let number = Int(exactly: $0) else { throw error("number") }
      return Epoch(
        number: number, trainingLoss: 0, trainingMetric: 0, validationLoss: nil, validationMetric: nil, learningRate: 0)
    }
    for (name, path) in Self.columns {
      guard case .double(let values)? = entry(name), values.count == epochs.count else { throw error(name) }
      for (index, value) in values.elements.enumerated() { epochs[index][keyPath: path] = value }
    }
    for (name, path) in Self.optionalColumns {
      guard let values = entry(name) else { continue }
      let places = entry(name + ".epochs").map { $0.wholeNumbers ?? [] } ?? epochs.indices.map { Int64($0) }
      guard case .double(let values) = values, values.count == places.count,
        places.allSatisfy({ $0 >= 0 && $0 < Int64(epochs.count) })
      else { throw error(name) }
      for (place, value) in zip(places, values.elements) { epochs[Int(place)][keyPath: path] = value }
    }
  }
}
