import Foundation
import Norma

/// Runs experiments, and remembers what came of each of their runs.
///
/// Runs are independent of each other, so several go on at once, each on a thread of its own; none of their outcomes
/// depends on that. An outcome is kept in a file as soon as it is there, so work that was interrupted goes on where it was.
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

  /// What a laboratory reports while it works. Events come one at a time, from any thread.
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
  ///   - workers: how many runs may go on at once.
  ///   - onEvent: called with what happens; what it throws ends the work.
  /// - Returns: what each experiment found, in their order.
  /// - Throws: what reading the data throws; `FileError` where an outcome cannot be kept.
  public func run(
    workers: Int, onEvent: @escaping @Sendable (Event) throws -> Void = { _ in }
  ) throws -> [ExperimentResult] {
    let prepared = try experiments.map { try prepare($0) }
    var jobs: [Job] = []
    var seen: Set<String> = []
    var known = 0
    for job in prepared.flatMap(\.jobs) where seen.insert(job.identity.fileName).inserted {
      if job.isKnown { known += 1 } else { jobs.append(job) }
    }
    try onEvent(.planned(runs: jobs.count, knownRuns: known))
    let total = max(1, jobs.reduce(0) { $0 + $1.work })
    let waiting = jobs.reduce(into: [:]) { $0[$1.experiment, default: 0] += 1 }
    let experimentCount = waiting.count
    let progress = Guarded((done: 0.0, waiting: waiting))
    let perform: @Sendable (Job) throws -> Void = { job in
      try progress.withLock { _ in
        try onEvent(.began(experiment: job.experiment, label: job.label, number: job.number, count: job.count))
      }
      try job.perform()
      try progress.withLock { state in
        state.done += job.work
        state.waiting[job.experiment, default: 1] -= 1
        try onEvent(.ended(experiment: job.experiment, share: state.done / total))
        guard state.waiting[job.experiment] == 0 else { return }
        state.waiting[job.experiment] = nil
        try onEvent(
          .completed(
            experiment: job.experiment, number: experimentCount - state.waiting.count, count: experimentCount))
      }
    }
    try WorkQueue(jobs.filter { !$0.isTimed }, perform).run(workers: workers)
    // What takes times has the machine to itself.
    for job in jobs where job.isTimed { try perform(job) }
    return try prepared.map { try $0.result() }
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

/// Jobs that several threads take from, in their order.
private struct WorkQueue: Sendable {
  private struct State {
    var waiting: ArraySlice<Laboratory.Job>
    var running = 0
    var failure: (any Error)?
  }

  private let state: Guarded<State>
  private let perform: @Sendable (Laboratory.Job) throws -> Void

  init(_ jobs: [Laboratory.Job], _ perform: @escaping @Sendable (Laboratory.Job) throws -> Void) {
    state = Guarded(State(waiting: jobs[...]))
    self.perform = perform
  }

  /// Works until nothing waits; after a failure nothing new is begun, and the failure is thrown at the end.
  func run(workers: Int) throws {
    let threadCount = Parallel.threadCount
    defer { Parallel.threadCount = threadCount }
    DispatchQueue.concurrentPerform(iterations: max(1, workers)) { _ in
      while let job = next(workers: workers) {
        do {
          try perform(job)
          state.withLock { $0.running -= 1 }
        } catch {
          state.withLock {
            $0.running -= 1
            $0.failure = $0.failure ?? error
            $0.waiting = []
          }
        }
      }
      // Whoever is left takes over the cores of those that have nothing more to do.
      state.withLock { Parallel.threadCount = max(1, workers / max(1, $0.running)) }
    }
    if let failure = state.withLock({ $0.failure }) { throw failure }
  }

  private func next(workers: Int) -> Laboratory.Job? {
    state.withLock { state in
      guard let job = state.waiting.popFirst() else { return nil }
      state.running += 1
      Parallel.threadCount = max(1, workers / state.running)
      return job
    }
  }
}
