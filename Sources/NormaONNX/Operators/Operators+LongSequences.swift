import NormaConvolution
import NormaTensor

// What networks for long sequences are made of.
extension OperatorCall {
  /// `RotaryEmbedding`: pairs of numbers turned by angles that go with their place in the sequence (Su et al. 2021, "RoFormer").
  func rotaryEmbedding() throws(ONNXError) -> [ONNXTensor] {
    let x = try floats(0)
    let heads = try integer("num_heads", or: 0)
    let isFlat = x.rank == 3
    guard isFlat && heads > 0 && x.shape[2] % max(1, heads) == 0 || x.rank == 4 else {
      throw malformed("a sequence of shape \(x.shape) in \(heads) heads")
    }
    // [N, L, heads, D]
    let table =
      isFlat
      ? x.reshaped(to: [x.shape[0], x.shape[1], heads, x.shape[2] / heads]) : x.transposed([0, 2, 1, 3])
    let (count, length, width) = (table.shape[0], table.shape[1], table.shape[3])
    let named = try integer("rotary_embedding_dim", or: 0)
    let turned = named == 0 ? width : named
    guard turned > 0, turned <= width, turned % 2 == 0 else { throw malformed("\(turned) of \(width) numbers turned") }
    let half = turned / 2
    func angles(_ index: Int) throws(ONNXError) -> Tensor<Element> {
      let cache = try floats(index)
      guard hasInput(3) else { return try floats(index, shape: [count, length, half]) }
      let places = try integers(3)
      guard try input(3).shape == [count, length], cache.rank == 2, cache.shape[1] == half,
        places.allSatisfy({ (0..<cache.shape[0]).contains($0) })
      else { throw malformed("places \(try input(3).shape) in a table of \(cache.shape)") }
      return cache.gathering(places, axis: 0)
    }
    let (cosines, sines) = (try angles(1).elements, try angles(2).elements)
    let isInterleaved = try integer("interleaved", or: 0) != 0
    var values = table.elements
    for row in 0..<count * length {
      for head in 0..<table.shape[2] {
        let start = (row * table.shape[2] + head) * width
        for pair in 0..<half {
          let (first, second) =
            isInterleaved ? (start + 2 * pair, start + 2 * pair + 1) : (start + pair, start + half + pair)
          let (a, b, cosine, sine) = (
            values[first], values[second], cosines[row * half + pair], sines[row * half + pair]
          )
          values[first] = cosine * a - sine * b
          values[second] = sine * a + cosine * b
        }
      }
    }
    let result = Tensor(values, shape: table.shape)
    return [.numbers(isFlat ? result.reshaped(to: x.shape) : result.transposed([0, 2, 1, 3]))]
  }

