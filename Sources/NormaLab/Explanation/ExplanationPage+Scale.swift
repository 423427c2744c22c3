/// The example of part 10: four rows of two inputs, and two weights.
enum WeightScaleExample {
  static let inputs: [[Double]] = [[1, 2], [2, -1], [-1, 0.5], [0.5, -2]]
  static let weights: [Double] = [0.75, 0.5]
  /// The gradient that arrives at y.
  static let gradient: [Double] = [1, 0, 0, 0]

  /// What the weights, times a, give: z = inputs · weights.
  static func channel(scale: Double) -> ExplainedChannel {
    let scaled = weights.map { $0 * scale }
    return ExplainedChannel(
      x: inputs.map { $0[0] * scaled[0] + $0[1] * scaled[1] }, gamma: 1, beta: 0, gradient: gradient)
  }

  /// The gradient of the weights: inputsᵀ · ∂z.
  static func weightGradient(scale: Double) -> [Double] {
    let gradient = channel(scale: scale).values(epsilon: 1e-5)["dx"]
    return (0..<2).map { place in zip(inputs, gradient).map { $0[place] * $1 }.reduce(0, +) }
  }
}

/// Parts 10 and 11: why the size of weights does not matter, and which numbers share a mean in images.
extension ExplanationPage {
  var weightScale: Markup {
    let scale = 1.0
    let values = WeightScaleExample.channel(scale: scale).values(epsilon: 1e-5)
    let gradient = WeightScaleExample.weightGradient(scale: scale)
    let view = ArrowView()
    let weights = WeightScaleExample.weights.map { $0 * scale }
    let tip = view.place(weights)
    return PageElements.part(
      "weight-scale", number: 10, "Scale of the weights",
      [
        PageElements.paragraph(
          "Back to where this page began: why does it hardly matter how large the weights are at the start? A link multiplies its inputs by its weights W, and is normalized. Make all of W a times as large, and mean and deviation are a times as large, too: they cancel, and the output is the same. And since the same output now takes a change of W that is a times as large, the gradient of W is 1/a of what it was."
        ),
        PageElements.stage(
          [
            PageElements.drawing(
              "scale-drawing", height: 300, title: "Two weights and their gradient as arrows",
              description:
                "The weights are an arrow from the origin; the gradient, at its tip, stands at a right angle to it.",
              [
                PageElements.path("M10,180H350M60,10V290", "grid"),
                PageElements.path(view.arrow(from: (60, 180), to: tip), "line series-0", id: "scale-weights"),
                PageElements.path(
                  view.arrow(from: tip, to: view.gradientTip(weights, gradient)), "line series-1", id: "scale-gradient"),
                PageElements.label(344, 196, "first weight", anchor: "end"),
                PageElements.label(66, 20, "second weight"),
                PageElements.label(tip.0 + 8, tip.1 + 18, "W", "name series-0", id: "scale-name"),
                PageElements.label(
                  view.gradientTip(weights, gradient).0 + 6, view.gradientTip(weights, gradient).1 - 6, "−∂W, a step",
                  "name series-1", id: "scale-gradient-name"),
              ])
          ],
          [
            PageElements.slider("scale-factor", "W times a", from: -1, to: 1, step: 0.1, at: 0, text: "a = 1"),
            PageElements.figures([
              ("W", "scale-w", ExplainedValues.texts(weights).joined(separator: ",  ")),
              ("output y", "scale-y", values.texts("y").joined(separator: ",  ")),
              ("gradient ∂W", "scale-dw", ExplainedValues.texts(gradient).joined(separator: ",  ")),
              ("W · ∂W", "scale-product", ExplainedValues.text(zip(weights, gradient).map { $0 * $1 }.reduce(0, +))),
            ]),
            PageElements.outcome(
              "scale-outcome",
              "With a = 1. Whatever a is, the output stays, and the gradient shrinks as the weights grow."),
          ]),
        PageElements.paragraph(
          "The gradient stands at a right angle to W, because making W longer does nothing: W · ∂W is 0, but for what ε lets through. So each step makes W a little longer, which makes the next gradient a little smaller: weights that were too small at the start take large steps until they are large enough, and those that are too large take careful ones. The learning rate sets itself right, to a degree. (Only ε notices the scale, once the variance is as small as ε is.)"
        ),
      ])
  }

