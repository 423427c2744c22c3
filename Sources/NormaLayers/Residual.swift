import NormaConvolution
import NormaGraph
import NormaTensor

/// A branch and a way around it: `body(x) + shortcut(x)`, where the shortcut is x itself unless one is given, and ReLU of the
/// sum if wanted.
///
/// The body's layers have the names in files that they have in the body, those of the shortcut stand under `downsample`, as in
/// torchvision's residual networks.
public final class Residual<Element: TensorElement>: Layer {
  /// The branch.
  public let body: Sequential<Element>
  /// What brings x to the shape of the branch's result; nil where it has that shape.
  public let shortcut: (any Layer<Element>)?
  /// Whether ReLU is applied to the sum.
  public let rectifies: Bool

  /// The sum of a branch and a shortcut; their results must have the same shape.
  public init(_ body: Sequential<Element>, shortcut: (any Layer<Element>)? = nil, rectifies: Bool = false) {
    self.body = body
    self.shortcut = shortcut
    self.rectifies = rectifies
  }

  public var children: [(name: String, layer: any Layer<Element>)] {
    body.children + (shortcut.map { [(name: "downsample", layer: $0)] } ?? [])
  }

  public var summary: String {
    let around = shortcut.map { ", around them \($0.summary)" } ?? ""
    return "Residual(\(body.children.count) layers\(around)\(rectifies ? ", then ReLU" : ""))"
  }

  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) throws -> Variable<Element> {
    let y = try body(x, in: pass)
    let around = try shortcut.map { try pass.apply($0, named: "downsample", to: x) } ?? x
    return y.adding(around, rectifies: rectifies)
  }
}

/// The shortcut without weights of the first residual networks (He and others 2015, option A): every so many pixels, and
/// channels of zeros after those there are: `[N, H, W, C] → [N, H', W', channels]`.
public final class PaddedShortcut<Element: TensorElement>: Layer {
  /// How far it is from one pixel that is taken to the next.
  public let stride: Int
  /// How many channels the result has.
  public let channels: Int

  /// A shortcut to a smaller image of more channels.
  public init(stride: Int, channels: Int) {
    require(stride > 0 && channels > 0, "a shortcut of stride \(stride) to \(channels) channels")
    self.stride = stride
    self.channels = channels
  }

  private var window: Window { Window(1, stride: Extent2d(height: stride, width: stride)) }

  public var summary: String { "PaddedShortcut(stride \(stride), \(channels) channels)" }

  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    (stride == 1 ? x : x.averagePooled(window)).paddedChannels(to: channels)
  }
}
