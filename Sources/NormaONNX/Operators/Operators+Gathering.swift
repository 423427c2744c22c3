import NormaTensor

extension OperatorCall {
  /// Indices along an axis, those below 0 counted from the end.
  private func places(_ index: Int, length: Int) throws(ONNXError) -> (values: [Int], shape: Shape) {
    guard case .integers(let indices) = try input(index) else { throw malformed("indices of type float") }
    var places: [Int] = []
    places.reserveCapacity(indices.values.count)
    for index in indices.values { places.append(try place(index, length: length)) }
    return (places, indices.shape)
  }

  private func place(_ index: Int64, length: Int) throws(ONNXError) -> Int {
    guard index >= -Int64(length), index < Int64(length) else {
      throw malformed("there is no place \(index) along an axis of length \(length)")
    }
    return Int(index < 0 ? index + Int64(length) : index)
  }

  /// `Gather`: the places that indices name along an axis, in the indices' own shape; those below 0 count from the end.
  func gather() throws(ONNXError) -> [ONNXTensor] {
    let x = try input(0)
    let axis = try axis(try integer("axis", or: 0), rank: x.shape.rank)
    let (places, indices) = try places(1, length: x.shape[axis])
    let shape = try shape(x.shape[..<axis] + Array(indices) + x.shape[(axis + 1)...])
    var sources = x.shape.map { Array(0..<$0) as AxisSources }
    sources[axis] = places
    return [x.picking(sources).reshaped(to: shape)]
  }

  /// Of each place of a tensor of indices the row-major number, in another of some shape, of the place that has the index along an axis.
  private func numbers(_ places: [Int], _ indices: Shape, in shape: Shape, axis: Int) throws(ONNXError) -> [Int] {
    guard indices.rank == shape.rank,
      (0..<shape.rank).allSatisfy({ $0 == axis || indices[$0] <= shape[$0] })
    else { throw malformed("indices of shape \(indices) along axis \(axis) of \(shape)") }
    let strides = shape.strides
    let own = indices.strides
    return places.enumerated().map { index, place in
      var number = place * strides[axis]
      for other in 0..<shape.rank where other != axis { number += index / own[other] % indices[other] * strides[other] }
      return number
    }
  }

  /// `GatherElements`: for each place of the indices the value whose place along the axis they name.
  func gatherElements() throws(ONNXError) -> [ONNXTensor] {
    let x = try input(0)
    let axis = try axis(try integer("axis", or: 0), rank: x.shape.rank)
    let (places, indices) = try places(1, length: x.shape[axis])
    let numbers = try numbers(places, indices, in: x.shape, axis: axis)
    return [x.reshaped(to: [x.shape.elementCount]).picking([numbers]).reshaped(to: indices)]
  }

  /// `GatherND`: slices by the places that the last axis of the indices names, for each place of the first axes.
  func gatherSlices() throws(ONNXError) -> [ONNXTensor] {
    let x = try input(0)
    let batches = try integer("batch_dims", or: 0)
    let (numbers, indices, width) = try slices(of: x.shape, batches: batches)
    let inner = x.shape[(batches + width)...].reduce(1, *)
    let shape = try shape(Array(indices.dropLast()) + Array(x.shape[(batches + width)...]))
    let table = x.reshaped(to: [x.shape.elementCount / max(1, inner), inner])
    return [table.picking([numbers, Array(0..<inner)]).reshaped(to: shape)]
  }

  /// The number of the slice that each index of the second input names, and how many axes it names.
  private func slices(of shape: Shape, batches: Int) throws(ONNXError) -> (numbers: [Int], indices: Shape, width: Int) {
    guard case .integers(let indices) = try input(1), indices.shape.rank > batches, batches >= 0,
      let width = indices.shape.last, width > 0 || shape.elementCount > 0, batches + width <= shape.rank,
      indices.shape.prefix(batches).elementsEqual(shape.prefix(batches))
    else { throw malformed("indices of shape \(try input(1).shape) for a tensor of shape \(shape)") }
    let count = width == 0 ? indices.shape.dropLast().reduce(1, *) : indices.values.count / width
    let perBatch = max(1, count / max(1, shape[..<batches].reduce(1, *)))
    var numbers: [Int] = []
    for index in 0..<count {
      var number = index / perBatch
      for axis in 0..<width {
        let length = shape[batches + axis]
        number = number * length + (try place(indices.values[index * width + axis], length: length))
      }
      numbers.append(number)
    }
    return (numbers, indices.shape, width)
  }

  /// `ScatterElements`, and `Scatter` as it was called: values put to the places that indices name along an axis.
  func scatterElements() throws(ONNXError) -> [ONNXTensor] {
    let x = try input(0)
    let axis = try axis(try integer("axis", or: 0), rank: x.shape.rank)
    let (places, indices) = try places(1, length: x.shape[axis])
    let numbers = try numbers(places, indices, in: x.shape, axis: axis)
    guard try input(2).shape == indices else {
      throw malformed("values of shape \(try input(2).shape) for indices of shape \(indices)")
    }
    return [try putting(try input(2), into: x, at: numbers)]
  }

