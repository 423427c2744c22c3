import NormaTensor

// Branches and loops.
extension OperatorCall {
  /// What runs the branches.
  private func branches() throws(ONNXError) -> GraphRunner {
    guard let runner else { throw unsupported("a branch or a loop that depends on the numbers that go in") }
    return runner
  }

  /// `If`: one branch or the other.
  func branch() throws(ONNXError) -> [ONNXTensor] {
    let chosen = try graph(try truth(0) ? "then_branch" : "else_branch")
    guard chosen.inputs.isEmpty else { throw malformed("a branch with inputs of its own") }
    return try branches().run(GraphRunner.Prepared(chosen), [])
  }

  /// `Loop`: the body again and again, so many times and as long as its condition says; what it gives besides its state is put
  /// together.
  func loop() throws(ONNXError) -> [ONNXTensor] {
    let (body, runner) = (try graph("body"), try branches())
    let count = max(0, inputs.count - 2)
    guard body.inputs.count == count + 2, body.outputs.count > count else {
      throw malformed("a body of \(body.inputs.count) inputs and \(body.outputs.count) outputs for \(count) values")
    }
    var limit: Int?
    if hasInput(0) { limit = try wholeNumber(0) }
    var goesOn = hasInput(1) ? try truth(1) : true
    if goesOn, body.keepsCondition, limit ?? .max > maximumElementCount / 8 {
      throw unsupported("a loop of \(limit.map(String.init) ?? "endless") rounds")
    }
    let prepared = GraphRunner.Prepared(body)
    var state: [ONNXTensor] = []
    for index in 0..<count { state.append(try value(index + 2)) }
    var scans = [Scan](repeating: Scan(), count: body.outputs.count - count - 1)
    var round = 0
    while goesOn, limit.map({ round < $0 }) ?? true {
      try runner.countRound(at: node)
      let results = try runner.run(
        prepared,
        [.integers(ONNXIntegers([Int64(round)], shape: [])), .truths([true], shape: [])] + state)
      guard case .integers(let condition) = results[0], condition.type == .bool, condition.values.count == 1 else {
        throw malformed("a body whose condition is no truth value")
      }
      goesOn = condition.values[0] != 0
      state = Array(results[1..<count + 1])
      for index in scans.indices { try add(results[count + 1 + index], to: &scans[index]) }
      round += 1
    }
    var all = state
    for (scan, output) in zip(scans, body.outputs.dropFirst(count + 1)) {
      all.append(try joined(scan, axis: 0, isReversed: false, like: output))
    }
    return all
  }

  /// `Scan`: the body for each place along an axis of some inputs.
  func scan() throws(ONNXError) -> [ONNXTensor] {
    guard version < 9 else { return try scanned(inputs) }
    // Before version 9 the first axis of all is a batch, after the lengths of its sequences.
    guard !hasInput(0) else {
      throw unsupported("sequences of different lengths, before version 9 of ONNX's operators")
    }
    var given: [ONNXTensor] = []
    for index in 1..<max(1, inputs.count) { given.append(try input(index)) }
    guard let batch = given.first?.shape.first, batch > 0, given.allSatisfy({ $0.shape.first == batch }) else {
      throw malformed("states and sequences of different batches")
    }
    var scans: [Scan] = []
    for sample in 0..<batch {
      let results = try scanned(given.map { $0.slice(sample, axis: 0) })
      if scans.isEmpty { scans = results.map { _ in Scan() } }
      for (index, result) in results.enumerated() { try add(result, to: &scans[index]) }
    }
    let outputs = try graph("body").outputs
    return try scans.enumerated().map { index, scan throws(ONNXError) in
      try joined(scan, axis: 0, isReversed: false, like: outputs[index])
    }
  }

  private func scanned(_ inputs: [ONNXTensor?]) throws(ONNXError) -> [ONNXTensor] {
    let (body, runner) = (try graph("body"), try branches())
    let scanCount = try integer("num_scan_inputs", or: 0)
    guard scanCount > 0, scanCount <= inputs.count else { throw malformed("\(scanCount) sequences of \(inputs.count)") }
    let stateCount = inputs.count - scanCount
    let outputCount = body.outputs.count - stateCount
    guard outputCount >= 0, body.inputs.count == inputs.count else {
      throw malformed("a body of \(body.inputs.count) inputs for \(inputs.count), \(scanCount) of them sequences")
    }
    func flags(_ name: String, _ count: Int) throws(ONNXError) -> [Int] {
      let values = try integers(name) ?? [Int](repeating: 0, count: count)
      guard values.count == count else { throw malformed("'\(name)' is \(values), for \(count)") }
      return values
    }
    let directions = try flags(version < 9 ? "directions" : "scan_input_directions", scanCount)
    let axes = try flags("scan_input_axes", scanCount)
    let outputDirections = try flags("scan_output_directions", outputCount)
    let outputAxes = try flags("scan_output_axes", outputCount)
    var state: [ONNXTensor] = []
    for index in 0..<stateCount {
      guard let value = inputs[index] else { throw malformed("input \(index + 1) is missing") }
      state.append(value)
    }
    var sequences: [(tensor: ONNXTensor, axis: Int, isReversed: Bool)] = []
    for index in 0..<scanCount {
      guard let tensor = inputs[stateCount + index], tensor.isTensor else { throw malformed("a sequence is missing") }
      let axis = try axis(axes[index], rank: tensor.shape.rank)
      sequences.append((tensor, axis, directions[index] != 0))
    }
    let length = sequences[0].tensor.shape[sequences[0].axis]
    guard sequences.allSatisfy({ $0.tensor.shape[$0.axis] == length }) else {
      throw malformed("sequences of different lengths")
    }
    let prepared = GraphRunner.Prepared(body)
    var scans = [Scan](repeating: Scan(), count: outputCount)
    for step in 0..<length {
      try runner.countRound(at: node)
      let parts = sequences.map { $0.tensor.slice($0.isReversed ? length - 1 - step : step, axis: $0.axis) }
      let results = try runner.run(prepared, state + parts)
      state = Array(results[..<stateCount])
      for index in scans.indices { try add(results[stateCount + index], to: &scans[index]) }
    }
    var all = state
    for index in scans.indices {
      all.append(
        try joined(
          scans[index], axis: outputAxes[index], isReversed: outputDirections[index] != 0,
          like: body.outputs[stateCount + index]))
    }
    return all
  }

