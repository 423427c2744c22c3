import NormaGraph
import NormaTensor

extension ONNXExporter.Value {
  /// Where the model has an axis of the value, which counts from the end where it is negative.
  func place(ofAxis axis: Int) -> Int {
    let axis = axis < 0 ? axis + shape.rank : axis
    guard isChannelsFirst, axis > 0 else { return axis }
    return axis == shape.rank - 1 ? 1 : axis + 1
  }
}

extension ONNXExporter.Call {
  /// A value, and where the model has one of its axes, which must not be that of the samples: their number is not known.
  fileprivate func value(_ index: Int, axis: Int) throws(ONNXError) -> (value: ONNXExporter.Value, axis: Int) {
    let value = try value(index)
    let place = value.place(ofAxis: axis)
    guard place != 0 else { throw .unsupported(self.place, "what is done along the axis of the samples") }
    return (value, place)
  }
}

extension ONNXExporter {
  /// Adds whole numbers of the model's own and gives their name.
  mutating func add(integers: [Int], named name: String, shape: Shape? = nil) -> String {
    add(tensor: .integers(ONNXIntegers(integers.map(Int64.init), shape: shape ?? [integers.count])), named: name)
  }
}

extension ReductionOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    let x = exporter.channelsLast(try call.value(0))
    let operation = isMean ? "ReduceMean" : "ReduceSum"
    let attributes: [String: ONNXExporter.Attribute] = ["keepdims": .integer(keepsAxes ? 1 : 0)]
    guard axes != .all else { return exporter.add(operation, [x], attributes, since: 18, for: call) }
    // ONNX takes no axes for all.
    if axes(of: x.shape).isEmpty { return x }
    let name = exporter.add(integers: axes(of: x.shape), named: call.name(axes == .rows ? "rows" : "axes"))
    return exporter.add(operation, [x], constants: [name], attributes, since: 18, for: call)
  }
}

extension CumulativeSumOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    let (x, axis) = try call.value(0, axis: axis)
    let name = exporter.add(integers: [axis], named: call.name("axis"), shape: [])
    return exporter.add("CumSum", [x], constants: [name], for: call)
  }
}

extension SoftmaxOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    let (x, axis) = try call.value(0, axis: -1)
    switch kind {
    case .softmax: return exporter.add("Softmax", [x], ["axis": .integer(axis)], for: call)
    case .logSoftmax: return exporter.add("LogSoftmax", [x], ["axis": .integer(axis)], for: call)
    case .logSumExp:
      let x = exporter.channelsLast(x)
      let name = exporter.add(integers: [x.shape.rank - 1], named: call.name("axes"))
      return exporter.add(
        "ReduceLogSumExp", [x], constants: [name], ["keepdims": .integer(0)], since: 18, for: call)
    }
  }
}

extension TranspositionOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    guard axes.first == 0 else { throw .unsupported(call.place, "samples that are brought to another axis") }
    return exporter.add("Transpose", [exporter.channelsLast(try call.value(0))], ["perm": .integers(axes)], for: call)
  }
}

extension ChannelSplittingOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    let x = exporter.channelsLast(try call.value(0))
    guard x.shape.rank > (parts == nil ? 2 : 1) else { throw .unsupported(call.place, "samples as parts of channels") }
    // 0 stands for the length there was.
    let lengths = x.shape.dropLast(parts == nil ? 2 : 1).map { _ in 0 } + (parts.map { [$0] } ?? []) + [-1]
    let name = exporter.add(integers: lengths, named: call.name("shape"))
    return exporter.add("Reshape", [x], constants: [name], for: call)
  }
}

extension OpenReshapeOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    let x = exporter.channelsLast(try call.value(0))
    let shape = lengths[..<openAxis] + [-1] + lengths[openAxis...]
    let name = exporter.add(integers: Array(shape), named: call.name("shape"))
    return exporter.add("Reshape", [x], constants: [name], for: call)
  }
}

extension BroadcastOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    var name = try call.isConstant(0) ? exporter.addConstant(0, of: call) : exporter.channelsLast(call.value(0)).name
    for index in 1..<call.count {
      let shape =
        try call.isConstant(index)
        ? exporter.add(integers: Array(call.constant(index).value.shape), named: call.name("shape"))
        : exporter.addNode("Shape", at: call.path, [exporter.channelsLast(call.value(index)).name])
      name = exporter.addNode("Expand", at: call.path, [name, shape])
    }
    return ONNXExporter.Value(name: name, shape: call.shape, isChannelsFirst: false)
  }
}

extension SliceOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    let (x, axis) = try call.value(0, axis: axis)
    var names: [String] = []
    for (name, number) in [("starts", range.lowerBound), ("ends", range.upperBound), ("axes", axis)] {
      names.append(exporter.add(integers: [number], named: call.name(name)))
    }
    return exporter.add("Slice", [x], constants: names, for: call)
  }
}

extension GatherOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    let (x, axis) = try call.value(0, axis: axis)
    let name = exporter.add(integers: indices, named: call.name("indices"))
    return exporter.add("Gather", [x], constants: [name], ["axis": .integer(axis)], for: call)
  }
}

extension ConcatenationOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    var values: [ONNXExporter.Value] = []
    for index in 0..<call.count {
      let value = try call.value(index, axis: axis).value
      values.append(
        values.first?.isChannelsFirst == true ? exporter.channelsFirst(value) : exporter.channelsLast(value))
    }
    return exporter.add("Concat", values, ["axis": .integer(values[0].place(ofAxis: axis))], for: call)
  }
}

extension PaddingOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    let (x, axis) = try call.value(0, axis: axis)
    var pads = [Int](repeating: 0, count: 2 * x.shape.rank)
    (pads[axis], pads[x.shape.rank + axis]) = (before, after)
    var names = [exporter.add(integers: pads, named: call.name("pads"))]
    let (word, version) =
      switch mode {
      case .constant: ("constant", 17)
      case .reflect: ("reflect", 17)
      case .replicate: ("edge", 17)
      case .circular: ("wrap", 19)
      }
    if case .constant(let value) = mode {
      names.append(exporter.add(constant: .scalar(value), named: call.name("constant")))
    }
    return exporter.add("Pad", [x], constants: names, ["mode": .string(word)], since: version, for: call)
  }
}

extension PixelShuffleOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    let x = exporter.channelsFirst(try call.value(0))
    guard isInverse else {
      return exporter.add(
        "DepthToSpace", [x], ["blocksize": .integer(factor), "mode": .string("CRD")], for: call)
    }
    // SpaceToDepth has the channels in this order only in later versions than runtimes know.
    let (height, width, channels) = (call.shape[1], call.shape[2], x.shape.channelCount)
    let split = exporter.add(
      integers: [0, channels, height, factor, width, factor], named: call.name("squares"))
    let merged = exporter.add(integers: [0, call.shape.channelCount, height, width], named: call.name("shape"))
    let squares = exporter.add("Reshape", [x], constants: [split], for: call)
    let turned = exporter.add("Transpose", [squares], ["perm": .integers([0, 1, 3, 5, 2, 4])], for: call)
    return exporter.add("Reshape", [turned], constants: [merged], for: call)
  }
}
