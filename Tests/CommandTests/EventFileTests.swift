import Foundation
import Norma
import NormaImages
import NormaLab
import TestSupport
import Testing

/// Event files for TensorBoard, written by `--tensorboard`.
struct EventFileTests {
  private static let smallNetwork = ["--model", "mlp:5,5", "--epochs", "2", "--quiet"]

  @Test func trainingWritesOneFileIntoTheFolder() throws {
    let folder = try Folder()
    let arguments = ["train", "--out", folder.path("out"), "--tensorboard", folder.path("runs/a")]
    #expect(try Norma.run(arguments + Self.smallNetwork).status == 0)
    #expect(try folder.names(in: "runs") == ["a"])
    let names = try folder.names(in: "runs/a")
    #expect(names.count == 1 && names.allSatisfy { $0.hasPrefix("events.out.tfevents.") })
  }

  @Test(.enabled(if: LoggedValue.canBeRead, "NORMA_PYTHON names no Python with TensorBoard"))
  func tensorBoardReadsTheHistoryOfATraining() throws {
    let folder = try Folder()
    let arguments = ["train", "--out", folder.path("out"), "--tensorboard", folder.path("run")]
    #expect(try Norma.run(arguments + Self.smallNetwork).status == 0)
    let history = try ResultFile.result(TrainingHistory.self, from: Data(try folder.bytes("out/history.json")))
    let read = try LoggedValue.readAll(in: folder.path("run"))
    func scalars(_ tag: String) -> [Float?] { read.filter { $0.tag == tag }.map { $0.scalar.map(Float.init) } }
    #expect(scalars("loss/training") == history.epochs.map { Float($0.trainingLoss) })
    #expect(scalars("loss/validation") == history.epochs.map { $0.validationLoss.map(Float.init) })
    #expect(scalars("accuracy/training") == history.epochs.map { Float($0.trainingMetric) })
    #expect(scalars("accuracy/validation") == history.epochs.map { $0.validationMetric.map(Float.init) })
    #expect(scalars("learning rate") == history.epochs.map { Float($0.learningRate) })
    #expect(scalars("loss/step") == history.stepLosses.map { Float($0) })
    let histograms = read.filter { $0.histogram != nil }
    #expect(histograms.map(\.tag) == (0...2).flatMap { _ in ["activations/hidden 1", "activations/hidden 2"] })
    let steps = history.stepLosses.count / 2
    #expect(histograms.map(\.step) == [0, 0, steps, steps, 2 * steps, 2 * steps])
    #expect(read.first { $0.tag == "settings" }?.texts?.first?.contains("| network | mlp:5,5 |") == true)
  }

  @Test(.enabled(if: LoggedValue.canBeRead, "NORMA_PYTHON names no Python with TensorBoard"))
  func tensorBoardReadsARunForEachNormalizationOfAComparison() throws {
    let folder = try Folder()
    let arguments = [
      "compare", "--model", "convnet", "--epochs", "1", "--seeds", "1", "--quiet", "--norm", "none,batch",
    ]
    let outcome = try Norma.run(
      arguments + ["--json", "--out", folder.path("out"), "--tensorboard", folder.path("runs")])
    #expect(outcome.status == 0)
    let result = try ResultFile.result(NormComparison.self, from: Data(outcome.output.utf8))
    #expect(try folder.names(in: "runs") == ["batch", "none"])
    for run in result.runs {
      let read = try LoggedValue.readAll(in: folder.path("runs/\(run.norm)"))
      let loss = try #require(read.first { $0.tag == "loss/validation" }?.scalar)
      #expect(Float(loss) == Float(run.epochs[1].validationLoss))
      for activation in run.activationsAfter where run.bestEpoch == 1 {
        let tag = "activations/\(activation.layer)"
        let histogram = try #require(read.first { $0.tag == tag && $0.step > 0 }?.histogram)
        #expect(histogram.counts == activation.histogram.counts.map(Double.init))
      }
      let images = read.compactMap(\.image)
      #expect(images.count == 2)
      let filters = try #require(run.firstFilters)
      let shown = try #require(images.last)
      let image = try RasterImage(bytes: [UInt8](shown.png), file: "filters")
      #expect(image == FilterGrid(title: "", filters: filters).image())
    }
  }

  /// Killed between two checkpoints and gone on with, twice: every step is shown once, as if nothing had happened.
  @Test(.enabled(if: LoggedValue.canBeRead, "NORMA_PYTHON names no Python with TensorBoard"))
  func aTrainingThatIsGoneOnWithShowsEachStepOnce() throws {
    let folder = try Folder()
    let options = ["--model", "mlp:8,8", "--epochs", "30", "--batch-size", "50", "--quiet"]
    let whole = try Norma.run(
      ["train", "--out", folder.path("whole"), "--tensorboard", folder.path("whole-events")] + options)
    try #require(whole.status == 0, "\(whole.error)")
    let arguments = ["train", "--out", folder.path("out"), "--tensorboard", folder.path("events")]
    for attempt in 0..<2 {
      let isKilled = try Norma.kill(
        arguments + (attempt == 0 ? options + ["--checkpoint-every", "37steps"] : ["--resume"])
      ) {
        let files = try TrainingStateFolder(folder.path("out/checkpoints")).files
        return files.last.map {
          $0 > "\(folder.path("out/checkpoints"))/step-00000000\(attempt == 0 ? "0150" : "0400")"
        } ?? false
      }
      try #require(isKilled, "it ended before it could be killed")
    }
    let end = try Norma.run(["train", "--out", folder.path("out"), "--resume"] + Array(arguments.suffix(2)))
    try #require(end.status == 0, "\(end.error)")
    #expect(try folder.names(in: "events").count == 3)
    func shown(_ name: String) throws -> String {
      try Python.runLines(
        """
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
        events = EventAccumulator(arguments[0], size_guidance={"scalars": 0, "histograms": 0, "tensors": 0})
        events.Reload()
        for tag in sorted(events.Tags()["scalars"]):
            print(tag, [(event.step, event.value) for event in events.Scalars(tag)])
        for tag in sorted(events.Tags()["histograms"]):
            print(tag, [(event.step, event.histogram_value.bucket) for event in events.Histograms(tag)])
        """, folder.path(name))
    }
    #expect(try shown("events") == shown("whole-events"))
  }

  @Test func aFolderThatCannotBeMadeIsToldOfBeforeTraining() throws {
    let folder = try Folder()
    try folder.write("a file", to: "file")
    let outcome = try Norma.run(
      ["train", "--out", folder.path("out"), "--tensorboard", folder.path("file/run")] + Self.smallNetwork)
    expectFailure(outcome, status: 74, saying: "Could not create '\(folder.path("file/run"))'")
  }

  /// The shell lets no file grow beyond a few blocks, which a process sees much as it sees a full disk.
  @Test func aFullDiskCostsTheEventsAndNotTheTraining() throws {
    let folder = try Folder()
    let outcome = try Norma.shell(
      "ulimit -f 64; \"$norma\" train --epochs 20 --model mlp:4,4,4 --quiet --out out --tensorboard run",
      directory: folder.url)
    #expect(outcome.status == 74)
    #expect(outcome.error.contains("Could not write 'run/events.out.tfevents."), "\(outcome.error)")
    #expect(outcome.output.contains("Model: out/model.safetensors"))
    #expect(try Norma.run(["evaluate", folder.path("out/model.safetensors")]).status == 0)
    guard LoggedValue.canBeRead else { return }
    let read = try LoggedValue.readAll(in: folder.path("run"))
    #expect(read.count { $0.tag == "loss/training" } > 3)
  }
}
