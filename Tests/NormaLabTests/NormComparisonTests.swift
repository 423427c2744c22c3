import Foundation
import NormaLab
import Testing

@Suite struct NormComparisonTests {
  @Test func aResultWithInfinitiesAndNaNSurvivesJSON() throws {
    let result = SampleComparison.typical
    let data = try ResultFile.data(result)
    let copy = try ResultFile.result(NormComparison.self, from: data)
    // NaN differs from itself, so the bytes are compared.
    #expect(try ResultFile.data(copy) == data)
    let epochs = copy.runs[2].epochs
    #expect(epochs[1].trainingLoss == .infinity)
    #expect(epochs[2].trainingLoss.isNaN)
    #expect(copy.runs[0] == result.runs[0])
    #expect(copy.settings == result.settings)
  }

  @Test func numbersThatAreNotFiniteAreStringsThatOtherProgramsCanRead() throws {
    let data = try ResultFile.data(SampleComparison.typical)
    let object = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    let runs = try #require(object["runs"] as? [[String: Any]])
    let epochs = try #require(runs[2]["epochs"] as? [[String: Any]])
    #expect(epochs[1]["trainingLoss"] as? String == "Infinity")
    #expect(epochs[2]["trainingLoss"] as? String == "NaN")
    #expect(data.last == UInt8(ascii: "\n"))
  }

  @Test func aFileThatIsNoResultIsRefusedWithThePlaceOfTheFault() throws {
    #expect(throws: ResultFileError.self) { try ResultFile.result(NormComparison.self, from: Data("{".utf8)) }
    #expect(throws: ResultFileError.self) { try ResultFile.result(NormComparison.self, from: Data()) }
    let text = try #require(String(data: ResultFile.data(SampleComparison.typical), encoding: .utf8))
    let broken = text.replacing("\"bestEpoch\"", with: "\"worstEpoch\"")
    let error = #expect(throws: ResultFileError.self) {
      try ResultFile.result(NormComparison.self, from: Data(broken.utf8))
    }
    #expect(error?.place == "runs, 1")
    #expect(error?.problem == "\"bestEpoch\" is missing")
  }

  @Test func everyPrefixOfAResultIsRefused() throws {
    let data = try ResultFile.data(SampleComparison.of([SampleComparison.run("none", [0.5])]))
    // The last byte is a line break, without which the text is whole.
    for count in stride(from: 0, to: data.count - 1, by: 37) {
      #expect(throws: ResultFileError.self) { try ResultFile.result(NormComparison.self, from: data.prefix(count)) }
    }
  }

  @Test func theFirstEpochThatReachesATargetCounts() {
    let run = SampleComparison.run("batch", [0.1, .nan, 0.96, 0.9, 0.97])
    #expect(run.firstEpoch(reaching: 0.95) == 2)
    #expect(run.firstEpoch(reaching: 0.05) == 0)
    #expect(run.firstEpoch(reaching: 0.98) == nil)
    #expect(SampleComparison.run("batch", [Double(Float(0.95))]).firstEpoch(reaching: 0.95) == 0)
  }
}
