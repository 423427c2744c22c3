import NormaFiles
import NormaTensor

/// Data sets in NumPy's archives, `.npz`: an array of samples and one of what should be said of them.
public enum NumPyDataset {
  /// Reads an archive with the arrays `x` and `y`, or `x_train`, `y_train`, `x_test` and `y_test`, as Keras has them; `features` and
  /// `labels` stand for `x` and `y` too.
  ///
  /// Samples stand along the first axis: `[N, features]`, or images `[N, height, width]` or `[N, height, width, channels]`. Whole
  /// numbers `[N]` or `[N, 1]` in y are classes, counted from 0; others, `[N]` or `[N, K]`, are numbers to predict.
  ///
  /// - Parameters:
  ///   - path: the archive.
  ///   - options: `task`, by which whole numbers may be asked to be numbers to predict, and `classNames`.
  /// - Throws: `FileError` if it cannot be read, `FormatError` if it is no such archive.
  public static func load(_ path: String, options: CSVOptions = CSVOptions()) throws -> LoadedData {
    let reader = Reader(entries: try NumPyArchive(contentsOf: path).entries, file: path, options: options)
    let name = String(path.split(separator: "/").last ?? "")
    if let (features, targets) = try reader.pair(suffix: "") {
      return LoadedData(training: try reader.dataset(features, targets, name: name, classCount: nil))
    }
    guard let training = try reader.pair(suffix: "_train") else {
      let names = reader.entries.keys.sorted()
      throw FormatError(
        file: path, problem: "it holds the arrays \(names.prefix(10).joined(separator: ", "))"
          + (names.count > 10 ? " and \(names.count - 10) more" : ""),
        remedy: "It takes x and y, or x_train and y_train, and x_test and y_test where there are any.")
    }
    let test = try reader.pair(suffix: "_test")
    let classCount = try [training, test].compactMap { try $0.flatMap { try reader.classCount($0.targets) } }.max()
    return LoadedData(
      training: try reader.dataset(training.features, training.targets, name: name, classCount: classCount),
      test: try test.map { try reader.dataset($0.features, $0.targets, name: name, classCount: classCount) })
  }

  /// An array and what it is called.
  private typealias Named = (name: String, entry: Safetensors.Entry)

  private struct Reader {
    let entries: [String: Safetensors.Entry]
    let file: String
    let options: CSVOptions

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

    func dataset(
      _ features: Named, _ targets: Named, name: String, classCount: Int?
    ) throws(FormatError) -> Dataset<Float> {
      let samples = try self.features(features)
      guard targets.entry.shape.first == samples.shape[0] else {
        throw error(
          targets.name, "it has shape \(targets.entry.shape), and '\(features.name)' has \(samples.shape[0]) samples",
          "Both have the samples along their first axis.")
      }
      if let count = try self.classCount(targets), let numbers = targets.entry.wholeNumbers {
        let count = classCount ?? count
        return Dataset(
          features: samples, targets: .classes(numbers.map { Int($0) }, count: count), name: name,
          classNames: options.classNames ?? (0..<count).map(String.init))
      }
      return Dataset(features: samples, targets: .values(try values(targets)), name: name)
    }

    /// The number of classes that whole numbers stand for; nil where they are to be predicted as numbers.
    func classCount(_ targets: Named) throws(FormatError) -> Int? {
      guard options.task == .classification, !targets.entry.elementType.isFloatingPoint else { return nil }
      guard let numbers = targets.entry.wholeNumbers else {
        throw error(targets.name, "it has numbers beyond \(Int64.max), which are no classes", "Classes count from 0.")
      }
      let shape = targets.entry.shape
      guard shape.rank == 1 || (shape.rank == 2 && shape[1] == 1) else {
        throw error(targets.name, "classes of shape \(shape)", "Classes are whole numbers of shape [N].")
      }
      let limit = options.classNames?.count ?? Self.maximumClassCount
      if let index = numbers.firstIndex(where: { $0 < 0 || $0 >= limit }) {
        throw error(
          targets.name, "number \(index) is \(numbers[index]), which is no class",
          "Classes are whole numbers from 0 to \(limit - 1).")
      }
      return options.classNames?.count ?? Int(numbers.max() ?? 0) + 1
    }

    private func features(_ array: Named) throws(FormatError) -> Tensor<Float> {
      let tensor = try floats(array)
      let shape = tensor.shape
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
      return shape.rank == 3 ? tensor.reshaped(to: [shape[0], shape[1], shape[2], 1]) : tensor
    }

    private func values(_ array: Named) throws(FormatError) -> Tensor<Float> {
      let tensor = try floats(array)
      switch tensor.shape.rank {
      case 1: return tensor.reshaped(to: [tensor.count, 1])
      case 2 where tensor.shape[1] > 0: return tensor
      default:
        throw error(array.name, "it has shape \(tensor.shape)", "Numbers to predict have shape [N] or [N, K].")
      }
    }

    private func floats(_ array: Named) throws(FormatError) -> Tensor<Float> {
      let tensor: Tensor<Float> = array.entry.values()
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
