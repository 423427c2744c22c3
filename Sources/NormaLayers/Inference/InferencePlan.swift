import NormaGraph
import NormaTensor

/// A network's operations on their way to steps of an ``InferenceModel``: operations that can be done together become one.
struct InferencePlan<Element: TensorElement> {
  /// An operation and the places of its inputs.
  private struct Step {
    var operation: any TensorOperation<Element>
    var inputs: [Int]
    var layer: String
    /// What is done to each element of the operation's result.
    var function: UnaryOperation<Element>?
  }

  private(set) var nodes: [Program<Element>.Node]
  private let output: Int
  /// By the places of the program's nodes, and of constants that were added.
  private var steps: [Int: Step] = [:]
  private var constants: [Int: Tensor<Element>] = [:]
  /// Where the result of a node stands that another does with its own.
  private var places: [Int: Int] = [:]
  private var useCounts: [Int]
  private var count: Int

  init(_ program: consuming Program<Element>) {
    nodes = program.nodes
    output = program.output
    useCounts = program.useCounts
    count = program.nodes.count
    for (index, node) in program.nodes.enumerated() where node.operation == nil {
      if let value = node.value { constants[index] = value }
    }
  }

  private func place(_ index: Int) -> Int {
    var place = index
    while let next = places[place] { place = next }
    return place
  }

  private func constants(_ step: Step) -> [Tensor<Element>?] { step.inputs.map { constants[$0] } }

  /// Adds the operation of a node, by itself or to one before it.
  mutating func add(_ index: Int) throws(InferenceModelError) {
    let node = nodes[index]
    guard let operation = node.operation else { return }
    let step = Step(operation: operation, inputs: node.inputs.map(place), layer: node.layer)
    let known = constants(step)
    let values = known.compactMap(\.self)
    if values.count == known.count {
      // What is computed from constants alone is one.
      do { constants[index] = try operation.result(of: values) } catch {
        throw InferenceModelError(layer: node.layer, path: node.path, reason: .failed("\(error)"))
      }
      return
    }
    let isDone =
      fold(step, known, at: index) || rectify(step, at: index) || addResidual(step, at: index)
      || apply(step, at: index)
    if !isDone { steps[index] = step }
  }

  /// The step before the first input, if nothing else uses its result and it ends with no function.
  private func predecessor(_ step: Step, input: Int = 0) -> (place: Int, step: Step)? {
    let place = step.inputs[input]
    guard useCounts[place] == 1, let before = steps[place], before.function == nil else { return nil }
    return (place, before)
  }

  /// Lets the step before do a map of channels.
  private mutating func fold(_ step: Step, _ known: [Tensor<Element>?], at index: Int) -> Bool {
    guard let (place, before) = predecessor(step), let map = step.operation.channelMap(known),
      let folded = before.operation.followed(by: map, constants(before))
    else { return false }
    var inputs = [before.inputs[0]]
    for constant in folded.constants {
      constants[count] = constant
      inputs.append(count)
      useCounts.append(1)
      count += 1
    }
    steps[place] = Step(operation: folded.operation, inputs: inputs, layer: before.layer)
    take(index, into: place)
    return true
  }

  /// Lets the step before do ReLU.
  private mutating func rectify(_ step: Step, at index: Int) -> Bool {
    guard case .leakyReLU(slope: 0) = step.operation.elementFunction, let (place, before) = predecessor(step),
      let rectified = before.operation.rectified
    else { return false }
    steps[place] = Step(operation: rectified, inputs: before.inputs, layer: before.layer)
    take(index, into: place)
    return true
  }

  /// Lets the step before apply a function to its result, in its place.
  private mutating func apply(_ step: Step, at index: Int) -> Bool {
    guard let function = step.operation.elementFunction, let (place, before) = predecessor(step),
      !before.operation.isView
    else { return false }
    steps[place]?.function = function
    take(index, into: place)
    return true
  }

  /// Lets a step that makes one of two summands add the other, once that is there.
  private mutating func addResidual(_ step: Step, at index: Int) -> Bool {
    guard let sum = step.operation as? AdditionOperation<Element>, sum.broadcast == .none else { return false }
    for (input, other) in [(0, 1), (1, 0)] {
      guard step.inputs[0] != step.inputs[1], let (place, before) = predecessor(step, input: input),
        let adding = before.operation.addingResidual,
        let operation = sum.rectifies ? adding.rectified : adding
      else { continue }
      steps[place] = nil
      steps[index] = Step(operation: operation, inputs: before.inputs + [step.inputs[other]], layer: before.layer)
      return true
    }
    return false
  }

  private func prepared(_ step: Step) -> @Sendable ([Tensor<Element>]) throws -> Tensor<Element> {
    guard let function = step.function else { return step.operation.prepared(constants(step)) }
    return step.operation.prepared(constants(step), then: function)
  }

  private func name(_ step: Step) -> String {
    guard let function = step.function else { return step.operation.name }
    return "\(step.operation.name) + \(ElementwiseOperation(function).name)"
  }

  private mutating func take(_ index: Int, into place: Int) {
    places[index] = place
    useCounts[place] = useCounts[index]
  }

  /// The steps in order, the values that are there before them, and where the outputs are in the end.
  ///
  /// A constant is let go of with the last step that is made ready of it, so that the next one can have its memory. This can be
  /// asked for once.
  mutating func finished() -> (steps: [InferenceStep<Element>], values: [Tensor<Element>?], output: Int) {
    nodes = []
    let output = place(output)
    var slots: [Int: Int] = [0: 0]
    func slot(_ place: Int) -> Int {
      if let known = slots[place] { return known }
      slots[place] = slots.count
      return slots.count - 1
    }
    let order = steps.keys.sorted()
    var lastUse: [Int: Int] = [:]
    for index in order { for input in steps[index]!.inputs { lastUse[input] = index } }
    var finished: [InferenceStep<Element>] = []
    let keptBefore = BufferPool.shared.usage.kept
    for index in order {
      let step = steps[index]!
      let varying = step.inputs.filter { constants[$0] == nil }
      let lastUses = Set(step.inputs).filter { lastUse[$0] == index && $0 != output }
      finished.append(
        InferenceStep(
          operation: step.operation, function: prepared(step), name: name(step), inputs: varying.map(slot),
          constantShapes: step.inputs.map { constants[$0]?.shape }, result: slot(index),
          lastUses: lastUses.intersection(varying).map(slot), layer: step.layer))
      for place in lastUses { constants[place] = nil }
      // Nor is memory kept for long that nothing of a large model takes.
      if BufferPool.shared.usage.kept > keptBefore + 1 << 24 { BufferPool.shared.trim() }
    }
    let result = slot(output)
    var values = [Tensor<Element>?](repeating: nil, count: slots.count)
    values[result] = constants[output]
    return (finished, values, result)
  }
}
