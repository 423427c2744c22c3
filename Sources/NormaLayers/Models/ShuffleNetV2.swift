import NormaConvolution
import NormaGraph
import NormaNormalization
import NormaTensor

/// A recipe for ShuffleNetV2 (Ma and others 2018, arXiv:1807.11164): blocks that compute half of their channels and shuffle them with the
/// others. The names in files are torchvision's: `stage2.0.branch1.0`, `conv5.0`, `fc`.
public struct ShuffleNetV2: PublishedRecipe {
  /// The published networks.
  public enum Variant: String, CaseIterable, Hashable, Sendable, Codable {
    case half = "shufflenet_v2_x0_5"
    case full = "shufflenet_v2_x1_0"
    case oneAndAHalf = "shufflenet_v2_x1_5"
    case double = "shufflenet_v2_x2_0"
  }

  public var variant: Variant
  public var normalization = NormalizationKind.batch
  public var initialization = Initialization.fanInUniform
  public var conventions = BatchNormalizationConventions.pyTorch

  public init(_ variant: Variant) { self.variant = variant }

  public static let name = "shuffleNetV2"
  public static let forms: [(form: String, meaning: String)] = [
    ("shufflenet_v2_x0_5, …", "torchvision's; and _x1_0, _x1_5, _x2_0")
  ]
  public func headInitialization(inputs: Int, outputs: Int) -> Initialization { .fanInUniform }

  public func build<Element: TensorElement>(
    sampleShape: Shape, outputCount: Int, random: RandomGenerator
  ) throws(ModelArchitectureError) -> Sequential<Element> {
    var network = try NetworkBuilder<Element>(self, sampleShape: sampleShape, outputCount: outputCount, random: random)
    let (widths, last) =
      switch variant {
      case .half: ([48, 96, 192], 1024)
      case .full: ([116, 232, 464], 1024)
      case .oneAndAHalf: ([176, 352, 704], 1024)
      case .double: ([244, 488, 976], 2048)
      }
    try network.unit(24, Window(3, stride: 2, padding: 1), activation: .relu, named: "conv1")
    try network.append(MaxPool2d(Window(3, stride: 2, padding: 1)), named: "maxpool")
    for (index, (width, count)) in zip(widths, [4, 8, 4]).enumerated() {
      let stage = try network.branch { stage throws(ModelArchitectureError) in
        for number in 0..<count { try add(width, stride: number == 0 ? 2 : 1, to: &stage) }
      }
      try network.append(stage, named: "stage\(index + 2)")
    }
    try network.unit(last, Window(1), activation: .relu, named: "conv5")
    try network.append(GlobalAveragePool(), named: "avgpool")
    try network.linear(outputCount, named: "fc", initialization: head(inputs: last, outputs: outputCount))
    return try network.finished()
  }

  private func add<Element: TensorElement>(
    _ width: Int, stride: Int, to network: inout NetworkBuilder<Element>
  ) throws(ModelArchitectureError) {
    let inputs = network.shape.channelCount
    let window = Window(3, stride: Extent2d(height: stride, width: stride), padding: 1)
    var first: Sequential<Element>?
    if stride > 1 {
      first = try network.branch { branch throws(ModelArchitectureError) in
        try branch.convolution(inputs, window, groups: inputs)
        try branch.normalization(precedesSum: true)
        try branch.convolution(width / 2, Window(1))
        try branch.normalization()
        try branch.activation()
      }
    }
    let half = Extent2d(height: network.shape[0], width: network.shape[1])
    let second = try network.branch(from: [half.height, half.width, stride > 1 ? inputs : width / 2]) {
      branch throws(ModelArchitectureError) in
      try branch.convolution(width / 2, Window(1))
      try branch.normalization()
      try branch.activation()
      try branch.convolution(width / 2, window, groups: width / 2)
      try branch.normalization(precedesSum: true)
      try branch.convolution(width / 2, Window(1))
      try branch.normalization()
      try branch.activation()
    }
    try network.append(ShuffleUnit(first, second, channels: width))
  }
}

/// A block of ``ShuffleNetV2``: two branches whose channels are shuffled, `[N, H, W, …] → [N, H', W', channels]`. Without the first branch
/// half of the channels pass by the second.
final class ShuffleUnit<Element: TensorElement>: Layer {
  private let first: Sequential<Element>?
  private let second: Sequential<Element>
  private let channels: Int

  init(_ first: Sequential<Element>?, _ second: Sequential<Element>, channels: Int) {
    (self.first, self.second, self.channels) = (first, second, channels)
  }

  var children: [(name: String, layer: any Layer<Element>)] {
    (first.map { [(name: "branch1", layer: $0)] } ?? []) + [(name: "branch2", layer: second)]
  }

  var summary: String { "ShuffleUnit(\(channels) channels\(first == nil ? ", half of them pass by" : ""))" }

  func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) throws -> Variable<Element> {
    let half = channels / 2
    let halves =
      if let first {
        (try pass.apply(first, named: "branch1", to: x), try pass.apply(second, named: "branch2", to: x))
      } else {
        (
          x.sliced(0..<half, axis: -1),
          try pass.apply(second, named: "branch2", to: x.sliced(half..<channels, axis: -1))
        )
      }
    // A channel of one, a channel of the other, and so on.
    return Variable.concatenating([halves.0, halves.1], axis: -1)
      .gathering((0..<channels).map { $0 % 2 * half + $0 / 2 }, axis: -1)
  }
}
