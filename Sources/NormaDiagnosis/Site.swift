import NormaGraph
import NormaLayers
import NormaNormalization
import NormaTensor

/// A normalization by given statistics in a network that is followed by its operations: a layer's in inference, or one of a model
/// from elsewhere.
///
/// Where they are no means and variances of the channels that go in, as the whitening matrices of IterNorm, the site is a layer as a whole: what
/// comes out in inference is held against what comes out in training, as if a normalization took the one to the other.
struct Site {
  /// Where its result stands among the program's nodes.
  let node: Int
  /// Where what it normalizes stands.
  let input: Int
  /// What files call it: the name of its statistics without the last part, or the path of its layer.
  let name: String
  /// What it is.
  let summary: String
  /// Where the statistics stand among the inputs of the operation, and its epsilon; nil for a layer as a whole.
  let given: GivenStatistics?
  /// The layer that is looked at as a whole, if it is one.
  let whole: (any Layer<Float>)?
  /// What is added to variances: the operation's, unless the network is looked at with another.
  var epsilon: Double
  /// What it normalizes by, `[C]` each; of a layer as a whole what comes out in training, once that is measured.
  var mean, variance: [Double]
  /// What it multiplies by and adds then, `[C]` each; 1 and 0 where there is nothing.
  let gamma, beta: [Double]
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

  var channelCount: Int { gamma.count }
  /// Whether moments of examples are all that its running statistics are made of.
  var canRecalibrate: Bool { whole.map { $0 is any StatisticsKeeping<Float> } ?? true }
  /// Where the channels are.
  var layout: ChannelLayout { given?.layout ?? .channelsLast }
  /// Whether what is added to variances is above the defaults of all frameworks.
  var hasLargeEpsilon: Bool { epsilon > Self.largestEpsilon }
  /// The largest default of the frameworks that Norma knows.
  static let largestEpsilon = NormalizationFramework.allCases.map(\.conventions.epsilon).max() ?? 0
  /// The channels that nothing can be normalized by.
  var invalidChannels: [Int] {
    guard let whole else {
      return mean.indices.filter { !mean[$0].isFinite || !variance[$0].isFinite || variance[$0] < 0 }
    }
    return Set(
      whole.runningTensors.flatMap { name, tensor in
        // Of matrices the rows are channels.
        tensor.elements.indices.filter {
          !tensor.elements[$0].isFinite || name == "running_var" && tensor.elements[$0] < 0
        }
        .map { $0 * channelCount / tensor.count }
      }
    ).sorted()
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
    let (useCounts, consumers) = (program.useCounts, program.consumers)
    func vector(_ node: Program<Float>.Node, _ place: Int?) -> [Double]? {
      place.flatMap { constants[node.inputs[$0]] }?.elements.map(Double.init)
    }
    let sites = program.nodes.indices.compactMap { index -> Site? in
      let node = program.nodes[index]
      guard let given = node.operation?.givenStatistics, let mean = vector(node, given.mean),
        let variance = vector(node, given.variance)
      else { return nil }
      let source = program.source(of: node.inputs[0])
      let before = program.nodes[source]
      let statistics = program.nodes[node.inputs[given.mean]].name
      return Site(
        node: index, input: node.inputs[0], name: name(statistics) ?? node.path, summary: node.layer, given: given,
        whole: nil,
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
    let known = Set(sites.map { program.nodes[$0.node].path })
    let wholes = layers.filter { !known.contains($0.key) && !$0.value.runningTensors.isEmpty }.compactMap {
      path, layer in
      whole(layer, at: path, program, constants, consumers, useCounts)
    }
    return (sites + wholes).sorted { $0.node < $1.node }
  }

  /// A layer as a whole; nil for one that stands nowhere, or in several places.
  private static func whole(
    _ layer: any Layer<Float>, at path: String, _ program: Program<Float>, _ constants: [Int: Tensor<Float>],
    _ consumers: [Int: [Int]], _ useCounts: [Int]
  ) -> Site? {
    let nodes = program.nodes.indices.filter {
      program.nodes[$0].path == path && program.nodes[$0].operation != nil && constants[$0] == nil
    }
    let own = Set(nodes)
    let inputs = Set(nodes.flatMap { program.nodes[$0].inputs.filter { constants[$0] == nil && !own.contains($0) } })
    let results = nodes.filter { $0 == program.output || (consumers[$0] ?? []).contains { !own.contains($0) } }
    guard inputs.count == 1, results.count == 1, let input = inputs.first, let result = results.first,
      let channels = program.nodes[result].shape?.channelCount
    else { return nil }
    let zeros = [Double](repeating: 0, count: channels)
    return Site(
      node: result, input: input, name: path, summary: program.nodes[result].layer, given: nil, whole: layer,
      epsilon: 0, mean: zeros, variance: zeros.map { _ in 1 }, gamma: zeros.map { _ in 1 }, beta: zeros,
      layer: layer as? any StatisticsGathering<Float>,
      nonlinearity: program.nonlinearity(behind: result, consumers, useCounts),
      nonlinearityOfSum: program.nonlinearityOfSum(behind: result, consumers, useCounts), foldsInto: nil,
      isFirst: program.nodes[program.source(of: input)].isInput, normalizedBefore: nil)
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

extension Layer<Float> {
  /// The running statistics that it keeps itself, by their names.
  fileprivate var runningTensors: [(name: String, tensor: Tensor<Float>)] {
    buffers.compactMap { buffer in
      guard buffer.name.hasPrefix("running_"), case .tensor(let tensor) = buffer.read() else { return nil }
      return (buffer.name, tensor)
    }
  }

  /// How many batches those took in; nil where nothing counts.
  var batchCount: Int? {
    buffers.lazy.compactMap { buffer in
      if buffer.name == "num_batches_tracked", case .count(let count) = buffer.read() { count } else { nil }
    }.first
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
  /// The nodes that take each node's result, in their order.
  var consumers: [Int: [Int]] {
    var consumers: [Int: [Int]] = [:]
    for (index, node) in nodes.enumerated() {
      for input in node.inputs { consumers[input, default: []].append(index) }
    }
    return consumers
  }

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
