import NormaConvolution
import NormaNormalization
import NormaTensor

/// A recipe for AlexNet in the form of Krizhevsky 2014 (arXiv:1404.5997), as torchvision has it; it has no normalization. The names in
/// files are torchvision's: `features.0`, `classifier.6`.
public struct AlexNet: PublishedRecipe {
  /// The published networks.
  public enum Variant: String, CaseIterable, Hashable, Sendable, Codable {
    case alexNet = "alexnet"
  }

  public var variant: Variant
  public var normalization = NormalizationKind.none
  public var initialization = Initialization.fanInUniform
  public var conventions = BatchNormalizationConventions.pyTorch

  public init(_ variant: Variant = .alexNet) { self.variant = variant }

  public static let name = "alexNet"
  public static let forms: [(form: String, meaning: String)] = [("alexnet", "torchvision's")]
  public func headInitialization(inputs: Int, outputs: Int) -> Initialization { .fanInUniform }

  public func build<Element: TensorElement>(
    sampleShape: Shape, outputCount: Int, random: RandomGenerator
  ) throws(ModelArchitectureError) -> Sequential<Element> {
    try requireNoNormalization()
    var network = try NetworkBuilder<Element>(self, sampleShape: sampleShape, outputCount: outputCount, random: random)
    let features = try network.branch { features throws(ModelArchitectureError) in
      let layers: [(channels: Int, window: Window, isPooled: Bool)] = [
        (64, Window(11, stride: 4, padding: 2), true), (192, Window(5, padding: 2), true),
        (384, Window(3, padding: 1), false), (256, Window(3, padding: 1), false), (256, Window(3, padding: 1), true),
      ]
      for layer in layers {
        try features.convolution(layer.channels, layer.window)
        try features.activation()
        if layer.isPooled { try features.append(MaxPool2d(Window(3, stride: 2))) }
      }
    }
    try network.append(features, named: "features")
    try network.append(AdaptiveAveragePool2d(6), named: "avgpool")
    try network.append(Flatten(), named: "flatten")
    let classifier = try network.branch { classifier throws(ModelArchitectureError) in
      for _ in 0..<2 {
        try classifier.append(Dropout(keepProbability: 0.5))
        try classifier.linear(4096)
        try classifier.append(ReLU())
      }
      try classifier.linear(outputCount)
    }
    try network.append(classifier, named: "classifier")
    return try network.finished()
  }
}
