import NormaTensor

extension OperatorCall {
  /// `Einsum`: products of elements summed over the axes that the result does not name, in the notation of Einstein.
  func einsum() throws(ONNXError) -> [ONNXTensor] {
    let equation = try string("equation", or: "").filter { $0 != " " }
    let sides = equation.split(separator: ">", omittingEmptySubsequences: false).map(String.init)
    guard sides.count <= 2, sides.count == 1 || sides[0].hasSuffix("-") else { throw malformed("'\(equation)'") }
    let left = (sides.count == 2 ? String(sides[0].dropLast()) : sides[0])
      .split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    guard left.count == inputs.count else { throw malformed("'\(equation)' for \(inputs.count) inputs") }

    /// Axes by their names; those that an ellipsis stands for are numbered from the last.
    func names(_ text: String, rank: Int?) throws(ONNXError) -> [String] {
      guard let dots = text.range(of: "...") else { return text.map(String.init) }
      let (before, after) = (text[..<dots.lowerBound].map(String.init), text[dots.upperBound...].map(String.init))
      let count = rank.map { $0 - before.count - after.count } ?? widest
      guard count >= 0 else { throw malformed("'\(text)' for a tensor of \(rank ?? 0) axes") }
      return before + (0..<count).reversed().map { "…\($0)" } + after
    }
    var widest = 0
    var terms: [Term] = []
    for (index, text) in left.enumerated() {
      let x = try floats(index)
      let axes = try names(text, rank: x.rank)
      guard axes.count == x.rank, axes.allSatisfy({ $0.count > 1 || $0.first!.isLetter }) else {
        throw malformed("'\(text)' for a tensor of \(x.rank) axes")
      }
      widest = max(widest, axes.count { $0.hasPrefix("…") })
      terms.append(Term(names: axes, values: x))
    }
    var lengths: [String: Int] = [:]
    for term in terms {
      for (name, length) in zip(term.names, term.values.shape) {
        let known = lengths[name] ?? 1
        guard known == length || known == 1 || length == 1 else {
          throw malformed("axis \(name) of lengths \(known) and \(length)")
        }
        lengths[name] = max(known, length) == 1 ? 1 : known == 1 ? length : known
      }
    }
    let result: [String]
    if sides.count == 2 {
      result = try names(sides[1], rank: nil)
    } else {
      let once = lengths.keys.filter { name in terms.reduce(0) { $0 + $1.names.count { $0 == name } } == 1 }
      let dots = (0..<widest).reversed().map { "…\($0)" }
      result = dots + once.filter { !$0.hasPrefix("…") }.sorted()
    }
    guard Set(result).count == result.count, result.allSatisfy({ lengths[$0] != nil }) else {
      throw malformed("'\(equation)' names an axis of the result that there is not, or twice")
    }
    let shape = try shape(result.map { lengths[$0]! })
    for index in terms.indices { terms[index] = terms[index].withoutRepeats() }
    var product = terms[0]
    for index in terms.indices.dropFirst() {
      let later = Set(terms[(index + 1)...].flatMap(\.names)).union(result)
      _ = try self.shape(
        Set(product.names + terms[index].names).intersection(later).map { lengths[$0]! } + [1])
      product = product.times(terms[index], keeping: later, lengths)
    }
    let summed = product.summed(keeping: Set(result))
    let order = result.map { summed.names.firstIndex(of: $0)! }
    return [.numbers(summed.values.transposed(order).broadcast(to: shape))]
  }

  /// A factor, whose axes have names.
  private struct Term {
    var names: [String]
    var values: Tensor<Element>

    /// The diagonals of axes of one name.
    func withoutRepeats() -> Term {
      guard let second = names.indices.first(where: { names[..<$0].contains(names[$0]) }) else { return self }
      let first = names.firstIndex(of: names[second])!
      let others = names.indices.filter { $0 != first && $0 != second }
      let length = values.shape[first]
      let table = values.transposed([first, second] + others)
      let rest = Array(table.shape.dropFirst(2))
      let diagonal = table.reshaped(to: Shape([length * length] + rest))
        .gathering((0..<length).map { $0 * (length + 1) }, axis: 0)
      return Term(names: [names[first]] + others.map { names[$0] }, values: diagonal).withoutRepeats()
    }

    /// Summed over the axes that are not kept.
    func summed(keeping kept: Set<String>) -> Term {
      let axes = names.indices.filter { !kept.contains(names[$0]) }
      guard !axes.isEmpty else { return self }
      return Term(names: names.filter(kept.contains), values: values.sum(over: axes))
    }

    /// The product with another, summed over the axes that are not kept: a matrix product for each place of the axes that both have.
    func times(_ other: Term, keeping kept: Set<String>, _ lengths: [String: Int]) -> Term {
      // Axes of length 1 that are longer elsewhere are left out: they are the same everywhere.
      func trimmed(_ term: Term) -> Term {
        let places = term.names.indices.filter { term.values.shape[$0] == lengths[term.names[$0]] }
        return Term(
          names: places.map { term.names[$0] },
          values: term.values.reshaped(to: Shape(places.map { term.values.shape[$0] })))
      }
      let mine = trimmed(self).summed(keeping: kept.union(other.names))
      let theirs = trimmed(other).summed(keeping: kept.union(names))
      let both = mine.names.filter(theirs.names.contains)
      let (batch, inner) = (both.filter(kept.contains), both.filter { !kept.contains($0) })
      let (rows, columns) = (
        mine.names.filter { !both.contains($0) }, theirs.names.filter { !both.contains($0) }
      )
      func count(_ names: [String]) -> Int { names.reduce(1) { $0 * lengths[$1]! } }
      func table(_ term: Term, _ order: [String], _ shape: Shape) -> Tensor<Element> {
        term.values.transposed(order.map { term.names.firstIndex(of: $0)! }).reshaped(to: shape)
      }
      let left = table(mine, batch + rows + inner, [count(batch), count(rows), count(inner)])
      let right = table(theirs, batch + inner + columns, [count(batch), count(inner), count(columns)])
      let names = batch + rows + columns
      return Term(
        names: names, values: left.matrixProduct(right).reshaped(to: Shape(names.map { lengths[$0]! })))
    }
  }
}
