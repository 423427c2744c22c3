import NormaConvolution
import NormaLayers
import NormaNormalization
import NormaTensor

extension NetworkExporter {
  /// What a layer makes of a value.
  mutating func apply(
    _ layer: any Layer<Float>, at path: String, to x: ExportedValue
  ) throws(ONNXError) -> ExportedValue {
    switch layer {
    case let layer as Sequential<Float>: return try apply(layer.children, at: path, to: x)
    case let layer as Residual<Float>: return try residual(layer, at: path, to: x)
    case let layer as Linear<Float>: return linear(layer, at: path, to: x)
    case let layer as Conv2d<Float>: return convolution(layer, at: path, to: x)
    case let layer as BatchNorm<Float>: return try batchNorm(layer, at: path, to: x)
    case let layer as LayerNorm<Float>: return layerNorm(layer, at: path, to: x)
    case let layer as GroupNorm<Float>:
      return groupNorm(layer.gamma, layer.beta, layer.epsilon, groups: layer.groups, at: path, to: x)
    case let layer as InstanceNorm<Float>: return instanceNorm(layer, at: path, to: x)
    case let layer as MaxPool2d<Float>:
      return try pooling("MaxPool", layer.window, [:], layer, at: path, to: x)
    case let layer as AveragePool2d<Float>:
      return try pooling(
        "AveragePool", layer.window, ["count_include_pad": .integer(layer.countsPadding ? 1 : 0)], layer, at: path,
        to: x)
    case is GlobalAveragePool<Float>: return globalAverage(at: path, to: x)
    case let layer as PaddedShortcut<Float>: return try paddedShortcut(layer, at: path, to: x)
    case is Flatten<Float>: return flatten(at: path, to: x)
    case let layer as Dropout<Float>: return dropout(layer, at: path, to: x)
    case is ReLU<Float>: return function("Relu", at: path, of: x)
    case let layer as LeakyReLU<Float>:
      return function("LeakyRelu", ["alpha": .number(Float(layer.slope))], at: path, of: x)
    case is Sigmoid<Float>: return function("Sigmoid", at: path, of: x)
    case is Tanh<Float>: return function("Tanh", at: path, of: x)
    default: throw .unsupported(Self.place(layer, path), "no operators of ONNX are known that do what this layer does")
    }
  }

  private static func place(_ layer: any Layer<Float>, _ path: String) -> String {
    path.isEmpty ? layer.summary : "\(layer.summary) at '\(path)'"
  }

  private mutating func apply(
    _ layers: [(name: String, layer: any Layer<Float>)], at path: String, to x: ExportedValue
  ) throws(ONNXError) -> ExportedValue {
    var x = x
    for (name, layer) in layers { x = try apply(layer, at: path.isEmpty ? name : "\(path).\(name)", to: x) }
    return x
  }

  private mutating func residual(
    _ layer: Residual<Float>, at path: String, to x: ExportedValue
  ) throws(ONNXError) -> ExportedValue {
    var y = try apply(layer.body.children, at: path, to: x)
    let name = path.isEmpty ? "downsample" : "\(path).downsample"
    var around = try layer.shortcut.map { shortcut throws(ONNXError) in try apply(shortcut, at: name, to: x) } ?? x
    if y.isChannelsFirst != around.isChannelsFirst { (y, around) = (channelsFirst(y), channelsFirst(around)) }
    y.name = add("Add", at: path, [y.name, around.name])
    return layer.rectifies ? function("Relu", at: path, of: y) : y
  }

  private mutating func function(
    _ operation: String, _ attributes: [String: ONNXNode.Attribute] = [:], at path: String, of x: ExportedValue
  ) -> ExportedValue {
    var y = x
    y.name = add(operation, at: path, [x.name], attributes)
    return y
  }

