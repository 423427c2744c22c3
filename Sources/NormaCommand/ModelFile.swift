import Norma
import NormaDiagnosis
import NormaONNX
import NormaTerminal

/// The file of tensors that a path names: the file itself, or the model in the folder.
///
/// - Parameters:
///   - path: a file or a folder.
///   - kinds: which kinds of file there may be.
/// - Throws: `FileError` if there is none, `FormatError` if it is evidently something else. What is cut off, empty or of no
///   known kind its reader explains.
func modelFile(_ path: String, kinds: Set<FileKind> = [.safetensors]) throws -> String {
  let file = FileAccess.kind(of: path) == .directory ? "\(path)/model.safetensors" : path
  let kind = try FileKind(ofFile: file)
  guard kinds.contains(kind) || kind == .binary || kind == .empty else {
    let wanted =
      kinds.contains(.npz)
      ? "A model of norma's or another .safetensors, .npz, .npy, .pt or .onnx file is needed."
      : "A model of norma's is needed, a model.safetensors or the folder it is in, or an ONNX model."
    let advice =
      switch kind {
      case .pyTorch: " Of a state dictionary norma convert makes one."
      case .pickle: " Save a state dictionary with torch.save, of which norma convert makes a model."
      default: ""
      }
    throw FormatError(file: file, is: kind, remedy: wanted + advice)
  }
  return file
}

/// The model that a path names: one of norma's, the file itself or the model in the folder, or one in ONNX's format.
///
/// - Parameters:
///   - path: a file or a folder.
///   - options: what is known of a model in ONNX's format besides.
///   - allowsUnusableNumbers: whether it may hold numbers with which no network answers anything.
/// - Returns: the file, and the model; what was supposed of it is told.
func savedModel(
  _ path: String, options: ConvertedNetworkOptions? = nil, allowsUnusableNumbers: Bool = false
) throws -> (file: String, checkpoint: Checkpoint) {
  let file = try modelFile(path, kinds: [.safetensors, .onnx])
  guard try FileKind(ofFile: file) == .onnx else {
    let checkpoint = try Checkpoint(contentsOf: file, allowsUnusableNumbers: allowsUnusableNumbers)
    if !allowsUnusableNumbers { try checkpoint.checkStatistics(file: file) }
    return (file, checkpoint)
  }
  let checkpoint = try onnxCheckpoint(of: try ONNXModel(contentsOf: file), from: file, options: options)
  if options == nil {
    remark(
      "'\(file)' does not say what its outputs are: \(checkpoint.settings.outputs.supposition). What it takes is not standardized. "
        + "`norma convert` makes a model of it that knows more, by --classes, --mean and --scale.")
  }
  if !allowsUnusableNumbers {
    try checkpoint.checkNumbers(file: file)
    try checkpoint.checkStatistics(file: file)
  }
  return (file, checkpoint)
}

/// A model in ONNX's format as one of norma's.
///
/// - Parameters:
///   - model: the model.
///   - file: where it comes from.
///   - options: what is known of it besides.
func onnxCheckpoint(of model: ONNXModel, from file: String, options: ConvertedNetworkOptions?) throws -> Checkpoint {
  let sampleShape = try options?.sampleShape()
  let network: ONNXNetwork
  do throws(ONNXError) { network = try ONNXNetwork(model, sampleShape: sampleShape) } catch {
    guard error.kind == .unsupported, model.obstacle == nil else { throw error }
    throw FormatError(
      file: file, problem: "it is no network: \(error)", remedy: "`norma run` runs such a model on tensors.")
  }
  if network.roundsDoubles {
    remark("'\(file)' has numbers in double precision, which are computed with in single precision.")
  }
  let outputs = network.outputShape
  guard outputs.rank == 1, let count = outputs.first, count > 0 else {
    throw FormatError(
      file: file, problem: "its output is of shape \(outputs) for each sample",
      remedy: "Models that are asked here give a number for each class, or numbers; `norma run` runs any on tensors.")
  }
  let settings = try (options ?? ConvertedNetworkOptions.none).settings(
    of: ModelArchitecture(ONNXRecipe(network)), exampleShape: Array(network.sampleShape), outputCount: count, from: file
  )
  return Checkpoint(settings: settings, state: Sequential<Float>([network]).state)
}

extension Checkpoint {
  /// Makes sure that no normalization goes by statistics that are no numbers, or by variances below zero, which may be constants of a model
  /// from elsewhere.
  ///
  /// - Throws: `FormatError` with the layer.
  func checkStatistics(file: String) throws {
    guard let found = try makeModel().unusableStatistics(sampleShape: Shape(settings.exampleShape)) else { return }
    throw FormatError(
      file: file, problem: "in \(found)",
      remedy:
        "No answer can be had from such a model; `norma diagnose` says what mends it, and --allow-nan goes on all the same."
    )
  }
}

extension Checkpoint.Outputs {
  /// What they are taken for.
  fileprivate var supposition: String {
    switch self {
    case .classes(let names): "they are taken for scores of \(names.count) classes, 0 to \(names.count - 1)"
    case .values: "the one is taken for a number"
    }
  }
}
