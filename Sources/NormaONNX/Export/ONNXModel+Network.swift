import NormaLayers
import NormaTensor

extension ONNXModel {
  /// Which of a network's two ways of working a model has.
  public enum Form: String, Sendable, CaseIterable {
    /// Normalization by running statistics, no dropout.
    case inference
    /// Normalization by the batch's statistics, the running statistics moved towards them among the outputs, and dropout.
    case training
  }

  /// A network as a model, in version 17 of ONNX's operators, 18 where it resizes images, or 21 where it normalizes groups
  /// or spreads an average.
  ///
  /// The input is called `input` and the output `output`; the first axis of both is the batch, of any length. What an embedding
  /// takes are whole numbers, `int64`. Images are
  /// `[N, C, H, W]` outside, as in ONNX, and inside too but where a layer needs channels last. The model's tensors have the
  /// names of the network's parameters, and nodes those of its layers.
  ///
  /// In training form each batch normalization with running statistics has two more outputs, its path with
  /// `.running_mean.next` and `.running_var.next`. ONNX moves the running variance towards the biased variance of the batch:
  /// for a network that takes the unbiased one, as PyTorch does, the new variance is too small by the batch's share of
  /// 1/(values per channel).
  ///
  /// - Parameters:
  ///   - network: the network; operations that are not Norma's conform to ``ONNXExportable``.
  ///   - sampleShape: the shape of one sample, channels last: `[H, W, C]`.
  ///   - form: which way of working it has.
  ///   - standardization: what is subtracted from each sample and what it is divided by then, of shapes that broadcast to the
  ///     sample's; nil to take samples that are standardized already.
  ///   - targetStandardization: what each output is multiplied by, the scale, and what is added then, the mean, of shape
  ///     `[outputs]`; nil to give outputs as the network does.
  /// - Throws: ``ONNXError`` for an operation without a form in ONNX, a batch normalization that has gathered no statistics for
  ///   inference, and samples that do not fit.
  public init(
    _ network: any Layer<Float>, sampleShape: Shape, form: Form = .inference,
    standardization: (mean: Tensor<Float>, scale: Tensor<Float>)? = nil,
    targetStandardization: (mean: Tensor<Float>, scale: Tensor<Float>)? = nil
  ) throws(ONNXError) {
    guard sampleShape.rank + 1 < Shape.maximumRank, sampleShape.rank > 0 else {
      throw .unsupported("the network", "samples of shape \(sampleShape)")
    }
    var exporter = ONNXExporter(form: form)
    let input = ONNXExporter.Value(
      name: ONNXExporter.inputName, shape: Shape([1] + sampleShape), isChannelsFirst: sampleShape.rank > 1)
    let start = try standardization.map { parts throws(ONNXError) in
      try exporter.standardize(input, mean: parts.mean, scale: parts.scale)
    }
    var output = exporter.channelsFirst(try exporter.apply(network, to: start ?? input))
    if let target = targetStandardization {
      output = try exporter.undoStandardization(of: output, mean: target.mean, scale: target.scale)
    }
    exporter.finish(&output, as: "output")
    try exporter.checkIndices()
    self.init(
      operatorSet: exporter.operatorSet,
      graph: ONNXGraph(
        inputs: [input.declaration(exporter.takesIndices ? .int64 : .float)],
        outputs: [output.declaration()] + exporter.statistics, nodes: exporter.nodes,
        initializers: exporter.initializers))
  }
}
