import NormaGraph
import NormaLayers
import NormaTensor

/// One node of a model on its way to operations.
struct NodeCall {
  /// What becomes of a node; nil where there is no operation for what it asks.
  typealias Translate = @Sendable (NodeCall) throws(ONNXError) -> [Translation.Value]?

  let node: ONNXNode
  /// nil for those left out.
  let inputs: [Translation.Value?]
  let translation: Translation

  var version: Int { node.version ?? translation.model.operatorSet }
  /// The node's attributes, and its inputs as far as they are known, for the first size of the batch.
  var first: OperatorCall<Float> { call(0) }

  /// The node with its inputs as far as they are known, for a size of the batch.
  func call(_ lane: Int) -> OperatorCall<Float> {
    OperatorCall(
      node: node, inputs: known(lane), version: version, maximumElementCount: translation.maximumElementCount)
  }

  private func known(_ lane: Int) -> [ONNXTensor?] {
    inputs.map { if case .known(let tensors)? = $0 { tensors[lane] } else { nil } }
  }

  func malformed(_ problem: String) -> ONNXError { .malformed(node.place, problem) }
  func unsupported(_ problem: String) -> ONNXError { .unsupported(node.place, problem) }
}

// Inputs.
extension NodeCall {
  /// Whether all is known.
  var isKnown: Bool { inputs.allSatisfy { if case .computed? = $0 { false } else { true } } }

  /// Whether an input is there.
  func has(_ index: Int) -> Bool { index < inputs.count && inputs[index] != nil }

  /// Whether an input is known.
  func isKnown(_ index: Int) -> Bool {
    guard index < inputs.count, case .known? = inputs[index] else { return false }
    return true
  }

  /// The results of a node whose inputs are all known.
  func evaluated() throws(ONNXError) -> [Translation.Value] {
    var results: [[ONNXTensor]] = []
    for lane in translation.batchSizes.indices {
      results.append(
        try GraphRunner.run(
          node, known(lane), version: version, maximumElementCount: translation.maximumElementCount,
          runner: node.branches.isEmpty ? nil : translation.runner(lane)))
    }
    return results[0].indices.map { index in .known(results.map { $0[index] }) }
  }

  /// An input that is known, and the same whatever the size of the batch.
  func constant(_ index: Int) throws(ONNXError) -> ONNXTensor {
    guard index < inputs.count, case .known(let tensors)? = inputs[index] else {
      throw unsupported("input \(index + 1) depends on the numbers that go in")
    }
    guard tensors.dropFirst().allSatisfy({ $0.isIdentical(to: tensors[0]) }) else {
      throw unsupported("input \(index + 1) depends on the size of the batch")
    }
    return tensors[0]
  }

  /// Numbers that are known; nil where they are none.
  func constantFloats(_ index: Int) throws(ONNXError) -> Tensor<Float> {
    guard let tensor = try constant(index).singles else {
      throw unsupported("input \(index + 1) has elements of type \(try constant(index).elementType)")
    }
    return tensor
  }

  /// The one number that an input is, where it is known and one; nil otherwise.
  func number(_ index: Int) -> Float? {
    guard isKnown(index), let tensor = try? constant(index), tensor.shape.elementCount == 1 else { return nil }
    return tensor.singles?.elements[0]
  }

  /// An input as a value that operations take; what is known becomes a parameter of a kind, or a constant where there is none.
  func computed(_ index: Int, _ kind: ParameterKind? = .weight) throws(ONNXError) -> Translation.Computed {
    guard index < inputs.count, let input = inputs[index] else { throw malformed("input \(index + 1) is missing") }
    switch input {
    case .computed(let value): return value
    case .known(let tensors):
      let name = node.inputs[index]
      if translation.model.initializers[name] != nil, let tensor = tensors[0].singles {
        return translation.leaf(tensor, named: name, kind: kind)
      }
      guard tensors.allSatisfy({ $0.shape == tensors[0].shape }) else {
        return try translation.repeatedByBatch(tensors)
      }
      guard let tensor = try constant(index).singles else {
        throw unsupported("elements of type \(try constant(index).elementType)")
      }
      return translation.leaf(tensor, named: nil, kind: nil)
    }
  }

  /// The same of an input of numbers, whose axes are stored as the model sees them.
  func plain(_ index: Int, _ kind: ParameterKind? = .weight) throws(ONNXError) -> Translation.Computed {
    try translation.plain(try computed(index, kind))
  }

  /// Numbers, with channels last: `[N, …, C]` of `[N, C, …]`.
  func channelsLast(_ index: Int) throws(ONNXError) -> Translation.Computed {
    let value = try computed(index)
    return try translation.align(value, to: Self.channelsLast(rank: value.order.count))
  }

  /// The order of axes that has the channels, which the model has second, last.
  static func channelsLast(rank: Int) -> [Int] { rank < 3 ? Array(0..<rank) : [0] + Array(2..<rank) + [1] }

