import ArgumentParser
import Norma
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
