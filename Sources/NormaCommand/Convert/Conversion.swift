import Foundation
import Norma

/// What a conversion leads to, and what is to be said of it.
struct Conversion {
  /// What is written.
  enum Result {
    case tensors(TensorFile)
    case model(Checkpoint)
  }

  var result: Result
  /// What the result is.
  var summary: String
  /// The network, where there is one.
  var network: String?
  /// What was changed or supposed, and what whoever takes the result must know.
  var remarks: [String] = []
  /// How the model did before and does now, where that was measured.
  var measures: Measures?

  /// Tensors as they are, so far as the format has room for them, and what is to be said of the file they come from.
  init(tensors: TensorFile, as format: TensorFile.Format, remarks inputRemarks: [String]) {
    result = .tensors(tensors)
    summary = "tensors"
    remarks = inputRemarks
    guard format != .safetensors else { return }
    let changed = tensors.entries.filter { $0.value.elementType == .bfloat16 }.keys.sorted()
    if !changed.isEmpty {
      remarks.append(
        "NumPy has no BF16: \(Self.list(changed)) \(changed.count == 1 ? "is" : "are") written as float32, "
          + "which holds the same values.")
    }
    // That PyTorch wrote a file is said in each of its files, and is of no use elsewhere.
    let lost = tensors.metadata.keys.filter { $0 != "format" }.sorted()
    if !lost.isEmpty { remarks.append("NumPy's files hold no text: the metadata \(Self.list(lost)) are left out.") }
  }

  /// Names in a row: of more than ten the first ten, and how many there are more.
  private static func list(_ names: [String]) -> String {
    names.prefix(10).map { "'\($0)'" }.joined(separator: ", ")
      + (names.count > 10 ? " and \(names.count - 10) more" : "")
  }

  /// A model to PyTorch, or to other conventions.
  init(of checkpoint: Checkpoint, to target: ConversionTarget, conventions: NormalizationFramework?) throws {
    var checkpoint = checkpoint
    let recipe = checkpoint.settings.architecture.recipe
    let hasStatistics = recipe.normalization.isBatchNormalization
    if let conventions {
      guard hasStatistics else {
        throw UsageError("\(recipe) has no batch normalization, to which --conventions is.")
      }
      let report = try ConventionReport(checkpoint)
      checkpoint = try checkpoint.converted(to: conventions)
      remarks += report.remarks(onConversionTo: conventions)
    }
    network = recipe.description
    if target == .norma {
      result = .model(checkpoint)
      summary = "a model, \(recipe)"
      return
    }
    var tensors = TensorFile(entries: try checkpoint.stateDictionary().entries, metadata: ["format": "pt"])
    summary = "a state dictionary for \(recipe)"
    if hasStatistics { remarks += try ConventionReport(checkpoint).remarksForPyTorch() }
    let settings = checkpoint.settings
    if let standardization = settings.standardization {
      tensors.metadata["standardization"] = try standardization.sortedJSON
      remarks.append(
        "The network takes standardized samples: (x - mean) / scale, which stand in the metadata of a .safetensors file "
          + "under 'standardization'.")
    }
    if let standardization = settings.targetStandardization {
      tensors.metadata["target_standardization"] = try standardization.sortedJSON
      remarks.append(
        "The network gives standardized numbers: y * scale + mean has their own units, which stand in the metadata of a "
          + ".safetensors file under 'target_standardization'.")
    }
    if let encoding = settings.encoding {
      tensors.metadata["encoding"] = try encoding.sortedJSON
      remarks += settings.notesOnArrays
    }
    result = .tensors(tensors)
  }

  /// A state dictionary to a model.
  init(
    of dictionary: StateDictionary, from file: String, settings options: ConvertedNetworkOptions,
    conventions: NormalizationFramework?, allowsUnusableNumbers: Bool = false
  ) throws {
    guard options.isGiven else {
      throw UsageError("'\(file)' does not say which network it is of; --model or --like does.")
    }
    var settings = try options.settings(of: dictionary, from: file)
    var recipe = settings.architecture.recipe
    if let conventions {
      guard recipe.normalization.isBatchNormalization else {
        throw UsageError("\(recipe) has no batch normalization, to which --conventions is.")
      }
      recipe.conventions = conventions.conventions
    }
    if let epsilon = options.epsilon { recipe.conventions.epsilon = epsilon }
    settings.architecture.recipe = recipe
    network = recipe.description
    do {
      let (checkpoint, remarks) = try Checkpoint.importing(dictionary, settings: settings)
      if !allowsUnusableNumbers { try checkpoint.checkNumbers(file: file) }
      self.remarks = Self.words(remarks).map { "In '\(file)' \($0)." }
      result = .model(checkpoint)
    } catch let error as ModelStateError {
      let shape = Shape(settings.exampleShape)
      throw FormatError(
        file: file,
        problem:
          "it is no state of \(recipe) with \(recipe.normalization.words), samples of shape \(shape) and "
          + "\(settings.outputs.count) outputs:\n\(error)",
        remedy: "Say which network it is of with --model and what goes with it, or with --like.")
    }
    summary = "a model, \(recipe)"
    if options.like == nil { remarks += Self.supposedWords(recipe, areConventionsGiven: conventions != nil) }
  }

