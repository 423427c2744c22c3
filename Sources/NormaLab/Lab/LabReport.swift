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

  /// The page: a chapter that goes from question to question.
  ///
  /// - Throws: what training the opening's two networks throws.
  public func page() throws -> ReportPage {
    var page = ReportPage(
      kind: "Norma lab", title: "What batch normalization does", headline: headline,
      sections: [overview] + results.indices.flatMap(sections), footer: footer)
    page.chapter = .init(
      opening: try PageOpening().markup(
        kind: "Norma lab",
        next: "The rest of this page measures what that changes, question by question, on real images."),
      style: ExplanationStyle.opening + ChapterStyle.sheet, script: PageScript.chapter)
    return page
  }

  /// How the numbers are to be read.
  private var reading: [String] {
    var lines = [
      "The experiments are the classic ones on batch normalization, run anew. Where something does not come out as published, it says so."
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
    let table = ReportTable(
      caption: "Experiments, what they ask, and what became of their claims",
      columns: [.init("experiment"), .init("question")]
        + Verdict.allCases.map { .init($0.rawValue, alignment: .trailing) },
      rows: zip(results, summary).map { result, entry in
        [
          result.experiment.title, result.experiment.question, "\(entry.counts.held)", "\(entry.counts.notHeld)",
          "\(entry.counts.open)",
        ]
      })
    return ReportSection(
      "What came out", identifier: "overview",
      blocks: [
        .paragraph(
          "From here on in the words of the trade: a link of the chain is a layer, the numbers that it multiplies by are its weights, each number that it gives is a "
            + "channel, and what its last link makes of them is compared with the right answers, which gives the loss. To go once through all training images is "
            + "an epoch; the accuracy is the share of right answers, on the training images or on others, for validation and test."
        ),
        .paragraph(
          headline
            + " Each section says its answer first and shows one figure. What was claimed, the numbers and the published figures, the settings and the command that "
            + "does it again are folded below it."),
        .folds([
          ReportFold("All experiments at a glance", [.table(table)]),
          ReportFold("How the numbers are to be read", reading.map(ReportBlock.paragraph)),
        ]),
      ])
  }

  /// The sections of a result: its own, and what is told before and after it.
  private func sections(_ index: Int) -> [ReportSection] {
    let result = results[index]
    guard let (part, question) = LabCatalogue.place(of: result.experiment.name) else { return [section(result)] }
    let begins = index == 0 || LabCatalogue.place(of: results[index - 1].experiment.name)?.part.title != part.title
    // The heading of a part stands above its first section.
    var title = begins ? part.title : nil
    func told(_ passage: LabPassage) -> ReportSection {
      defer { title = nil }
      return ReportSection(passage.title, identifier: passage.identifier, part: title, blocks: passage.blocks)
    }
    let before = question.before.map(told)
    let own = section(result, lead: question.lead, part: title, isFolded: part.isAppendix)
    title = nil
    return before + [own] + question.after.map(told)
  }

  private func section(
    _ result: ExperimentResult, lead: String? = nil, part: String? = nil, isFolded: Bool = false
  ) -> ReportSection {
    let (experiment, findings) = (result.experiment, result.findings)
    var blocks: [ReportBlock] = [
      lead.map { .thread($0, question: experiment.question) } ?? .question(experiment.question),
      .answer(findings.answer),
    ]
    var (others, numbers): ([ReportBlock], [ReportTable]) = ([], [])
    for block in findings.blocks {
      // One figure is shown, and its numbers are with the others.
      if case .figure(var figure) = block, numbers.isEmpty {
        figure.showsNumbers = false
        blocks.append(.figure(figure))
        numbers = figure.pictures.map(\.table)
      } else {
        others.append(block)
      }
    }
    var folds = [ReportFold(VerdictCounts(findings.claims).words, [.claims(findings.claims)])]
    if !numbers.isEmpty { others.append(.numbers(numbers)) }
    if !others.isEmpty {
      let hasFigures = others.contains { if case .figure = $0 { true } else { false } }
      folds.append(ReportFold(hasFigures ? "Further figures and the numbers" : "The numbers", others))
    }
    let settings = ReportTable(
      caption: "Settings", columns: [.init("setting"), .init("value")],
      rows: findings.settings.map { [$0.name, $0.value] } + [["after", experiment.origin]])
    folds.append(
      ReportFold(
        findings.differences.isEmpty
          ? "Settings and command" : "Settings, command, and what differs from the published",
        findings.differences.map(ReportBlock.note) + [.table(settings), .code(command(experiment.name))]))
    return ReportSection(
      experiment.title, identifier: experiment.name, part: part, isFolded: isFolded, blocks: blocks + [.folds(folds)])
  }

  /// Whether the page leads to that of the explanation.
  private var leadsToExplanation: Bool {
    results.contains { result in
      LabCatalogue.place(of: result.experiment.name).map { !($0.question.before + $0.question.after).isEmpty } ?? false
    }
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

  /// The files of the report by their paths within its folder: the page, the one
  /// that its links lead to, the results as JSON (times apart, because they
  /// differ from run to run), the numbers of each picture and table as CSV, and each drawing as SVG.
  ///
  /// - Throws: what encoding throws, and ``page()``.
  public func files() throws -> [(path: String, bytes: [UInt8])] {
    var files = [
      (path: "report.html", bytes: Array(try page().html().utf8)),
      (path: "results.json", bytes: try json(results.filter { !$0.isTimed })),
    ]
    if leadsToExplanation { files.append((LabPassage.explanation, Array(try GradientRun.explanation().html().utf8))) }
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
