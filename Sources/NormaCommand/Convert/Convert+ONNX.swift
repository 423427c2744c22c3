import ArgumentParser
import Norma
import NormaONNX

extension ONNXModel.Form: ExpressibleByArgument {}

extension Convert {
  /// Whether an ONNX model is to be written.
  var writesONNX: Bool { out.lowercased().hasSuffix(".onnx") }

  /// Writes a model of norma's as a model of ONNX's, which takes samples as they are: what it was standardized by is part of
  /// it.
  ///
  /// - Returns: how many nodes it has.
  /// - Throws: what reading and writing throw; ``UsageError`` for a file that is no model of norma's.
  func writeONNX(_ path: String) throws -> (nodes: Int, network: String) {
    guard try TensorFile(contentsOf: path).metadata[Checkpoint.settingsKey] != nil else {
      throw UsageError("'\(path)' is no model of norma's, and only those become ONNX models; convert it to one first.")
    }
    let checkpoint = try Checkpoint(contentsOf: path)
    let standardization = checkpoint.settings.standardization.map { saved in
      (
        mean: Tensor(saved.mean, shape: Shape(saved.shape)), scale: Tensor(saved.scale, shape: Shape(saved.shape))
      )
    }
    let model = try ONNXModel(
      try checkpoint.makeModel(), sampleShape: Shape(checkpoint.settings.exampleShape), form: form ?? .inference,
      standardization: standardization)
    try model.write(to: out)
    return (model.nodeCount, checkpoint.settings.architecture.recipe.name)
  }
}
