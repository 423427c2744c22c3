/// What became of a claim.
public enum Verdict: String, Codable, Sendable, CaseIterable {
  /// The outcomes bear it out.
  case held
  /// The outcomes speak against it.
  case notHeld = "not held"
  /// The outcomes cannot tell: another seed, other examples or larger settings might turn it round.
  case open = "cannot be told"
}

/// A statement that an experiment's outcomes bear out, speak against, or cannot tell.
public struct Claim: Codable, Sendable, Equatable {
  /// What is claimed, as a sentence.
  public var statement: String
  /// Whether the outcomes bear it out.
  public var verdict: Verdict
  /// Why it cannot be told; nil where it can.
  public var reason: String?
  /// The numbers that decide.
  public var evidence: String

  /// A claim that chance has no part in, such as a check of exact numbers.
  public init(_ statement: String, holds: Bool, evidence: String) {
    self.init(statement, .exact(holds), evidence: evidence)
  }

  /// A claim with what its outcomes allow to say.
  public init(_ statement: String, _ judgement: Judgement, evidence: String) {
    self.statement = statement
    self.evidence = evidence
    verdict = judgement.verdict
    reason = judgement.reason
  }
}

/// How many claims came out how.
public struct VerdictCounts: Codable, Sendable, Equatable {
  /// So many held, so many did not, and of so many it cannot be told.
  public var held: Int, notHeld: Int, open: Int

  /// The counts of some claims.
  public init(_ claims: [Claim]) {
    func count(_ verdict: Verdict) -> Int { claims.count { $0.verdict == verdict } }
    (held, notHeld, open) = (count(.held), count(.notHeld), count(.open))
  }

  /// How many there are.
  public var all: Int { held + notHeld + open }

  /// The counts in words: "3 claims: 1 held, 2 cannot be told".
  var words: String {
    let parts = zip(Verdict.allCases, [held, notHeld, open]).filter { $0.1 > 0 }
    guard all > 1 else { return "1 claim: \(parts.first?.0.rawValue ?? "")" }
    if parts.count == 1 { return "\(all) claims: all \(parts[0].0.rawValue)" }
    return "\(all) claims: " + parts.map { "\($0.1) \($0.0.rawValue)" }.joined(separator: ", ")
  }
}
