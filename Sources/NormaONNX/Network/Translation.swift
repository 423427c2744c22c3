import NormaGraph
import NormaLayers
import NormaTensor

/// A model's nodes on their way to operations on variables.
///
/// Each value is followed for batches of two sizes at once: lengths and numbers that differ between them are those that go with the
/// batch, so that what is made of them holds for batches of any size. A model of a fixed batch is followed for that alone.
final class Translation {
  /// What a value starts from: by its place.
  struct Leaf {
    enum Source {
      case parameter(Parameter<Float>)
      case constant(Tensor<Float>)
    }
    let place: Int
    let name: String
    let source: Source
  }

  /// What is done to values.
  enum Function {
    case variables(@Sendable ([Variable<Float>]) throws -> Variable<Float>)
    case layer(String, any Layer<Float>)
  }

  /// One operation.
  struct Step {
    let function: Function
    let inputs: [Int]
    let result: Int
    /// The inputs that nothing later needs.
    var lastUses: [Int] = []
  }

  /// Something that is computed from the batch, or from parameters.
  struct Computed: Hashable {
    /// Where it stands.
    var place: Int
    /// The model's axis that each axis is which it is stored by: `[0, 2, 3, 1]` for images with their channels last.
    var order: [Int]
    /// What the model takes its elements for.
    var type: ONNXElementType
  }

  /// A value of the model.
  enum Value {
    /// Numbers that are known, for each size of the batch.
    case known([ONNXTensor])
    case computed(Computed)
  }

  let model: ONNXModel
  /// The most elements that a tensor may have that is computed.
  let maximumElementCount: Int
  private let wantedOutput: String
  let sampleShape: Shape
  let batchSize: Int?
  let turnsImages: Bool
  /// The sizes of batches that are followed.
  let batchSizes: [Int]
  private(set) var interpreted: [String: String] = [:]
  /// Whether there are numbers in double precision among those that the batch meets, which are rounded to single precision.
  private(set) var roundsDoubles = false

  private let graphs: [Graph<Float>]
  /// The values by their places, for each size of the batch.
  private var variables: [[Variable<Float>]] = []
  private var values: [String: Value] = [:]
  private var leaves: [Leaf] = []
  private var steps: [Step] = []
  private var namedLeaves: [String: Int] = [:]
  private var aligned: [Alignment: Computed] = [:]

  /// A value, and the axes that it is wanted to be stored by.
  private struct Alignment: Hashable {
    let value: Computed
    let order: [Int]
  }

  /// The names of values that a node needs, or whoever wants an output.
  private let usedNames: Set<String>
  /// The nodes by what they give.
  private(set) var producers: [String: ONNXNode]
  /// What errors are about.
  private(set) var place = ONNXModel.place

