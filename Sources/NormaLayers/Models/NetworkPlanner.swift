import NormaConvolution
import NormaTensor

/// Plans a network layer by layer, and knows the shape of what comes out of the last one.
struct NetworkPlanner {
  /// The network's name, for errors.
  private let name: String
  private let style: NetworkStyle
  private var members: [NetworkPlan.Member] = []
  /// The shape of a sample after the layers so far.
  private(set) var shape: Shape

  /// Begins a network for samples of a shape.
  ///
  /// - Throws: ``ModelArchitectureError`` for samples or a number of outputs that no network can have, and for samples
  ///   that are no images where they must be.
  init(
    _ recipe: some ModelRecipe, activation: ActivationKind = .relu, sampleShape: Shape, outputCount: Int
  ) throws(ModelArchitectureError) {
    name = recipe.name
    style = NetworkStyle(
      normalization: recipe.normalization, activation: activation, initialization: recipe.initialization,
      conventions: recipe.conventions)
    shape = sampleShape
    if type(of: recipe).takesImages && sampleShape.rank != 3 {
      throw ModelArchitectureError(
        "\(name) takes images, samples of shape [height, width, channels], and these have shape \(sampleShape); fully "
          + "connected networks (mlp) take samples of any shape")
    }
    let limit = ModelArchitecture.maximumWidth
    guard sampleShape.allSatisfy({ (1...limit).contains($0) }),
      sampleShape.reduce(1.0, { $0 * Double($1) }) <= Double(limit), (1...limit).contains(outputCount)
    else {
      throw ModelArchitectureError(
        "no network takes samples of shape \(sampleShape) to \(outputCount) outputs; both come to 1 to \(limit) numbers"
      )
    }
  }

  /// Begins a branch of a network whose last layers gave a shape.
  init(branchOf other: NetworkPlanner) {
    self = other
    members = []
  }

  /// The plan of the layers so far.
  func plan() throws(ModelArchitectureError) -> NetworkPlan {
    try NetworkPlan(style: style, members: members, name: name)
  }

  /// The layers so far as one.
  var sequential: NetworkPlan.Part { .sequential(members) }

  /// Adds a layer that leaves the shape as it is; without a name it is called by its place.
  mutating func append(_ part: NetworkPlan.Part, named name: String? = nil) {
    members.append(NetworkPlan.Member(name: name ?? "\(members.count)", part: part))
  }

  /// Adds a part that was planned as a branch, with the shape it leads to.
  mutating func append(_ part: NetworkPlan.Part, named name: String? = nil, leadingTo branch: NetworkPlanner) {
    append(part, named: name)
    shape = branch.shape
  }

  /// Adds a sum of a body, a shortcut if one is given, and ReLU.
  mutating func residual(_ body: NetworkPlanner, shortcut: NetworkPlan.Part?, named name: String) {
    append(.residual(body: body.members, shortcut: shortcut), named: name, leadingTo: body)
  }

  mutating func flatten(named name: String? = nil) {
    append(.flatten, named: name)
    shape = [shape.elementCount]
  }

  mutating func globalAverage(named name: String? = nil) {
    append(.globalAverage, named: name)
    shape = [shape.channelCount]
  }

  mutating func linear(
    _ outputs: Int, named name: String? = nil, hasBias: Bool = true
  ) throws(ModelArchitectureError) {
    try check(outputs, "units")
    append(.linear(inputs: shape.channelCount, outputs: outputs, hasBias: hasBias), named: name)
    shape = shape.replacingLast(with: outputs)
  }

  /// Adds a convolution that a normalization follows, if there is any.
  mutating func convolution(
    _ outputs: Int, _ window: Window, named name: String? = nil
  ) throws(ModelArchitectureError) {
    try check(outputs, "channels")
    let hasBias = !style.normalization.cancelsBias
    append(.convolution(inputs: shape.channelCount, outputs: outputs, window: window, hasBias: hasBias), named: name)
    try move(window, "a convolution of \(window.summary)")
    let positions = shape[0] * shape[1]
    guard positions * outputs <= Self.maximumResultCount else {
      throw ModelArchitectureError(
        "\(self.name) makes \(positions * outputs) numbers of a sample in one layer; at most \(Self.maximumResultCount) are "
          + "possible")
    }
    shape = shape.replacingLast(with: outputs)
  }

  /// The most numbers that a layer can make of one sample.
  private static let maximumResultCount = 1 << 32

  mutating func maxPool(_ window: Window, named name: String? = nil) throws(ModelArchitectureError) {
    append(.maxPool(window), named: name)
    try move(window, "a pooling of \(window.summary)")
  }

  /// Adds the normalization of the channels, which is left out of the network where there is none.
  ///
  /// - Throws: ``ModelArchitectureError`` where each value would be normalized by itself, which makes it 0.
  mutating func normalization(
    named name: String? = nil, startsAtZero: Bool = false
  ) throws(ModelArchitectureError) {
    guard style.normalization != .none else { return }
    let channels = shape.channelCount
    let positions = shape.dropLast().reduce(1, *)
    if style.normalization.sharingValueCount(channels: channels, positions: positions) == 1 {
      throw ModelArchitectureError(
        "\(style.normalization.words) cannot follow a layer of \(self.name) whose result for a sample has shape "
          + "\(shape): it would normalize each value by itself, to 0; take another, such as batch")
    }
    append(.normalization(channels: channels, startsAtZero: startsAtZero), named: name)
  }

  /// Adds dropout, unless it keeps all.
  mutating func dropout(
    keepProbability: Double, named name: String? = nil
  ) throws(ModelArchitectureError) {
    guard keepProbability > 0, keepProbability <= 1 else {
      throw ModelArchitectureError("\(keepProbability) is no probability to keep")
    }
    if keepProbability < 1 { append(.dropout(keepProbability: keepProbability), named: name) }
  }

  private func check(_ count: Int, _ noun: String) throws(ModelArchitectureError) {
    guard (1...ModelArchitecture.maximumWidth).contains(count), members.count < 100_000 else {
      throw ModelArchitectureError(
        "a layer of \(count) \(noun) cannot be built; a network has up to 100000 layers of 1 to "
          + "\(ModelArchitecture.maximumWidth)")
    }
  }

  private mutating func move(_ window: Window, _ what: String) throws(ModelArchitectureError) {
    guard let extent = window.resultExtent(for: Extent2d(height: shape[0], width: shape[1])) else {
      throw ModelArchitectureError(
        "\(name) takes larger images: after its first layers a sample has shape \(shape), too small for \(what)")
    }
    shape = [extent.height, extent.width, shape[2]]
  }
}
