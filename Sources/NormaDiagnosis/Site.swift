import NormaGraph
import NormaLayers
import NormaNormalization
import NormaTensor

/// A normalization by given statistics in a network that is followed by its operations: a layer's in inference, or one of a model
/// from elsewhere.
struct Site {
  /// Where it stands among the program's nodes.
  let node: Int
  /// What files call it: the name of its statistics without the last part, or the path of its layer.
  let name: String
  /// What it is.
  let summary: String
  /// Where the statistics stand among the inputs, and the operation's epsilon.
  let given: GivenStatistics
  /// What is added to variances: the operation's, unless the network is looked at with another.
  var epsilon: Double
  /// What it normalizes by: `[C]` each, gammas 1 and betas 0 where it has none.
  let mean, variance, gamma, beta: [Double]
  /// The layer that gathers the statistics; nil where they are a model's constants.
  let layer: (any StatisticsGathering<Float>)?
  /// A nonlinearity of single values that alone takes the result, as ReLU.
  let nonlinearity: Int?
  /// The nonlinearity behind a sum that alone takes the result, as at the end of a residual block.
  let nonlinearityOfSum: Int?
  /// The layer that it could be folded into, and whether that has a bias.
  let foldsInto: (path: String, hasBias: Bool)?
  /// Whether it normalizes the examples themselves.
  let isFirst: Bool
  /// The normalization whose result it normalizes, with nothing between.
  let normalizedBefore: String?

  var channelCount: Int { mean.count }
  /// Whether what is added to variances is above the defaults of all frameworks.
  var hasLargeEpsilon: Bool { epsilon > Self.largestEpsilon }
  /// The largest default of the frameworks that Norma knows.
  static let largestEpsilon = NormalizationFramework.allCases.map(\.conventions.epsilon).max() ?? 0
  /// The channels that nothing can be normalized by.
  var invalidChannels: [Int] {
    mean.indices.filter { !mean[$0].isFinite || !variance[$0].isFinite || variance[$0] < 0 }
  }
}

extension Site {
  /// The sites of a network, in the order of the computation.
  ///
  /// - Parameter constants: the values of nodes that do not depend on the batch, by their places.
  static func all(
    of model: any Layer<Float>, _ program: Program<Float>, constants: [Int: Tensor<Float>]
  ) -> [Site] {
    let layers = Dictionary(model.distinctLayers.map { ($0.path, $0.layer) }) { first, _ in first }
    let useCounts = program.useCounts
    var consumers: [Int: [Int]] = [:]
    for (index, node) in program.nodes.enumerated() {
      for input in node.inputs { consumers[input, default: []].append(index) }
    }
    func vector(_ node: Program<Float>.Node, _ place: Int?) -> [Double]? {
      place.flatMap { constants[node.inputs[$0]] }?.elements.map(Double.init)
    }
    return program.nodes.indices.compactMap { index in
      let node = program.nodes[index]
      guard let given = node.operation?.givenStatistics, let mean = vector(node, given.mean),
        let variance = vector(node, given.variance)
      else { return nil }
      let source = program.source(of: node.inputs[0])
      let before = program.nodes[source]
      let statistics = program.nodes[node.inputs[given.mean]].name
      return Site(
        node: index, name: name(statistics) ?? node.path, summary: node.layer, given: given,
        epsilon: given.epsilon, mean: mean,
        variance: variance, gamma: vector(node, given.gamma) ?? mean.map { _ in 1 },
        beta: vector(node, given.beta) ?? mean.map { _ in 0 },
        layer: layers[node.path] as? any StatisticsGathering<Float>,
        nonlinearity: program.nonlinearity(behind: index, consumers, useCounts),
        nonlinearityOfSum: program.nonlinearityOfSum(behind: index, consumers, useCounts),
        foldsInto: useCounts[node.inputs[0]] == 1 ? fold(node.inputs[0], node, program, constants) : nil,
        isFirst: before.isInput,
        normalizedBefore: before.operation?.offsetCancellation == nil
          ? nil
          : before.operation?.givenStatistics.flatMap { name(program.nodes[before.inputs[$0.mean]].name) }
            ?? before.path)
    }
  }

  /// What a tensor's name is without the part that says that it is a mean.
  static func name(_ tensor: String) -> String? {
    guard let dot = tensor.lastIndex(of: ".") else { return tensor.isEmpty ? nil : tensor }
    return tensor[dot...].contains("mean") ? String(tensor[..<dot]) : tensor
  }

  /// What the operation before can take in of a normalization.
  private static func fold(
    _ place: Int, _ node: Program<Float>.Node, _ program: Program<Float>, _ constants: [Int: Tensor<Float>]
  ) -> (path: String, hasBias: Bool)? {
    let before = program.nodes[place]
    guard let map = node.operation?.channelMap(node.inputs.map { constants[$0] }), let operation = before.operation,
      operation.followed(by: map, before.inputs.map { constants[$0] }) != nil
    else { return nil }
    return (before.name(ofConstant: program) ?? before.path, !operation.lacksBias)
  }
}

extension Program.Node {
  /// What files call the layer of whose constants the operation is: the name of the first without its last part.
  fileprivate func name(ofConstant program: Program) -> String? {
    for input in inputs.dropFirst() {
      let name = program.nodes[input].name
      if let dot = name.lastIndex(of: "."), name[dot...] == ".weight" { return String(name[..<dot]) }
    }
    return nil
  }
}

extension Program<Float> {
  /// The node whose numbers another's are, under whatever shape.
  fileprivate func source(of index: Int) -> Int {
    var index = index
    while let operation = nodes[index].operation, operation.isView { index = nodes[index].inputs[0] }
    return index
  }

  /// The nonlinearity of the sum behind a node that alone takes its result, if it has one.
  fileprivate func nonlinearityOfSum(behind index: Int, _ consumers: [Int: [Int]], _ useCounts: [Int]) -> Int? {
    guard useCounts[index] == 1, let next = consumers[index]?.first,
      let sum = nodes[next].operation as? AdditionOperation<Float>, sum.broadcast == .none
    else { return nil }
    return sum.rectifies ? next : nonlinearity(behind: next, consumers, useCounts)
  }

  /// The node behind another that alone takes its result, and makes of each value something of its own.
  fileprivate func nonlinearity(behind index: Int, _ consumers: [Int: [Int]], _ useCounts: [Int]) -> Int? {
    guard useCounts[index] == 1, let next = consumers[index]?.first, nodes[next].operation?.elementFunction != nil
    else { return nil }
    return next
  }
}
