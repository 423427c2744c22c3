import NormaConvolution
import NormaTensor

extension Variable {
  /// Convolution of images: x `[N, H, W, C]`, weight `[outputs, C / groups, height, width]`, bias `[outputs]`.
  ///
  /// See `Convolution2d`.
  @specialized(where Element == Float)
  public func convolved(
    weight: Variable, bias: Variable? = nil, window: Window, groups: Int = 1
  ) -> Variable {
    let (inputShape, factors) = (shape, weight.value)
    let output = Convolution2d.forward(
      value, weight: factors, bias: bias?.value, window: window, groups: groups)
    let needs = (requiresGradient, weight.requiresGradient)
    let input = needs.1 ? kept : nil
    return Graph.record(
      "convolution",
      rule: "∂{0} = ∂{} ⋆ {1} turned round, ∂{1} = Σ {0}·∂{} over positions" + (bias == nil ? "" : ", ∂{2} = Σ ∂{}"),
      inputs: [self, weight] + (bias.map { [$0] } ?? []), value: output
    ) { g in
      [
        needs.0
          ? Convolution2d.inputGradient(g, inputShape: inputShape, weight: factors, window: window, groups: groups)
          : nil,
        input.map {
          Convolution2d.weightGradient(g, input: $0(), weightShape: factors.shape, window: window, groups: groups)
        },
      ] + (bias == nil ? [] : [g.sumOverRows()])
    }
  }

  /// The largest value that a window takes in: `[N, H, W, C] → [N, H', W', C]`.
  public func maxPooled(_ window: Window) -> Variable {
    let x = kept
    let y = Pooling2d.maximum(value, window: window)
    return Graph.record("max pool", rule: "∂{0} = ∂{} where {0} is its window's largest", inputs: [self], value: y) {
      g in
      [Pooling2d.maximumGradient(g, input: x(), output: y, window: window)]
    }
  }

  /// Channels of zeros after those there are: `[…, C] → […, channels]`.
  public func paddedChannels(to channels: Int) -> Variable {
    let (rows, count) = (shape.rowCount, shape.channelCount)
    require(channels >= count, "a tensor of shape \(shape) padded to \(channels) channels")
    let shape = shape
    return Graph.record(
      "padded channels", rule: "∂{0} = ∂{} of the first channels", inputs: [self],
      value: value.copyingChannels(count, of: rows, to: shape.replacingLast(with: channels))
    ) { g in
      [g.copyingChannels(count, of: rows, to: shape)]
    }
  }

  /// The mean of what a window takes in: `[N, H, W, C] → [N, H', W', C]`. `countsPadding`: whether places outside the image
  /// count as zeros.
  public func averagePooled(_ window: Window, countsPadding: Bool = true) -> Variable {
    let shape = shape
    return Graph.record(
      "average pool", rule: "∂{0} = Σ ∂{}/n over the windows that a value is in", inputs: [self],
      value: Pooling2d.average(value, window: window, countsPadding: countsPadding)
    ) { g in
      [Pooling2d.averageGradient(g, inputShape: shape, window: window, countsPadding: countsPadding)]
    }
  }

  /// The mean of each channel over all positions of each sample: `[N, …, C] → [N, C]`.
  public func globallyAveraged() -> Variable {
    let shape = shape
    return Graph.record(
      "global average", rule: "∂{0} = ∂{}/n", inputs: [self], value: Pooling2d.globalAverage(value)
    ) { g in
      [Pooling2d.globalAverageGradient(g, inputShape: shape)]
    }
  }
}

extension Tensor {
  /// The first channels of each row in a tensor of another number of channels, the rest zeros.
  fileprivate func copyingChannels(_ count: Int, of rows: Int, to shape: Shape) -> Tensor {
    let (from, to) = (self.shape.channelCount, shape.channelCount)
    return Tensor(shape: shape) { result in
      if to > count { result.initialize(repeating: 0) }
      withUnsafeElements { x in
        guard let x = x.baseAddress, let result = result.baseAddress else { return }
        for row in 0..<rows { (result + row * to).update(from: x + row * from, count: count) }
      }
    }
  }
}
