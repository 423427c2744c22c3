import NormaConvolution
import NormaGraph
import NormaTensor

/// A branch and a way around it: `body(x) + shortcut(x)`, where the shortcut is x itself unless one is given, and ReLU of the
/// sum if wanted.
///
/// The body's layers have the names in files that they have in the body, those of the shortcut stand under `downsample`, as in
/// torchvision's residual networks, or another name.
public final class Residual<Element: TensorElement>: Layer {
  /// The branch.
  public let body: Sequential<Element>
  /// What brings x to the shape of the branch's result; nil where it has that shape.
  public let shortcut: (any Layer<Element>)?
  /// Whether ReLU is applied to the sum.
  public let rectifies: Bool
  private let shortcutName: String
  private let listsShortcutFirst: Bool

  /// The sum of a branch and a shortcut; their results must have the same shape. The shortcut is listed under a name behind the body's layers,
  /// or before them.
  public init(
    _ body: Sequential<Element>, shortcut: (any Layer<Element>)? = nil, shortcutName: String = "downsample",
    listsShortcutFirst: Bool = false, rectifies: Bool = false
  ) {
    self.body = body
    self.shortcut = shortcut
    self.shortcutName = shortcutName
    self.listsShortcutFirst = listsShortcutFirst
    self.rectifies = rectifies
  }

  public var children: [(name: String, layer: any Layer<Element>)] {
    let around = shortcut.map { [(name: shortcutName, layer: $0)] } ?? []
    return listsShortcutFirst ? around + body.children : body.children + around
  }

  public var summary: String {
    let around = shortcut.map { ", around them \($0.summary)" } ?? ""
    return "Residual(\(body.children.count) layers\(around)\(rectifies ? ", then ReLU" : ""))"
  }

  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) throws -> Variable<Element> {
    let y = try body(x, in: pass)
    let around = try shortcut.map { try pass.apply($0, named: shortcutName, to: x) } ?? x
    return y.adding(around, rectifies: rectifies)
  }
}

/// The shortcut without weights of the first residual networks (He and others 2015, option A): every so many pixels, and
/// channels of zeros after those there are, or around them: `[N, H, W, C] → [N, H', W', channels]`.
public final class PaddedShortcut<Element: TensorElement>: Layer {
  /// How far it is from one pixel that is taken to the next.
  public let stride: Int
  /// How many channels the result has.
  public let channels: Int
  /// How many of the channels of zeros stand before those there are.
  public let before: Int

  /// A shortcut to a smaller image of more channels.
  public init(stride: Int, channels: Int, before: Int = 0) {
    require(
      stride > 0 && channels > before && before >= 0,
      "a shortcut of stride \(stride) to \(channels) channels, \(before) of them zeros at first")
    self.stride = stride
    self.channels = channels
    self.before = before
  }

  private var window: Window { Window(1, stride: Extent2d(height: stride, width: stride)) }

  public var summary: String {
    "PaddedShortcut(stride \(stride), \(channels) channels\(before > 0 ? ", \(before) of zeros before" : ""))"
  }

  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    let pixels = stride == 1 ? x : x.averagePooled(window)
    return (before == 0 ? pixels : pixels.padded(axis: -1, before: before, after: 0)).paddedChannels(to: channels)
  }
}
