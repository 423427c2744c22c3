import Foundation
import Norma
import NormaLab
import Testing

/// `norma compare`, with a small network so that it is soon done.
struct CompareTests {
  private func compare(_ folder: Folder, _ options: String) throws -> Norma.Outcome {
    try Norma.run(
      ["compare", "--model", "mlp:10", "--out", folder.path("out")] + options.split(separator: " ").map(String.init))
  }

  @Test func reportAndResultAreWritten() throws {
    let folder = try Folder()
    let outcome = try compare(folder, "--epochs 2 --norm none,batch,layer")
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(try folder.names(in: "out") == ["report.html", "result.json"])
    #expect(outcome.output.contains("Report: \(folder.path("out"))/report.html\n"))
    #expect(outcome.output.split(separator: "\n").filter { !$0.contains("Report:") }.allSatisfy { $0.count <= 80 })
    let result = try ResultFile.result(NormComparison.self, from: Data(folder.bytes("out/result.json")))
    // So small a network is trained with three seeds.
    #expect(result.runs.map(\.norm) == ["none", "batch", "layer"].flatMap { [$0, $0, $0] })
    #expect(result.runs.map(\.seed) == [0, 1, 2, 0, 1, 2, 0, 1, 2])
    // Lines are broken to fit, anywhere between words.
    let words = outcome.output.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    #expect(words.contains("A linear model (logistic regression) has "))
    #expect(words.contains("; always saying the most frequent class (") && outcome.output.contains("\nbase line"))
    #expect(result.runs.allSatisfy { $0.epochs.count == 3 && $0.stoppedBecause == nil })
    #expect(result.command.hasPrefix("norma compare --model mlp:10 "))
    let page = String(decoding: try folder.bytes("out/report.html"), as: UTF8.self)
    #expect(page.hasPrefix("<!DOCTYPE html>") || page.hasPrefix("<!doctype html>"))
    #expect(page.contains("UCI"))
  }

  @Test func jsonIsTheResultFile() throws {
    let folder = try Folder()
    let outcome = try compare(folder, "--epochs 1 --json --quiet")
    #expect(outcome.error == "")
    #expect(try Array(outcome.output.utf8) == folder.bytes("out/result.json"))
  }

  @Test func theSameSeedGivesTheSameResultButForTheTimes() throws {
    let folder = try Folder()
    var results: [NormComparison] = []
    for threads in [1, 1, 2] {
      let outcome = try compare(folder, "--epochs 1 --json --seed 3 --threads \(threads)")
      var result = try ResultFile.result(NormComparison.self, from: Data(outcome.output.utf8))
      result.command = ""
      for run in result.runs.indices {
        result.runs[run].seconds = 0
        for epoch in result.runs[run].epochs.indices { result.runs[run].epochs[epoch].seconds = 0 }
      }
      results.append(result)
    }
    // The bytes, because NaN is not equal to itself.
    let bytes = try results.map { try ResultFile.data($0) }
    #expect(bytes[0] == bytes[1])
    #expect(bytes[0] == bytes[2])
  }

  @Test func aRunThatDivergesIsReportedAndTheOthersGoOn() throws {
    let folder = try Folder()
    let outcome = try compare(folder, "--epochs 1 --optimizer sgd --learning-rate 1e30 --init kaiming --seeds 1")
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(outcome.output.contains("none stopped early: the loss is no longer finite in epoch 1"))
    let result = try ResultFile.result(NormComparison.self, from: Data(folder.bytes("out/result.json")))
    #expect(result.runs.count == 2)
    #expect(result.runs[0].stoppedBecause != nil)
  }

  @Test func theSeedsAreThoseFromTheGivenOneOnAndAllAreInTheResult() throws {
    let folder = try Folder()
    let outcome = try compare(folder, "--epochs 1 --seed 5 --seeds 2 --norm batch --tensorboard \(folder.path("runs"))")
    #expect(outcome.status == 0, "\(outcome.error)")
    let result = try ResultFile.result(NormComparison.self, from: Data(folder.bytes("out/result.json")))
    #expect(result.runs.map(\.seed) == [5, 6])
    #expect(result.settings.contains { $0.name == "seeds" && $0.value.hasPrefix("5 to 6") })
    #expect(try folder.names(in: "runs") == ["batch, seed 5", "batch, seed 6"])
  }

  // Three in a hundred are positive, and nothing tells them: naming the frequent class always has 97 % accuracy.
  @Test func onUnevenDataWithoutASignNoAccuracyIsPraised() throws {
    let folder = try Folder()
    var random = RandomGenerator(seed: 2)
    let rows = (0..<400).map { row in
      "\(random.uniform()),\(random.uniform()),\(row % 33 == 0 ? "yes" : "no")"
    }
    try folder.write((["a,b,label"] + rows).joined(separator: "\n"), to: "rows.csv")
    let outcome = try compare(folder, "--data csv:\(folder.path("rows.csv")) --epochs 2 --seeds 2")
    #expect(outcome.status == 0, "\(outcome.error)")
    let words = outcome.output.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    #expect(words.contains("None of the networks learned anything that shows on validation data"))
    #expect(words.contains("balanced accuracy is 50.0 %"))
    #expect(words.contains("Likely cause:"))
    #expect(!words.contains("reached 95 %"))
  }

  @Test func numbersOfWhichNothingIsLearnedAreSaidToBe() throws {
    let folder = try Folder()
    var random = RandomGenerator(seed: 3)
    let rows = (0..<60).map { _ in "\(random.uniform()),\(random.uniform()),\(random.uniform())" }
    try folder.write((["a,b,y"] + rows).joined(separator: "\n"), to: "rows.csv")
    let outcome = try compare(folder, "--data csv:\(folder.path("rows.csv")) --regression --epochs 1 --seeds 2")
    #expect(outcome.status == 0, "\(outcome.error)")
    let words = outcome.output.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    #expect(words.contains("None of the networks learned anything"))
    #expect(!words.contains("stayed below"))
    #expect(words.contains("always saying the mean of the training targets"))
  }

  @Test(arguments: [("--seeds 0", "--seeds takes"), ("--seeds 2 --seed 18446744073709551614", "leaves no room")])
  func wrongSeedsAreToldOf(options: String, words: String) throws {
    let folder = try Folder()
    let outcome = try compare(folder, options)
    #expect(outcome.status == 64)
    #expect(outcome.error.contains(words), "\(outcome.error)")
  }
}
