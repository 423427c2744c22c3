import CKernels

/// The twins as a table, like that of an instruction set: `swift`.
///
/// A twin is a kernel's definition: the same operations in the same order, on scalars, with nothing done for speed. It
/// gives the same bits as the kernel on every instruction set, up to the sign and payload of what is not a number. Each
/// file here is named after that of CKernels/loops whose kernels it defines.
///
/// Unchecked: nobody writes to it.
nonisolated(unsafe) let twins: UnsafePointer<norma_kernels> = {
  let table = UnsafeMutablePointer<norma_kernels>.allocate(capacity: 1)
  table.initialize(
    to: norma_kernels(
      name: UnsafeRawPointer(("swift" as StaticString).utf8Start).assumingMemoryBound(to: CChar.self),
      row_moments: rowMomentsTwin, row_block_moments: rowBlockMomentsTwin, row_normalize: rowNormalizeTwin,
      row_gradient_sums: rowGradientSumsTwin, row_block_gradient_sums: rowBlockGradientSumsTwin,
      row_input_gradient: rowInputGradientTwin, merge_moments: mergeMomentsTwin, finish_moments: finishMomentsTwin,
      channel_scales: channelScalesTwin, finish_gradients: finishGradientsTwin, plane_moments: planeMomentsTwin,
      plane_normalize: planeNormalizeTwin, plane_gradient_sums: planeGradientSumsTwin,
      plane_input_gradient: planeInputGradientTwin, layer_normalize: layerNormalizeTwin,
      layer_gradient: layerGradientTwin,
      row_moments_float16: { rowMomentsTwin(.float16, $0!, $1, $2, $3, $4!, $5!, $6!, $7!) },
      row_normalize_float16: { rowNormalizeTwin(.float16, $0!, $1!, $2, $3, $4, $5!, $6!, $7!, $8, $9) },
      row_gradient_sums_float16: {
        rowGradientSumsTwin(.float16, $0!, $1!, $2, $3, $4, $5!, $6!, $7!, $8, $9!, $10!, $11!)
      },
      row_input_gradient_float16: {
        rowInputGradientTwin(.float16, $0!, $1!, $2!, $3, $4, $5, $6!, $7!, $8!, $9!, $10!, $11, $12)
      },
      layer_normalize_float16: { layerNormalizeTwin(.float16, $0!, $1!, $2, $3, $4!, $5!, $6, $7, $8!, $9) },
      layer_gradient_float16: {
        layerGradientTwin(.float16, $0!, $1!, $2!, $3, $4, $5!, $6, $7!, $8!, $9!, $10!, $11, $12, $13)
      },
      narrow_float16: { x, y, count, _ in narrowTwin(.float16, x!, y!, count) },
      widen_float16: { widenTwin(.float16, $0!, $1!, $2) },
      row_moments_bfloat16: { rowMomentsTwin(.bfloat16, $0!, $1, $2, $3, $4!, $5!, $6!, $7!) },
      row_normalize_bfloat16: { rowNormalizeTwin(.bfloat16, $0!, $1!, $2, $3, $4, $5!, $6!, $7!, $8, $9) },
      row_gradient_sums_bfloat16: {
        rowGradientSumsTwin(.bfloat16, $0!, $1!, $2, $3, $4, $5!, $6!, $7!, $8, $9!, $10!, $11!)
      },
      row_input_gradient_bfloat16: {
        rowInputGradientTwin(.bfloat16, $0!, $1!, $2!, $3, $4, $5, $6!, $7!, $8!, $9!, $10!, $11, $12)
      },
      layer_normalize_bfloat16: { layerNormalizeTwin(.bfloat16, $0!, $1!, $2, $3, $4!, $5!, $6, $7, $8!, $9) },
      layer_gradient_bfloat16: {
        layerGradientTwin(.bfloat16, $0!, $1!, $2!, $3, $4, $5!, $6, $7!, $8!, $9!, $10!, $11, $12, $13)
      },
      narrow_bfloat16: { x, y, count, _ in narrowTwin(.bfloat16, x!, y!, count) },
      widen_bfloat16: { widenTwin(.bfloat16, $0!, $1!, $2) },
      row_bias: rowBiasTwin, add: addTwin, rectify_gradient: rectifyGradientTwin,
      stream_zeros: streamZerosTwin, scale: scaleTwin, approach: approachTwin, sum_of_squares: sumOfSquaresTwin,
      sum_rows: sumRowsTwin,
      exponential: exponentialTwin, logarithm: logarithmTwin, sigmoid: sigmoidTwin,
      hyperbolic_tangent: hyperbolicTangentTwin, error_function: errorFunctionTwin, gelu: geluTwin,
      silu: siluTwin, hard_sigmoid: hardSigmoidTwin, hard_swish: hardSwishTwin, clamp: clampTwin,
      momentum: momentumTwin, adam: adamTwin, rmsprop: rmspropTwin,
      product: productTwin,
      product_of_columns: productOfColumnsTwin, write_transposed: writeTransposedTwin, pack_rows: packRowsTwin,
      pack_columns: packColumnsTwin,
      // Generic functions have no address.
      shifted_rows: { shiftedRowsTwin($0, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) },
      shifted_rows_gradient: { shiftedRowsGradientTwin($0, $1, $2, $3, $4, $5, $6, $7, $8, $9) },
      depthwise: { depthwiseTwin($0, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) },
      depthwise_gradient: { depthwiseGradientTwin($0, $1, $2, $3, $4, $5, $6, $7, $8) },
      winograd_source: { winogradSourceTwin($0, $1, $2, $3, $4, $5, $6, $7) },
      winograd_result: { winogradResultTwin($0, $1, $2, $3, $4, $5, $6, $7, $8, $9) },
      winograd_gradient: { winogradGradientTwin($0, $1, $2, $3, $4, $5, $6, $7) }))
  return UnsafePointer(table)
}()
