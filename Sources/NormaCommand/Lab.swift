import ArgumentParser
import Foundation
import Norma
import NormaLab
import NormaTerminal

/// `norma lab`: the classic experiments.
struct Lab: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run the classic experiments on batch normalization, as one report.",
    discussion: """
      Start with `norma lab run --all --quick`: it runs every experiment on the digits that are built in, with smaller \
      settings, within minutes. `norma lab list` says what there is.
      """,
    subcommands: [List.self, Run.self])
}

extension Lab {
  /// `norma lab list`: what there is.
  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the experiments.",
      discussion: "The column \"data\" says what an experiment is meant for; without it the built-in digits stand in.")

    @Flag(help: "Print the list as JSON.")
    var json = false

    private struct Entry: Encodable {
      var name: String, title: String, question: String, origin: String
      var data: LabDataset?
    }

    func run() throws {
      let experiments = LabCatalogue.experiments
      guard !json else {
        return try outputJSON(
          experiments.map {
            Entry(name: $0.name, title: $0.title, question: $0.question, origin: $0.origin, data: $0.dataset)
          })
      }
      var table = TextTable(columns: [.words("experiment"), .words("data"), .words("question")])
      for experiment in experiments {
        table.addRow([experiment.name, experiment.dataset?.rawValue ?? "its own", experiment.question])
      }
      try output(table)
    }
  }

  /// `norma lab run`: runs them.
  struct Run: GroupCommand {
    static let configuration = CommandConfiguration(
      abstract: "Run experiments and write their report.",
      usage: "norma lab run (<names> ... | --all) [<options>]",
      discussion: """
        The report is one page, report.html, with plots, tables, claims that held, did not, or cannot be told (open: the \
        difference is no larger than chance leaves it uncertain), and the published figures beside ours. The folder also gets results.json (the same bytes in every run), times.json, the plots as SVG and \
        their numbers as CSV.

        Experiments are made of runs that do not depend on each other; as many go on at once as there are threads, and \
        none of the numbers depends on that. What a run gave is kept in the folder's runs/ under its settings, data and \
        version: a lab that was interrupted goes on where it was, and a changed setting runs only what it changes.

        EXAMPLES
          norma lab run --all --quick
          norma lab run weight-scale batch-size --data cifar10:cifar-10 --seeds 5
          norma lab run --all --data cifar10:cifar-10 --data mnist:mnist --out lab
          mpirun -n 8 norma lab run --all --data cifar10:cifar-10 --seeds 5
        """)

    @Argument(help: "The experiments, by the names that norma lab list gives.")
    var names: [String] = []

    @Flag(help: "Run all of them.")
    var all = false

    @Option(
      help: ArgumentHelp(
        "Data to use: cifar10:PATH (the binary archive or its folder) or mnist:PATH (the folder of its four files). Can be given twice. Without it the built-in digits stand in.",
        valueName: "source"))
    var data: [String] = []

    @Flag(help: "Use smaller settings, so that everything ends within minutes. The report says so.")
    var quick = false

    @Option(
      help: ArgumentHelp(
        "Repeat every run with so many seeds, from --seed on; the plots show the mean and the range.",
        valueName: "count"))
    var seeds = 1

    @Option(help: ArgumentHelp("The folder for the report and the runs.", valueName: "folder"))
    var out = "norma-lab"

    @Option(
      help: ArgumentHelp(
        "Also write event files for TensorBoard: for each experiment a folder, in it one for each run.",
        valueName: "folder"))
    var tensorboard: String?

    @OptionGroup(title: "Several processes") var processes: ProcessOptions
    @OptionGroup(title: "Common") var common: CommonOptions

    var givenThreads: Int? { common.threads }

    func validate() throws {
      if all != names.isEmpty {
        throw ValidationError(
          all
            ? "Give the names of experiments or --all, not both."
            : "Name experiments, or give --all; norma lab list says what there is.")
      }
      for name in names where LabCatalogue.experiment(named: name) == nil {
        throw ValidationError(
          "There is no experiment '\(name)'. There are: \(LabCatalogue.experiments.map(\.name).joined(separator: ", "))."
        )
      }
      guard (1...1000).contains(seeds) else {
        throw ValidationError("--seeds takes a number from 1 to 1000, not \(seeds).")
      }
      guard common.seed <= UInt64.max - UInt64(seeds) else {
        throw ValidationError("--seed \(common.seed) leaves no room for \(seeds) seeds.")
      }
      _ = try sources()
    }

    /// The data by what they are.
    private func sources() throws -> [LabDataset: DataSource] {
      var sources: [LabDataset: DataSource] = [:]
      for text in data {
        let source: DataSource
        do { source = try DataSource(text) } catch { throw ValidationError("--data: \(error)") }
        let dataset: LabDataset
        switch source.reader {
        case is CIFAR10Reader: dataset = .cifar10
        case is MNISTReader: dataset = .mnist
        default: throw ValidationError("--data of a lab takes cifar10:PATH and mnist:PATH, not '\(text)'.")
        }
        guard sources.updateValue(source, forKey: dataset) == nil else {
          throw ValidationError("--data names \(dataset.title) twice.")
        }
      }
      return sources
    }

    private var experiments: [any Experiment] {
      LabCatalogue.experiments.filter { all || names.contains($0.name) }
    }

    func run(in group: (any ProcessGroup)?) throws {
      common.apply()
      let runFolder = "\(out)/runs"
      // Of several processes the first writes all but what runs gave, which each keeps in its own folder or a common one.
      let folder = try group.isFirst ? OutputFolder(out) : nil
      defer { folder?.close() }
      try FileAccess.createWritableDirectory(runFolder)
      let data = LabData(try sources(), onNote: remark)
      let plan = LabPlan(isQuick: quick, seeds: (0..<UInt64(seeds)).map { common.seed + $0 })
      let laboratory = Laboratory(experiments, plan: plan, data: data, folder: runFolder)
      var progress = LabProgress(quiet: common.quiet)
      let results = try laboratory.run(workers: Parallel.threadCount, in: group) { progress.show($0) }
      progress.finish()
      guard group.isFirst else { return }
      let report = LabReport(results, plan: plan, sources: data.named)
      for folder in ["figures", "tables"] { try FileAccess.createDirectory("\(out)/\(folder)") }
      if let tensorboard { try report.writeEvents(to: tensorboard) }
      // The page last: where it is, all that it shows is.
      try FileAccess.write(
        try report.files().reversed().map { (path: "\(out)/\($0.path)", contents: .bytes($0.bytes)) })
      if common.json { return try outputJSON(results.map(\.record)) }
      var table = TextTable(
        columns: [.words("experiment"), .numbers("held"), .numbers("not"), .numbers("open"), .words("answer")])
      for (entry, result) in zip(report.summary, results) {
        let counts = [entry.counts.held, entry.counts.notHeld, entry.counts.open]
        table.addRow([entry.name] + counts.map(String.init) + [result.findings.answer])
      }
      try output(table)
      try output("\n\(report.headline)\nReport: \(out)/report.html")
    }
  }
}

