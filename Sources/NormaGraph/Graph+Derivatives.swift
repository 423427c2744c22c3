import NormaTensor

extension Graph {
  /// The gradients of a result with respect to some variables, as variables of this graph.
  ///
  /// With `differentiable` the gradients are computed by operations that are recorded like any others, so that what is computed from
  /// them has gradients in turn: a penalty on the length of a gradient, a product with the Hessian, derivatives of any order.
  ///
  /// ```swift
  /// let slopes = try graph.gradients(of: scores.sum(), withRespectTo: [x], differentiable: true)[0]
  /// let penalty = (slopes.squared().sum(over: [1]).squareRoot() - 1).squared().mean()  // Gulrajani and others 2017
  /// ```
  ///
  /// Only what lies between the result and the variables is computed.
  ///
  /// - Parameters:
  ///   - result: a variable of this graph; usually a single number.
  ///   - variables: inputs, parameters or results of this graph.
  ///   - seed: the gradient to start from, of the result's shape; ones if nil.
  ///   - differentiable: whether the gradients are differentiated in turn; constants if not.
  /// - Returns: a gradient for each variable, of its shape: zeros if the result does not depend on it.
  /// - Throws: ``DifferentiationError`` for an operation that has no backward pass of variables, if it must be differentiable.
  public func gradients(
    of result: Variable<Element>, withRespectTo variables: [Variable<Element>], seed: Variable<Element>? = nil,
    differentiable: Bool
  ) throws(DifferentiationError) -> [Variable<Element>] {
    require(!isSpent, "a graph is differentiated again whose last gradients have been found")
    require(!followsOperations, "a computation that is followed by its shapes has no gradients")
    let seed = seed ?? Variable(.ones(result.shape))
    require(seed.shape == result.shape, "a seed of shape \(seed.shape) for a result of \(result.shape)")
    for variable in variables + [result, seed] {
      require(variable.graph == nil || variable.graph === self, "a variable belongs to another graph")
    }
    guard let last = result.node, result.requiresGradient else { return variables.map { Variable(.zeros($0.shape)) } }
    var leads = ContiguousArray(repeating: false, count: last + 1)
    for case let node? in variables.map(\.node) where node <= last { leads[node] = true }
    for index in 0...last where !leads[index] { leads[index] = nodes[index].inputs.contains { leads[$0] } }

    var found = ContiguousArray<Variable<Element>?>(repeating: nil, count: last + 1)
    found[last] = seed
    for index in stride(from: last, through: 0, by: -1) {
      guard let gradient = found[index], let recording = recording(of: index) else { continue }
      let node = nodes[index]
      var needs = Needs()
      for (place, input) in node.inputs.enumerated() where leads[input] { needs[place] = true }
      guard node.inputs.contains(where: { leads[$0] }) else { continue }
      let parts =
        differentiable
        ? try recording.gradients(gradient, of: node, in: self, needs: needs)
        : recording.gradients(gradient.value).map { $0.map { Variable($0) } }
      for (input, part) in zip(node.inputs, parts) where leads[input] {
        guard let part else { continue }
        require(
          part.shape == nodes[input].shape,
          "\(node.operationName) gave a gradient of shape \(part.shape) for an input of shape \(nodes[input].shape)")
        found[input] = found[input].map { $0 + part } ?? part
      }
    }
    return variables.map { variable in
      variable.node.flatMap { $0 <= last ? found[$0] : nil } ?? Variable(.zeros(variable.shape))
    }
  }

  /// The product of a result's Hessian with a vector, `H·v`: how the gradient changes where the variables move along v. It takes two walks
  /// over the graph, and no Hessian is ever made (Pearlmutter 1994).
  ///
  /// - Parameters:
  ///   - result: a variable of this graph; the sum of its elements is what is differentiated.
  ///   - variables: the inputs or parameters that the Hessian has rows and columns for.
  ///   - vectors: v, a part of the shape of each variable.
  /// - Returns: `H·v`, a part of the shape of each variable.
  /// - Throws: ``DifferentiationError`` for an operation that has no backward pass of variables.
  public func hessianVectorProduct(
    of result: Variable<Element>, withRespectTo variables: [Variable<Element>], vectors: [Tensor<Element>]
  ) throws(DifferentiationError) -> [Tensor<Element>] {
    require(
      vectors.map(\.shape) == variables.map(\.shape),
      "vectors of shapes \(vectors.map(\.shape)) for variables of \(variables.map(\.shape))")
    let slopes = try gradients(of: result, withRespectTo: variables, differentiable: true)
    let products = zip(slopes, vectors).map { ($0 * Variable($1)).sum() }
    guard var directional = products.first else { return [] }
    for product in products.dropFirst() { directional = directional + product }
    return try gradients(of: directional, withRespectTo: variables, differentiable: false).map(\.value)
  }
}
