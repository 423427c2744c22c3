import NormaConvolution
import NormaTensor

/// Builds a network layer by layer, in the order in which samples go through, and knows the shape of what comes out of the
/// last one.
///
/// Each layer with weights draws them from a generator of its own, split from the network's by the layer's number: networks
/// that differ in normalization alone start from the same weights. Nothing is drawn, and no memory taken for parameters, until
/// they are first asked for.
///
/// ```swift
/// func build<Element: TensorElement>(
///   sampleShape: Shape, outputCount: Int, random: RandomGenerator
/// ) throws(ModelArchitectureError) -> Sequential<Element> {
///   var network = try NetworkBuilder<Element>(self, sampleShape: sampleShape, outputCount: outputCount, random: random)
///   try network.linear(hidden)
///   try network.normalization()
///   try network.append(ReLU())
///   try network.linear(outputCount)
///   return try network.finished()
/// }
/// ```
public struct NetworkBuilder<Element: TensorElement> {
  private let recipe: any ModelRecipe
  private let random: RandomGenerator
  /// How many layers with weights there are so far.
  private var weightLayerCount: UInt64 = 0
  /// How many numbers are trained so far; a Double, since what a file asks for may be more than any Int.
  private var parameterCount = 0.0
  private var members: [(name: String, layer: any Layer<Element>)] = []
  /// Whether the last layer is a normalization that brought its own nonlinearity.
  private var isNonlinear = false
  /// The shape of a sample after the layers so far.
  public private(set) var shape: Shape

  /// Begins a network for samples of a shape, with the normalization and the initial weights of a recipe.
  ///
  /// - Throws: ``ModelArchitectureError`` for samples or a number of outputs that no network can have, and for samples
  ///   that are no images where they must be.
  public init(
    _ recipe: some ModelRecipe, sampleShape: Shape, outputCount: Int, random: RandomGenerator
  ) throws(ModelArchitectureError) {
    self.recipe = recipe
    self.random = random
    shape = sampleShape
    if recipe.takesImages && sampleShape.rank != 3 {
      throw ModelArchitectureError(
        "\(recipe) takes images, samples of shape [height, width, channels], and these have shape \(sampleShape); fully "
          + "connected networks (mlp) take samples of any shape")
    }
    let limit = ModelArchitecture.maximumWidth
    guard sampleShape.allSatisfy({ (1...limit).contains($0) }), sampleShape.size <= Double(limit),
      (1...limit).contains(outputCount)
    else {
      throw ModelArchitectureError(
        "no network takes samples of shape \(sampleShape) to \(outputCount) outputs; both come to 1 to \(limit) numbers"
      )
    }
  }

  /// Adds a layer; without a name it is called by its place.
  ///
  /// - Throws: ``ModelArchitectureError`` where the result so far does not fit the layer, where the layer makes more numbers of
  ///   a sample than any can, and where the network has more than ``ModelArchitecture/maximumParameterCount`` parameters.
  public mutating func append(_ layer: any Layer<Element>, named name: String? = nil) throws(ModelArchitectureError) {
    try add(layer, named: name)
    let output: Shape
    do {
      output = Shape(try layer.outputShape(for: Shape([1] + Array(shape))).dropFirst())
    } catch {
      throw ModelArchitectureError(
        shape.rank == 3
          ? "\(recipe) takes larger images: after its first layers a sample has shape \(shape), too small for "
            + layer.summary
          : "\(recipe) does not take such samples: after its first layers one has shape \(shape), and \(error)")
    }
    guard output.size <= Self.maximumResultCount else {
      throw ModelArchitectureError(
        "\(recipe) makes \(words(output.size)) numbers of a sample in one layer; at most \(words(Self.maximumResultCount)) are possible"
      )
    }
    shape = output
  }

