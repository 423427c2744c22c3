import Norma

/// A node of the graph of batch normalization, as the page draws it.
struct StagedNode {
  /// What the node's values are called in ``StagedSteps`` and in the script.
  let identifier: String
  /// Its name in the graph, such as `c = x − μ`.
  let name: String
  /// The library's own words for how its gradient goes on to its inputs.
  let rule: String
  /// Where its box's middle is in the drawing.
  let place: (x: Double, y: Double)

  /// What it is called in formulas: `c`.
  var symbol: String { String(name.prefix { $0 != " " }) }

  static let boxWidth = 104.0, boxHeight = 44.0

  /// All nodes in the order of the forward pass.
  static let all: [StagedNode] = {
    let places: [String: (identifier: String, x: Double, y: Double)] = [
      "x": ("x", 180, 26), "μ": ("mu", 60, 98), "c": ("c", 180, 170), "q": ("q", 60, 232), "v": ("v", 60, 292),
      "u": ("u", 60, 352), "s": ("s", 60, 412), "r": ("r", 60, 472), "x̂": ("xhat", 180, 540), "γ": ("gamma", 300, 540),
      "t": ("t", 180, 612), "β": ("beta", 300, 640), "y": ("y", 180, 684),
    ]
    let two = Tensor<Double>([1, 2], shape: [2, 1])
    guard
      let walk = try? BatchNormalizationWalk(
        two, gamma: .ones([1]), beta: .zeros([1]), outputGradient: two, form: .staged)
    else { return [] }
    let nodes = walk.graph.nodes.compactMap { node in
      places[String(node.name.prefix { $0 != " " })].map { place in
        StagedNode(
          identifier: place.identifier, name: node.name, rule: walk.graph.rule(of: node.index),
          place: (place.x, place.y))
      }
    }
    return nodes
  }()

  static func named(_ identifier: String) -> StagedNode { all.first { $0.identifier == identifier }! }

  /// The edges: from which node to which, the line, and where its label stands; with the name of the part of a gradient that comes
  /// back along it where several come together.
  struct Edge {
    var from: String, to: String
    var path: String
    var part: String?
    var label: (x: Double, y: Double, anchor: String) = (0, 0, "start")
  }

  static let edges: [Edge] = [
    Edge(from: "x", to: "mu", path: "M128,34C84,40 60,50 60,74", part: "dxFromMu", label: (66, 40, "end")),
    Edge(from: "x", to: "c", path: "M180,48V146", part: "dxFromC", label: (187, 92, "start")),
    Edge(from: "mu", to: "c", path: "M60,120C60,150 90,166 126,168"),
    Edge(from: "c", to: "q", path: "M128,180C90,184 60,190 60,208", part: "dcFromQ", label: (118, 204, "start")),
    Edge(from: "c", to: "xhat", path: "M180,192V516", part: "dcFromXhat", label: (187, 360, "start")),
    Edge(from: "q", to: "v", path: "M60,254V268"), Edge(from: "v", to: "u", path: "M60,314V328"),
    Edge(from: "u", to: "s", path: "M60,374V388"), Edge(from: "s", to: "r", path: "M60,434V448"),
    Edge(from: "r", to: "xhat", path: "M60,494C60,524 90,538 126,540"),
    Edge(from: "xhat", to: "t", path: "M180,562V588"),
    Edge(from: "gamma", to: "t", path: "M300,562C300,590 280,606 234,607"),
    Edge(from: "t", to: "y", path: "M180,634V660"),
    Edge(from: "beta", to: "y", path: "M300,662C300,678 280,684 234,684"),
  ]
}
