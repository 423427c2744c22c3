import NormaGraph
import NormaLayers
import NormaTensor

/// An operation that has a form in ONNX.
///
/// ```swift
/// extension SquaredReLU: ONNXExportable {
///   func export(_ call: ONNXExporter.Call, to exporter: inout ONNXExporter) throws(ONNXError) -> ONNXExporter.Value {
///     let positive = exporter.add("Relu", [try call.value(0)], for: call)
///     return exporter.add("Mul", [positive, positive], for: call)
///   }
/// }
/// ```
public protocol ONNXExportable {
  /// Adds the nodes that do what the operation does, and gives their result.
  ///
  /// - Throws: ``ONNXError`` where there are none in this case.
  func export(_ call: ONNXExporter.Call, to exporter: inout ONNXExporter) throws(ONNXError) -> ONNXExporter.Value
}

/// Makes the nodes of a model, operation by operation.
public struct ONNXExporter {
  /// A value in the model.
  public struct Value: Sendable {
    /// Its name in the model.
    public var name: String
    /// Its shape with a batch of 1, channels last.
    public var shape: Shape
    /// Whether it is `[N, C, …]` in the model. Without other axes both are the same, and this is false.
    public var isChannelsFirst: Bool

    /// The axes after the batch and without the channels.
    var positions: ArraySlice<Int> { Array(shape)[1..<max(1, shape.rank - 1)] }

    /// What the model says of it as an input or output.
    func declaration(_ type: ONNXElementType = .float) -> ONNXValue {
      let lengths = isChannelsFirst ? [shape.channelCount] + positions : Array(shape.dropFirst())
      return ONNXValue(name, type, [.named("batch")] + lengths.map { .fixed($0) })
    }
  }

  /// What an operator of ONNX can be told beside its inputs.
  public enum Attribute: Sendable, Equatable {
    case number(Float)
    case integer(Int)
    case string(String)
    case numbers([Float])
    case integers([Int])

    fileprivate var ofNode: ONNXNode.Attribute {
      switch self {
      case .number(let value): .number(value)
      case .integer(let value): .integer(value)
      case .string(let value): .string(value)
      case .numbers(let values): .numbers(values)
      case .integers(let values): .integers(values)
      }
    }
  }

  /// One use of an operation.
  public struct Call {
    /// The path of the layer that it belongs to.
    public let path: String
    /// What the layer is, and where, for errors.
    public let place: String
    /// The shape of the result with a batch of 1, channels last.
    public let shape: Shape
    let operands: [Operand]
    /// The layer's running statistics, if it keeps any.
    let statistics: (any StatisticsGathering<Float>)?

    /// The number of inputs.
    public var count: Int { operands.count }

    /// The name in the model of something of the layer's own.
    public func name(_ local: String) -> String { path.isEmpty ? local : "\(path).\(local)" }

    /// An input that depends on the batch.
    ///
    /// - Throws: ``ONNXError`` if it is a constant.
    public func value(_ index: Int) throws(ONNXError) -> Value {
      guard case .value(let value) = operands[index] else {
        throw .unsupported(place, "a constant for input \(index)")
      }
      return value
    }

    /// Whether an input is a parameter, a buffer or another constant.
    func isConstant(_ index: Int) -> Bool { if case .constant = operands[index] { true } else { false } }

    /// An input that is a parameter, a buffer or another constant.
    ///
    /// - Throws: ``ONNXError`` if it depends on the batch.
    public func constant(_ index: Int) throws(ONNXError) -> (name: String, value: Tensor<Float>) {
      guard case .constant(let name, let value) = operands[index] else {
        throw .unsupported(place, "an input \(index) that depends on the batch")
      }
      return (name, value)
    }
  }

  enum Operand {
    case value(Value)
    case constant(name: String, Tensor<Float>)
  }

  /// Which of a network's two ways of working is written.
  public let form: ONNXModel.Form
  private(set) var operatorSet = 17
  private(set) var nodes: [ONNXNode] = []
  private(set) var initializers: [String: ONNXTensor] = [:]
  /// The outputs for new running statistics.
  private(set) var statistics: [ONNXValue] = []
  /// Whether the model's input is indices, which in ONNX are whole numbers.
  private(set) var takesIndices = false

  init(form: ONNXModel.Form) { self.form = form }

