import ArgumentParser
import Foundation
import Norma
import NormaONNX
import NormaTerminal

/// `norma run`: a model in ONNX's format on tensors.
struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run an ONNX model on tensors.",
    usage: "norma run <model> <file> ... [<options>]",
    discussion: """
      Any model runs, with whatever it takes and gives: several inputs, whole numbers, images in and images out. A file \
      is a .npz, .safetensors or .pt file with a tensor for each of the model's inputs under its name, or a .npy file or a \
      tensor of ONNX's (.pb), for the input that is named before it, or for the one that no other file names. Numbers \
      with fractions are rounded to what the model takes; whole numbers must be of its type. Images are [N, C, H, W], as \
      in ONNX.

      A model with one tensor of single precision in and one out runs folded and fused, as in a service, where it is a \
      network; any other runs operator by operator, in double precision where the model has that. The numbers are the same \
      for any number of threads.

      Of what comes out the range is shown, and of few numbers all. -o writes all outputs under their names, into a .npz \
      or .safetensors file, or one into a .npy file.

      EXAMPLES
        norma run segmentation.onnx photos.npy -o masks.npz
        norma run encoder.onnx inputs.npz -o outputs.safetensors
        norma run encoder.onnx input_ids=ids.npy attention_mask=mask.npy --json
      """)

  @Argument(help: ArgumentHelp("An ONNX model.", valueName: "model"))
  var model: String

  @Argument(help: ArgumentHelp("What goes in: a file of tensors, or NAME=FILE for one input.", valueName: "file"))
  var files: [String] = []

  @Option(
    name: [.customShort("o"), .long],
    help: ArgumentHelp("Write what comes out into a .npz, .safetensors or .npy file.", valueName: "file"))
  var out: String?

  @OptionGroup var unusable: UnusableNumberOptions

  @Flag(help: "Print what comes out as JSON, every number.")
  var json = false

  @Option(help: ArgumentHelp("Threads to compute with. (default: one a processor core)", valueName: "count"))
  var threads: Int?

  func validate() throws {
    try validateThreads(threads)
    if let out, TensorFile.Format(path: out) == nil {
      throw ValidationError("-o takes a .npz, .safetensors or .npy file, not '\(out)'.")
    }
  }

  func run() throws {
    if let threads { Parallel.threadCount = threads }
    let file = try modelFile(model, kinds: [.onnx])
    let onnx = try ONNXModel(contentsOf: file)
    let (tensors, ranAsNetwork) = try onnx.outputs(for: try inputs(of: onnx, from: file))
    let outputs = zip(onnx.outputs, tensors).map { Output(name: $0.name, tensor: $1) }
    if !unusable.allowsUnusableNumbers { try check(outputs, of: file) }
    if let out { try write(outputs, to: out) }
    if json { return try outputJSON(Listing(ranAsNetwork: ranAsNetwork, outputs: outputs.map(\.listing))) }
    try output(Output.table(outputs))
    for found in outputs where found.isShort { try output("\n\(found.name)\n" + found.numbers) }
    if let out { try output("\nWritten: \(out)") }
  }
}

// What goes in.
extension Run {
  /// A value for each input of the model, in their order.
  private func inputs(of model: ONNXModel, from file: String) throws -> [ONNXTensor] {
    let wanted = model.inputs.map { "'\($0.name)' (\($0.words))" }.joined(separator: ", ")
    guard !files.isEmpty else { throw UsageError("'\(file)' takes \(wanted); give a file with that.") }
    var found: [String: ONNXTensor] = [:]
    func take(_ name: String, from path: String, _ make: (ONNXValue) throws -> ONNXTensor) throws {
      guard let input = model.inputs.first(where: { $0.name == name }) else {
        throw UsageError("'\(file)' has no input '\(name)', for which there is '\(path)'; it takes \(wanted).")
      }
      guard found[name] == nil else { throw UsageError("For the input '\(name)' there are two tensors.") }
      found[name] = try make(input)
    }
    var unnamed: [(path: String, make: (ONNXValue) throws -> ONNXTensor)] = []
    for argument in files {
      let (name, path) = named(argument)
      if path.lowercased().hasSuffix(".pb") {
        let tensor = try ONNXTensor(contentsOf: path)
        if let name { try take(name, from: path) { _ in tensor } } else { unnamed.append((path, { _ in tensor })) }
        continue
      }
      let entries = try TensorFile(contentsOf: path).entries
      func tensor(_ entry: Safetensors.Entry) -> (ONNXValue) throws -> ONNXTensor {
        { try ONNXTensor(entry, as: $0.elementType ?? .float, named: $0.name) }
      }
      if let name {
        guard let entry = entries.count == 1 ? entries.first?.value : entries[name] else {
          throw UsageError("'\(path)' has \(entries.count) tensors, and none of them is called '\(name)'.")
        }
        try take(name, from: path, tensor(entry))
      } else if TensorFile.Format(path: path) == .npy {
        for entry in entries.values { unnamed.append((path, tensor(entry))) }
      } else {
        for (name, entry) in entries.sorted(by: { $0.key < $1.key }) { try take(name, from: path, tensor(entry)) }
      }
    }
    let missing = model.inputs.filter { found[$0.name] == nil }
    if let (path, make) = unnamed.first {
      guard unnamed.count == 1, missing.count == 1 else {
        throw UsageError(
          "Which input '\(path)' is for must be said, by NAME=\(path): '\(file)' takes \(wanted).")
      }
      found[missing[0].name] = try make(missing[0])
    }
    return try model.inputs.map { input in
      guard let tensor = found[input.name] else {
        throw UsageError("There is nothing for the input '\(input.name)': '\(file)' takes \(wanted).")
      }
      return tensor
    }
  }

