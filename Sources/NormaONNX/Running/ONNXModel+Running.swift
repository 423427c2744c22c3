import NormaTensor

extension ONNXModel {
  /// The most elements that a tensor may have that is computed, unless another number is given, 2²⁷: a few bytes can ask for
  /// any number.
  public static let maximumElementCount = 1 << 27

  /// The names of ONNX's operators that can be run, sorted.
  public static var supportedOperators: [String] { ONNXOperators.single.keys.sorted() }

  /// The names of the attributes that an operator takes, sorted; none for one that cannot be run.
  public static func attributes(ofOperator name: String) -> [String] {
    (ONNXOperators.single[name]?.attributes ?? []).sorted()
  }

  /// Why the model cannot be run, whatever goes into it; nil if nothing speaks against it.
  public var obstacle: ONNXError? {
    for value in inputs + outputs where value.elementType == nil {
      return .unsupported("'\(value.name)'", "it is of type \(value.kind)")
    }
    for node in graph.allNodes {
      guard let known = ONNXOperators.single[node.qualifiedOperation] else {
        return .unsupported(node.place, "the operator is not among those that are done")
      }
      if let other = node.attributes.keys.sorted().first(where: { !known.attributes.contains($0) }) {
        return .unsupported(node.place, "the attribute '\(other)'")
      }
    }
    return nil
  }

  /// Runs the model. What it has of numbers that are narrower than single precision is calculated with in that; `Cast` and the
  /// model's outputs round to them. What it has in double precision is calculated in double precision.
  ///
  /// - Parameters:
  ///   - inputs: a value for each of ``inputs``, in their order, narrow numbers as `float` or as what they are; images are
  ///     `[N, C, H, W]`, as in ONNX.
  ///   - maximumElementCount: the most elements that a tensor may have that is computed; all that are needed at a time may
  ///     have sixteen times as many, and what is computed in loops sixty-four times.
  /// - Returns: a value for each of ``outputs``, narrow numbers as `float`.
  /// - Throws: ``ONNXError`` if the inputs do not fit, the model breaks the rules of an operator, or asks for something that is
  ///   not done.
  public func callAsFunction(
    _ inputs: [ONNXTensor], maximumElementCount: Int = maximumElementCount
  ) throws(ONNXError) -> [ONNXTensor] {
    if let obstacle { throw obstacle }
    guard inputs.count == self.inputs.count else {
      throw .malformed(Self.place, "it takes \(self.inputs.count) inputs, not \(inputs.count)")
    }
    for (value, tensor) in zip(self.inputs, inputs) where !value.admits(tensor) {
      let lengths = value.lengths.map { "[\($0.map(\.description).joined(separator: ", "))]" } ?? "any shape"
      throw .malformed(
        "input '\(value.name)'", "it is \(value.kind) of \(lengths), not \(tensor.elementType) of \(tensor.shape)")
    }
    let runner = GraphRunner(version: operatorSet, maximumElementCount: maximumElementCount)
    let results = try runner.run(GraphRunner.Prepared(graph), inputs)
    return zip(outputs, results).map { output, value in
      guard let narrow = output.elementType?.narrowFloat else { return value.widened }
      switch value {
      case .floats(let tensor): return .floats(tensor.rounded(to: narrow))
      default: return value.widened
      }
    }
  }

  /// The model with some of its inputs as constants of its own, such as a flag or a threshold beside the batch: a network has one input.
  ///
  /// - Parameter values: by the names of inputs.
  /// - Throws: ``ONNXError`` for a name that no input has, and a value that does not fit.
  public func fixing(_ values: [String: ONNXTensor]) throws(ONNXError) -> ONNXModel {
    var fixed = graph
    for (name, value) in values.sorted(by: { $0.key < $1.key }) {
      guard let input = inputs.first(where: { $0.name == name }), input.admits(value) else {
        throw .malformed("input '\(name)'", "there is none, or it does not take \(value.elementType) of \(value.shape)")
      }
      fixed.initializers[name] = value
    }
    fixed.inputs.removeAll { values[$0.name] != nil }
    return ONNXModel(operatorSet: operatorSet, graph: fixed)
  }
}

extension ONNXTensor {
  /// The same, with narrow numbers in single precision.
  var widened: ONNXTensor {
    switch self {
    case .narrow(let tensor): .floats(tensor.values)
    case .sequence(let tensors): .sequence(tensors.map(\.widened))
    default: self
    }
  }
}
