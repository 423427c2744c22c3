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
    for testCase in cases {
      switch testCase.run() {
      case .passed: passed.insert(testCase.name)
      case .unsupported: unsupported.insert(testCase.name)
      case .failed(let reason), .malformed(let reason): Issue.record("\(testCase.name): \(reason)")
      }
    }
    #expect(
      unsupported == [
        "test_convtranspose_3d", "test_cumsum_1d_int32_exclusive", "test_cumsum_2d_int32", "test_identity_opt",
        "test_identity_sequence",
        "test_maxpool_2d_uint8", "test_maxpool_with_argmax_2d_precomputed_pads",
        "test_maxpool_with_argmax_2d_precomputed_strides", "test_pow_types_int32_float32", "test_pow_types_int32_int32",
        "test_pow_types_int64_float32", "test_pow_types_int64_int64",
        "test_training_dropout", "test_training_dropout_default", "test_training_dropout_default_mask",
        "test_training_dropout_mask",
      ])
    #expect(Double(passed.count) >= 0.95 * Double(cases.count))
    #expect(
      passed.isSuperset(of: [
        "test_batchnorm_epsilon", "test_batchnorm_epsilon_training_mode", "test_batchnorm_example",
        "test_batchnorm_example_training_mode",
      ]))
    #expect(cases.count { $0.operators == ["BatchNormalization"] } == 4)
    // Mish's only case is too large to be kept; `ExportTests` has it.
    let operators = Set(cases.flatMap(\.operators) + ["Mish"])
    #expect(operators.sorted() == ONNXModel.supportedOperators)
  }
}
