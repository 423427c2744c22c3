import Foundation
import Norma
import NormaLab
import TestSupport
import Testing

/// `train` by several processes, which MPI's launchers start: one model, whoever works on which shard.
@Suite(.serialized, .enabled(if: !MPI.installed.isEmpty, "no MPI is installed"))
struct ProcessesTests {
  /// Whether all is run that takes minutes: `make processes`.
  private static let isThorough = ProcessInfo.processInfo.environment["NORMA_PROCESSES"] != nil

  /// A training of some steps, cut into eight shards.
  struct Task: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var options: [String]
  }

  private static let tasks =
    [
      Task(
        testDescription: "mlp",
        options: ["--model", "mlp:40,40", "--keep", "0.8", "--epochs", isThorough ? "4" : "2", "--batch-size", "60"]),
      Task(
        testDescription: "convnet",
        options: [
          "--model", "convnet:4x3,20", "--keep", "0.9", "--augment", "crop:1", "--epochs", isThorough ? "4" : "1",
          "--batch-size", "60",
        ]),
    ]
    + (isThorough
      ? [Task(testDescription: "resnet20", options: ["--model", "resnet20", "--epochs", "4", "--batch-size", "60"])]
      : [])

  private func arguments(_ task: Task, out: String) -> [String] {
    ["train", "--out", out, "--shards", "8", "--quiet"] + task.options
  }

  private func model(_ folder: Folder) throws -> [UInt8] { try folder.bytes("out/model.safetensors") }

  @Test(arguments: tasks) func theNumberOfProcessesChangesNoBit(task: Task) throws {
    let alone = try Folder()
    let outcome = try Norma.run(arguments(task, out: alone.path("out")))
    try #require(outcome.status == 0, "\(outcome.error)")
    for mpi in MPI.installed {
      try mpi.withLibrary { library in
        for count in Self.isThorough ? [1, 2, 4, 8] : [2, 4] {
          for threads in Self.isThorough ? [1, 2] : [1] {
            let folder = try Folder()
            let outcome = try Norma.launch(
              mpi, count,
              arguments(task, out: folder.path("out")) + ["--threads", "\(threads)"]
                + (count == 4 ? ["--shard-optimizer"] : []), library: library)
            try #require(outcome.status == 0, "\(mpi.name), \(count): \(outcome.error)")
            #expect(outcome.output.split(separator: "\n").last == "Model: \(folder.path("out"))/model.safetensors")
            #expect(try model(folder) == model(alone), "\(mpi.name), \(count) processes, \(threads) threads")
          }
        }
      }
    }
  }

  /// The processes, and not what started them, that train into a folder.
  private func processes(training folder: Folder, startedBy starter: Int32) -> [Int32] {
    ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap(Int32.init).filter { process in
      guard process != starter, let bytes = FileManager.default.contents(atPath: "/proc/\(process)/cmdline") else {
        return false
      }
      let words = String(decoding: bytes, as: UTF8.self).split(separator: "\0")
      return words.first?.hasSuffix("/norma") ?? false && words.contains { $0.hasPrefix(folder.path("out")) }
    }
  }

  /// Kills one of four processes at a random moment: all end, the last checkpoint is whole, and another number of processes goes on to the
  /// same bits.
  @Test func whenAProcessIsKilledAllEndAndTheTrainingGoesOn() throws {
    let mpi = MPI.installed[0]
    let task = Task(testDescription: "mlp", options: ["--model", "mlp:40,40", "--keep", "0.8", "--epochs", "20"])
    let alone = try Folder()
    _ = try Norma.run(arguments(task, out: alone.path("out")))
    var random = RandomGenerator(seed: 1)
    try mpi.withLibrary { library in
      var killed = 0
      while killed < (Self.isThorough ? 20 : 2) {
        let folder = try Folder()
        let seconds = 0.3 + 1.2 * random.uniform()
        let victim = Int(random.uniform() * 4)
        var isKilled = false
        let start = ContinuousClock.now
        let outcome = try Norma.interfered(
          arguments(task, out: folder.path("out")) + ["--processes", "4", "--checkpoint-every", "3steps"]
            + (killed % 2 == 0 ? [] : ["--shard-optimizer"]),
          environment: ["NORMA_MPI": library]
        ) { process in
          Thread.sleep(forTimeInterval: seconds)
          let found = processes(training: folder, startedBy: process.processIdentifier)
          guard found.count == 4 else { return }
          isKilled = kill(found[victim], SIGKILL) == 0
        }
        // One that had ended before says nothing of kills.
        guard isKilled, outcome.status != 0 else { continue }
        killed += 1
        #expect(ContinuousClock.now - start < .seconds(60))
        #expect(outcome.status == 70 && outcome.output == "", "\(outcome)")
        #expect(outcome.error.hasPrefix("norma: The processes did not come to their end"), "\(outcome.error)")
        let states = TrainingStateFolder(folder.path("out/checkpoints"))
        let begun = try !states.files.isEmpty
        let end = try Norma.run(
          begun
            ? ["train", "--out", folder.path("out"), "--resume", "--quiet", "--processes", "2"]
            : arguments(task, out: folder.path("out")),
          environment: ["NORMA_MPI": library])
        #expect(end.status == 0, "\(end.error)")
        #expect(try model(folder) == model(alone), "after \(seconds) s")
      }
    }
  }

  /// A wish to stop is brought to all, who save and end together.
  @Test(arguments: [SIGINT, SIGTERM]) func aSignalSavesAndEndsAll(signal: Int32) throws {
    let task = Task(testDescription: "mlp", options: ["--model", "mlp:40,40", "--epochs", "400"])
    try MPI.installed[0].withLibrary { library in
      let folder = try Folder()
      let outcome = try Norma.interfered(
        arguments(task, out: folder.path("out")) + ["--processes", "2", "--checkpoint-every", "1000000"],
        environment: ["NORMA_MPI": library]
      ) { process in
        // Under way, and long before its end.
        for _ in 0..<300 where processes(training: folder, startedBy: process.processIdentifier).count < 2 {
          usleep(20_000)
        }
        Thread.sleep(forTimeInterval: 1)
        kill(process.processIdentifier, signal)
      }
      #expect(outcome.status == 128 + signal, "\(outcome)")
      #expect(outcome.error.contains("Stopped in epoch"), "\(outcome.error)")
      #expect(outcome.error.split(separator: "norma: ").count == 1)
      #expect(try TrainingStateFolder(folder.path("out/checkpoints")).files.count == 1)
    }
  }

  /// Trainings that do not depend on each other are dealt out, and all is written once.
  @Test func aLabAndAComparisonAreShared() throws {
    let mpi = MPI.installed[0]
    try mpi.withLibrary { library in
      let folder = try Folder()
      func results(_ arguments: [String], _ file: String, processes: Int) throws -> String {
        let out = folder.path("\(arguments[0]) \(processes)")
        let outcome = try Norma.launch(mpi, processes, arguments + ["--quiet", "--out", out], library: library)
        try #require(outcome.status == 0, "\(outcome.error)")
        #expect(outcome.output.components(separatedBy: "Report: ").count == 2)
        return try String(contentsOfFile: "\(out)/\(file)", encoding: .utf8)
      }
      let lab = ["lab", "run", "weight-scale", "--quick"]
      #expect(try results(lab, "results.json", processes: 1) == results(lab, "results.json", processes: 4))
      // Which holds times, too.
      let comparison = ["compare", "--epochs", "2", "--seeds", "2"]
      func losses(_ processes: Int) throws -> [[Double]] {
        let text = try results(comparison, "result.json", processes: processes)
        return try ResultFile.result(NormComparison.self, from: Data(text.utf8)).runs.map(\.stepLosses)
      }
      let (one, two) = (try losses(1), try losses(2))
      #expect(one.count == 4 && one == two)
    }
  }

  /// What all find wrong is told once; what one finds, with its rank.
  @Test func faultsAreToldOnce() throws {
    let mpi = MPI.installed[0]
    try mpi.withLibrary { library in
      func run(_ arguments: [String]) throws -> Norma.Outcome {
        try Norma.run(["train"] + arguments, environment: ["NORMA_MPI": library])
      }
      let folder = try Folder()
      let out = ["--out", folder.path("out")]
      expectFailure(
        try run(["--processes", "4", "--shards", "8", "--data", "csv:/nonexistent"] + out), status: 74,
        saying: "Could not read '/nonexistent'")
      expectFailure(try run(["--processes", "4"] + out), status: 64, saying: "--processes 4 takes --shards")
      expectFailure(
        try run(["--shard-optimizer", "--shards", "8"] + out), status: 64, saying: "--shard-optimizer is about")
      expectFailure(try run(["--processes", "3", "--shards", "8"] + out), status: 64, saying: "a power of two")
      // The trainings differ in a setting.
      let program = try Norma.executable.get().path
      func part(_ seed: String) -> [String] {
        ["-n", "1", program, "train", "--shards", "2", "--quiet", "--seed", seed] + out
      }
      let outcome = try Norma.run(
        launcher: mpi.launcher + part("1") + [":"] + part("2"), environment: ["NORMA_MPI": library])
      #expect(outcome.status == 70)
      #expect(outcome.error.contains("norma: process 1 has other settings than process 0"), "\(outcome.error)")
      #expect(outcome.error.split(separator: "norma: ").count == 2 || outcome.error.hasPrefix("norma: "))
      let several = try Norma.launch(mpi, 2, ["explain"], library: library)
      #expect(several.status == 64 && several.error.contains("`norma explain` is for one process"))
    }
  }

  /// Without what starts processes, it is said what to install.
  @Test func aMissingLauncherIsNamed() throws {
    let folder = try Folder()
    let outcome = try Norma.run(
      ["train", "--processes", "2", "--shards", "8", "--out", folder.path("out")],
      environment: ["PATH": "/nonexistent"])
    expectFailure(outcome, status: 64, saying: "mpirun, which is not installed: `make parallel`")
    #expect(FileAccess.kind(of: folder.path("out")) == nil)
  }
}
