import NormaLayers
import NormaTensor

/// Makes the nodes of a model, layer by layer.
struct NetworkExporter {
  let form: ONNXModel.Form
  private(set) var operatorSet = 17
  private(set) var nodes: [ONNXNode] = []
  private(set) var initializers: [String: ONNXTensor] = [:]
  /// The outputs for new running statistics.
  private(set) var statistics: [ONNXValue] = []

  init(form: ONNXModel.Form) { self.form = form }

  /// Adds a node and gives the name of its result.
  mutating func add(
    _ operation: String, at path: String, _ inputs: [String], _ attributes: [String: ONNXNode.Attribute] = [:],
    since version: Int = 17, moreOutputs: [String] = []
  ) -> String {
    // A layer that takes part twice, or takes several nodes, needs several names.
    let base = path.isEmpty ? operation : "\(path)/\(operation)"
    let taken = nodes.count { $0.name == base || $0.name.hasPrefix("\(base)#") }
    let name = taken == 0 ? base : "\(base)#\(taken + 1)"
    nodes.append(
      ONNXNode(
        operation: operation, name: name, inputs: inputs, outputs: [name] + moreOutputs, attributes: attributes))
    operatorSet = max(operatorSet, version)
    return name
  }

  /// Adds a tensor of the model's own and gives its name.
  mutating func add(_ tensor: Tensor<Float>, named name: String, at path: String) -> String {
    add(.floats(tensor), named: name, at: path)
  }

  /// Adds a tensor of the model's own and gives its name.
  mutating func add(_ tensor: ONNXTensor, named name: String, at path: String) -> String {
    let name = path.isEmpty ? name : "\(path).\(name)"
    initializers[name] = tensor
    return name
  }

  /// Adds an output for a vector of running statistics.
  mutating func addStatistics(_ name: String, count: Int) {
    statistics.append(ONNXValue(name, .float, [.fixed(count)]))
  }

  /// Gives the last value the name of the model's output.
  mutating func finish(_ value: inout ExportedValue, as name: String) {
    // An input cannot be an output.
    if nodes.isEmpty { value.name = add("Identity", at: "", [value.name]) }
    for index in nodes.indices {
      nodes[index].outputs = nodes[index].outputs.map { $0 == value.name ? name : $0 }
      nodes[index].inputs = nodes[index].inputs.map { $0 == value.name ? name : $0 }
    }
    value.name = name
  }
}

// Where the channels are.
extension NetworkExporter {
  /// The value as `[N, C, …]`.
  mutating func channelsFirst(_ value: ExportedValue) -> ExportedValue {
    guard value.shape.rank > 2, !value.isChannelsFirst else { return value }
    let axes = [0, value.shape.rank - 1] + Array(1..<value.shape.rank - 1)
    var result = value
    result.name = add("Transpose", at: "", [value.name], ["perm": .integers(axes)])
    result.isChannelsFirst = true
    return result
  }

  /// The value as `[N, …, C]`.
  mutating func channelsLast(_ value: ExportedValue) -> ExportedValue {
    guard value.isChannelsFirst else { return value }
    let axes = [0] + Array(2..<value.shape.rank) + [1]
    var result = value
    result.name = add("Transpose", at: "", [value.name], ["perm": .integers(axes)])
    result.isChannelsFirst = false
    return result
  }

  /// `x · scale + mean`, of outputs `[N, K]` and vectors `[K]`.
  mutating func undoStandardization(
    of x: ExportedValue, mean: Tensor<Float>, scale: Tensor<Float>
  ) throws(ONNXError) -> ExportedValue {
    var result = x
    for (name, operation, vector) in [("scale", "Mul", scale), ("mean", "Add", mean)] {
      guard Shape(x.shape.dropFirst()) == vector.shape else {
        throw .malformed(
          "the standardization of the outputs", "a \(name) of shape \(vector.shape) does not fit \(x.shape.dropFirst())"
        )
      }
      let constant = add(vector, named: name, at: "target_standardization")
      result.name = add(operation, at: "target_standardization", [result.name, constant])
    }
    return result
  }

  /// `(x − mean) / scale`.
  mutating func standardize(
    _ x: ExportedValue, mean: Tensor<Float>, scale: Tensor<Float>
  ) throws(ONNXError) -> ExportedValue {
    var result = x
    let rank = x.shape.rank - 1
    for (name, operation, tensor) in [("mean", "Sub", mean), ("scale", "Div", scale)] {
      let tensor = tensor.count == 1 ? tensor.reshaped(to: [1]) : tensor
      guard commonShape(tensor.shape, Shape(x.shape.dropFirst())) == Array(x.shape.dropFirst()) else {
        throw .malformed(
          "the standardization", "a \(name) of shape \(tensor.shape) does not fit \(x.shape.dropFirst())")
      }
      let lengths = [Int](repeating: 1, count: rank - tensor.shape.rank) + tensor.shape
      let first = tensor.reshaped(to: Shape(lengths)).transposed([rank - 1] + Array(0..<rank - 1))
      let constant = add(x.isChannelsFirst ? first : tensor, named: name, at: "standardization")
      result.name = add(operation, at: "standardization", [result.name, constant])
    }
    return result
  }
}
