import NormaTensor

// Sequences of tensors, and values that may be missing.
extension OperatorCall {
  /// An input that is a sequence.
  private func sequence(_ index: Int) throws(ONNXError) -> [ONNXTensor] {
    guard case .sequence(let tensors) = try value(index) else { throw malformed("input \(index + 1) is no sequence") }
    return tensors
  }

  /// `SequenceConstruct`: the inputs, one after the other.
  func sequenceConstruct() throws(ONNXError) -> [ONNXTensor] {
    var tensors: [ONNXTensor] = []
    for index in inputs.indices { tensors.append(try input(index)) }
    return [.sequence(tensors)]
  }

  /// A place in a sequence, which counts from the end where it is negative; one after the last where it may be.
  private func place(_ index: Int, count: Int, isForInsertion: Bool = false) throws(ONNXError) -> Int? {
    guard hasInput(index) else { return nil }
    let number = try wholeNumber(index)
    guard number >= -count, isForInsertion ? number <= count : number < count else {
      throw malformed("there is no place \(number) in a sequence of \(count)")
    }
    return number < 0 ? number + count : number
  }

  /// `SequenceInsert`: a tensor at a place, at the end where none is said.
  func sequenceInsert() throws(ONNXError) -> [ONNXTensor] {
    var tensors = try sequence(0)
    tensors.insert(
      try input(1), at: try place(2, count: tensors.count, isForInsertion: true) ?? tensors.count)
    return [.sequence(tensors)]
  }

  /// `SequenceErase`: without a tensor, the last where no place is said.
  func sequenceErase() throws(ONNXError) -> [ONNXTensor] {
    var tensors = try sequence(0)
    guard !tensors.isEmpty else { throw malformed("nothing is left in the sequence") }
    tensors.remove(at: try place(1, count: tensors.count) ?? tensors.count - 1)
    return [.sequence(tensors)]
  }

  /// `SequenceAt`: one tensor.
  func sequenceAt() throws(ONNXError) -> [ONNXTensor] {
    let tensors = try sequence(0)
    guard let place = try place(1, count: tensors.count) else { throw malformed("no place is said") }
    return [tensors[place]]
  }

  /// `SequenceLength`.
  func sequenceLength() throws(ONNXError) -> [ONNXTensor] {
    [.integers(ONNXIntegers([Int64(try sequence(0).count)], shape: []))]
  }

  /// `SplitToSequence`: parts along an axis, of given lengths, of one, or each place by itself.
  func splitToSequence() throws(ONNXError) -> [ONNXTensor] {
    let x = try input(0)
    let axis = try axis(try integer("axis", or: 0), rank: x.shape.rank)
    let length = x.shape[axis]
    var lengths = [Int](repeating: 1, count: length)
    if hasInput(1) {
      lengths = try integers(1)
      if try input(1).shape.rank == 0 {
        guard let part = lengths.first, part > 0 else { throw malformed("parts of \(lengths)") }
        lengths = stride(from: 0, to: length, by: part).map { min(part, length - $0) }
      }
    }
    guard lengths.allSatisfy({ $0 >= 0 && $0 <= length }), lengths.reduce(0, +) == length else {
      throw malformed("parts of \(lengths) of an axis of length \(length)")
    }
    let keepsAxis = try integer("keepdims", or: 1) != 0
    let dropsAxis = !hasInput(1) && !keepsAxis
    var start = 0
    return [
      .sequence(
        lengths.map { part in
          defer { start += part }
          if dropsAxis { return x.slice(start, axis: axis) }
          var sources = x.shape.map { Array(0..<$0) as AxisSources }
          sources[axis] = Array(start..<start + part)
          return x.picking(sources)
        })
    ]
  }

  /// `ConcatFromSequence`: one after the other along an axis, or along a new one.
  func concatenateSequence() throws(ONNXError) -> [ONNXTensor] {
    let tensors = try sequence(0)
    let isNew = try integer("new_axis", or: 0) != 0
    guard let first = tensors.first, tensors.allSatisfy({ $0.isTensor }) else { throw malformed("an empty sequence") }
    let axis = try axis(try integer("axis", or: 0), rank: first.shape.rank + (isNew ? 1 : 0))
    let node = ONNXNode(
      operation: "Concat", name: node.name, inputs: [], outputs: node.outputs, attributes: ["axis": .integer(axis)])
    let parts = try tensors.map { tensor throws(ONNXError) -> ONNXTensor in
      guard isNew else { return tensor }
      guard tensor.shape.rank == first.shape.rank else { throw malformed("tensors of different axes") }
      var lengths = Array(tensor.shape)
      lengths.insert(1, at: axis)
      return tensor.reshaped(to: try shape(lengths))
    }
    let call = OperatorCall(
      node: node, inputs: parts, version: max(version, 4), maximumElementCount: maximumElementCount)
    return try call.concatenate()
  }

  /// `Optional`: the input, or nothing.
  func optional() throws(ONNXError) -> [ONNXTensor] { [hasInput(0) ? try value(0) : .nothing] }

  /// `OptionalHasElement`: whether there is a value.
  func optionalHasElement() throws(ONNXError) -> [ONNXTensor] {
    [.truths([hasInput(0) ? try value(0) != .nothing : false], shape: [])]
  }

  /// `OptionalGetElement`: the value, which must be there.
  func optionalGetElement() throws(ONNXError) -> [ONNXTensor] {
    let value = try value(0)
    guard value != .nothing else { throw malformed("the value is missing") }
    return [value]
  }
}
