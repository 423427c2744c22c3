import NormaConvolution
import NormaNormalization
import NormaTensor

/// A recipe for GoogLeNet (Szegedy and others 2014, arXiv:1409.4842) with batch normalization, as torchvision has it: blocks of four branches
/// side by side. The names in files are torchvision's: `inception3a.branch2.0.conv`, `fc`.
///
/// The auxiliary classifiers, by which it was trained at first, are left out: of torchvision's network with `aux_logits=False`.
public struct GoogLeNet: PublishedRecipe {
  /// The published networks.
  public enum Variant: String, CaseIterable, Hashable, Sendable, Codable {
    case googLeNet = "googlenet"
  }

  public var variant: Variant
  public var normalization = NormalizationKind.batch
  public var initialization = Initialization.normal(scale: 0.01)
  public var conventions = BatchNormalizationConventions(
    epsilon: 1e-3, rule: .updating(0.1), estimator: .unbiased, initialVariance: 1)

  public init(_ variant: Variant = .googLeNet) { self.variant = variant }

  public static let name = "googLeNet"
  public static let forms: [(form: String, meaning: String)] = [
    ("googlenet", "torchvision's, without auxiliary classifiers")
  ]
  /// The classifiers at two places in between, which training added to the loss.
  public var auxiliaryLayers: [String] { ["aux1", "aux2"] }
  public func headInitialization(inputs: Int, outputs: Int) -> Initialization { initialization }

  public func build<Element: TensorElement>(
    sampleShape: Shape, outputCount: Int, random: RandomGenerator
  ) throws(ModelArchitectureError) -> Sequential<Element> {
    var network = try NetworkBuilder<Element>(self, sampleShape: sampleShape, outputCount: outputCount, random: random)
    try add(64, Window(7, stride: 2, padding: 3), named: "conv1", to: &network)
    try addPooling(3, named: "maxpool1", to: &network)
    try add(64, Window(1), named: "conv2", to: &network)
    try add(192, Window(3, padding: 1), named: "conv3", to: &network)
    try addPooling(3, named: "maxpool2", to: &network)
    try addInception(64, (96, 128), (16, 32), 32, named: "3a", to: &network)
    try addInception(128, (128, 192), (32, 96), 64, named: "3b", to: &network)
    try addPooling(3, named: "maxpool3", to: &network)
    try addInception(192, (96, 208), (16, 48), 64, named: "4a", to: &network)
    try addInception(160, (112, 224), (24, 64), 64, named: "4b", to: &network)
    try addInception(128, (128, 256), (24, 64), 64, named: "4c", to: &network)
    try addInception(112, (144, 288), (32, 64), 64, named: "4d", to: &network)
    try addInception(256, (160, 320), (32, 128), 128, named: "4e", to: &network)
    try addPooling(2, named: "maxpool4", to: &network)
    try addInception(256, (160, 320), (32, 128), 128, named: "5a", to: &network)
    try addInception(384, (192, 384), (48, 128), 128, named: "5b", to: &network)
    try network.append(GlobalAveragePool(), named: "avgpool")
    try network.append(Dropout(keepProbability: 0.8), named: "dropout")
    try network.linear(outputCount, named: "fc")
    return try network.finished()
  }

  /// Adds a convolution with its normalization and ReLU.
  private func add<Element: TensorElement>(
    _ channels: Int, _ window: Window, named name: String? = nil, to network: inout NetworkBuilder<Element>
  ) throws(ModelArchitectureError) {
    let unit = try network.branch { unit throws(ModelArchitectureError) in
      try unit.convolution(channels, window, named: "conv")
      try unit.normalization(named: "bn")
      try unit.activation(named: "relu")
    }
    try network.append(unit, named: name)
  }

  private func addPooling<Element: TensorElement>(
    _ size: Int, named name: String, to network: inout NetworkBuilder<Element>
  ) throws(ModelArchitectureError) {
    let window = Window(Extent2d(height: size, width: size), stride: 2)
    try network.append(MaxPool2d(window, countsPartialWindows: true), named: name)
  }

  /// Adds four branches: a 1×1 convolution; twice a 1×1 and a 3×3 one, of so many channels each; a pooling and a 1×1 convolution.
  private func addInception<Element: TensorElement>(
    _ first: Int, _ second: (Int, Int), _ third: (Int, Int), _ fourth: Int, named name: String,
    to network: inout NetworkBuilder<Element>
  ) throws(ModelArchitectureError) {
    var branches: [Sequential<Element>] = []
    branches.append(
      try network.branch { branch throws(ModelArchitectureError) in
        try branch.convolution(first, Window(1), named: "conv")
        try branch.normalization(named: "bn")
        try branch.activation(named: "relu")
      })
    for (inner, outer) in [second, third] {
      branches.append(
        try network.branch { branch throws(ModelArchitectureError) in
          try add(inner, Window(1), to: &branch)
          try add(outer, Window(3, padding: 1), to: &branch)
        })
    }
    branches.append(
      try network.branch { branch throws(ModelArchitectureError) in
        try branch.append(MaxPool2d(Window(3, padding: 1)))
        try add(fourth, Window(1), to: &branch)
      })
    let named = branches.enumerated().map { (name: "branch\($0.offset + 1)", layer: $0.element) }
    try network.append(Branches(named), named: "inception\(name)")
  }
}
