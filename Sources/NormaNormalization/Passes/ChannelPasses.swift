import CKernels
import NormaTensor

/// The passes over the values of neighbouring channels of which every normalization is made: on the kernels that are in use for
/// the element type when it is made, or else by definition.
///
/// A channel that the kernels' single precision does not hold, which its statistics show, is marked in its vectors
/// (``ChannelVectors/isExact(_:)``), and done by definition after them.
struct ChannelPasses<Element: TensorElement> {
  let kernels = Element.kernels

  /// Sums of the distances from a base, and of their squares; each a vector of the extent's width.
  struct Sums {
    let base: UnsafeMutablePointer<Element>
    let sums, squares: UnsafeMutablePointer<Double>

    /// Memory for vectors of a width, and as scratch for three more of elements.
    static func lend<Value>(width: Int, _ body: (Sums, _ scratch: UnsafeMutablePointer<Element>) -> Value) -> Value {
      withScratch(2 * width, of: Double.self) { sums in
        withScratch(4 * width, of: Element.self) { elements in
          body(Sums(base: elements, sums: sums, squares: sums + width), elements + width)
        }
      }
    }

    /// The sums of one channel.
    func values(_ channel: Int) -> PivotedSums<Element> {
      PivotedSums(base: base[channel], sum: sums[channel], square: squares[channel])
    }

    /// The sums from a channel on.
    func from(_ first: Int) -> Sums { Sums(base: base + first, sums: sums + first, squares: squares + first) }
  }

  /// Writes the sums of each channel, around a base that is found first. `scratch` has room for three times the width.
  func findMoments(
    _ x: UnsafePointer<Element>, _ extent: ChannelExtent, _ found: Sums, scratch: UnsafeMutablePointer<Element>
  ) {
    guard let kernels else {
      return findMomentsByDefinition(x, extent, base: found.base, sums: found.sums, squares: found.squares)
    }
    let k = kernels.table.pointee
    var isFirst = true
    extent.forEachPart { part, start in
      guard isFirst else {
        return addMoments(x + start, part, base: found.base, sums: found.sums, squares: found.squares)
      }
      isFirst = false
      if part.readsRows {
        k.row_moments(
          kernels(x + start), part.stride, part.outers, part.channels, kernels(found.base), found.sums, found.squares,
          kernels(scratch))
      } else {
        k.plane_moments(
          kernels(x + start), part.outers, part.stride, part.channels, part.inner, kernels(found.base), found.sums,
          found.squares)
      }
      if part.channels > extent.channels { addCopies(of: extent, count: part.valuesPerChannel, to: found) }
    }
  }

  /// Adds the sums of channels that were read side by side, as rows of their own, to those of the first.
  private func addCopies(of extent: ChannelExtent, count: Int, to found: Sums) {
    for copy in 1..<extent.fold {
      add(found.from(copy * extent.channels), count: count, to: found, width: extent.channels)
    }
  }

  /// Whether the kernels read rows of an extent as wide ones, block by block.
  func readsBlocks(_ extent: ChannelExtent) -> Bool {
    kernels != nil && extent.inner == 1 && extent.outers >= extent.fold && extent.width >= ChannelExtent.lanes
  }

  /// Writes the sums of each channel of an extent that is lent block by block, in pieces: to the bit those of ``findMoments(_:_:_:scratch:)``.
  func findMoments(
    ofBlocks extent: ChannelExtent, _ found: Sums, scratch: UnsafeMutablePointer<Element>,
    block: (
      _ outers: Range<Int>, _ piece: (_ x: UnsafePointer<Element>, _ part: ChannelExtent) -> Void
    ) -> Void,
    rest: (_ outers: Range<Int>, _ body: (_ x: UnsafePointer<Element>, _ part: ChannelExtent) -> Void) -> Void
  ) {
    guard let kernels else { return }
    let k = kernels.table.pointee
    let width = extent.width
    let (pivot, sum, square) = (scratch, scratch + width, scratch + 2 * width)
    withScratch(2 * width, of: Double.self) { doubles in
      extent.forEachBlock { outers in
        var begins = true
        block(outers) { x, part in
          k.row_block_moments(
            kernels(x), part.stride, part.outers, width, begins, kernels(pivot), kernels(sum), kernels(square))
          begins = false
        }
        if outers.lowerBound == 0 {
          found.base.update(from: pivot, count: width)
          for channel in 0..<width { (found.sums[channel], found.squares[channel]) = (0, 0) }
        }
        for channel in 0..<width {
          doubles[channel] = Double(sum[channel])
          doubles[width + channel] = Double(square[channel])
        }
        add(
          Sums(base: pivot, sums: doubles, squares: doubles + width), count: outers.count / extent.fold, to: found,
          width: width)
      }
    }
    addCopies(of: extent, count: extent.outers / extent.fold, to: found)
    if extent.outers % extent.fold > 0 {
      rest(extent.outers / extent.fold * extent.fold..<extent.outers) {
        addMoments($0, $1, base: found.base, sums: found.sums, squares: found.squares)
      }
    }
  }

