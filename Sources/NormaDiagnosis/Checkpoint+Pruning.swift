import NormaLayers
import NormaTensor
import NormaTraining

extension Checkpoint {
  /// The same model without the channels that a diagnosis found dead. What such a channel gives to all examples alike becomes part of the
  /// bias of the layer behind, or of the running mean of its normalization, so answers differ by rounding.
  ///
  /// - Parameter diagnosis: one of this model.
  /// - Returns: the model, and how many channels each normalization lost.
  /// - Throws: ``MendingError`` for a network whose widths cannot be chosen one by one, and for one with a layer that is dead as a whole.
  public func pruningDead(_ diagnosis: Diagnosis) throws -> (checkpoint: Checkpoint, removed: [String: Int]) {
    guard var recipe = settings.architecture.recipe as? any NarrowableRecipe,
      recipe.hiddenWidths == diagnosis.layers.map(\.channels.count)
    else {
      throw MendingError(
        problem: "the channels of \(settings.architecture.recipe) belong together, and cannot be taken out one by one")
    }
    var (state, removed): (ModelState<Float>, [String: Int]) = (self.state, [:])
    let model = try makeModel()
    let weighted = model.layersWithWeights
    for (index, layer) in diagnosis.layers.enumerated() {
      let kept = layer.channels.indices.filter { !layer.channels[$0].isDead }
      guard kept.count < layer.channels.count else { continue }
      guard !kept.isEmpty else {
        throw MendingError(problem: "all channels of \(layer.name) are dead; nothing would be left of it")
      }
      guard index + 1 < weighted.count else { continue }
      removed[layer.name] = layer.channels.count - kept.count
      recipe.hiddenWidths[index] = kept.count
      func keepRows(of name: String) {
        if let tensor = state.tensors[name] { state.tensors[name] = tensor.gathering(kept, axis: 0) }
      }
      for name in ["weight", "bias"] { keepRows(of: "\(weighted[index]).\(name)") }
      for name in ["weight", "bias", "running_mean", "running_var"] { keepRows(of: "\(layer.name).\(name)") }
      let next = weighted[index + 1]
      guard let weight = state.tensors["\(next).weight"] else { continue }
      let constants = layer.channels.map { $0.isDead ? Float($0.constantResult ?? 0) : 0 }
      let offsets = weight.offsets(ofColumns: constants)
      if let bias = state.tensors["\(next).bias"] {
        state.tensors["\(next).bias"] = bias + offsets
      } else if index + 1 < diagnosis.layers.count {
        // Without a bias a normalization follows, whose mean they were part of.
        let name = "\(diagnosis.layers[index + 1].name).running_mean"
        if let mean = state.tensors[name] { state.tensors[name] = mean - offsets }
      }
      let count = layer.channels.count
      let columns = (0..<weight.shape[1]).filter { !layer.channels[$0 % count].isDead }
      state.tensors["\(next).weight"] = weight.gathering(columns, axis: 1)
    }
    var result = self
    result.settings.architecture.recipe = recipe
    result.state = state
    _ = try result.makeModel()
    return (result, removed)
  }
}

extension Layer {
  /// The paths of the layers with weights of two axes or more, in their order.
  fileprivate var layersWithWeights: [String] {
    distinctLayers.filter { $0.layer.parameters.contains { $0.kind == .weight && $0.shape.rank > 1 } }.map(\.path)
  }
}

extension Tensor<Float> {
  /// What numbers that are the same for all examples add to the results of a weight `[outputs, inputs, …]`, `[outputs]`; where there are more
  /// columns than numbers, those of a flattened image, whose channels are innermost.
  fileprivate func offsets(ofColumns numbers: [Float]) -> Tensor {
    let (outputs, inputs) = (shape[0], shape[1])
    let inner = shape.dropFirst(2).reduce(1, *)
    let elements = self.elements
    let sums = (0..<outputs).map { output in
      (0..<inputs).reduce(0.0) { sum, input in
        let number = Double(numbers[input % numbers.count])
        guard number != 0 else { return sum }
        let start = (output * inputs + input) * inner
        return sum + number * elements[start..<start + inner].reduce(0) { $0 + Double($1) }
      }
    }
    return Tensor(sums.map { Float($0) })
  }
}
