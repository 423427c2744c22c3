// What is done along one axis: a tensor is read as [outer, length, inner], the axis in the middle.

extension Shape {
  /// The axis that a number means, which counts from the end where it is negative.
  package func axis(_ number: Int) -> Int {
    require(number >= -rank && number < rank, "there is no axis \(number) in a tensor of shape \(self)")
    return number < 0 ? number + rank : number
  }

  /// The same shape with another length of an axis.
  package func replacing(_ axis: Int, with length: Int) -> Shape {
    var lengths = Array(self)
    lengths[axis] = length
    return Shape(lengths)
  }

  /// The product of the lengths before an axis, its own length, and the product of those after it.
  package func parted(at axis: Int) -> (outer: Int, length: Int, inner: Int) {
    (self[..<axis].reduce(1, *), self[axis], self[(axis + 1)...].reduce(1, *))
  }
}

/// Some places one after the other along an axis, and as many that they come from.
private struct Run {
  var source: Int, target: Int, count: Int

  /// The runs of a list of sources, without the targets that have none.
  static func all(in sources: some Collection<Int>) -> [Run] {
    var runs: [Run] = []
    for (target, source) in sources.enumerated() where source >= 0 {
      if let last = runs.last, last.source + last.count == source, last.target + last.count == target {
        runs[runs.count - 1].count += 1
      } else {
        runs.append(Run(source: source, target: target, count: 1))
      }
    }
    return runs
  }
}

/// Copies runs of places of `inner` elements each.
@specialized(where Element == Float)
@specialized(where Element == Double)
private func copy<Element: TensorElement>(
  _ runs: [Run], of inner: Int, _ x: UnsafePointer<Element>, to y: UnsafeMutablePointer<Element>
) {
  for run in runs {
    if run.count * inner == 1 {
      y[run.target] = x[run.source]
    } else {
      (y + run.target * inner).update(from: x + run.source * inner, count: run.count * inner)
    }
  }
}

/// Elements that are worth a ticket.
private let elementsPerTicket = 1 << 15

extension Tensor {
  /// The places of an axis that `sources` names, in their order, those that stand for none (below 0) filled: the axis gets as many
  /// places as there are sources.
  func picking(_ sources: some Collection<Int>, axis: Int, filling value: Element = 0) -> Tensor {
    let (outer, length, inner) = shape.parted(at: axis)
    require(sources.allSatisfy { $0 < length }, "place \(sources.max() ?? 0) of axis \(axis) of shape \(shape)")
    let runs = Run.all(in: sources)
    let isFilled = runs.reduce(0) { $0 + $1.count } < sources.count
    let newLength = sources.count
    return Tensor(shape: shape.replacing(axis, with: newLength)) { result in
      withUnsafeElements { x in
        guard let x = x.baseAddress, let y = result.baseAddress else { return }
        if isFilled { result.initialize(repeating: value) }
        let outerPerTicket = Swift.max(1, elementsPerTicket / Swift.max(1, newLength * inner))
        Parallel.forEach((outer + outerPerTicket - 1) / outerPerTicket) { ticket in
          for index in ticket * outerPerTicket..<Swift.min(outer, (ticket + 1) * outerPerTicket) {
            copy(runs, of: inner, x + index * length * inner, to: y + index * newLength * inner)
          }
        }
      }
    }
  }

  /// The transpose of picking: what each place of the axis was picked for, added up in the order of the sources.
  package func addingPicked(_ sources: some Collection<Int>, axis: Int, length: Int) -> Tensor {
    let (outer, pickedLength, inner) = shape.parted(at: axis)
    require(pickedLength == sources.count, "\(sources.count) sources for axis \(axis) of shape \(shape)")
    let runs = Run.all(in: sources)
    return Tensor(shape: shape.replacing(axis, with: length)) { result in
      result.initialize(repeating: 0)
      withUnsafeElements { x in
        guard let x = x.baseAddress, let y = result.baseAddress else { return }
        // What lies after the axis is cut too: a table of rows has nothing before it.
        let innerPerTicket = Swift.min(Swift.max(1, inner), 256)
        let parts = (inner + innerPerTicket - 1) / innerPerTicket
        let outerPerTicket = Swift.max(1, elementsPerTicket / Swift.max(1, pickedLength * innerPerTicket))
        Parallel.forEach((outer + outerPerTicket - 1) / outerPerTicket * parts) { ticket in
          let (firstOuter, firstInner) = (ticket / parts * outerPerTicket, ticket % parts * innerPerTicket)
          let width = Swift.min(innerPerTicket, inner - firstInner)
          for index in firstOuter..<Swift.min(outer, firstOuter + outerPerTicket) {
            let (from, to) = (
              x + (index * pickedLength * inner + firstInner), y + (index * length * inner + firstInner)
            )
            for run in runs {
              // Where all that lies after the axis is in one part, so are the places of a run.
              let (places, width) = parts == 1 ? (1, run.count * width) : (run.count, width)
              for place in 0..<places {
                let sum = to + (run.source + place) * inner
                applyBinary(.add, sum, from + (run.target + place) * inner, sum, width)
              }
            }
          }
        }
      }
    }
  }