/// Shows how a lab gets on: a line for the run that was begun last, and one that stays for each experiment that is done.
private struct LabProgress {
  private let status = StatusLine()
  private let glyphs = Terminal.standardError.glyphs
  private let quiet: Bool
  private let start = ProcessInfo.processInfo.systemUptime
  /// What is said of the run that was begun last, and the shorter form without its label.
  private var lines = ("", "")
  private var share = 0.0

  init(quiet: Bool) { self.quiet = quiet }

  mutating func show(_ event: Laboratory.Event) {
    guard !quiet else { return }
    switch event {
    case .planned(let runs, let knownRuns):
      guard runs > 0 || knownRuns > 0 else { return }
      status.write(
        "\(runs) run\(runs == 1 ? "" : "s") to do" + (knownRuns > 0 ? ", \(knownRuns) known from before" : ""))
    case .began(let experiment, let label, let number, let count):
      lines = ("\(experiment) \(number)/\(count)  \(label)", "\(experiment) \(number)/\(count)")
    case .ended(_, let share): self.share = share
    case .completed(let experiment, let number, let count):
      status.write("\(experiment) done, \(number) of \(count) experiments")
    }
    draw()
  }

  private func draw() {
    guard status.canDraw else { return }
    let elapsed = ProcessInfo.processInfo.systemUptime - start
    let left = share > 0 ? elapsed / share * (1 - share) : nil
    let end = "  \(Formatting.progress(share))  \(Formatting.clock(left)) left"
    let width = status.columns
    let room = width - end.columns
    guard let line = [lines.0, lines.1].first(where: { $0.columns <= room }) else {
      return status.draw(end.truncated(toColumns: width, ellipsis: glyphs.ellipsis))
    }
    status.draw(line.padded(toColumns: min(room, 60)) + end)
  }

  func finish() { status.finish() }
}
