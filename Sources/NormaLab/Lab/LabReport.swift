import Foundation
import Norma

/// What a laboratory found, as a page, as pictures and as files for programs.
public struct LabReport: Sendable {
  let results: [ExperimentResult]
  let plan: LabPlan
  /// The sources of data that were named, as on the command line.
  private let sources: [String]

  /// A report of experiments in the order to tell them.
  public init(_ results: [ExperimentResult], plan: LabPlan, sources: [String]) {
    self.results = results
    self.plan = plan
    self.sources = sources
  }

  /// All claims.
  public var claims: [Claim] { results.flatMap(\.findings.claims) }

  /// How much of what was claimed held, did not, and cannot be told, in a sentence.
  public var headline: String {
    let counts = VerdictCounts(claims)
    return
      "\(counts.held) of \(Words.count(counts.all, "claim")) held, \(counts.notHeld) did not, and \(counts.open) cannot be told, "
      + "in \(Words.count(results.count, "experiment"))."
  }

  /// Each experiment by its name, with how many of its claims came out how.
  public var summary: [(name: String, counts: VerdictCounts)] {
    results.map { ($0.experiment.name, VerdictCounts($0.findings.claims)) }
  }

  /// The command that gives one experiment's section again.
  private func command(_ name: String) -> String {
    (["norma lab run", name] + arguments).joined(separator: " ")
  }

  private var arguments: [String] {
    sources.map { "--data \($0.shellQuoted)" } + (plan.isQuick ? ["--quick"] : [])
      + (plan.seeds.count > 1 ? ["--seeds \(plan.seeds.count)"] : [])
      + (plan.seeds[0] != 0 ? ["--seed \(plan.seeds[0])"] : [])
  }

  // MARK: The page

  /// The page.
  public var page: ReportPage {
    ReportPage(
      kind: "Norma lab", title: "What batch normalization does", headline: headline, introduction: introduction,
      sections: [overview] + results.map(section), footer: footer)
  }

  private var introduction: [String] {
    var lines = [
      "The classic experiments on batch normalization, run anew: why activations die, what normalization does about it, how its gradient "
        + "is computed, how it makes training converge, what it regularizes, and where it fails. Where something does not come out as "
        + "published, it says so."
    ]
    if results.contains(where: { $0.context.dataset == .digits }) {
      lines.append(
        "Experiments meant for CIFAR-10 or MNIST ran on the built-in digits where those were not named: 1,797 grey images of 8 by 8 "
          + "pixels, a much easier task with a fiftieth of the inputs. --data cifar10:PATH and --data mnist:PATH name them."
      )
    }
    if results.contains(where: { $0.context.dataset == .cifar10 }) {
      lines.append(
        "Figures published for CIFAR-10 were measured on its original files with 49,000 training images. Ours are of the files named on "
          + "the command line: other images are drawn for the training set, and where the files are a copy or a part of the original, its "
          + "pixels, order and number of images differ too. A thousand images leave an accuracy uncertain by about 1.5 percentage points, one "
          + "standard error, and another seed changes it by as much again.")
    }
    if plan.isQuick {
      lines.append(
        "This is a quick lab, with smaller settings than the published ones: shorter training, fewer images, fewer points."
      )
    }
    lines.append(
      plan.seeds.count > 1
        ? "Every run was repeated with \(plan.seeds.count) seeds. Lines are means, bands reach from the lowest to the highest; a number "
          + "in a table is followed by its range."
        : "Every number is of one seed; --seeds shows how much depends on chance.")
    lines.append(
      "A claim about accuracies is held, or not, where the difference is larger than chance leaves it uncertain: 95 % intervals over seeds "
        + (plan.seeds.count > 1
          ? "(Student’s t)" : "(of one seed: 1.5 percentage points for an accuracy, one standard deviation)")
        + " and over examples, added in quadrature. What lies within cannot be told, nor what a smaller setting than the published one, or a "
        + "measure that rounding decides, cannot show.")
    return lines
  }

