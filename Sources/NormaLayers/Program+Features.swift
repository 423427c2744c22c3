import NormaGraph
import NormaTensor

extension Program {
  /// The names of the tensors that a matrix `[rows, columns]` is, or is computed from, whose last axis are its columns: those of its
  /// shape, and vectors that are made a column of a number for each, to be multiplied by it.
  fileprivate func tensors(ofColumnsOf matrix: Int) -> Set<String> {
    let shape = nodes[matrix].shape ?? []
    let column: Shape = [shape.channelCount, 1]
    var names: Set<String> = []
    var pending = [matrix]
    while let index = pending.popLast() {
      let node = nodes[index]
      if node.operation == nil && node.shape == shape { names.insert(node.name) }
      if node.shape == column, let vector = node.inputs.first, nodes[vector].operation == nil,
        nodes[vector].shape == [shape.channelCount]
      {
        names.insert(nodes[vector].name)
      }
      pending += node.inputs
    }
    return names
  }
}

extension Layer {
  /// The tensors of the model's state whose last axis runs over the values of a flattened image, with that image's shape
  /// `[height, width, channels]`.
  ///
  /// Here the channels of a flattened image are innermost. Where images have their channels first, as in PyTorch, they are
  /// outermost, and the same tensors have their columns in another order. Images of one channel or one position are left
  /// out, since their order is the same.
  ///
  /// - Throws: ``LayerError`` where such samples do not fit, or where a layer that mixes features follows the flattening.
  package func tensorsOverFlattenedImages(sampleShape: Shape) throws(LayerError) -> [String: Shape] {
    let program = try followed(from: Shape([1] + sampleShape), for: .shapes)
    var images = [Shape?](repeating: nil, count: program.nodes.count)
    var result: [String: Shape] = [:]
    for (index, node) in program.nodes.enumerated() {
      guard let operation = node.operation, let first = node.inputs.first else { continue }
      let input = program.nodes[first].shape ?? []
      if operation is FlattenOperation<Element>, input.rank == 4, input[3] > 1, input[1] * input[2] > 1 {
        images[index] = Shape(input.dropFirst())
        continue
      }
      guard let image = node.inputs.lazy.compactMap({ images[$0] }).first else { continue }
      let others = node.inputs.dropFirst()
      switch operation.featureOrder {
      case .kept where images[first] != nil && !others.contains(where: { images[$0] != nil }):
        images[index] = image
        for other in others where program.nodes[other].shape == [image.elementCount] {
          result[program.nodes[other].name] = image
        }
      case .consumed(let weight) where images[first] != nil:
        for name in program.tensors(ofColumnsOf: node.inputs[weight]) { result[name] = image }
      default:
        throw LayerError(
          layer: node.layer, expected: "no image to flatten, and none that is flattened", found: input)
      }
    }
    return result
  }

  /// The biases that layers of the model do without because the normalization that follows would subtract them again: the
  /// name that such a bias would have in files, and that of the running mean that it would be a part of; nil where that
  /// normalization keeps none.
  package func biasesThatNormalizationCancels(sampleShape: Shape) throws(LayerError) -> [String: String?] {
    let program = try followed(from: Shape([1] + sampleShape), for: .shapes)
    var result: [String: String?] = [:]
    for node in program.nodes {
      guard let input = node.inputs.first, let cancellation = node.operation?.offsetCancellation else { continue }
      let before = program.nodes[input]
      guard before.operation?.lacksBias == true, program.useCounts[input] == 1 else { continue }
      switch cancellation {
      case .byItself: result[before.path.appending("bias")] = .some(nil)
      case .byMean(let mean): result[before.path.appending("bias")] = .some(program.nodes[node.inputs[mean]].name)
      }
    }
    return result
  }

  /// Over how many positions of one sample each layer with running statistics gathers them, by its path: 1 for features, H·W
  /// for images.
  ///
  /// - Throws: ``LayerError`` where such samples do not fit.
  public func statisticsPositions(sampleShape: Shape) throws(LayerError) -> [String: Int] {
    // Of a single sample, a normalization may use running statistics in training too.
    try followed(from: Shape([2] + sampleShape), for: .exportedTraining).gatheredCounts.mapValues { $0 / 2 }
  }
}
