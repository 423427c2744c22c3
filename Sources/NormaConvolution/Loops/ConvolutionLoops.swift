import CKernels
import NormaTensor

/// The loops that convolutions consist of: the kernels that were in use for the element type when this was made, or for a type
/// that has none their twins, which define them.
struct ConvolutionLoops<Element: TensorElement> {
  private let kernels = Element.kernels

  /// `y[results[r] + c] = Σ x[places[r] + place] · weights[…][c]` over the terms of a chunk, for `columns` columns c of a block, and
  /// what follows the sum. `weights` holds a whole block for each term. If `accumulates`, the sum is added to what `y` holds.
  func sumShiftedRows(
    _ x: UnsafePointer<Element>, _ places: UnsafePointer<Int32>, _ results: UnsafePointer<Int32>, rows: Int,
    _ chunk: TermChunks.Chunk,
    _ weights: UnsafePointer<Element>, into y: UnsafeMutablePointer<Element>, columns: Int, accumulates: Bool,
    then epilogue: Epilogue<Element>
  ) {
    guard let kernels else {
      return shiftedRowsTwin(
        x, places, results, rows, chunk.places.baseAddress, chunk.lengths.baseAddress, chunk.places.count, weights, y,
        columns, epilogue.bias, epilogue.residual, accumulates, epilogue.rectifies, epilogue.bounds)
    }
    kernels.table.pointee.shifted_rows(
      kernels(x), places, results, rows, chunk.places.baseAddress, chunk.lengths.baseAddress,
      chunk.places.count, kernels(weights),
      kernels(y),
      columns, kernels(ifAny: epilogue.bias), kernels(ifAny: epilogue.residual), accumulates, epilogue.rectifies,
      kernels(ifAny: epilogue.bounds))
  }

  /// `sums[j][c] += Σ x[places[r] + place] · g[results[r] + c]`, a chain over rows r, for the columns c of a block and the terms j of
  /// a chunk, whose sums are `stride` apart.
  func addShiftedRowProducts(
    _ x: UnsafePointer<Element>, _ places: UnsafePointer<Int32>, _ g: UnsafePointer<Element>,
    _ results: UnsafePointer<Int32>, rows: Int, _ chunk: TermChunks.Chunk,
    to sums: UnsafeMutablePointer<Element>, stride: Int
  ) {
    guard let kernels else {
      return shiftedRowsGradientTwin(
        x, places, g, results, rows, chunk.places.baseAddress, chunk.lengths.baseAddress, chunk.places.count, sums,
        stride)
    }
    kernels.table.pointee.shifted_rows_gradient(
      kernels(x), places, kernels(g), results, rows, chunk.places.baseAddress, chunk.lengths.baseAddress,
      chunk.places.count, kernels(sums),
      stride)
  }

  /// Depthwise: `y[results[r] + c] = Σ x[places[r] + taps[t] + c] · weights[t][c]` over the taps of a chunk for all channels c, and
  /// what follows the sum. If `accumulates`, the sum is added to what `y` holds.
  func sumTaps(
    _ x: UnsafePointer<Element>, _ places: UnsafePointer<Int32>, _ results: UnsafePointer<Int32>, rows: Int,
    _ taps: UnsafeBufferPointer<Int32>,
    _ weights: UnsafePointer<Element>, into y: UnsafeMutablePointer<Element>, channels: Int, accumulates: Bool,
    then epilogue: Epilogue<Element>
  ) {
    guard let kernels else {
      return depthwiseTwin(
        x, places, results, rows, taps.baseAddress, taps.count, weights, y, channels, epilogue.bias,
        epilogue.residual, accumulates, epilogue.rectifies, epilogue.bounds)
    }
    kernels.table.pointee.depthwise(
      kernels(x), places, results, rows, taps.baseAddress, taps.count, kernels(weights), kernels(y), channels,
      kernels(ifAny: epilogue.bias), kernels(ifAny: epilogue.residual), accumulates, epilogue.rectifies,
      kernels(ifAny: epilogue.bounds))
  }

