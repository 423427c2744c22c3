import NormaTensor

// Networks that go over sequences and keep a state.
extension OperatorCall {
  /// `RNN`: `H = f(X·Wᵀ + H·Rᵀ + b)`.
  func recurrent() throws(ONNXError) -> [ONNXTensor] {
    let states = try sequences(gates: 1, functions: ["Tanh"]) { step throws(ONNXError) in
      let h = step.activated(0, step.x + step.gates(0..<1) + step.bias(1, 0..<1))
      return (h, nil)
    }
    return [states.all, states.hidden]
  }

  /// `GRU` (Cho et al. 2014): gates in the order update, reset, hidden.
  func gatedRecurrent() throws(ONNXError) -> [ONNXTensor] {
    let isLinear = try integer("linear_before_reset", or: 0) != 0
    let states = try sequences(gates: 3, functions: ["Sigmoid", "Tanh"]) { step throws(ONNXError) in
      let gates = step.x(0..<2) + step.gates(0..<2) + step.bias(1, 0..<2)
      let (z, r) = (step.activated(0, step.part(gates, 0)), step.activated(0, step.part(gates, 1)))
      let inner =
        isLinear
        ? step.x(2..<3) + r * (step.gates(2..<3) + step.bias(1, 2..<3))
        : step.x(2..<3) + step.gates(2..<3, of: r * step.h) + step.bias(1, 2..<3)
      let h = step.activated(1, inner)
      return (h - z * h + z * step.h, nil)
    }
    return [states.all, states.hidden]
  }

  /// `LSTM` (Hochreiter and Schmidhuber 1997): gates in the order input, output, forget, cell, with peepholes where there are some.
  func longShortTerm() throws(ONNXError) -> [ONNXTensor] {
    let couples = try integer("input_forget", or: 0) != 0
    let states = try sequences(gates: 4, functions: ["Sigmoid", "Tanh", "Tanh"]) { step throws(ONNXError) in
      let gates = step.x + step.gates(0..<4) + step.bias(1, 0..<4)
      let c = step.c
      let i = step.activated(0, step.part(gates, 0) + step.peephole(0) * c)
      let f = couples ? 1 - i : step.activated(0, step.part(gates, 2) + step.peephole(2) * c)
      let cell = f * c + i * step.activated(1, step.part(gates, 3))
      let o = step.activated(0, step.part(gates, 1) + step.peephole(1) * cell)
      return (o * step.activated(2, cell), cell)
    }
    return [states.all, states.hidden, states.cell]
  }

  /// One step in one direction of a batch of sequences: `[N, …]` each.
  private struct Step {
    let hiddenSize: Int
    /// What the sequence's values make of all gates, with the first bias.
    let x: Tensor<Element>
    let h, c: Tensor<Element>
    let recurrence: Tensor<Element>
    let biases: Tensor<Element>
    let peepholes: Tensor<Element>?
    let activations: [(Tensor<Element>) -> Tensor<Element>]

    /// The values' part of some gates.
    func x(_ gates: Range<Int>) -> Tensor<Element> { columns(x, gates) }

    /// The state's part of some gates.
    func gates(_ gates: Range<Int>, of state: Tensor<Element>? = nil) -> Tensor<Element> {
      let rows = recurrence[rows: gates.lowerBound * hiddenSize..<gates.upperBound * hiddenSize]
      return (state ?? h).matrixProduct(rows, transposingOther: true)
    }

    /// The biases of some gates, for each sequence.
    func bias(_ half: Int, _ gates: Range<Int>) -> Tensor<Element> {
      let count = biases.count / 2
      let start = half * count + gates.lowerBound * hiddenSize
      let part = biases.sliced(start..<start + gates.count * hiddenSize, axis: 0)
      return part.reshaped(to: [1, part.count]).broadcast(to: [h.shape[0], part.count])
    }

    /// One gate's columns.
    func part(_ gates: Tensor<Element>, _ gate: Int) -> Tensor<Element> { columns(gates, gate..<gate + 1) }

    func peephole(_ gate: Int) -> Tensor<Element> {
      guard let peepholes else { return .zeros(h.shape) }
      return peepholes.sliced(gate * hiddenSize..<(gate + 1) * hiddenSize, axis: 0)
        .reshaped(to: [1, hiddenSize]).broadcast(to: h.shape)
    }

