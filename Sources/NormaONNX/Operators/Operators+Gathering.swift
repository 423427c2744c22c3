import NormaTensor

extension OperatorCall {
  /// `Gather`: the places that indices name along an axis, in the indices' own shape; those below 0 count from the end.
  func gather() throws(ONNXError) -> [ONNXTensor] {
    let x = try input(0)
    guard case .integers(let indices) = try input(1) else { throw malformed("indices of type float") }
    let axis = try axis(try integer("axis", or: 0), rank: x.shape.rank)
    let length = x.shape[axis]
    var places: AxisSources = []
    for index in indices.values {
      guard index >= -Int64(length), index < Int64(length) else {
        throw malformed("there is no place \(index) along an axis of length \(length)")
      }
      places.append(Int(index < 0 ? index + Int64(length) : index))
    }
    let shape = try shape(x.shape[..<axis] + Array(indices.shape) + x.shape[(axis + 1)...])
    var sources = x.shape.map { Array(0..<$0) as AxisSources }
    sources[axis] = places
    return [x.picking(sources).reshaped(to: shape)]
  }
}
