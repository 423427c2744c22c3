import NormaTensor

extension ONNXModel {
  /// The most elements that a tensor may have that is computed, unless another number is given, 2²⁷: a few bytes can ask for
  /// any number.
  public static let maximumElementCount = 1 << 27

  /// The names of ONNX's operators that can be run, sorted.
  public static var supportedOperators: [String] { ONNXOperator.all.keys.sorted() }

  /// Why the model cannot be run, whatever goes into it; nil if nothing speaks against it.
  public var obstacle: ONNXError? {
    for value in inputs + outputs where value.elementType == nil {
      return .unsupported("'\(value.name)'", "it is of type \(value.kind)")
    }
    for node in nodes {
      guard node.domain.isEmpty, let known = ONNXOperator.all[node.operation] else {
        return .unsupported(node.place, "the operator is not among those that are done")
      }
      if let other = node.attributes.keys.sorted().first(where: { !known.attributes.contains($0) }) {
        return .unsupported(node.place, "the attribute '\(other)'")
      }
    }
    return nil
  }

  /// Runs the model. What it has of numbers of half width is calculated with in single precision; `Cast` and the model's
  /// outputs round to them.
  ///
  /// - Parameters:
  ///   - inputs: a tensor for each of ``inputs``, in their order, numbers of half width as `float`; images are `[N, C, H, W]`, as in ONNX.
  ///   - maximumElementCount: the most elements that a tensor may have that is computed; all that are needed at a time may
  ///     have sixteen times as many.
  /// - Returns: a tensor for each of ``outputs``.
  /// - Throws: ``ONNXError`` if the inputs do not fit, the model breaks the rules of an operator, or asks for something that is
  ///   not done.
  public func callAsFunction(
    _ inputs: [ONNXTensor], maximumElementCount: Int = maximumElementCount
  ) throws(ONNXError) -> [ONNXTensor] {
    if let obstacle { throw obstacle }
    var values = initializers
    guard inputs.count == self.inputs.count else {
      throw .malformed(Self.place, "it takes \(self.inputs.count) inputs, not \(inputs.count)")
    }
    for (value, tensor) in zip(self.inputs, inputs) {
      guard value.elementType?.computed == tensor.elementType, value.admits(tensor.shape) else {
        let lengths = value.lengths.map { "[\($0.map(\.description).joined(separator: ", "))]" } ?? "any shape"
        throw .malformed(
          "input '\(value.name)'", "it is \(value.kind) of \(lengths), not \(tensor.elementType) of \(tensor.shape)")
      }
      values[value.name] = tensor
    }
    // What nothing needs any more is let go of, so that its memory serves again.
    var lastUse: [String: Int] = [:]
    for (index, node) in nodes.enumerated() {
      for input in node.inputs where !input.isEmpty { lastUse[input] = index }
    }
    for output in outputs { lastUse[output.name] = nodes.count }
    var kept = inputs.reduce(0) { $0 + $1.shape.elementCount }
    for (index, node) in nodes.enumerated() {
      let results = try run(node, values, maximumElementCount)
      for (name, result) in zip(node.outputs, results) where lastUse[name] != nil {
        values[name] = result
        kept += result.shape.elementCount
      }
      guard (kept + 15) / 16 <= maximumElementCount else {
        throw .unsupported(node.place, "with its results there are \(kept) elements that later nodes need")
      }
      for input in node.inputs where lastUse[input] == index {
        let freed = values.removeValue(forKey: input)
        if initializers[input] == nil { kept -= freed?.shape.elementCount ?? 0 }
      }
    }
    var results: [ONNXTensor] = []
    for output in outputs {
      guard let value = values[output.name] else { throw .malformed(Self.place, "nothing gives '\(output.name)'") }
      guard let precision = output.elementType?.halfPrecision, case .floats(let tensor) = value else {
        results.append(value)
        continue
      }
      results.append(.floats(tensor.rounded(to: precision).widened()))
    }
    return results
  }

  private func run(
    _ node: ONNXNode, _ values: [String: ONNXTensor], _ maximumElementCount: Int
  ) throws(ONNXError) -> [ONNXTensor] {
    guard let known = ONNXOperator.all[node.operation] else {
      throw .unsupported(node.place, "the operator is not among those that are done")
    }
    let call = OperatorCall(
      node: node, inputs: node.inputs.map { values[$0] }, version: operatorSet,
      maximumElementCount: maximumElementCount)
    let results = try known.body(call)
    guard results.count >= node.outputs.count else {
      throw .unsupported(node.place, "it has \(node.outputs.count) outputs; \(results.count) are given")
    }
    return results
  }

  /// The model whose inputs but the first are constants of its own.
  func fixing(_ values: [ONNXTensor]) -> ONNXModel {
    var constants = initializers
    for (input, value) in zip(inputs.dropFirst(), values) { constants[input.name] = value }
    return ONNXModel(
      operatorSet: operatorSet, inputs: Array(inputs.prefix(1)), outputs: outputs, nodes: nodes, initializers: constants
    )
  }
}
