import NormaConvolution
import NormaNormalization
import NormaTensor

/// A recipe for the networks of Simonyan and Zisserman (2014, arXiv:1409.1556) as they were published: 3×3 convolutions, five max poolings, and
/// three linear layers; ``VGGNetwork`` is a smaller one in their manner. The names in files are torchvision's: `features.0`, `classifier.6`.
///
/// Without a normalization they are those of the names `vgg16`, with batch normalization those of `vgg16_bn`, whose convolutions have biases
/// although these are subtracted again.
public struct PublishedVGGNetwork: PublishedRecipe {
  /// The published networks, by the number of their layers with weights.
  public enum Variant: String, CaseIterable, Hashable, Sendable, Codable {
    case vgg11, vgg13, vgg16, vgg19
  }

  public var variant: Variant
  public var normalization = NormalizationKind.none
  public var initialization = Initialization.kaimingNormalOutputs
  public var conventions = BatchNormalizationConventions.pyTorch

  public init(_ variant: Variant) { self.variant = variant }

  public static let name = "publishedVGGNetwork"
  public static let forms: [(form: String, meaning: String)] = [
    ("vgg11, 13, 16, 19", "torchvision's; and vgg11_bn to vgg19_bn")
  ]
  public func headInitialization(inputs: Int, outputs: Int) -> Initialization { .normal(scale: 0.01) }

  public var description: String { variant.rawValue + (normalization == .batch ? "_bn" : "") }

  public init?(parsing text: String) throws(ModelArchitectureError) {
    let isNormalized = text.hasSuffix("_bn")
    guard let variant = Variant(rawValue: isNormalized ? String(text.dropLast(3)) : text) else { return nil }
    self.init(variant)
    if isNormalized { normalization = .batch }
  }

  /// The convolutions before each pooling.
  private var counts: [Int] {
    switch variant {
    case .vgg11: [1, 1, 2, 2, 2]
    case .vgg13: [2, 2, 2, 2, 2]
    case .vgg16: [2, 2, 3, 3, 3]
    case .vgg19: [2, 2, 4, 4, 4]
    }
  }

  public func build<Element: TensorElement>(
    sampleShape: Shape, outputCount: Int, random: RandomGenerator
  ) throws(ModelArchitectureError) -> Sequential<Element> {
    var network = try NetworkBuilder<Element>(self, sampleShape: sampleShape, outputCount: outputCount, random: random)
    let features = try network.branch { features throws(ModelArchitectureError) in
      for (width, count) in zip([64, 128, 256, 512, 512], counts) {
        for _ in 0..<count {
          try features.convolution(width, Window(3, padding: 1), hasBias: true)
          try features.normalization()
          try features.activation()
        }
        try features.append(MaxPool2d(Window(2, stride: 2)))
      }
    }
    try network.append(features, named: "features")
    try network.append(AdaptiveAveragePool2d(7), named: "avgpool")
    try network.append(Flatten(), named: "flatten")
    let classifier = try network.branch { classifier throws(ModelArchitectureError) in
      for _ in 0..<2 {
        try classifier.linear(
          4096, initialization: head(inputs: classifier.shape.channelCount, outputs: 4096))
        try classifier.append(ReLU())
        try classifier.append(Dropout(keepProbability: 0.5))
      }
      try classifier.linear(outputCount, initialization: head(inputs: 4096, outputs: outputCount))
    }
    try network.append(classifier, named: "classifier")
    return try network.finished()
  }
}
