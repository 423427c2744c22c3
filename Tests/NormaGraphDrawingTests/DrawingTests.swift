import NormaGraph
import NormaGraphDrawing
import NormaTensor
import Testing

@Suite struct DrawingTests {
  /// Batch normalization of four rows and two channels, node by node, and its gradients.
  static func batchNormalization() throws -> (graph: Graph<Double>, gradients: Gradients<Double>) {
    let graph = Graph<Double>(keepsValues: true)
    let x = graph.input(Tensor([1, 2, 2.5, -1, 0.25, 4, 3, 7.75], shape: [4, 2]), name: "x")
    let gamma = graph.parameter(Tensor([1.5, 0.5]), name: "γ")
    let beta = graph.parameter(Tensor([0, 0.25]), name: "β")
    let y = try x.stagedBatchNormalized(gamma: gamma, beta: beta).output
    let seed = Tensor<Double>([0.1, -0.3, 0.5, 0.2, -0.4, 1, 0.25, -0.6], shape: [4, 2])
    return (graph, graph.gradients(of: y, seed: seed))
  }

  /// Sums of random pairs of earlier nodes, near ones mostly.
  static func randomSums(count: Int, seed: UInt64) -> Graph<Double> {
    var generator = RandomGenerator(seed: seed)
    let graph = Graph<Double>(keepsValues: true)
    var nodes = (0..<4).map { graph.input(Tensor([1, Double($0)]), name: "input \($0)") }
    func pick(from recent: Int) -> Variable<Double> {
      nodes[nodes.count - 1 - min(nodes.count - 1, Int(generator.uniform() * Double(recent)))]
    }
    while graph.nodes.count < count { nodes.append(pick(from: 6) + pick(from: generator.uniform() < 0.1 ? count : 6)) }
    return graph
  }

  static let awkwardName = "a<b & \"c\" 'd' \\N &lt; \u{1B}[31m\u{202E}\n]]> 日本 😀 x̂"
  static let awkwardNameOnOneLine = "a<b & \"c\" 'd' \\N &lt;  [31m  ]]> 日本 😀 x̂"