  /// Adds a node on values and gives its result, of the call's shape, with channels where those of its first input are.
  ///
  /// - Parameters:
  ///   - operation: the name of ONNX's operator.
  ///   - inputs: what it takes.
  ///   - constants: the names of initializers that it takes after these, as ``add(constant:named:)`` gave them.
  ///   - attributes: its attributes.
  ///   - version: the version of ONNX's operators that it is first in, as it is used.
  ///   - call: the operation that it is a part of.
  public mutating func add(
    _ operation: String, _ inputs: [Value], constants: [String] = [], _ attributes: [String: Attribute] = [:],
    since version: Int = 17, for call: Call
  ) -> Value {
    let name = addNode(
      operation, at: call.path, inputs.map(\.name) + constants, attributes.mapValues(\.ofNode), since: version)
    return Value(name: name, shape: call.shape, isChannelsFirst: inputs.first?.isChannelsFirst ?? false)
  }

  /// Adds a tensor of the model's own and gives its name.
  public mutating func add(constant tensor: Tensor<Float>, named name: String) -> String {
    add(tensor: .floats(tensor), named: name)
  }

  /// Adds an input of a call that is a constant, under the name it has in files, and gives its name.
  ///
  /// - Throws: ``ONNXError`` if it depends on the batch.
  public mutating func addConstant(_ index: Int, of call: Call) throws(ONNXError) -> String {
    let constant = try call.constant(index)
    return add(constant: constant.value, named: constant.name)
  }

  /// Adds a tensor of the model's own and gives its name; another one if another tensor has that.
  mutating func add(tensor: ONNXTensor, named name: String) -> String {
    var free = name.isEmpty ? "constant" : name
    var number = 1
    while let known = initializers[free], known != tensor {
      number += 1
      free = "\(name)#\(number)"
    }
    initializers[free] = tensor
    return free
  }

  /// Adds a node and gives the name of its first result.
  mutating func addNode(
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

  /// Adds an output for a vector of running statistics.
  mutating func addStatistics(_ name: String, count: Int) {
    statistics.append(ONNXValue(name, .float, [.fixed(count)]))
  }

  /// An input of a call as indices: only the model's own input can be declared as such.
  ///
  /// - Throws: ``ONNXError`` for what is computed.
  mutating func indices(_ index: Int, of call: Call) throws(ONNXError) -> String {
    let value = try call.value(index)
    guard value.name == Self.inputName else { throw .unsupported(call.place, "indices that are computed") }
    takesIndices = true
    return value.name
  }

  /// Makes sure that an input of indices is used for nothing else.
  func checkIndices() throws(ONNXError) {
    guard takesIndices else { return }
    for node in nodes {
      for (place, input) in node.inputs.enumerated()
      where input == Self.inputName && !(node.operation == "Gather" && place == 1) {
        throw .unsupported("the network", "inputs that are indices and numbers, for \(node.operation)")
      }
    }
  }

  /// What the model's input is called.
  static let inputName = "input"

  /// Gives the last value the name of the model's output.
  mutating func finish(_ value: inout Value, as name: String) {
    // An input cannot be an output.
    if nodes.isEmpty { value.name = addNode("Identity", at: "", [value.name]) }
    for index in nodes.indices {
      nodes[index].outputs = nodes[index].outputs.map { $0 == value.name ? name : $0 }
      nodes[index].inputs = nodes[index].inputs.map { $0 == value.name ? name : $0 }
    }
    value.name = name
  }
}

// Where the channels are.
extension ONNXExporter {
  /// The value as `[N, C, …]`.
  public mutating func channelsFirst(_ value: Value) -> Value {
    guard value.shape.rank > 2, !value.isChannelsFirst else { return value }
    return transposed(value, [0, value.shape.rank - 1] + Array(1..<value.shape.rank - 1), isChannelsFirst: true)
  }

  /// The value as `[N, …, C]`.
  public mutating func channelsLast(_ value: Value) -> Value {
    guard value.isChannelsFirst else { return value }
    return transposed(value, [0] + Array(2..<value.shape.rank) + [1], isChannelsFirst: false)
  }

