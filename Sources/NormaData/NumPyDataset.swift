import NormaFiles
import NormaTensor

/// Data sets in NumPy's archives, `.npz`: an array of samples and one of what should be said of them.
public enum NumPyDataset {
  /// Reads an archive with the arrays `x` and `y`, or `x_train`, `y_train`, `x_test` and `y_test`, as Keras has them; `features` and
  /// `labels` stand for `x` and `y` too.
  ///
  /// Samples stand along the first axis: `[N, features]`, or images `[N, height, width]` or `[N, height, width, channels]`. Truth
  /// values `[N]` or `[N, 1]` in y are classes, and so are whole numbers, counted from 0, where they are few and each has a handful
  /// of examples; others, `[N]` or `[N, K]`, are numbers to predict.
  ///
  /// - Parameters:
  ///   - path: the archive.
  ///   - options: `task`, by which whole numbers may be asked to be classes or numbers to predict, and `classNames`.
  /// - Throws: `FileError` if it cannot be read, `FormatError` if it is no such archive.
  public static func read(_ path: String, options: CSVOptions = CSVOptions()) throws -> RawData {
    var reader = Reader(entries: try NumPyArchive(contentsOf: path).entries, file: path, options: options)
    let name = String(path.split(separator: "/").last ?? "")
    if let (features, targets) = try reader.pair(suffix: "") {
      try reader.decideTask(targets)
      let training = try reader.examples(features, targets, name: name, classCount: nil)
      return RawData(training: training, notes: reader.notes)
    }
    guard let training = try reader.pair(suffix: "_train") else {
      let names = reader.entries.keys.sorted()
      throw FormatError(
        file: path,
        problem: "it holds the arrays \(names.prefix(10).joined(separator: ", "))"
          + (names.count > 10 ? " and \(names.count - 10) more" : ""),
        remedy: "It takes x and y, or x_train and y_train, and x_test and y_test where there are any.")
    }
    let test = try reader.pair(suffix: "_test")
    try reader.decideTask(training.targets)
    let classCount = try [training, test].compactMap { try $0.flatMap { try reader.classCount($0.targets) } }.max()
    return RawData(
      training: try reader.examples(training.features, training.targets, name: name, classCount: classCount),
      test: try test.map { try reader.examples($0.features, $0.targets, name: name, classCount: classCount) },
      notes: reader.notes)
  }

  /// An array and what it is called.
  private typealias Named = (name: String, entry: Safetensors.Entry)

  private struct Reader {
    let entries: [String: Safetensors.Entry]
    let file: String
    var options: CSVOptions
    /// What the person should know of how the targets were taken.
    var notes: [String] = []

    /// The most classes: the network has an output for each.
    private static let maximumClassCount = 1 << 16

    /// The samples and the targets whose names end so; nil where there are no such samples.
    func pair(suffix: String) throws(FormatError) -> (features: Named, targets: Named)? {
      for (first, second) in [("x", "y"), ("features", "labels")] {
        guard let features = entries[first + suffix] else { continue }
        guard let targets = entries[second + suffix] else {
          throw error(first + suffix, "there is no '\(second + suffix)' beside it", "Store both in the archive.")
        }
        return ((first + suffix, features), (second + suffix, targets))
      }
      return nil
    }

    /// Finds out whether the targets are classes, where nothing was said of that.
    mutating func decideTask(_ targets: Named) throws(FormatError) {
      guard options.task == nil else { return }
      if options.classNames != nil {
        options.task = .classification
        return
      }
      let values: Tensor<Double> = try numbers(targets)
      guard values.rank == 1 || (values.rank == 2 && values.shape[1] == 1) else {
        // Whole numbers of another shape may have been meant as classes: they are refused as such.
        options.task = targets.entry.elementType.isFloatingPoint ? .regression : .classification
        return
      }
      let (task, reason) = LabelKind.task(values.elements, name: "The array '\(targets.name)'")
      options.task = task
      if let reason { notes.append(reason) }
    }

