import NormaGraph
import NormaNormalization
import NormaTensor

/// Normalization by mean and variance over some axes, without parameters, as ONNX's `MeanVarianceNormalization`:
/// `y = (x − mean) / √variance`, of the input's shape. It has no running statistics: where the axis of samples is among the axes, a
/// result depends on the batch in inference too.
public final class MeanVarianceNorm<Element: TensorElement>: Layer {
  /// The axes that share a mean and a variance; they count from the end where they are negative.
  public let axes: [Int]

  /// A normalization over axes; by default those that an image's channel has, as ONNX has it.
  public init(axes: [Int] = [0, 1, 2]) {
    require(!axes.isEmpty && Set(axes).count == axes.count, "mean-variance normalization over the axes \(axes)")
    self.axes = axes
  }

  public var summary: String { "MeanVarianceNorm(axes \(axes.map(String.init).joined(separator: ", ")))" }

  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    x.meanVarianceNormalized(over: axes)
  }
}

/// Normalization by a norm along one axis, without parameters, as ONNX's `LpNormalization` and PyTorch's `normalize`: `y = x / ‖x‖`, 0
/// where all values are 0; the same in training and inference.
public final class LpNorm<Element: TensorElement>: Layer {
  /// Which norm values are divided by.
  public let norm: LpNormalization.Norm
  /// The axis, which counts from the end where it is negative.
  public let axis: Int

  /// A normalization along an axis; by default of the channels by their length.
  public init(_ norm: LpNormalization.Norm = .euclidean, axis: Int = -1) {
    (self.norm, self.axis) = (norm, axis)
  }

  public var summary: String { "LpNorm(L\(norm.rawValue), axis \(axis))" }

  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    x.normalized(by: norm, axis: axis)
  }
}
