import NormaConvolution
import NormaGraph
import NormaNormalization
import NormaTensor

/// A recipe for SqueezeNet (Iandola and others 2016, arXiv:1602.07360), which has no normalization and no linear layer. The names in files
/// are torchvision's: `features.3.squeeze`, `classifier.1`.
public struct SqueezeNet: PublishedRecipe {
  /// The published networks.
  public enum Variant: String, CaseIterable, Hashable, Sendable, Codable {
    case original = "squeezenet1_0"
    case smaller = "squeezenet1_1"
  }

  public var variant: Variant
  public var normalization = NormalizationKind.none
  public var initialization = Initialization.kaimingUniform
  public var conventions = BatchNormalizationConventions.pyTorch

  public init(_ variant: Variant) { self.variant = variant }

  public static let name = "squeezeNet"
  public static let forms: [(form: String, meaning: String)] = [("squeezenet1_0, 1_1", "torchvision's")]
  public func headInitialization(inputs: Int, outputs: Int) -> Initialization { .normal(scale: 0.01) }

  public func build<Element: TensorElement>(
    sampleShape: Shape, outputCount: Int, random: RandomGenerator
  ) throws(ModelArchitectureError) -> Sequential<Element> {
    try requireNoNormalization()
    var network = try NetworkBuilder<Element>(self, sampleShape: sampleShape, outputCount: outputCount, random: random)
    let features = try network.branch { features throws(ModelArchitectureError) in
      try features.convolution(
        variant == .original ? 96 : 64, Window(variant == .original ? 7 : 3, stride: 2))
      try features.activation()
      // How many channels a block squeezes to, and each half of its result; nil for a pooling.
      let blocks: [(squeezed: Int, expanded: Int)?] =
        variant == .original
        ? [nil, (16, 64), (16, 64), (32, 128), nil, (32, 128), (48, 192), (48, 192), (64, 256), nil, (64, 256)]
        : [nil, (16, 64), (16, 64), nil, (32, 128), (32, 128), nil, (48, 192), (48, 192), (64, 256), (64, 256)]
      for block in blocks {
        guard let block else {
          try features.append(MaxPool2d(Window(3, stride: 2), countsPartialWindows: true))
          continue
        }
        let squeeze = try features.branch { squeeze throws(ModelArchitectureError) in
          try squeeze.convolution(block.squeezed, Window(1), named: "squeeze")
          try squeeze.activation(named: "squeeze_activation")
        }
        let squeezed = Shape(Array(features.shape.dropLast()) + [block.squeezed])
        let expand = try [Window(1), Window(3, padding: 1)].map { window throws(ModelArchitectureError) in
          try features.branch(from: squeezed) { expand throws(ModelArchitectureError) in
            try expand.convolution(block.expanded, window, named: "expand\(window.size)x\(window.size)")
            try expand.activation(named: "expand\(window.size)x\(window.size)_activation")
          }
        }
        try features.append(FireBlock(squeeze, expand))
      }
    }
    try network.append(features, named: "features")
    let classifier = try network.branch { classifier throws(ModelArchitectureError) in
      try classifier.append(Dropout(keepProbability: 0.5))
      try classifier.convolution(
        outputCount, Window(1), initialization: head(inputs: classifier.shape.channelCount, outputs: outputCount))
      try classifier.activation()
      try classifier.append(GlobalAveragePool())
    }
    try network.append(classifier, named: "classifier")
    return try network.finished()
  }
}

/// A block of ``SqueezeNet``: few channels, and what several convolutions make of them side by side.
final class FireBlock<Element: TensorElement>: Layer {
  private let squeeze: Sequential<Element>
  private let expand: [Sequential<Element>]

  init(_ squeeze: Sequential<Element>, _ expand: [Sequential<Element>]) {
    (self.squeeze, self.expand) = (squeeze, expand)
  }

  var children: [(name: String, layer: any Layer<Element>)] { squeeze.children + expand.flatMap(\.children) }
  var summary: String { "FireBlock(\(children.count) layers)" }

  func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) throws -> Variable<Element> {
    let squeezed = try squeeze(x, in: pass)
    return .concatenating(try expand.map { try $0(squeezed, in: pass) }, axis: -1)
  }
}
