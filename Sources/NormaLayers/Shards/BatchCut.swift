import NormaNormalization
import NormaTensor

/// How a batch is cut into shards, and which of them are worked on here.
package struct BatchCut: Sendable {
  /// The places of each shard's examples in the batch; empty where there are fewer examples than shards.
  package let shards: [Range<Int>]
  /// The processes that share the shards; nil for this one alone.
  package let group: (any ProcessGroup)?
  /// The shards that this process works on: an aligned range, so that its part of the tree is a tree.
  package let local: Range<Int>
  /// Whether any shard of each process has examples, by rank.
  package let presence: [Bool]

  /// A batch of so many examples, cut into `count` shards as even as can be, whose number is a power of two that the number of processes
  /// divides.
  package init(of exampleCount: Int, into count: Int, in group: (any ProcessGroup)? = nil) {
    self.init(StatisticsScope.parts(count).ranges(of: exampleCount), in: group)
  }

  /// A batch cut in these places.
  package init(_ shards: [Range<Int>], in group: (any ProcessGroup)? = nil) {
    let processes = group?.count ?? 1
    let own = shards.count / processes
    require(
      shards.count % processes == 0 && (processes == 1 || own.nonzeroBitCount == 1),
      "\(shards.count) shards cannot be shared among \(processes) processes")
    (self.shards, self.group) = (shards, group)
    local = own * (group?.rank ?? 0)..<own * ((group?.rank ?? 0) + 1)
    presence = (0..<processes).map { rank in shards[own * rank..<own * (rank + 1)].contains { !$0.isEmpty } }
  }

  /// Whether none of the shards here has examples: then another's stand in for them, so that this process takes part in all that the
  /// others do, and nothing of it counts.
  package var standsIn: Bool { !presence[group?.rank ?? 0] }

  /// The places of the batch that are needed here: those of the shards here or, where these have none, of the first that has.
  package var places: Range<Int> {
    let found = (standsIn ? shards : Array(shards[local])).filter { !$0.isEmpty }
    return (found.first?.lowerBound ?? 0)..<(found.last?.upperBound ?? 0)
  }
}

extension BatchCut {
  /// What vectors of all shards come to, of this process and then of all, combined two by two in the shards' tree.
  ///
  /// - Parameters:
  ///   - vectors: those of the shards here; nil for one without.
  ///   - standIn: a vector of their length, where none has any.
  func combined(
    _ vectors: [[Double]?], standIn: [Double], by combine: (inout [Double], [Double]) -> Void
  ) throws(ProcessGroupError) -> [Double] {
    let own =
      vectors.combined { left, right in
        var left = left
        combine(&left, right)
        return left
      } ?? standIn
    return try group?.combined(own, presence: presence, by: combine) ?? own
  }
}

/// What shards gave.
package struct ShardResults<Value> {
  /// What each shard of this process gave, by its place among them; nil for those without examples.
  package let values: [Value?]
  /// What the examples gave that stood in where no shard here has any.
  package let standIn: Value?
  /// How the batch was cut.
  package let cut: BatchCut

  /// What each gave, made something else of.
  package func map<Other>(_ transform: (Value) throws -> Other) rethrows -> ShardResults<Other> {
    ShardResults<Other>(
      values: try values.map { try $0.map(transform) }, standIn: try standIn.map(transform), cut: cut)
  }

  /// The sums over all shards, of all processes, of a few numbers of each, in the shards' tree.
  package func sum(_ numbers: (Value) -> [Double]) throws(ProcessGroupError) -> [Double] {
    try cut.combined(values.map { $0.map(numbers) }, standIn: standIn.map(numbers) ?? []) { left, right in
      for index in left.indices { left[index] += right[index] }
    }
  }

  /// Vectors of all shards that have examples, of all processes, in the shards' order.
  ///
  /// - Parameter vector: one of their length.
  package func concatenated(
    like vector: [Double], _ numbers: (Value) -> [Double]
  ) throws(ProcessGroupError) -> [[Double]] {
    let own = values.compactMap { $0.map(numbers) }
    guard let group = cut.group else { return own }
    let all = try group.concatenated(own.flatMap(\.self), zero: 0)
    return stride(from: 0, to: all.count, by: vector.count).map { Array(all[$0..<$0 + vector.count]) }
  }
}
