import Foundation
import Norma

/// How long the three forms of batch normalization take.
struct GradientSpeed: Experiment {
  let name = "speed"
  let title = "What the closed form saves"
  let question =
    "How much faster is the closed form than the graph of small steps, and how much faster is it on fast kernels?"
  let origin = "CS231n (Stanford), assignment 2; Kratzert 2016"
  let dataset: LabDataset? = nil

  private static let sizes = [(100, 500), (256, 1024), (4096, 256)]

  func runs(_ context: LabContext) -> [SpeedRun] {
    Self.sizes.map {
      SpeedRun(rows: $0.0, channels: $0.1, repetitions: context.full(200, quick: 30), seed: context.seed)
    }
  }

  func findings(_ results: LabResults<SpeedRun>) -> Findings {
    let forms = [\SpeedRun.Outcome.staged, \.closedForm, \.fused]
    func ratio(_ index: Int, _ form: KeyPath<SpeedRun.Outcome, Double>) -> Spread {
      results.spread(index) { $0.staged / $0[keyPath: form] }
    }
    let closed = results.runs.indices.map { ratio($0, \.closedForm) }
    let fused = results.runs.indices.map { ratio($0, \.fused) }
    let times = NumberFormat.plain
    // Of a share of another's time. Times on a machine that does other things too vary by some 5 %.
    func faster(_ share: Spread) -> Judgement {
      if share.lowest > 0.95 && share.highest < 1.05 {
        return .cannotBeTold(because: "the times differ by less than the 5 % by which they vary")
      }
      return .everySeed(share) { $0 < 1 }
    }
    let plot = DotPlot(
      title: "Microseconds", axis: ChartAxis("microseconds, logarithmic", kind: .logarithmic),
      series: [("staged", .plain), ("closed form", SeriesStyle(2)), ("fast kernels", .batchNorm)],
      rows: results.runs.indices.map { index in
        DotPlot.Row(
          results.runs[index].label, forms.map { form in results.spread(index) { $0[keyPath: form] * 1e6 }.mean })
      })
    return Findings(
      answer:
        "The closed form takes \(times.text(1 / closed[0].mean)) of the graph’s time on 100 × 500 values, and the fast kernels "
        + "\(times.text(1 / fused[0].mean)).",
      claims: [
        Claim(
          "The closed form is faster than the staged one on every size.",
          .all(closed.map { faster(Spread($0.values.map { 1 / $0 })) }),
          evidence: zip(results.runs, closed).map { "\($0.label): \($1.text())×" }.joined(separator: ", ")
            + "; 1.22× to 1.68× were reported with NumPy on 100 × 500"),
        Claim(
          "The fast kernels are faster than the closed form in plain Swift on every size.",
          .all(zip(fused, closed).map { faster(.combining($1, $0) { $0 / $1 }) }),
          evidence: zip(results.runs, fused).map { "\($0.label): \($1.text())× the staged one's speed" }.joined(
            separator: ", ")),
      ],
      blocks: [
        .figure(
          ReportFigure(
            caption: "The time of one pass forward and backward",
            reading:
              "On one thread, on this machine. Staged: node by node. Closed: by the one formula, in plain Swift. Fast: by the kernels that training "
              + "uses, on numbers of half the width.",
            pictures: [plot], legend: plot.legend)),
        .table(
          ReportTable(
            caption: "Forward and backward, in microseconds: the median of many calls in a row, on one thread",
            columns: [
              .init("size"), .init("staged, Double", alignment: .trailing),
              .init("closed form, Double", alignment: .trailing),
              .init("fast kernels, Float", alignment: .trailing), .init("closed / staged", alignment: .trailing),
              .init("fast / staged", alignment: .trailing),
            ],
            rows: results.runs.indices.map { index in
              [results.runs[index].label]
                + forms.map { form in times.text(results.spread(index) { $0[keyPath: form] * 1e6 }.mean) }
                + ["\(closed[index].text())×", "\(fused[index].text())×"]
            })),
      ],
      settings: [
        .init(name: "threads", value: "1"), .init(name: "calls", value: "\(results.runs[0].repetitions) a form"),
      ],
      differences: [
        "Times differ from machine to machine and from run to run; everything else in this report does not."
      ])
  }
}

/// Times of the three forms on one size.
struct SpeedRun: LabRun {
  static let kind = "speed"
  static let isTimed = true

  var label: String { "\(rows) × \(channels)" }
  var rows: Int, channels: Int
  var repetitions: Int
  var seed: UInt64

  /// Seconds for a pass forward and backward.
  struct Outcome: Codable, Sendable {
    var staged: Double, closedForm: Double, fused: Double
  }

  var work: Double { Double(repetitions * rows * channels) * 300 }

  func perform(on data: LabData) throws -> Outcome {
    let threads = Parallel.threadCount
    Parallel.threadCount = 1
    defer { Parallel.threadCount = threads }
    return Outcome(
      staged: try time(Double.self) { try $0.stagedBatchNormalized(gamma: $1, beta: $2).output },
      closedForm: try time(Double.self) { try $0.batchNormalized(gamma: $1, beta: $2).output },
      fused: try time(Float.self) { try $0.batchNormalized(gamma: $1, beta: $2).output })
  }

  private func time<Element: TensorElement>(
    _ type: Element.Type, _ form: (Variable<Element>, Variable<Element>, Variable<Element>) throws -> Variable<Element>
  ) throws -> Double {
    var random = RandomGenerator(seed: seed)
    let shape: Shape = [rows, channels]
    let x = Tensor<Element>.normal(shape, standardDeviation: 1, using: &random)
    let g = Tensor<Element>.normal(shape, standardDeviation: 1, using: &random)
    let clock = ContinuousClock()
    // The first calls fill caches and pools.
    let times = try (0..<repetitions + 3).map { _ in
      let start = clock.now
      let graph = Graph<Element>()
      let (input, gamma, beta) = (
        graph.input(x, name: "x"), graph.parameter(.ones([channels]), name: "γ"),
        graph.parameter(.zeros([channels]), name: "β")
      )
      _ = graph.gradients(of: try form(input, gamma, beta), seed: g)
      return (clock.now - start) / .seconds(1)
    }.dropFirst(3).sorted()
    return times[times.count / 2]
  }
}
