import Foundation
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
    #expect(result.runs.map(\.norm) == ["none", "batch", "layer"])
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
    let outcome = try compare(folder, "--epochs 1 --optimizer sgd --learning-rate 1e30 --init kaiming")
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(outcome.output.contains("none stopped early: the loss is no longer finite in epoch 1"))
    let result = try ResultFile.result(NormComparison.self, from: Data(folder.bytes("out/result.json")))
    #expect(result.runs.count == 2)
    #expect(result.runs[0].stoppedBecause != nil)
  }
}
