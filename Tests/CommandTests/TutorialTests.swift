import Foundation
import Norma
import NormaImages
import TestSupport
import Testing

/// The commands of the guide from photos to a service, as they stand there.
struct TutorialTests {
  /// The lines of the blocks that are marked as `sh`.
  private static let commands: [String] = {
    let page = "../../Sources/Norma/Norma.docc/Guides/FromPhotosToAService.md"
    let path = fixturesDirectory.appending(path: page).standardized
    let text = (try? String(contentsOf: path, encoding: .utf8)) ?? ""
    return text.components(separatedBy: "```sh\n").dropFirst().flatMap { block in
      block.components(separatedBy: "```")[0].split(separator: "\n").map(String.init)
    }
  }()

  /// Photos of two kinds, of many sizes, and a network of torchvision's with drawn weights.
  private func makeFolder() throws -> Folder {
    let folder = try Folder()
    let network: Sequential<Float> = try ModelArchitecture(parsing: "resnet18").recipe.build(
      sampleShape: [224, 224, 3], outputCount: 1000, random: RandomGenerator(seed: 4))
    try StateDictionary(network, sampleShape: [224, 224, 3]).write(to: folder.path("resnet18.safetensors"))
    var random = RandomGenerator(seed: 11)
    for (place, name) in ["cats", "dogs"].enumerated() {
      for number in 1...12 {
        let (height, width) = (Int.random(in: 40...70, using: &random), Int.random(in: 40...70, using: &random))
        let pixels: [UInt8] = (0..<height * width * 3).map { index in
          UInt8.random(in: index % 3 == 2 * place ? 120...250 : 20...150, using: &random)
        }
        let image = RasterImage(height: height, width: width, channelCount: 3, pixels: pixels)
        try folder.write(image.encodedAsPNG(), to: "photos/\(name)/\(number).png")
      }
    }
    return folder
  }

  @Test func everyCommandOfTheTutorialDoesWhatItSays() throws {
    let folder = try makeFolder()
    #expect(Self.commands.count == 9)
    for command in Self.commands {
      #expect(command.hasPrefix("norma "))
      // A file of PyTorch's is written by PyTorch; the same tensors do.
      let script =
        "\"$norma\"" + command.dropFirst(5).replacing("resnet18.pt", with: "resnet18.safetensors")
      let outcome = try Norma.shell(script, directory: folder.url)
      // A diagnosis that finds something says so by its code.
      #expect(
        outcome.status == 0 || (command.contains("diagnose") && outcome.status == 1), "\(command)\n\(outcome.error)")
    }
    for file in ["tuned.html", "diagnosis.html", "answers.csv", "mended.safetensors", "mended.onnx"] {
      #expect(try !folder.bytes(file).isEmpty)
    }
    let answers = String(decoding: try folder.bytes("answers.csv"), as: UTF8.self)
    #expect(answers.split(separator: "\n").count == 25)
  }
}
