extension ModelArchitecture {
  /// The forms of the names that ``init(parsing:)`` takes, and what they stand for, for help texts.
  public static let knownNames: [(form: String, meaning: String)] = [
    ("mlp:WIDTH[,WIDTH…]", "fully connected hidden layers; mlp: has none"),
    ("convnet[:FILTERSxSIZE,HIDDEN]", "CS231n's three layers; alone convnet:32x7,100"),
    ("resnet20, 32, 44, 56, 110", "residual, small images; any 6n + 2 but 50"),
    ("resnet18", "residual, images of some 224×224 pixels"),
    ("vgg[:WIDTH,WIDTH…]", "two convolutions a stage; alone vgg:64,128,256"),
  ]

  /// The architecture that a name such as `mlp:100,100` or `resnet20` describes, with everything that the name does not say
  /// at its default.
  public init(parsing name: String) throws(ModelArchitectureError) {
    let parts = name.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let settings = parts.count == 2 ? parts[1] : nil
    switch parts[0] {
    case "mlp":
      let widths = try settings.map { text throws(ModelArchitectureError) in
        text.isEmpty ? [] : try Self.widths(text, in: name, like: "mlp:512,512")
      }
      self = .multilayerPerceptron(MultilayerPerceptron(hidden: widths ?? []))
    case "vgg":
      let widths = try settings.map { text throws(ModelArchitectureError) in
        try Self.widths(text, in: name, like: "vgg:64,128")
      }
      self = .vggNetwork(widths.map { VGGNetwork(widths: $0) } ?? VGGNetwork())
    case "convnet":
      let recipe = try settings.map { text throws(ModelArchitectureError) in
        try Self.threeLayerNetwork(text, in: name)
      }
      self = .threeLayerConvolutionalNetwork(recipe ?? ThreeLayerConvolutionalNetwork())
    default:
      guard settings == nil, let recipe = Self.residualNetwork(parts[0]) else {
        let forms = Self.knownNames.map { "\($0.form) (\($0.meaning))" }
        throw ModelArchitectureError("there is no model '\(name)'; the models are \(forms.joined(separator: ", "))")
      }
      self = .residualNetwork(recipe)
    }
  }

  /// Widths separated by commas.
  private static func widths(
    _ text: Substring, in name: String, like example: String
  ) throws(ModelArchitectureError) -> [Int] {
    var widths: [Int] = []
    for width in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let value = Int(width), (1...maximumWidth).contains(value) else {
        throw ModelArchitectureError(
          "'\(width)' in '\(name)' is no width; write whole numbers from 1 to \(maximumWidth), such as \(example)")
      }
      widths.append(value)
    }
    return widths
  }

  /// `FILTERSxSIZE,HIDDEN`.
  private static func threeLayerNetwork(
    _ text: Substring, in name: String
  ) throws(ModelArchitectureError) -> ThreeLayerConvolutionalNetwork {
    let numbers = text.split(separator: ",", omittingEmptySubsequences: false)
    let filters = numbers[0].split(separator: "x", omittingEmptySubsequences: false)
    guard numbers.count == 2, filters.count == 2, let count = Int(filters[0]), let size = Int(filters[1]),
      let hidden = Int(numbers[1]), (1...maximumWidth).contains(count), (1...maximumWidth).contains(hidden),
      (1...ThreeLayerConvolutionalNetwork.maximumFilterSize).contains(size), size % 2 == 1
    else {
      throw ModelArchitectureError(
        "'\(name)' does not say how many filters there are, of what odd size, and how many hidden units; write "
          + "convnet:32x7,100")
    }
    return ThreeLayerConvolutionalNetwork(filters: count, filterSize: size, hidden: hidden)
  }

  /// The residual network of a name; nil if there is none.
  private static func residualNetwork(_ name: Substring) -> ResidualNetwork? {
    // What is known as resnet50 has other blocks, although 50 is 6 · 8 + 2.
    guard name.hasPrefix("resnet"), let depth = Int(name.dropFirst(6)), name == "resnet\(depth)", depth != 50 else {
      return nil
    }
    if depth == 18 { return .resNet18 }
    return (8...1202).contains(depth) && depth % 6 == 2 ? .cifar(depth: depth) : nil
  }
}