  private var overview: ReportSection {
    ReportSection(
      "All claims at a glance", identifier: "overview",
      blocks: [
        .table(
          ReportTable(
            caption: "Experiments, what they ask, and what became of their claims",
            columns: [.init("experiment"), .init("question")]
              + Verdict.allCases.map { .init($0.rawValue, alignment: .trailing) },
            rows: zip(results, summary).map { result, entry in
              [
                result.experiment.title, result.experiment.question, "\(entry.counts.held)", "\(entry.counts.notHeld)",
                "\(entry.counts.open)",
              ]
            }))
      ])
  }

  private func section(_ result: ExperimentResult) -> ReportSection {
    let findings = result.findings
    var blocks: [ReportBlock] = [.question(result.experiment.question), .answer(findings.answer)]
    blocks += findings.blocks
    // Long lists of claims that all hold are for those who want them.
    if findings.claims.count > 8 {
      let others = findings.claims.filter { $0.verdict != .held }
      if !others.isEmpty { blocks.append(.claims(others)) }
      blocks.append(.details("All \(findings.claims.count) claims", [.claims(findings.claims)]))
    } else {
      blocks.append(.claims(findings.claims))
    }
    blocks += findings.differences.map(ReportBlock.note)
    let settings = ReportTable(
      caption: "Settings", columns: [.init("setting"), .init("value")],
      rows: findings.settings.map { [$0.name, $0.value] } + [["after", result.experiment.origin]])
    blocks.append(
      .details(
        "Settings, and the command that gives this section again",
        [.table(settings), .code(command(result.experiment.name))]))
    return ReportSection(result.experiment.title, identifier: result.experiment.name, blocks: blocks)
  }

  private var footer: [String] {
    let datasets = Set(results.compactMap(\.context.dataset))
    var lines: [String] = []
    if datasets.contains(.digits), let attribution = Dataset<Float>.digits().attribution { lines.append(attribution) }
    if datasets.contains(.mnist) { lines.append("MNIST: Y. LeCun, C. Cortes; CC BY-SA 3.0.") }
    if datasets.contains(.cifar10) {
      lines.append("CIFAR-10: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009.")
    }
    return lines + [
      "Made by Norma \(normaVersion). All numbers but times are the same in every run of the same version on the same kind of processor."
    ]
  }

  // MARK: Files

  /// The files of the report by their paths within its folder: the page, the results as JSON (times apart, because they
  /// differ from run to run), the numbers of each picture and table as CSV, and each drawing as SVG.
  ///
  /// - Throws: what encoding throws.
  public func files() throws -> [(path: String, bytes: [UInt8])] {
    var files = [
      (path: "report.html", bytes: Array(page.html().utf8)),
      (path: "results.json", bytes: try json(results.filter { !$0.isTimed })),
    ]
    if results.contains(where: \.isTimed) { files.append(("times.json", try json(results.filter(\.isTimed)))) }
    for result in results {
      var (figures, tables) = (0, 0)
      for block in result.findings.blocks {
        switch block {
        case .figure(let figure):
          figures += 1
          for (index, picture) in figure.pictures.enumerated() {
            let name = "\(result.experiment.name)-\(figures)" + (figure.pictures.count > 1 ? "-\(index + 1)" : "")
            files.append(("tables/\(name).csv", Array(picture.table.csv.utf8)))
            let drawings = picture.drawings
            for (number, drawing) in drawings.enumerated() {
              let suffix = drawings.count > 1 ? "-\(number + 1)" : ""
              files.append(("figures/\(name)\(suffix).svg", Array(drawing.utf8)))
            }
          }
        case .table(let table):
          tables += 1
          files.append(("tables/\(result.experiment.name)-table-\(tables).csv", Array(table.csv.utf8)))
        default: break
        }
      }
    }
    return files
  }

  private struct Results: Encodable {
    var version: String
    var plan: LabPlan
    var data: [String]
    var claims: VerdictCounts
    var experiments: [ExperimentResult.Record]
  }

  private func json(_ results: [ExperimentResult]) throws -> [UInt8] {
    [UInt8](
      try ResultFile.data(
        Results(
          version: normaVersion, plan: plan, data: sources, claims: VerdictCounts(results.flatMap(\.findings.claims)),
          experiments: results.map(\.record))))
  }
}
