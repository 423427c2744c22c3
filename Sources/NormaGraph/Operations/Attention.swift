import NormaTensor

/// −∞, or another value, in place of scores that look ahead: `[…, queries, keys]`, of which a query sees the keys up to its own place, counted from the
/// last of each.
package struct CausalMaskOperation<Element: TensorElement>: LinearMapping {
  private let value: Element

  package init(filling value: Element = -.infinity) { self.value = value }

  package var name: String { "causal mask" }
  package var rule: String { "∂{0} = ∂{} where the key is seen, 0 elsewhere" }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    guard inputs[0].rank >= 2 else { throw ShapeError(expected: "scores […, queries, keys]", found: inputs[0]) }
    return inputs[0]
  }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    (inputs[0].causallyMasked(by: value), ())
  }
  package func kept(for needs: Needs) -> KeptTensors { [] }
  package func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    [g.causallyMasked(by: 0)]
  }

  package var linearPart: CausalMaskOperation { CausalMaskOperation(filling: 0) }

  package var isPerSample: Bool { true }

  /// How many keys a query sees.
  package static func seenCount(_ query: Int, queries: Int, keys: Int) -> Int { max(0, keys - queries + query + 1) }
}

extension Tensor {
  /// A value in place of scores that look ahead.
  fileprivate func causallyMasked(by value: Element) -> Tensor {
    let (queries, keys) = (shape[rank - 2], shape[rank - 1])
    return Tensor(shape: shape) { result in
      withUnsafeElements { scores in
        guard let scores = scores.baseAddress, let result = result.baseAddress else { return }
        for row in 0..<shape.rowCount {
          let seen = CausalMaskOperation<Element>.seenCount(row % queries, queries: queries, keys: keys)
          (result + row * keys).initialize(from: scores + row * keys, count: seen)
          (result + row * keys + seen).initialize(repeating: value, count: keys - seen)
        }
      }
    }
  }
}

extension Variable {
  /// Scaled dot-product attention, `softmax(q · kᵀ / √d) · v`, of several heads side by side (Vaswani and others 2017,
  /// arXiv:1706.03762): this variable are the queries `[N, L, C]`, keys are `[N, S, C]` and values `[N, S, V]`; of each head d is
  /// `C / heads` → `[N, L, V]`.
  ///
  /// - Parameters:
  ///   - keys: what queries are compared with.
  ///   - values: what is mixed, for each query by how near the keys are.
  ///   - heads: into how many parts the channels are divided, each of which attends by itself; a divisor of C and V.
  ///   - scale: what scores are multiplied by; 1/√d if nil.
  ///   - isCausal: whether a query sees the keys up to its own place alone, the last query all of them.
  ///   - keepProbability: the probability to keep each weight of a value, in (0, 1]; see ``dropout(keepProbability:using:)``.
  ///   - generator: what decides which are kept; untouched if all are.
  public func attention(
    keys: Variable, values: Variable, heads: Int = 1, scale: Element? = nil, isCausal: Bool = false,
    keepProbability: Double = 1, using generator: inout RandomGenerator
  ) -> Variable {
    require(heads > 0, "attention of \(heads) heads")
    func parted(_ x: Variable) -> Variable { x.channelsSplit(into: heads).transposed([0, 2, 1, 3]) }
    let queries = scaled(by: scale ?? 1 / Element(shape.channelCount / heads).squareRoot())
    var scores = parted(queries).matrixProduct(parted(keys), transposingOther: true)
    if isCausal { scores = Graph.apply(CausalMaskOperation(), to: [scores]).output }
    var weights = scores.softmax()
    if keepProbability < 1 { weights = weights.dropout(keepProbability: keepProbability, using: &generator) }
    return weights.matrixProduct(parted(values)).transposed([0, 2, 1, 3]).channelsMerged()
  }
}