  /// Adds the sums of `count` further values a channel.
  func add(_ part: Sums, count: Int, to total: Sums, width: Int) {
    if let kernels {
      return kernels.table.pointee.merge_moments(
        kernels(part.base), part.sums, part.squares, kernels(total.base), width, Double(count), total.sums,
        total.squares)
    }
    for channel in 0..<width {
      var values = total.values(channel)
      values.add(part.values(channel), count: count)
      (total.sums[channel], total.squares[channel]) = (values.sum, values.square)
    }
  }

  /// From the sums of `count` values a set of channels, its statistics, and from those what normalizes the channels. False if some
  /// are left to the definition, for which `definition` finds mean and centred second moment.
  func finish(
    _ found: Sums, count: Int, _ vectors: ChannelVectors<Element>, width: Int, epsilon: Double,
    definition: (Int) -> (Double, Double)
  ) -> Bool {
    if let kernels,
      kernels.table.pointee.finish_moments(
        kernels(found.base), found.sums, found.squares, width, Double(count), epsilon, kernels(ifAny: vectors.gamma),
        kernels(ifAny: vectors.beta), vectors.mean, vectors.secondMoment, vectors.reciprocalDeviation,
        kernels(vectors.pivot), kernels(vectors.scale), kernels(vectors.shift))
    {
      return true
    }
    let share = 1 / Double(count)
    for channel in 0..<width {
      let difference = found.sums[channel] * share
      vectors.mean[channel] = Double(found.base[channel]) + difference
      vectors.secondMoment[channel] = found.squares[channel] - difference * found.sums[channel]
      vectors.setReciprocal(channel, share: share, epsilon: epsilon)
      let isOrdinary = vectors.setTransform(
        channel..<channel + 1, mean: vectors.mean[channel],
        reciprocalDeviation: vectors.reciprocalDeviation[channel], hasKernels: kernels != nil)
      if !isOrdinary && kernels != nil {
        (vectors.mean[channel], vectors.secondMoment[channel]) = definition(channel)
        vectors.setReciprocal(channel, share: share, epsilon: epsilon)
      }
    }
    return false
  }

  /// Calls `body` with the channels that are left to the definition: those of which `marks` is NaN.
  private func forEachExact(
    _ extent: ChannelExtent, marks: UnsafePointer<Element>, isOrdinary: Bool, _ body: (Range<Int>) -> Void
  ) {
    if kernels == nil { return body(0..<extent.channels) }
    if isOrdinary { return }
    for channel in 0..<extent.channels where marks[channel].isNaN { body(channel..<channel + 1) }
  }

  /// `y = (x − pivot) · scale + shift`, and ReLU.
  func normalize(
    _ x: UnsafePointer<Element>, _ y: UnsafeMutablePointer<Element>, _ extent: ChannelExtent,
    _ vectors: ChannelVectors<Element>, isOrdinary: Bool, rectifies: Bool, streams: Bool
  ) {
    if let kernels {
      let k = kernels.table.pointee
      let (pivot, scale, shift) = (kernels(vectors.pivot), kernels(vectors.scale), kernels(vectors.shift))
      extent.forEachPart { part, start in
        let (x, y) = (kernels(x + start), kernels(y + start))
        if part.readsRows {
          k.row_normalize(x, y, part.stride, part.outers, part.channels, pivot, scale, shift, rectifies, streams)
        } else {
          k.plane_normalize(
            x, y, part.outers, part.stride, part.channels, part.inner, pivot, scale, shift, rectifies, streams)
        }
      }
    }
    forEachExact(extent, marks: vectors.scale, isOrdinary: isOrdinary) {
      normalizeByDefinition(x, y, extent, $0, vectors, rectifies: rectifies)
    }
  }

