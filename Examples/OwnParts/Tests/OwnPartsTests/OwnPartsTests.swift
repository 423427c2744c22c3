import Foundation
import Testing

/// The example as a person runs it: each command a process of its own.
@Suite struct OwnPartsTests {
  private let folder = FileManager.default.temporaryDirectory.appending(path: "own-parts-\(UUID().uuidString)")

  init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

  /// The command stands beside the tests.
  private static let command =
    Bundle.allBundles.map(\.bundleURL).first { $0.path.hasSuffix(".xctest") }?
    .deletingLastPathComponent().appending(path: "own-parts")
    ?? URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "own-parts")

  private func start(_ arguments: String...) throws -> (process: Process, output: Pipe) {
    let process = Process()
    process.executableURL = Self.command
    process.currentDirectoryURL = folder
    process.arguments = arguments
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    return (process, output)
  }

  private func run(_ arguments: String...) throws -> String {
    let (process, output) = try start(arguments[0], arguments[1])
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    return text
  }

  private func bytes(_ name: String) throws -> Data { try Data(contentsOf: folder.appending(path: name)) }

  @Test func aTrainingThatIsKilledGoesOnToTheSameBitsAndServesAndExports() throws {
    _ = try run("train", "whole")
    // Killed as soon as there is a state to go on from.
    let (process, _) = try start("train", "killed")
    let state = folder.appending(path: "killed.state.safetensors").path
    while process.isRunning && !FileManager.default.fileExists(atPath: state) { usleep(200) }
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    #expect(process.terminationReason == .uncaughtSignal)
    #expect(try run("train", "killed").contains("goes on after"))
    #expect(try bytes("whole.safetensors") == bytes("killed.safetensors"))

    let text = try run("serve", "whole")
    let accuracy = try #require(Double(text.dropFirst("accuracy ".count).dropLast()))
    #expect(accuracy > 0.9, "ten classes in equal shares, of which chance finds a tenth")
    guard let python = ProcessInfo.processInfo.environment["NORMA_PYTHON"] else {
      print("Skipped: the comparison with ONNX Runtime, which needs NORMA_PYTHON")
      return
    }
    let check = Process()
    check.executableURL = URL(filePath: python)
    check.currentDirectoryURL = folder
    check.arguments = [
      "-c",
      """
      import numpy, onnxruntime
      from safetensors.numpy import load_file
      answers = load_file("whole.answers.safetensors")
      session = onnxruntime.InferenceSession("whole.onnx")
      found = session.run(None, {"input": answers["x"]})[0]
      error = numpy.abs(found - answers["y"]).max() / numpy.abs(answers["y"]).max()
      print("ONNX Runtime differs by", error)
      assert error < 1e-5, error
      """,
    ]
    try check.run()
    check.waitUntilExit()
    #expect(check.terminationStatus == 0)
  }
}
