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
    "Add": ONNXOperator { call throws(ONNXError) in try call.binary(.add) { $0 &+ $1 } },
    "AveragePool": ONNXOperator(window.union(["ceil_mode", "count_include_pad"])) { call throws(ONNXError) in
      try call.pooling(isMaximum: false)
    },
    "BatchNormalization": ONNXOperator(["epsilon", "momentum", "spatial", "training_mode"]) { call throws(ONNXError) in
      try call.batchNormalization()
    },
    "Concat": ONNXOperator(["axis"]) { call throws(ONNXError) in try call.concatenate() },
    "Constant": ONNXOperator(["value", "value_float", "value_floats", "value_int", "value_ints"]) {
      call throws(ONNXError) in try call.constant()
    },
    "Conv": ONNXOperator(window.union(["group"])) { call throws(ONNXError) in try call.convolution() },
    "ConvTranspose": ONNXOperator(window.union(["group", "output_padding", "output_shape"])) { call throws(ONNXError) in
      try call.transposedConvolution()
    },
    "Div": ONNXOperator { call throws(ONNXError) in try call.divide() },
    "Dropout": ONNXOperator(["ratio", "seed"]) { call throws(ONNXError) in try call.dropout() },
    "Flatten": ONNXOperator(["axis"]) { call throws(ONNXError) in try call.flatten() },
    "Gather": ONNXOperator(["axis"]) { call throws(ONNXError) in try call.gather() },
    "Gemm": ONNXOperator(["alpha", "beta", "transA", "transB"]) { call throws(ONNXError) in try call.gemm() },
    "GlobalAveragePool": ONNXOperator { call throws(ONNXError) in try call.globalAverage() },
    "GroupNormalization": ONNXOperator(["epsilon", "num_groups", "stash_type"]) { call throws(ONNXError) in
      try call.groupNormalization()
    },
    "Identity": ONNXOperator { call throws(ONNXError) in [try call.input(0)] },
    "InstanceNormalization": ONNXOperator(["epsilon"]) { call throws(ONNXError) in try call.instanceNormalization() },
    "LayerNormalization": ONNXOperator(["axis", "epsilon", "stash_type"]) { call throws(ONNXError) in
      try call.layerNormalization()
    },
    "LeakyRelu": ONNXOperator(["alpha"]) { call throws(ONNXError) in
      try call.unary(.leakyReLU(slope: try call.number("alpha", or: 0.01)))
    },
    "MatMul": ONNXOperator { call throws(ONNXError) in try call.matrixProduct() },
    "MaxPool": ONNXOperator(window.union(["ceil_mode", "storage_order"])) { call throws(ONNXError) in
      try call.pooling(isMaximum: true)
    },
    "Mul": ONNXOperator { call throws(ONNXError) in try call.binary(.multiply) { $0 &* $1 } },
    "Pad": ONNXOperator(["mode"]) { call throws(ONNXError) in try call.pad() },
    "RMSNormalization": ONNXOperator(["axis", "epsilon", "stash_type"]) { call throws(ONNXError) in
      try call.rmsNormalization()
    },
    "ReduceMean": ONNXOperator(["axes", "keepdims", "noop_with_empty_axes"]) { call throws(ONNXError) in
      try call.reduceMean()
    },
    "Relu": ONNXOperator { call throws(ONNXError) in try call.unary(.leakyReLU(slope: 0)) },
    "Reshape": ONNXOperator(["allowzero"]) { call throws(ONNXError) in try call.reshape() },
    "Resize": ONNXOperator([
      "antialias", "axes", "coordinate_transformation_mode", "cubic_coeff_a", "exclude_outside", "extrapolation_value",
      "keep_aspect_ratio_policy", "mode", "nearest_mode",
    ]) { call throws(ONNXError) in try call.resize() },
    "Sigmoid": ONNXOperator { call throws(ONNXError) in try call.unary(.sigmoid) },
    "Softmax": ONNXOperator(["axis"]) { call throws(ONNXError) in try call.softmax() },
    "Sqrt": ONNXOperator { call throws(ONNXError) in try call.unary(.squareRoot) },
    "Sub": ONNXOperator { call throws(ONNXError) in try call.binary(.subtract) { $0 &- $1 } },
    "Tanh": ONNXOperator { call throws(ONNXError) in try call.unary(.hyperbolicTangent) },
    "Transpose": ONNXOperator(["perm"]) { call throws(ONNXError) in try call.transpose() },
  ]
}