  /// The shape of a value for the first size of the batch.
  func shape(_ value: Translation.Computed) -> Shape { translation.shapes(value)[0] }

  /// Whether a value is of numbers in single precision.
  func isOfFloats(_ value: Translation.Computed) -> Bool { value.type == .float }

  /// A node that gives an input, of a certain kind, if nothing else does.
  func producer(_ index: Int, _ operation: String) -> ONNXNode? {
    guard index < node.inputs.count, let producer = translation.producers[node.inputs[index]],
      producer.operation == operation, producer.domain.isEmpty
    else { return nil }
    return producer
  }
}

// Results.
extension NodeCall {
  /// An operation on values as they are stored.
  func emit(
    _ inputs: Translation.Computed..., order: [Int]? = nil,
    body: @escaping @Sendable ([Variable<Float>]) throws -> Variable<Float>
  ) throws(ONNXError) -> Translation.Computed {
    try translation.emit(inputs, order: order, body)
  }

  /// A function of each number of the first input.
  func elementwise(
    _ body: @escaping @Sendable (Variable<Float>) -> Variable<Float>
  ) throws(ONNXError) -> [Translation.Value]? {
    let x = try computed(0)
    guard isOfFloats(x) else { return nil }
    return [.computed(try emit(x) { body($0[0]) })]
  }

  /// The node as it is, by ONNX's own rules on tensors; of its gradient nothing is known.
  func interpreted() throws(ONNXError) -> [Translation.Value] {
    if let index = Self.shapeInputs[node.operation]?.first(where: { has($0) && !isKnown($0) }) {
      throw unsupported("the shape of its result depends on the numbers of input \(index + 1)")
    }
    if Self.shapedByNumbers.contains(node.operation) {
      throw unsupported("the shape of its result depends on the numbers that go in")
    }
    var places: [Translation.Computed] = []
    var sources: [InterpretedOperation.Source] = []
    for index in inputs.indices {
      switch inputs[index] {
      case nil: sources.append(.absent)
      case .known: sources.append(.constant(try constant(index)))
      case .computed(let value):
        sources.append(.input(places.count, value.type))
        places.append(try translation.plain(value))
      }
    }
    translation.noteInterpreted(node)
    let (node, version, inputs, most) = (node, version, sources, translation.maximumElementCount)
    var results: [Translation.Value] = []
    for output in node.outputs.indices {
      let operation = InterpretedOperation(
        node: node, version: version, maximumElementCount: most, sources: inputs, output: output)
      let shapes = translation.shapes(places[0])
      guard !shapes.isEmpty else { break }
      let example = translation.rounded(
        try operation.run(places.map { .zeros(translation.storedShapes($0)[0]) }))
      guard example.isTensor, example.elementType.computed == .float || example.elementType.isWhole else {
        throw unsupported("a result of type \(example.elementType) in a network, which computes in single precision")
      }
      let result = try translation.emit(
        places, order: Array(0..<example.shape.rank), type: example.elementType.computed
      ) { try $0[0].applying(operation, others: Array($0.dropFirst())) }
      results.append(.computed(result))
    }
    return results
  }

  /// Operators whose results have a shape that depends on all numbers that go in.
  private static let shapedByNumbers: Set<String> = ["Compress", "NonMaxSuppression", "NonZero", "Unique"]
  /// The inputs that the shape of a result, or its sources, depend on by their numbers.
  private static let shapeInputs: [String: [Int]] = [
    "CenterCropPad": [1], "ConstantOfShape": [0], "Expand": [1], "OneHot": [1], "Pad": [1, 3], "Range": [0, 1, 2],
    "ReduceL1": [1], "ReduceL2": [1], "ReduceLogSum": [1], "ReduceLogSumExp": [1], "ReduceMax": [1], "ReduceMean": [1],
    "ReduceMin": [1], "ReduceProd": [1], "ReduceSum": [1], "ReduceSumSquare": [1], "Reshape": [1], "Resize": [1, 2, 3],
    "Slice": [1, 2, 3, 4], "Split": [1], "Squeeze": [1], "Tile": [1], "TopK": [1], "Unsqueeze": [1], "Upsample": [1],
  ]
}

extension Variable<Float> {
  fileprivate func applying(_ operation: InterpretedOperation, others: [Variable]) throws -> Variable {
    try Graph.apply(operation, to: [self] + others).output
  }
}

extension ONNXTensor {
  /// Whether another tensor has the same elements to the bit, numbers that are none included.
  func isIdentical(to other: ONNXTensor) -> Bool {
    guard let numbers = singles, let others = other.singles, elementType == other.elementType else {
      return self == other
    }
    return numbers.shape == others.shape
      && zip(numbers.elements, others.elements).allSatisfy { $0.bitPattern == $1.bitPattern }
  }
}