  var imageAxes: Markup {
    let block = BlockView(yaw: 0.7, pitch: 0.5)
    return PageElements.part(
      "image-axes", number: 11, "On images",
      [
        PageElements.paragraph(
          "In images a channel has a value at every place. A batch of images is a block of numbers: examples × channels × places. All kinds of normalization do the same thing to it, and differ in which of its numbers share a mean and a deviation. Here are four examples, four channels and four places; the numbers that share with the chosen one are marked."
        ),
        PageElements.stage(
          [
            PageElements.drawing(
              "block-drawing", height: 320, title: "A block of numbers, examples by channels by places",
              description: "A block of 4 × 4 × 4 cells in perspective, with the cells marked that share a mean.",
              [.element("g", ["id": "block-cells"], block.cells { BlockSet.batch.contains($0) })]
                + block.labels.map { label in
                  PageElements.label(label.x, label.y, label.text, anchor: "middle", "small", id: "block-\(label.axis)")
                })
          ],
          [
            PageElements.choice(
              "block-kind", "Normalization",
              [("batch", "batch"), ("layer", "layer"), ("group", "group, of 2"), ("instance", "instance")],
              chosen: "batch"),
            PageElements.slider("block-example", "Example", from: 1, to: 4, step: 1, at: 1, text: "1"),
            PageElements.slider("block-channel", "Channel", from: 1, to: 4, step: 1, at: 1, text: "1"),
            PageElements.slider("block-turn", "Turn", from: 0, to: 355, step: 5, at: 40, text: "40°"),
            PageElements.figures([
              ("averaged over", "block-over", "examples and places"),
              ("numbers that share a mean", "block-share", "16"), ("means in all", "block-count", "4"),
              ("needs other examples", "block-needs", "yes"),
            ]),
            PageElements.outcome(
              "block-outcome", "Batch normalization: channel 1 of all examples, at all places, shares one mean."),
            PageElements.paragraph("The block can be dragged, too.", "control hint"),
          ]),
        PageElements.paragraph(
          "Batch normalization alone looks across examples: so it alone needs a batch, running statistics, and care with small batches. The others give the same in training and in use."
        ),
      ])
  }
}

/// Arrows in the plane of two weights. The script has the same.
struct ArrowView {
  /// The plane shows weights from −0.5 to 2.9 and more where they are larger, by the root of their length.
  func place(_ weights: [Double]) -> (Double, Double) {
    let length = (weights[0] * weights[0] + weights[1] * weights[1]).squareRoot()
    let drawn = length > 0 ? 80 * length.squareRoot() / length : 0
    return (60 + drawn * weights[0], 180 - drawn * weights[1])
  }

  /// The gradient's arrow begins at the tip of the weights', and points downhill against it.
  func gradientTip(_ weights: [Double], _ gradient: [Double]) -> (Double, Double) {
    let tip = place(weights)
    let length = (gradient[0] * gradient[0] + gradient[1] * gradient[1]).squareRoot()
    let drawn = length > 0 ? min(120, 60 * length.squareRoot()) / length : 0
    return (tip.0 - drawn * gradient[0], tip.1 + drawn * gradient[1])
  }

  func arrow(from start: (Double, Double), to end: (Double, Double)) -> String {
    let (dx, dy) = (end.0 - start.0, end.1 - start.1)
    let length = max(1e-9, (dx * dx + dy * dy).squareRoot())
    let (ux, uy) = (dx / length, dy / length)
    let head = min(9, length)
    let left = (end.0 - head * ux - 0.5 * head * uy, end.1 - head * uy + 0.5 * head * ux)
    let right = (end.0 - head * ux + 0.5 * head * uy, end.1 - head * uy - 0.5 * head * ux)
    return PageElements.line([start, end]) + PageElements.line([left, end, right])
  }
}

/// Which numbers of a block share a mean with that of the first example, channel and place.
enum BlockSet {
  case batch

  func contains(_ cell: (example: Int, channel: Int, place: Int)) -> Bool { cell.channel == 0 }
}
