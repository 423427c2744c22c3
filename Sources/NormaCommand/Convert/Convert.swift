import ArgumentParser
import Foundation
import Norma
import NormaLab
import NormaONNX
import NormaTerminal

extension NormalizationFramework: ExpressibleByArgument {}

/// What a file is converted to.
enum ConversionTarget: String, CaseIterable, ExpressibleByArgument {
  case norma, pytorch, tensors
}

/// `norma convert`: models and arrays from and to other tools.
struct Convert: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Convert models and arrays from and to PyTorch and NumPy, and models to ONNX.",
    usage: "norma convert <file> -o <file> [<options>]",
    discussion: """
      What goes in is a model of norma's, a PyTorch state dictionary saved as safetensors or with numpy.savez, or any \
      tensors in .safetensors, .npz or .npy; what it is shows in the file. What comes out has the format of the name \
      after -o.

      A model becomes a state dictionary: PyTorch's names and layouts, for images with the channels first. A state \
      dictionary becomes a model if --model and the options below, or --like, say which network it is of; its names \
      must be those of the network's layers, which are PyTorch's: a plain nn.Sequential's numbers for mlp, \
      torchvision's for residual networks (`norma inspect` lists those of a model). Otherwise tensors are copied as \
      they are from one format to the other.

      A model also becomes an ONNX model, where -o names an .onnx file: for samples as norma reads them, which it \
      standardizes itself, images with the channels first, any number of them at once. With --form training it \
      normalizes by the batch, drops out, and gives the new running statistics too.

      Numbers keep their bits: weights of convolutions have the same layout, and columns of a linear layer that takes a \
      flattened image change places. What is changed or supposed is said on standard error. With --conventions, \
      running variances of a model are multiplied where the estimators differ, by N/(N-1) for batches of N values a \
      channel.

      EXAMPLES
        norma convert norma-model -o state.safetensors
        norma convert state.safetensors --model resnet20 --shape 32x32x3 \\
            -o model.safetensors
        norma convert state.npz --like norma-model -o tuned.safetensors
        norma convert norma-model --to norma --conventions keras -o k.safetensors
        norma convert features.npy -o features.safetensors
        norma convert norma-model -o model.onnx

      In Python, with state = safetensors.torch.load_file("state.safetensors"):
        model.load_state_dict(state)
        safetensors.torch.save_file(model.state_dict(), "state.safetensors")

      \(NetworkOptions.models)
      """)

  @Argument(help: ArgumentHelp("The file to convert, or the folder of a model.", valueName: "file"))
  var file: String

  @Option(
    name: [.customShort("o"), .customLong("out")],
    help: ArgumentHelp("The file to write: .safetensors, .npz, .npy or .onnx.", valueName: "file"))
  var out: String

  @Option(
    help: ArgumentHelp(
      "What to write: a model, a state dictionary, or tensors as they are. (default: pytorch for a model, norma with --model or --like, else tensors)",
      valueName: "kind"))
  var to: ConversionTarget?

  @Option(
    help: ArgumentHelp(
      "For a state dictionary: by whose epsilon, momentum and estimator of the variance its running statistics were gathered, which no such file says. For a model: by whose direction of momentum and estimator they are to be. (default: pytorch, or those of --like; a model's own)",
      valueName: "name"))
  var conventions: NormalizationFramework?

  @Option(help: ArgumentHelp("For ONNX: inference or training. (default: inference)", valueName: "form"))
  var form: ONNXModel.Form?

  @Flag(help: "Print what was done as JSON.")
  var json = false

  @OptionGroup(title: "Network of a state dictionary") var network: ConvertedNetworkOptions

  /// What `--json` prints.
  struct Result: Encodable {
    var file: String
    var kind: String
    var network: String?
    var tensorCount: Int
    var remarks: [String]
  }

  func validate() throws {
    if writesONNX { return try validateForONNX() }
    guard form == nil else { throw ValidationError("--form is for ONNX; -o names another file.") }
    let format = try format
    if to == .norma && format != .safetensors {
      throw ValidationError("A model is a .safetensors file; -o names another.")
    }
    if to == .norma || to == nil, network.isGiven, format != .safetensors {
      throw ValidationError("A model is a .safetensors file; -o names another.")
    }
    if network.isGiven, let to, to != .norma {
      throw ValidationError("--model and --like are for what becomes a model; leave out --to \(to.rawValue).")
    }
  }

  private var format: TensorFile.Format {
    get throws {
      guard let format = TensorFile.Format(path: out) else {
        throw ValidationError("-o takes a file that ends in .safetensors, .npz, .npy or .onnx, not '\(out)'.")
      }
      return format
    }
  }

  func run() throws {
    if writesONNX { return try runForONNX() }
    let path = checkpointPath(file)
    let input = try TensorFile(contentsOf: path)
    let isModel = input.metadata[Checkpoint.settingsKey] != nil
    let target = to ?? (isModel ? .pytorch : network.isGiven ? .norma : .tensors)
    let conversion: Conversion
    switch (target, isModel) {
    case (.tensors, _):
      guard conventions == nil else { throw UsageError("--conventions is for models and for what becomes one.") }
      conversion = Conversion(tensors: TensorFile(entries: input.entries, metadata: isModel ? [:] : input.metadata))
    case (_, true):
      guard !network.isGiven else { throw UsageError("'\(path)' is a model and knows its network; leave out --model.") }
      conversion = try Conversion(
        of: try Checkpoint(contentsOf: path), to: target, conventions: conventions)
    case (.pytorch, false):
      throw UsageError("'\(path)' is no model of norma's; to copy its tensors as they are leave out --to pytorch.")
    case (_, false):
      conversion = try Conversion(
        of: StateDictionary(entries: input.entries), from: path, settings: network, conventions: conventions)
    }
    let format = try format
    let count = conversion.tensorCount
    guard format != .npy || count == 1 else {
      throw UsageError("A .npy file holds one array, and there are \(count): take .npz.")
    }
    try conversion.write(to: out, as: format)
    try tell(
      Result(
        file: out, kind: target.rawValue, network: conversion.network, tensorCount: count,
        remarks: conversion.remarks), summary: conversion.summary)
  }

  /// Says what was done.
  func tell(_ result: Result, summary: String) throws {
    guard !json else { return try outputJSON(result) }
    for words in result.remarks { remark(words) }
    try output("\(out): \(summary), \(result.tensorCount) tensor\(result.tensorCount == 1 ? "" : "s")")
  }
}
