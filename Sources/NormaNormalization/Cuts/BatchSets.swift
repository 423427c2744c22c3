import CKernels
import NormaTensor

/// Which values of a batch share moments, and which do not count.
struct BatchSets {
  let sets: [BatchSet]
  let excluded: ExcludedRows

  /// - Throws: ``NormalizationError/invalidWeight(value:place:)``.
  init<Element: TensorElement>(
    _ shape: Shape, _ layout: ChannelLayout, _ scope: StatisticsScope, _ weights: Tensor<Element>?
  ) throws(NormalizationError) {
    let whole = layout.extent(of: shape)
    let (samples, scope) = (shape[0], scope.checked())
    let positions = whole.channels > 0 && samples > 0 ? shape.elementCount / (samples * whole.channels) : 0
    let rowWeights = try weights.map { (weights) throws(NormalizationError) in
      try RowWeights(weights, of: shape, layout: layout)
    }
    func rows(_ samples: Range<Int>) -> SelectedRows {
      if let rowWeights {
        return SelectedRows(
          whole, samples: samples, of: rowWeights, keepsWeights: rowWeights.isUneven && scope.mergesMoments)
      }
      let outersPerSample = layout == .channelsLast ? positions : 1
      return SelectedRows(
        whole, outers: samples.lowerBound * outersPerSample..<samples.upperBound * outersPerSample)
    }
    let all = 0..<samples
    switch scope {
    case .batch: sets = [BatchSet(rows: rows(all), parts: [])]
    case .parts:
      let ranges = scope.ranges(of: samples)
      sets = [BatchSet(rows: rows(all), parts: ranges.count > 1 ? ranges.map(rows) : [])]
    case .ghosts: sets = scope.ranges(of: samples).map { BatchSet(rows: rows($0), parts: []) }
    }
    excluded = ExcludedRows(rowWeights, samples: all, whole)
  }

  /// What `body` makes of each set, with memory for vectors of a width.
  func map<Element: TensorElement, Found>(
    width: Int, _ type: Element.Type, _ body: (_ index: Int, BatchSet, PassMemory<Element>?) -> Found
  ) -> [Found] {
    let extent = sets[0].rows.extent
    return [Found](unsafeUninitializedCapacity: sets.count) { found, count in
      // Each set writes a place of its own.
      nonisolated(unsafe) let places = found.baseAddress!
      forEachOfSets(
        sets.count, valuesPerSet: extent.valuesPerChannel * extent.channels, width: width, Element.self
      ) {
        (places + $0).initialize(to: body($0, sets[$0], $1))
      }
      count = sets.count
    }
  }

  /// Vectors for the statistics of all sets.
  func vectors<Element: TensorElement>(_ type: Element.Type = Element.self) -> StatisticsVectors<Element> {
    StatisticsVectors(
      sets: sets.count, channels: sets[0].rows.extent.channels,
      width: sets.map { BatchCut.folded($0.rows.extent).width }.max() ?? 0)
  }
}

/// Values of a batch that share moments.
struct BatchSet: Sendable {
  let rows: SelectedRows
  /// The parts of which the moments are merged; none where they are found at once.
  let parts: [SelectedRows]

  /// Whether the moments are not found while the values are normalized.
  var needsMomentsFirst: Bool { !parts.isEmpty || rows.weights != nil }

  /// The moments, as they are found for the forward pass.
  func moments<Element: TensorElement>(of x: Reading<Element>) -> BatchMoments {
    parts.isEmpty ? rows.moments(of: x) : .merged(parts.map { $0.moments(of: x) })
  }

  /// The shape of the values as a batch of their own.
  func shape(of whole: Shape, _ layout: ChannelLayout) -> [Int] {
    rows.extent.valuesPerChannel * rows.extent.channels == whole.elementCount
      ? Array(whole) : [rows.extent.valuesPerChannel, rows.extent.channels]
  }
}

extension SelectedRows {
  /// The moments of these rows.
  @specialized(where Element == Float)
  func moments<Element: TensorElement>(of x: Reading<Element>) -> BatchMoments {
    let channels = extent.channels
    guard extent.valuesPerChannel > 0, channels > 0 else {
      return BatchMoments(count: 0, mean: .zeros([channels]), centredSecondMoment: .zeros([channels]))
    }
    if let weights { return weightedMoments(of: x, weights) }
    let parameters = AffineParameters<Element>(gamma: nil, beta: nil, channels: channels)
    let work = BatchPasses<Element>(over: self, rectifies: false)
    let vectors = StatisticsVectors<Element>(sets: 1, channels: channels, width: work.cut.extent.width)
    _ = withExtendedLifetime(vectors) { work.forward(x, nil, vectors.lent(parameters)[0], epsilon: 0) }
    return vectors.moments([SetWeights(count: extent.valuesPerChannel)])
  }

