import NormaFiles
import NormaLayers

extension Layer {
  /// Saves all that the model has learned, whatever it is made of: safetensors, under the names of its parameters and buffers, which
  /// for Norma's layers are PyTorch's.
  ///
  /// How the model is built is not in the file: a ``Checkpoint`` holds that too.
  ///
  /// - Throws: `ModelStructureError` for a model that holds two things under one name; `FileError` if the file cannot be written,
  ///   which is whole or not there at all.
  public func save(to path: String) throws {
    try checkNames()
    var file = Safetensors(metadata: ["format": "pt"])
    state.add(to: &file)
    try file.write(to: path)
  }

  /// Puts the model into the state that a file holds, which ``save(to:)`` or a ``Checkpoint`` of a model of the same structure wrote.
  ///
  /// - Throws: `FileError` if the file cannot be read, `FormatError` if it is no such file, `ModelStateError` with all that does
  ///   not fit the model; the model is as it was then.
  public func load(from path: String) throws {
    let file = try Safetensors(contentsOf: path)
    try load(
      ModelState(
        file.entries.filter { !$0.key.hasPrefix(trainingPrefix) }, file: path,
        remedy: "A file is needed that holds numbers of the model's own type."))
  }
}
