import ArgumentParser
import Foundation
import Norma
import NormaONNX
import NormaTerminal

/// `norma check-onnx`: ONNX's test cases for its operators, run on Norma's operations.
struct CheckONNX: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check-onnx",
    abstract: "Run ONNX's own test cases for its operators.",
    usage: "norma check-onnx <folder> [<options>]",
    discussion: """
      The folder holds a folder for each case: model.onnx, and in test_data_set_0 and so on input_0.pb, output_0.pb and \
      so on. Older versions of the Python package onnx have them in onnx/backend/test/data/node; 1.23 computes them when \
      asked, which Tests/Fixtures/write_onnx_cases.py does.

      Each case is passed, failed, unsupported (it uses an operator, an element type or an attribute that is not done) \
      or malformed (its files break the rules). A case runs operator by operator and, where it is a network, as one that is \
      folded and prepared to serve. An element passes within ONNX's own tolerance, 1e-3 of the expected value and 1e-7, \
      or within 1e-5 of the largest magnitude that is expected in its output. The exit code is 70 if a case failed, else \
      65 if one is malformed.

      OPERATORS
      \(operatorLines)
      """)

  /// The supported operators in lines that fit below a heading.
  private static var operatorLines: String {
    ONNXModel.supportedOperators.joined(separator: ", ").wrapped(toColumns: 76).map { "  \($0)" }
      .joined(separator: "\n")
  }

  @Argument(help: ArgumentHelp("The folder of cases, or of one case.", valueName: "folder"))
  var folder: String

  @Option(
    name: .customLong("operator"),
    help: ArgumentHelp("Only cases whose model uses this operator, such as BatchNormalization.", valueName: "name"))
  var operation: String?

  @Option(
    help: ArgumentHelp(
      "The largest difference that passes, as a part of the largest magnitude that is expected in the output.",
      valueName: "part"))
  var tolerance: Double?

  @Flag(help: "Print the results as JSON.")
  var json = false

  func validate() throws {
    guard tolerance.map({ $0 >= 0 && $0.isFinite }) ?? true else {
      throw ValidationError("--tolerance takes a number that is not negative")
    }
  }

  /// What `--json` prints.
  fileprivate struct Result: Encodable {
    struct Case: Encodable {
      var name, outcome: String
      var reason: String?
      var operators: [String]
      var missingOperators: [String]
      var largestDifference: Double?
      var ranAsNetwork: Bool
    }

    /// What became of the cases whose operators are all supported; `otherOperators` counts the rest.
    struct Count: Encodable {
      var cases = 0, passed = 0, failed = 0, unsupported = 0, malformed = 0, otherOperators = 0
    }

    var cases: [Case] = []
    var count = Count()
  }

  func run() throws {
    let supported = Set(ONNXModel.supportedOperators)
    let all = try ONNXCase.all(in: FileAccess.expandingTilde(folder))
    guard !all.isEmpty else {
      throw FormatError(
        file: folder, problem: "no folder in it has a model.onnx",
        remedy: "See `norma check-onnx --help` for where ONNX's cases come from.")
    }
    var result = Result()
    for testCase in all {
      let operators = testCase.operators
      if let operation, !operators.contains(operation) { continue }
      let report = testCase.report(tolerance: tolerance)
      let line = Result.Case(
        name: testCase.name, outcome: report.outcome.word, reason: report.reason, operators: operators,
        missingOperators: report.missingOperators,
        largestDifference: report.largestDifference.flatMap { $0.isFinite ? $0 : nil },
        ranAsNetwork: report.ranAsNetwork)
      result.cases.append(line)
      result.count.take(report.outcome, isOfSupportedOperators: supported.isSuperset(of: operators))
      if !json {
        let largest = report.largestDifference.map { String(format: "%.1e", $0) } ?? ""
        let words = line.reason.map { "  (\($0))" } ?? ""
        try output("\(line.outcome.padded(toColumns: 11))  \(largest.padded(toColumns: 7))  \(line.name)\(words)")
      }
    }
    if json { try outputJSON(result) } else { try output("\n" + result.count.words) }
    if result.count.failed + result.count.malformed > 0 {
      throw FailedCases(failed: result.count.failed, malformed: result.count.malformed)
    }
  }
}

/// Test cases that did not come out as they should.
struct FailedCases: Error, CustomStringConvertible {
  let failed, malformed: Int

  var description: String {
    let parts = [(failed, "not as expected"), (malformed, "malformed")].filter { $0.0 > 0 }
    return parts.map { "\($0.0) \($0.0 == 1 ? "case is" : "cases are") \($0.1)" }.joined(separator: ", ") + "."
  }
}

extension ONNXCase.Report {
  /// Why a case did not pass, with all operators that are missing.
  fileprivate var reason: String? {
    guard missingOperators.count > 1 else { return outcome.reason }
    return "operators that are not done: \(missingOperators.joined(separator: ", "))"
  }
}

extension ONNXCase.Outcome {
  fileprivate var word: String {
    switch self {
    case .passed: "passed"
    case .failed: "failed"
    case .unsupported: "unsupported"
    case .malformed: "malformed"
    }
  }

  fileprivate var reason: String? {
    switch self {
    case .passed: nil
    case .failed(let reason), .unsupported(let reason), .malformed(let reason): reason
    }
  }
}

extension CheckONNX.Result.Count {
  fileprivate mutating func take(_ outcome: ONNXCase.Outcome, isOfSupportedOperators: Bool) {
    if case .unsupported = outcome, !isOfSupportedOperators {
      otherOperators += 1
      return
    }
    cases += 1
    switch outcome {
    case .passed: passed += 1
    case .failed: failed += 1
    case .unsupported: unsupported += 1
    case .malformed: malformed += 1
    }
  }

  fileprivate var words: String {
    let share = cases > 0 ? String(format: " (%.1f%%)", 100 * Double(passed) / Double(cases)) : ""
    return """
      \(passed) of \(cases) cases of supported operators passed\(share); \(failed) failed, \(unsupported) unsupported, \
      \(malformed) malformed.
      \(otherOperators) cases use other operators.
      """
  }
}