  /// Some places of an axis: `range` of axis `axis`, which counts from the end where it is negative.
  public func sliced(_ range: Range<Int>, axis: Int) -> Tensor {
    let axis = shape.axis(axis)
    require(
      range.lowerBound >= 0 && range.upperBound <= shape[axis], "places \(range) of axis \(axis) of shape \(shape)")
    return axis == 0 ? self[rows: range] : picking(range, axis: axis)
  }

  /// The named places of an axis, copied in that order, as often as they are named. `axis` counts from the end where it is negative.
  public func gathering(_ indices: some Collection<Int>, axis: Int) -> Tensor {
    let axis = shape.axis(axis)
    require(indices.allSatisfy { $0 >= 0 }, "place \(indices.min() ?? 0) of axis \(axis) of shape \(shape)")
    return picking(indices, axis: axis)
  }

  /// Tensors one after the other along an axis, in whose length alone they may differ. `axis` counts from the end where it is negative.
  public static func concatenating(_ tensors: [Tensor], axis: Int) -> Tensor {
    require(!tensors.isEmpty, "nothing to concatenate")
    let first = tensors[0].shape
    let axis = first.axis(axis)
    for tensor in tensors {
      require(
        tensor.rank == first.rank && tensor.shape.replacing(axis, with: 0) == first.replacing(axis, with: 0),
        "a tensor of shape \(tensor.shape) cannot follow one of shape \(first) along axis \(axis)")
    }
    let length = tensors.reduce(0) { $0 + $1.shape[axis] }
    let (outer, _, inner) = first.parted(at: axis)
    return Tensor(shape: first.replacing(axis, with: length)) { result in
      var start = 0
      for tensor in tensors {
        let width = tensor.shape[axis] * inner
        tensor.withUnsafeElements { x in
          guard let x = x.baseAddress, let y = result.baseAddress else { return }
          copyRows(x, step: width, to: y + start, step: length * inner, width: width, rows: outer)
        }
        start += width
      }
    }
  }

  /// More places at the beginning and at the end of an axis, which counts from the end where it is negative.
  public func padded(axis: Int, before: Int, after: Int, mode: PaddingMode<Element> = .constant(0)) -> Tensor {
    let axis = shape.axis(axis)
    guard let sources = mode.sources(length: shape[axis], before: before, after: after) else {
      require(false, "axis \(axis) of shape \(shape) padded by \(before) and \(after), \(mode)")
      return self
    }
    if case .constant(let value) = mode { return picking(sources, axis: axis, filling: value) }
    return picking(sources, axis: axis)
  }

  /// Larger images of fewer channels: `[N, H, W, C·r²] → [N, H·r, W·r, C]`, channel `(c·r + i)·r + j` being row i and column j of a
  /// pixel's square.
  public func pixelShuffled(by factor: Int) -> Tensor {
    require(
      rank == 4 && factor > 0 && shape[3].isMultiple(of: factor * factor),
      "pixels of a tensor of shape \(shape) shuffled by \(factor)")
    let (height, width, channels) = (shape[1], shape[2], shape[3] / (factor * factor))
    return reshaped(to: [shape[0], height, width, channels, factor, factor]).transposed([0, 1, 4, 2, 5, 3])
      .reshaped(to: [shape[0], height * factor, width * factor, channels])
  }