    func examples(
      _ features: Named, _ targets: Named, name: String, classCount: Int?
    ) throws(FormatError) -> RawDataset {
      let (samples, sampleCount) = try self.features(features)
      guard targets.entry.shape.first == sampleCount else {
        throw error(
          targets.name, "it has shape \(targets.entry.shape), and '\(features.name)' has \(sampleCount) samples",
          "Both have the samples along their first axis.")
      }
      guard let ownCount = try self.classCount(targets) else {
        return RawDataset(features: samples, targets: .values(try values(targets)), name: name)
      }
      let count = classCount ?? ownCount
      return RawDataset(
        features: samples, targets: .classes(try classes(targets), count: count), name: name,
        classNames: options.classNames ?? (0..<count).map(String.init))
    }

    /// The number of classes that whole numbers stand for; nil where they are to be predicted as numbers.
    func classCount(_ targets: Named) throws(FormatError) -> Int? {
      guard options.task != .regression else { return nil }
      let largest = try classes(targets).max() ?? 0
      return options.classNames?.count ?? largest + 1
    }

    private func classes(_ targets: Named) throws(FormatError) -> [Int] {
      let shape = targets.entry.shape
      guard shape.rank == 1 || (shape.rank == 2 && shape[1] == 1) else {
        throw error(targets.name, "classes of shape \(shape)", "Classes are whole numbers of shape [N].")
      }
      let numbers = (try numbers(targets) as Tensor<Double>).elements
      let limit = options.classNames?.count ?? Self.maximumClassCount
      if let index = numbers.firstIndex(where: { $0 < 0 || $0 >= Double(limit) || $0 != $0.rounded() }) {
        let text = Int(exactly: numbers[index]).map(String.init) ?? "\(numbers[index])"
        throw error(
          targets.name, "number \(index) is \(text), which is no class",
          "Classes are whole numbers from 0 to \(limit - 1).")
      }
      return numbers.map { Int($0) }
    }

    /// The samples and how many there are. Rows of features keep their digits, which images need not.
    private func features(_ array: Named) throws(FormatError) -> (RawDataset.Features, count: Int) {
      let shape = array.entry.shape
      guard (2...4).contains(shape.rank), shape.dropFirst().allSatisfy({ $0 > 0 }) else {
        throw error(
          array.name, "it has shape \(shape)", "Samples have shape [N, features] or [N, height, width, channels].")
      }
      let looksLikeChannelsFirst = shape.rank == 4 && shape[3] > 4 && (shape[1] == 1 || shape[1] == 3)
      guard !looksLikeChannelsFirst else {
        throw error(
          array.name, "images of shape \(shape) seem to have their channels first",
          "Turn them with x.transpose(0, 2, 3, 1).")
      }
      if shape.rank == 2 { return (.doubles(try numbers(array)), shape[0]) }
      let whole: Shape = shape.rank == 3 ? [shape[0], shape[1], shape[2], 1] : shape
      if case .other(let stored) = array.entry, stored.elementType == .uint8 {
        return (.bytes(stored.bytes, shape: whole), shape[0])
      }
      let images: Tensor<Float> = try numbers(array)
      return (.floats(images.reshaped(to: whole)), shape[0])
    }

    private func values(_ array: Named) throws(FormatError) -> Tensor<Double> {
      let tensor: Tensor<Double> = try numbers(array)
      switch tensor.shape.rank {
      case 1: return tensor.reshaped(to: [tensor.count, 1])
      case 2 where tensor.shape[1] > 0: return tensor
      default:
        throw error(array.name, "it has shape \(tensor.shape)", "Numbers to predict have shape [N] or [N, K].")
      }
    }

    private func numbers<Element: TensorElement>(_ array: Named) throws(FormatError) -> Tensor<Element> {
      let tensor: Tensor<Element> = array.entry.values()
      if let index = tensor.withUnsafeElements({ $0.firstIndex { !$0.isFinite } }) {
        throw error(array.name, "number \(index) in row-major order is not finite", "Leave such samples out.")
      }
      return tensor
    }

    private func error(_ array: String, _ problem: String, _ remedy: String) -> FormatError {
      FormatError(file: file, location: "array '\(array)'", problem: problem, remedy: remedy)
    }
  }
}
