import Foundation
import Norma
import NormaONNX
import TestSupport
import Testing

/// ONNX's own test cases for the operators that are done, see `Tests/Fixtures/write_onnx_cases.py`.
struct NodeCaseTests {
  @Test func allCasesPassButThoseThatAreNotSupported() throws {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    try unpackONNXNodeCases(into: folder)
    let cases = try ONNXCase.all(in: folder.path)
    var passed: Set<String> = []
    var unsupported: Set<String> = []
    var networks = 0
    for testCase in cases {
      // Each runs as a network too where it is one, with all inputs but the first as constants.
      let report = testCase.report()
      networks += report.ranAsNetwork ? 1 : 0
      #expect(report.missingOperators == [])
      switch report.outcome {
      case .passed: passed.insert(testCase.name)
      case .unsupported: unsupported.insert(testCase.name)
      case .failed(let reason), .malformed(let reason): Issue.record("\(testCase.name): \(reason)")
      }
    }
    // Nobody else could draw the same random numbers.
    #expect(
      unsupported == [
        "test_training_dropout", "test_training_dropout_default", "test_training_dropout_default_mask",
        "test_training_dropout_mask",
      ])
    #expect(Double(passed.count) >= 0.95 * Double(cases.count))
    #expect(Double(networks) >= 0.45 * Double(cases.count), "\(networks) of \(cases.count)")
    #expect(
      passed.isSuperset(of: [
        "test_batchnorm_epsilon", "test_batchnorm_epsilon_training_mode", "test_batchnorm_example",
        "test_batchnorm_example_training_mode",
      ]))
    #expect(cases.count { $0.operators == ["BatchNormalization"] } == 4)
    // Mish's only case is too large to be kept; `ExportTests` has it, and `BranchTests` those that have none.
    let operators = Set(cases.flatMap(\.operators) + ["ConcatFromSequence", "GlobalLpPool", "Mish", "SequenceErase"])
    #expect(operators.sorted() == ONNXModel.supportedOperators)
  }
}
