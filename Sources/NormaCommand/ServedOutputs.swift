import ArgumentParser
import Norma
import NormaDiagnosis

/// Whether numbers that are none are to be gone on with.
struct UnusableNumberOptions: ParsableArguments {
  @Flag(
    name: .customLong("allow-nan"),
    help:
      "Go on with a model that holds numbers that are none, or variances below zero, and with answers that are no numbers."
  )
  var allowsUnusableNumbers = false
}

extension Layer<Float> {
  /// Where the network makes of the first example whose outputs are no numbers what is none; nil where all are.
  func place(ofUnusable outputs: Tensor<Float>, _ example: (Int) -> Tensor<Float>) -> UnusableResult? {
    guard let row = (0..<outputs.shape[0]).first(where: { !outputs[rows: $0..<$0 + 1].isFinite }) else { return nil }
    return (try? unusableResult(of: example(row))) ?? nil
  }
}

extension Sequential<Float> {
  /// The outputs for each example, as a service computes them: with batch normalization folded into the layers before it.
  ///
  /// Batch normalization that counts no batch cannot be folded: a network that was converted before its training answers as
  /// it is, with the statistics that it began with.
  func outputs(for features: Tensor<Float>) throws -> Tensor<Float> {
    guard features.shape[0] > 0, let serving = try? InferenceModel(self, sampleShape: Shape(features.shape.dropFirst()))
    else { return try predict(features) }
    return try serving.predict(features)
  }

  /// The outputs for each example of a data set, as it is for their features.
  func outputs(for dataset: Dataset<Float>) throws -> Tensor<Float> {
    guard dataset.count > 0, let serving = try? InferenceModel(self, sampleShape: dataset.exampleShape) else {
      return try predict(dataset)
    }
    return try serving.predict(dataset)
  }
}

extension Checkpoint {
  /// What the model predicts.
  ///
  /// - Parameters:
  ///   - outputs: the outputs, `[N, outputs]`.
  ///   - file: what errors call the model.
  ///   - place: where the network gave what is no number.
  ///   - name: what errors call an example.
  /// - Throws: `FormatError` that names the model and the first example where outputs are no numbers.
  func predictions(
    from outputs: Tensor<Float>, of file: String, place: UnusableResult?, naming name: (Int) -> String
  ) throws -> Predictions {
    do {
      return try predictions(from: outputs)
    } catch TrainingError.outputsNotFinite(let found) {
      let what =
        switch settings.outputs {
        case .classes(let names): "the score of class '\(names[found.output])'"
        case .values(let count): count == 1 ? "the value" : "value \(found.output + 1)"
        }
      throw FormatError(
        file: file,
        problem:
          "for \(found.exampleCount) of \(found.totalCount) example\(found.totalCount == 1 ? "" : "s") it gives what is no finite "
          + "number; first for \(name(found.firstExample)), \(what) is \(found.value)"
          + (place.map { ";\nthe first such number is in \($0)" } ?? ""),
        remedy:
          "`norma inspect` shows whether weights or running statistics hold such numbers; if they do not, the example's "
          + "are too large.")
    }
  }
}