  /// Adds a layer that leaves the shape as it is, as far as is known.
  private mutating func add(_ layer: any Layer<Element>, named name: String?) throws(ModelArchitectureError) {
    parameterCount += layer.distinctParameters.reduce(0) { $0 + $1.shape.size }
    guard parameterCount <= Double(ModelArchitecture.maximumParameterCount) else {
      throw ModelArchitectureError(
        "\(recipe) would have \(words(parameterCount)) parameters here, "
          + "or more; at most \(ModelArchitecture.maximumParameterCount) are possible")
    }
    guard members.count < 100_000 else {
      throw ModelArchitectureError("\(recipe) cannot be built; a network has up to 100000 layers")
    }
    members.append((name ?? "\(members.count)", layer))
    isNonlinear = false
  }

  /// The most numbers that a layer can make of one sample.
  private static var maximumResultCount: Double { 0x1p32 }

  /// Builds layers that start from the result so far, without adding them: the body of a residual block, a way around it.
  ///
  /// - Parameters:
  ///   - shape: the shape of a sample that they start from; nil for the result so far.
  ///   - add: adds them.
  public mutating func branch(
    from shape: Shape? = nil, _ add: (inout NetworkBuilder) throws(ModelArchitectureError) -> Void
  ) throws(ModelArchitectureError) -> Sequential<Element> {
    var branch = self
    branch.members = []
    if let shape { branch.shape = shape }
    try add(&branch)
    weightLayerCount = branch.weightLayerCount
    return try branch.finished()
  }

  /// The network of the layers so far.
  ///
  /// - Throws: ``ModelArchitectureError`` where two layers have one name.
  public func finished() throws(ModelArchitectureError) -> Sequential<Element> {
    do {
      return try Sequential(named: members)
    } catch {
      throw ModelArchitectureError("\(recipe) cannot be built: \(error)")
    }
  }
}

extension NetworkBuilder {
  /// Adds a linear layer. If it `isNormalized`, the recipe's normalization follows, and its weights are computed as that has it. Weights
  /// start as the recipe has it, unless an `initialization` is given.
  public mutating func linear(
    _ outputs: Int, named name: String? = nil, hasBias: Bool = true, isNormalized: Bool = false,
    initialization: Initialization? = nil
  ) throws(ModelArchitectureError) {
    let outputs = width(outputs)
    try check(outputs, "units")
    let layer = Linear<Element>(
      inputs: shape.channelCount, outputs: outputs, hasBias: hasBias,
      initialization: initialization ?? recipe.initialization,
      weightNormalization: isNormalized ? recipe.normalization.weightNormalization : nil, random: nextGenerator())
    LayerWidths.current?.record(layer, Int(weightLayerCount) - 1)
    try append(layer, named: name)
  }

  /// Adds a convolution that a normalization follows, if there is any.
  ///
  /// - Parameters:
  ///   - outputs: how many channels its result has.
  ///   - window: the window.
  ///   - name: its name within the network; nil for its number.
  ///   - groups: how many groups the channels are in.
  ///   - hasBias: whether it has a bias; nil for one unless the normalization subtracts it again.
  ///   - initialization: how the weights start; nil for as the recipe has it.
  public mutating func convolution(
    _ outputs: Int, _ window: Window, named name: String? = nil, groups: Int = 1, hasBias: Bool? = nil,
    initialization: Initialization? = nil
  ) throws(ModelArchitectureError) {
    let outputs = width(outputs)
    try check(outputs, "channels")
    guard shape.rank == 3, shape.channelCount % groups == 0, outputs % groups == 0 else {
      throw ModelArchitectureError(
        "\(recipe) cannot be built: \(shape.channelCount) channels to \(outputs) in \(groups) groups")
    }
    let layer = Conv2d<Element>(
      inputs: shape.channelCount, outputs: outputs, window: window, groups: groups,
      hasBias: hasBias ?? !recipe.normalization.cancelsBias,
      initialization: initialization ?? recipe.initialization,
      weightNormalization: recipe.normalization.weightNormalization,
      random: nextGenerator())
    LayerWidths.current?.record(layer, Int(weightLayerCount) - 1)
    try append(layer, named: name)
  }

