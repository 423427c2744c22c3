import Norma
import NormaTerminal

/// A network beside the best linear model of the same data, which takes no layers and no luck.
struct LinearReference {
  /// The linear model's metric and the network's, on the data that decide.
  let linear: Double, network: Double
  private let metric: MetricLabel
  private let part: String

  /// By how much a linear model must be better to be spoken of: two points of accuracy, or three hundredths of R².
  private var threshold: Double { metric.isFraction ? 0.02 : 0.03 }

  /// Measures both on test data, or where there are none on validation data; nil where there are neither, and for images and
  /// large data, of which a linear model takes longer than it tells.
  init?(_ data: DataSplits, against model: Sequential<Float>, loss: LossFunction) throws {
    let measured = data.test ?? data.validation
    guard measured.count > 1, data.training.exampleShape.rank == 1, data.training.shape.elementCount <= 1 << 22 else {
      return nil
    }
    linear = try LinearModel(fittedOn: data.training).evaluate(on: measured).metric
    network = try model.evaluate(on: measured, loss: loss).metric
    metric = loss.metricLabel
    part = data.test == nil ? "validation" : "test"
  }

  /// What is to be said; nil where the network keeps up.
  var words: String? {
    guard linear - network > threshold else { return nil }
    return
      "A linear model does better here: \(part) \(metric.name) \(metric.text(linear)), the network \(metric.text(network)). The data may be too few "
      + "for a network of this size, or the relation is a straight one; a smaller --model, more --epochs or --l2 may help."
  }
}