  /// `LinearAttention`: attention without a softmax, by a state that each key writes a value into and each query reads, which decays
  /// and is corrected on the way where that is asked for (Katharopoulos et al. 2020; Yang et al. 2024, "Gated delta networks").
  func linearAttention() throws(ONNXError) -> [ONNXTensor] {
    let (q, k, v) = (try floats(0), try floats(1), try floats(2))
    let (heads, groups) = (try integer("q_num_heads", or: 0), try integer("kv_num_heads", or: 0))
    let rule = try string("update_rule", or: "gated_delta")
    guard ["linear", "gated", "delta", "gated_delta"].contains(rule) else {
      throw malformed("there is no rule '\(rule)'")
    }
    let (decays, corrects) = (rule.hasPrefix("gated"), rule.hasSuffix("delta"))
    guard heads > 0, groups > 0, heads % groups == 0, q.rank == 3, k.rank == 3, v.rank == 3,
      k.shape.prefix(2).elementsEqual(q.shape.prefix(2)), v.shape.prefix(2).elementsEqual(q.shape.prefix(2)),
      q.shape[2] % heads == 0, k.shape[2] == q.shape[2] / heads * groups, v.shape[2] % groups == 0,
      decays == hasInput(4), corrects == hasInput(5)
    else { throw malformed("queries \(q.shape), keys \(k.shape) and values \(v.shape) by '\(rule)'") }
    let (count, length) = (q.shape[0], q.shape[1])
    let (width, depth) = (q.shape[2] / heads, v.shape[2] / groups)
    let result = try shape([count, length, heads * depth])
    let stateShape = try shape([count, groups, width, depth])
    try limit(Double(count * length) * Double(heads) * Double(width) * Double(depth))
    let decay = decays ? try floats(4) : nil
    let beta = corrects ? try floats(5) : nil
    for (tensor, widths) in [(decay, [groups, groups * width]), (beta, [groups, 1])] {
      guard let tensor else { continue }
      guard tensor.rank == 3, tensor.shape.prefix(2).elementsEqual(q.shape.prefix(2)), widths.contains(tensor.shape[2])
      else { throw malformed("decay or correction of shape \(tensor.shape)") }
    }
    var state = hasInput(3) ? try floats(3, shape: stateShape).elements : Tensor<Element>.zeros(stateShape).elements
    let named = Element(try number("scale", or: 0))
    let scale = named == 0 ? 1 / Element(width).squareRoot() : named
    let (queries, keys, values) = (q.elements, k.elements, v.elements)
    let (factors, corrections) = (decay?.elements.map { Functions.exponential($0) }, beta?.elements)
    var outputs = [Element](repeating: 0, count: result.elementCount)
    for sample in 0..<count {
      for step in 0..<length {
        let row = sample * length + step
        for group in 0..<groups {
          let base = (sample * groups + group) * width * depth
          let keyStart = (row * groups + group) * width
          if let factors, let decay {
            let perHead = decay.shape[2] == groups
            for place in 0..<width {
              let factor = factors[perHead ? row * groups + group : keyStart + place]
              for column in 0..<depth { state[base + place * depth + column] *= factor }
            }
          }
          for column in 0..<depth {
            var value = values[(row * groups + group) * depth + column]
            if let corrections, let beta {
              var known: Element = 0
              for place in 0..<width { known += state[base + place * depth + column] * keys[keyStart + place] }
              value = corrections[beta.shape[2] == 1 ? row : row * groups + group] * (value - known)
            }
            for place in 0..<width { state[base + place * depth + column] += keys[keyStart + place] * value }
          }
          for own in 0..<heads / groups {
            let head = group * (heads / groups) + own
            for column in 0..<depth {
              var sum: Element = 0
              for place in 0..<width {
                sum += queries[(row * heads + head) * width + place] * state[base + place * depth + column]
              }
              outputs[(row * heads + head) * depth + column] = scale * sum
            }
          }
        }
      }
    }
    return [.numbers(Tensor(outputs, shape: result)), .numbers(Tensor(state, shape: stateShape))]
  }

  /// `CausalConvWithState`: a convolution of each channel by itself over the values before a place and at it, which goes on where the last
  /// one ended.
  func causalConvolution() throws(ONNXError) -> [ONNXTensor] {
    let (x, weight) = (try floats(0), try floats(1))
    guard x.rank == 3, weight.rank == 3, weight.shape[0] == x.shape[1], weight.shape[1] == 1, weight.shape[2] > 0 else {
      throw malformed("a sequence of \(x.shape) with weights \(weight.shape)")
    }
    let (count, channels, size) = (x.shape[0], x.shape[1], weight.shape[2])
    let past = hasInput(3) ? try floats(3, shape: [count, channels, size - 1]) : .zeros([count, channels, size - 1])
    let activation = try string("activation", or: "none")
    guard ["none", "silu", "swish"].contains(activation) else { throw malformed("there is no '\(activation)'") }
    let padded = Tensor.concatenating([past, x], axis: 2)
    let node = ONNXNode(
      operation: "Conv", name: node.name, inputs: [], outputs: ["y"], attributes: ["group": .integer(channels)])
    let inputs = [ONNXTensor.numbers(padded), .numbers(weight), hasInput(2) ? try input(2) : nil]
    let call = OperatorCall(node: node, inputs: inputs, version: version, maximumElementCount: maximumElementCount)
    var y = x
    if x.count > 0, let convolved = try call.convolution()[0].floats(Element.self) { y = convolved }
    if activation != "none" { y = y * y.applying(.sigmoid) }
    let length = padded.shape[2]
    return [.numbers(y), .numbers(padded.sliced(length - (size - 1)..<length, axis: 2))]
  }

