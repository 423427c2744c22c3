import NormaConvolution
import NormaGraph
import NormaLayers
import NormaTensor

extension NodeCall {
  /// What becomes of the operators that there are operations for. The others run as they are.
  static let translations: [String: Translate] = [
    "Abs": { call throws(ONNXError) in try call.elementwise { $0.absoluteValue() } },
    "Add": { call throws(ONNXError) in try call.binary(.add) },
    "AveragePool": { call throws(ONNXError) in try call.pooling(isMaximum: false) },
    "BatchNormalization": { call throws(ONNXError) in try call.batchNormalization() },
    "Cast": { call throws(ONNXError) in try call.cast() },
    "Celu": { call throws(ONNXError) in
      let alpha = try call.first.number("alpha", or: 1)
      return try call.elementwise { alpha == 1 ? $0.elu() : alpha * ($0 / alpha).elu() }
    },
    "Clip": { call throws(ONNXError) in try call.clip() },
    "Concat": { call throws(ONNXError) in try call.concatenate() },
    "Conv": { call throws(ONNXError) in try call.convolution() },
    "ConvTranspose": { call throws(ONNXError) in try call.transposedConvolution() },
    "DepthToSpace": { call throws(ONNXError) in try call.movingDepth(toSpace: true) },
    "Div": { call throws(ONNXError) in try call.binary(.divide) },
    "Dropout": { call throws(ONNXError) in try call.dropout() },
    "Elu": { call throws(ONNXError) in
      let alpha = try call.first.number("alpha", or: 1)
      return try call.elementwise { $0.elu(alpha: alpha) }
    },
    "Exp": { call throws(ONNXError) in try call.elementwise { $0.exponential() } },
    "Expand": { call throws(ONNXError) in try call.expand() },
    "Flatten": { call throws(ONNXError) in try call.reshaped { call throws(ONNXError) in try call.flatten() } },
    "Gather": { call throws(ONNXError) in try call.gather() },
    "Gelu": { call throws(ONNXError) in try call.gelu() },
    "Gemm": { call throws(ONNXError) in try call.gemm() },
    "GlobalAveragePool": { call throws(ONNXError) in try call.globalAverage() },
    "GroupNormalization": { call throws(ONNXError) in try call.groupNormalization() },
    "HardSigmoid": { call throws(ONNXError) in
      let (alpha, beta) = (try call.first.number("alpha", or: 0.2), try call.first.number("beta", or: 0.5))
      if alpha == Float(1.0 / 6), beta == 0.5 { return try call.elementwise { $0.hardSigmoid() } }
      return try call.elementwise { (alpha * $0 + beta).clamped(to: 0...1) }
    },
    "HardSwish": { call throws(ONNXError) in try call.elementwise { $0.hardSwish() } },
    "Identity": { call throws(ONNXError) in [.computed(try call.computed(0))] },
    "InstanceNormalization": { call throws(ONNXError) in try call.instanceNormalization() },
    "LRN": { call throws(ONNXError) in try call.localResponseNormalization() },
    "LayerNormalization": { call throws(ONNXError) in try call.layerNormalization() },
    "LeakyRelu": { call throws(ONNXError) in
      let slope = try call.first.number("alpha", or: 0.01)
      return try call.elementwise { $0.leakyReLU(slope: slope) }
    },
    "Log": { call throws(ONNXError) in try call.elementwise { $0.logarithm() } },
    "LogSoftmax": { call throws(ONNXError) in try call.softmax { $0.logSoftmax() } },
    "LpNormalization": { call throws(ONNXError) in try call.lpNormalization() },
    "MatMul": { call throws(ONNXError) in try call.matrixProduct() },
    "Max": { call throws(ONNXError) in try call.extreme(isMaximum: true) },
    "MaxPool": { call throws(ONNXError) in try call.pooling(isMaximum: true) },
    "Mean": { call throws(ONNXError) in try call.total(isMean: true) },
    "MeanVarianceNormalization": { call throws(ONNXError) in try call.meanVarianceNormalization() },
    "Min": { call throws(ONNXError) in try call.extreme(isMaximum: false) },
    "Mish": { call throws(ONNXError) in try call.elementwise { $0.mish() } },
    "Mul": { call throws(ONNXError) in try call.product() },
    "Neg": { call throws(ONNXError) in try call.elementwise { -$0 } },
    "PRelu": { call throws(ONNXError) in try call.parametricReLU() },
    "Pad": { call throws(ONNXError) in try call.pad() },
    "Pow": { call throws(ONNXError) in try call.power() },
    "RMSNormalization": { call throws(ONNXError) in try call.rmsNormalization() },
    "Reciprocal": { call throws(ONNXError) in try call.elementwise { $0.reciprocal() } },
    "ReduceMean": { call throws(ONNXError) in try call.reduce(isMean: true) },
    "ReduceSum": { call throws(ONNXError) in try call.reduce(isMean: false) },
    "Relu": { call throws(ONNXError) in try call.elementwise { $0.relu() } },
    "Reshape": { call throws(ONNXError) in try call.reshaped { call throws(ONNXError) in try call.reshape() } },
    "Resize": { call throws(ONNXError) in try call.resize() },
    "Selu": { call throws(ONNXError) in
      let alpha = try call.first.number("alpha", or: 1.673_263_2)
      let gamma = try call.first.number("gamma", or: 1.050_701)
      return try call.elementwise { gamma * $0.elu(alpha: alpha) }
    },
    "Shape": { call throws(ONNXError) in try call.ofShape { call throws(ONNXError) in try call.shapeOfInput() } },
    "Sigmoid": { call throws(ONNXError) in try call.elementwise { $0.sigmoid() } },
    "Size": { call throws(ONNXError) in try call.ofShape { call throws(ONNXError) in try call.sizeOfInput() } },
    "Slice": { call throws(ONNXError) in try call.slice() },
    "Softmax": { call throws(ONNXError) in try call.softmax { $0.softmax() } },
    "Softplus": { call throws(ONNXError) in try call.elementwise { $0.softplus() } },
    "Softsign": { call throws(ONNXError) in try call.elementwise { $0 / ($0.absoluteValue() + 1) } },
    "SpaceToDepth": { call throws(ONNXError) in try call.movingDepth(toSpace: false) },
    "Split": { call throws(ONNXError) in try call.split() },
    "Sqrt": { call throws(ONNXError) in try call.elementwise { $0.squareRoot() } },
    "Squeeze": { call throws(ONNXError) in try call.reshaped { call throws(ONNXError) in try call.squeeze() } },
    "Sub": { call throws(ONNXError) in try call.binary(.subtract) },
    "Sum": { call throws(ONNXError) in try call.total(isMean: false) },
    "Swish": { call throws(ONNXError) in
      let alpha = try call.first.number("alpha", or: 1)
      return try call.elementwise { alpha == 1 ? $0.silu() : $0 * (alpha * $0).sigmoid() }
    },
    "Tanh": { call throws(ONNXError) in try call.elementwise { $0.hyperbolicTangent() } },
    "Tile": { call throws(ONNXError) in try call.tile() },
    "Transpose": { call throws(ONNXError) in try call.transpose() },
    "Upsample": { call throws(ONNXError) in try call.resize() },
    "Unsqueeze": { call throws(ONNXError) in try call.reshaped { call throws(ONNXError) in try call.unsqueeze() } },
  ]
}
