extension LayeredLayout {
  /// How often improvements sweep over all layers: seldom where there are hundreds of thousands of items, so that no
  /// graph takes more than seconds.
  var sweepLimit: Int { max(2, min(40, 400_000 / items.count)) }

  /// Orders the layers by barycentres, sweeping down and up, and keeps the order with the fewest crossings.
  mutating func reduceCrossings() {
    var position = Array(repeating: 0, count: items.count)
    func note(_ layer: [Int]) { for (place, item) in layer.enumerated() { position[item] = place } }
    layers.forEach(note)

    var best = layers
    var fewest = crossings(position)
    var idleSweeps = 0
    var sweep = 0
    while fewest > 0 && idleSweeps < 6 && sweep < sweepLimit {
      let isDownward = sweep % 2 == 0
      for layer in isDownward ? Array(layers.indices) : layers.indices.reversed() {
        let keys = layers[layer].map { item in
          let neighbours = isDownward ? items[item].upper : items[item].lower
          // An item without neighbours there stays where it is.
          guard !neighbours.isEmpty else { return Double(position[item]) }
          return Double(neighbours.reduce(0) { $0 + position[$1] }) / Double(neighbours.count)
        }
        let order = keys.indices.sorted { (keys[$0], $0) < (keys[$1], $1) }
        layers[layer] = order.map { [items = layers[layer]] in items[$0] }
        note(layers[layer])
      }
      let count = crossings(position)
      idleSweeps = count < fewest ? 0 : idleSweeps + 1
      if count < fewest { (best, fewest) = (layers, count) }
      sweep += 1
    }
    layers = best
  }

  /// The number of pairs of edges that cross.
  private func crossings(_ position: [Int]) -> Int {
    var count = 0
    for (above, layer) in zip(layers, layers.dropFirst()) {
      // A Fenwick tree of the edges' upper ends seen so far: how many lie right of one is found in log n steps.
      var tree = Array(repeating: 0, count: above.count + 1)
      var seen = 0
      for item in layer {
        let ends = items[item].upper.map { position[$0] + 1 }
        for end in ends {
          var notRight = 0
          var index = end
          while index > 0 {
            notRight += tree[index]
            index -= index & -index
          }
          count += seen - notRight
        }
        for end in ends {
          var index = end
          while index <= above.count {
            tree[index] += 1
            index += index & -index
          }
        }
        seen += ends.count
      }
    }
    return count
  }
}
