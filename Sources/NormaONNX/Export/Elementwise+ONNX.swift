import NormaGraph
import NormaTensor

extension ElementwiseOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    let x = try call.value(0)
    func constant(_ number: Float) -> String {
      exporter.add(constant: .scalar(number), named: call.name("constant"))
    }
    switch function {
    case .leakyReLU(slope: 0): return exporter.add("Relu", [x], for: call)
    case .leakyReLU(let slope): return exporter.add("LeakyRelu", [x], ["alpha": .number(slope)], for: call)
    case .sigmoid: return exporter.add("Sigmoid", [x], for: call)
    case .hyperbolicTangent: return exporter.add("Tanh", [x], for: call)
    case .negate: return exporter.add("Neg", [x], for: call)
    case .square: return exporter.add("Mul", [x, x], for: call)
    case .squareRoot: return exporter.add("Sqrt", [x], for: call)
    case .reciprocal: return exporter.add("Reciprocal", [x], for: call)
    case .exponential: return exporter.add("Exp", [x], for: call)
    case .logarithm: return exporter.add("Log", [x], for: call)
    case .scale(let factor): return exporter.add("Mul", [x], constants: [constant(factor)], for: call)
    case .offset(let term): return exporter.add("Add", [x], constants: [constant(term)], for: call)
    }
  }
}

extension AdditionOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    let sum = try exporter.addArithmetic("Add", broadcast, call)
    return rectifies ? exporter.add("Relu", [sum], for: call) : sum
  }
}

extension ArithmeticOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    let name =
      switch kind {
      case .subtract: "Sub"
      case .multiply: "Mul"
      case .divide: "Div"
      }
    return try exporter.addArithmetic(name, broadcast, call)
  }
}

extension ONNXExporter {
  /// An operation of two operands, either of which may be a constant.
  fileprivate mutating func addArithmetic(
    _ operation: String, _ broadcast: Broadcast, _ call: Call
  ) throws(ONNXError) -> Value {
    guard broadcast != .perRow else { throw .unsupported(call.place, "a number for each row") }
    var values = call.operands.map { operand in if case .value(let value) = operand { value } else { Value?.none } }
    // Vectors of a number for each channel, and constants, are of channels that are last.
    if broadcast == .perChannel || values.contains(where: { $0 == nil })
      || Set(values.map { $0?.isChannelsFirst }).count > 1
    {
      let last = broadcast == .perChannel || values.contains { $0 == nil }
      values = values.map { value in value.map { last ? channelsLast($0) : channelsFirst($0) } }
    }
    var names: [String] = []
    for (index, value) in values.enumerated() {
      if let value {
        names.append(value.name)
      } else {
        names.append(try addConstant(index, of: call))
      }
    }
    let name = addNode(operation, at: call.path, names)
    return Value(
      name: name, shape: call.shape, isChannelsFirst: values.compactMap(\.self).first?.isChannelsFirst ?? false)
  }
}

extension ReductionOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    let x = exporter.channelsLast(try call.value(0))
    let operation = isMean ? "ReduceMean" : "ReduceSum"
    guard isOverRows else { return exporter.add(operation, [x], ["keepdims": .integer(0)], since: 18, for: call) }
    let axes = (0..<x.shape.rank - 1).map(Int64.init)
    let name = exporter.add(
      tensor: .integers(ONNXIntegers(axes, shape: [axes.count])), named: call.name("rows"))
    return exporter.add(operation, [x], constants: [name], ["keepdims": .integer(0)], since: 18, for: call)
  }
}

extension DropoutOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    let ratio = exporter.add(constant: .scalar(Float(1 - keepProbability)), named: call.name("ratio"))
    let isTraining = exporter.add(
      tensor: .integers(ONNXIntegers([1], shape: [], type: .bool)), named: call.name("training"))
    return exporter.add("Dropout", [try call.value(0)], constants: [ratio, isTraining], for: call)
  }
}