  /// `ScatterND`: slices put to the places that the last axis of the indices names.
  func scatterSlices() throws(ONNXError) -> [ONNXTensor] {
    let x = try input(0)
    let (numbers, indices, width) = try slices(of: x.shape, batches: 0)
    let slice = x.shape[width...]
    let inner = slice.reduce(1, *)
    guard try Array(input(2).shape) == Array(indices.dropLast()) + Array(slice) else {
      throw malformed("values of shape \(try input(2).shape) for indices of shape \(indices) in \(x.shape)")
    }
    return [
      try putting(try input(2), into: x, at: numbers.flatMap { number in (0..<inner).map { number * inner + $0 } })
    ]
  }

  /// Values put to places of a tensor, or combined with what is there.
  private func putting(_ values: ONNXTensor, into x: ONNXTensor, at numbers: [Int]) throws(ONNXError) -> ONNXTensor {
    let reduction = try string("reduction", or: "none")
    guard ["none", "add", "mul", "max", "min"].contains(reduction) else {
      throw malformed("'reduction' is '\(reduction)'")
    }
    func put<Value: Comparable>(
      _ values: [Value], into all: inout [Value], add: (Value, Value) -> Value, multiply: (Value, Value) -> Value
    ) {
      for (number, value) in zip(numbers, values) {
        switch reduction {
        case "add": all[number] = add(all[number], value)
        case "mul": all[number] = multiply(all[number], value)
        case "max": all[number] = max(all[number], value)
        case "min": all[number] = min(all[number], value)
        default: all[number] = value
        }
      }
    }
    switch (x, values) {
    case (.floats, .floats), (.doubles, .doubles), (.narrow, .narrow):
      var all = x.floats(Element.self)?.elements ?? []
      put(values.floats(Element.self)?.elements ?? [], into: &all, add: +, multiply: *)
      return .numbers(Tensor(all, shape: x.shape))
    case (.integers(let x), .integers(let values)) where x.type == values.type:
      var all = x.values
      put(values.values, into: &all, add: &+, multiply: &*)
      return .integers(ONNXIntegers(all.map(x.type.wrapping), shape: x.shape, type: x.type))
    case (.strings(let x), .strings(let values)) where reduction == "none":
      var all = x.values
      for (number, value) in zip(numbers, values.values) { all[number] = value }
      return .strings(ONNXStrings(all, shape: x.shape))
    default: throw malformed("values of type \(values.elementType) in a tensor of type \(x.elementType)")
    }
  }

  /// `Unique`: what is there at least once, of all elements or of the slices along an axis; where it is first, which of it stands at each
  /// place, and how often it is there.
  func unique() throws(ONNXError) -> [ONNXTensor] {
    let (x, axis) = try inputAlongAxis()
    let isSorted = try integer("sorted", or: 1) != 0
    let (length, rank) = (x.shape[axis], x.shape.rank)
    let order = [axis] + (0..<rank).filter { $0 != axis }
    let rows = x.transposed(order)
    let width = x.shape.elementCount / max(1, length)
    try limit(Double(x.shape.elementCount) * 64, what: "comparisons")
    /// The number of the kind of each slice, by its first appearance, and the kinds in order.
    func kinds<Value: Hashable>(
      _ values: [Value], _ isLess: (Value, Value) -> Bool
    ) -> (first: [Int], ofPlace: [Int], sorted: [Int]) {
      var known: [[Value]: Int] = [:]
      var (first, ofPlace) = ([Int](), [Int]())
      for place in 0..<length {
        let slice = Array(values[place * width..<(place + 1) * width])
        let number = known[slice] ?? known.count
        if number == known.count {
          known[slice] = number
          first.append(place)
        }
        ofPlace.append(number)
      }
      let sorted = first.indices.sorted { a, b in
        values[first[a] * width..<(first[a] + 1) * width].lexicographicallyPrecedes(
          values[first[b] * width..<(first[b] + 1) * width], by: isLess)
      }
      return (first, ofPlace, sorted)
    }
    let found: (first: [Int], ofPlace: [Int], sorted: [Int])
    switch rows {
    case .integers(let tensor): found = kinds(tensor.ordered, <)
    case .strings(let tensor): found = kinds(tensor.values, <)
    default:
      guard let tensor = rows.floats(Element.self) else { throw unsupported("elements of type \(x.elementType)") }
      // What is no number comes last.
      found = kinds(tensor.elements) { $0 < $1 || $1.isNaN && !$0.isNaN }
    }
    let kept = isSorted ? found.sorted : Array(found.first.indices)
    var numbers = [Int](repeating: 0, count: kept.count)
    for (number, kind) in kept.enumerated() { numbers[kind] = number }
    var counts = [Int64](repeating: 0, count: kept.count)
    for kind in found.ofPlace { counts[numbers[kind]] += 1 }
    var sources = x.shape.map { Array(0..<$0) as AxisSources }
    sources[axis] = kept.map { found.first[$0] }
    func vector(_ values: [Int64]) -> ONNXTensor { .integers(ONNXIntegers(values, shape: [values.count])) }
    return [
      x.picking(sources), vector(kept.map { Int64(found.first[$0]) }),
      vector(found.ofPlace.map { Int64(numbers[$0]) }), vector(counts),
    ]
  }
}