  private mutating func transposed(_ value: Value, _ axes: [Int], isChannelsFirst: Bool) -> Value {
    var result = value
    result.name = addNode("Transpose", at: "", [value.name], ["perm": .integers(axes)])
    result.isChannelsFirst = isChannelsFirst
    return result
  }
}

// The program.
extension ONNXExporter {
  /// What a network makes of a value.
  mutating func apply(_ network: any Layer<Float>, to input: Value) throws(ONNXError) -> Value {
    let program: Program<Float>
    do {
      program = try Program(
        network, batchShape: input.shape, for: form == .training ? .exportedTraining : .shapes)
    } catch let error as InferenceModelError {
      throw .unsupported(error.path.isEmpty ? error.layer : "\(error.layer) at '\(error.path)'", "\(error)")
    } catch {
      throw .malformed("the network", "\(error)")
    }
    let layers = Dictionary(network.layers.map { ($0.path, $0.layer) }, uniquingKeysWith: { first, _ in first })
    var values: [Int: Value] = [0: input]
    var folded: [Int: Operand] = [:]
    for (index, node) in program.nodes.enumerated() {
      guard let operation = node.operation else { continue }
      let place = node.path.isEmpty ? node.layer : "\(node.layer) at '\(node.path)'"
      let operands = node.inputs.map { input in
        values[input].map { .value($0) } ?? folded[input]
          ?? Operand.constant(name: program.nodes[input].name, program.nodes[input].value ?? .zeros([]))
      }
      // What is computed from constants alone is one, such as a normalized weight.
      if let constant = try constant(of: operation, operands, named: node.name, place) {
        folded[index] = constant
        continue
      }
      guard let exportable = operation as? any ONNXExportable else {
        throw .unsupported(
          place, "no operators of ONNX are known that do what its operation '\(operation.name)' does")
      }
      let call = Call(
        path: node.path, place: place, shape: node.shape ?? [], operands: operands,
        statistics: layers[node.path] as? any StatisticsGathering<Float>)
      values[index] = try exportable.export(call, to: &self)
    }
    if form == .training {
      for path in program.gatheredCounts.keys.sorted() {
        guard let layer = layers[path] as? any StatisticsGathering<Float>, layer.runningStatistics != nil else {
          continue
        }
        let name = path.isEmpty ? "running_mean.next" : "\(path).running_mean.next"
        guard statistics.contains(where: { $0.name == name }) else {
          throw .unsupported(
            path.isEmpty ? layer.summary : "\(layer.summary) at '\(path)'",
            "no operator of ONNX gathers its statistics: write the network for inference")
        }
      }
    }
    guard let output = values[program.output] else {
      throw .unsupported("the network", "outputs that do not depend on its inputs")
    }
    return output
  }

  /// The result of an operation on constants; nil if any of its inputs depends on the batch.
  private func constant(
    of operation: any TensorOperation<Float>, _ operands: [Operand], named own: String, _ place: String
  ) throws(ONNXError) -> Operand? {
    var name = ""
    var tensors: [Tensor<Float>] = []
    for case .constant(let known, let value) in operands {
      if name.isEmpty { name = known }
      tensors.append(value)
    }
    guard tensors.count == operands.count else { return nil }
    do {
      return .constant(name: own.isEmpty ? "\(name)/\(operation.name)" : own, try operation.result(of: tensors))
    } catch { throw .unsupported(place, "\(error)") }
  }

  /// `x · scale + mean`, of outputs `[N, K]` and vectors `[K]`.
  mutating func undoStandardization(
    of x: Value, mean: Tensor<Float>, scale: Tensor<Float>
  ) throws(ONNXError) -> Value {
    var result = x
    for (name, operation, vector) in [("scale", "Mul", scale), ("mean", "Add", mean)] {
      guard Shape(x.shape.dropFirst()) == vector.shape else {
        throw .malformed(
          "the standardization of the outputs", "a \(name) of shape \(vector.shape) does not fit \(x.shape.dropFirst())"
        )
      }
      let constant = add(constant: vector, named: "target_standardization.\(name)")
      result.name = addNode(operation, at: "target_standardization", [result.name, constant])
    }
    return result
  }

  /// `(x − mean) / scale`.
  mutating func standardize(_ x: Value, mean: Tensor<Float>, scale: Tensor<Float>) throws(ONNXError) -> Value {
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
      let constant = add(constant: x.isChannelsFirst ? first : tensor, named: "standardization.\(name)")
      result.name = addNode(operation, at: "standardization", [result.name, constant])
    }
    return result
  }
}
