import NormaTensor

/// The statistics of all groups `[N, groups]`, written by the forward pass and read by the backward pass.
struct GroupStatistics {
  let mean: UnsafeMutablePointer<Double>
  let reciprocal: UnsafeMutablePointer<Double>
}

/// gamma and beta `[C]`, where there are any.
struct AffineVectors<Element> {
  let gamma: UnsafePointer<Element>?
  let beta: UnsafePointer<Element>?
}

/// What one ticket needs of memory: vectors of `width` numbers.
struct GroupScratch<Element> {
  /// What is done to each value of a channel, as in ``ChannelTransform``, and for the gradient of the input.
  let pivot, scale, shift, slope, offset: UnsafeMutablePointer<Element>
  /// For two vectors more.
  let rest: UnsafeMutablePointer<Element>
  /// The channels' sums.
  let sums, products: UnsafeMutablePointer<Double>
  /// For one vector more.
  let restOfDoubles: UnsafeMutablePointer<Double>

  static func lend(width: Int, _ body: (GroupScratch) -> Void) where Element: TensorElement {
    withScratch(7 * width, of: Element.self) { elements in
      withScratch(3 * width, of: Double.self) { doubles in
        body(
          GroupScratch(
            pivot: elements, scale: elements + width, shift: elements + 2 * width, slope: elements + 3 * width,
            offset: elements + 4 * width, rest: elements + 5 * width, sums: doubles, products: doubles + width,
            restOfDoubles: doubles + 2 * width))
      }
    }
  }

  var transform: ChannelTransform<Element> { ChannelTransform(pivot: pivot, scale: scale, shift: shift) }
}

/// Group normalization by loops over the values of one sample. The pointers are to the sample's first value; `channels` are
/// some whole groups, and the vectors of the scratch begin with the first of them.
///
/// The statistics belong to groups, the loops run over channels: so the loops are those of batch normalization, with
/// vectors in which the channels of a group have the same pivot.
protocol GroupLoops {
  associatedtype Element: TensorElement
  var extent: GroupExtent { get }
  var cut: GroupCut { get }
  /// How often the vectors are written side by side.
  var fold: Int { get }

  /// Writes the mean and the centred second moment of each group to `statistics`, the latter in the place of the
  /// reciprocal deviation.
  func findMoments(
    _ x: UnsafePointer<Element>, _ channels: Range<Int>, _ statistics: GroupStatistics, _ scratch: GroupScratch<Element>
  )

  /// `y = (x − pivot) · scale + shift`, and ReLU.
  func normalize(
    _ x: UnsafePointer<Element>, _ y: UnsafeMutablePointer<Element>, _ channels: Range<Int>,
    _ scratch: GroupScratch<Element>, rectifies: Bool)

  /// Writes the sums of `g` and of `g · (x − pivot)` of each channel to the scratch.
  func findGradientSums(
    _ g: UnsafePointer<Element>, _ x: UnsafePointer<Element>, _ channels: Range<Int>, _ scratch: GroupScratch<Element>,
    rectifies: Bool)

  /// `dx = g · scale − (x − pivot) · slope − offset`.
  func inputGradient(
    _ g: UnsafePointer<Element>, _ x: UnsafePointer<Element>, _ dx: UnsafeMutablePointer<Element>,
    _ channels: Range<Int>, _ scratch: GroupScratch<Element>, rectifies: Bool)
}

extension GroupLoops {
  /// Finds the statistics and normalizes, each sample's groups while they are in the cache.
  func forward(
    _ x: UnsafePointer<Element>, _ y: UnsafeMutablePointer<Element>, _ statistics: GroupStatistics,
    _ affine: AffineVectors<Element>, epsilon: Double, rectifies: Bool
  ) {
    let share = 1 / Double(extent.valuesPerGroup)
    forEachPart { _, sample, channels, scratch in
      let start = sample * extent.valuesPerSample
      let found = statistics.of(sample, extent)
      findMoments(x + start, channels, found, scratch)
      for group in extent.groups(in: channels) {
        found.reciprocal[group] = 1 / (found.reciprocal[group] * share + epsilon).squareRoot()
      }
      makeTransform(channels, extent, found, affine, scratch, copies: fold)
      normalize(x + start, y + start, channels, scratch, rectifies: rectifies)
    }
  }

