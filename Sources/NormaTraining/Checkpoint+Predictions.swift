import NormaTensor

/// What a model predicts of examples.
public enum Predictions: Sendable {
  /// A score for each class, `[N, classes]`, and its probability; no probabilities where the model learned by a loss whose
  /// scores stand for none.
  case classes(names: [String], scores: Tensor<Float>, probabilities: Tensor<Double>?)
  /// Numbers in the units of the data, `[N, K]`.
  case values(Tensor<Double>)
}

extension Checkpoint {
  /// Whether softmax makes probabilities of the model's scores.
  public var givesProbabilities: Bool { settings.training.loss.givesProbabilities }

  /// What the model's outputs `[N, outputs]` say, in the data's own terms. All that is predicted goes through here.
  ///
  /// - Parameters:
  ///   - outputs: the outputs.
  ///   - allowsUnusableNumbers: whether an output that is no number is given out as it is.
  /// - Throws: ``TrainingError/outputsNotFinite(_:)``: an output that is no number is no prediction.
  public func predictions(
    from outputs: Tensor<Float>, allowsUnusableNumbers: Bool = false
  ) throws -> Predictions {
    if !allowsUnusableNumbers { try outputs.checkFinite() }
    switch settings.outputs {
    case .values:
      do { return .values(try preparation.originalUnits(outputs)) } catch {
        throw TrainingError.targetsDoNotFit(error.description)
      }
    case .classes(let names):
      return .classes(
        names: names, scores: outputs,
        probabilities: givesProbabilities ? outputs.converted(to: Double.self).softmax() : nil)
    }
  }
}

extension Tensor {
  /// Makes sure that a model's outputs `[N, outputs]` are numbers.
  func checkFinite() throws {
    guard !isFinite else { return }
    let (rows, columns) = (shape[0], shape.channelCount)
    var found: TrainingError.NotFiniteOutputs?
    withUnsafeElements { elements in
      for row in 0..<rows {
        let outputs = elements[row * columns..<(row + 1) * columns]
        guard let column = outputs.firstIndex(where: { !$0.isFinite }) else { continue }
        found =
          found
          ?? .init(
            firstExample: row, output: column - row * columns, value: "\(outputs[column])", exampleCount: 0,
            totalCount: rows)
        found?.exampleCount += 1
      }
    }
    if let found { throw TrainingError.outputsNotFinite(found) }
  }
}
