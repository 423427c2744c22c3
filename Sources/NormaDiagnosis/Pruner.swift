import NormaGraph
import NormaLayers
import NormaTensor

/// Why channels stay.
struct Obstacle: Error {
  let reason: String
}

/// Takes channels out of a network's state, layer by layer in the order of the computation.
struct Pruner {
  let execution: Execution
  /// What is left of the state.
  private(set) var state: ModelState<Float>
  /// How many channels are left of layers, by their numbers.
  private(set) var widths: [Int: Int] = [:]
  private let numbers: [String: Int]
  private let useCounts: [Int]
  private let consumers: [Int: [Int]]

  private var program: Program<Float> { execution.program }

  /// - Parameters:
  ///   - model: the network, built by `widths`, in the state.
  ///   - batchShape: one example of it.
  init(_ model: Sequential<Float>, _ state: ModelState<Float>, _ widths: LayerWidths, batchShape: Shape) throws {
    execution = try Execution(model, batchShape: batchShape)
    self.state = state
    numbers = Dictionary(
      model.distinctLayers.compactMap { path, layer in widths.number(of: layer).map { (path, $0) } }
    ) { first, _ in first }
    (useCounts, consumers) = (execution.program.useCounts, execution.program.consumers)
  }

  /// Takes channels out of a site.
  ///
  /// - Parameters:
  ///   - index: the site's number.
  ///   - constants: what each channel gives to all examples alike, behind the nonlinearity if there is one; nil for living ones.
  /// - Returns: how many were taken out, and why others were not.
  mutating func prune(_ index: Int, _ constants: [Double?]) throws(Obstacle) -> (count: Int, reason: String?) {
    let site = execution.sites[index]
    let before = try layer(before: site)
    let (between, behind) = try layer(behind: site)
    var (taken, reason): (Set<Int>, String?) = (Set(constants.indices.filter { constants[$0] != nil }), nil)
    var offsets: Tensor<Float>?
    do throws(Obstacle) {
      offsets = try self.offsets(constants, site, between, behind)
    } catch {
      // Those that give 0 are missed nowhere.
      taken = taken.filter { constants[$0] == 0 }
      reason = error.reason
    }
    guard !taken.isEmpty else { return (0, reason) }
    let kept = constants.indices.filter { !taken.contains($0) }
    if let offsets { add(offsets, to: behind) }
    let normalization = program.nodes[site.node]
    for place in program.nodes[before].inputs.dropFirst() + normalization.inputs.dropFirst() {
      keep(kept, axis: 0, of: place)
    }
    let weight = program.nodes[behind].inputs[1]
    let columns = execution.constants[weight]?.shape[1] ?? 0
    keep((0..<columns).filter { !taken.contains($0 % constants.count) }, axis: 1, of: weight)
    widths[number(before)!] = kept.count
    return (taken.count, reason)
  }

  private mutating func keep(_ places: [Int], axis: Int, of node: Int) {
    let name = program.nodes[node].name
    if let tensor = state.tensors[name] { state.tensors[name] = tensor.gathering(places, axis: axis) }
  }

  // MARK: What stands around

  private func number(_ node: Int) -> Int? { numbers[program.nodes[node].path] }

  /// Whether a node is a linear or convolutional layer with a weight of its own that takes all channels of its input.
  private func isLayer(_ node: Int) -> Bool {
    let inputs = program.nodes[node].inputs
    guard number(node) != nil, inputs.count > 1, program.nodes[inputs[1]].operation == nil, useCounts[inputs[1]] == 1,
      let weight = execution.constants[inputs[1]], weight.shape.rank > 1
    else { return false }
    return weight.shape[1] == program.nodes[inputs[0]].shape?.channelCount
  }

  private func layer(before site: Site) throws(Obstacle) -> Int {
    guard site.given != nil else {
      throw Obstacle(reason: "it normalizes its channels by more than a mean and a variance of each")
    }
    let before = program.nodes[site.node].inputs[0]
    guard isLayer(before), useCounts[before] == 1 else {
      throw Obstacle(
        reason:
          "its channels come out of '\(program.nodes[before].path)', which is no linear layer or convolution of all "
          + "channels by itself")
    }
    return before
  }

