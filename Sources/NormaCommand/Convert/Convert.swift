import ArgumentParser
import Norma
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
    abstract: "Convert models and arrays from and to PyTorch, NumPy and ONNX.",
    usage: "norma convert <file> -o <file> [<options>]",
    discussion: """
      What goes in is a model of norma's, a PyTorch state dictionary saved with torch.save, as safetensors or with \
      numpy.savez, or any tensors in .safetensors, .npz or .npy; what it is shows in the file. Of a file of torch.save \
      nothing is run: it is refused where it holds other things than containers, numbers, text and tensors. What comes \
      out has the format of the name after -o.

      A model becomes a state dictionary: PyTorch's names and layouts, for images with the channels first. A state \
      dictionary becomes a model if --model and the options below, or --like, say which network it is of; its names \
      must be those of the network's layers, which are PyTorch's: a plain nn.Sequential's numbers for mlp, \
      torchvision's for residual networks (`norma inspect` lists those of a model). Otherwise tensors are copied as \
      they are from one format to the other, with the types of their numbers; NumPy has none for BF16, which becomes \
      float32.

      An ONNX model becomes one of norma's, to be asked and trained like any other: --classes, --mean, --scale and \
      --regression say what it does not. Images have their channels last then.

      With -o FILE.onnx a model of norma's becomes one of ONNX's, for any of its runtimes. It takes samples as they are, \
      images as [N, C, H, W]; what they are standardized by is part of it.

      A model becomes another model, which the remarks describe, by --fold (batch normalization as part of the layers \
      before it), --prune-dead (without channels that say nothing), --mean and --scale (what samples are standardized by), \
      --epsilon and, with --to norma, --conventions. With --data it is told how both do. An ONNX model becomes another one \
      by --fold and -o FILE.onnx.

      Numbers keep their bits, unless --type rounds them: weights of convolutions have the same layout, and columns of a linear layer that takes a \
      flattened image change places. What is changed or supposed is said on standard error. With --conventions, \
      running variances of a model are multiplied where the estimators differ, by N/(N-1) for batches of N values a \
      channel.

      EXAMPLES
        norma convert norma-model -o state.safetensors
        norma convert state.safetensors --model resnet20 --shape 32x32x3 \\
            -o model.safetensors
        norma convert checkpoint.pt --dictionary model --like norma-model \\
            -o tuned.safetensors
        norma convert norma-model --to norma --conventions keras -o k.safetensors
        norma convert features.npy -o features.safetensors
        norma convert norma-model --type bfloat16 -o half.safetensors
        norma convert norma-model --fold --data mnist:mnist -o folded.safetensors
        norma convert norma-model -o model.onnx
        norma convert resnet18.onnx --mean 123.7,116.3,103.5 --scale 58.4,57.1,57.4 -o model.safetensors

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
      "What to write: a model, a state dictionary, or tensors as they are. (default: pytorch for a model, norma for one that is changed and with --model or --like, else tensors)",
      valueName: "kind"))
  var to: ConversionTarget?

  @Option(
    help: ArgumentHelp(
      "For a state dictionary: by whose epsilon, momentum and estimator of the variance its running statistics were gathered, which no such file says. For a model: by whose direction of momentum and estimator they are to be. (default: pytorch, or those of --like; a model's own)",
      valueName: "name"))
  var conventions: NormalizationFramework?

  @Option(
    help: ArgumentHelp(
      "ONNX: whether the model normalizes by running statistics or, for training, by the batch's. (default: inference)",
      valueName: "form"))
  var form: ONNXModel.Form?

  @Option(
    help: ArgumentHelp(
      "For a state dictionary and tensors: the half width to which numbers with fractions are rounded, float16 or bfloat16. (default: they keep their type)",
      valueName: "type"))
  var type: HalfPrecision?

  @Option(
    help: ArgumentHelp(
      "Of a .pt file that holds several dictionaries of tensors: which one. (default: the only one)", valueName: "name")
  )
  var dictionary: String?

  @Flag(
    help:
      "For a model, or an ONNX model with -o FILE.onnx: make batch normalization part of the layers before it. Answers are the same to rounding."
  )
  var fold = false

  @Flag(
    help:
      "For a model: take out the channels that give the same for all examples of the data, which are those of the training or those of --data. What cannot be taken out is named, with the reason."
  )
  var pruneDead = false

  @Option(
    help: ArgumentHelp(
      "For a model that is made of a model: data as for train, on whose test part, or all, both are measured.",
      valueName: "source"))
  var data: String?

  @OptionGroup var unusable: UnusableNumberOptions

  @Flag(help: "Print what was done as JSON.")
  var json = false

  @OptionGroup(title: "Network of a state dictionary") var network: ConvertedNetworkOptions

  /// What `--json` prints.
  private struct Result: Encodable {
    var file: String
    var kind: String
    var network: String?
    var tensorCount: Int
    var remarks: [String]
    var metric: String?
    var metricBefore: Double?, metricAfter: Double?
    var lossBefore: Double?, lossAfter: Double?
  }

  /// What `--json` prints of an ONNX model.
  struct ONNXResult: Encodable {
    var file: String, kind: String, network: String
    var nodeCount: Int
    /// What was changed, and how the loss did.
    var remarks: [String]?
    var lossBefore: Double?, lossAfter: Double?
  }

  func validate() throws {
    if let data { try validateSource(data) }
    guard !mends || !network.isGiven else {
      throw ValidationError(
        "--fold and --prune-dead are for models, which know their network: leave out --model and --like.")
    }
    guard !writesONNX else {
      guard !network.isGiven, to == nil, conventions == nil, type == nil else {
        throw ValidationError(
          "An ONNX model is made of a model of norma's as it is: leave out --to, --conventions, --type, --model and --like."
        )
      }
      return
    }
    guard form == nil else { throw ValidationError("--form is for -o FILE.onnx.") }
    let format = try format
    if to == .norma || (to == nil && network.isGiven), format != .safetensors {
      throw ValidationError("A model is a .safetensors file; -o names another.")
    }
    if let type {
      guard to != .norma, !network.isGiven else {
        throw ValidationError("A model's numbers are float32; --type is for state dictionaries and tensors.")
      }
      guard type == .float16 || format == .safetensors else {
        throw ValidationError("NumPy has no bfloat16: take --type float16, or -o FILE.safetensors.")
      }
    }
    if network.isGiven, let to, to != .norma {
      throw ValidationError("--model and --like are for what becomes a model; leave out --to \(to.rawValue).")
    }
  }

  /// Whether a model is to be changed.
  private var mends: Bool { fold || pruneDead }
  /// Whether a model is made of a model, unless it is said otherwise.
  private var makesModel: Bool { mends || network.isGiven || network.mendsModels }

  private var format: TensorFile.Format {
    get throws {
      guard let format = TensorFile.Format(path: out) else {
        throw ValidationError("-o takes a file that ends in .safetensors, .npz, .npy or .onnx, not '\(out)'.")
      }
      return format
    }
  }

  func run() throws {
    let path = try modelFile(file, kinds: [.safetensors, .npz, .npy, .pyTorch, .onnx])
    if try FileKind(ofFile: path) == .onnx { return try convertONNX(path) }
    guard !network.namesSamples || network.isGiven else {
      throw UsageError("'\(path)' is no ONNX model: --shape, --classes and --regression go with --model.")
    }
    if writesONNX {
      let (nodes, network) = try writeONNX(path)
      guard json else { return try output("\(out): an ONNX model, \(network), \(nodes) nodes") }
      return try outputJSON(ONNXResult(file: out, kind: "onnx", network: network, nodeCount: nodes))
    }
    let input = try TensorFile(contentsOf: path, dictionary: dictionary)
    let isModel = input.metadata[Checkpoint.settingsKey] != nil
    let target = to ?? (makesModel ? .norma : isModel ? .pytorch : .tensors)
    guard isModel || network.isGiven || !makesModel else {
      throw UsageError(
        "'\(path)' is no model of norma's: --fold, --prune-dead, --mean, --scale and --epsilon change one.")
    }
    guard isModel && target != .tensors || data == nil else {
      throw UsageError(
        "--data is for a model of norma's that is made of one: '\(path)' is none, or its tensors are copied.")
    }
    guard target != .tensors || !(mends || network.mendsModels) else {
      throw UsageError(
        "--fold, --prune-dead, --mean, --scale, --epsilon and --data are for models that change, and --to tensors copies."
      )
    }
    var conversion: Conversion
    switch (target, isModel) {
    case (.tensors, _):
      guard conventions == nil else { throw UsageError("--conventions is for models and for what becomes one.") }
      conversion = try Conversion(
        tensors: TensorFile(entries: input.entries, metadata: isModel ? [:] : input.metadata), as: format,
        remarks: StateDictionary(input).remarks.map { "In '\(path)' \($0)." })
    case (_, true):
      guard !network.isGiven else { throw UsageError("'\(path)' is a model and knows its network; leave out --model.") }
      let before = try checkpoint(path)
      let (changed, remarks) = try mended(before)
      conversion = try Conversion(of: changed, to: target, conventions: conventions)
      conversion.remarks = remarks + conversion.remarks
      if let data {
        let after = if case .model(let result) = conversion.result { result } else { changed }
        conversion.measures = try Measures(before, after, data: data)
      }
    case (.pytorch, false):
      throw UsageError("'\(path)' is no model of norma's; to copy its tensors as they are leave out --to pytorch.")
    case (_, false):
      conversion = try Conversion(
        of: StateDictionary(input), from: path, settings: network, conventions: conventions,
        allowsUnusableNumbers: unusable.allowsUnusableNumbers)
    }
    try finish(conversion, target)
  }

  /// Makes a model of norma's, or a state dictionary, of an ONNX model.
  private func convertONNX(_ path: String) throws {
    guard !network.isGiven, conventions == nil else {
      throw UsageError("'\(path)' knows its network: leave out --model, --like and --conventions.")
    }
    guard !pruneDead else {
      throw UsageError(
        "'\(path)' is an ONNX model, whose layers have the widths that they have: leave out --prune-dead.")
    }
    if writesONNX { return try foldONNX(path) }
    let target = to ?? .norma
    guard type == nil || target == .tensors else {
      throw UsageError("A model's numbers are float32; --type is for state dictionaries and tensors.")
    }
    guard data == nil, network.epsilon == nil else {
      throw UsageError("'\(path)' is an ONNX model, which --data and --epsilon are not for.")
    }
    guard !fold else {
      throw UsageError("'\(path)' is an ONNX model, and folded becomes one: take -o FILE.onnx.")
    }
    let checkpoint = try savedModel(
      path, options: network, allowsUnusableNumbers: unusable.allowsUnusableNumbers
    ).checkpoint
    switch target {
    case .norma: try finish(try Conversion(of: checkpoint, to: .norma, conventions: nil), target)
    case .pytorch:
      throw UsageError("The layers of an ONNX model are no module of PyTorch's: take --to norma, or --to tensors.")
    case .tensors:
      var tensors: [String: Safetensors.Entry] = [:]
      for (name, tensor) in checkpoint.state.tensors { tensors[name] = .float(tensor) }
      try finish(try Conversion(tensors: TensorFile(entries: tensors), as: format, remarks: []), target)
    }
  }

  /// Writes what came of it, and says so.
  private func finish(_ conversion: Conversion, _ target: ConversionTarget) throws {
    var conversion = conversion
    if let type { try conversion.round(to: type) }
    let format = try format
    let count = conversion.tensorCount
    guard format != .npy || count == 1 else {
      throw UsageError("A .npy file holds one array, and there are \(count): take .npz.")
    }
    try conversion.write(to: out, as: format)
    if json {
      try outputJSON(
        Result(
          file: out, kind: target.rawValue, network: conversion.network,
          tensorCount: count, remarks: conversion.remarks, metric: conversion.measures?.label.name,
          metricBefore: conversion.measures?.before.metric, metricAfter: conversion.measures?.after.metric,
          lossBefore: conversion.measures?.before.loss, lossAfter: conversion.measures?.after.loss))
    } else {
      for words in conversion.remarks { remark(words) }
      if let measures = conversion.measures { try output(measures.words) }
      try output("\(out): \(conversion.summary), \(count) tensor\(count == 1 ? "" : "s")")
    }
  }
}