  private mutating func linear(_ layer: Linear<Float>, at path: String, to x: ExportedValue) -> ExportedValue {
    var y = channelsLast(x)
    let weight = layer.weight.value
    if x.shape.rank == 2 {
      var inputs = [y.name, add(weight, named: "weight", at: path)]
      if let bias = layer.bias { inputs.append(add(bias.value, named: "bias", at: path)) }
      y.name = add("Gemm", at: path, inputs, ["transB": .integer(1)])
    } else {
      y.name = add("MatMul", at: path, [y.name, add(weight.transposed([1, 0]), named: "weight", at: path)])
      if let bias = layer.bias { y.name = add("Add", at: path, [y.name, add(bias.value, named: "bias", at: path)]) }
    }
    y.shape = x.shape.replacingLast(with: weight.shape[0])
    return y
  }

  private mutating func dropout(_ layer: Dropout<Float>, at path: String, to x: ExportedValue) -> ExportedValue {
    guard form == .training, layer.keepProbability < 1 else { return x }
    var y = x
    let ratio = add(.scalar(Float(1 - layer.keepProbability)), named: "ratio", at: path)
    let isTraining = add(.integers(ONNXIntegers([1], shape: [], type: .bool)), named: "training", at: path)
    y.name = add("Dropout", at: path, [x.name, ratio, isTraining])
    return y
  }

  private mutating func flatten(at path: String, to x: ExportedValue) -> ExportedValue {
    // One position, or one channel, is in the same order either way.
    let isSame = x.positions.allSatisfy { $0 == 1 } || x.shape.channelCount == 1
    var y = isSame ? x : channelsLast(x)
    y.name = add("Flatten", at: path, [y.name], ["axis": .integer(1)])
    y.shape = [1, x.shape.elementCount]
    y.isChannelsFirst = false
    return y
  }
}

// Images.
extension NetworkExporter {
  private func attributes(_ window: Window) -> [String: ONNXNode.Attribute] {
    var attributes: [String: ONNXNode.Attribute] = [
      "kernel_shape": .integers([window.size.height, window.size.width]),
      "strides": .integers([window.stride.height, window.stride.width]),
      "pads": .integers([
        window.padding.height, window.padding.width, window.padding.height, window.padding.width,
      ]),
    ]
    if window.dilation != 1 { attributes["dilations"] = .integers([window.dilation.height, window.dilation.width]) }
    return attributes
  }

  private mutating func convolution(_ layer: Conv2d<Float>, at path: String, to x: ExportedValue) -> ExportedValue {
    var y = channelsFirst(x)
    var inputs = [y.name, add(layer.weight.value, named: "weight", at: path)]
    if let bias = layer.bias { inputs.append(add(bias.value, named: "bias", at: path)) }
    y.name = add(
      "Conv", at: path, inputs, attributes(layer.window).merging(["group": .integer(layer.groups)]) { $1 })
    let outputs = layer.weight.value.shape[0]
    y.shape = Convolution2d.outputShape(for: x.shape, outputs: outputs, window: layer.window) ?? x.shape
    return y
  }

  private mutating func pooling(
    _ operation: String, _ window: Window, _ more: [String: ONNXNode.Attribute], _ layer: any Layer<Float>,
    at path: String, to x: ExportedValue
  ) throws(ONNXError) -> ExportedValue {
    var y = channelsFirst(x)
    let isSpreadAverage = operation == "AveragePool" && window.dilation != 1
    y.name = add(
      operation, at: path, [y.name], attributes(window).merging(more) { $1 }, since: isSpreadAverage ? 21 : 17)
    do { y.shape = try layer.outputShape(for: x.shape) } catch {
      throw .malformed(Self.place(layer, path), "\(error)")
    }
    return y
  }

  private mutating func globalAverage(at path: String, to x: ExportedValue) -> ExportedValue {
    guard x.shape.rank > 2 else { return x }
    var y = channelsFirst(x)
    y.name = add("GlobalAveragePool", at: path, [y.name])
    y.name = add("Flatten", at: path, [y.name], ["axis": .integer(1)])
    y.shape = [1, x.shape.channelCount]
    y.isChannelsFirst = false
    return y
  }

