import Norma

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
      ? "A model of norma's or another .safetensors, .npz, .npy or .pt file is needed."
      : "A model of norma's is needed: a model.safetensors, or the folder it is in."
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
