import ArgumentParser
import Foundation
import Norma
import NormaLab
import NormaTerminal

/// `norma compare`: one architecture, trained once per kind of normalization.
struct Compare: GroupCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train the same network with and without normalization, side by side.",
    usage: "norma compare [<options>]",
    discussion: """
      One architecture is trained once for each value of --norm and each seed, with each seed from the same initial \
      weights, on the same batches in the same order. A table in the terminal and a page, report.html, show how each of \
      them learned: losses and accuracies, epochs to reach an accuracy, the activations of every layer before and after \
      training, the norms of weights and gradients.

      What is said to be sooner or better is so by more than chance explains: by more than the 95 % interval that the \
      seeds leave (Student's t) and the examples that it was measured on, added in quadrature. All else is too close to \
      tell, and one seed cannot tell. Beside the networks stand a linear model and the base line: the most frequent \
      class, or the mean. Where the classes are uneven, balanced accuracy takes the place of accuracy.

      With no options it trains CS231n's six-layer network on the digits that are built in, from weights so small that \
      it hardly learns without batch normalization.

      EXAMPLES
        norma compare
        norma compare --norm none,batch,layer --epochs 20
        norma compare --data mnist:mnist --model mlp:512,512 --optimizer sgd
        norma compare --data csv:wine.csv --label quality --regression
        norma compare --data cifar10:cifar-10 --model resnet20 --norm none,batch,group

      \(NetworkOptions.models)
      """)

  @Option(
    help: ArgumentHelp(
      "What to compare, separated by commas: \(NormalizationKind.allCases.map(\.rawValue).joined(separator: ", ")) (instance and frn not for mlp).",
      valueName: "list"))
  var norm = "none,batch"

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The validation accuracies (R² for numbers) whose first epoch is looked for, separated by commas.",
      valueName: "list"))
  var target = "0.5,0.9,0.95"

  @Option(
    help: ArgumentHelp(
      "With how many seeds each network is trained, from --seed on; the data are divided by --seed for all of them. (default: 3 where that costs seconds, else 1)",
      valueName: "count"))
  var seeds: Int?

  @Option(help: ArgumentHelp("The folder for report.html and result.json.", valueName: "folder"))
  var out = "norma-report"

  @Option(
    help: ArgumentHelp(
      "A folder in which TensorBoard finds a run for each of --norm and each seed while this works: losses, activations, filters.",
      valueName: "folder"))
  var tensorboard: String?

  @OptionGroup(title: "Data") var data: DataOptions
  @OptionGroup(title: "Network") var network: NetworkOptions
  @OptionGroup(title: "Training") var training: TrainingOptions
  @OptionGroup(title: "Several processes") var processes: ProcessOptions
  @OptionGroup(title: "Common") var common: CommonOptions

  var givenThreads: Int? { common.threads }

  func validate() throws {
    let normalizations = try normalizations()
    _ = try targets()
    if let seeds {
      guard (1...1000).contains(seeds) else {
        throw ValidationError("--seeds takes a number from 1 to 1000, not \(seeds).")
      }
      guard common.seed <= UInt64.max - UInt64(seeds) else {
        throw ValidationError("--seed \(common.seed) leaves no room for \(seeds) seeds.")
      }
    }
    try network.check(normalizations: normalizations)
    try training.check(defaults(try architecture(), normalizations), normalizations: normalizations)
  }

  /// The network, without a normalization.
  private func architecture() throws -> ModelArchitecture {
    try network.architecture(normalization: NormalizationKind.none, isHard: true)
  }

  private func defaults(_ architecture: ModelArchitecture, _ normalizations: [NormalizationKind]) -> TrainingDefaults {
    TrainingDefaults(architecture, data: data, normalizations: normalizations, isComparison: true)
  }

  private func normalizations() throws -> [NormalizationKind] {
    let values = try norm.split(separator: ",", omittingEmptySubsequences: false).map { name in
      guard let value = NormalizationKind(rawValue: String(name)) else {
        throw ValidationError(
          "--norm takes \(NormalizationKind.allCases.map(\.rawValue).joined(separator: ", ")), separated by commas, not '\(name)'."
        )
      }
      return value
    }
    guard Set(values).count == values.count else { throw ValidationError("--norm names '\(norm)' twice the same.") }
    return values
  }

  private func targets() throws -> [Double] {
    try target.split(separator: ",").map { text in
      guard let value = Double(text), value.isFinite else {
        throw ValidationError("--target takes numbers separated by commas, such as 0.9,0.95, not '\(text)'.")
      }
      return value
    }
  }

  func run(in group: (any ProcessGroup)?) throws {
    common.apply()
    // Of several processes each trains some of the networks, and the first writes.
    let folder = try group.isFirst ? OutputFolder(out) : nil
    defer { folder?.close() }
    let architecture = try architecture()
    let normalizations = try normalizations()
    let prepared = try data.prepare(
      seed: common.seed, asImages: architecture.recipe.takesImages, for: try training.augmentation())
    guard prepared.validation.count > 1 else {
      throw UsageError("A comparison needs validation data: two examples at least, see --validation.")
    }
    for normalization in normalizations {
      var normalized = architecture
      normalized.recipe.normalization = normalization
      _ = try normalized.recipe.parameterCount(
        sampleShape: prepared.training.exampleShape, outputCount: Checkpoint.Outputs(of: prepared.training).count)
    }
    var comparison = Comparison(
      network: architecture, normalizations: normalizations,
      training: try training.configuration(
        for: prepared.training, normalizations: normalizations, defaults: defaults(architecture, normalizations),
        seed: common.seed),
      targets: try targets())
    comparison.network = network.adjusted(
      architecture, normalizations: normalizations,
      stepsPerEpoch: comparison.training.batches(of: prepared.training.count).count,
      epochs: comparison.training.epochs)
    let isSmall = comparison.work(on: prepared.training) <= Comparison.smallWork && common.seed < UInt64.max - 3
    comparison.seeds = (0..<UInt64(seeds ?? (isSmall ? 3 : 1))).map { common.seed + $0 }
    let names = comparison.runs.map { run in
      run.normalization.rawValue + (comparison.seeds.count > 1 ? ", seed \(run.seed)" : "")
    }
    let labelWidth = names.map(\.columns).max() ?? 0
    let description = description(of: comparison, prepared)
    var events: [TrainingEvents] = []
    var progress: [Int: TrainingProgress] = [:]
    let result = try comparison.run(on: prepared, description: description, in: group) { run in
      guard let tensorboard else { return nil }
      events.append(try TrainingEvents(directory: "\(tensorboard)/\(names[run])", settings: description.settings))
      return events.last
    } onEvent: { run, event in
      if progress[run] == nil {
        for display in progress.values { display.finish() }
        progress[run] = TrainingProgress(
          label: names[run].padded(toColumns: labelWidth), data: prepared,
          configuration: comparison.training, lines: names.count > 1 ? max(2, 20 / names.count) : 20,
          quiet: common.quiet)
      }
      progress[run]?.show(event)
    }
    for display in progress.values { display.finish() }
    guard group.isFirst else { return try events.forEach { try $0.finish() } }
    let report = ComparisonReport(result)
    let page = "\(out)/report.html"
    let json = try ResultFile.data(result)
    try FileAccess.write([
      (path: "\(out)/result.json", contents: .bytes([UInt8](json))),
      (path: page, contents: .text(report.page.html())),
    ])
    if common.json {
      try outputJSON(result)
    } else {
      let width = Terminal.outputColumns()
      let table = report.terminalTable(width: width, isASCII: Terminal.glyphs() == .ascii)
      let text = report.headline + "\n\n" + table + report.verdicts.map { "\n\n" + $0 }.joined()
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        .flatMap { $0.columns > width ? $0.wrapped(toColumns: width) : [String($0)] }
      if Terminal.standardError.isInteractive && !common.quiet { Terminal.standardError.write("\n") }
      try output((lines + ["", "Report: \(page)"]).joined(separator: "\n"))
    }
    for file in events { try file.finish() }
  }

  private func description(of comparison: Comparison, _ data: DataSplits) -> Comparison.Description {
    let names = comparison.normalizations.map(\.words)
    let what =
      names.count > 5
      ? "\(names.count) normalizations" : names.formatted(.list(type: .and).locale(Locale(identifier: "en")))
    return Comparison.Description(
      title: "\(data.training.name): \(what)",
      data: data.summary, attribution: data.training.attribution,
      settings: settings(comparison.network, comparison.training, data).map { setting in
        guard setting.name == "seed", let last = comparison.seeds.last, comparison.seeds.count > 1 else {
          return setting
        }
        return .init(name: "seeds", value: "\(common.seed) to \(last); the data are divided by seed \(common.seed)")
      }, command: reproducingCommand())
  }
}
