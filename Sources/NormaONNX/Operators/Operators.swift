import NormaTensor

/// What an operator is told beside its inputs, and what it does.
struct ONNXOperator<Element: TensorElement>: Sendable {
  /// The attributes that it knows; another one asks for something that is not done.
  let attributes: Set<String>
  let body: OperatorCall<Element>.Body

  fileprivate init(_ attributes: Set<String> = [], _ body: @escaping OperatorCall<Element>.Body) {
    self.attributes = attributes
    self.body = body
  }
}

/// The operators of ONNX that are done, all of them on Norma's own operations.
enum ONNXOperators {
  /// As they compute in single precision.
  static let single = table(of: Float.self)
  /// As they compute in double precision.
  static let double = table(of: Double.self)

  private static let window: Set<String> = ["auto_pad", "dilations", "kernel_shape", "pads", "strides"]

  /// What versions of ONNX's operators before 7 say of operands, and before 6 of memory that may be used again.
  private static let operands: Set<String> = ["axis", "broadcast", "consumed_inputs"]
  private static let consumed: Set<String> = ["consumed_inputs"]
  private static let recurrence: Set<String> = [
    "activation_alpha", "activation_beta", "activations", "clip", "direction", "hidden_size", "layout",
  ]
  private static let reduction: Set<String> = ["axes", "keepdims", "noop_with_empty_axes"]

