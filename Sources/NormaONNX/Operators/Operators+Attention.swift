import NormaTensor

extension OperatorCall {
  /// `Attention`: queries, keys and values `[N, heads, L, D]`, or `[N, L, heads · D]` with the numbers of heads said; and masks, keys and values
  /// from before, a bound of scores, and which of the steps' results comes out too.
  func attention() throws(ONNXError) -> [ONNXTensor] {
    let isFlat = try floats(0).rank == 3
    let q = try heads(0, count: try integer("q_num_heads", or: 0))
    let (key, value) = (
      try heads(1, count: try integer("kv_num_heads", or: 0)), try heads(2, count: try integer("kv_num_heads", or: 0))
    )
    let past = try pastLength(key, value)
    let (k, v) = (
      try joined(optionalFloats(4), key), try joined(optionalFloats(5), value)
    )
    let (batch, heads, queries, width) = (q.shape[0], q.shape[1], q.shape[2], q.shape[3])
    let (groups, keys, valueWidth) = (k.shape[1], k.shape[2], v.shape[3])
    guard groups > 0, heads % groups == 0, k.shape[0] == batch, v.shape[0] == batch, v.shape[1] == groups,
      k.shape[3] == width, v.shape[2] == keys
    else { throw malformed("queries \(q.shape), keys \(k.shape) and values \(v.shape)") }
    let scores = try shape([batch, heads, queries, keys])
    let lengths = try optionalIntegers(6)
    guard lengths.map({ $0.count == batch && $0.allSatisfy { (0...keys).contains($0) } }) ?? true,
      lengths == nil || past == 0
    else {
      throw malformed("lengths \(lengths ?? []) of \(batch) sequences, or with keys from before")
    }
    let bias = try attentionBias(scores, past: past, lengths: lengths)

    // Both factors by the root of the scale, so that their products stay within single precision.
    let root = try Element(Double(number("scale", or: 1 / Float(width).squareRoot())).squareRoot())
    let repeats = (0..<heads).map { $0 / (heads / groups) }
    let (left, right) = (root * q, root * (groups == heads ? k : k.gathering(repeats, axis: 1)))
    var logits = left.matrixProduct(right, transposingOther: true)
    let (cap, mode) = (Element(try number("softcap", or: 0)), try integer("qk_matmul_output_mode", or: 0))
    var shown = logits
    if cap > 0 { logits = cap * (logits / cap).applying(.hyperbolicTangent) }
    if mode == 1 { shown = logits }
    let biased = logits + bias
    if mode == 2 { shown = biased }
    let weights = biased.softmaxOfVisible(bias)
    if mode == 3 { shown = weights }
    var y = weights.matrixProduct(groups == heads ? v : v.gathering(repeats, axis: 1))
    if isFlat { y = y.transposed([0, 2, 1, 3]).reshaped(to: [batch, queries, heads * valueWidth]) }
    return [.numbers(y), .numbers(k), .numbers(v), .numbers(shown)]
  }

  /// An input by its heads, `[N, heads, L, D]`.
  private func heads(_ index: Int, count: Int) throws(ONNXError) -> Tensor<Element> {
    let x = try floats(index)
    if x.rank == 4 { return x }
    guard x.rank == 3, count > 0, x.shape[2] % count == 0 else {
      throw malformed("input \(index + 1) of shape \(x.shape) in \(count) heads")
    }
    return x.reshaped(to: [x.shape[0], x.shape[1], count, x.shape[2] / count]).transposed([0, 2, 1, 3])
  }

  /// How many keys there are from before.
  private func pastLength(_ key: Tensor<Element>, _ value: Tensor<Element>) throws(ONNXError) -> Int {
    guard hasInput(4) || hasInput(5) else { return 0 }
    let (keys, values) = (try floats(4), try floats(5))
    guard keys.rank == 4, values.rank == 4, keys.shape.replacing(2, with: 0) == key.shape.replacing(2, with: 0),
      values.shape.replacing(2, with: 0) == value.shape.replacing(2, with: 0), keys.shape[2] == values.shape[2]
    else {
      throw malformed("keys \(keys.shape) and values \(values.shape) from before \(key.shape) and \(value.shape)")
    }
    return keys.shape[2]
  }

  private func joined(_ past: Tensor<Element>?, _ x: Tensor<Element>) -> Tensor<Element> {
    past.map { .concatenating([$0, x], axis: 2) } ?? x
  }

  /// What is added to the scores, of their shape: −∞ where a query does not see a key.
  private func attentionBias(_ scores: Shape, past: Int, lengths: [Int]?) throws(ONNXError) -> Tensor<Element> {
    let (batch, heads, queries, keys) = (scores[0], scores[1], scores[2], scores[3])
    var bias = Tensor<Element>.zeros(scores)
    if hasInput(3) {
      var mask: Tensor<Element>
      switch try operand(3) {
      case .floats(let tensor): mask = tensor
      case .integers(let truths):
        guard truths.type == .bool else { throw malformed("a mask of type \(truths.type)") }
        mask = Tensor(truths.values.map { $0 != 0 ? 0 : -.infinity }, shape: truths.shape)
      }
      guard let known = mask.shape.last, known <= keys else { throw malformed("a mask of shape \(mask.shape)") }
      if known < keys {
        // Keys that the mask does not speak of are not seen.
        let sources =
          mask.shape.dropLast().map { Array(0..<$0) as AxisSources } + [(0..<keys).map { $0 < known ? $0 : nil }]
        mask = mask.picking(sources, fill: -.infinity)
      }
      guard commonShape(mask.shape, scores) == Array(scores) else {
        throw malformed("a mask of shape \(mask.shape) for scores of shape \(scores)")
      }
      bias = mask.broadcast(to: scores)
    }
    let isCausal = try integer("is_causal", or: 0) != 0
    // Longer windows see no more.
    let left = min(try integer("left_window_size", or: -1), keys + queries)
    let right = min(try integer("right_window_size", or: -1), keys + queries)
    guard isCausal || left >= 0 || right >= 0 || lengths != nil else { return bias }
    bias.withUnsafeMutableElements { bias in
      for row in 0..<batch * heads * queries {
        let (sample, query) = (row / (heads * queries), row % queries)
        // The place of the query among the keys.
        let place = query + (lengths.map { $0[sample] - queries } ?? past)
        for key in 0..<keys {
          let isSeen =
            (!isCausal || key <= place) && (left < 0 || key >= place - left) && (right < 0 || key <= place + right)
            && (lengths.map { key < $0[sample] } ?? true)
          if !isSeen { bias[row * keys + key] = -.infinity }
        }
      }
    }
    return bias
  }
}

extension Tensor {
  /// Softmax over the last axis, of scores with a bias; all 0 where the bias hides everything.
  fileprivate func softmaxOfVisible(_ bias: Tensor<Element>) -> Tensor<Element> {
    let keys = shape.channelCount
    var weights = softmax()
    weights.withUnsafeMutableElements { weights in
      bias.withUnsafeElements { bias in
        for row in 0..<shape.rowCount where (0..<keys).allSatisfy({ bias[row * keys + $0] == -.infinity }) {
          for key in 0..<keys { weights[row * keys + key] = 0 }
        }
      }
    }
    return weights
  }
}