    func activated(_ index: Int, _ x: Tensor<Element>) -> Tensor<Element> { activations[index](x) }

    private func columns(_ x: Tensor<Element>, _ gates: Range<Int>) -> Tensor<Element> {
      x.sliced(gates.lowerBound * hiddenSize..<gates.upperBound * hiddenSize, axis: 1)
    }
  }

  /// Goes over sequences `[L, N, C]` in one direction or both.
  private func sequences(
    gates: Int, functions: [String],
    _ body: (Step) throws(ONNXError) -> (h: Tensor<Element>, c: Tensor<Element>?)
  ) throws(ONNXError) -> (all: ONNXTensor, hidden: ONNXTensor, cell: ONNXTensor) {
    let isBatchFirst = try integer("layout", or: 0) != 0
    func swapped(_ tensor: Tensor<Element>) -> Tensor<Element> {
      isBatchFirst && tensor.rank == 3 ? tensor.transposed([1, 0, 2]) : tensor
    }
    let (x, weights, recurrences) = (swapped(try floats(0)), try floats(1), try floats(2))
    let direction = try string("direction", or: "forward")
    let directions = direction == "bidirectional" ? 2 : 1
    guard ["forward", "reverse", "bidirectional"].contains(direction), x.rank == 3, weights.rank == 3,
      recurrences.rank == 3, let hidden = recurrences.shape.last, hidden > 0,
      weights.shape == [directions, gates * hidden, x.shape[2]],
      recurrences.shape == [directions, gates * hidden, hidden],
      x.shape.elementCount > 0
    else { throw malformed("sequences of \(x.shape) with weights \(weights.shape) and \(recurrences.shape)") }
    let (length, count) = (x.shape[0], x.shape[1])
    let biases = hasInput(3) ? try floats(3, shape: [directions, 2 * gates * hidden]) : nil
    let lengths = try optionalIntegers(4) ?? [Int](repeating: length, count: count)
    guard lengths.count == count, lengths.allSatisfy({ (0...length).contains($0) }) else {
      throw malformed("lengths \(lengths) of \(count) sequences of \(length)")
    }
    func start(_ index: Int) throws(ONNXError) -> Tensor<Element> {
      guard hasInput(index) else { return .zeros([directions, count, hidden]) }
      let tensor = swapped(try floats(index))
      guard tensor.shape == [directions, count, hidden] else { throw malformed("a first state of \(tensor.shape)") }
      return tensor
    }
    let (firstHidden, firstCell) = (try start(5), try gates == 4 ? start(6) : .zeros([directions, count, hidden]))
    let peepholes = gates == 4 && hasInput(7) ? try floats(7, shape: [directions, 3 * hidden]) : nil
    let result = try shape([length, directions, count, hidden])
    try limit(Double(result.elementCount) * Double(gates) * Double(hidden + x.shape[2]))
    let names = try strings("activations") ?? (0..<directions).flatMap { _ in functions }
    guard names.count == functions.count * directions else { throw malformed("'activations' is \(names)") }
    let clip = node.attributes["clip"] == nil ? nil : Element(try number("clip", or: 0))

    var all = [Element](repeating: 0, count: result.elementCount)
    var finalHidden: [Tensor<Element>] = []
    var finalCell: [Tensor<Element>] = []
    for own in 0..<directions {
      let isReversed = direction == "reverse" || own == 1
      func table(_ tensor: Tensor<Element>) -> Tensor<Element> {
        tensor.sliced(own..<own + 1, axis: 0).reshaped(to: Shape(tensor.shape.dropFirst()))
      }
      let (weight, recurrence) = (table(weights), table(recurrences))
      let bias = biases.map(table) ?? .zeros([2 * gates * hidden])
      let firstBias = bias.sliced(0..<gates * hidden, axis: 0)
      // Of all steps at once what does not depend on the state.
      let values = x.reshaped(to: [length * count, x.shape[2]]).matrixProduct(weight, transposingOther: true)
        .applying(.add, firstBias, broadcast: .perChannel)
      var activations: [(Tensor<Element>) -> Tensor<Element>] = []
      for index in functions.indices {
        activations.append(try activation(names, own * functions.count + index, clip: clip))
      }
      var (h, c) = (table(firstHidden), table(firstCell))
      for index in 0..<length {
        // Each sequence from its own end, where it goes backwards.
        let steps = lengths.map { isReversed ? $0 - 1 - index : index }
        let isAtWork = lengths.map { index < $0 }
        let rows = (0..<count).map { isAtWork[$0] ? steps[$0] * count + $0 : $0 }
        let step = Step(
          hiddenSize: hidden, x: values.gathering(rows, axis: 0), h: h, c: c, recurrence: recurrence, biases: bias,
          peepholes: peepholes.map(table), activations: activations)
        let next = try body(step)
        let newHidden = next.h.elements
        func merged(_ old: Tensor<Element>, _ new: Tensor<Element>) -> Tensor<Element> {
          guard isAtWork.contains(false) else { return new }
          let places = (0..<count).map { isAtWork[$0] ? count + $0 : $0 }
          return Tensor.concatenating(rows: [old, new]).gathering(places, axis: 0)
        }
        for sample in 0..<count where isAtWork[sample] {
          let place = ((steps[sample] * directions + own) * count + sample) * hidden
          for unit in 0..<hidden { all[place + unit] = newHidden[sample * hidden + unit] }
        }
        h = merged(h, next.h)
        if let cell = next.c { c = merged(c, cell) }
      }
      finalHidden.append(h)
      finalCell.append(c)
    }
    var y = Tensor(all, shape: result)
    if isBatchFirst { y = y.transposed([2, 0, 1, 3]) }
    func stacked(_ states: [Tensor<Element>]) -> ONNXTensor {
      .numbers(swapped(Tensor.concatenating(rows: states).reshaped(to: [directions, count, hidden])))
    }
    return (.numbers(y), stacked(finalHidden), stacked(finalCell))
  }

