import ArgumentParser
import Norma
import NormaLab
import NormaTerminal

/// `norma explain`: batch normalization's graph on a few numbers.
struct Explain: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show how batch normalization computes, step by step, on a few numbers.",
    usage: "norma explain [<file>] [<options>]",
    discussion: """
      Lists the computation graph of batch normalization on a small batch: every node with its value, its gradient and \
      the local rule by which gradients pass through it. Then the closed form, which gives the same gradients in one \
      step, and how far the two are apart. Last, what the batch leaves behind: the running averages before and after it, \
      and what inference makes of the same rows with them.

      The numbers are your own, or four rows of two channels that are built in. The loss that is differentiated is the \
      sum of the outputs, each times its number in --gradient. With the same number for all, no input would get a \
      gradient: whatever the inputs are, the outputs of a channel have the same sum.

      --html writes one file that a browser opens without a network: batch normalization in eleven parts that can be \
      touched, which open with the same numbers; batches of up to 12 rows and 12 channels.

      EXAMPLES
        norma explain
        norma explain --values "1,10;2,30;4,20" --gamma 2,0.5 --beta 0,1
        norma explain batch.csv --svg graph.svg
        norma explain --values "1;2;6" --epsilon 0 --gradient "1;0;-1" --json
        norma explain --html batch-norm.html
      """)

  @Argument(
    help: ArgumentHelp(
      "A CSV file with a row for each example and a column for each channel, with or without a header; - for standard input.",
      valueName: "file"))
  var file: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The batch in place of a file: numbers separated by commas, rows by semicolons.", valueName: "rows"))
  var values: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "What each channel is multiplied by. (default: 1; 2,0.5 for the built-in batch)", valueName: "list"))
  var gamma: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("What is added to each channel. (default: 0; 1,-1 for the built-in batch)", valueName: "list"))
  var beta: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("What is added to the variance, so that nothing is divided by 0.", valueName: "number"))
  var epsilon = 1e-5

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The weight of the batch in the running averages, from 0 to 1.", valueName: "number"))
  var momentum = 0.1

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The running means before the batch, one for each channel. (default: 0)", valueName: "list"))
  var runningMean: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The running variances before the batch, one for each channel. (default: 1)", valueName: "list"))
  var runningVariance: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The gradient of the loss with respect to the output, in rows like --values. (default: 1 in the first row and 0 in the others, which shows that the other rows take part in the first one's output)",
      valueName: "rows"))
  var gradient: String?

  @Option(help: ArgumentHelp("Also write the graph for Graphviz to this file.", valueName: "file"))
  var dot: String?

  @Option(help: ArgumentHelp("Also draw the graph to this file.", valueName: "file"))
  var svg: String?

  @Option(help: ArgumentHelp("Also write it to this file as a page to play with.", valueName: "file"))
  var html: String?

  @Flag(help: "Print the graphs, the differences and the running averages as JSON.")
  var json = false

  func validate() throws {
    if file != nil && values != nil { throw ValidationError("Name either a file or --values, not both.") }
    guard epsilon >= 0, epsilon.isFinite else {
      throw ValidationError("--epsilon takes a number from 0 on, not \(epsilon).")
    }
    guard (0...1).contains(momentum) else {
      throw ValidationError("--momentum takes a number from 0 to 1, not \(momentum).")
    }
  }

  func run() throws {
    let explanation = try explain()
    if let dot { try FileAccess.write(explanation.staged.graph.dot(gradients: explanation.staged.gradients), to: dot) }
    if let svg { try FileAccess.write(explanation.staged.graph.svg(gradients: explanation.staged.gradients), to: svg) }
    if let html {
      do {
        try FileAccess.write(explanation.page(reproducingCommand()).html(), to: html)
      } catch let failure as ExplanationPage.Failure {
        throw UsageError("\(failure)")
      }
    }
    if json {
      try outputJSON(explanation.summary)
    } else {
      // Lines longer than this are hard to read, however wide the window.
      try output(explanation.text(width: min(100, Terminal.outputColumns()), glyphs: Terminal.glyphs()))
      for path in [dot, svg].compactMap({ $0 }) { try output("Drawing: \(path)") }
      if let html { try output("Page: \(html)") }
    }
  }

  private func explain() throws -> Explanation {
    let x = try batch()
    let isBuiltIn = file == nil && values == nil
    let gamma = try option("--gamma", gamma ?? (isBuiltIn ? "2,0.5" : nil), rowCount: 1, like: x)
    let beta = try option("--beta", beta ?? (isBuiltIn ? "1,-1" : nil), rowCount: 1, like: x)
    let firstRow = Tensor((0..<x.count).map { $0 < x.shape[1] ? 1.0 : 0 }, shape: x.shape)
    let channels = Shape([x.shape[1]])
    var conventions = BatchNormalizationConventions.pyTorch
    conventions.rule = .updating(momentum)
    var running = RunningStatistics<Double>(channelCount: x.shape[1], conventions: conventions)
    if let mean = try option("--running-mean", runningMean, rowCount: 1, like: x) {
      running.mean = mean.reshaped(to: channels)
    }
    if let variance = try option("--running-variance", runningVariance, rowCount: 1, like: x) {
      guard variance.elements.allSatisfy({ $0 >= 0 }) else {
        throw UsageError("--running-variance has a number below 0, which no variance is.")
      }
      running.variance = variance.reshaped(to: channels)
    }
    return try Explanation(
      x, gamma: gamma?.reshaped(to: channels) ?? .ones(channels),
      beta: beta?.reshaped(to: channels) ?? .zeros(channels),
      epsilon: epsilon, outputGradient: try option("--gradient", gradient, rowCount: x.shape[0], like: x) ?? firstRow,
      running: running)
  }

  private func batch() throws -> Tensor<Double> {
    let remedy = "A single value in a channel has no variance: it is its own mean. Give two rows or more."
    guard let file else {
      let x = try option("--values", values ?? "1,90;7,70;7,150;9,90")
      guard x.shape[0] > 1 else { throw UsageError("--values has one row. \(remedy)") }
      return x
    }
    let (bytes, name) = try input(file)
    let x = try numberRows(String(decoding: bytes, as: UTF8.self), source: name, isFile: true)
    guard x.shape[0] > 1 else { throw FormatError(file: name, problem: "it has one row of numbers", remedy: remedy) }
    return x
  }

  /// The numbers that an option gives `[N, C]`.
  private func option(_ name: String, _ text: String) throws -> Tensor<Double> {
    do { return try numberRows(text, source: name) } catch { throw UsageError(error.description) }
  }

  /// The numbers that an option gives, if it is there, of so many rows and as many channels as `x`.
  private func option(_ name: String, _ text: String?, rowCount: Int, like x: Tensor<Double>) throws -> Tensor<Double>?
  {
    guard let tensor = try text.map({ try option(name, $0) }) else { return nil }
    guard tensor.shape == [rowCount, x.shape[1]] else {
      throw UsageError(
        "\(name) has \(size(tensor.shape[0], tensor.shape[1])), but needs \(size(rowCount, x.shape[1])) for this batch."
      )
    }
    return tensor
  }

  private func size(_ rows: Int, _ channels: Int) -> String {
    "\(rows) row\(rows == 1 ? "" : "s") of \(channels) number\(channels == 1 ? "" : "s")"
  }
}
