import ArgumentParser
import Norma
import NormaLab
import NormaONNX
import NormaTerminal

extension ONNXModel.Form: ExpressibleByArgument {}

// A model of norma's to one of ONNX's.
extension Convert {
  /// Whether the file after `-o` is a model in ONNX's format.
  var writesONNX: Bool { out.lowercased().hasSuffix(".onnx") }

  func validateForONNX() throws {
    guard to == nil else { throw ValidationError("-o names an .onnx file; leave out --to.") }
    guard !network.isGiven, conventions == nil else {
      throw ValidationError(
        "To ONNX goes a model of norma's: convert to a .safetensors file first, with these options, and that to ONNX.")
    }
  }

  func runForONNX() throws {
    let path = checkpointPath(file)
    let checkpoint = try Checkpoint(contentsOf: path)
    let network = try checkpoint.makeModel()
    let standardization = checkpoint.standardization
    let model = try ONNXModel(
      network, sampleShape: Shape(checkpoint.settings.exampleShape), form: form ?? .inference,
      standardization: standardization.map { ($0.mean, $0.scale) })
    try model.write(to: out)
    let recipe = checkpoint.settings.architecture.recipe
    try tell(
      Result(
        file: out, kind: "onnx", network: recipe.name, tensorCount: model.tensorCount,
        remarks: remarks(recipe, isStandardized: standardization != nil)),
      summary: "an ONNX model of \(recipe.name), version \(model.operatorSet) of the operators")
  }

  private func remarks(_ recipe: any ModelRecipe, isStandardized: Bool) -> [String] {
    var remarks: [String] = []
    if isStandardized {
      remarks.append("The model takes samples as norma reads them, pixels from 0 to 255, and standardizes them itself.")
    }
    let gathersUnbiased = recipe.normalization == .batch && recipe.conventions.estimator == .unbiased
    if form == .training && gathersUnbiased {
      remarks.append(
        "ONNX moves running variances towards the biased variance of a batch, this network towards the unbiased one, "
          + "which is N/(N-1) times as large for N values a channel.")
    }
    return remarks
  }
}