  /// What a body gave in each round.
  private struct Scan {
    var tensors: [ONNXTensor] = []
    var elementCount = 0
  }

  private func add(_ tensor: ONNXTensor, to scan: inout Scan) throws(ONNXError) {
    guard tensor.isTensor else { throw malformed("what is gathered of each round is no tensor") }
    if let first = scan.tensors.first {
      guard first.shape == tensor.shape, first.elementType.computed == tensor.elementType.computed else {
        throw malformed("shapes \(first.shape) and \(tensor.shape) of different rounds")
      }
    }
    scan.tensors.append(tensor.widened)
    scan.elementCount += max(1, tensor.elementCount)
    guard scan.elementCount <= maximumElementCount else {
      throw unsupported("more than \(maximumElementCount) elements of all rounds")
    }
  }

  /// What was gathered along a new axis; of no rounds what the body declares.
  private func joined(
    _ scan: Scan, axis: Int, isReversed: Bool, like output: ONNXValue
  ) throws(ONNXError) -> ONNXTensor {
    guard let first = scan.tensors.first else {
      let lengths = (output.lengths ?? []).map { if case .fixed(let length) = $0 { length } else { 0 } }
      let place = try self.axis(axis, rank: lengths.count + 1)
      var shape = lengths
      shape.insert(0, at: place)
      return try made(.zeros(try self.shape(shape)), as: output.elementType ?? .float)
    }
    let place = try self.axis(axis, rank: first.shape.rank + 1)
    var lengths = Array(first.shape)
    lengths.insert(1, at: place)
    let one = try shape(lengths)
    lengths[place] = scan.tensors.count
    let all = try shape(lengths)
    guard all.elementCount > 0 else { return first.reshaped(to: one).reshapedEmpty(to: all) }
    let parts = scan.tensors.map { $0.reshaped(to: one) }
    return .concatenating(isReversed ? parts.reversed() : parts, axis: place)
  }

  /// `SequenceMap`: the body for each tensor of a sequence.
  func sequenceMap() throws(ONNXError) -> [ONNXTensor] {
    let (body, runner) = (try graph("body"), try branches())
    guard case .sequence(let first) = try value(0), body.inputs.count == inputs.count else {
      throw malformed("no sequence, or a body of \(body.inputs.count) inputs for \(inputs.count)")
    }
    let prepared = GraphRunner.Prepared(body)
    var results = [[ONNXTensor]](repeating: [], count: body.outputs.count)
    for place in first.indices {
      try runner.countRound(at: node)
      var given: [ONNXTensor] = []
      for index in inputs.indices {
        guard case .sequence(let tensors) = try value(index) else {
          given.append(try value(index))
          continue
        }
        guard tensors.count == first.count else { throw malformed("sequences of different lengths") }
        given.append(tensors[place])
      }
      for (index, result) in try runner.run(prepared, given).enumerated() { results[index].append(result) }
    }
    return results.map { .sequence($0) }
  }
}

extension GraphRunner {
  /// Counts a round of a loop, which may hold no node.
  func countRound(at node: ONNXNode) throws(ONNXError) {
    spent.nodes += 1
    guard spent.nodes <= maximumElementCount / 8 else {
      throw .unsupported(node.place, "more than \(maximumElementCount / 8) rounds of loops")
    }
  }
}

extension ONNXGraph {
  /// Whether the condition that a loop's body gives is the one that goes in, or a constant: its rounds are counted by nothing else.
  fileprivate var keepsCondition: Bool {
    guard var name = outputs.first?.name, inputs.count > 1 else { return false }
    while let node = nodes.first(where: { $0.outputs.first == name }) {
      if node.operation == "Constant" { return true }
      guard node.operation == "Identity", let input = node.inputs.first else { return false }
      name = input
    }
    return name == inputs[1].name || initializers[name] != nil
  }
}

extension ONNXTensor {
  /// What stands at a place along an axis, without the axis.
  func slice(_ place: Int, axis: Int) -> ONNXTensor {
    var sources = shape.map { Array(0..<$0) as AxisSources }
    sources[axis] = [place]
    return picking(sources).reshaped(to: Shape(shape.indices.filter { $0 != axis }.map { shape[$0] }))
  }
}
