import NormaTensor

extension Sequential {
  /// The tensors of the model's state whose last axis runs over the values of a flattened image, with that image's shape
  /// `[height, width, channels]`.
  ///
  /// Here the channels of a flattened image are innermost. Where images have their channels first, as in PyTorch, they are
  /// outermost, and the same tensors have their columns in another order. Images of one channel or one position are left
  /// out, since their order is the same.
  ///
  /// - Throws: ``LayerError`` where such samples do not fit, or where a layer that mixes features follows the flattening.
  package func tensorsOverFlattenedImages(sampleShape: Shape) throws(LayerError) -> [String: Shape] {
    var result: [String: Shape] = [:]
    for visit in try visits(sampleShape: sampleShape) {
      guard let image = visit.flattenedImage, image[2] > 1, image[0] * image[1] > 1 else { continue }
      if visit.layer is Linear<Element> {
        result[visit.name("weight")] = image
      } else {
        for name in visit.layer.state.tensors.keys { result[visit.name(name)] = image }
      }
    }
    return result
  }

  /// The biases that layers of the model do without because the normalization that follows would subtract them again: the
  /// name that such a bias would have in files, and that of the running mean that it would be a part of; nil where that
  /// normalization keeps none.
  package func biasesThatNormalizationCancels(sampleShape: Shape) throws(LayerError) -> [String: String?] {
    var result: [String: String?] = [:]
    for visit in try visits(sampleShape: sampleShape) {
      let hasNoBias =
        switch visit.layer {
        case let linear as Linear<Element>: linear.bias == nil
        case let convolution as Conv2d<Element>: convolution.bias == nil
        default: false
        }
      guard hasNoBias, let next = visit.next else { continue }
      switch next.layer {
      case let normalization as BatchNorm<Element>:
        result[visit.name("bias")] = .some(
          normalization.runningStatistics == nil ? nil : "\(next.path).running_mean")
      case is InstanceNorm<Element>: result[visit.name("bias")] = .some(nil)
      default: break
      }
    }
    return result
  }

  /// Over how many positions of one sample each layer with running statistics gathers them, by its path: 1 for features, H·W
  /// for images.
  ///
  /// - Throws: ``LayerError`` where such samples do not fit.
  public func statisticsPositions(sampleShape: Shape) throws(LayerError) -> [String: Int] {
    var result: [String: Int] = [:]
    for visit in try visits(sampleShape: sampleShape) where visit.layer is any StatisticsGathering<Element> {
      result[visit.path] = visit.input.rowCount
    }
    return result
  }
}
