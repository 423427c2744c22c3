import NormaNormalization
import NormaTensor

/// What shares a mean and a scale in a ``Standardization``.
public enum StandardizationMode: String, CaseIterable, Codable, Sendable {
  /// Each feature, for images each channel of each pixel, has its own.
  case perFeature = "feature"
  /// Each channel, the last axis, has its own.
  case perChannel = "channel"
  /// All features share one.
  case overall

  /// What shares a mean and a scale where nobody says: each channel for images, each feature for others.
  public static func usual(for examples: RawDataset) -> StandardizationMode {
    (examples.exampleShape?.rank ?? 1) > 1 ? .perChannel : .perFeature
  }
}

/// Brings features to mean 0 and standard deviation 1: `(x − mean) / scale`.
///
/// Fitted on the training examples alone and then applied to all others as it is, so that nothing about those leaks into
/// training. To save one, save its three properties.
public struct Standardization<Element: TensorElement>: Equatable, Sendable {
  /// What shares a mean and a scale.
  public typealias Mode = StandardizationMode

  /// What shares a mean and a scale.
  public var mode: Mode
  /// What is subtracted: `[features]` or the shape of an image per feature, `[C]` per channel, `[]` overall.
  public var mean: Tensor<Element>
  /// What is divided by, of the same shape: the standard deviation (of the population, divided by N), or 1 where that is 0.
  public var scale: Tensor<Element>

  /// A standardization with known numbers; both tensors must have the same shape. Those that come from a file are to be
  /// checked by ``validate()``.
  public init(mode: Mode, mean: Tensor<Element>, scale: Tensor<Element>) {
    require(mean.shape == scale.shape, "a mean of shape \(mean.shape) and a scale of shape \(scale.shape)")
    self.mode = mode
    self.mean = mean
    self.scale = scale
  }

  /// A standardization of examples `[N, …]` by the moments that batch normalization works with, in double precision.
  ///
  /// - Throws: ``DataError/nothingToStandardize`` if there are no numbers to compute from,
  ///   ``DataError/invalidStandardization(_:shape:)`` if they are not all finite.
  public init(fittedOn features: Tensor<Element>, mode: Mode) throws(DataError) {
    guard features.count > 0, features.rank > 1 else { throw .nothingToStandardize }
    try self.init(fittedOn: Samples(features), mode: mode)
  }

  /// A standardization of a data set's examples, which are brought together part by part.
  ///
  /// - Throws: ``DataError/nothingToStandardize`` if there are no numbers to compute from,
  ///   ``DataError/invalidStandardization(_:shape:)`` if they are not all finite.
  public init(fittedOn dataset: Dataset<Element>, mode: Mode) throws(DataError) {
    try self.init(fittedOn: dataset.samples, mode: mode)
  }

  init(fittedOn samples: Samples<Element>, mode: Mode) throws(DataError) {
    let size = samples.exampleShape.elementCount
    guard samples.count > 0, size > 0 else { throw .nothingToStandardize }
    let shape: Shape =
      switch mode {
      case .perFeature: samples.exampleShape
      case .perChannel: [samples.exampleShape.channelCount]
      case .overall: []
      }
    let columns = shape.elementCount
    // All parts are measured from the values of the first example, so that merging them, which takes the difference of their
    // means, costs no digits where these are large.
    func rows(_ range: Range<Int>) -> Tensor<Double> {
      samples.features(range).reshaped(to: [range.count * size / columns, columns]).converted()
    }
    let pivot = rows(0..<1)[rows: 0..<1].reshaped(to: [columns])
    let parts = samples.parts.map { BatchMoments(of: rows($0).applying(.subtract, pivot, broadcast: .perChannel)) }
    let moments = BatchMoments.merged(parts[...])
    let deviation = moments.variance(.biased).elements.map { Element($0.squareRoot()) }
    self.init(
      mode: mode, mean: (pivot + moments.mean).converted().reshaped(to: shape),
      scale: Tensor(deviation.map { $0 == 0 ? 1 : $0 }, shape: shape))
    try validate()
  }

