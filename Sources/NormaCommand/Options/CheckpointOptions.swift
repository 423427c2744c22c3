import ArgumentParser
import Foundation
import Norma
import NormaTerminal

/// How often a training's state is saved.
enum CheckpointInterval: ExpressibleByArgument {
  case epochs(Int)
  case steps(Int)

  init?(argument: String) {
    let text = argument.hasSuffix("steps") ? String(argument.dropLast(5)) : argument
    guard let count = Int(text), count >= 1 else { return nil }
    self = text == argument ? .epochs(count) : .steps(count)
  }
}

/// What is kept of a training while it runs, and whether one is gone on with.
struct CheckpointOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "How often the training is saved: every so many epochs, such as 5, or steps, such as 200steps. (default: each epoch, but not more often than every two seconds)",
      valueName: "interval"))
  var checkpointEvery: CheckpointInterval?

  @Option(
    help: ArgumentHelp("How many of these checkpoints are kept: the last so many. 0 saves none.", valueName: "count"))
  var checkpoints = 2

  @Flag(help: "Go on with the training in --out that was interrupted; see INTERRUPTED above.")
  var resume = false

  @Flag(help: "Begin anew where a training in --out was interrupted, whose checkpoints are replaced.")
  var overwrite = false

  func validate() throws {
    guard !resume || !overwrite else { throw ValidationError("Give --resume or --overwrite, not both.") }
    guard (0...1_000_000).contains(checkpoints) else {
      throw ValidationError("--checkpoints takes a number from 0 on, not \(checkpoints).")
    }
    guard checkpoints > 0 || checkpointEvery == nil else {
      throw ValidationError("--checkpoint-every is for --checkpoints 1 or more.")
    }
  }
}

/// A training that a signal asked to end, and that was saved.
struct TrainingStopped: Error, CustomStringConvertible {
  let signal: Int32
  let position: String
  let resumption: String

  var description: String { "Stopped in \(position), and saved; `\(resumption)` goes on from there." }

  /// The exit code that a shell gives a process that the signal ended.
  var exitCode: Int32 { 128 + signal }
}

/// Saves a training's state as often as was asked for.
struct CheckpointSaver {
  /// Without it being said, an epoch that ends sooner after the last checkpoint gets none.
  private static let shortestPause = Duration.seconds(2)

  private var folder: TrainingStateFolder
  private let interval: CheckpointInterval?
  private let notes: [String: String]
  private let resumption: String
  private let clock = ContinuousClock()
  private var last: ContinuousClock.Instant

  /// - Parameter resumption: the command that goes on with the training.
  init(
    _ folder: TrainingStateFolder, interval: CheckpointInterval?, notes: [String: String], resumption: String
  ) {
    self.folder = folder
    self.interval = interval
    self.notes = notes
    self.resumption = resumption
    last = clock.now
  }

  /// Saves the state after an event, if it is time or the training is to stop here. The end of the training needs no
  /// checkpoint: the model is written next.
  ///
  /// - Throws: ``TrainingStopped`` once the state is saved, if a signal asked for an end.
  mutating func save(_ trainer: Trainer<Float>, after event: Trainer<Float>.Event) throws {
    if case .epoch(let epoch) = event, epoch.number >= trainer.configuration.epochs { return }
    guard trainer.isStopping || trainer.group.isFirst && trainer.hasState && isDue(trainer, after: event) else {
      return
    }
    // The first tells of it, too.
    var position = ""
    if trainer.group.isFirst {
      var state = trainer.state
      position = state.position
      state.notes = notes
      try folder.write(state)
    }
    last = clock.now
    if trainer.isStopping {
      // Another process may have been asked.
      throw TrainingStopped(
        signal: StopRequest.signal ?? SIGTERM, position: position, resumption: resumption)
    }
  }

  /// Whether it is time to save after an event.
  func isDue(_ trainer: Trainer<Float>, after event: Trainer<Float>.Event) -> Bool {
    switch (interval, event) {
    case (.steps(let count), .step): trainer.history.stepLosses.count % count == 0
    case (.epochs(let count), .epoch(let epoch)): epoch.number % count == 0
    case (nil, .epoch): clock.now - last >= Self.shortestPause
    default: false
    }
  }
}