  init(_ model: ONNXModel, sampleShape: Shape?, output: String?, maximumElementCount: Int) throws(ONNXError) {
    self.maximumElementCount = maximumElementCount
    wantedOutput = output ?? model.outputs.first?.name ?? ""
    if let obstacle = model.obstacle { throw obstacle }
    self.model = model
    guard model.inputs.count == 1 else {
      let names = model.inputs.map { "'\($0.name)'" }.joined(separator: ", ")
      throw .unsupported(
        ONNXModel.place, "it has \(model.inputs.count) inputs (\(names)), and a network has one, the batch")
    }
    let input = model.inputs[0]
    guard input.form == .tensor, let type = input.elementType, type != .string else {
      throw .unsupported(
        "input '\(input.name)'", "it is \(input.kind), and a network takes tensors of numbers")
    }
    // A batch with its channels last already is turned before it is used.
    let uses = model.nodes.filter { $0.inputs.contains(input.name) }
    let isTurned = !uses.isEmpty && uses.allSatisfy { $0.operation == "Transpose" && $0.perm == [0, 3, 1, 2] }
    let rank = input.lengths?.count ?? sampleShape.map { $0.rank + 1 }
    let order = rank == 4 && !isTurned ? [0, 2, 3, 1] : Array(0..<(rank ?? 0))
    turnsImages = order != Array(order.indices)
    let (batch, sample) = try Self.lengths(of: input, sampleShape, order)
    self.sampleShape = sample
    batchSize = batch
    batchSizes = batch.map { [$0] } ?? [2, 3]
    graphs = batchSizes.map { _ in Graph(followingOperations: ()) }
    var producers: [String: ONNXNode] = [:]
    for node in model.nodes { for output in node.outputs { producers[output] = node } }
    self.producers = producers
    let nodes = model.graph.allNodes
    usedNames = Set(nodes.flatMap(\.inputs) + nodes.flatMap { $0.branches.flatMap(\.outputs) }.map(\.name))
      .union([wantedOutput])
    variables = [
      zip(graphs, batchSizes).map { graph, count in
        graph.followedLeaf(.input, shape: Shape([count] + sample), name: input.name)
      }
    ]
    for (name, tensor) in model.initializers { values[name] = .known(batchSizes.map { _ in tensor }) }
    // Doubles are computed with in single precision.
    roundsDoubles = type == .double
    values[input.name] = .computed(Computed(place: 0, order: order, type: type.isWhole ? type : .float))
  }

  /// The size of the batch, if it is fixed, and the shape of a sample as it is stored.
  private static func lengths(
    of input: ONNXValue, _ sampleShape: Shape?, _ order: [Int]
  ) throws(ONNXError) -> (batch: Int?, sample: Shape) {
    let place = "input '\(input.name)'"
    guard let lengths = input.lengths else {
      guard let sampleShape else { throw .unsupported(place, "its shape is not known; give the shape of a sample") }
      return (nil, sampleShape)
    }
    guard let first = lengths.first else { throw .unsupported(place, "it is a single number, and no batch") }
    let stored = order.dropFirst().map { lengths[$0] }
    let known = stored.compactMap { if case .fixed(let length) = $0 { length } else { nil } }
    var batch: Int?
    if case .fixed(let length) = first { batch = length }
    guard known.count == stored.count || sampleShape != nil else {
      let text = stored.map(\.description).joined(separator: ", ")
      throw .unsupported(place, "a sample is of [\(text)], whose lengths are not all known; give the shape of a sample")
    }
    if let sampleShape {
      guard
        sampleShape.rank == stored.count,
        zip(stored, sampleShape).allSatisfy({ if case .fixed(let length) = $0 { length == $1 } else { true } })
      else {
        let text = stored.map(\.description).joined(separator: ", ")
        throw .malformed(place, "a sample is of [\(text)], and not of \(sampleShape)")
      }
      return (batch, sampleShape)
    }
    return (batch, Shape(known))
  }

  /// What runs the branches of a node, for a size of the batch: with the values around them that are known.
  func runner(_ lane: Int) -> GraphRunner {
    let known = values.compactMapValues { value -> ONNXTensor? in
      if case .known(let tensors) = value { tensors[lane] } else { nil }
    }
    return GraphRunner(
      version: model.operatorSet, maximumElementCount: maximumElementCount, outer: known, depth: 1)
  }

  /// Translates a node.
  func add(_ node: ONNXNode) throws(ONNXError) {
    place = node.place
    if !node.branches.isEmpty, node.needs.contains(where: { value(named: $0) != nil }) {
      return try addBranch(of: node)
    }
    let inputs = node.inputs.map { $0.isEmpty ? nil : values[$0] }
    var call = NodeCall(node: node, inputs: inputs, translation: self)
    if !call.isKnown { call = NodeCall(node: node, inputs: inputs.map(rounded), translation: self) }
    let results: [Value]
    if call.isKnown {
      results = try call.evaluated()
    } else if let translate = NodeCall.translations[node.operation], let found = try translate(call) {
      results = found
    } else {
      results = try call.interpreted()
    }
    guard results.count >= node.outputs.count else {
      throw .unsupported(node.place, "it has \(node.outputs.count) outputs; \(results.count) are given")
    }
    for (name, result) in zip(node.outputs, results) where !name.isEmpty { values[name] = result }
  }

