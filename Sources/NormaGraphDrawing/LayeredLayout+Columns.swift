extension LayeredLayout {
  /// Moves each item below or above the middle of its neighbours, as far as the order and the distances allow.
  ///
  /// In each round one sweep goes down and one goes up, and the places become the means of the two, which keep the
  /// order and the distances too: what one sweep bends to a side the other bends back. Long edges insist on staying
  /// straight, and boxes make way for them; leaves make way for boxes.
  mutating func assignColumns() {
    for layer in layers {
      let distances = distances(in: layer)
      let total = distances.reduce(0, +)
      var x = -total / 2
      for (place, item) in layer.enumerated() {
        items[item].x = x
        if place < distances.count { x += distances[place] }
      }
    }
    for _ in 0..<min(24, sweepLimit) {
      let start = items.map(\.x)
      for layer in layers { align(layer, isDownward: true) }
      let downward = items.map(\.x)
      for index in items.indices { items[index].x = start[index] }
      for layer in layers.reversed() { align(layer, isDownward: false) }
      for index in items.indices { items[index].x = (items[index].x + downward[index]) / 2 }
    }
  }

  private func distances(in layer: [Int]) -> [Double] {
    zip(layer, layer.dropFirst()).map { left, right in
      (items[left].width + items[right].width) / 2 + LayeredLayout.spacing
    }
  }

  private mutating func align(_ layer: [Int], isDownward: Bool) {
    var wishes: [Double] = []
    var weights: [Double] = []
    for item in layer {
      let (upper, lower) = (items[item].upper, items[item].lower)
      let (before, after) = isDownward ? (upper, lower) : (lower, upper)
      // A box that nothing leads to or from joins its neighbour.
      wishes.append(weightedMedian(before) ?? weightedMedian(after) ?? wishes.last ?? items[item].x)
      weights.append(items[item].isDummy ? 1e6 : items[item].isLeaf || before.isEmpty ? 1e-3 : 1)
    }
    for (item, x) in zip(layer, separated(wishes, weights: weights, distances: distances(in: layer))) {
      items[item].x = x
    }
  }

  /// Whether a leaf is used only once, as most parameters are.
  private func isParameter(_ item: Int) -> Bool { items[item].isLeaf && items[item].lower.count == 1 }

  /// The middle of some items; dummies count more, so that long edges run straight, and parameters less, so that
  /// what is computed from a box and its parameters stands below the box.
  private func weightedMedian(_ neighbours: [Int]) -> Double? {
    if neighbours.count == 1 { return items[neighbours[0]].x }
    let weighted = neighbours.map { item in
      (x: items[item].x, weight: items[item].isDummy ? 12 : isParameter(item) ? 1 : 4)
    }.sorted { $0.x < $1.x }
    let half = weighted.reduce(0) { $0 + $1.weight }
    var sum = 0
    for (index, neighbour) in weighted.enumerated() {
      sum += 2 * neighbour.weight
      if sum > half { return neighbour.x }
      if sum == half { return (neighbour.x + weighted[index + 1].x) / 2 }
    }
    return nil
  }
}

/// The places nearest to those wished for, by weighted squares, that keep their order and the distances between them.
///
/// With the distances taken off this is isotonic regression, solved by pooling adjacent violators: neighbours that want
/// to pass each other are joined and move as one to the mean of their wishes.
package func separated(_ wishes: [Double], weights: [Double], distances: [Double]) -> [Double] {
  var pools: [(sum: Double, weight: Double, count: Int)] = []
  var offsets = [0.0]
  for distance in distances { offsets.append(offsets[offsets.count - 1] + distance) }
  for index in wishes.indices {
    var pool = (sum: weights[index] * (wishes[index] - offsets[index]), weight: weights[index], count: 1)
    while let last = pools.last, last.sum / last.weight >= pool.sum / pool.weight {
      pool = (last.sum + pool.sum, last.weight + pool.weight, last.count + pool.count)
      pools.removeLast()
    }
    pools.append(pool)
  }
  let means = pools.flatMap { Array(repeating: $0.sum / $0.weight, count: $0.count) }
  return zip(means, offsets).map { $0 + $1 }
}