  /// Writes `Σ h` and `Σ h · (x − pivot)`, or `Σ h · (x − mean)` by definition, of each channel; vectors of the extent's width. h is
  /// the gradient, 0 where a ReLU that followed was not active. `scratch` has room for twice the width.
  func findGradientSums(
    _ g: UnsafePointer<Element>, _ x: UnsafePointer<Element>, _ extent: ChannelExtent,
    _ vectors: ChannelVectors<Element>, isOrdinary: Bool, rectifies: Bool, sums: UnsafeMutablePointer<Double>,
    products: UnsafeMutablePointer<Double>, scratch: UnsafeMutablePointer<Element>
  ) {
    if let kernels {
      let k = kernels.table.pointee
      let (pivot, scale, shift) = (kernels(vectors.pivot), kernels(vectors.scale), kernels(vectors.shift))
      func find(
        _ part: ChannelExtent, _ start: Int, _ sums: UnsafeMutablePointer<Double>,
        _ products: UnsafeMutablePointer<Double>
      ) {
        if part.readsRows {
          k.row_gradient_sums(
            kernels(g + start), kernels(x + start), part.stride, part.outers, part.channels, pivot, scale, shift,
            rectifies, sums, products, kernels(scratch))
        } else {
          k.plane_gradient_sums(
            kernels(g + start), kernels(x + start), part.outers, part.stride, part.channels, part.inner, pivot, scale,
            shift, rectifies, sums, products)
        }
      }
      var isFirst = true
      extent.forEachPart { part, start in
        if isFirst {
          isFirst = false
          find(part, start, sums, products)
          if part.channels > extent.channels { addGradientCopies(of: extent, to: sums, products) }
        } else {
          withScratch(2 * part.channels, of: Double.self) { more in
            find(part, start, more, more + part.channels)
            addVector(more, to: sums, count: part.channels)
            addVector(more + part.channels, to: products, count: part.channels)
          }
        }
      }
    }
    forEachExact(extent, marks: vectors.scale, isOrdinary: isOrdinary) { channels in
      for channel in channels { (sums[channel], products[channel]) = (0, 0) }
      addGradientSumsByDefinition(
        g, x, extent, channels, vectors, rectifies: rectifies, sums: sums, products: products)
    }
  }

  private func addGradientCopies(
    of extent: ChannelExtent, to sums: UnsafeMutablePointer<Double>, _ products: UnsafeMutablePointer<Double>
  ) {
    for copy in 1..<extent.fold {
      addVector(sums + copy * extent.channels, to: sums, count: extent.channels)
      addVector(products + copy * extent.channels, to: products, count: extent.channels)
    }
  }

  /// Writes the sums of an extent that is lent block by block, in pieces, where all channels are ordinary: to the bit those of
  /// ``findGradientSums(_:_:_:_:isOrdinary:rectifies:sums:products:scratch:)``.
  func findGradientSums(
    ofBlocks extent: ChannelExtent, _ vectors: ChannelVectors<Element>, rectifies: Bool, _ found: Sums,
    scratch: UnsafeMutablePointer<Element>,
    block: (
      _ outers: Range<Int>,
      _ piece: (_ g: UnsafePointer<Element>, _ x: UnsafePointer<Element>, _ part: ChannelExtent) -> Void
    ) -> Void,
    rest: (
      _ outers: Range<Int>,
      _ body: (_ g: UnsafePointer<Element>, _ x: UnsafePointer<Element>, _ part: ChannelExtent) -> Void
    ) -> Void
  ) {
    guard let kernels else { return }
    let k = kernels.table.pointee
    let width = extent.width
    let (sums, products, sum, product) = (found.sums, found.squares, scratch, scratch + width)
    for channel in 0..<width { (sums[channel], products[channel]) = (0, 0) }
    extent.forEachBlock { outers in
      var begins = true
      block(outers) { g, x, part in
        k.row_block_gradient_sums(
          kernels(g), kernels(x), part.stride, part.outers, width, kernels(vectors.pivot), kernels(vectors.scale),
          kernels(vectors.shift), rectifies, begins, kernels(sum), kernels(product))
        begins = false
      }
      for channel in 0..<width {
        sums[channel] += Double(sum[channel])
        products[channel] += Double(product[channel])
      }
    }
    addGradientCopies(of: extent, to: sums, products)
    if extent.outers % extent.fold > 0 {
      rest(extent.outers / extent.fold * extent.fold..<extent.outers) { g, x, part in
        withScratch(2 * part.channels, of: Double.self) { more in
          findGradientSums(
            g, x, part, vectors, isOrdinary: true, rectifies: rectifies, sums: more, products: more + part.channels,
            scratch: scratch)
          addVector(more, to: sums, count: part.channels)
          addVector(more + part.channels, to: products, count: part.channels)
        }
      }
    }
  }

  /// Slopes and offsets of the gradient of the input: for the kernels, and by definition where the slope is NaN.
  struct Line {
    let slope, offset: UnsafeMutablePointer<Element>
    let definedSlope, definedOffset: UnsafeMutablePointer<Double>

    /// Memory for vectors of a width.
    static func lend<Value>(width: Int, _ body: (Line) -> Value) -> Value {
      withScratch(2 * width, of: Element.self) { line in
        withScratch(2 * width, of: Double.self) { defined in
          body(
            Line(slope: line, offset: line + width, definedSlope: defined, definedOffset: defined + width))
        }
      }
    }

