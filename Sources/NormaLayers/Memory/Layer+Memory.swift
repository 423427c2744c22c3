import NormaTensor

// What each layer keeps: what the operations of NormaGraph that it is made of hold on to for their gradients.

extension Layer {
  /// Keeps what it takes and what it gives.
  public func trace(_ input: MemoryTrace.Tensor, in trace: inout MemoryTrace) throws(LayerError) -> MemoryTrace.Tensor {
    trace.keep(input)
    let output = trace.makeTensor(try outputShape(for: input.shape))
    trace.keep(output)
    return output
  }

  /// A tensor for what the layer gives, which it does not keep.
  fileprivate func result(
    of input: MemoryTrace.Tensor, in trace: inout MemoryTrace
  ) throws(LayerError) -> MemoryTrace.Tensor {
    trace.makeTensor(try outputShape(for: input.shape))
  }
}

extension Linear {
  /// Keeps what it takes.
  public func trace(_ input: MemoryTrace.Tensor, in trace: inout MemoryTrace) throws(LayerError) -> MemoryTrace.Tensor {
    trace.keepUnlessRecomputed(input)
    return try result(of: input, in: &trace)
  }
}

extension Conv2d {
  /// Keeps what it takes.
  public func trace(_ input: MemoryTrace.Tensor, in trace: inout MemoryTrace) throws(LayerError) -> MemoryTrace.Tensor {
    trace.keepUnlessRecomputed(input)
    return try result(of: input, in: &trace)
  }
}

extension BatchNorm {
  /// Keeps what it takes and the batch's statistics; built from primitive operations, also the centred and the normalized
  /// batch.
  public func trace(_ input: MemoryTrace.Tensor, in trace: inout MemoryTrace) throws(LayerError) -> MemoryTrace.Tensor {
    // Mean, second moment and reciprocal deviation in double precision; pivot, scale and shift.
    trace.keep(bytes: featureCount * 3 * (MemoryLayout<Double>.stride + trace.elementSize))
    if form == .staged {
      for _ in 0..<(gamma == nil ? 1 : 2) { trace.keep(trace.makeTensor(input.shape)) }
    } else {
      trace.keep(input)
    }
    return trace.makeTensor(
      try outputShape(for: input.shape), isRecomputed: trace.recomputesNormalized && form != .staged)
  }
}

extension LayerNorm {
  /// Keeps what it takes, and a mean and a deviation for each row.
  public func trace(_ input: MemoryTrace.Tensor, in trace: inout MemoryTrace) throws(LayerError) -> MemoryTrace.Tensor {
    trace.keep(input)
    trace.keep(bytes: input.shape.rowCount * 2 * MemoryLayout<Double>.stride)
    return try result(of: input, in: &trace)
  }
}

extension GroupNorm {
  /// Keeps what it takes, and a mean and a deviation for each group of each sample.
  public func trace(_ input: MemoryTrace.Tensor, in trace: inout MemoryTrace) throws(LayerError) -> MemoryTrace.Tensor {
    let output = try result(of: input, in: &trace)
    trace.keep(input)
    trace.keep(bytes: input.shape[0] * groups * 2 * MemoryLayout<Double>.stride)
    return output
  }
}

extension InstanceNorm {
  /// Keeps what it takes, and a mean and a deviation for each channel of each sample.
  public func trace(_ input: MemoryTrace.Tensor, in trace: inout MemoryTrace) throws(LayerError) -> MemoryTrace.Tensor {
    let output = try result(of: input, in: &trace)
    trace.keep(input)
    trace.keep(bytes: input.shape[0] * featureCount * 2 * MemoryLayout<Double>.stride)
    return output
  }
}

extension Nonlinearity {
  /// Keeps what it gives.
  public func trace(_ input: MemoryTrace.Tensor, in trace: inout MemoryTrace) throws(LayerError) -> MemoryTrace.Tensor {
    let output = try result(of: input, in: &trace)
    trace.keep(output)
    return output
  }
}

extension Dropout {
  /// Keeps which elements it kept, unless it keeps all.
  public func trace(_ input: MemoryTrace.Tensor, in trace: inout MemoryTrace) throws(LayerError) -> MemoryTrace.Tensor {
    guard keepProbability < 1 else { return input }
    trace.keep(trace.makeTensor(input.shape))
    return try result(of: input, in: &trace)
  }
}

extension Flatten {
  /// Keeps nothing.
  public func trace(_ input: MemoryTrace.Tensor, in trace: inout MemoryTrace) throws(LayerError) -> MemoryTrace.Tensor {
    trace.view(input, shape: try outputShape(for: input.shape))
  }
}

extension MaxPool2d {
  /// Keeps what it takes and what it gives.
  public func trace(_ input: MemoryTrace.Tensor, in trace: inout MemoryTrace) throws(LayerError) -> MemoryTrace.Tensor {
    trace.keepUnlessRecomputed(input)
    let output = try result(of: input, in: &trace)
    trace.keep(output)
    return output
  }
}

extension AveragePool2d {
  /// Keeps nothing.
  public func trace(_ input: MemoryTrace.Tensor, in trace: inout MemoryTrace) throws(LayerError) -> MemoryTrace.Tensor {
    try result(of: input, in: &trace)
  }
}

extension GlobalAveragePool {
  /// Keeps nothing.
  public func trace(_ input: MemoryTrace.Tensor, in trace: inout MemoryTrace) throws(LayerError) -> MemoryTrace.Tensor {
    try result(of: input, in: &trace)
  }
}

extension PaddedShortcut {
  /// Keeps nothing.
  public func trace(_ input: MemoryTrace.Tensor, in trace: inout MemoryTrace) throws(LayerError) -> MemoryTrace.Tensor {
    try result(of: input, in: &trace)
  }
}

extension Residual {
  /// Keeps the sum after ReLU, if that is applied.
  public func trace(_ input: MemoryTrace.Tensor, in trace: inout MemoryTrace) throws(LayerError) -> MemoryTrace.Tensor {
    // The body's layers have the names they have within this one.
    _ = try body.trace(input, in: &trace)
    if let shortcut { _ = try trace.follow(shortcut, named: "downsample", from: input) }
    let output = try result(of: input, in: &trace)
    if rectifies { trace.keep(output) }
    return output
  }
}