  private mutating func paddedShortcut(
    _ layer: PaddedShortcut<Float>, at path: String, to x: ExportedValue
  ) throws(ONNXError) -> ExportedValue {
    var y = channelsFirst(x)
    if layer.stride > 1 {
      let window = Window(1, stride: Extent2d(height: layer.stride, width: layer.stride))
      y = try pooling("AveragePool", window, [:], AveragePool2d<Float>(window), at: path, to: y)
    }
    let more = Int64(layer.channels - x.shape.channelCount)
    let pads = ONNXIntegers([0, 0, 0, 0, 0, more, 0, 0], shape: [8])
    y.name = add("Pad", at: path, [y.name, add(.integers(pads), named: "pads", at: path)])
    y.shape = y.shape.replacingLast(with: layer.channels)
    return y
  }
}

// Normalization.
extension NetworkExporter {
  private mutating func batchNorm(
    _ layer: BatchNorm<Float>, at path: String, to x: ExportedValue
  ) throws(ONNXError) -> ExportedValue {
    var y = channelsFirst(x)
    let count = layer.featureCount
    let known = layer.runningStatistics
    if form == .inference, known != nil, !layer.hasGatheredStatistics {
      throw .malformed(
        Self.place(layer, path), "it has gathered no statistics: train the network before it is written for inference")
    }
    let inputs = [
      y.name, add(layer.gamma?.value ?? .ones([count]), named: "weight", at: path),
      add(layer.beta?.value ?? .zeros([count]), named: "bias", at: path),
      add(known?.mean ?? .zeros([count]), named: "running_mean", at: path),
      add(known?.variance ?? .ones([count]), named: "running_var", at: path),
    ]
    var attributes: [String: ONNXNode.Attribute] = ["epsilon": .number(Float(layer.conventions.epsilon))]
    var more: [String] = []
    // Without running statistics it normalizes with the batch's in inference, too.
    if form == .training || known == nil {
      let rule = known?.rule ?? layer.conventions.rule
      attributes["momentum"] = .number(Float(1 - rule.weight(afterBatches: known?.batchCount ?? 0)))
      attributes["training_mode"] = .integer(1)
      let prefix = path.isEmpty ? "" : path + "."
      more = ["\(prefix)running_mean.next", "\(prefix)running_var.next"]
      if form == .training && known != nil { for name in more { addStatistics(name, count: count) } }
    }
    y.name = add("BatchNormalization", at: path, inputs, attributes, moreOutputs: more)
    return y
  }

  private mutating func layerNorm(_ layer: LayerNorm<Float>, at path: String, to x: ExportedValue) -> ExportedValue {
    var y = channelsLast(x)
    let inputs = [y.name] + affine(layer.gamma, layer.beta, count: layer.featureCount, at: path)
    y.name = add(
      "LayerNormalization", at: path, inputs, ["axis": .integer(-1), "epsilon": .number(Float(layer.epsilon))])
    return y
  }

  private mutating func groupNorm(
    _ gamma: Parameter<Float>?, _ beta: Parameter<Float>?, _ epsilon: Double, groups: Int, at path: String,
    to x: ExportedValue
  ) -> ExportedValue {
    var y = channelsFirst(x)
    let inputs = [y.name] + affine(gamma, beta, count: x.shape.channelCount, at: path)
    y.name = add(
      "GroupNormalization", at: path, inputs, ["epsilon": .number(Float(epsilon)), "num_groups": .integer(groups)],
      since: 21)
    return y
  }

  private mutating func instanceNorm(
    _ layer: InstanceNorm<Float>, at path: String, to x: ExportedValue
  ) -> ExportedValue {
    // ONNX Runtime wants positions to normalize over.
    guard x.shape.rank > 2 else {
      return groupNorm(layer.gamma, layer.beta, layer.epsilon, groups: layer.featureCount, at: path, to: x)
    }
    var y = channelsFirst(x)
    let inputs = [y.name] + affine(layer.gamma, layer.beta, count: layer.featureCount, at: path)
    y.name = add("InstanceNormalization", at: path, inputs, ["epsilon": .number(Float(layer.epsilon))])
    return y
  }

  private mutating func affine(
    _ gamma: Parameter<Float>?, _ beta: Parameter<Float>?, count: Int, at path: String
  ) -> [String] {
    [
      add(gamma?.value ?? .ones([count]), named: "weight", at: path),
      add(beta?.value ?? .zeros([count]), named: "bias", at: path),
    ]
  }
}