  /// The gradient of the input, and the parts of those of gamma and beta, `[runs, 2 · C]`.
  func backward(
    _ g: UnsafePointer<Element>, _ x: UnsafePointer<Element>, _ dx: UnsafeMutablePointer<Element>,
    _ statistics: GroupStatistics, _ affine: AffineVectors<Element>, rectifies: Bool
  ) -> Tensor<Double> {
    Tensor(shape: [cut.runs, 2 * extent.channels]) { parts in
      parts.initialize(repeating: 0)
      guard let parts = parts.baseAddress else { return }
      forEachPart { run, sample, channels, scratch in
        let start = sample * extent.valuesPerSample
        let found = statistics.of(sample, extent)
        makeTransform(channels, extent, found, affine, scratch, copies: fold)
        findGradientSums(g + start, x + start, channels, scratch, rectifies: rectifies)
        let gammaPart = parts + 2 * run * extent.channels
        finishGradients(
          channels, extent, found, affine, scratch, copies: fold, gammaPart: gammaPart,
          betaPart: gammaPart + extent.channels)
        inputGradient(g + start, x + start, dx + start, channels, scratch, rectifies: rectifies)
      }
    }
  }

  private func forEachPart(
    _ body: (_ run: Int, _ sample: Int, _ channels: Range<Int>, _ scratch: GroupScratch<Element>) -> Void
  ) {
    Parallel.forEach(cut.ticketCount) { ticket in
      let (run, samples, channels) = cut.part(ticket)
      GroupScratch.lend(width: channels.count * fold) { scratch in
        for sample in samples { body(run, sample, channels, scratch) }
      }
    }
  }
}

extension GroupStatistics {
  /// Those of one sample.
  fileprivate func of(_ sample: Int, _ extent: GroupExtent) -> GroupStatistics {
    GroupStatistics(mean: mean + sample * extent.groups, reciprocal: reciprocal + sample * extent.groups)
  }
}

/// From the statistics of the groups, what normalizes the channels: with `mean = pivot + rest`, the pivot being an element,
/// `scale = gamma / s` and `shift = beta − rest · gamma / s`.
@specialized(where Element == Float)
@specialized(where Element == Double)
private func makeTransform<Element: TensorElement>(
  _ channels: Range<Int>, _ extent: GroupExtent, _ statistics: GroupStatistics, _ affine: AffineVectors<Element>,
  _ scratch: GroupScratch<Element>, copies: Int
) {
  for group in extent.groups(in: channels) {
    let pivot = Element(statistics.mean[group])
    let rest = statistics.mean[group] - Double(pivot)
    for channel in extent.channels(of: group) {
      let place = channel - channels.lowerBound
      let factor = (affine.gamma.map { Double($0[channel]) } ?? 1) * statistics.reciprocal[group]
      scratch.pivot[place] = pivot
      scratch.scale[place] = Element(factor)
      scratch.shift[place] = Element((affine.beta.map { Double($0[channel]) } ?? 0) - rest * factor)
    }
  }
  repeatVector(scratch.pivot, width: channels.count, copies: copies)
  repeatVector(scratch.scale, width: channels.count, copies: copies)
  repeatVector(scratch.shift, width: channels.count, copies: copies)
}

/// From the channels' sums of one sample, its part of the gradients of gamma and beta, and what makes that of x.
@specialized(where Element == Float)
@specialized(where Element == Double)
private func finishGradients<Element: TensorElement>(
  _ channels: Range<Int>, _ extent: GroupExtent, _ statistics: GroupStatistics, _ affine: AffineVectors<Element>,
  _ scratch: GroupScratch<Element>, copies: Int, gammaPart: UnsafeMutablePointer<Double>,
  betaPart: UnsafeMutablePointer<Double>
) {
  let share = 1 / Double(extent.valuesPerGroup)
  for group in extent.groups(in: channels) {
    let reciprocal = statistics.reciprocal[group]
    let rest = statistics.mean[group] - Double(Element(statistics.mean[group]))
    // Over the group: Σh and Σ h · x̂.
    var sum = 0.0
    var product = 0.0
    for channel in extent.channels(of: group) {
      let place = channel - channels.lowerBound
      let gamma = affine.gamma.map { Double($0[channel]) } ?? 1
      let ofGamma = (scratch.products[place] - rest * scratch.sums[place]) * reciprocal
      gammaPart[channel] += ofGamma
      betaPart[channel] += scratch.sums[place]
      sum += gamma * scratch.sums[place]
      product += gamma * ofGamma
    }
    let slope = reciprocal * reciprocal * product * share
    let offset = reciprocal * sum * share - rest * slope
    for channel in extent.channels(of: group) {
      scratch.slope[channel - channels.lowerBound] = Element(slope)
      scratch.offset[channel - channels.lowerBound] = Element(offset)
    }
  }
  repeatVector(scratch.slope, width: channels.count, copies: copies)
  repeatVector(scratch.offset, width: channels.count, copies: copies)
}

/// Writes a vector side by side as often as `copies` says, its own place included.
private func repeatVector<Element>(_ vector: UnsafeMutablePointer<Element>, width: Int, copies: Int) {
  for copy in 1..<max(1, copies) { (vector + copy * width).update(from: vector, count: width) }
}