  /// The layer that takes a site's channels, and what is done to them before.
  private func layer(behind site: Site) throws(Obstacle) -> (between: [Int], behind: Int) {
    var (between, place): ([Int], Int) = ([], site.node)
    while true {
      let users = consumers[place] ?? []
      guard users.count == 1, useCounts[place] == 1, let next = users.first else {
        let paths = Set(users.map { "'\(program.nodes[$0].path)'" }).sorted()
        throw Obstacle(
          reason: users.isEmpty
            ? "its channels are the network's outputs"
            : "its channels go into \(paths.joined(separator: " and ")) alike")
      }
      let node = program.nodes[next]
      if isLayer(next), node.inputs[0] == place { return (between, next) }
      guard node.inputs.count == 1, let order = node.operation?.featureOrder, case .kept = order else {
        throw Obstacle(
          reason: node.inputs.count > 1 && number(next) == nil
            ? "its channels go into '\(node.path)' together with others"
            : "its channels go into '\(node.path)', which takes them by groups or in an order of its own")
      }
      between.append(next)
      place = next
    }
  }

  // MARK: What channels give

  /// What constant channels add to the results of the layer behind, `[outputs]`; nil for nothing.
  private func offsets(
    _ constants: [Double?], _ site: Site, _ between: [Int], _ behind: Int
  ) throws(Obstacle) -> Tensor<Float>? {
    guard constants.contains(where: { $0 != nil && $0 != 0 }) else { return nil }
    let node = program.nodes[behind]
    do {
      let channels = constants.count
      let shape = program.nodes[site.node].shape ?? []
      var value = Tensor((0..<shape.elementCount).map { Float(constants[$0 % channels] ?? 0) }, shape: shape)
      for place in between where place != site.nonlinearity {
        value = try program.nodes[place].operation?.result(of: [value]) ?? value
      }
      // Of the living ones nothing, whatever those functions make of 0.
      value = Tensor(
        value.elements.enumerated().map { constants[$0 % channels] == nil ? 0 : $1 }, shape: value.shape)
      let others = node.inputs.dropFirst().compactMap { execution.constants[$0] }
      guard let operation = node.operation else { return nil }
      let (with, without) = (
        try operation.result(of: [value] + others), try operation.result(of: [.zeros(value.shape)] + others)
      )
      let rows = (with - without).reshaped(to: [with.shape.rowCount, with.shape.channelCount])
      let first = rows[rows: 0..<1].reshaped(to: [with.shape.channelCount])
      // At each position it is the same sum, of some thousand products at most, but for its rounding.
      let bound = 1e-5 * with.elements.reduce(0) { max($0, abs($1)) }
      for row in 0..<rows.shape[0] {
        for channel in 0..<first.count where abs(rows[row, channel] - first[channel]) > bound {
          throw Obstacle(
            reason:
              "what some of its channels give to all examples reaches '\(node.path)' at some positions and not at "
              + "others, where zeros are around")
        }
      }
      guard bias(of: behind) != nil || mean(behind: behind) != nil else {
        throw Obstacle(reason: "'\(node.path)' has no bias that could take up what its channels give to all examples")
      }
      return first
    } catch let obstacle as Obstacle {
      throw obstacle
    } catch {
      throw Obstacle(reason: "\(error)")
    }
  }

  private func bias(of layer: Int) -> String? {
    let inputs = program.nodes[layer].inputs
    return inputs.count > 2 ? program.nodes[inputs[2]].name : nil
  }

  /// The running mean of the normalization that alone takes a layer's results.
  private func mean(behind layer: Int) -> String? {
    guard useCounts[layer] == 1, let site = execution.sites.first(where: { $0.input == layer }), let given = site.given
    else { return nil }
    return program.nodes[program.nodes[site.node].inputs[given.mean]].name
  }

  private mutating func add(_ offsets: Tensor<Float>, to layer: Int) {
    if let name = bias(of: layer), let bias = state.tensors[name] {
      state.tensors[name] = bias + offsets
    } else if let name = mean(behind: layer), let mean = state.tensors[name] {
      // Without a bias a normalization follows, whose mean they were part of.
      state.tensors[name] = mean - offsets
    }
  }
}