  /// The moments of rows that do not count the same, `Σ w·x / W` and `Σ w·(x − mean)²`: in double precision, of runs of rows by the
  /// corrected two-pass algorithm, merged.
  private func weightedMoments<Element: TensorElement>(of x: Reading<Element>, _ weights: [Double]) -> BatchMoments {
    let channels = extent.channels
    let length = max(1, 16_384 / max(1, extent.stride), (extent.outers + 63) / 64)
    let runs = stride(from: 0, to: extent.outers, by: length).map { $0..<min(extent.outers, $0 + length) }
    let (means, mean) = Tensor<Double>.unwritten([runs.count, channels])
    let (seconds, second) = Tensor<Double>.unwritten([runs.count, channels])
    let totals = runs.map { run in
      let inner = Double(extent.inner)
      return (
        sum: run.reduce(0) { $0 + weights[$1] } * inner,
        squares: run.reduce(0) { $0 + weights[$1] * weights[$1] } * inner
      )
    }
    Parallel.forEach(runs.count) { index in
      let (part, start) = extent.slice(outers: runs[index])
      read(x, part, start) { x, part in
        weights.withUnsafeBufferPointer { weights in
          findWeightedMoments(
            x, part, weights: weights.baseAddress! + runs[index].lowerBound, total: totals[index].sum,
            mean: mean + index * channels, second: second + index * channels)
        }
      }
    }
    return .merged(
      runs.indices.map { index in
        func row(_ tensor: Tensor<Double>) -> Tensor<Double> {
          tensor[rows: index..<index + 1].reshaped(to: [channels])
        }
        return BatchMoments(
          count: runs[index].count * extent.inner, weight: totals[index].sum, squaredWeight: totals[index].squares,
          mean: row(means), centredSecondMoment: row(seconds))
      })
  }
}

/// Rows that do not count.
struct ExcludedRows: Sendable {
  /// Stretches of them.
  private var runs: [(place: Int, count: Int)] = []
  private let rowStep: Int, channelStep: Int, inner: Int
  private let streams: Bool

  init(_ weights: RowWeights?, samples: Range<Int>, _ whole: ChannelExtent) {
    channelStep = whole.inner
    inner = weights?.layout.isScattered ?? false ? 1 : whole.inner
    rowStep = weights?.layout.rowStep ?? whole.stride
    streams = whole.streams
    weights?.forEachRun(samples, counting: false) { runs.append(($0, $1)) }
  }

  /// beta, or what a ReLU leaves of it, as often for each channel as its values stand side by side.
  @specialized(where Element == Float)
  private func row<Element: TensorElement>(of beta: Tensor<Element>, rectifies: Bool) -> [Element] {
    let (channels, address) = (beta.count, beta.address)
    return [Element](unsafeUninitializedCapacity: channels * inner) { row, count in
      for channel in 0..<channels {
        let value = address[channel]
        (row.baseAddress! + channel * inner).initialize(
          repeating: rectifies && value <= 0 ? 0 : value, count: inner)
      }
      count = channels * inner
      withExtendedLifetime(beta) {}
    }
  }

  @specialized(where Element == Float)
  private func writeZeros<Element: TensorElement>(_ y: UnsafeMutablePointer<Element>, count: Int) {
    guard streams, let kernels = Element.kernels else { return y.update(repeating: 0, count: count) }
    kernels.table.pointee.stream_zeros(kernels(y), count)
  }

  /// Writes what such rows are to hold.
  @specialized(where Element == Float)
  func fill<Element: TensorElement>(
    _ y: Writing<Element>, _ parameters: AffineParameters<Element>, _ output: ExcludedOutput
  ) {
    guard !runs.isEmpty else { return }
    // What such rows hold; nil for zeros.
    let row = output == .zero ? nil : parameters.beta.map { self.row(of: $0, rectifies: parameters.rectifies) }
    switch y {
    case .full(let y): fill(y, row, channels: parameters.channels) { writeZeros($0, count: $1) }
    case .half(let y, let precision):
      fill(y, row.map { Tensor($0).rounded(to: precision).bits }, channels: parameters.channels) {
        $0.update(repeating: 0, count: $1)
      }
    }
  }

  /// Writes what rows hold, or zeros by what writes them.
  private func fill<Number: Numeric>(
    _ y: UnsafeMutablePointer<Number>, _ row: [Number]?, channels: Int,
    zeros: (UnsafeMutablePointer<Number>, Int) -> Void
  ) {
    let width = channels * inner
    // Each ticket writes rows of its own.
    nonisolated(unsafe) let (y, zeros) = (y, zeros)
    let perTicket = max(1, (runs.count + 15) / 16)
    Parallel.forEach((runs.count + perTicket - 1) / perTicket) { ticket in
      for run in runs[ticket * perTicket..<min(runs.count, (ticket + 1) * perTicket)] {
        if channelStep == inner {
          // Rows as they lie.
          guard let row else {
            zeros(y + run.place, run.count * width)
            continue
          }
          row.withUnsafeBufferPointer { row in
            for index in 0..<run.count {
              (y + run.place + index * rowStep).update(from: row.baseAddress!, count: width)
            }
          }
        } else {
          for channel in 0..<channels {
            (y + run.place + channel * channelStep).update(repeating: row?[channel * inner] ?? 0, count: run.count)
          }
        }
      }
    }
  }
}
