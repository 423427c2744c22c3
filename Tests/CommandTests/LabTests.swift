import Foundation
import NormaLab
import TestSupport
import Testing

/// `norma lab`, with the experiments that are soon done.
struct LabTests {
  private func lab(_ folder: Folder, _ options: String, out: String = "lab") throws -> Norma.Outcome {
    try Norma.run(["lab", "run"] + options.split(separator: " ").map(String.init) + ["--out", folder.path(out)])
  }

  @Test(arguments: [60, 100]) func theListIsShownWholeHoweverNarrow(columns: Int) throws {
    let outcome = try Norma.run(["lab", "list"], environment: ["COLUMNS": "\(columns)"])
    #expect(outcome.output.split(separator: "\n").allSatisfy { $0.count <= columns })
    for experiment in LabCatalogue.experiments {
      #expect(outcome.output.contains("\n\(experiment.name) "))
      for word in experiment.question.split(separator: " ") { #expect(outcome.output.contains(word)) }
    }
  }

  @Test func theListNamesEveryExperiment() throws {
    let outcome = try Norma.run(["lab", "list"])
    #expect(outcome.status == 0)
    for experiment in LabCatalogue.experiments { #expect(outcome.output.contains(experiment.name)) }
    #expect(outcome.output.split(separator: "\n").allSatisfy { $0.count <= 80 })
    struct Entry: Decodable { var name: String }
    let entries = try Norma.run(["lab", "list", "--json"]).json([Entry].self)
    #expect(entries.map(\.name) == LabCatalogue.experiments.map(\.name))
  }

  @Test func theReportAndTheResultsAreWrittenAndTheSecondTimeNothingIsRunAgain() throws {
    let folder = try Folder()
    let first = try lab(folder, "gradient overfit --quick")
    #expect(first.status == 0, "\(first.error)")
    #expect(first.error.hasPrefix("5 runs to do\n"))
    #expect(first.output.contains("Report: \(folder.path("lab"))/report.html"))
    #expect(
      try folder.names(in: "lab")
        == ["explanation.html", "figures", "report.html", "results.json", "runs", "tables"])
    let report = try folder.bytes("lab/report.html")
    let second = try lab(folder, "gradient overfit --quick --json")
    #expect(second.status == 0)
    #expect(second.error == "0 runs to do, 5 known from before\n")
    #expect(try folder.bytes("lab/report.html") == report)
    // The page loads nothing, and runs its own script alone.
    let page = String(decoding: report, as: UTF8.self)
    for word in ["<script src", "src=\"http", "href=\"http", "url(http", "@import"] { #expect(!page.contains(word)) }
  }

  @Test func resultsAreTheSameBytesForEveryNumberOfThreads() throws {
    let folder = try Folder()
    for threads in [1, 2, 3] {
      #expect(
        try lab(folder, "six-layer-net exact-statistics --quick --seeds 2 --threads \(threads)", out: "\(threads)")
          .status == 0)
    }
    #expect(try folder.bytes("1/results.json") == folder.bytes("2/results.json"))
    #expect(try folder.bytes("1/report.html") == folder.bytes("3/report.html"))
  }

  // Killed at several moments, each time going on in the same folder.
  @Test func aLabThatIsKilledEndsWithTheResultsOfAnUndisturbedOne() throws {
    let folder = try Folder()
    let experiments = "six-layer-net weight-scale batch-size exact-statistics --quick"
    #expect(try lab(folder, experiments, out: "whole").status == 0)
    let arguments =
      ["lab", "run"] + experiments.split(separator: " ").map(String.init) + ["--out", folder.path("killed"), "--quiet"]
    let runs = folder.url.appending(path: "killed/runs")
    var kills = 0
    for count in [1, 2, 4, 7, 11, 16, 22, 28] {
      let process = Process()
      process.executableURL = try Norma.executable.get()
      process.arguments = arguments
      process.standardOutput = FileHandle.nullDevice
      process.standardError = FileHandle.nullDevice
      try process.run()
      // Until so many outcomes are there, and then a little into the next run.
      while process.isRunning, ((try? FileManager.default.contentsOfDirectory(atPath: runs.path).count) ?? 0) < count {
        usleep(500)
      }
      usleep(UInt32(count * 700))
      if process.isRunning {
        kill(process.processIdentifier, SIGKILL)
        kills += 1
      }
      process.waitUntilExit()
    }
    #expect(kills > 3)
    #expect(try lab(folder, experiments, out: "killed").status == 0)
    for file in ["results.json", "report.html"] {
      #expect(try folder.bytes("killed/\(file)") == folder.bytes("whole/\(file)"), "\(file)")
    }
  }

  @Test(.enabled(if: LoggedValue.canBeRead, "NORMA_PYTHON names no Python with TensorBoard"))
  func eventFilesHoldTheOutcomes() throws {
    let folder = try Folder()
    let events = folder.path("events")
    #expect(try lab(folder, "overfit activations --quick --tensorboard \(events)").status == 0)
    #expect(try folder.names(in: "events") == ["activations", "overfit"])
    let read = try LoggedValue.readAll(in: "\(events)/overfit/2 hidden layers, 50 images")
    struct Results: Decodable {
      struct Experiment: Decodable { var name: String, runs: [Run] }
      struct Run: Decodable { var label: String }
      var experiments: [Experiment]
    }
    let results = try JSONDecoder().decode(Results.self, from: Data(folder.bytes("lab/results.json")))
    let overfit = try #require(results.experiments.first { $0.name == "overfit" })
    #expect(try folder.names(in: "events/overfit") == overfit.runs.map(\.label).sorted())
    let training = read.filter { $0.tag == "accuracy/training" }
    #expect(training.map(\.step) == Array(1...20))
    #expect(training.last?.scalar == 1)
    let layers = try LoggedValue.readAll(in: "\(events)/activations/tanh, 0.05").filter { $0.tag == "activations" }
    #expect(layers.map(\.step) == Array(1...6))
    // Sixteen rows of 1024.
    #expect(layers.allSatisfy { $0.histogram?.sums.first == 16 * 1024 })
  }

  @Test(arguments: [
    ("", "Name experiments"), ("--all gradient", "not both"), ("no-such", "There is no experiment 'no-such'"),
    ("gradient --seeds 0", "--seeds takes"), ("gradient --data digits", "cifar10:PATH and mnist:PATH"),
    ("gradient --data mnist:a --data mnist:b", "names MNIST twice"), ("gradient --data mnist", "mnist"),
  ])
  func wrongUsageIsToldBeforeAnythingIsWritten(options: String, words: String) throws {
    let folder = try Folder()
    let outcome = try lab(folder, options)
    #expect(outcome.status == 64)
    #expect(outcome.error.contains(words), "\(outcome.error)")
    #expect(try folder.names() == [])
  }

  @Test func dataThatCannotBeReadAreToldOf() throws {
    let folder = try Folder()
    expectFailure(
      try lab(folder, "six-layer-net --quick --data cifar10:\(folder.path("none"))"), status: 74,
      saying: folder.path("none"))
  }
}