  /// What of a network no state dictionary says, and so is supposed.
  static func supposedWords(_ recipe: any ModelRecipe, areConventionsGiven: Bool) -> [String] {
    var supposed = recipe.unseenSettings
    let kind = recipe.normalization
    if [.group, .groupStandardized, .rmsGroup, .evonormS0, .whitening].contains(kind) {
      supposed.append("the groups of \(kind.words) have sixteen channels, or fewer where these do not go into as many")
    }
    var words = supposed.map { "The file does not say so, and it is supposed: \($0)." }
    if kind.isBatchNormalization {
      guard !areConventionsGiven else { return words }
      let isPyTorchs = recipe.conventions.epsilon == BatchNormalizationConventions.pyTorch.epsilon
      words.append(
        "The file does not say by which conventions batch normalization gathered its statistics; "
          + "\(isPyTorchs ? "PyTorch's" : "those of torchvision's network") are supposed: "
          + "\(ConventionReport.words(recipe.conventions)).")
    } else if ![.none, .lrn, .grn, .dyt, .scale].contains(kind) {
      words.append(
        "The file does not say what \(kind.words) adds before its root; \(recipe.conventions.epsilon) is supposed.")
    }
    return words
  }

  /// What is to be said of loading a state: of more than ten remarks of a kind the first ten, and how many there are more.
  static func words(_ remarks: [StateDictionary.Remark]) -> [String] {
    var counts: [Int: Int] = [:]
    var words: [String] = []
    for remark in remarks {
      let kind =
        switch remark {
        case .dictionary, .noTensors, .prefix, .others, .auxiliaryLayer, .rounded, .earlierNames: 0
        case .cancelledBias: 1
        case .suppliedCount: 2
        }
      counts[kind, default: 0] += 1
      if kind == 0 || counts[kind, default: 0] <= 10 { words.append(remark.description) }
    }
    for (kind, more) in [(1, "biases were dealt with so"), (2, "counts of batches were supposed")] {
      if let count = counts[kind], count > 10 { words.append("\(count - 10) more \(more)") }
    }
    return words
  }

  /// Rounds the numbers with fractions of tensors to half width, once; whole numbers stay.
  ///
  /// - Throws: `UsageError` for a number that is beyond the largest of the format.
  mutating func round(to precision: HalfPrecision) throws {
    guard case .tensors(var tensors) = result else { return }
    for (name, entry) in tensors.entries {
      let rounded: HalfTensor? =
        if case .double(let tensor) = entry { tensor.rounded(to: precision) } else {
          entry.tensor(of: Float.self)?.rounded(to: precision)
        }
      guard let rounded else { continue }
      let exact = entry.values(of: Double.self)
      let values = rounded.widened(to: Double.self)
      if let place = (0..<exact.count).first(where: { exact.elements[$0].isFinite && !values.elements[$0].isFinite }) {
        throw UsageError(
          "'\(name)' holds \(exact.elements[place]), which is beyond the largest \(precision.rawValue)"
            + (precision == .float16 ? "; take --type bfloat16." : "."))
      }
      tensors.entries[name] = Safetensors.Entry(rounded)
    }
    result = .tensors(tensors)
    summary += " in \(precision.rawValue)"
  }

  /// How many tensors there are.
  var tensorCount: Int {
    switch result {
    case .tensors(let tensors): tensors.entries.count
    case .model(let checkpoint): checkpoint.state.tensors.count + checkpoint.state.counts.count
    }
  }

  /// Writes the result.
  func write(to path: String, as format: TensorFile.Format) throws {
    switch result {
    case .tensors(let tensors): try tensors.write(to: path, as: format)
    case .model(let checkpoint): try checkpoint.write(to: path)
    }
  }
}

extension Encodable {
  /// JSON with its keys in order.
  var sortedJSON: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = .sortedKeys
      return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
  }
}