  @Test func theTextOfASmallGraphSaysEverythingOfEachNode() {
    let graph = Graph<Double>(keepsValues: true)
    let x = graph.input(Tensor([1, -2, 0.5, 4], shape: [2, 2]), name: "x")
    let w = graph.parameter(Tensor([2, 0.001]), name: "w")
    let y = x.multiplied(by: w, broadcast: .perChannel).named("y = x·w").sum()
    #expect(
      graph.text(gradients: graph.gradients(of: y)) == """
        Graph of 4 nodes

        #0 x
           operation  input
           shape      [2, 2]
           value      1.0  -2
                      0.5   4
           gradient   2  0.001
                      2  0.001

        #1 w
           operation  parameter
           shape      [2]
           value      2  0.001
           gradient   1.5  2

        #2 y = x·w
           operation  multiply of x (#0), w (#1)
           shape      [2, 2]
           value      2  -0.002
                      1   0.004
           gradient   1  1
                      1  1
           rule       ∂x = ∂y·w, ∂w = Σ ∂y·x

        #3 sum
           operation  sum of y (#2)
           shape      []
           value      3.002
           gradient   1
           rule       ∂y = ∂#3 everywhere

        """)
  }

  @Test func theGradientOfANodeThatOthersUseIsWrittenAsASum() {
    let graph = Graph<Double>(keepsValues: true)
    let x = graph.input(Tensor([1, 200, -2, 50], shape: [2, 2]), name: "x")
    let double = x.scaled(by: 2).named("d = 2·x")
    let gradients = graph.gradients(of: (double - x.squared().named("q = x²")).sum())
    // 2 from d, and −2·x from q, by its place in the difference.
    #expect(
      graph.text(gradients: gradients).contains(
        """
           gradient   0  -398
                      6   -98
           its parts  ∂x = from q (#2) + from d (#1)
                      0 = -2 + 2    -398 = -400 + 2
                      6 =  4 + 2     -98 = -100 + 2
        """))
    #expect(
      graph.text(gradients: gradients, lineWidth: 40).contains(
        """
                      channel 1:
                      0 = -2 + 2
                      6 =  4 + 2
                      channel 2:
                      -398 = -400 + 2
                       -98 = -100 + 2
        """))
    #expect(graph.dot(gradients: gradients).contains(#"\l∂x = from q + from d\l0 = -2 + 2    -398 = -400 + 2\l"#))
    let texts = SVGDocument(graph.svg(gradients: gradients)).boxes[0].texts.map(\.content)
    #expect(texts.contains("= from q") && texts.contains("+ from d"))
  }

  @Test func aPartThatTakesAwayIsWrittenWithAMinus() {
    let graph = Graph<Double>(keepsValues: true)
    let x = graph.input(Tensor([0.5]), name: "x")
    let sum = x.scaled(by: 3).named("t") - x.scaled(by: 2).named("d")
    #expect(
      graph.text(gradients: graph.gradients(of: sum)).contains(
        "∂x = from d (#2) + from t (#1)\n              1 = -2 + 3\n"))
    let reversed = Graph<Double>(keepsValues: true)
    let y = reversed.input(Tensor([0.5]), name: "y")
    let (d, t) = (y.scaled(by: 2).named("d"), y.scaled(by: 3).named("t"))
    #expect(reversed.text(gradients: reversed.gradients(of: t - d)).contains("1 = 3 − 2\n"))
  }

  @Test func smallNumbersBesideLargeOnesAreNotWrittenAsZero() {
    let graph = Graph<Float>(keepsValues: true)
    _ = graph.input(Tensor([1234.5, 2e-9, 0, -0.0, .nan, -.infinity], shape: [6, 1]), name: "x")
    let lines = graph.text().split(separator: "\n").suffix(6).map { $0.dropFirst(14) }
    #expect(lines == ["1234", "2e-9", "   0", "   0", " NaN", "-inf"])
    _ = graph.input(Tensor([2.5e-7, -1e30, 123_456]), name: "extremes")
    #expect(graph.text().contains("value      2.5e-7  -1e30  123456\n"))
    _ = graph.input(Tensor([1.0 / 3]), name: "third")
    #expect(graph.text(digits: 6).contains("value      0.333333\n"))
  }

  @Test func aBigTensorIsSummarised() {
    let graph = Graph<Double>(keepsValues: true)
    _ = graph.input(.linearlySpaced(from: 0, through: 99, shape: [10, 10]), name: "x")
    _ = graph.input(.zeros([0, 3]), name: "nothing")
    // The variance of the integers below n is (n² − 1)/12.
    #expect(graph.text().contains("value      mean 49.5, deviation 28.87, min 0, max 99\n"))
    #expect(graph.text().contains("value      elements none\n"))
    let texts = SVGDocument(graph.svg()).boxes[0].texts.map(\.content)
    #expect(texts.contains("deviation") && texts.contains("28.87"))
  }

  @Test(arguments: [40, 60, 100]) func noLineOfTextIsLongerThanAsked(width: Int) throws {
    let (graph, gradients) = try DrawingTests.batchNormalization()
    let name = "a long name " + DrawingTests.awkwardName
    let x = graph.input(.linearlySpaced(from: -1, through: 1, shape: [2, 20]), name: name)
    let weight = graph.parameter(.ones([20]), name: String(repeating: "w", count: 200))
    _ = try x.batchNormalized(gamma: weight, allowsSingleValue: true)
    for digits in [1, 4, 15] {
      let lines = graph.text(gradients: gradients, lineWidth: width, digits: digits).split(separator: "\n")
      #expect(lines.allSatisfy { $0.count <= width })
    }
  }

  @Test func everyNodeOfBatchNormalizationIsInEachForm() throws {
    let (graph, gradients) = try DrawingTests.batchNormalization()
    let text = graph.text(gradients: gradients)
    let dot = graph.dot(gradients: gradients)
    let svg = SVGDocument(graph.svg(gradients: gradients))
    #expect(graph.nodes.count == 13)
    #expect(svg.boxes.count == 13)
    for (node, box) in zip(graph.nodes, svg.boxes) {
      let texts = box.texts.map(\.content)
      #expect(text.contains("#\(node.index) \(node.name)\n"))
      #expect(dot.contains("  n\(node.index) [label=\"\(node.name)\\l"))
      #expect(texts[0] == node.name)
      #expect(texts.contains("value") && texts.contains("gradient"))
      #expect(texts.joined(separator: " ").hasSuffix(graph.rule(of: node.index)))
      #expect(svg.description.contains(node.name))
    }
    #expect(svg.title == "Computation graph of 13 nodes")
    // 10 operations, of which 4 have two inputs.
    #expect(svg.edges.count == 14)
    #expect(dot.components(separatedBy: " -> ").count - 1 == 14)
  }

  @Test func awkwardNamesAreEscapedAndKeptOnOneLine() throws {
    let graph = Graph<Double>(keepsValues: true)
    let x = graph.input(.scalar(3), name: DrawingTests.awkwardName)
    _ = x.relu()
    #expect(graph.text().contains("#0 \(DrawingTests.awkwardNameOnOneLine)\n"))
    let svg = SVGDocument(graph.svg())
    #expect(svg.isWellFormed)
    #expect(svg.boxes[0].tip == DrawingTests.awkwardNameOnOneLine)
    #expect(svg.description.contains(DrawingTests.awkwardNameOnOneLine))
    let label = #"label="a&lt;b &amp; &quot;c&quot; &#39;d&#39; \\N &amp;lt;  [31m  ]]&gt; 日本 😀 x̂\l"#
    #expect(graph.dot().contains(label))
  }

  @Test func anEmptyGraphAndASingleLeafAreDrawn() {
    let graph = Graph<Float>(keepsValues: true)
    #expect(graph.text() == "Graph of 0 nodes\n")
    #expect(graph.dot().hasPrefix("digraph"))
    #expect(SVGDocument(graph.svg()).isWellFormed)
    _ = graph.input(.scalar(2), name: "x")
    #expect(graph.text().hasPrefix("Graph of 1 node\n\n#0 x\n"))
    let svg = SVGDocument(graph.svg())
    #expect(svg.isWellFormed)
    #expect(svg.boxes.map { $0.texts.map(\.content) } == [["x", "input · []", "value", "2"]])
  }

  @Test func aGraphThatKeepsNoValuesShowsShapesAndTheGradientsOfLeaves() {
    let graph = Graph<Double>()
    let x = graph.input(Tensor([1, 2]), name: "x")
    let gradients = graph.gradients(of: x.squared().sum())
    let text = graph.text(gradients: gradients)
    #expect(!text.contains("value"))
    #expect(text.contains("shape      [2]\n   gradient   2  4\n"))
    #expect(SVGDocument(graph.svg(gradients: gradients)).isWellFormed)
  }

  @Test func boxesDoNotOverlapAndEdgesPassBetweenThem() throws {
    let (graph, gradients) = try DrawingTests.batchNormalization()
    let drawings =
      [graph.svg(gradients: gradients)] + (0..<6).map { DrawingTests.randomSums(count: 40, seed: $0).svg() }
    for drawing in drawings {
      let svg = SVGDocument(drawing)
      for (index, box) in svg.boxes.enumerated() {
        #expect(svg.viewBox.contains(box.frame))
        #expect(svg.boxes.dropFirst(index + 1).allSatisfy { !$0.frame.overlaps(box.frame) })
      }
      for point in svg.edges.flatMap({ $0 }) {
        #expect(svg.boxes.allSatisfy { !$0.frame.hasInside(point) })
      }
    }
  }

  @Test func everyEdgeEndsAtTheTopOfTheBoxItLeadsTo() throws {
    let svg = SVGDocument(try DrawingTests.batchNormalization().graph.svg())
    let tops = svg.boxes.map(\.frame)
    for tip in svg.arrows {
      #expect(tops.contains { abs($0.top - tip.y) < 0.1 && tip.x > $0.left && tip.x < $0.right })
    }
    let graph = Graph<Double>()
    let x = graph.input(.ones([2]), name: "x")
    _ = x * x
    let arrows = SVGDocument(graph.svg()).arrows
    #expect(arrows.count == 2 && abs(arrows[0].x - arrows[1].x) > 8)
  }

  @Test func textsStayInTheirBoxes() throws {
    let (graph, gradients) = try DrawingTests.batchNormalization()
    let weight = graph.parameter(.ones([2, 2]), name: String(repeating: "W", count: 90))
    _ = graph.input(.ones([3, 2]), name: "x").linear(weight: weight, bias: nil).layerNormalized()
    for box in SVGDocument(graph.svg(gradients: gradients, digits: 15)).boxes {
      for text in box.texts {
        // A digit of a font of fixed width is about 0.6 of its size wide, other letters about as much on average.
        let width = Double(text.content.count) * (text.isNumber ? 0.6 * 11.5 : 0.5 * 11)
        let left = text.isNumber ? text.x - width : text.x
        #expect(left >= box.frame.left + 8 && left + width <= box.frame.right - 8)
        #expect(text.y - 10 >= box.frame.top && text.y + 3 <= box.frame.bottom)
      }
    }
  }

  @Test func aGraphOfAThousandNodesIsDrawnWhole() {
    let graph = DrawingTests.randomSums(count: 1000, seed: 1)
    let svg = SVGDocument(graph.svg())
    #expect(svg.isWellFormed)
    #expect(svg.boxes.count == 1000)
    #expect(svg.edges.count == 2 * 996)
    #expect(graph.text().hasPrefix("Graph of 1000 nodes\n"))
  }
}
