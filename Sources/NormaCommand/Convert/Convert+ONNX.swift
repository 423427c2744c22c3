import ArgumentParser
import Norma
import NormaDiagnosis
import NormaONNX
import NormaTerminal

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
    let before = try checkpoint(path)
    let (checkpoint, remarks) = try mended(before)
    for words in remarks { remark(words) }
    if let data, !json { try output(Measures(before, checkpoint, data: data).words) }
    func numbers(_ saved: Checkpoint.SavedStandardization?) -> (mean: Tensor<Float>, scale: Tensor<Float>)? {
      saved.map { $0.standardization(of: Float.self) }.map { (mean: $0.mean, scale: $0.scale) }
    }
    let model = try ONNXModel(
      try checkpoint.makeModel(), sampleShape: Shape(checkpoint.settings.exampleShape), form: form ?? .inference,
      standardization: numbers(checkpoint.settings.standardization),
      targetStandardization: numbers(checkpoint.settings.targetStandardization))
    tell(checkpoint.settings.notesOnArrays)
    try model.write(to: out)
    return (model.nodeCount, checkpoint.settings.architecture.description)
  }

  /// Writes a model of ONNX's whose normalizations are part of the layers before them, and says what that did to its loss where there
  /// are data.
  func foldONNX(_ path: String) throws {
    guard fold else { throw UsageError("'\(path)' is an ONNX model already, of which --fold alone makes another.") }
    // Where it is measured, what it takes may be standardized.
    guard network.epsilon == nil, data != nil || !network.mendsModels else {
      throw UsageError(
        "--mean and --scale are for what '\(path)' is measured on, by --data, and --epsilon is for models of norma's.")
    }
    let before = try ONNXModel(contentsOf: path)
    let result = before.folded()
    let reasons = result.kept.map { "'\($0.name)' stays: \($0.reason)." }
    guard !result.folded.isEmpty else {
      throw MendingError(
        problem: "no normalization of '\(path)' can be part of the layer before"
          + (reasons.first.map { ": \($0)" } ?? ", since there is none"))
    }
    let remarks = [foldingRemark(result.folded)] + reasons
    let measures = try data.map { source in
      try Measures(
        try onnxCheckpoint(of: before, from: path, options: network),
        try onnxCheckpoint(of: result.model, from: path, options: network), data: source)
    }
    try result.model.write(to: out)
    guard !json else {
      return try outputJSON(
        ONNXResult(
          file: out, kind: "onnx", network: "an ONNX model", nodeCount: result.model.nodeCount, remarks: remarks,
          lossBefore: measures?.before.loss, lossAfter: measures?.after.loss))
    }
    for words in remarks { remark(words) }
    if let measures { try output(measures.words) }
    try output("\(out): an ONNX model, \(result.model.nodeCount) nodes")
  }
}

extension Checkpoint.Settings {
  /// What whoever gives the network arrays, in another program, must know of a table that it learned from.
  var notesOnArrays: [String] {
    var notes: [String] = []
    if let encoding, let names = encoding.featureNames,
      encoding.columns.contains(where: { $0.kind != .number || $0.marksGaps })
    {
      notes.append(
        "It takes the table's columns as \(names.count) numbers in this order: \(names.joined(separator: ", ")). Truth values, "
          + "categories and marks of gaps are 1 or 0, gaps the median: \(encoding.gapWords).")
    }
    if let saved = standardization {
      // Of a number of this size the 24 bits of a 32-bit number leave less than 10 for what tells values apart.
      let coarse = saved.mean.indices.filter { abs(saved.mean[$0]) > 16_384 * saved.scale[$0] }
      if !coarse.isEmpty && exampleShape.count == 1 {
        let names = coarse.prefix(10).map { featureNames?[$0] ?? "feature \($0 + 1)" }
        notes.append(
          "It takes 32-bit numbers, which are coarse beside the spread of \(names.joined(separator: ", "))"
            + "\(coarse.count > 10 ? " and others" : ""): take a constant off in the data before training.")
      }
    }
    return notes
  }
}

extension TableEncoding {
  /// What stands for a gap in each column.
  fileprivate var gapWords: String {
    columns.filter { $0.levels == nil }.compactMap { column in
      column.median.map { "\($0) in \(column.name ?? "column \(column.position + 1)")" }
    }.joined(separator: ", ")
  }
}