    /// What makes the gradient of the input that of its scaling alone, by definition or not.
    func setToZero(width: Int) {
      for channel in 0..<width {
        (definedSlope[channel], definedOffset[channel]) = (0, 0)
        if !slope[channel].isNaN { (slope[channel], offset[channel]) = (0, 0) }
      }
    }

    /// Another line times a number.
    func set(_ line: Line, times factor: Double, width: Int) {
      for channel in 0..<width {
        slope[channel] = line.slope[channel] * Element(factor)
        offset[channel] = line.offset[channel] * Element(factor)
        definedSlope[channel] = line.definedSlope[channel] * factor
        definedOffset[channel] = line.definedOffset[channel] * factor
      }
    }

    /// The vectors from a channel on.
    func from(_ first: Int) -> Line {
      Line(
        slope: slope + first, offset: offset + first, definedSlope: definedSlope + first,
        definedOffset: definedOffset + first)
    }
  }

  /// From the sums of the gradient over values of some weight a channel, their number where all count the same, the gradients of gamma and beta, and what makes that of the
  /// input. False if some are left to the definition, for which `definition` finds the sums where the kernels' overflowed.
  func finishGradients(
    _ sums: UnsafeMutablePointer<Double>, _ products: UnsafeMutablePointer<Double>, weight: Double,
    _ vectors: ChannelVectors<Element>, width: Int, _ line: Line, isOrdinary: Bool,
    gamma: UnsafeMutablePointer<Element>, beta: UnsafeMutablePointer<Element>, definition: (Int) -> (Double, Double)
  ) -> Bool {
    if let kernels {
      let isFinite = kernels.table.pointee.finish_gradients(
        sums, products, width, weight, vectors.mean, vectors.reciprocalDeviation, kernels(vectors.pivot),
        kernels(ifAny: vectors.gamma), kernels(gamma), kernels(beta), kernels(line.slope), kernels(line.offset))
      if isFinite && isOrdinary { return true }
    }
    for channel in 0..<width {
      if kernels != nil && !vectors.isExact(channel) {
        if line.slope[channel].isFinite && line.offset[channel].isFinite { continue }
        (sums[channel], products[channel]) = definition(channel)
      }
      let reciprocal = vectors.reciprocalDeviation[channel]
      let ofGamma = products[channel] * reciprocal
      gamma[channel] = Element(ofGamma)
      beta[channel] = Element(sums[channel])
      let factor = vectors.gamma(channel)
      (line.definedSlope[channel], line.definedOffset[channel]) = gradientLine(
        sum: factor * sums[channel], product: factor * ofGamma, weight: weight, reciprocalDeviation: reciprocal)
      line.slope[channel] = .nan
    }
    return false
  }

  /// `dx = h · scale − (x − pivot) · slope − offset`.
  func findInputGradient(
    _ g: UnsafePointer<Element>, _ x: UnsafePointer<Element>, _ dx: UnsafeMutablePointer<Element>,
    _ extent: ChannelExtent, _ vectors: ChannelVectors<Element>, _ line: Line, isOrdinary: Bool, rectifies: Bool,
    streams: Bool
  ) {
    if let kernels {
      let k = kernels.table.pointee
      let (pivot, scale, shift) = (kernels(vectors.pivot), kernels(vectors.scale), kernels(vectors.shift))
      let (slope, offset) = (kernels(line.slope), kernels(line.offset))
      extent.forEachPart { part, start in
        let (g, x, dx) = (kernels(g + start), kernels(x + start), kernels(dx + start))
        if part.readsRows {
          k.row_input_gradient(
            g, x, dx, part.stride, part.outers, part.channels, pivot, scale, shift, slope, offset, rectifies, streams)
        } else {
          k.plane_input_gradient(
            g, x, dx, part.outers, part.stride, part.channels, part.inner, pivot, scale, shift, slope, offset,
            rectifies, streams)
        }
      }
    }
    forEachExact(extent, marks: line.slope, isOrdinary: isOrdinary) {
      inputGradientByDefinition(
        g, x, dx, extent, $0, vectors, rectifies: rectifies, slope: line.definedSlope, offset: line.definedOffset)
    }
  }
}

/// Sums of the distances of one channel's values from a base, and of their squares.
struct PivotedSums<Element: TensorElement> {
  let base: Element
  var sum, square: Double

  /// Adds those of n further values: with e the distance of their base, `S += s + n·e` and `Q += q + 2·e·s + n·e²`.
  @inline(__always) mutating func add(_ part: PivotedSums, count: Int) {
    let (e, n) = (Double(part.base) - Double(base), Double(count))
    sum += part.sum + n * e
    square += (part.square + 2 * e * part.sum) + (n * e) * e
  }
}

/// Adds a vector to another.
func addVector(_ vector: UnsafePointer<Double>, to sums: UnsafeMutablePointer<Double>, count: Int) {
  for index in 0..<count { sums[index] += vector[index] }
}