  /// Checks that the numbers can standardize anything.
  ///
  /// - Throws: ``DataError/invalidStandardization(_:shape:)`` unless the shape has the form that the mode asks, and all
  ///   numbers are finite, those of the scale positive.
  public func validate() throws(DataError) {
    let hasForm =
      switch mode {
      case .perFeature: mean.rank >= 1
      case .perChannel: mean.rank == 1
      case .overall: mean.rank == 0
      }
    guard hasForm, mean.isFinite, scale.isFinite, scale.elements.allSatisfy({ $0 > 0 }) else {
      throw .invalidStandardization(mode.rawValue, shape: mean.shape)
    }
  }

  /// The features, standardized: `[N, …] → [N, …]`.
  ///
  /// - Throws: ``DataError/unfitForStandardization(_:fittedOn:)`` if one example has not the shape, or the number of
  ///   channels, that this was fitted on.
  public func applied(to features: Tensor<Element>) throws(DataError) -> Tensor<Element> {
    try checkFit(features.shape)
    guard features.count > 0 else { return features }
    return features.reshaped(to: [features.count / mean.count, mean.count])
      .applying(.subtract, mean, broadcast: .perChannel)
      .applying(.divide, scale, broadcast: .perChannel)
      .reshaped(to: features.shape)
  }
}

extension Standardization {
  /// The same numbers in another element type.
  public func converted<Other: TensorElement>(to type: Other.Type = Other.self) -> Standardization<Other> {
    Standardization<Other>(mode: mode, mean: mean.converted(), scale: scale.converted())
  }

  /// The numbers that were standardized, in their own units: `standardized · scale + mean`, `[N, …] → [N, …]`.
  ///
  /// - Throws: ``DataError/unfitForStandardization(_:fittedOn:)`` as ``applied(to:)``.
  public func undone(on standardized: Tensor<Element>) throws(DataError) -> Tensor<Element> {
    try checkFit(standardized.shape)
    guard standardized.count > 0 else { return standardized }
    return standardized.reshaped(to: [standardized.count / mean.count, mean.count])
      .applying(.multiply, scale, broadcast: .perChannel)
      .applying(.add, mean, broadcast: .perChannel)
      .reshaped(to: standardized.shape)
  }

  /// Makes sure that numbers of a shape `[N, …]` are such as this was fitted on.
  private func checkFit(_ shape: Shape) throws(DataError) {
    let fits =
      switch mode {
      case .perFeature: shape.rank > 0 && shape.dropFirst().elementsEqual(mean.shape)
      case .perChannel: shape.rank > 0 && shape.channelCount == mean.count
      case .overall: mean.count == 1
      }
    guard fits else {
      let fitted = mode == .perChannel ? "\(mean.count) channels" : "examples of shape \(mean.shape)"
      throw .unfitForStandardization(shape, fittedOn: fitted)
    }
  }

  /// The mean and scale of each element of one example, in row-major order.
  ///
  /// - Throws: ``DataError/unfitForStandardization(_:fittedOn:)`` where examples of that shape do not fit.
  func byElement(of shape: Shape) throws(DataError) -> (mean: [Element], scale: [Element]) {
    try checkFit(Shape([1] + Array(shape)))
    let (means, scales) = (mean.elements, scale.elements)
    let count = shape.elementCount
    return ((0..<count).map { means[$0 % means.count] }, (0..<count).map { scales[$0 % scales.count] })
  }
}

extension BatchMoments {
  /// The moments of all parts, merged in a binary tree over their indices.
  fileprivate static func merged(_ parts: ArraySlice<BatchMoments>) -> BatchMoments {
    guard parts.count > 1 else { return parts[parts.startIndex] }
    let middle = parts.startIndex + (parts.count + 1) / 2
    var moments = merged(parts[..<middle])
    do { try moments.merge(merged(parts[middle...])) } catch { fatalError("parts of one batch differ: \(error)") }
    return moments
  }
}