  /// Translates the branch of an `If` whose condition is known; what else has branches runs only where all that it needs is known.
  private func addBranch(of node: ONNXNode) throws(ONNXError) {
    guard node.operation == "If", let condition = node.inputs.first, case .known(let tensors)? = values[condition]
    else {
      throw .unsupported(node.place, "what its branches do depends on the numbers that go in")
    }
    let inputs = tensors.map { tensor -> [ONNXTensor?] in [tensor] }
    var chosen: Bool?
    for input in inputs {
      let call = OperatorCall<Float>(
        node: node, inputs: input, version: model.operatorSet, maximumElementCount: maximumElementCount)
      let own = try call.truth(0)
      guard chosen == nil || chosen == own else {
        throw .unsupported(node.place, "its branch depends on the size of the batch")
      }
      chosen = own
    }
    guard case .graph(let branch)? = node.attributes[chosen == true ? "then_branch" : "else_branch"],
      branch.inputs.isEmpty, branch.outputs.count >= node.outputs.count
    else { throw .malformed(node.place, "a branch is missing, or has inputs or too few outputs") }
    // What the branch calls its values is nobody else's.
    let around = (values, producers)
    for (name, tensor) in branch.initializers { values[name] = .known(batchSizes.map { _ in tensor }) }
    for inner in branch.nodes { for output in inner.outputs { producers[output] = inner } }
    for inner in branch.nodes { try add(inner) }
    let results = branch.outputs.map { values[$0.name] }
    (values, producers) = around
    for (name, result) in zip(node.outputs, results) where !name.isEmpty { values[name] = result }
  }

  /// A tensor as it is where it meets computed ones: doubles in single precision.
  func rounded(_ tensor: ONNXTensor) -> ONNXTensor {
    guard case .doubles(let numbers) = tensor else { return tensor }
    roundsDoubles = true
    return .floats(numbers.converted())
  }

  private func rounded(_ value: Value?) -> Value? {
    guard case .known(let tensors)? = value else { return value }
    return .known(tensors.map { rounded($0) })
  }

  /// Notes that numbers in double precision are computed with in single precision.
  func noteRounding() { roundsDoubles = true }

  /// Notes that a node runs as it is.
  func noteInterpreted(_ node: ONNXNode) {
    if interpreted[node.operation] == nil { interpreted[node.operation] = node.place }
  }

  /// The place of the output that is wanted, and the shape of a sample's part of it.
  func output() throws(ONNXError) -> (place: Int, shape: Shape) {
    place = ONNXModel.place
    let wanted = wantedOutput
    guard model.outputs.contains(where: { $0.name == wanted }) else {
      let names = model.outputs.map { "'\($0.name)'" }.joined(separator: ", ")
      throw .malformed(ONNXModel.place, "there is no output '\(wanted)' among \(names)")
    }
    guard case .computed(let value)? = values[wanted] else {
      throw .unsupported(ONNXModel.place, "its output '\(wanted)' does not depend on its input")
    }
    // Images go out as they come in, with their channels last.
    let rank = value.order.count
    let result = try align(value, to: rank == 4 ? [0, 2, 3, 1] : Array(0..<rank))
    let shapes = shapes(result)
    guard rank > 0, zip(shapes, batchSizes).allSatisfy({ $0[0] == $1 }) else {
      throw .unsupported(
        ONNXModel.place,
        "its output '\(wanted)' has no part for each sample: it is of \(shapes[0]) for \(batchSizes[0])")
    }
    return (result.place, Shape(shapes[0].dropFirst()))
  }