  /// Adds the recipe's normalization of the channels, unless there is none.
  ///
  /// - Parameters:
  ///   - name: its name within the network; nil for its number.
  ///   - startsAtZero: whether gamma starts at 0 rather than 1.
  ///   - precedesSum: whether a sum follows rather than a nonlinearity: one that brings its own leaves it out then.
  /// - Throws: ``ModelArchitectureError`` where each value would be normalized by itself, which leaves nothing of it.
  public mutating func normalization(
    named name: String? = nil, startsAtZero: Bool = false, precedesSum: Bool = false
  ) throws(ModelArchitectureError) {
    let kind = recipe.normalization
    let channels = shape.channelCount
    guard let layer: any Layer<Element> = kind.layer(channels, conventions: recipe.conventions, isLinear: precedesSum)
    else { return }
    if kind.sharingValueCount(channels: channels, positions: shape.dropLast().reduce(1, *)) == 1 {
      throw ModelArchitectureError(
        "\(kind.words) cannot follow a layer of \(recipe) whose result for a sample has shape \(shape): it would normalize "
          + "each value by itself, which leaves nothing of it; take another, such as batch")
    }
    if startsAtZero, let gamma = layer.parameters.first(where: { $0.kind == .gamma }) {
      gamma.value = .zeros(gamma.shape)
    }
    // Not followed: that would make its running statistics.
    try add(layer, named: name)
    isNonlinear = kind.bringsNonlinearity && !precedesSum
  }

  /// Adds a nonlinearity: of the given kind, or the recipe's, which is ReLU unless it is a ``FeedForwardRecipe``, where it can be chosen. After a
  /// normalization that brought its own there is none.
  public mutating func activation(
    _ kind: ActivationKind? = nil, named name: String? = nil
  ) throws(ModelArchitectureError) {
    guard !isNonlinear else { return }
    try append((kind ?? (recipe as? any FeedForwardRecipe)?.activation ?? .relu).layer(), named: name)
  }

  /// Adds squeeze and excitation by way of so many numbers.
  public mutating func squeezeExcitation(
    between count: Int, activation: ActivationKind = .relu, gate: ActivationKind = .sigmoid, named name: String? = nil
  ) throws(ModelArchitectureError) {
    try check(count, "numbers between")
    let layer = SqueezeExcitation<Element>(
      shape.channelCount, between: count, activation: activation, gate: gate, initialization: recipe.initialization,
      random: nextGenerator())
    try append(layer, named: name)
  }

  /// Adds the recipe's dropout, unless it keeps all.
  public mutating func dropout(named name: String? = nil) throws(ModelArchitectureError) {
    let keepProbability = (recipe as? any FeedForwardRecipe)?.keepProbability ?? 1
    guard keepProbability > 0, keepProbability <= 1 else {
      throw ModelArchitectureError("\(keepProbability) is no probability to keep")
    }
    if keepProbability < 1 { try append(Dropout(keepProbability: keepProbability), named: name) }
  }

  /// A count in digits, unless it has too many.
  private func words(_ count: Double) -> String { count > 1e15 ? "\(count)" : "\(Int(count))" }

  /// How many channels the next layer with weights gives, where its recipe says so many.
  private func width(_ outputs: Int) -> Int { LayerWidths.current?.width(Int(weightLayerCount), outputs) ?? outputs }

  private mutating func nextGenerator() -> RandomGenerator {
    defer { weightLayerCount += 1 }
    return random.split(weightLayerCount)
  }

  private func check(_ count: Int, _ noun: String) throws(ModelArchitectureError) {
    guard (1...ModelArchitecture.maximumWidth).contains(count) else {
      throw ModelArchitectureError(
        "a layer of \(count) \(noun) cannot be built; it has 1 to \(ModelArchitecture.maximumWidth)")
    }
  }
}

extension Shape {
  /// The number of elements, which may be more than an `Int` holds.
  fileprivate var size: Double { reduce(1) { $0 * Double($1) } }
}
