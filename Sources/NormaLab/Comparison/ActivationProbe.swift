import Norma

/// Examples that are sent through a network to look at its activations.
struct ActivationProbe {
  private let examples: Tensor<Float>

  /// The first of the validation examples; of the training examples where there are too few to normalize a batch.
  init(_ data: DataSplits) {
    let examples = data.validation.count > 1 ? data.validation : data.training
    // All that a network makes of them is kept meanwhile, which is much with images.
    self.examples = examples.batch(0..<min(examples.shape.rank > 2 ? 128 : 500, examples.count)).features
  }

  /// What comes out of each nonlinearity, from input to output, with the batch normalized as in training. The running
  /// statistics are not touched: only `Pass.updateRunningStatistics()` does that.
  ///
  /// - Throws: what a layer throws for a batch it cannot take.
  func activations(of model: any Layer<Float>) throws -> [(layer: String, values: Tensor<Float>)] {
    let pass = Pass<Float>.training(random: RandomGenerator(seed: 0))
    var found: [(layer: String, values: Tensor<Float>)] = []
    pass.observer = { path, layer, output in
      guard layer is any Nonlinearity<Float> || (layer as? Residual<Float>)?.rectifies == true else { return }
      found.append((Int(path) == nil ? path : "hidden \(found.count + 1)", output))
    }
    _ = try model(Variable(examples), in: pass)
    return found
  }
}