  /// What is needed for a place, in order.
  func finished(keeping output: Int) -> (leaves: [Leaf], steps: [Step]) {
    var needed: Set<Int> = [output]
    var kept: [Step] = []
    for var step in steps.reversed() where needed.contains(step.result) {
      step.lastUses = Array(Set(step.inputs.filter { !needed.contains($0) }))
      needed.formUnion(step.inputs)
      kept.append(step)
    }
    return (leaves.filter { needed.contains($0.place) }, kept.reversed())
  }
}

// Values.
extension Translation {
  /// A value by its name, if it is computed.
  func value(named name: String) -> Computed? {
    guard case .computed(let value)? = values[name] else { return nil }
    return value
  }

  /// Whether a node needs a value, or whoever wants an output.
  func isUsed(_ name: String) -> Bool {
    !name.isEmpty && usedNames.contains(name)
  }

  /// The one number that a value is, if it is known.
  func number(named name: String) -> Float? {
    guard case .known(let tensors)? = values[name], let numbers = tensors[0].singles, numbers.count == 1 else {
      return nil
    }
    return numbers.elements[0]
  }

  /// The shapes of a value as it is stored.
  func storedShapes(_ value: Computed) -> [Shape] { variables[value.place].map(\.shape) }

  /// The shapes of a value as the model sees it.
  func shapes(_ value: Computed) -> [Shape] {
    storedShapes(value).map { stored in
      var shape = Array(stored)
      for (axis, logical) in value.order.enumerated() { shape[logical] = stored[axis] }
      return Shape(shape)
    }
  }

  /// The value of a tensor that belongs to the model: a parameter of a kind where it has a name and more than one number, a constant
  /// where there is no kind.
  func leaf(_ tensor: Tensor<Float>, named name: String?, kind: ParameterKind?) -> Computed {
    let isConstant = kind == nil
    let key = name.map { isConstant ? "\($0) constant" : $0 }
    let order = Array(0..<tensor.rank)
    if let key, let known = namedLeaves[key] { return Computed(place: known, order: order, type: .float) }
    let isParameter = !isConstant && name != nil && tensor.count > 1
    let place = append(
      graphs.map {
        $0.followedLeaf(isParameter ? .parameter : .constant, shape: tensor.shape, name: name ?? "", source: { tensor })
      })
    var source = Leaf.Source.constant(tensor)
    if isParameter, let name, let kind { source = .parameter(Parameter(tensor, name: name, kind: kind)) }
    leaves.append(Leaf(place: place, name: name ?? "constant \(place)", source: source))
    if let key { namedLeaves[key] = place }
    return Computed(place: place, order: order, type: .float)
  }

  private func append(_ followed: [Variable<Float>]) -> Int {
    variables.append(followed)
    return variables.count - 1
  }

  /// Adds an operation on values as they are stored.
  func emit(
    _ inputs: [Computed], order: [Int]? = nil, type: ONNXElementType = .float,
    _ body: @escaping @Sendable ([Variable<Float>]) throws -> Variable<Float>
  ) throws(ONNXError) -> Computed {
    let places = inputs.map(\.place)
    var results: [Variable<Float>] = []
    for lane in batchSizes.indices {
      do {
        results.append(try body(places.map { variables[$0][lane] }))
      } catch { throw .unsupported(place, "\(error)") }
      switch graphs[lane].failure {
      case .shape(let error): throw .malformed(place, error.description)
      case .needsValue, .needsShape: throw .unsupported(place, "it depends on numbers that are not known")
      case nil: break
      }
    }
    for result in results where result.shape.elementCount > maximumElementCount * 2 {
      throw .unsupported(
        place, "a tensor of shape \(result.shape) has too many elements; \(maximumElementCount) are the most")
    }
    let result = append(results)
    steps.append(Step(function: .variables(body), inputs: places, result: result))
    return Computed(place: result, order: order ?? inputs[0].order, type: type)
  }

