import Foundation
import Norma

/// Runs experiments, and remembers what came of each of their runs.
///
/// Runs are independent of each other, so several go on at once, each on a thread of its own, or in other processes; none of their
/// outcomes depends on that. An outcome is kept in a file as soon as it is there, so work that was interrupted goes on where it was.
public struct Laboratory: Sendable {
  /// What to run, in the order to tell it.
  public let experiments: [any Experiment]
  /// How.
  public let plan: LabPlan
  /// On what.
  public let data: LabData
  private let store: OutcomeStore

  /// A laboratory that keeps the outcomes of its runs in a folder that exists.
  public init(_ experiments: [any Experiment], plan: LabPlan, data: LabData, folder: String) {
    self.experiments = experiments
    self.plan = plan
    self.data = data
    store = OutcomeStore(folder: folder)
  }

  /// What a laboratory reports while it works, of several processes each of what it begins and of what all have done.
  public enum Event: Sendable {
    /// So many runs are to be done; the others were done before.
    case planned(runs: Int, knownRuns: Int)
    /// A run has begun: its experiment's name, its own label, its number among the experiment's and how many those are.
    case began(experiment: String, label: String, number: Int, count: Int)
    /// A run is done, and with it so much of the work, from 0 to 1.
    case ended(experiment: String, share: Double)
    /// All runs of an experiment are done: with it so many of those experiments that had any to do.
    case completed(experiment: String, number: Int, count: Int)
  }

  /// Does what is not known yet, and gathers all.
  ///
  /// - Parameters:
  ///   - workers: how many runs may go on at once in this process.
  ///   - group: the processes that share the runs, each of which has a folder; nil for this one alone. The first alone gathers, and does
  ///     what takes times.
  ///   - onEvent: called with what happens; what it throws ends the work.
  /// - Returns: what each experiment found, in their order; nothing in processes but the first.
  /// - Throws: what reading the data throws; `FileError` where an outcome cannot be kept; `ProcessGroupError`.
  public func run(
    workers: Int, in group: (any ProcessGroup)? = nil, onEvent: (Event) throws -> Void = { _ in }
  ) throws -> [ExperimentResult] {
    let prepared = try experiments.map { try prepare($0) }
    var jobs: [Job] = []
    var seen: Set<String> = []
    for job in prepared.flatMap(\.jobs) where seen.insert(job.identity.fileName).inserted { jobs.append(job) }
    let names = jobs.map(\.identity.fileName).joined(separator: "\n")
    try group?.agree(on: [
      ("another version of Norma", Checksum(of: Array(normaVersion.utf8)).value),
      ("other runs to do, by its options or its data,", Checksum(of: Array(names.utf8)).value),
    ])
    // What the first has in its folder is known, whatever others have in theirs.
    let known = jobs.filter(\.isKnown).map(\.identity.fileName)
    let ofFirst = Set(try RunCrew.gathered(group.isFirst ? known : [], in: group))
    jobs.removeAll { ofFirst.contains($0.identity.fileName) }
    try onEvent(.planned(runs: jobs.count, knownRuns: ofFirst.count))
    var progress = Progress(jobs)
    for isTimed in [false, true] {
      let jobs = jobs.filter { $0.isTimed == isTimed }
      // What takes times has the machine to itself.
      let crew = RunCrew(
        workers: isTimed ? 1 : workers, threads: workers, group: group, isFirstAlone: isTimed)
      let owners = try crew.run(jobs.count) { [jobs] in
        try jobs[$0].perform()
      } onBegin: { index in
        let job = jobs[index]
        try onEvent(.began(experiment: job.experiment, label: job.label, number: job.number, count: job.count))
      } onEnd: { index in
        for event in progress.end(jobs[index]) { try onEvent(event) }
      }
      guard let group else { continue }
      let others = jobs.indices.filter { owners[$0] == group.rank && group.rank > 0 }
      let files = try RunCrew.gathered(try others.map { try store.file(jobs[$0].identity) }, in: group)
      if group.rank == 0 { for file in files { try store.keep(file) } }
    }
    return group.isFirst ? try prepared.map { try $0.result() } : []
  }

  /// How far the runs are.
  private struct Progress {
    private let total: Double
    private var done = 0.0
    private var waiting: [String: Int]
    private let experimentCount: Int

    init(_ jobs: [Job]) {
      total = max(1, jobs.reduce(0) { $0 + $1.work })
      waiting = jobs.reduce(into: [:]) { $0[$1.experiment, default: 0] += 1 }
      experimentCount = waiting.count
    }

    /// What is to be told when a run is done.
    mutating func end(_ job: Job) -> [Event] {
      done += job.work
      waiting[job.experiment, default: 1] -= 1
      let ended = Event.ended(experiment: job.experiment, share: done / total)
      guard waiting[job.experiment] == 0 else { return [ended] }
      waiting[job.experiment] = nil
      let number = experimentCount - waiting.count
      return [ended, .completed(experiment: job.experiment, number: number, count: experimentCount)]
    }
  }

  /// One run, whatever its type.
  struct Job: Sendable {
    var experiment: String
    var label: String
    var number: Int, count: Int
    var work: Double
    var isTimed: Bool
    var identity: OutcomeStore.Identity
    var isKnown: Bool
    var perform: @Sendable () throws -> Void
  }

  /// An experiment's runs, and how to gather what came of them.
  private struct Prepared {
    var jobs: [Job]
    var result: () throws -> ExperimentResult
  }

  /// How an experiment is run with a seed.
  public func context(of experiment: any Experiment, seed: UInt64) -> LabContext {
    LabContext(isQuick: plan.isQuick, seed: seed, dataset: data.atHand(experiment.dataset))
  }

  private func prepare<Subject: Experiment>(_ experiment: Subject) throws -> Prepared {
    let contexts = plan.seeds.map { context(of: experiment, seed: $0) }
    let runs = contexts.map(experiment.runs)
    let identities = try runs.map { try $0.map { try OutcomeStore.Identity($0, data: data) } }
    let count = runs.reduce(0) { $0 + $1.count }
    var jobs: [Job] = []
    for (seed, (runs, identities)) in zip(plan.seeds, zip(runs, identities)) {
      for (run, identity) in zip(runs, identities) {
        jobs.append(
          Job(
            experiment: experiment.name, label: plan.seeds.count > 1 ? "\(run.label), seed \(seed)" : run.label,
            number: jobs.count + 1, count: count, work: run.work, isTimed: Subject.Run.isTimed, identity: identity,
            isKnown: store.outcome(of: Subject.Run.self, identity) != nil,
            perform: { [store, data] in
              try store.keep(try run.perform(on: data), of: Subject.Run.self, identity)
            }))
      }
    }
    return Prepared(jobs: jobs) { [store] in
      let outcomes = try runs[0].indices.map { index in
        try identities.map { identities in
          guard let outcome = store.outcome(of: Subject.Run.self, identities[index]) else {
            throw FileError(
              path: "\(store.folder)/\(identities[index].fileName)", operation: .read,
              reason: "It was there a moment ago")
          }
          return outcome
        }
      }
      let results = LabResults<Subject.Run>(context: contexts[0], runs: runs[0], outcomes: outcomes)
      return try ExperimentResult(experiment, results, plan: plan)
    }
  }
}