  /// `SwiGLU`: `a · σ(alpha · a) · b` (Shazeer 2020).
  func gatedSwish() throws(ONNXError) -> [ONNXTensor] {
    let (a, b) = (try floats(0), try floats(1))
    guard a.shape == b.shape else { throw malformed("shapes \(a.shape) and \(b.shape)") }
    let alpha = Element(try number("alpha", or: 1))
    return [.numbers(a * (alpha * a).applying(.sigmoid) * b)]
  }

  /// `TensorScatter`: new values written into a cache along an axis, from a place on that each sample has of its own, round and round where
  /// that is asked for.
  func scatterIntoCache() throws(ONNXError) -> [ONNXTensor] {
    let (cache, update) = (try input(0), try input(1))
    let axis = try axis(try integer("axis", or: -2), rank: cache.shape.rank)
    let mode = try string("mode", or: "linear")
    let count = cache.shape.first ?? 0
    let starts = try optionalIntegers(2) ?? [Int](repeating: 0, count: count)
    let (length, added) = (cache.shape[axis], update.shape.rank == cache.shape.rank ? update.shape[axis] : -1)
    guard axis > 0, added >= 0, added <= length,
      cache.shape.replacing(axis, with: 0) == update.shape.replacing(axis, with: 0),
      update.elementType.computed == cache.elementType.computed, starts.count == count,
      mode == "circular" || mode == "linear",
      starts.allSatisfy({ $0 >= 0 && (mode == "circular" ? $0 < length : $0 + added <= length) })
    else { throw malformed("\(update.shape) written into \(cache.shape) from \(starts) on") }
    let strides = cache.shape.strides
    let total = cache.shape.elementCount
    var sources = Array(0..<total) as AxisSources
    let own = update.shape.strides
    for index in 0..<update.shape.elementCount {
      var place = 0
      for other in update.shape.indices {
        var coordinate = index / own[other] % update.shape[other]
        if other == axis { coordinate = (coordinate + starts[index / own[0]]) % length }
        place += coordinate * strides[other]
      }
      sources[place] = total + index
    }
    let both = ONNXTensor.concatenating(
      [cache.widened.reshaped(to: [total]), update.widened.reshaped(to: [update.shape.elementCount])], axis: 0)
    return [both.picking([sources]).reshaped(to: cache.shape)]
  }

  /// `FlexAttention`: attention whose scores, and whose weights, go through graphs of the node's own.
  func flexibleAttention() throws(ONNXError) -> [ONNXTensor] {
    let (q, k, v) = (try floats(0), try floats(1), try floats(2))
    guard q.rank == 4, k.rank == 4, v.rank == 4, k.shape[1] > 0, q.shape[1] % max(1, k.shape[1]) == 0,
      v.shape[1] == k.shape[1], v.shape[2] == k.shape[2], k.shape[3] == q.shape[3], k.shape[0] == q.shape[0],
      v.shape[0] == q.shape[0]
    else { throw malformed("queries \(q.shape), keys \(k.shape) and values \(v.shape)") }
    let scores = try shape([q.shape[0], q.shape[1], q.shape[2], k.shape[2]])
    let standard = 1 / Double(q.shape[3]).squareRoot()
    let scale = node.attributes["scale"] == nil ? standard : Double(try number("scale", or: 0))
    guard scale >= 0 else { throw malformed("a scale of \(scale)") }
    let root = Element(scale.squareRoot())
    let repeats = (0..<q.shape[1]).map { $0 / (q.shape[1] / k.shape[1]) }
    func modified(_ x: Tensor<Element>, by name: String) throws(ONNXError) -> Tensor<Element> {
      guard node.attributes[name] != nil else { return x }
      guard let runner else { throw unsupported("'\(name)' in a network") }
      let body = try graph(name)
      guard body.inputs.count == 1, let y = try runner.run(GraphRunner.Prepared(body), [.numbers(x)]).first,
        let result = y.floats(Element.self), result.shape == scores
      else { throw malformed("'\(name)' does not keep the shape of what goes in") }
      return result
    }
    let logits = (root * q).matrixProduct(root * k.gathering(repeats, axis: 1), transposingOther: true)
    let weights = try modified(try modified(logits, by: "score_mod").softmax(), by: "prob_mod")
    return [.numbers(weights.matrixProduct(v.gathering(repeats, axis: 1)))]
  }
}
