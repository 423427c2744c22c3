/// What an operator is told beside its inputs, and what it does.
struct ONNXOperator: Sendable {
  /// The attributes that it knows; another one asks for something that is not done.
  let attributes: Set<String>
  let body: OperatorCall.Body

  private init(_ attributes: Set<String> = [], _ body: @escaping OperatorCall.Body) {
    self.attributes = attributes
    self.body = body
  }

  private static let window: Set<String> = ["auto_pad", "dilations", "kernel_shape", "pads", "strides"]

  /// The operators of ONNX that are done, all of them on Norma's own operations.
  static let all: [String: ONNXOperator] = [
    "Abs": ONNXOperator { call throws(ONNXError) in try call.unary(.absolute) },
    "Add": ONNXOperator { call throws(ONNXError) in try call.binary(.add) { $0 &+ $1 } },
    "AveragePool": ONNXOperator(window.union(["ceil_mode", "count_include_pad"])) { call throws(ONNXError) in
      try call.pooling(isMaximum: false)
    },
    "BatchNormalization": ONNXOperator(["epsilon", "momentum", "spatial", "training_mode"]) { call throws(ONNXError) in
      try call.batchNormalization()
    },
    "Clip": ONNXOperator(["max", "min"]) { call throws(ONNXError) in try call.clip() },
    "Concat": ONNXOperator(["axis"]) { call throws(ONNXError) in try call.concatenate() },
    "Constant": ONNXOperator(["value", "value_float", "value_floats", "value_int", "value_ints"]) {
      call throws(ONNXError) in try call.constant()
    },
    "Conv": ONNXOperator(window.union(["group"])) { call throws(ONNXError) in try call.convolution() },
    "ConvTranspose": ONNXOperator(window.union(["group", "output_padding", "output_shape"])) { call throws(ONNXError) in
      try call.transposedConvolution()
    },
    "CumSum": ONNXOperator(["exclusive", "reverse"]) { call throws(ONNXError) in try call.cumulativeSum() },
    "DepthToSpace": ONNXOperator(["blocksize", "mode"]) { call throws(ONNXError) in
      try call.movingDepth(toSpace: true)
    },
    "Div": ONNXOperator { call throws(ONNXError) in try call.divide() },
    "Dropout": ONNXOperator(["ratio", "seed"]) { call throws(ONNXError) in try call.dropout() },
    "Elu": ONNXOperator(["alpha"]) { call throws(ONNXError) in
      try call.unary(.activation(.elu(alpha: try call.number("alpha", or: 1))))
    },
    "Exp": ONNXOperator { call throws(ONNXError) in try call.unary(.exponential) },
    "Flatten": ONNXOperator(["axis"]) { call throws(ONNXError) in try call.flatten() },
    "Gather": ONNXOperator(["axis"]) { call throws(ONNXError) in try call.gather() },
    "Gelu": ONNXOperator(["approximate"]) { call throws(ONNXError) in try call.gelu() },
    "Gemm": ONNXOperator(["alpha", "beta", "transA", "transB"]) { call throws(ONNXError) in try call.gemm() },
    "GlobalAveragePool": ONNXOperator { call throws(ONNXError) in try call.globalAverage() },
    "GroupNormalization": ONNXOperator(["epsilon", "num_groups", "stash_type"]) { call throws(ONNXError) in
      try call.groupNormalization()
    },
    "HardSigmoid": ONNXOperator(["alpha", "beta"]) { call throws(ONNXError) in try call.hardSigmoid() },
    "HardSwish": ONNXOperator { call throws(ONNXError) in try call.unary(.activation(.hardSwish)) },
    "Identity": ONNXOperator { call throws(ONNXError) in [try call.input(0)] },
    "InstanceNormalization": ONNXOperator(["epsilon"]) { call throws(ONNXError) in try call.instanceNormalization() },
    "LRN": ONNXOperator(["alpha", "beta", "bias", "size"]) { call throws(ONNXError) in
      try call.localResponseNormalization()
    },
    "LayerNormalization": ONNXOperator(["axis", "epsilon", "stash_type"]) { call throws(ONNXError) in
      try call.layerNormalization()
    },
    "LeakyRelu": ONNXOperator(["alpha"]) { call throws(ONNXError) in
      try call.unary(.leakyReLU(slope: try call.number("alpha", or: 0.01)))
    },
    "Log": ONNXOperator { call throws(ONNXError) in try call.unary(.logarithm) },
    "LogSoftmax": ONNXOperator(["axis"]) { call throws(ONNXError) in try call.softmax(logarithmic: true) },
    "LpNormalization": ONNXOperator(["axis", "p"]) { call throws(ONNXError) in try call.lpNormalization() },
    "MatMul": ONNXOperator { call throws(ONNXError) in try call.matrixProduct() },
    "MaxPool": ONNXOperator(window.union(["ceil_mode", "storage_order"])) { call throws(ONNXError) in
      try call.pooling(isMaximum: true)
    },
    "MeanVarianceNormalization": ONNXOperator(["axes"]) { call throws(ONNXError) in
      try call.meanVarianceNormalization()
    },
    "Mish": ONNXOperator { call throws(ONNXError) in try call.unary(.activation(.mish)) },
    "Mul": ONNXOperator { call throws(ONNXError) in try call.binary(.multiply) { $0 &* $1 } },
    "Neg": ONNXOperator { call throws(ONNXError) in try call.unary(.negate) },
    "PRelu": ONNXOperator { call throws(ONNXError) in try call.parametricReLU() },
    "Pad": ONNXOperator(["mode"]) { call throws(ONNXError) in try call.pad() },
    "Pow": ONNXOperator { call throws(ONNXError) in try call.power() },
    "RMSNormalization": ONNXOperator(["axis", "epsilon", "stash_type"]) { call throws(ONNXError) in
      try call.rmsNormalization()
    },
    "Reciprocal": ONNXOperator { call throws(ONNXError) in try call.unary(.reciprocal) },
    "ReduceLogSumExp": ONNXOperator(["axes", "keepdims", "noop_with_empty_axes"]) { call throws(ONNXError) in
      try call.reduce(.logSumExp)
    },
    "ReduceMean": ONNXOperator(["axes", "keepdims", "noop_with_empty_axes"]) { call throws(ONNXError) in
      try call.reduce(.mean)
    },
    "ReduceSum": ONNXOperator(["axes", "keepdims", "noop_with_empty_axes"]) { call throws(ONNXError) in
      try call.reduce(.sum)
    },
    "Relu": ONNXOperator { call throws(ONNXError) in try call.unary(.leakyReLU(slope: 0)) },
    "Reshape": ONNXOperator(["allowzero"]) { call throws(ONNXError) in try call.reshape() },
    "Resize": ONNXOperator([
      "antialias", "axes", "coordinate_transformation_mode", "cubic_coeff_a", "exclude_outside", "extrapolation_value",
      "keep_aspect_ratio_policy", "mode", "nearest_mode",
    ]) { call throws(ONNXError) in try call.resize() },
    "Sigmoid": ONNXOperator { call throws(ONNXError) in try call.unary(.sigmoid) },
    "Slice": ONNXOperator(["axes", "ends", "starts"]) { call throws(ONNXError) in try call.slice() },
    "Softmax": ONNXOperator(["axis"]) { call throws(ONNXError) in try call.softmax() },
    "Softplus": ONNXOperator { call throws(ONNXError) in try call.unary(.activation(.softplus)) },
    "SpaceToDepth": ONNXOperator(["blocksize", "mode"]) { call throws(ONNXError) in
      try call.movingDepth(toSpace: false)
    },
    "Sqrt": ONNXOperator { call throws(ONNXError) in try call.unary(.squareRoot) },
    "Sub": ONNXOperator { call throws(ONNXError) in try call.binary(.subtract) { $0 &- $1 } },
    "Tanh": ONNXOperator { call throws(ONNXError) in try call.unary(.hyperbolicTangent) },
    "Transpose": ONNXOperator(["perm"]) { call throws(ONNXError) in try call.transpose() },
  ]
}
