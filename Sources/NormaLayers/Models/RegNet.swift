import NormaConvolution
import NormaNormalization
import NormaTensor

/// A recipe for RegNet (Radosavovic and others 2020, arXiv:2003.13678): residual blocks whose channels grow by a rule of few numbers, with
/// groups of a fixed width; Y networks have squeeze and excitation. The names in files are torchvision's:
/// `trunk_output.block1.block1-0.f.a.0`, `fc`.
public struct RegNet: PublishedRecipe {
  /// The published networks.
  public enum Variant: String, CaseIterable, Hashable, Sendable, Codable {
    case x400MF = "regnet_x_400mf"
    case x800MF = "regnet_x_800mf"
    case x1600MF = "regnet_x_1_6gf"
    case x3200MF = "regnet_x_3_2gf"
    case x8GF = "regnet_x_8gf"
    case x16GF = "regnet_x_16gf"
    case x32GF = "regnet_x_32gf"
    case y400MF = "regnet_y_400mf"
    case y800MF = "regnet_y_800mf"
    case y1600MF = "regnet_y_1_6gf"
    case y3200MF = "regnet_y_3_2gf"
    case y8GF = "regnet_y_8gf"
    case y16GF = "regnet_y_16gf"
    case y32GF = "regnet_y_32gf"
    case y128GF = "regnet_y_128gf"
  }

  public var variant: Variant
  public var normalization = NormalizationKind.batch
  public var initialization = Initialization.kaimingNormalOutputs
  public var conventions = BatchNormalizationConventions.pyTorch

  public init(_ variant: Variant) { self.variant = variant }

  public static let name = "regNet"
  public static let forms: [(form: String, meaning: String)] = [
    ("regnet_x_400mf, …, _x_32gf", "torchvision's; and regnet_y_400mf to _y_128gf")
  ]
  public func headInitialization(inputs: Int, outputs: Int) -> Initialization { .normal(scale: 0.01) }

  /// The numbers that a network is made by: how many blocks there are, the first one's width, by how much widths grow, the factor between
  /// the widths that there are, and the width of a group.
  private var rule: (count: Int, start: Int, slope: Double, factor: Double, groupWidth: Int) {
    switch variant {
    case .x400MF: (22, 24, 24.48, 2.54, 16)
    case .x800MF: (16, 56, 35.73, 2.28, 16)
    case .x1600MF: (18, 80, 34.01, 2.25, 24)
    case .x3200MF: (25, 88, 26.31, 2.25, 48)
    case .x8GF: (23, 80, 49.56, 2.88, 120)
    case .x16GF: (22, 216, 55.59, 2.1, 128)
    case .x32GF: (23, 320, 69.86, 2, 168)
    case .y400MF: (16, 48, 27.89, 2.09, 8)
    case .y800MF: (14, 56, 38.84, 2.4, 16)
    case .y1600MF: (27, 48, 20.71, 2.65, 24)
    case .y3200MF: (21, 80, 42.63, 2.66, 24)
    case .y8GF: (17, 192, 76.82, 2.19, 56)
    case .y16GF: (18, 200, 106.23, 2.48, 112)
    case .y32GF: (20, 232, 115.89, 2.53, 232)
    case .y128GF: (27, 456, 160.83, 2.52, 264)
    }
  }

  /// The stages: how wide their blocks are and how many there are of each.
  private var stages: [(width: Int, count: Int)] {
    var stages: [(width: Int, count: Int)] = []
    for index in 0..<rule.count {
      // Of the widths start · factorᵏ the one that is nearest on the line, in the logarithm, then a multiple of 8.
      let line = Double(rule.start) + Double(index) * rule.slope
      let power = (Functions.logarithm(line / Double(rule.start)) / Functions.logarithm(rule.factor)).rounded(
        .toNearestOrEven)
      let width = 8 * Int((Double(rule.start) * Functions.power(rule.factor, power) / 8).rounded(.toNearestOrEven))
      if stages.last?.width == width {
        stages[stages.count - 1].count += 1
      } else {
        stages.append((width, 1))
      }
    }
    return stages.map { ($0.width.nearestMultiple(of: min(rule.groupWidth, $0.width)), $0.count) }
  }

  private var squeezes: Bool { variant.rawValue.hasPrefix("regnet_y") }

  public func build<Element: TensorElement>(
    sampleShape: Shape, outputCount: Int, random: RandomGenerator
  ) throws(ModelArchitectureError) -> Sequential<Element> {
    var network = try NetworkBuilder<Element>(self, sampleShape: sampleShape, outputCount: outputCount, random: random)
    try network.unit(32, Window(3, stride: 2, padding: 1), activation: .relu, named: "stem")
    let trunk = try network.branch { trunk throws(ModelArchitectureError) in
      for (index, stage) in stages.enumerated() {
        let blocks = try trunk.branch { blocks throws(ModelArchitectureError) in
          for number in 0..<stage.count {
            try add(stage.width, stride: number == 0 ? 2 : 1, named: "block\(index + 1)-\(number)", to: &blocks)
          }
        }
        try trunk.append(blocks, named: "block\(index + 1)")
      }
    }
    try network.append(trunk, named: "trunk_output")
    try network.append(GlobalAveragePool(), named: "avgpool")
    try network.linear(
      outputCount, named: "fc", initialization: head(inputs: network.shape.channelCount, outputs: outputCount))
    return try network.finished()
  }

  private func add<Element: TensorElement>(
    _ width: Int, stride: Int, named name: String, to network: inout NetworkBuilder<Element>
  ) throws(ModelArchitectureError) {
    let inputs = network.shape.channelCount
    let step = Extent2d(height: stride, width: stride)
    var around: Sequential<Element>?
    if inputs != width || stride != 1 {
      around = try network.branch { around throws(ModelArchitectureError) in
        try around.convolution(width, Window(1, stride: step))
        try around.normalization(precedesSum: true)
      }
    }
    let body = try network.branch { body throws(ModelArchitectureError) in
      try body.unit(width, Window(1), activation: .relu, named: "a")
      try body.unit(
        width, Window(3, stride: step, padding: 1), groups: width / min(rule.groupWidth, width), activation: .relu,
        named: "b")
      if squeezes {
        let count = Int((0.25 * Double(inputs)).rounded(.toNearestOrEven))
        try body.squeezeExcitation(between: count, activation: .relu, gate: .sigmoid, named: "se")
      }
      try body.unit(width, Window(1), activation: nil, named: "c")
    }
    try network.appendBlock(
      [("f", body)], shortcut: around, shortcutName: "proj", shortcutComesFirst: true, rectifies: true, named: name)
  }
}
