import Foundation
import Norma

/// What came of an experiment, whatever the type of its runs.
public struct ExperimentResult: Sendable {
  /// The experiment.
  public let experiment: any Experiment
  /// What it was run with, the first seed's.
  public let context: LabContext
  /// What it found.
  public let findings: Findings
  /// Whether it holds times, which differ from run to run.
  public let isTimed: Bool
  /// Its runs and their outcomes, for a file.
  public let record: Record

  /// An experiment as the file of results holds it.
  public struct Record: Encodable, Sendable {
    /// One run with its outcomes.
    struct Entry: Encodable, Sendable {
      var label: String
      var settings: any Encodable & Sendable
      var outcomes: [any Encodable & Sendable]

      private enum Key: CodingKey { case label, settings, outcomes }

      func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: Key.self)
        try values.encode(label, forKey: .label)
        try settings.encode(to: values.superEncoder(forKey: .settings))
        var list = values.nestedUnkeyedContainer(forKey: .outcomes)
        for outcome in outcomes { try outcome.encode(to: list.superEncoder()) }
      }
    }

    var name: String, title: String, question: String, origin: String
    var data: LabDataset?
    var answer: String
    var claims: [Claim]
    var runs: [Entry]
  }

  init<Subject: Experiment>(_ experiment: Subject, _ results: LabResults<Subject.Run>, plan: LabPlan) throws {
    self.experiment = experiment
    context = results.context
    var findings = experiment.findings(results)
    // What a published setting might still show is not refuted by a smaller one.
    if try results.context.isQuick && Self.isSmaller(experiment, results.context) {
      for index in findings.claims.indices where findings.claims[index].verdict == .notHeld {
        findings.claims[index].verdict = .open
        findings.claims[index].reason = "a quick lab’s smaller settings can show it, and cannot refute it"
      }
    }
    self.findings = findings
    isTimed = Subject.Run.isTimed
    record = Record(
      name: experiment.name, title: experiment.title, question: experiment.question, origin: experiment.origin,
      data: results.context.dataset, answer: findings.answer, claims: findings.claims,
      runs: zip(results.runs, results.outcomes).map { run, outcomes in
        Record.Entry(label: run.label, settings: run, outcomes: outcomes)
      })
  }

  /// Whether an experiment's runs are others in a quick lab.
  private static func isSmaller<Subject: Experiment>(_ experiment: Subject, _ context: LabContext) throws -> Bool {
    var full = context
    full.isQuick = false
    func settings(_ context: LabContext) throws -> [Data] {
      try experiment.runs(context).map { try ResultFile.data($0) }
    }
    return try settings(context) != settings(full)
  }
}
