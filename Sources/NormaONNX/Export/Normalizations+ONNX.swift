import NormaGraph
import NormaLayers
import NormaNormalization
import NormaTensor

extension ONNXExporter {
  /// The names of scale and shift, which ONNX's operators take in any case; of the scale alone where there is no shift.
  fileprivate mutating func addAffine(
    _ affine: AffineInputs, count: Int, hasShift: Bool = true, _ call: Call
  ) throws(ONNXError) -> [String] {
    var names: [String] = []
    for (place, name, value) in [(affine.gamma, "weight", Float(1)), (affine.beta, "bias", 0)].prefix(hasShift ? 2 : 1)
    {
      let known = try place.map { place throws(ONNXError) in try call.constant(place) }
      names.append(
        add(
          constant: known?.value ?? Tensor(repeating: value, shape: [count]),
          named: known.map(\.name) ?? call.name(name)))
    }
    return names
  }
}

extension FixedBatchNormalizationOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    if let statistics = call.statistics, !statistics.hasGathered {
      throw .malformed(
        call.place, "it has gathered no statistics: train the network before it is written for inference")
    }
    let x = exporter.channelsFirst(try call.value(0))
    var constants = try exporter.addAffine(affine, count: x.shape.channelCount, call)
    for index in [1, 2] { constants.append(try exporter.addConstant(index, of: call)) }
    let y = exporter.add(
      "BatchNormalization", [x], constants: constants, ["epsilon": .number(Float(epsilon))], for: call)
    return rectifies ? exporter.add("Relu", [y], for: call) : y
  }
}

extension BatchNormalizationOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    let isOfGhosts = if case .ghosts = scope { true } else { false }
    guard !isOfGhosts, weights == nil, renormalization == nil else {
      throw .unsupported(
        call.place,
        "in training ONNX normalizes by the moments of all rows of a batch: not of ghost batches or of some rows, and not led to running statistics"
      )
    }
    let x = exporter.channelsFirst(try call.value(0))
    let count = x.shape.channelCount
    let known = call.statistics?.runningStatistics
    let mean = exporter.add(constant: known?.mean ?? .zeros([count]), named: call.name("running_mean"))
    let variance = exporter.add(constant: known?.variance ?? .ones([count]), named: call.name("running_var"))
    let outputs = [call.name("running_mean.next"), call.name("running_var.next")]
    if exporter.form == .training && known != nil {
      for name in outputs { exporter.addStatistics(name, count: count) }
    }
    let rule = known?.rule ?? UpdateRule.updating(0.1)
    let name = exporter.addNode(
      "BatchNormalization", at: call.path,
      [x.name] + (try exporter.addAffine(affine, count: count, call)) + [mean, variance],
      [
        "epsilon": .number(Float(epsilon)), "training_mode": .integer(1),
        "momentum": .number(Float(1 - rule.weight(afterBatches: known?.batchCount ?? 0))),
      ], moreOutputs: outputs)
    let y = ONNXExporter.Value(name: name, shape: call.shape, isChannelsFirst: x.isChannelsFirst)
    return rectifies ? exporter.add("Relu", [y], for: call) : y
  }
}

extension LayerNormalizationOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    let x = exporter.channelsLast(try call.value(0))
    let constants = try exporter.addAffine(affine, count: x.shape.channelCount, call)
    return exporter.add(
      "LayerNormalization", [x], constants: constants,
      ["axis": .integer(-1), "epsilon": .number(Float(epsilon))], for: call)
  }
}

extension GroupNormalizationOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    let x = exporter.channelsFirst(try call.value(0))
    let channels = x.shape.channelCount
    let constants = try exporter.addAffine(affine, count: channels, call)
    var attributes: [String: ONNXExporter.Attribute] = ["epsilon": .number(Float(epsilon))]
    // ONNX Runtime wants positions to normalize over.
    let isInstance = groups == channels && x.shape.rank > 2
    if !isInstance { attributes["num_groups"] = .integer(groups) }
    let y = exporter.add(
      isInstance ? "InstanceNormalization" : "GroupNormalization", [x], constants: constants, attributes,
      since: isInstance ? 17 : 21, for: call)
    return rectifies ? exporter.add("Relu", [y], for: call) : y
  }
}

extension RMSNormalizationOperation: ONNXExportable where Element == Float {
  package func export(
    _ call: ONNXExporter.Call, to exporter: inout ONNXExporter
  ) throws(ONNXError) -> ONNXExporter.Value {
    let x = exporter.channelsLast(try call.value(0))
    let constants = try exporter.addAffine(affine, count: x.shape.channelCount, hasShift: false, call)
    return exporter.add(
      "RMSNormalization", [x], constants: constants,
      ["axis": .integer(-1), "epsilon": .number(Float(epsilon))], since: 23, for: call)
  }
}
