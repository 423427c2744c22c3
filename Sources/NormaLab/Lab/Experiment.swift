import Norma

/// An experiment: what it asks, the runs that answer it, and how their outcomes are told.
///
/// An experiment is a value without state: everything it says is computed from the outcomes of its runs.
public protocol Experiment: Sendable {
  /// The kind of its runs.
  associatedtype Run: LabRun
  /// Its name on the command line: lower-case words joined by hyphens.
  var name: String { get }
  /// The heading of its section.
  var title: String { get }
  /// What it asks, in one sentence.
  var question: String { get }
  /// Where it comes from.
  var origin: String { get }
  /// The data it is meant for; nil if it makes its own.
  var dataset: LabDataset? { get }
  /// Its runs, in a fixed order that does not depend on the seed.
  func runs(_ context: LabContext) -> [Run]
  /// What the outcomes say.
  func findings(_ results: LabResults<Run>) -> Findings
}

/// What an experiment is to run with.
public struct LabContext: Sendable, Equatable {
  /// Whether to use smaller settings.
  public var isQuick: Bool
  /// The seed of everything random.
  public var seed: UInt64
  /// The data at hand: what the experiment is meant for, or what stands in for it; nil if it makes its own.
  public var dataset: LabDataset?

  /// What to run with.
  public init(isQuick: Bool = false, seed: UInt64 = 0, dataset: LabDataset? = nil) {
    self.isQuick = isQuick
    self.seed = seed
    self.dataset = dataset
  }

  /// The full value, or the smaller one of a quick lab.
  public func full<Value>(_ value: Value, quick: Value) -> Value { isQuick ? quick : value }
}

/// The outcomes of an experiment's runs, for each seed.
public struct LabResults<Run: LabRun>: Sendable {
  /// What they were run with, the first seed's.
  public var context: LabContext
  /// The runs, with the first seed.
  public var runs: [Run]
  /// The outcomes: one a seed for each of `runs`.
  public var outcomes: [[Run.Outcome]]

  /// Outcomes, as many for each run as there are seeds, and at least one.
  public init(context: LabContext, runs: [Run], outcomes: [[Run.Outcome]]) {
    self.context = context
    self.runs = runs
    self.outcomes = outcomes
  }

  /// The seeds' numbers of one run: their mean, lowest and highest.
  public func spread(_ index: Int, _ value: (Run.Outcome) -> Double) -> Spread { Spread(outcomes[index].map(value)) }

  /// The numbers of all runs, in their order.
  public func spreads(_ value: (Run.Outcome) -> Double) -> [Spread] { runs.indices.map { spread($0, value) } }
}

extension LabResults where Run: LabDataRun {
  /// What findings say of the data and of the seeds.
  var dataSettings: [NormComparison.Setting] {
    [
      .init(
        name: "data",
        value: "\((context.dataset ?? .digits).title), \(runs[0].data.trainingCount) training images"),
      .init(name: "seeds", value: "\(outcomes[0].count)"),
    ]
  }
}

/// What an experiment found, as a part of the report.
public struct Findings: Sendable {
  /// The answer to its question, in a sentence or two.
  public var answer: String
  /// What was claimed, and what became of it.
  public var claims: [Claim]
  /// Figures, tables and what is said about them.
  public var blocks: [ReportBlock]
  /// What it was run with.
  public var settings: [NormComparison.Setting]
  /// What differs from the published experiments, and why, where it does.
  public var differences: [String]

  /// Findings by their parts.
  public init(
    answer: String, claims: [Claim], blocks: [ReportBlock], settings: [NormComparison.Setting],
    differences: [String] = []
  ) {
    self.answer = answer
    self.claims = claims
    self.blocks = blocks
    self.settings = settings
    self.differences = differences
  }
}
