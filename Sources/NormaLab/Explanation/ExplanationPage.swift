import Norma

/// The page of `norma explain --html`: batch normalization in eleven parts that can be touched, as one HTML file that needs nothing else.
///
/// Everything is drawn here and can be read, and printed, where no script runs. The project's own script moves what is drawn: it is
/// the one that the page's policy allows, by its hash. It computes what ``BatchNormalizationWalk`` computes, to the last bit.
public struct ExplanationPage {
  /// Batches of more rows, or of more channels, have no room on the page.
  public static let maximumRowCount = 12, maximumChannelCount = 12

  let channels: [ExplainedChannel]
  let epsilon: Double
  /// The command that makes the page again.
  let command: String
  private let opening: PageOpening
  /// The playground's networks.
  let plainCircles: SampleNetwork, normalizedCircles: SampleNetwork

  /// Why there can be no page.
  public enum Failure: Error, CustomStringConvertible {
    /// The batch has more rows or channels than the page has room for.
    case tooLarge(rows: Int, channels: Int)

    public var description: String {
      switch self {
      case .tooLarge(let rows, let channels):
        "A page shows batches of up to \(maximumRowCount) rows and \(maximumChannelCount) channels, and this one has "
          + "\(rows) and \(channels). Give fewer, or ask for no page."
      }
    }
  }

  /// A page that opens with a batch `[N, C]`, gamma and beta `[C]` and the gradient of the output `[N, C]`.
  ///
  /// - Throws: ``Failure`` for a batch that is too large to be drawn.
  public init(
    _ x: Tensor<Double>, gamma: Tensor<Double>, beta: Tensor<Double>, epsilon: Double, outputGradient: Tensor<Double>,
    command: String
  ) throws {
    let (rows, count) = (x.shape[0], x.shape[1])
    guard rows <= Self.maximumRowCount, count <= Self.maximumChannelCount else {
      throw Failure.tooLarge(rows: rows, channels: count)
    }
    func column(_ tensor: Tensor<Double>, _ channel: Int) -> [Double] {
      (0..<rows).map { tensor.elements[$0 * count + channel] }
    }
    channels = (0..<count).map { channel in
      ExplainedChannel(
        x: column(x, channel), gamma: gamma.elements[channel], beta: beta.elements[channel],
        gradient: column(outputGradient, channel))
    }
    self.epsilon = epsilon
    self.command = command
    opening = try PageOpening()
    plainCircles = try SampleNetwork(.circles, normalizes: false, scale: 0.5, steps: 600)
    normalizedCircles = try SampleNetwork(.circles, normalizes: true, scale: 0.5, steps: 600)
  }

  /// What the page opens with, and its values.
  var channel: ExplainedChannel { channels[0] }
  var values: ExplainedValues { channel.values(epsilon: epsilon) }

  /// The whole file's text.
  public func html() throws -> String {
    let style = ExplanationStyle.sheet
    let script = PageScript.explanation
    return "<!DOCTYPE html>\n"
      + Markup.element(
        "html", ["xmlns": "http://www.w3.org/1999/xhtml", "lang": "en"],
        [
          .element("head", [:], head(style: style, script: script)),
          .element("body", [:], [.element("main", [:], body), try .data(data), .script(script)]),
        ]
      ).source + "\n"
  }

  private func head(style: String, script: String) -> [Markup] {
    // Nothing is loaded, and nothing runs but the page's own script.
    let policy =
      "default-src 'none'; style-src '\(ContentHash.sha256(Markup.styleText(style)))'; "
      + "script-src '\(ContentHash.sha256(Markup.scriptText(script)))'"
    return [
      .element("meta", ["charset": "utf-8"]),
      .element("meta", ["http-equiv": "Content-Security-Policy", "content": policy]),
      .element("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"]),
      .element("meta", ["name": "color-scheme", "content": "light dark"]),
      .element("meta", ["name": "description", "content": "Batch normalization in eleven parts that can be touched."]),
      .element("title", text: "Batch normalization, taken apart"),
      .style(style),
    ]
  }

  private var body: [Markup] {
    [
      opening.markup(
        kind: "An explanation to play with", next: "The rest of this page takes that one step apart."),
      contents, dots, numbers, steps, nudge, closedForm, runningStatistics, batchSize, playground, weightScale,
      imageAxes,
      .element(
        "footer", [:],
        [
          .element("p", [:], [.text("Made by Norma \(normaVersion): "), .element("code", text: command)]),
          PageElements.paragraph(
            "The page is this one file. It asks nothing of any network, and sends nothing. Its arithmetic is the library's, in double precision: the numbers of parts 2 to 6 and 10 are those of norma explain --json for the same batch, to the last bit. The graph is that of F. Kratzert, Understanding the backward pass through Batch Normalization Layer, 2016; the method that of S. Ioffe and C. Szegedy, 2015."
          ),
        ]),
    ]
  }

  private var contents: Markup {
    let entries = [
      ("dots", "Every example sees its batch"), ("numbers", "Your numbers"), ("steps", "Step by step"),
      ("nudge", "Do you believe it?"), ("closed-form", "The closed form"), ("running", "Running statistics"),
      ("batch-size", "Batch size"), ("playground", "Playground"), ("weight-scale", "Scale of the weights"),
      ("image-axes", "On images"),
    ]
    return .element(
      "nav", ["aria-label": "Contents"],
      [
        .element(
          "ol", ["start": "2"],
          entries.map { .element("li", [:], [.element("a", ["href": "#\($0)"], [.prose($1)])]) })
      ])
  }

  /// What the script starts from.
  private var data: PageData {
    PageData(
      channels: channels, epsilon: epsilon, maximumRows: Self.maximumRowCount,
      rules: Dictionary(uniqueKeysWithValues: StagedNode.all.map { ($0.identifier, $0.rule) }),
      names: Dictionary(uniqueKeysWithValues: StagedNode.all.map { ($0.identifier, $0.symbol) }),
      batches: RunningBatches.drawn, scaleInputs: WeightScaleExample.inputs, scaleWeights: WeightScaleExample.weights)
  }
}

/// What the script starts from, embedded as JSON.
struct PageData: Encodable {
  var channels: [ExplainedChannel]
  var epsilon: Double
  var maximumRows: Int
  var rules: [String: String], names: [String: String]
  /// The batches that running statistics take in.
  var batches: [[Double]]
  var scaleInputs: [[Double]], scaleWeights: [Double]
}
