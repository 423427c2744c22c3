import NormaGraph
import NormaTensor
import Normalization

/// A trained model made ready to serve: batch normalization is folded into the linear layers before it, ReLU is done
/// with what comes before it, and nothing is recorded.
///
/// ```swift
/// let serving = try InferenceModel(model)
/// let scores = try serving(batch)
/// ```
///
/// It holds the weights as they were when it was made, and may be called from several threads at once. Its outputs
/// differ from the model's by rounding.
public struct InferenceModel<Element: TensorElement>: Sendable {
  /// What is done, in order.
  public let steps: [InferenceStep<Element>]

  /// Makes a model ready.
  ///
  /// - Throws: ``InferenceModelError`` for a batch normalization that has seen no batch, and for a layer that does not
  ///   implement ``Layer/inferenceSteps()``.
  public init(_ model: any Layer<Element>) throws(InferenceModelError) {
    steps = try model.inferenceSteps().reduce(into: []) { steps, step in
      if let fused = steps.last.flatMap({ InferenceModel.fuse($0, step) }) {
        steps[steps.count - 1] = fused
      } else {
        steps.append(step)
      }
    }
  }

  /// One step that does what two did one after the other, if there is one.
  private static func fuse(
    _ first: InferenceStep<Element>, _ second: InferenceStep<Element>
  ) -> InferenceStep<Element>? {
    switch (first, second) {
    case (.linear(let weight, let bias, false), .batchNormalization(let normalization, let rectifies)):
      let (weight, bias) = normalization.folded(intoWeight: weight, bias: bias)
      return .linear(weight: weight, bias: bias, rectifies: rectifies)
    case (.linear(let weight, let bias, false), .function(.leakyReLU(slope: 0))):
      return .linear(weight: weight, bias: bias, rectifies: true)
    case (.batchNormalization(let normalization, false), .function(.leakyReLU(slope: 0))):
      return .batchNormalization(normalization, rectifies: true)
    case (.groupNormalization(let groups, let gamma, let beta, let epsilon, false), .function(.leakyReLU(slope: 0))):
      return .groupNormalization(groups: groups, gamma: gamma, beta: beta, epsilon: epsilon, rectifies: true)
    default: return nil
    }
  }

  /// The outputs for a batch.
  ///
  /// - Throws: `LayerError` for a batch whose samples do not fit the model.
  @specialized(where Element == Float)
  public func callAsFunction(_ x: Tensor<Element>) throws(LayerError) -> Tensor<Element> {
    var x = x
    for step in steps { x = try step.apply(to: x) }
    return x
  }
}

extension InferenceStep {
  @specialized(where Element == Float)
  fileprivate func apply(to x: Tensor<Element>) throws(LayerError) -> Tensor<Element> {
    switch self {
    case .linear(let weight, let bias, let rectifies):
      let inputs = weight.shape[1]
      guard x.rank >= 2, x.shape.channelCount == inputs else {
        throw LayerError(
          layer: "Linear(\(inputs) → \(weight.shape[0]))", expected: "[batch, …, \(inputs)]", found: x.shape)
      }
      var y = x.reshaped(to: [x.shape.rowCount, inputs]).matrixProduct(weight, transposingOther: true)
      y.addToRows(bias, rectifies: rectifies)
      return y.reshaped(to: x.shape.replacingLast(with: weight.shape[0]))
    case .batchNormalization(let normalization, let rectifies):
      guard x.rank >= 2, x.shape.channelCount == normalization.mean.count else {
        let channels = normalization.mean.count
        throw LayerError(layer: "BatchNorm(\(channels))", expected: "[batch, …, \(channels)]", found: x.shape)
      }
      return BatchNormalization.inference(
        x, mean: normalization.mean, variance: normalization.variance, gamma: normalization.gamma,
        beta: normalization.beta, epsilon: normalization.epsilon, rectifies: rectifies)
    case .layerNormalization(let gamma, let beta, let epsilon):
      if let channels = gamma?.count, x.rank < 1 || x.shape.channelCount != channels {
        throw LayerError(layer: "LayerNorm(\(channels))", expected: "[…, \(channels)]", found: x.shape)
      }
      return LayerNormalization.forward(x, gamma: gamma, beta: beta, epsilon: epsilon).output
    case .groupNormalization(let groups, let gamma, let beta, let epsilon, let rectifies):
      let channels = gamma?.count ?? x.shape.channelCount
      guard x.rank >= 2, x.shape.channelCount == channels, channels % groups == 0 else {
        throw LayerError(
          layer: "GroupNorm(\(channels), \(groups) groups)", expected: "[batch, …, \(channels)]", found: x.shape)
      }
      return GroupNormalization.forward(
        x, groups: groups, gamma: gamma, beta: beta, epsilon: epsilon, rectifies: rectifies
      ).output
    case .function(let function): return x.applying(function)
    case .flatten:
      guard x.rank >= 1 else { throw LayerError(layer: "Flatten", expected: "[batch, …]", found: x.shape) }
      return x.flattened()
    }
  }
}

extension FrozenBatchNormalization {
  /// The linear map that does both: with `a = gamma / √(variance + epsilon)` for each output, its row of the weight times
  /// `a`, and `(bias − mean) · a + beta`; computed in double precision.
  func folded(
    intoWeight weight: Tensor<Element>, bias: Tensor<Element>?
  ) -> (weight: Tensor<Element>, bias: Tensor<Element>) {
    let (outputs, inputs) = (weight.shape[0], weight.shape[1])
    require(mean.count == outputs, "a normalization of \(mean.count) channels after \(outputs) outputs")
    let gamma = gamma ?? .ones([outputs])
    let bias = bias ?? .zeros([outputs])
    let beta = beta ?? .zeros([outputs])
    let factors = (0..<outputs).map { Double(gamma[$0]) / (Double(variance[$0]) + epsilon).squareRoot() }
    let foldedWeight = Tensor<Element>(shape: weight.shape) { result in
      weight.withUnsafeElements { weight in
        for index in 0..<outputs * inputs {
          result.initializeElement(at: index, to: Element(Double(weight[index]) * factors[index / inputs]))
        }
      }
    }
    let foldedBias = (0..<outputs).map {
      Element((Double(bias[$0]) - Double(mean[$0])) * factors[$0] + Double(beta[$0]))
    }
    return (foldedWeight, Tensor(foldedBias))
  }
}