  /// A function between the steps by its name, of values that are held within a bound.
  private func activation(
    _ names: [String], _ index: Int, clip: Element?
  ) throws(ONNXError) -> (Tensor<Element>) -> Tensor<Element> {
    let name = names[index].lowercased()
    func parameter(_ attribute: String, or standard: Float) throws(ONNXError) -> Element {
      // Those of the functions that take some, in their order.
      let taking = names[..<index].count { Self.parametric.contains($0.lowercased()) }
      guard let values = try numbers(attribute), taking < values.count else { return Element(standard) }
      return Element(values[taking])
    }
    let alphas: [String: Float] = [
      "leakyrelu": 0.01, "hardsigmoid": 0.2, "elu": 1, "thresholdedrelu": 1, "affine": 1, "scaledtanh": 1,
    ]
    let alpha = try parameter("activation_alpha", or: alphas[name] ?? 1)
    let beta = try parameter("activation_beta", or: name == "hardsigmoid" ? 0.5 : name == "scaledtanh" ? 1 : 0)
    let function: (Tensor<Element>) -> Tensor<Element>
    switch name {
    case "sigmoid": function = { $0.applying(.sigmoid) }
    case "tanh": function = { $0.applying(.hyperbolicTangent) }
    case "relu": function = { $0.applying(.leakyReLU(slope: 0)) }
    case "leakyrelu": function = { $0.applying(.leakyReLU(slope: alpha)) }
    case "affine": function = { alpha * $0 + beta }
    case "elu": function = { $0.applying(.activation(.elu(alpha: alpha))) }
    case "hardsigmoid": function = { (alpha * $0 + beta).applying(.clamp(0...1)) }
    case "scaledtanh": function = { alpha * (beta * $0).applying(.hyperbolicTangent) }
    case "softplus": function = { $0.applying(.activation(.softplus)) }
    case "softsign": function = { x in Tensor(x.elements.map { $0 / (1 + $0.magnitude) }, shape: x.shape) }
    case "thresholdedrelu": function = { x in Tensor(x.elements.map { $0 <= alpha ? 0 : $0 }, shape: x.shape) }
    default: throw unsupported("the function '\(names[index])'")
    }
    guard let clip else { return function }
    guard clip >= 0 else { throw malformed("a bound of \(clip)") }
    return { function($0.applying(.clamp(-clip...clip))) }
  }

  private static var parametric: Set<String> {
    ["leakyrelu", "affine", "elu", "hardsigmoid", "scaledtanh", "thresholdedrelu"]
  }
}
