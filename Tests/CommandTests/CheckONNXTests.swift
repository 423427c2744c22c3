import Foundation
import Norma
import TestSupport
import Testing

/// `norma check-onnx`, on ONNX's own cases (`Tests/Fixtures/write_onnx_cases.py`).
struct CheckONNXTests {
  private struct Answer: Decodable {
    struct Case: Decodable {
      var name, outcome: String
      var reason: String?
      var operators: [String]
    }

    struct Count: Decodable {
      var cases, passed, failed, unsupported, malformed, otherOperators: Int
    }

    var cases: [Case]
    var count: Count
  }

  /// A folder of a few cases.
  private func cases(_ names: String...) throws -> Folder {
    let folder = try Folder()
    try unpackONNXNodeCases(into: folder.url) { names.contains($0) }
    #expect(try folder.names() == names.sorted())
    return folder
  }

  @Test func eachCaseHasALineAndTheEndCountsThem() throws {
    let folder = try cases("test_batchnorm_example", "test_relu", "test_training_dropout_default")
    let outcome = try Norma.run(["check-onnx", folder.url.path])
    #expect(outcome.status == 0)
    #expect(outcome.error == "")
    let lines = outcome.output.split(separator: "\n", omittingEmptySubsequences: false)
    // With the largest difference, as a part of the largest output.
    #expect(lines[0].hasPrefix("passed       ") && lines[0].hasSuffix("e-08  test_batchnorm_example"))
    #expect(lines[1] == "passed       0.0e+00  test_relu")
    #expect(lines[2].hasPrefix("unsupported           test_training_dropout_default  (") && lines[2].contains("random"))
    #expect(lines[4].hasPrefix("2 of 3 cases of supported operators passed (66.7%)"))
  }

  @Test func casesCanBeChosenByTheirOperator() throws {
    let folder = try cases("test_batchnorm_example", "test_relu")
    let answer = try Norma.run(["check-onnx", folder.url.path, "--operator", "Relu", "--json"]).json(Answer.self)
    #expect(answer.cases.map(\.name) == ["test_relu"])
    #expect(answer.cases[0].operators == ["Relu"])
    #expect(answer.count.cases == 1 && answer.count.passed == 1)
  }

  @Test func aCaseThatFailsOrIsDamagedIsToldOf() throws {
    let folder = try cases("test_relu", "test_sigmoid")
    let expected = folder.url.appending(path: "test_relu/test_data_set_0/output_0.pb")
    var bytes = [UInt8](try Data(contentsOf: expected))
    bytes[bytes.count - 1] ^= 0x40
    try Data(bytes).write(to: expected)
    var outcome = try Norma.run(["check-onnx", folder.url.path])
    #expect(outcome.status == 70)
    #expect(outcome.output.contains("  test_relu  (output 'y' of test_data_set_0: element "))
    #expect(outcome.output.hasPrefix("failed "))
    #expect(outcome.error.contains("1 case is not as expected"))
    // A tolerance that all differences are within.
    #expect(try Norma.run(["check-onnx", folder.url.path, "--tolerance", "1e6"]).status == 0)
    expectFailure(
      try Norma.run(["check-onnx", folder.url.path, "--tolerance=-1"]), status: 64, saying: "not negative")

    try Data(bytes.dropLast(7)).write(to: expected)
    outcome = try Norma.run(["check-onnx", folder.url.path])
    #expect(outcome.status == 65)
    #expect(outcome.output.contains("malformed             test_relu"))
    #expect(outcome.output.contains("  test_sigmoid\n"))
  }

  @Test func aFolderWithoutCasesIsToldOf() throws {
    let folder = try Folder()
    expectFailure(try Norma.run(["check-onnx", folder.url.path]), status: 65, saying: "has a model.onnx")
    expectFailure(try Norma.run(["check-onnx", folder.path("none")]), status: 74, saying: "none")
  }
}
