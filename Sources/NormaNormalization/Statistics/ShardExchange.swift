import NormaTensor

/// What the shards of a batch tell each other while each is worked on by itself, on threads of its own or in another process.
///
/// A batch that is cut into shards is normalized as one: every shard finds the moments of its own rows, and all are given those of the
/// whole batch, merged in one fixed binary tree over the shards' places, see ``BatchMoments/merging(_:)``. So the cut decides the bits,
/// and who works on which shard does not.
///
/// Every shard makes the same calls in the same order; a call returns once all shards have made it.
public protocol ShardExchange: AnyObject, Sendable {
  /// What the vectors of all shards come to, combined two by two: `combine` is given the left one, which becomes the result, and the
  /// right one.
  ///
  /// Where another shard has failed, the vector is returned as it was, and whoever runs the shards throws what was the matter.
  func combined(_ vector: [Double], by combine: @Sendable (inout [Double], [Double]) -> Void) -> [Double]
}

extension ShardExchange {
  /// The moments of the batch, from those of this shard.
  func merged(_ moments: BatchMoments) -> BatchMoments {
    BatchMoments(
      packed: combined(moments.packed) { left, right in
        BatchMoments.merge(packed: right, into: &left)
      })
  }

  /// The sums over all shards of vectors side by side.
  func summed(_ vectors: [Double]) -> [Double] {
    combined(vectors) { left, right in
      for index in left.indices { left[index] += right[index] }
    }
  }
}

extension BatchMoments {
  /// The moments in one vector: count, weight, squared weight, means and centred second moments.
  package var packed: [Double] {
    [Double(count), weight, squaredWeight] + mean.elements + centredSecondMoment.elements
  }

  /// The moments of such a vector.
  package init(packed: [Double]) {
    let channels = (packed.count - 3) / 2
    self.init(
      count: Int(packed[0]), weight: packed[1], squaredWeight: packed[2],
      mean: Tensor(Array(packed[3..<3 + channels])), centredSecondMoment: Tensor(Array(packed[(3 + channels)...])))
  }

  /// Merges moments into others as ``merging(_:)`` does.
  static func merge(packed right: [Double], into left: inout [Double]) {
    let channels = (left.count - 3) / 2
    func node(_ vector: UnsafePointer<Double>) -> Node {
      Node(
        count: Int(vector[0]), weight: vector[1], squaredWeight: vector[2], mean: vector + 3,
        second: vector + 3 + channels)
    }
    left.withUnsafeMutableBufferPointer { left in
      right.withUnsafeBufferPointer { right in
        let vectors = left.baseAddress! + 3
        var merged = node(left.baseAddress!)
        merged.merge(node(right.baseAddress!), channels: channels, into: vectors)
        if UnsafePointer(vectors) != merged.mean { vectors.update(from: merged.mean, count: 2 * channels) }
        (left[0], left[1], left[2]) = (Double(merged.count), merged.weight, merged.squaredWeight)
      }
    }
  }
}