  /// Adds a layer that keeps the shape.
  func emit(_ input: Computed, layer: any Layer<Float>, named name: String) -> Computed {
    let result = append(variables[input.place])
    steps.append(Step(function: .layer(name, layer), inputs: [input.place], result: result))
    return Computed(place: result, order: input.order, type: .float)
  }

  /// The same value stored by other axes.
  func align(_ value: Computed, to order: [Int]) throws(ONNXError) -> Computed {
    guard value.order != order else { return value }
    let key = Alignment(value: value, order: order)
    if let known = aligned[key] { return known }
    let axes = order.map { value.order.firstIndex(of: $0)! }
    let shapes = storedShapes(value)
    // Where only axes of length 1 change their places, nothing has to be moved.
    let long = axes.filter { axis in shapes.contains { $0[axis] != 1 } }
    var result: Computed
    if long == long.sorted() {
      result = try reshape(value, to: shapes.map { shape in Shape(axes.map { shape[$0] }) })
      result.order = order
    } else {
      result = try emit([value], order: order, type: value.type) { $0[0].transposed(axes) }
    }
    aligned[key] = result
    return result
  }

  /// The same value stored as the model sees it.
  func plain(_ value: Computed) throws(ONNXError) -> Computed { try align(value, to: Array(value.order.indices)) }

  /// The same elements as they are stored under other shapes, one for each size of the batch.
  func reshape(_ value: Computed, to shapes: [Shape]) throws(ONNXError) -> Computed {
    let old = storedShapes(value)
    let rank = shapes[0].rank
    let order = Array(0..<rank)
    guard zip(old, shapes).allSatisfy({ $0.elementCount == $1.elementCount }), shapes.allSatisfy({ $0.rank == rank })
    else { throw .malformed(place, "a tensor of shape \(old[0]) cannot become one of \(shapes[0])") }
    if old == shapes {
      var result = value
      result.order = order
      return result
    }
    guard let open = try openAxis(of: shapes) else {
      let shape = shapes[0]
      return try emit([value], order: order, type: value.type) { $0[0].reshaped(to: shape) }
    }
    let lengths = Array(shapes[0])
    return try emit([value], order: order, type: value.type) { $0[0].reshaped(to: lengths, openAxis: open) }
  }

  /// The axis whose length goes with the batch; nil where none does.
  func openAxis(of shapes: [Shape]) throws(ONNXError) -> Int? {
    let open = (0..<shapes[0].rank).filter { axis in shapes.contains { $0[axis] != shapes[0][axis] } }
    guard open.count <= 1 else {
      throw .unsupported(place, "a shape \(shapes[0]) of which two lengths depend on the size of the batch")
    }
    return open.first
  }

  /// Numbers that are the same for each sample, as often as there are samples: a token that is put before each sequence.
  func repeatedByBatch(_ tensors: [ONNXTensor]) throws(ONNXError) -> Computed {
    guard let open = try openAxis(of: tensors.map(\.shape)),
      zip(tensors, batchSizes).allSatisfy({ $0.shape[open] == $1 }), let tensor = tensors[0].singles
    else { throw .unsupported(place, "numbers of shape \(tensors[0].shape) that depend on the size of the batch") }
    let one = tensor.sliced(0..<1, axis: open)
    guard ONNXTensor.floats(one).broadcast(to: tensors[1].shape).isIdentical(to: tensors[1].widened) else {
      throw .unsupported(place, "numbers that depend on the size of the batch")
    }
    let (rank, sampleRank) = (one.rank, sampleShape.rank)
    let batch = Computed(place: 0, order: Array(0..<sampleRank + 1), type: .float)
    return try emit([leaf(one, named: nil, kind: nil), batch]) { inputs in
      // One number of each sample says how many there are.
      let marks = (0..<sampleRank).reduce(inputs[1]) { $0.sliced(0..<1, axis: $1 + 1) }
      return inputs[0].broadcast(with: marks.reshaped(to: [Int](repeating: 1, count: rank), openAxis: open))
    }
  }
}
