import NormaGraph
import NormaLayers
import NormaTensor

/// A network run operation by operation, with other statistics than it has where one wishes.
struct Execution {
  let program: Program<Float>
  let sites: [Site]
  let constants: [Int: Tensor<Float>]
  private let functions: [Int: (apply: @Sendable ([Tensor<Float>]) throws -> Tensor<Float>, inputs: [Int])]
  /// The places whose values nothing needs after a node.
  private let lastUses: [Int: [Int]]
  private let siteOfNode: [Int: Int]
  private let siteOfNonlinearity: [Int: Int]
  private let siteOfSum: [Int: Int]

  /// Statistics to normalize by, `[C]` each.
  typealias Statistics = (mean: Tensor<Float>, variance: Tensor<Float>)

  /// What is asked of a run.
  struct Hooks {
    /// The statistics that a site, by its number, normalizes what it is given by; nil for its own.
    var statistics: (Int, Tensor<Float>) -> Statistics? = { _, _ in nil }
    /// What comes out of a site that is a layer as a whole, of what goes in; nil for what comes out in inference.
    var output: ((Int, Tensor<Float>) throws -> Tensor<Float>?)?
    /// Told what comes out of a site, or of the nonlinearity behind it.
    var result: ((Int, Tensor<Float>) -> Void)?
    /// Told what comes out of the nonlinearity behind the sum that a site's result is part of.
    var sum: ((Int, Tensor<Float>) -> Void)?
    /// Told the result of each operation.
    var node: ((Program<Float>.Node, Tensor<Float>) -> Void)?
  }

  /// - Parameter epsilon: what is added to variances in place of whatever is above every framework's default; nil to leave it.
  /// - Throws: what following the network throws, and what its operations do on constants.
  init(_ model: any Layer<Float>, batchShape: Shape, epsilon: Double? = nil) throws {
    let program = try Program(model, batchShape: batchShape, for: .shapes)
    self.program = program
    var constants: [Int: Tensor<Float>] = [:]
    var functions: [Int: (apply: @Sendable ([Tensor<Float>]) throws -> Tensor<Float>, inputs: [Int])] = [:]
    var lastUses: [Int: Int] = [:]
    for (index, node) in program.nodes.enumerated() {
      guard let operation = node.operation else {
        if let value = node.value { constants[index] = value }
        continue
      }
      let known = node.inputs.map { constants[$0] }
      let values = known.compactMap(\.self)
      if values.count == known.count {
        constants[index] = try operation.result(of: values)
        continue
      }
      // Statistics may be others from run to run.
      let constant = operation.givenStatistics == nil ? known : known.map { _ in nil }
      functions[index] = (
        operation.prepared(constant), zip(node.inputs, constant).filter { $0.1 == nil }.map(\.0)
      )
      for input in node.inputs { lastUses[input] = index }
    }
    var sites = Site.all(of: model, program, constants: constants)
    if let epsilon {
      for index in sites.indices where sites[index].hasLargeEpsilon { sites[index].epsilon = epsilon }
    }
    for site in sites where site.whole != nil { lastUses[site.input] = max(lastUses[site.input] ?? 0, site.node) }
    self.constants = constants
    self.functions = functions
    self.sites = sites
    self.lastUses = Dictionary(
      grouping: lastUses.filter { constants[$0.key] == nil && $0.key != program.output }.map { $0 }, by: \.value
    ).mapValues { $0.map(\.key) }
    siteOfNode = Dictionary(uniqueKeysWithValues: sites.enumerated().map { ($1.node, $0) })
    func numbers(by place: (Site) -> Int?) -> [Int: Int] {
      Dictionary(sites.enumerated().compactMap { site in place(site.element).map { ($0, site.offset) } }) { first, _ in
        first
      }
    }
    siteOfNonlinearity = numbers(by: \.nonlinearity)
    siteOfSum = numbers(by: \.nonlinearityOfSum)
  }

  /// The outputs for a batch.
  func run(_ batch: Tensor<Float>, _ hooks: Hooks = Hooks()) throws -> Tensor<Float> {
    var values: [Int: Tensor<Float>] = [:]
    for (index, node) in program.nodes.enumerated() {
      if node.isInput {
        values[index] = batch
        continue
      }
      guard let function = functions[index] else { continue }
      var inputs = function.inputs.map { values[$0] ?? constants[$0]! }
      let site = siteOfNode[index]
      if let site, let given = sites[site].given {
        if let other = hooks.statistics(site, inputs[0]) {
          inputs[given.mean] = other.mean
          inputs[given.variance] = other.variance
        }
        if sites[site].epsilon != given.epsilon {
          // The operation adds its own.
          inputs[given.variance] = inputs[given.variance] + Float(sites[site].epsilon - given.epsilon)
        }
      }
      var result: Tensor<Float>?
      if let site, sites[site].whole != nil { result = try hooks.output?(site, values[sites[site].input]!) }
      let value = try result ?? function.apply(inputs)
      values[index] = value
      hooks.node?(node, value)
      if let report = hooks.result {
        if let site, sites[site].nonlinearity == nil { report(site, value) }
        if let site = siteOfNonlinearity[index] { report(site, value) }
      }
      if let report = hooks.sum, let site = siteOfSum[index] { report(site, value) }
      for place in lastUses[index] ?? [] { values[place] = nil }
    }
    return values[program.output] ?? constants[program.output]!
  }
}
