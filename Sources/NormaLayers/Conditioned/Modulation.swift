import NormaConvolution
import NormaGraph
import NormaNormalization
import NormaTensor

/// A normalization whose gamma and beta are found from a condition: `norm(x) · scale(c) + shift(c)`, `[N, …, C] → [N, …, C]`.
///
/// ```swift
/// let norm = Modulation<Float>.conditionalBatchNorm(64, classes: 10)
/// let y = try pass.apply(norm, named: "norm", to: x, given: labels)
/// ```
///
/// The conditioned normalizations of the literature are such, and there is a function for each: ``film(_:inputs:addsOne:using:)``,
/// ``conditionalBatchNorm(_:classes:conventions:)``, ``conditionalBatchNorm(_:inputs:conventions:using:)``,
/// ``adaptiveInstanceNorm(_:inputs:epsilon:using:)`` and ``spatiallyAdaptive(_:map:hidden:window:norm:using:)``.
public final class Modulation<Element: TensorElement>: ConditionedLayer {
  /// What x is normalized by, without gamma and beta; nil where it is not.
  public let norm: (any Layer<Element>)?
  /// What is made of the condition first; nil for nothing.
  public let shared: (any Layer<Element>)?
  /// What makes of that the factors and the terms: `[N, C]`, or `[N, …, C]` where there is one for each place.
  public let scale: any Layer<Element>, shift: any Layer<Element>
  /// Whether there is a factor and a term for each place rather than for each sample.
  public let isPerPlace: Bool
  /// Whether the scale is that beside 1.
  public let addsOne: Bool

  /// A layer of its parts. In files they are called `norm`, `shared`, `scale` and `shift`.
  ///
  /// - Parameters:
  ///   - norm: what x is normalized by.
  ///   - shared: what is made of the condition for both scale and shift.
  ///   - scale: what makes the factors.
  ///   - shift: what makes the terms.
  ///   - isPerPlace: whether scale and shift give `[N, H, W, C]`; the condition is a map then, brought to the size of x by the nearest
  ///     pixels.
  ///   - addsOne: whether x is multiplied by 1 + scale.
  public init(
    norm: (any Layer<Element>)? = nil, shared: (any Layer<Element>)? = nil, scale: any Layer<Element>,
    shift: any Layer<Element>, isPerPlace: Bool = false, addsOne: Bool = false
  ) {
    self.norm = norm
    self.shared = shared
    self.scale = scale
    self.shift = shift
    self.isPerPlace = isPerPlace
    self.addsOne = addsOne
  }

  public var children: [(name: String, layer: any Layer<Element>)] {
    var children: [(name: String, layer: any Layer<Element>)] = [("scale", scale), ("shift", shift)]
    if let shared { children.insert(("shared", shared), at: 0) }
    if let norm { children.insert(("norm", norm), at: 0) }
    return children
  }

  public var summary: String {
    let parts = [norm?.summary, isPerPlace ? "for each place" : nil, addsOne ? "1 + scale" : nil].compactMap(\.self)
    return "Modulation(\(parts.joined(separator: ", ")))"
  }

  public func callAsFunction(
    _ x: Variable<Element>, given condition: Variable<Element>, in pass: Pass<Element>
  ) throws -> Variable<Element> {
    var condition = condition
    if isPerPlace { condition = try brought(condition, to: x) }
    if let shared { condition = try pass.apply(shared, named: "shared", to: condition) }
    let scale = try pass.apply(scale, named: "scale", to: condition)
    let shift = try pass.apply(shift, named: "shift", to: condition)
    let normalized = try norm.map { try pass.apply($0, named: "norm", to: x) } ?? x
    return normalized.modulated(
      scale: scale, shift: shift, broadcast: isPerPlace ? .none : .perSample, addsOne: addsOne)
  }

  /// A map of the height and width of x.
  private func brought(_ map: Variable<Element>, to x: Variable<Element>) throws(LayerError) -> Variable<Element> {
    let (shape, wanted) = (map.shape, x.shape)
    // Where shapes are not known, whoever follows the network is told that they are needed.
    guard map.knownShape != nil, x.knownShape != nil else { return map }
    guard shape.rank == 4, wanted.rank == 4, shape[0] == wanted[0] else {
      throw LayerError(layer: summary, expected: "images and a map for each of them", found: shape)
    }
    if shape[1] == wanted[1] && shape[2] == wanted[2] { return map }
    return map.resampled(to: Extent2d(height: wanted[1], width: wanted[2]))
  }
}

