import Foundation
import Norma
import NormaLab
import NormaTerminal

/// After the batch: what it leaves behind for inference, and what inference gives for the same rows.
extension Explanation {
  /// The weight of the batch in the running statistics.
  var momentum: Double { before.rule.weight(afterBatches: before.batchCount) }

  func inferenceText(width: Int, glyphs: Glyphs) -> String {
    func wrap(_ text: String) -> String { Explanation.wrapped(text, width: width) }
    let rows = inference.results[0].shape[0]
    let (old, new) = (Explanation.short(1 - momentum), Explanation.short(momentum))
    let introduction = """
      Inference may have a single row and no batch, so training keeps running averages of what the batches were like: M of \
      their means and V of their variances. After each batch, with its weight, the momentum, at \(new):
      """
    let rule = """
        M ← \(old)·M + \(new)·μ
        V ← \(old)·V + \(new)·v·N/(N − 1)
      """
    let estimators = """
      The batch itself is normalized with v, the sum of its squared distances from μ divided by N\u{A0}=\u{A0}\(rows), the \
      biased estimate. V takes in the unbiased one, divided by N\u{A0}−\u{A0}1\u{A0}=\u{A0}\(rows - 1), as in PyTorch: \
      distances from a batch's own mean are smaller than those from the mean of all data.
      """
    let remainder = """
      Of what they were before, \(Explanation.share(before.rule.remainder(afterBatches: 1))) is left after this batch and \
      \(Explanation.share(before.rule.remainder(afterBatches: 20))) after 20: a network that is judged by them early is judged \
      by where they started. So `norma train` weighs batch n by 1/n until that is less than the momentum: its averages after \
      the first batch are that batch's own, and inference on it differs from training by N/(N\u{A0}−\u{A0}1) alone.
      """
    let inferenceTitle = "Inference on the same rows"
    let inferenceWords = """
      With M and V as they are after the batch, s\u{A0}=\u{A0}√(V\u{A0}+\u{A0}ε) and \
      x̂\u{A0}=\u{A0}(x\u{A0}−\u{A0}M)/s. They are constants: no row takes part in \
      another's output, and no gradient goes through them.
      """
    let listing = String(inference.graph.text(gradients: inference.gradients, lineWidth: width).dropLast())
    return [
      wrap("After the batch: running averages"), wrap(introduction), rule, wrap(estimators),
      averages.text(width: width, glyphs: glyphs), wrap(remainder), wrap(inferenceTitle), wrap(inferenceWords), listing,
      wrap("y of each row, in training with the batch's own statistics and in inference:"),
      outputs.text(width: width, glyphs: glyphs),
    ].joined(separator: "\n\n")
  }

  /// The averages of each channel before and after, and what the batch brings.
  private var averages: TextTable {
    var table = TextTable(columns: [
      .words("channel"), .words("average"), .numbers("before"), .numbers("μ"), .numbers("v, ÷ N"),
      .numbers("÷ (N − 1)"), .numbers("after"),
    ])
    let (biased, unbiased) = (moments.variance(.biased), moments.variance(.unbiased))
    for channel in 0..<before.channelCount {
      func text(_ tensor: Tensor<Double>) -> String { Explanation.short(tensor.elements[channel]) }
      table.addRow(["\(channel + 1)", "M", text(before.mean), text(moments.mean), "", "", text(after.mean)])
      table.addRow(["", "V", text(before.variance), "", text(biased), text(unbiased), text(after.variance)])
    }
    return table
  }

  /// The outputs of both, a line for each row and channel.
  private var outputs: TextTable {
    let (training, inference) = (staged.results[0], inference.results[0])
    let channels = training.shape[1]
    var table = TextTable(columns: [
      .words("row"), .words("channel"), .numbers("in training"), .numbers("in inference"),
    ])
    for place in 0..<training.count {
      table.addRow([
        place % channels == 0 ? "\(place / channels + 1)" : "", "\(place % channels + 1)",
        Explanation.short(training.elements[place]), Explanation.short(inference.elements[place]),
      ])
    }
    return table
  }

  /// A text on lines of up to so many columns, broken at spaces other than those of formulas, which are U+00A0.
  static func wrapped(_ text: String, width: Int) -> String {
    text.wrapped(toColumns: width).joined(separator: "\n").replacing("\u{A0}", with: " ")
  }

  /// A number to four digits, without zeros at its end.
  private static func short(_ value: Double) -> String {
    let text = String(format: "%.4g", value)
    return text == "-0" ? "0" : text
  }

  private static func share(_ value: Double) -> String { short((value * 1000).rounded() / 10) + "\u{A0}%" }
}
