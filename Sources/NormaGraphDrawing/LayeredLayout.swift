/// Places boxes in layers so that every edge points down, and routes the edges between them.
///
/// The steps are those of Sugiyama, Tagawa & Toda, "Methods for Visual Understanding of Hierarchical System Structures"
/// (1981): each box goes one layer below its lowest input (longest path); an edge over several layers gets a dummy, an
/// item without width, in each layer it passes, so that room is kept for it; the items of each layer are ordered
/// by the barycentres of their neighbours, to reduce crossings; then they get coordinates. Edges move sideways only in
/// the gaps between layers, so none can pass through a box.
struct LayeredLayout {
  struct Point {
    var x: Double
    var y: Double
  }

  /// What stands in a layer: a box, or a dummy, through which a long edge passes.
  struct Item {
    /// The box; nil for a dummy.
    var box: Int?
    var width: Double
    var layer: Int
    /// Neighbours in the layer above and in the one below.
    var upper: [Int] = []
    var lower: [Int] = []
    /// The middle.
    var x = 0.0

    var isDummy: Bool { box == nil }
    var isLeaf: Bool { upper.isEmpty }
  }

  /// A curve from one box to another.
  struct Edge {
    let source: Int
    let target: Int
    /// The items it passes, from its beginning to the target. It begins at the source, or at a dummy of the longest
    /// edge from the same source, where it branches off.
    let items: [Int]
    /// Where it leaves and reaches each of the layers it joins: two points a gap, joined by a curve with vertical ends.
    var points: [Point] = []
  }

  /// The distance between neighbours in a layer.
  static let spacing = 28.0
  /// The least distance between layers.
  static let gap = 46.0

  /// The middles of the boxes.
  private(set) var centres: [Point] = []
  private(set) var edges: [Edge] = []
  private(set) var width = 0.0
  private(set) var height = 0.0

  /// The boxes in their order, then the dummies.
  var items: [Item] = []
  /// The items of each layer from left to right.
  var layers: [[Int]] = []

  /// - Parameters:
  ///   - sizes: the width and height of each box.
  ///   - inputs: the boxes with edges to each box; each stands before the box itself.
  init(sizes: [(width: Double, height: Double)], inputs: [[Int]]) {
    guard !sizes.isEmpty else { return }
    makeItems(sizes: sizes, inputs: inputs)
    reduceCrossings()
    assignColumns()
    place(sizes: sizes)
  }

  /// Layers, dummies and the edges between neighbouring layers.
  private mutating func makeItems(sizes: [(width: Double, height: Double)], inputs: [[Int]]) {
    var layerOf = inputs.map { _ in 0 }
    var firstConsumer = inputs.map { _ in Int.max }
    var lastConsumer = inputs.map { _ in 0 }
    for (box, inputs) in inputs.enumerated() where !inputs.isEmpty {
      layerOf[box] = 1 + (inputs.map { layerOf[$0] }.max() ?? 0)
      for input in inputs {
        firstConsumer[input] = min(firstConsumer[input], layerOf[box])
        lastConsumer[input] = max(lastConsumer[input], layerOf[box])
      }
    }
    // A leaf stands just above what first uses it.
    for box in inputs.indices where inputs[box].isEmpty && firstConsumer[box] < .max {
      layerOf[box] = firstConsumer[box] - 1
    }
    items = sizes.indices.map { Item(box: $0, width: sizes[$0].width, layer: layerOf[$0]) }
    layers = Array(repeating: [], count: (layerOf.max() ?? 0) + 1)

    // All edges from one box share a chain of dummies, from which each branches off where it ends.
    var chains = sizes.indices.map { [$0] }
    for box in sizes.indices {
      layers[layerOf[box]].append(box)
      guard lastConsumer[box] > layerOf[box] + 1 else { continue }
      for layer in layerOf[box] + 1..<lastConsumer[box] {
        let dummy = items.count
        items.append(Item(box: nil, width: 0, layer: layer))
        layers[layer].append(dummy)
        connect(chains[box][layer - layerOf[box] - 1], dummy)
        chains[box].append(dummy)
      }
    }
    var isChainDrawn = sizes.map { _ in false }
    for (target, inputs) in inputs.enumerated() {
      for source in inputs {
        let chain = chains[source].prefix(layerOf[target] - layerOf[source])
        connect(chain[chain.endIndex - 1], target)
        let drawsChain = layerOf[target] == lastConsumer[source] && !isChainDrawn[source]
        if drawsChain { isChainDrawn[source] = true }
        edges.append(Edge(source: source, target: target, items: (drawsChain ? chain : chain.suffix(1)) + [target]))
      }
    }
    // Before crossings are reduced, leaves stand at the right of what is computed.
    for layer in layers.indices {
      layers[layer] = layers[layer].filter { !items[$0].isLeaf } + layers[layer].filter { items[$0].isLeaf }
    }
  }

