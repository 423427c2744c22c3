import NormaTensor

/// How images are made larger or smaller along one axis: each place of the result is a weighted sum of places of the source.
public struct AxisResampling: Hashable, Sendable {
  /// The length of the source's axis.
  public let sourceLength: Int
  /// Where the terms of each result begin in ``places`` and ``weights``, and where the last ones end.
  public let starts: [Int]
  /// The places of the source that go into the results, one result after the other.
  public let places: [Int]
  /// What they are multiplied by.
  public let weights: [Double]

  /// The number of results.
  public var resultLength: Int { starts.count - 1 }

  /// A resampling whose results are the sums of the given terms; places must lie in the source. Terms of weight 0 are left out.
  public init(sourceLength: Int, terms: [[(place: Int, weight: Double)]]) {
    var (starts, places, weights) = ([0], [Int](), [Double]())
    for terms in terms {
      for term in terms where term.weight != 0 {
        require((0..<sourceLength).contains(term.place), "place \(term.place) of \(sourceLength)")
        places.append(term.place)
        weights.append(term.weight)
      }
      starts.append(places.count)
    }
    self.sourceLength = sourceLength
    self.starts = starts
    self.places = places
    self.weights = weights
  }

  /// The nearest place before: `⌊i · source / result⌋`, PyTorch's `nearest`.
  public static func nearest(from source: Int, to result: Int) -> AxisResampling {
    AxisResampling(sourceLength: source, terms: (0..<result).map { [($0 * source / result, 1)] })
  }

  /// Between the two nearest places, each by how near it is; beyond the ends, the end's. Values are taken as areas whose middles are
  /// at `(i + ½) · source / result − ½`, or, if corners are aligned, as points of which first and last stay where they are.
  public static func linear(from source: Int, to result: Int, alignsCorners: Bool) -> AxisResampling {
    AxisResampling(
      sourceLength: source,
      terms: (0..<result).map { index in
        // The place as a fraction of whole numbers, so that it is exact.
        let (numerator, denominator) =
          alignsCorners
          ? (result > 1 ? (index * (source - 1), result - 1) : (0, 1))
          : (max(0, (2 * index + 1) * source - result), 2 * result)
        let place = min(numerator / denominator, source - 1)
        let share = Double(numerator - place * denominator) / Double(denominator)
        return place + 1 < source ? [(place, 1 - share), (place + 1, share)] : [(place, 1)]
      })
  }

  /// What goes from each place of the source into the results, as a resampling of these.
  fileprivate var transposed: AxisResampling {
    var terms = [[(place: Int, weight: Double)]](repeating: [], count: sourceLength)
    for result in 0..<resultLength {
      for index in starts[result]..<starts[result + 1] { terms[places[index]].append((result, weights[index])) }
    }
    return AxisResampling(sourceLength: resultLength, terms: terms)
  }
}

/// How values between those of an image are found.
public enum Interpolation: Hashable, Sendable, Codable {
  /// The nearest one before, see ``AxisResampling/nearest(from:to:)``.
  case nearest
  /// Between the four nearest, see ``AxisResampling/linear(from:to:alignsCorners:)``.
  case bilinear(alignsCorners: Bool)
}

/// Resampling of images as pure functions on tensors, along the height and then along the width.
public struct Resampling2d: Hashable, Sendable {
  /// What is done along each axis.
  public let rows, columns: AxisResampling

  /// A resampling along both axes.
  public init(rows: AxisResampling, columns: AxisResampling) {
    self.rows = rows
    self.columns = columns
  }

  /// A resampling of images of one size to those of another.
  public init(from source: Extent2d, to result: Extent2d, _ interpolation: Interpolation) {
    func axis(_ source: Int, _ result: Int) -> AxisResampling {
      switch interpolation {
      case .nearest: .nearest(from: source, to: result)
      case .bilinear(let alignsCorners): .linear(from: source, to: result, alignsCorners: alignsCorners)
      }
    }
    self.init(rows: axis(source.height, result.height), columns: axis(source.width, result.width))
  }

  /// The result `[N, H', W', C]` for images `[N, H, W, C]`, whose size must be the one it is for.
  public func callAsFunction<Element: TensorElement>(_ x: Tensor<Element>) -> Tensor<Element> {
    let shape = x.shape
    require(
      shape.rank == 4 && shape[1] == rows.sourceLength && shape[2] == columns.sourceLength,
      "a resampling of images of \(rows.sourceLength)×\(columns.sourceLength) for \(shape)")
    let (samples, channels) = (shape[0], shape[3])
    return x.resampled(by: rows, outer: samples, inner: shape[2] * channels)
      .resampled(by: columns, outer: samples * rows.resultLength, inner: channels)
      .reshaped(to: [samples, rows.resultLength, columns.resultLength, channels])
  }

  /// The gradient of the input from that of the result.
  public func inputGradient<Element: TensorElement>(_ gradient: Tensor<Element>) -> Tensor<Element> {
    let back = Resampling2d(rows: rows.transposed, columns: columns.transposed)
    return back(gradient)
  }
}

extension Tensor {
  /// Resamples the middle axis of `[outer, length, inner]`.
  package func resampled(by axis: AxisResampling, outer: Int, inner: Int) -> Tensor {
    require(count == outer * axis.sourceLength * inner, "a resampling of \(shape) along \(axis.sourceLength) values")
    let count = axis.resultLength
    return Tensor(shape: [outer, count, inner]) { result in
      result.initialize(repeating: 0)
      withUnsafeElements { x in
        guard let x = x.baseAddress, let y = result.baseAddress else { return }
        // Some results each, cut by the shape alone.
        let perTicket = Swift.max(1, (1 << 15) / Swift.max(1, inner))
        Parallel.forEach((outer * count + perTicket - 1) / perTicket) { ticket in
          for number in ticket * perTicket..<Swift.min(outer * count, (ticket + 1) * perTicket) {
            let source = x + number / count * axis.sourceLength * inner
            for term in axis.starts[number % count]..<axis.starts[number % count + 1] {
              addProducts(
                Element(axis.weights[term]), source + axis.places[term] * inner, to: y + number * inner, inner)
            }
          }
        }
      }
    }
  }
}

/// `y += weight · x`.
@specialized(where Element == Float)
@specialized(where Element == Double)
private func addProducts<Element: TensorElement>(
  _ weight: Element, _ x: UnsafePointer<Element>, to y: UnsafeMutablePointer<Element>, _ count: Int
) {
  for index in 0..<count { y[index] += weight * x[index] }
}