  /// Depthwise: `sums[t][c] += Σ x[places[r] + taps[t] + c] · g[results[r] + c]`, a chain over some rows r.
  func addTapProducts(
    _ x: UnsafePointer<Element>, _ places: UnsafePointer<Int32>, _ g: UnsafePointer<Element>,
    _ results: UnsafePointer<Int32>, _ rows: Range<Int>, _ taps: [Int32], to sums: UnsafeMutablePointer<Element>,
    channels: Int
  ) {
    guard let kernels else {
      return depthwiseGradientTwin(
        x, places + rows.lowerBound, g, results + rows.lowerBound, rows.count, taps, taps.count, sums, channels)
    }
    kernels.table.pointee.depthwise_gradient(
      kernels(x), places + rows.lowerBound, kernels(g), results + rows.lowerBound, rows.count, taps, taps.count,
      kernels(sums), channels)
  }

  /// Winograd: `B'dB` for the pixels d of a group of tiles: row t of factor k begins at `k · stride + t · width`.
  /// `zeros` holds one for each of the `width` channels, and stands for the pixels outside.
  func transformSource(
    _ x: UnsafePointer<Element>, _ tiles: norma_tiles, _ group: Range<Int>, zeros: UnsafePointer<Element>,
    into values: UnsafeMutablePointer<Element>, width: Int, stride: Int
  ) {
    withUnsafePointer(to: tiles) { tiles in
      guard let kernels else {
        return winogradSourceTwin(x, tiles, group.lowerBound, group.count, zeros, values, width, stride)
      }
      kernels.table.pointee.winograd_source(
        kernels(x), tiles, group.lowerBound, group.count, kernels(zeros), kernels(values), width, stride)
    }
  }

  /// Winograd: `A'mA` for the products m of a group of tiles, for `columns` columns of a block, and what follows the sum.
  /// `y` begins at the first of these channels.
  func transformResult(
    _ products: UnsafePointer<Element>, stride: Int, into y: UnsafeMutablePointer<Element>, _ tiles: norma_tiles,
    _ group: Range<Int>, columns: Int, then epilogue: Epilogue<Element>
  ) {
    withUnsafePointer(to: tiles) { tiles in
      guard let kernels else {
        return winogradResultTwin(
          products, stride, y, tiles, group.lowerBound, group.count, columns, epilogue.bias, epilogue.residual,
          epilogue.rectifies)
      }
      kernels.table.pointee.winograd_result(
        kernels(products), stride, kernels(y), tiles, group.lowerBound, group.count, columns,
        kernels(ifAny: epilogue.bias), kernels(ifAny: epilogue.residual), epilogue.rectifies)
    }
  }

  /// Winograd: `AgA'` for the results' gradients g of a group of tiles, laid out as by
  /// ``transformSource(_:_:_:zeros:into:width:stride:)``.
  func transformGradient(
    _ g: UnsafePointer<Element>, _ tiles: norma_tiles, _ group: Range<Int>, zeros: UnsafePointer<Element>,
    into values: UnsafeMutablePointer<Element>, width: Int, stride: Int
  ) {
    withUnsafePointer(to: tiles) { tiles in
      guard let kernels else {
        return winogradGradientTwin(g, tiles, group.lowerBound, group.count, zeros, values, width, stride)
      }
      kernels.table.pointee.winograd_gradient(
        kernels(g), tiles, group.lowerBound, group.count, kernels(zeros), kernels(values), width, stride)
    }
  }
}

/// What follows a sum, in this order, each an operation of its own: a bias for each channel, a value of the result's shape, ReLU, bounds,
/// and a function of each element, which is applied to results that are finished and still in the caches.
struct Epilogue<Element: TensorElement> {
  var bias: UnsafePointer<Element>?
  var residual: UnsafePointer<Element>?
  var rectifies = false
  /// The bounds whose nearer replaces what is beyond them; where shifted rows and depthwise convolutions have it.
  var bounds: UnsafePointer<Element>?
  var function: UnaryOperation<Element>?

  /// Nothing.
  static var none: Epilogue { Epilogue() }

  /// Lends the same with bounds for a function that is a clamp.
  func withBounds(_ body: (Epilogue) -> Void) {
    guard case .clamp(let range) = function else { return body(self) }
    withUnsafeTemporaryAllocation(of: Element.self, capacity: 2) { bounds in
      (bounds[0], bounds[1]) = (range.lowerBound, range.upperBound)
      var bounded = self
      (bounded.bounds, bounded.function) = (UnsafePointer(bounds.baseAddress), nil)
      body(bounded)
    }
  }

  /// The same for results that begin at `result`, whose bias begins at `bias`.
  func from(bias biasPlace: Int, result place: Int) -> Epilogue {
    Epilogue(
      bias: bias.map { $0 + biasPlace }, residual: residual.map { $0 + place }, rectifies: rectifies, bounds: bounds)
  }
}