  private mutating func connect(_ above: Int, _ below: Int) {
    items[above].lower.append(below)
    items[below].upper.append(above)
  }

  /// Gives layers their heights, boxes their places and edges their points.
  private mutating func place(sizes: [(width: Double, height: Double)]) {
    let left = items.map { $0.x - $0.width / 2 }.min() ?? 0
    for index in items.indices { items[index].x -= left }
    width = items.map { $0.x + $0.width / 2 }.max() ?? 0

    for index in edges.indices { routeSideways(&edges[index]) }
    spreadArrivals()

    // Edges that go far to the side need a higher gap, or they would lie flat.
    var gaps = layers.map { _ in LayeredLayout.gap }
    for edge in edges {
      for step in 1..<edge.items.count {
        let layer = items[edge.items[step]].layer
        let shift = abs(edge.points[2 * step - 1].x - edge.points[2 * step - 2].x)
        gaps[layer] = max(gaps[layer], min(2.5 * LayeredLayout.gap, LayeredLayout.gap + 0.2 * (shift - 40)))
      }
    }
    var tops: [Double] = []
    var bottoms: [Double] = []
    for (layer, items) in layers.enumerated() {
      if layer > 0 { height += gaps[layer] }
      tops.append(height)
      height += items.compactMap { self.items[$0].box.map { sizes[$0].height } }.max() ?? 0
      bottoms.append(height)
    }
    centres = sizes.indices.map { box in
      let layer = items[box].layer
      // Leaves have nothing above them, and stand close to what uses them.
      let y = items[box].isLeaf ? bottoms[layer] - sizes[box].height / 2 : (tops[layer] + bottoms[layer]) / 2
      return Point(x: items[box].x, y: y)
    }
    for index in edges.indices {
      for step in 1..<edges[index].items.count {
        let layer = items[edges[index].items[step]].layer
        edges[index].points[2 * step - 2].y = bottoms[layer - 1]
        edges[index].points[2 * step - 1].y = tops[layer]
      }
    }
  }

  /// Finds where an edge leaves and reaches each layer: as straight down as the middle halves of its boxes allow.
  private func routeSideways(_ edge: inout Edge) {
    for (above, below) in zip(edge.items, edge.items.dropFirst()) {
      let start = items[above].port(nearest: items[below].x)
      edge.points.append(Point(x: start, y: 0))
      edge.points.append(Point(x: items[below].port(nearest: start), y: 0))
    }
  }

  /// Keeps the arrows that arrive at one box apart.
  private mutating func spreadArrivals() {
    for (target, arrivals) in Dictionary(grouping: edges.indices, by: { edges[$0].target }) where arrivals.count > 1 {
      let ordered = arrivals.sorted { left, right in
        let (a, b) = (edges[left].points.suffix(2).map(\.x), edges[right].points.suffix(2).map(\.x))
        return (a[1], a[0], left) < (b[1], b[0], right)
      }
      let distance = min(18, items[target].width / 2 / Double(arrivals.count))
      let places = separated(
        ordered.map { edges[$0].points[edges[$0].points.count - 1].x }, weights: ordered.map { _ in 1 },
        distances: Array(repeating: distance, count: ordered.count - 1))
      for (edge, x) in zip(ordered, places) { edges[edge].points[edges[edge].points.count - 1].x = x }
    }
  }
}

extension LayeredLayout.Item {
  /// Where on the item's middle half an edge that comes from or goes to `x` touches it.
  fileprivate func port(nearest x: Double) -> Double { min(max(x, self.x - width / 4), self.x + width / 4) }
}
