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

  /// What versions of ONNX's operators before 7 say of operands, and before 6 of memory that may be used again.
  private static let operands: Set<String> = ["axis", "broadcast", "consumed_inputs"]
  private static let consumed: Set<String> = ["consumed_inputs"]
  private static let reduction: Set<String> = ["axes", "keepdims", "noop_with_empty_axes"]

  /// The operators of ONNX that are done, all of them on Norma's own operations.
  static let all: [String: ONNXOperator] = [
    "Abs": ONNXOperator(consumed) { call throws(ONNXError) in
      try call.numbers {
        abs($0)
      } _: {
        $0 < 0 ? 0 &- $0 : $0
      }
    },
    "Acos": ONNXOperator { call throws(ONNXError) in try call.function(Trigonometry.inverseCosine) },
    "Acosh": ONNXOperator { call throws(ONNXError) in try call.function(Trigonometry.inverseHyperbolicCosine) },
    "Add": ONNXOperator(operands) { call throws(ONNXError) in try call.binary(.add) { $0 &+ $1 } },
    "And": ONNXOperator { call throws(ONNXError) in try call.combineBits({ $0 & $1 }, ofTruths: true) },
    "ArgMax": ONNXOperator(["axis", "keepdims", "select_last_index"]) { call throws(ONNXError) in
      try call.place(ofMaximum: true)
    },
    "ArgMin": ONNXOperator(["axis", "keepdims", "select_last_index"]) { call throws(ONNXError) in
      try call.place(ofMaximum: false)
    },
    "Asin": ONNXOperator { call throws(ONNXError) in try call.function(Trigonometry.inverseSine) },
    "Asinh": ONNXOperator { call throws(ONNXError) in try call.function(Trigonometry.inverseHyperbolicSine) },
    "Atan": ONNXOperator { call throws(ONNXError) in try call.function(Trigonometry.inverseTangent) },
    "Atanh": ONNXOperator { call throws(ONNXError) in try call.function(Trigonometry.inverseHyperbolicTangent) },
    "Attention": ONNXOperator([
      "is_causal", "kv_num_heads", "left_window_size", "q_num_heads", "qk_matmul_output_mode", "right_window_size",
      "scale",
      "softcap", "softmax_precision",
    ]) { call throws(ONNXError) in try call.attention() },
    "AveragePool": ONNXOperator(window.union(["ceil_mode", "count_include_pad"])) { call throws(ONNXError) in
      try call.pooling(isMaximum: false)
    },
    "BatchNormalization": ONNXOperator([
      "consumed_inputs", "epsilon", "is_test", "momentum", "spatial", "training_mode",
    ]) { call throws(ONNXError) in
      try call.batchNormalization()
    },
    "BitShift": ONNXOperator(["direction"]) { call throws(ONNXError) in try call.shiftBits() },
    "BitwiseAnd": ONNXOperator { call throws(ONNXError) in try call.combineBits({ $0 & $1 }, ofTruths: false) },
    "BitwiseNot": ONNXOperator { call throws(ONNXError) in try call.invertBits(ofTruths: false) },
    "BitwiseOr": ONNXOperator { call throws(ONNXError) in try call.combineBits({ $0 | $1 }, ofTruths: false) },
    "BitwiseXor": ONNXOperator { call throws(ONNXError) in try call.combineBits({ $0 ^ $1 }, ofTruths: false) },
    "Cast": ONNXOperator(["round_mode", "saturate", "to"]) { call throws(ONNXError) in try call.cast() },
    "CastLike": ONNXOperator(["round_mode", "saturate"]) { call throws(ONNXError) in try call.castLike() },
    "Ceil": ONNXOperator(consumed) { call throws(ONNXError) in try call.function { $0.rounded(.up) } },
    "Celu": ONNXOperator(["alpha"]) { call throws(ONNXError) in try call.continuousELU() },
    "CenterCropPad": ONNXOperator(["axes"]) { call throws(ONNXError) in try call.centre() },
    "Clip": ONNXOperator(["consumed_inputs", "max", "min"]) { call throws(ONNXError) in try call.clip() },
    "Compress": ONNXOperator(["axis"]) { call throws(ONNXError) in try call.compress() },
    "Concat": ONNXOperator(["axis"]) { call throws(ONNXError) in try call.concatenate() },
    "Constant": ONNXOperator(["value", "value_float", "value_floats", "value_int", "value_ints"]) {
      call throws(ONNXError) in try call.constant()
    },
    "ConstantOfShape": ONNXOperator(["value"]) { call throws(ONNXError) in try call.constantOfShape() },
    "Conv": ONNXOperator(window.union(["group"])) { call throws(ONNXError) in try call.convolution() },
    "ConvTranspose": ONNXOperator(window.union(["group", "output_padding", "output_shape"])) { call throws(ONNXError) in
      try call.transposedConvolution()
    },
    "Cos": ONNXOperator { call throws(ONNXError) in try call.function(Trigonometry.cosine) },
    "Cosh": ONNXOperator { call throws(ONNXError) in try call.function(Trigonometry.hyperbolicCosine) },
    "CumProd": ONNXOperator(["exclusive", "reverse"]) { call throws(ONNXError) in try call.cumulativeProduct() },
    "CumSum": ONNXOperator(["exclusive", "reverse"]) { call throws(ONNXError) in try call.cumulativeSum() },
    "DepthToSpace": ONNXOperator(["blocksize", "mode"]) { call throws(ONNXError) in
      try call.movingDepth(toSpace: true)
    },
    "DequantizeLinear": ONNXOperator(["axis", "block_size", "output_dtype"]) { call throws(ONNXError) in
      try call.dequantize()
    },
    "Div": ONNXOperator(operands) { call throws(ONNXError) in try call.divide() },
    "Dropout": ONNXOperator(["consumed_inputs", "is_test", "ratio", "seed"]) { call throws(ONNXError) in
      try call.dropout()
    },
    "DynamicQuantizeLinear": ONNXOperator { call throws(ONNXError) in try call.quantizeDynamically() },
    "Einsum": ONNXOperator(["equation"]) { call throws(ONNXError) in try call.einsum() },
    "Elu": ONNXOperator(["alpha", "consumed_inputs"]) { call throws(ONNXError) in
      try call.unary(.activation(.elu(alpha: try call.number("alpha", or: 1))))
    },
    "Equal": ONNXOperator { call throws(ONNXError) in
      try call.compare {
        $0 == $1
      } _: {
        $0 == $1
      }
    },
    "Erf": ONNXOperator { call throws(ONNXError) in try call.errorFunction() },
    "Exp": ONNXOperator(consumed) { call throws(ONNXError) in try call.unary(.exponential) },
    "Expand": ONNXOperator { call throws(ONNXError) in try call.expand() },
    "EyeLike": ONNXOperator(["dtype", "k"]) { call throws(ONNXError) in try call.eyeLike() },
    "Flatten": ONNXOperator(["axis"]) { call throws(ONNXError) in try call.flatten() },
    "Floor": ONNXOperator(consumed) { call throws(ONNXError) in try call.function { $0.rounded(.down) } },
    "Gather": ONNXOperator(["axis"]) { call throws(ONNXError) in try call.gather() },
    "GatherElements": ONNXOperator(["axis"]) { call throws(ONNXError) in try call.gatherElements() },
    "GatherND": ONNXOperator(["batch_dims"]) { call throws(ONNXError) in try call.gatherSlices() },
    "Gelu": ONNXOperator(["approximate"]) { call throws(ONNXError) in try call.gelu() },
    "Gemm": ONNXOperator(["alpha", "beta", "broadcast", "transA", "transB"]) { call throws(ONNXError) in try call.gemm()
    },
    "GlobalAveragePool": ONNXOperator { call throws(ONNXError) in try call.globalAverage() },
    "Greater": ONNXOperator { call throws(ONNXError) in
      try call.compare {
        $0 > $1
      } _: {
        $0 > $1
      }
    },
    "GreaterOrEqual": ONNXOperator { call throws(ONNXError) in
      try call.compare {
        $0 >= $1
      } _: {
        $0 >= $1
      }
    },
    "GroupNormalization": ONNXOperator(["epsilon", "num_groups", "stash_type"]) { call throws(ONNXError) in
      try call.groupNormalization()
    },
    "HardSigmoid": ONNXOperator(["alpha", "beta"]) { call throws(ONNXError) in try call.hardSigmoid() },
    "HardSwish": ONNXOperator { call throws(ONNXError) in try call.unary(.activation(.hardSwish)) },
    "Hardmax": ONNXOperator(["axis"]) { call throws(ONNXError) in try call.hardmax() },
    "Identity": ONNXOperator { call throws(ONNXError) in [try call.input(0)] },
    "InstanceNormalization": ONNXOperator(["epsilon"]) { call throws(ONNXError) in try call.instanceNormalization() },
    "IsInf": ONNXOperator(["detect_negative", "detect_positive"]) { call throws(ONNXError) in try call.testInfinity() },
    "IsNaN": ONNXOperator { call throws(ONNXError) in try call.test(\.isNaN) },
    "LRN": ONNXOperator(["alpha", "beta", "bias", "size"]) { call throws(ONNXError) in
      try call.localResponseNormalization()
    },
    "LayerNormalization": ONNXOperator(["axis", "epsilon", "stash_type"]) { call throws(ONNXError) in
      try call.layerNormalization()
    },
    "LeakyRelu": ONNXOperator(["alpha", "consumed_inputs"]) { call throws(ONNXError) in
      try call.unary(.leakyReLU(slope: try call.number("alpha", or: 0.01)))
    },
    "Less": ONNXOperator { call throws(ONNXError) in
      try call.compare {
        $0 < $1
      } _: {
        $0 < $1
      }
    },
    "LessOrEqual": ONNXOperator { call throws(ONNXError) in
      try call.compare {
        $0 <= $1
      } _: {
        $0 <= $1
      }
    },
    "Log": ONNXOperator(consumed) { call throws(ONNXError) in try call.unary(.logarithm) },
    "LogSoftmax": ONNXOperator(["axis"]) { call throws(ONNXError) in try call.softmax(logarithmic: true) },
    "LpNormalization": ONNXOperator(["axis", "p"]) { call throws(ONNXError) in try call.lpNormalization() },
    "MatMul": ONNXOperator { call throws(ONNXError) in try call.matrixProduct() },
    "Max": ONNXOperator(consumed) { call throws(ONNXError) in try call.extreme(isMaximum: true) },
    "MaxPool": ONNXOperator(window.union(["ceil_mode", "storage_order"])) { call throws(ONNXError) in
      try call.pooling(isMaximum: true)
    },
    "Mean": ONNXOperator(consumed) { call throws(ONNXError) in try call.total(isMean: true) },
    "MeanVarianceNormalization": ONNXOperator(["axes"]) { call throws(ONNXError) in
      try call.meanVarianceNormalization()
    },
    "Min": ONNXOperator(consumed) { call throws(ONNXError) in try call.extreme(isMaximum: false) },
    "Mish": ONNXOperator { call throws(ONNXError) in try call.unary(.activation(.mish)) },
    "Mod": ONNXOperator(["fmod"]) { call throws(ONNXError) in try call.modulo() },
    "Mul": ONNXOperator(operands) { call throws(ONNXError) in try call.binary(.multiply) { $0 &* $1 } },
    "Neg": ONNXOperator(consumed) { call throws(ONNXError) in
      try call.numbers {
        -$0
      } _: {
        0 &- $0
      }
    },
    "NegativeLogLikelihoodLoss": ONNXOperator(["ignore_index", "reduction"]) { call throws(ONNXError) in
      try call.negativeLogLikelihood()
    },
    "NonZero": ONNXOperator { call throws(ONNXError) in try call.nonZero() },
    "Not": ONNXOperator { call throws(ONNXError) in try call.invertBits(ofTruths: true) },
    "OneHot": ONNXOperator(["axis"]) { call throws(ONNXError) in try call.oneHot() },
    "Or": ONNXOperator { call throws(ONNXError) in try call.combineBits({ $0 | $1 }, ofTruths: true) },
    "PRelu": ONNXOperator { call throws(ONNXError) in try call.parametricReLU() },
    "Pad": ONNXOperator(["mode", "paddings", "pads", "value"]) { call throws(ONNXError) in try call.pad() },
    "Pow": ONNXOperator(operands) { call throws(ONNXError) in try call.power() },
    "QuantizeLinear": ONNXOperator(["axis", "block_size", "output_dtype", "precision", "saturate"]) {
      call throws(ONNXError) in try call.quantize()
    },
    "RMSNormalization": ONNXOperator(["axis", "epsilon", "stash_type"]) { call throws(ONNXError) in
      try call.rmsNormalization()
    },
    "Range": ONNXOperator { call throws(ONNXError) in try call.range() },
    "Reciprocal": ONNXOperator(consumed) { call throws(ONNXError) in try call.unary(.reciprocal) },
    "ReduceL1": ONNXOperator(reduction) { call throws(ONNXError) in try call.reduce(.absoluteSum) },
    "ReduceL2": ONNXOperator(reduction) { call throws(ONNXError) in try call.reduce(.length) },
    "ReduceLogSum": ONNXOperator(reduction) { call throws(ONNXError) in try call.reduce(.logSum) },
    "ReduceLogSumExp": ONNXOperator(reduction) { call throws(ONNXError) in try call.reduce(.logSumExp) },
    "ReduceMax": ONNXOperator(reduction) { call throws(ONNXError) in try call.reduce(.maximum) },
    "ReduceMean": ONNXOperator(reduction) { call throws(ONNXError) in try call.reduce(.mean) },
    "ReduceMin": ONNXOperator(reduction) { call throws(ONNXError) in try call.reduce(.minimum) },
    "ReduceProd": ONNXOperator(reduction) { call throws(ONNXError) in try call.reduce(.product) },
    "ReduceSum": ONNXOperator(reduction) { call throws(ONNXError) in try call.reduce(.sum) },
    "ReduceSumSquare": ONNXOperator(reduction) { call throws(ONNXError) in try call.reduce(.sumOfSquares) },
    "Relu": ONNXOperator(consumed) { call throws(ONNXError) in try call.unary(.leakyReLU(slope: 0)) },
    "Reshape": ONNXOperator(["allowzero", "consumed_inputs", "shape"]) { call throws(ONNXError) in try call.reshape() },
    "Resize": ONNXOperator([
      "antialias", "axes", "coordinate_transformation_mode", "cubic_coeff_a", "exclude_outside", "extrapolation_value",
      "keep_aspect_ratio_policy", "mode", "nearest_mode",
    ]) { call throws(ONNXError) in try call.resize() },
    "ReverseSequence": ONNXOperator(["batch_axis", "time_axis"]) { call throws(ONNXError) in try call.reverseSequences()
    },
    "Round": ONNXOperator { call throws(ONNXError) in try call.function { $0.rounded(.toNearestOrEven) } },
    "Scatter": ONNXOperator(["axis"]) { call throws(ONNXError) in try call.scatterElements() },
    "ScatterElements": ONNXOperator(["axis", "reduction"]) { call throws(ONNXError) in try call.scatterElements() },
    "ScatterND": ONNXOperator(["reduction"]) { call throws(ONNXError) in try call.scatterSlices() },
    "Selu": ONNXOperator(["alpha", "gamma"]) { call throws(ONNXError) in try call.scaledELU() },
    "Shape": ONNXOperator(["end", "start"]) { call throws(ONNXError) in try call.shapeOfInput() },
    "Shrink": ONNXOperator(["bias", "lambd"]) { call throws(ONNXError) in try call.shrink() },
    "Sigmoid": ONNXOperator(consumed) { call throws(ONNXError) in try call.unary(.sigmoid) },
    "Sign": ONNXOperator { call throws(ONNXError) in try call.sign() },
    "Sin": ONNXOperator { call throws(ONNXError) in try call.function(Trigonometry.sine) },
    "Sinh": ONNXOperator { call throws(ONNXError) in try call.function(Trigonometry.hyperbolicSine) },
    "Size": ONNXOperator { call throws(ONNXError) in try call.sizeOfInput() },
    "Slice": ONNXOperator(["axes", "ends", "starts"]) { call throws(ONNXError) in try call.slice() },
    "Softmax": ONNXOperator(["axis"]) { call throws(ONNXError) in try call.softmax() },
    "SoftmaxCrossEntropyLoss": ONNXOperator(["ignore_index", "reduction"]) { call throws(ONNXError) in
      try call.softmaxCrossEntropy()
    },
    "Softplus": ONNXOperator { call throws(ONNXError) in try call.unary(.activation(.softplus)) },
    "Softsign": ONNXOperator { call throws(ONNXError) in try call.function { $0 / (1 + abs($0)) } },
    "SpaceToDepth": ONNXOperator(["blocksize", "mode"]) { call throws(ONNXError) in
      try call.movingDepth(toSpace: false)
    },
    "Split": ONNXOperator(["axis", "num_outputs", "split"]) { call throws(ONNXError) in try call.split() },
    "Sqrt": ONNXOperator(consumed) { call throws(ONNXError) in try call.unary(.squareRoot) },
    "Squeeze": ONNXOperator(["axes"]) { call throws(ONNXError) in try call.squeeze() },
    "Sub": ONNXOperator(operands) { call throws(ONNXError) in try call.binary(.subtract) { $0 &- $1 } },
    "Sum": ONNXOperator(consumed) { call throws(ONNXError) in try call.total(isMean: false) },
    "Swish": ONNXOperator(["alpha"]) { call throws(ONNXError) in try call.swish() },
    "Tan": ONNXOperator { call throws(ONNXError) in try call.function(Trigonometry.tangent) },
    "Tanh": ONNXOperator(consumed) { call throws(ONNXError) in try call.unary(.hyperbolicTangent) },
    "ThresholdedRelu": ONNXOperator(["alpha"]) { call throws(ONNXError) in try call.thresholdedReLU() },
    "Tile": ONNXOperator { call throws(ONNXError) in try call.tile() },
    "TopK": ONNXOperator(["axis", "k", "largest", "sorted"]) { call throws(ONNXError) in try call.topK() },
    "Transpose": ONNXOperator(["perm"]) { call throws(ONNXError) in try call.transpose() },
    "Trilu": ONNXOperator(["upper"]) { call throws(ONNXError) in try call.triangle() },
    "Unsqueeze": ONNXOperator(["axes"]) { call throws(ONNXError) in try call.unsqueeze() },
    "Where": ONNXOperator { call throws(ONNXError) in try call.choose() },
    "Xor": ONNXOperator { call throws(ONNXError) in try call.combineBits({ $0 ^ $1 }, ofTruths: true) },
  ]
}