  /// The input that an argument names, and the file; a file may have `=` in its name.
  private func named(_ argument: String) -> (name: String?, path: String) {
    guard FileAccess.kind(of: argument) == nil, let place = argument.firstIndex(of: "=") else { return (nil, argument) }
    return (String(argument[..<place]), String(argument[argument.index(after: place)...]))
  }
}

extension ONNXValue {
  fileprivate var words: String {
    "\(elementType?.description ?? "no tensor of numbers")\(lengths.map { " [\($0.map(\.description).joined(separator: ", "))]" } ?? "")"
  }
}

// What comes out.
extension Run {
  /// What `--json` prints.
  private struct Listing: Encodable {
    struct Output: Encodable {
      var name: String
      var type: String
      var shape: [Int]
      /// Those of a tensor with fractions, in row-major order.
      var values: [Double]?
      /// Those of one of whole numbers, 0 or 1 where they are truth values.
      var wholeValues: [Int64]?
      var texts: [String]?
      /// Those of a sequence.
      var tensors: [Output]?
    }
    var ranAsNetwork: Bool
    var outputs: [Output]
  }

  /// One output.
  private struct Output {
    let name: String
    let tensor: ONNXTensor

    /// The elements in words.
    private var words: [String] {
      switch tensor {
      case .floats(let tensor): tensor.elements.map { "\($0)" }
      case .narrow(let tensor): tensor.values.elements.map { "\($0)" }
      case .doubles(let tensor): tensor.elements.map { "\($0)" }
      case .integers(let tensor): tensor.values.map { "\($0)" }
      case .strings(let tensor): tensor.values
      case .sequence(let tensors): tensors.map { "a tensor of shape \($0.shape)" }
      case .nothing: []
      }
    }

    /// Whether there are few elements.
    var isShort: Bool { (1...100).contains(tensor.shape.elementCount) }

    /// All elements, a line for each place but the last axis.
    var numbers: String {
      let (words, width) = (words, max(1, tensor.shape.last ?? 1))
      let columns = words.map(\.count).max() ?? 0
      return stride(from: 0, to: words.count, by: width).map { start in
        words[start..<min(start + width, words.count)].map {
          "  " + String(repeating: " ", count: columns - $0.count) + $0.singleLine
        }.joined()
      }.joined(separator: "\n")
    }

    var listing: Listing.Output {
      var listing = Listing.Output(name: name, type: tensor.elementType.description, shape: Array(tensor.shape))
      switch tensor {
      case .floats(let tensor): listing.values = tensor.elements.map { Double($0) }
      case .narrow(let tensor): listing.values = tensor.values.elements.map { Double($0) }
      case .doubles(let tensor): listing.values = tensor.elements
      case .integers(let tensor): listing.wholeValues = tensor.values
      case .strings(let tensor): listing.texts = tensor.values
      case .sequence(let tensors): listing.tensors = tensors.map { Output(name: "", tensor: $0).listing }
      case .nothing: break
      }
      return listing
    }

    /// How many numbers are none, or infinite, and which is the first.
    var notFinite: (count: Int, first: Int, value: Double)? {
      let values: [Double]
      switch tensor {
      case .floats(let tensor) where !tensor.isFinite: values = tensor.elements.map { Double($0) }
      case .doubles(let tensor) where !tensor.isFinite: values = tensor.elements
      default: return nil
      }
      let places = values.indices.filter { !values[$0].isFinite }
      return places.first.map { (places.count, $0, values[$0]) }
    }

    static func table(_ outputs: [Output]) -> TextTable {
      var table = TextTable(columns: [
        .words("output"), .words("type"), .words("shape"), .numbers("mean"), .numbers("deviation"), .numbers("min"),
        .numbers("max"),
      ])
      for found in outputs {
        var numbers: [Double?] = [nil, nil, nil, nil]
        if let entry = found.tensor.entry, entry.shape.elementCount > 0 {
          var summary = NumberSummary()
          for value in entry.values(of: Double.self).elements { summary.add(value) }
          numbers = [summary.mean, summary.standardDeviation, summary.minimum, summary.maximum]
        }
        table.addRow(
          [
            found.name, found.tensor.elementType.description,
            "\(found.tensor.shape)".replacing(", ", with: ","),
          ] + numbers.map { $0.map(Formatting.number) ?? "" })
      }
      return table
    }
  }

  /// Makes sure that what comes out are numbers.
  private func check(_ outputs: [Output], of file: String) throws {
    for found in outputs {
      guard let (count, first, value) = found.notFinite else { continue }
      throw FormatError(
        file: file,
        problem:
          "of the \(found.tensor.shape.elementCount) numbers of '\(found.name)' \(count) \(count == 1 ? "is" : "are") not finite; "
          + "number \(first) (counted from 0) is \(value)",
        remedy: "`norma inspect` shows whether its weights are; --allow-nan goes on all the same.")
    }
  }

  private func write(_ outputs: [Output], to path: String) throws {
    guard let format = TensorFile.Format(path: path) else { return }
    var entries: [String: Safetensors.Entry] = [:]
    for found in outputs {
      guard let entry = found.tensor.entry else {
        throw UsageError("The output '\(found.name)' is no tensor of numbers; --json prints it.")
      }
      entries[found.name] = entry
    }
    try TensorFile(entries: entries).write(to: path, as: format)
  }
}
