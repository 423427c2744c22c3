import NormaTensor

extension OperatorCall {
  /// `NegativeLogLikelihoodLoss`: of the logarithms of probabilities `[N, C, …]` and a class for each place.
  func negativeLogLikelihood() throws(ONNXError) -> [ONNXTensor] { [.numbers(try logLikelihoodLoss(try floats(0)))] }

  /// `SoftmaxCrossEntropyLoss`, and the logarithms of the probabilities where they are asked for.
  func softmaxCrossEntropy() throws(ONNXError) -> [ONNXTensor] {
    let x = try floats(0)
    guard x.rank >= 2 else { throw malformed("scores of shape \(x.shape), which are not [N, C, …]") }
    var order = Array(0..<x.rank)
    order.swapAt(1, x.rank - 1)
    let logarithms = x.transposed(order).logSoftmax().transposed(order)
    return [.numbers(try logLikelihoodLoss(logarithms)), .numbers(logarithms)]
  }

  private func logLikelihoodLoss(_ logarithms: Tensor<Element>) throws(ONNXError) -> Tensor<Element> {
    guard case .integers(let labels) = try input(1), logarithms.rank >= 2,
      Array(labels.shape) == [logarithms.shape[0]] + Array(logarithms.shape.dropFirst(2))
    else { throw malformed("labels of shape \(try input(1).shape) for scores of shape \(logarithms.shape)") }
    let classes = logarithms.shape[1]
    let weights = try optionalFloats(2).map { tensor throws(ONNXError) -> [Element] in
      guard tensor.shape == [classes] else {
        throw malformed("weights of shape \(tensor.shape) for \(classes) classes")
      }
      return tensor.elements
    }
    let ignored = node.attributes["ignore_index"] == nil ? nil : try integer("ignore_index", or: 0)
    let inner = logarithms.shape.dropFirst(2).reduce(1, *)
    let values = logarithms.elements
    var losses: [Element] = []
    var weight = 0.0
    for (index, label) in labels.values.enumerated() {
      if let ignored, label == Int64(ignored) {
        losses.append(0)
        continue
      }
      guard label >= 0, label < Int64(classes) else { throw malformed("label \(label) of \(classes) classes") }
      let share = weights?[Int(label)] ?? 1
      let place = (index / max(1, inner) * classes + Int(label)) * inner + index % max(1, inner)
      losses.append(-values[place] * share)
      weight += Double(share)
    }
    switch try string("reduction", or: "mean") {
    case "none": return Tensor(losses, shape: labels.shape)
    case "sum": return .scalar(Element(losses.reduce(0) { $0 + Double($1) }))
    case "mean": return .scalar(Element(losses.reduce(0) { $0 + Double($1) } / weight))
    case let other: throw malformed("'reduction' is '\(other)'")
    }
  }
}