extension Modulation {
  /// FiLM (Perez and others 2018, arXiv:1709.07871): channels multiplied and shifted by linear maps of a vector, `[N, inputs]`; no
  /// normalization of its own.
  public static func film(
    _ channels: Int, inputs: Int, addsOne: Bool = true, using generator: inout RandomGenerator
  ) -> Modulation {
    let scale = Linear<Element>(
      inputs: inputs, outputs: channels, initialization: .fanInUniform, using: &generator)
    let shift = Linear<Element>(
      inputs: inputs, outputs: channels, initialization: .fanInUniform, using: &generator)
    return Modulation(scale: scale, shift: shift, addsOne: addsOne)
  }

  /// Conditional batch normalization by classes (Dumoulin and others 2017, arXiv:1610.07629): a gamma and a beta for each class, 1 and
  /// 0 at first. The condition are class numbers, `[N]` or `[N, 1]`.
  public static func conditionalBatchNorm(
    _ channels: Int, classes: Int, conventions: BatchNormalizationConventions = .pyTorch
  ) -> Modulation {
    func table(_ value: Element) -> Sequential<Element> {
      let embedding = Embedding<Element>(count: classes, width: channels, random: RandomGenerator(seed: 0))
      embedding.weight.value = Tensor(repeating: value, shape: [classes, channels])
      return Sequential([embedding, Flatten()])
    }
    return Modulation(
      norm: BatchNorm(channels, conventions: conventions, isAffine: false), scale: table(1), shift: table(0))
  }

  /// Conditional batch normalization by a vector `[N, inputs]` (de Vries and others 2017, arXiv:1707.00683): gamma is 1 and beta 0 beside
  /// what linear maps without biases make of it, as in BigGAN (Brock and others 2019, arXiv:1809.11096).
  public static func conditionalBatchNorm(
    _ channels: Int, inputs: Int, conventions: BatchNormalizationConventions = .pyTorch,
    using generator: inout RandomGenerator
  ) -> Modulation {
    linear(
      BatchNorm(channels, conventions: conventions, isAffine: false), channels, inputs: inputs, hasBias: false,
      &generator)
  }

  /// Adaptive instance normalization by a vector of style `[N, inputs]` (Karras and others 2019, arXiv:1812.04948). That by another
  /// picture is ``AdaptiveInstanceNorm``.
  public static func adaptiveInstanceNorm(
    _ channels: Int, inputs: Int, epsilon: Double = 1e-5, using generator: inout RandomGenerator
  ) -> Modulation {
    linear(InstanceNorm(channels, epsilon: epsilon), channels, inputs: inputs, hasBias: true, &generator)
  }

  private static func linear(
    _ norm: any Layer<Element>, _ channels: Int, inputs: Int, hasBias: Bool, _ generator: inout RandomGenerator
  ) -> Modulation {
    let scale = Linear<Element>(
      inputs: inputs, outputs: channels, hasBias: hasBias, initialization: .fanInUniform, using: &generator)
    let shift = Linear<Element>(
      inputs: inputs, outputs: channels, hasBias: hasBias, initialization: .fanInUniform, using: &generator)
    return Modulation(norm: norm, scale: scale, shift: shift, addsOne: true)
  }

  /// Spatially adaptive normalization, SPADE (Park and others 2019, arXiv:1903.07291): a factor, beside 1, and a term for each place, by
  /// convolutions of a map `[N, H, W, map]` that is brought to the size of x.
  ///
  /// - Parameters:
  ///   - channels: the number of channels C.
  ///   - map: the number of the map's channels.
  ///   - hidden: how many channels there are between the two convolutions.
  ///   - window: the length of the convolutions' windows, odd.
  ///   - norm: what x is normalized by; batch normalization without gamma and beta if nil, as in the paper.
  ///   - generator: what weights are drawn from.
  public static func spatiallyAdaptive(
    _ channels: Int, map: Int, hidden: Int = 128, window: Int = 3, norm: (any Layer<Element>)? = nil,
    using generator: inout RandomGenerator
  ) -> Modulation {
    require(window > 0 && !window.isMultiple(of: 2), "a window of \(window), which has no middle")
    let window = Window(
      Extent2d(integerLiteral: window), padding: Extent2d(integerLiteral: window / 2))
    let shared = Sequential<Element>([
      Conv2d(inputs: map, outputs: hidden, window: window, using: &generator), ReLU(),
    ])
    let scale = Conv2d<Element>(
      inputs: hidden, outputs: channels, window: window, initialization: .fanInUniform, using: &generator)
    let shift = Conv2d<Element>(
      inputs: hidden, outputs: channels, window: window, initialization: .fanInUniform, using: &generator)
    return Modulation(
      norm: norm ?? BatchNorm(channels, isAffine: false), shared: shared, scale: scale, shift: shift, isPerPlace: true,
      addsOne: true)
  }
}