  /// Smaller images of more channels, the inverse of ``pixelShuffled(by:)``: `[N, H·r, W·r, C] → [N, H, W, C·r²]`.
  public func pixelUnshuffled(by factor: Int) -> Tensor {
    require(
      rank == 4 && factor > 0 && shape[1].isMultiple(of: factor) && shape[2].isMultiple(of: factor),
      "pixels of a tensor of shape \(shape) shuffled back by \(factor)")
    let (height, width, channels) = (shape[1] / factor, shape[2] / factor, shape[3])
    return reshaped(to: [shape[0], height, factor, width, factor, channels]).transposed([0, 1, 3, 5, 2, 4])
      .reshaped(to: [shape[0], height, width, channels * factor * factor])
  }

  /// The sums of each place of an axis with all before it, added up in double precision: of the shape of this tensor. `axis` counts from
  /// the end where it is negative.
  ///
  /// `isReversed`: whether it is summed from the end.
  public func cumulativeSum(axis: Int, isReversed: Bool = false) -> Tensor {
    let (outer, length, inner) = shape.parted(at: shape.axis(axis))
    return Tensor(shape: shape) { result in
      withUnsafeElements { x in
        guard let x = x.baseAddress, let y = result.baseAddress else { return }
        let outerPerTicket = Swift.max(1, elementsPerTicket / Swift.max(1, length * inner))
        Parallel.forEach((outer + outerPerTicket - 1) / outerPerTicket) { ticket in
          withScratch(inner, of: Double.self) { sums in
            for index in ticket * outerPerTicket..<Swift.min(outer, (ticket + 1) * outerPerTicket) {
              let start = index * length * inner
              addCumulatively(x + start, y + start, length, inner, sums, isReversed)
            }
          }
        }
      }
    }
  }

  /// The place of the largest element along an axis, the first of equals, for each place of the other axes in row-major order. NaNs are
  /// passed over. `axis` counts from the end where it is negative, and must not be empty.
  public func indicesOfMaxima(axis: Int) -> [Int] {
    let axis = shape.axis(axis)
    require(shape[axis] > 0, "the largest of nothing along axis \(axis) of shape \(shape)")
    let others = (0..<rank).filter { $0 != axis }
    return (axis == rank - 1 ? self : transposed(others + [axis])).indicesOfMaximaOverChannels()
  }

  /// A row for each label, 1 at the label's place and 0 elsewhere: `[labels.count, count]`.
  public static func oneHot(_ labels: some Collection<Int>, count: Int) -> Tensor {
    Tensor(shape: [labels.count, count]) { result in
      result.initialize(repeating: 0)
      for (row, label) in labels.enumerated() {
        require(label >= 0 && label < count, "label \(label) of \(count)")
        result[row * count + label] = 1
      }
    }
  }
}

/// The sums of `length` rows of `width` elements with all before them.
@specialized(where Element == Float)
@specialized(where Element == Double)
private func addCumulatively<Element: TensorElement>(
  _ x: UnsafePointer<Element>, _ y: UnsafeMutablePointer<Element>, _ length: Int, _ width: Int,
  _ sums: UnsafeMutablePointer<Double>, _ isReversed: Bool
) {
  for place in 0..<width { sums[place] = 0 }
  for row in 0..<length {
    let start = (isReversed ? length - 1 - row : row) * width
    for place in 0..<width {
      sums[place] += Double(x[start + place])
      y[start + place] = Element(sums[place])
    }
  }
}

/// What stands in the places that are added to an axis.
public enum PaddingMode<Element: TensorElement>: Sendable, Equatable {
  /// A number.
  case constant(Element)
  /// The axis mirrored in its first and last place, which are not repeated: at most its length less 1 on either side.
  case reflect
  /// The first and the last place again and again.
  case replicate
  /// The axis from its other end: at most its length on either side.
  case circular

  /// For each place of the padded axis that which it comes from, −1 for none; nil where so much cannot be added.
  package func sources(length: Int, before: Int, after: Int) -> [Int]? {
    guard before >= 0, after >= 0 else { return nil }
    let range = -before..<length + after
    switch self {
    case .constant: return range.map { $0 < length ? Swift.max($0, -1) : -1 }
    case .reflect:
      guard Swift.max(before, after) < length || range.isEmpty else { return nil }
      return range.map { $0 < 0 ? -$0 : $0 < length ? $0 : 2 * (length - 1) - $0 }
    case .replicate:
      guard length > 0 || range.isEmpty else { return nil }
      return range.map { Swift.min(Swift.max($0, 0), length - 1) }
    case .circular:
      guard Swift.max(before, after) <= length else { return nil }
      return range.map { $0 < 0 ? $0 + length : $0 < length ? $0 : $0 - length }
    }
  }
}