  private static func table<Element: TensorElement>(of _: Element.Type) -> [String: ONNXOperator<Element>] {
    var table: [String: ONNXOperator<Element>] = [:]
    func add(
      _ name: String, _ attributes: Set<String> = [], _ body: @escaping OperatorCall<Element>.Body
    ) {
      table[name] = ONNXOperator(attributes, body)
    }
    add("Abs", consumed) { call throws(ONNXError) in
      try call.numbers {
        abs($0)
      } _: {
        $0 < 0 ? 0 &- $0 : $0
      }
    }
    add("Acos") { call throws(ONNXError) in try call.function(Trigonometry.inverseCosine) }
    add("Acosh") { call throws(ONNXError) in try call.function(Trigonometry.inverseHyperbolicCosine) }
    add("Add", operands) { call throws(ONNXError) in try call.binary(.add) { $0 &+ $1 } }
    add("AffineGrid", ["align_corners"]) { call throws(ONNXError) in try call.affineGrid() }
    add("And") { call throws(ONNXError) in try call.combineBits({ $0 & $1 }, ofTruths: true) }
    add("ArgMax", ["axis", "keepdims", "select_last_index"]) { call throws(ONNXError) in
      try call.place(ofMaximum: true)
    }
    add("ArgMin", ["axis", "keepdims", "select_last_index"]) { call throws(ONNXError) in
      try call.place(ofMaximum: false)
    }
    add("Asin") { call throws(ONNXError) in try call.function(Trigonometry.inverseSine) }
    add("Asinh") { call throws(ONNXError) in try call.function(Trigonometry.inverseHyperbolicSine) }
    add("Atan") { call throws(ONNXError) in try call.function(Trigonometry.inverseTangent) }
    add("Atanh") { call throws(ONNXError) in try call.function(Trigonometry.inverseHyperbolicTangent) }
    add(
      "Attention",
      [
        "is_causal", "kv_num_heads", "left_window_size", "q_num_heads", "qk_matmul_output_mode", "right_window_size",
        "scale",
        "softcap", "softmax_precision",
      ]
    ) { call throws(ONNXError) in try call.attention() }
    add("AveragePool", window.union(["ceil_mode", "count_include_pad"])) { call throws(ONNXError) in
      try call.pooling(isMaximum: false)
    }
    add(
      "BatchNormalization",
      [
        "consumed_inputs", "epsilon", "is_test", "momentum", "spatial", "training_mode",
      ]
    ) { call throws(ONNXError) in
      try call.batchNormalization()
    }
    add("BitCast", ["to"]) { call throws(ONNXError) in try call.castBits() }
    add("BitShift", ["direction"]) { call throws(ONNXError) in try call.shiftBits() }
    add("BitwiseAnd") { call throws(ONNXError) in try call.combineBits({ $0 & $1 }, ofTruths: false) }
    add("BitwiseNot") { call throws(ONNXError) in try call.invertBits(ofTruths: false) }
    add("BitwiseOr") { call throws(ONNXError) in try call.combineBits({ $0 | $1 }, ofTruths: false) }
    add("BitwiseXor") { call throws(ONNXError) in try call.combineBits({ $0 ^ $1 }, ofTruths: false) }
    add("BlackmanWindow", ["output_datatype", "periodic"]) { call throws(ONNXError) in
      try call.cosineWindow([0.42, 0.5, 0.08])
    }
    add("Cast", ["round_mode", "saturate", "to"]) { call throws(ONNXError) in try call.cast() }
    add("CastLike", ["round_mode", "saturate"]) { call throws(ONNXError) in try call.castLike() }
    add("CausalConvWithState", ["activation"]) { call throws(ONNXError) in try call.causalConvolution() }
    add("Ceil", consumed) { call throws(ONNXError) in try call.function { $0.rounded(.up) } }
    add("Celu", ["alpha"]) { call throws(ONNXError) in try call.continuousELU() }
    add("CenterCropPad", ["axes"]) { call throws(ONNXError) in try call.centre() }
    add("Clip", ["consumed_inputs", "max", "min"]) { call throws(ONNXError) in try call.clip() }
    add("Col2Im", ["dilations", "pads", "strides"]) { call throws(ONNXError) in try call.fold() }
    add("Compress", ["axis"]) { call throws(ONNXError) in try call.compress() }
    add("Concat", ["axis"]) { call throws(ONNXError) in try call.concatenate() }
    add("ConcatFromSequence", ["axis", "new_axis"]) { call throws(ONNXError) in try call.concatenateSequence() }
    add(
      "Constant", ["value", "value_float", "value_floats", "value_int", "value_ints", "value_string", "value_strings"]
    ) {
      call throws(ONNXError) in try call.constant()
    }
    add("ConstantOfShape", ["value"]) { call throws(ONNXError) in try call.constantOfShape() }
    add("Conv", window.union(["group"])) { call throws(ONNXError) in try call.convolution() }
    add("ConvInteger", window.union(["group"])) { call throws(ONNXError) in try call.wholeConvolution() }
    add("ConvTranspose", window.union(["group", "output_padding", "output_shape"])) { call throws(ONNXError) in
      try call.transposedConvolution()
    }
    add("Cos") { call throws(ONNXError) in try call.function(Trigonometry.cosine) }
    add("Cosh") { call throws(ONNXError) in try call.function(Trigonometry.hyperbolicCosine) }
    add("CumProd", ["exclusive", "reverse"]) { call throws(ONNXError) in try call.cumulativeProduct() }
    add("CumSum", ["exclusive", "reverse"]) { call throws(ONNXError) in try call.cumulativeSum() }
    add("DFT", ["axis", "inverse", "onesided"]) { call throws(ONNXError) in try call.fourierTransform() }
    add("DeformConv", window.union(["group", "offset_group"])) { call throws(ONNXError) in
      try call.deformableConvolution()
    }
    add("DepthToSpace", ["blocksize", "mode"]) { call throws(ONNXError) in
      try call.movingDepth(toSpace: true)
    }
    add("DequantizeLinear", ["axis", "block_size", "output_dtype"]) { call throws(ONNXError) in
      try call.dequantize()
    }
    add("Det") { call throws(ONNXError) in try call.determinant() }
    add("Div", operands) { call throws(ONNXError) in try call.divide() }
    add("Dropout", ["consumed_inputs", "is_test", "ratio", "seed"]) { call throws(ONNXError) in
      try call.dropout()
    }
    add("DynamicQuantizeLinear") { call throws(ONNXError) in try call.quantizeDynamically() }
    add("Einsum", ["equation"]) { call throws(ONNXError) in try call.einsum() }
    add("Elu", ["alpha", "consumed_inputs"]) { call throws(ONNXError) in
      try call.unary(.activation(.elu(alpha: Element(try call.number("alpha", or: 1)))))
    }
    add("Equal") { call throws(ONNXError) in
      try call.compare {
        $0 == $1
      } _: {
        $0 == $1
      }
    }
    add("Erf") { call throws(ONNXError) in try call.errorFunction() }
    add("Exp", consumed) { call throws(ONNXError) in try call.unary(.exponential) }
    add("Expand") { call throws(ONNXError) in try call.expand() }
    add("EyeLike", ["dtype", "k"]) { call throws(ONNXError) in try call.eyeLike() }
    add("Flatten", ["axis"]) { call throws(ONNXError) in try call.flatten() }
    add("Floor", consumed) { call throws(ONNXError) in try call.function { $0.rounded(.down) } }
    add("GRU", recurrence.union(["linear_before_reset"])) { call throws(ONNXError) in try call.gatedRecurrent() }
    add("Gather", ["axis"]) { call throws(ONNXError) in try call.gather() }
    add("GatherElements", ["axis"]) { call throws(ONNXError) in try call.gatherElements() }
    add("GatherND", ["batch_dims"]) { call throws(ONNXError) in try call.gatherSlices() }
    add("Gelu", ["approximate"]) { call throws(ONNXError) in try call.gelu() }
    add("Gemm", ["alpha", "beta", "broadcast", "transA", "transB"]) { call throws(ONNXError) in try call.gemm()
    }
    add("GlobalAveragePool") { call throws(ONNXError) in try call.globalAverage() }
    add("GlobalLpPool", ["p"]) { call throws(ONNXError) in try call.globalPooling(isMaximum: false) }
    add("GlobalMaxPool") { call throws(ONNXError) in try call.globalPooling(isMaximum: true) }
    add("Greater") { call throws(ONNXError) in
      try call.compare {
        $0 > $1
      } _: {
        $0 > $1
      }
    }
    add("GreaterOrEqual") { call throws(ONNXError) in
      try call.compare {
        $0 >= $1
      } _: {
        $0 >= $1
      }
    }
    add("GridSample", ["align_corners", "mode", "padding_mode"]) { call throws(ONNXError) in try call.gridSample() }
    add("GroupNormalization", ["epsilon", "num_groups", "stash_type"]) { call throws(ONNXError) in
      try call.groupNormalization()
    }
    add("HammingWindow", ["output_datatype", "periodic"]) { call throws(ONNXError) in
      try call.cosineWindow([25.0 / 46, 21.0 / 46])
    }
    add("HannWindow", ["output_datatype", "periodic"]) { call throws(ONNXError) in try call.cosineWindow([0.5, 0.5]) }
    add("HardSigmoid", ["alpha", "beta"]) { call throws(ONNXError) in try call.hardSigmoid() }
    add("HardSwish") { call throws(ONNXError) in try call.unary(.activation(.hardSwish)) }
    add("Hardmax", ["axis"]) { call throws(ONNXError) in try call.hardmax() }
    add("Identity") { call throws(ONNXError) in [try call.value(0)] }
    add("If", ["else_branch", "then_branch"]) { call throws(ONNXError) in try call.branch() }
    add("InstanceNormalization", ["epsilon"]) { call throws(ONNXError) in try call.instanceNormalization() }
    add("IsInf", ["detect_negative", "detect_positive"]) { call throws(ONNXError) in try call.testInfinity() }
    add("IsNaN") { call throws(ONNXError) in try call.test(\.isNaN) }
    add("LRN", ["alpha", "beta", "bias", "size"]) { call throws(ONNXError) in
      try call.localResponseNormalization()
    }
    add("LSTM", recurrence.union(["input_forget"])) { call throws(ONNXError) in try call.longShortTerm() }
    add("LayerNormalization", ["axis", "epsilon", "stash_type"]) { call throws(ONNXError) in
      try call.layerNormalization()
    }
    add("LeakyRelu", ["alpha", "consumed_inputs"]) { call throws(ONNXError) in
      try call.unary(.leakyReLU(slope: Element(try call.number("alpha", or: 0.01))))
    }
    add("Less") { call throws(ONNXError) in
      try call.compare {
        $0 < $1
      } _: {
        $0 < $1
      }
    }
    add("LessOrEqual") { call throws(ONNXError) in
      try call.compare {
        $0 <= $1
      } _: {
        $0 <= $1
      }
    }
    add("LinearAttention", ["chunk_size", "kv_num_heads", "q_num_heads", "scale", "update_rule"]) {
      call throws(ONNXError) in try call.linearAttention()
    }
    add("Log", consumed) { call throws(ONNXError) in try call.unary(.logarithm) }
    add("LogSoftmax", ["axis"]) { call throws(ONNXError) in try call.softmax(logarithmic: true) }
    add("Loop", ["body"]) { call throws(ONNXError) in try call.loop() }
    add("LpNormalization", ["axis", "p"]) { call throws(ONNXError) in try call.lpNormalization() }
    add("LpPool", window.union(["ceil_mode", "p"])) { call throws(ONNXError) in try call.powerPooling() }
    add("MatMul") { call throws(ONNXError) in try call.matrixProduct() }
    add("MatMulInteger") { call throws(ONNXError) in try call.wholeMatrixProduct() }
    add("Max", consumed) { call throws(ONNXError) in try call.extreme(isMaximum: true) }
    add("MaxPool", window.union(["ceil_mode", "storage_order"])) { call throws(ONNXError) in
      try call.pooling(isMaximum: true)
    }
    add("MaxUnpool", ["kernel_shape", "pads", "strides"]) { call throws(ONNXError) in try call.unpool() }
    add("Mean", consumed) { call throws(ONNXError) in try call.total(isMean: true) }
    add("MeanVarianceNormalization", ["axes"]) { call throws(ONNXError) in
      try call.meanVarianceNormalization()
    }
    add("MelWeightMatrix", ["output_datatype"]) { call throws(ONNXError) in try call.melWeights() }
    add("Min", consumed) { call throws(ONNXError) in try call.extreme(isMaximum: false) }
    add("Mish") { call throws(ONNXError) in try call.unary(.activation(.mish)) }
    add("Mod", ["fmod"]) { call throws(ONNXError) in try call.modulo() }
    add("Mul", operands) { call throws(ONNXError) in try call.binary(.multiply) { $0 &* $1 } }
    add("Neg", consumed) { call throws(ONNXError) in
      try call.numbers {
        -$0
      } _: {
        0 &- $0
      }
    }
    add("NegativeLogLikelihoodLoss", ["ignore_index", "reduction"]) { call throws(ONNXError) in
      try call.negativeLogLikelihood()
    }
    add("NonMaxSuppression", ["center_point_box"]) { call throws(ONNXError) in try call.suppress() }
    add("NonZero") { call throws(ONNXError) in try call.nonZero() }
    add("Not") { call throws(ONNXError) in try call.invertBits(ofTruths: true) }
    add("OneHot", ["axis"]) { call throws(ONNXError) in try call.oneHot() }
    add("Optional", ["type"]) { call throws(ONNXError) in try call.optional() }
    add("OptionalGetElement") { call throws(ONNXError) in try call.optionalGetElement() }
    add("OptionalHasElement") { call throws(ONNXError) in try call.optionalHasElement() }
    add("Or") { call throws(ONNXError) in try call.combineBits({ $0 | $1 }, ofTruths: true) }
    add("PRelu") { call throws(ONNXError) in try call.parametricReLU() }
    add("Pad", ["mode", "paddings", "pads", "value"]) { call throws(ONNXError) in try call.pad() }
    add("Pow", operands) { call throws(ONNXError) in try call.power() }
    add("QLinearConv", window.union(["group"])) { call throws(ONNXError) in try call.quantizedConvolution() }
    add("QLinearMatMul") { call throws(ONNXError) in try call.quantizedMatrixProduct() }
    add("QuantizeLinear", ["axis", "block_size", "output_dtype", "precision", "saturate"]) {
      call throws(ONNXError) in try call.quantize()
    }
    add("RMSNormalization", ["axis", "epsilon", "stash_type"]) { call throws(ONNXError) in
      try call.rmsNormalization()
    }
    add("RNN", recurrence) { call throws(ONNXError) in try call.recurrent() }
    add("Range") { call throws(ONNXError) in try call.range() }
    add("Reciprocal", consumed) { call throws(ONNXError) in try call.unary(.reciprocal) }
    add("ReduceL1", reduction) { call throws(ONNXError) in try call.reduce(.absoluteSum) }
    add("ReduceL2", reduction) { call throws(ONNXError) in try call.reduce(.length) }
    add("ReduceLogSum", reduction) { call throws(ONNXError) in try call.reduce(.logSum) }
    add("ReduceLogSumExp", reduction) { call throws(ONNXError) in try call.reduce(.logSumExp) }
    add("ReduceMax", reduction) { call throws(ONNXError) in try call.reduce(.maximum) }
    add("ReduceMean", reduction) { call throws(ONNXError) in try call.reduce(.mean) }
    add("ReduceMin", reduction) { call throws(ONNXError) in try call.reduce(.minimum) }
    add("ReduceProd", reduction) { call throws(ONNXError) in try call.reduce(.product) }
    add("ReduceSum", reduction) { call throws(ONNXError) in try call.reduce(.sum) }
    add("ReduceSumSquare", reduction) { call throws(ONNXError) in try call.reduce(.sumOfSquares) }
    add("Relu", consumed) { call throws(ONNXError) in try call.unary(.leakyReLU(slope: 0)) }
    add("Reshape", ["allowzero", "consumed_inputs", "shape"]) { call throws(ONNXError) in try call.reshape() }
    add(
      "Resize",
      [
        "antialias", "axes", "coordinate_transformation_mode", "cubic_coeff_a", "exclude_outside",
        "extrapolation_value",
        "keep_aspect_ratio_policy", "mode", "nearest_mode",
      ]
    ) { call throws(ONNXError) in try call.resize() }
    add("ReverseSequence", ["batch_axis", "time_axis"]) { call throws(ONNXError) in try call.reverseSequences()
    }
    add(
      "RoiAlign",
      [
        "coordinate_transformation_mode", "mode", "output_height", "output_width", "sampling_ratio", "spatial_scale",
      ]
    ) { call throws(ONNXError) in try call.alignRegions() }
    add("RotaryEmbedding", ["interleaved", "num_heads", "rotary_embedding_dim"]) { call throws(ONNXError) in
      try call.rotaryEmbedding()
    }
    add("Round") { call throws(ONNXError) in try call.function { $0.rounded(.toNearestOrEven) } }
    add("STFT", ["onesided"]) { call throws(ONNXError) in try call.shortTimeFourierTransform() }
    add(
      "Scan",
      [
        "body", "directions", "num_scan_inputs", "scan_input_axes", "scan_input_directions", "scan_output_axes",
        "scan_output_directions",
      ]
    ) { call throws(ONNXError) in try call.scan() }
    add("Scatter", ["axis"]) { call throws(ONNXError) in try call.scatterElements() }
    add("ScatterElements", ["axis", "reduction"]) { call throws(ONNXError) in try call.scatterElements() }
    add("ScatterND", ["reduction"]) { call throws(ONNXError) in try call.scatterSlices() }
    add("Selu", ["alpha", "gamma"]) { call throws(ONNXError) in try call.scaledELU() }
    add("SequenceAt") { call throws(ONNXError) in try call.sequenceAt() }
    add("SequenceConstruct") { call throws(ONNXError) in try call.sequenceConstruct() }
    add("SequenceEmpty", ["dtype"]) { _ in [.sequence([])] }
    add("SequenceErase") { call throws(ONNXError) in try call.sequenceErase() }
    add("SequenceInsert") { call throws(ONNXError) in try call.sequenceInsert() }
    add("SequenceLength") { call throws(ONNXError) in try call.sequenceLength() }
    add("SequenceMap", ["body"]) { call throws(ONNXError) in try call.sequenceMap() }
    add("Shape", ["end", "start"]) { call throws(ONNXError) in try call.shapeOfInput() }
    add("Shrink", ["bias", "lambd"]) { call throws(ONNXError) in try call.shrink() }
    add("Sigmoid", consumed) { call throws(ONNXError) in try call.unary(.sigmoid) }
    add("Sign") { call throws(ONNXError) in try call.sign() }
    add("Sin") { call throws(ONNXError) in try call.function(Trigonometry.sine) }
    add("Sinh") { call throws(ONNXError) in try call.function(Trigonometry.hyperbolicSine) }
    add("Size") { call throws(ONNXError) in try call.sizeOfInput() }
    add("Slice", ["axes", "ends", "starts"]) { call throws(ONNXError) in try call.slice() }
    add("Softmax", ["axis"]) { call throws(ONNXError) in try call.softmax() }
    add("SoftmaxCrossEntropyLoss", ["ignore_index", "reduction"]) { call throws(ONNXError) in
      try call.softmaxCrossEntropy()
    }
    add("Softplus") { call throws(ONNXError) in try call.unary(.activation(.softplus)) }
    add("Softsign") { call throws(ONNXError) in try call.function { $0 / (1 + abs($0)) } }
    add("SpaceToDepth", ["blocksize", "mode"]) { call throws(ONNXError) in
      try call.movingDepth(toSpace: false)
    }
    add("Split", ["axis", "num_outputs", "split"]) { call throws(ONNXError) in try call.split() }
    add("SplitToSequence", ["axis", "keepdims"]) { call throws(ONNXError) in try call.splitToSequence() }
    add("Sqrt", consumed) { call throws(ONNXError) in try call.unary(.squareRoot) }
    add("Squeeze", ["axes"]) { call throws(ONNXError) in try call.squeeze() }
    add("StringConcat") { call throws(ONNXError) in try call.concatenateTexts() }
    add("StringNormalizer", ["case_change_action", "is_case_sensitive", "locale", "stopwords"]) {
      call throws(ONNXError) in try call.normalizeTexts()
    }
    add("StringSplit", ["delimiter", "maxsplit"]) { call throws(ONNXError) in try call.splitTexts() }
    add("Sub", operands) { call throws(ONNXError) in try call.binary(.subtract) { $0 &- $1 } }
    add("Sum", consumed) { call throws(ONNXError) in try call.total(isMean: false) }
    add("SwiGLU", ["alpha"]) { call throws(ONNXError) in try call.gatedSwish() }
    add("Swish", ["alpha"]) { call throws(ONNXError) in try call.swish() }
    add("Tan") { call throws(ONNXError) in try call.function(Trigonometry.tangent) }
    add("Tanh", consumed) { call throws(ONNXError) in try call.unary(.hyperbolicTangent) }
    add("TensorScatter", ["axis", "mode"]) { call throws(ONNXError) in try call.scatterIntoCache() }
    add(
      "TfIdfVectorizer",
      [
        "max_gram_length", "max_skip_count", "min_gram_length", "mode", "ngram_counts", "ngram_indexes", "pool_int64s",
        "pool_strings", "weights",
      ]
    ) { call throws(ONNXError) in try call.countSequences() }
    add("ThresholdedRelu", ["alpha"]) { call throws(ONNXError) in try call.thresholdedReLU() }
    add("Tile") { call throws(ONNXError) in try call.tile() }
    add("TopK", ["axis", "k", "largest", "sorted"]) { call throws(ONNXError) in try call.topK() }
    add("Transpose", ["perm"]) { call throws(ONNXError) in try call.transpose() }
    add("Trilu", ["upper"]) { call throws(ONNXError) in try call.triangle() }
    add("Unique", ["axis", "sorted"]) { call throws(ONNXError) in try call.unique() }
    add("Unsqueeze", ["axes"]) { call throws(ONNXError) in try call.unsqueeze() }
    add("Upsample", ["mode", "scales"]) { call throws(ONNXError) in try call.resize() }
    add("Where") { call throws(ONNXError) in try call.choose() }
    add("Xor") { call throws(ONNXError) in try call.combineBits({ $0 ^ $1 }, ofTruths: true) }
    add("ai.onnx.preview.FlexAttention", ["prob_mod", "scale", "score_mod", "softmax_precision"]) {
      call throws(ONNXError) in try call.flexibleAttention()
    }
    return table
  }
}
