import Foundation
import Norma
import NormaImages
import TestSupport
import Testing

/// A network with torchvision's names, tuned on a folder of images of many sizes, with all that fine-tuning takes.
struct TuningTests {
  private static let model = "shufflenet_v2_x0_5"
  private static let mean: [Float] = [123.675, 116.28, 103.53]
  private static let scale: [Float] = [58.395, 57.12, 57.375]

  /// A state dictionary of drawn weights for five classes, `base.safetensors`, and images of two classes, reddish and bluish.
  private static func makeFolder(sides: ClosedRange<Int> = 30...45) throws -> Folder {
    let folder = try Folder()
    let network: Sequential<Float> = try ModelArchitecture(parsing: model).recipe.build(
      sampleShape: [32, 32, 3], outputCount: 5, random: RandomGenerator(seed: 4))
    try StateDictionary(network, sampleShape: [32, 32, 3]).write(to: folder.path("base.safetensors"))
    var random = RandomGenerator(seed: 11)
    for (place, name) in ["blue", "red"].enumerated() {
      for number in 0..<12 {
        let (height, width) = (Int.random(in: sides, using: &random), Int.random(in: sides, using: &random))
        let bright = place == 0 ? 2 : 0
        let pixels: [UInt8] = (0..<height * width * 3).map { index in
          UInt8.random(in: index % 3 == bright ? 120...250 : 20...150, using: &random)
        }
        let image = RasterImage(height: height, width: width, channelCount: 3, pixels: pixels)
        try folder.write(image.encodedAsPNG(), to: "photos/\(name)/\(number).png")
      }
    }
    return folder
  }

  private static func arguments(_ folder: Folder) -> [String] {
    func list(_ numbers: [Float]) -> String { numbers.map { "\($0)" }.joined(separator: ",") }
    return [
      "train", "--data", "images:" + folder.path("photos"), "--from", folder.path("base.safetensors"), "--model", model,
      "--image-size", "32", "--mean", list(mean), "--scale", list(scale), "--epochs", "3", "--batch-size", "6",
      "--validation", "4", "--learning-rate", "0.01", "--quiet",
    ]
  }

  private static let everything = [
    "--image-resize", "36", "--augment", "resized-crop:0.3,randaugment:2:9,jitter:0.4:0.1,crop:2,flip,erasing:0.3",
    "--mixup", "0.2", "--cutmix", "1", "--freeze", "conv1", "--freeze-statistics", "conv1", "--group", "stage2:0.1",
    "--head-rate", "5", "--warm-up", "1", "--label-smoothing", "0.1", "--average", "ema:0.9", "--checkpoint-every",
    "1steps", "--checkpoints", "100",
  ]

  private func checkpoint(_ folder: Folder, _ name: String) throws -> Checkpoint {
    try Checkpoint(contentsOf: folder.path("\(name)/model.safetensors"))
  }

  @Test func allOfItTogetherGoesOnToTheSameBitsAfterATrainingIsKilled() throws {
    let folder = try Self.makeFolder()
    let options = Self.arguments(folder) + Self.everything
    let whole = try Norma.run(options + ["--out", folder.path("whole"), "--threads", "1"])
    try #require(whole.status == 0, "\(whole.error)")
    let settings = try checkpoint(folder, "whole").settings
    #expect(settings.standardization?.mean.map(Float.init) == Self.mean)
    #expect(settings.standardization?.scale.map(Float.init) == Self.scale)
    #expect(settings.shorterSide == 36 && settings.exampleShape == [32, 32, 3])
    #expect(settings.training.augmentation?.description == Self.everything[3])
    #expect(settings.training.cutmix == 1 && settings.training.groups.count == 2)
    // What is frozen is as it was.
    let base = try StateDictionary(contentsOf: folder.path("base.safetensors")).entries
    let tuned = try checkpoint(folder, "whole").stateDictionary().entries
    func bytes(_ entries: [String: Safetensors.Entry], _ name: String) -> [Float] {
      entries[name]?.values(of: Float.self).elements ?? []
    }
    for name in base.keys.filter({ $0.hasPrefix("conv1.") && !$0.hasSuffix("tracked") }) {
      #expect(bytes(base, name) == bytes(tuned, name), "\(name)")
    }
    #expect(bytes(base, "stage3.0.branch1.0.weight") != bytes(tuned, "stage3.0.branch1.0.weight"))
    // Killed in the middle of the second epoch, and on another number of threads.
    let killed = folder.path("killed")
    _ = try Norma.kill(options + ["--out", killed, "--threads", "2"]) {
      FileManager.default.fileExists(atPath: killed + "/checkpoints/step-000000000005.safetensors")
    }
    let resumed = try Norma.run(["train", "--resume", "--quiet", "--out", killed, "--threads", "3"])
    #expect(resumed.status == 0, "\(resumed.error)")
    #expect(try folder.bytes("killed/model.safetensors") == folder.bytes("whole/model.safetensors"))
    // The images that were set aside are seen as they were, and so are others.
    let evaluated = try Norma.run(["evaluate", folder.path("whole")])
    #expect(evaluated.status == 0 && evaluated.output.contains("validation part, 4 examples: accuracy"))
    struct Row: Decodable { var probabilities: [String: Double] }
    let rows: [Row] = try Norma.run(
      ["predict", folder.path("whole"), "--data", "images:" + folder.path("photos"), "--json"]
    ).json()
    let file: [Row] = try Norma.run(["predict", folder.path("whole"), folder.path("photos/blue/0.png"), "--json"])
      .json()
    #expect(rows.count == 24 && abs(rows[0].probabilities["red"]! - file[0].probabilities["red"]!) < 1e-5)
    let inspected = try Norma.run(["inspect", folder.path("whole")]).output
    #expect(inspected.contains("2 operations of magnitude 9 drawn from a list"))
  }

  @Test func whatIsTunedGoesBackUnderTorchvisionsNames() throws {
    let folder = try Self.makeFolder(sides: 32...32)
    let tuned = try Norma.run(
      Self.arguments(folder) + ["--augment", "resized-crop,flip", "--epochs", "1", "--out", folder.path("tuned")])
    try #require(tuned.status == 0, "\(tuned.error)")
    let (back, again) = (folder.path("back.safetensors"), folder.path("again.safetensors"))
    for arguments in [
      [folder.path("tuned"), "-o", back], [back, "--like", folder.path("tuned"), "-o", again],
    ] {
      let outcome = try Norma.run(["convert"] + arguments)
      try #require(outcome.status == 0, "\(outcome.error)")
    }
    let base = try Safetensors(contentsOf: folder.path("base.safetensors")).entries
    let entries = try Safetensors(contentsOf: back).entries
    #expect(Set(base.keys) == Set(entries.keys))
    for (name, entry) in entries {
      var expected: [Int] = Array(try #require(base[name]).shape)
      if name.hasPrefix("fc.") { expected[0] = 2 }
      #expect(Array(entry.shape) == expected, "\(name)")
    }
    #expect(try Checkpoint(contentsOf: again).state == checkpoint(folder, "tuned").state)
    guard hasTorchvision else { return }
    struct Row: Decodable { var probabilities: [String: Double] }
    let rows: [Row] = try Norma.run(
      ["predict", folder.path("tuned"), "--data", "images:" + folder.path("photos"), "--json"]
    ).json()
    let found = try Python.runLines(Self.torchvision, back, folder.path("photos"), "\(Self.mean)", "\(Self.scale)")
    let expected = found.split(separator: "\n").compactMap { Double($0) }
    try #require(expected.count == rows.count)
    // The same weights in another order of sums, in probabilities.
    for (row, probability) in zip(rows, expected) { #expect(abs(row.probabilities["red"]! - probability) < 1e-5) }
  }

  /// What torchvision's network, which takes the state as it is, makes of the images.
  private static let torchvision = """
    import json, pathlib, types
    sys.modules.setdefault("torchvision._meta_registrations", types.ModuleType("torchvision._meta_registrations"))
    import numpy, torch, torchvision
    from PIL import Image
    from safetensors.torch import load_file
    net = torchvision.models.\(model)(num_classes=2)
    net.load_state_dict(load_file(arguments[0]), strict=True)
    folder = pathlib.Path(arguments[1])
    paths = [folder / name / file for name in ["blue", "red"] for file in sorted(path.name for path in (folder / name).iterdir())]
    mean, scale = (numpy.array(json.loads(text)) for text in arguments[2:])
    x = numpy.stack([(numpy.asarray(Image.open(path), numpy.float64) - mean) / scale for path in paths])
    with torch.no_grad():
        y = net.double().eval()(torch.tensor(x.transpose(0, 3, 1, 2)))
    print("\\n".join(str(p) for p in y.softmax(1)[:, 1].tolist()))
    """

  @Test func aModelOfImagesSaysHowLargeTheyAreAndWhatTheyAreStandardizedBy() throws {
    let folder = try Self.makeFolder()
    let converted = try Norma.run([
      "convert", folder.path("base.safetensors"), "--model", Self.model, "--shape", "32x32x3", "--mean", "100",
      "--scale",
      "50", "-o", folder.path("base-model.safetensors"),
    ])
    try #require(converted.status == 0, "\(converted.error)")
    let options = [
      "train", "--data", "images:" + folder.path("photos"), "--from", folder.path("base-model.safetensors"), "--epochs",
      "1", "--augment", "resized-crop", "--out", folder.path("out"), "--quiet",
    ]
    let outcome = try Norma.run(options)
    try #require(outcome.status == 0, "\(outcome.error)")
    let settings = try checkpoint(folder, "out").settings
    #expect(settings.exampleShape == [32, 32, 3] && settings.standardization?.mean == [100])
    #expect(settings.shorterSide == nil)
    expectFailure(
      try Norma.run(options + ["--overwrite", "--mean", "1"]), status: 64,
      saying: "`norma convert` changes those of a model")
    expectFailure(
      try Norma.run(options + ["--overwrite", "--image-resize", "31"]), status: 64,
      saying: "a number of pixels from 32 on")
  }

  @Test(arguments: [
    (
      ["--augment", "rotate:3"],
      "--augment takes a list such as resized-crop,flip,jitter:0.4, or none: 'rotate:3' is no"
    ),
    (
      ["--augment", "jitter:x"], "jitter:BRIGHTNESS:CONTRAST:SATURATION:HUE, crop:PIXELS, flip and erasing:PROBABILITY"
    ),
    (["--augment", "crop:40"], "with 40 zeros around an image of 32 × 32 pixels"),
    (["--cutmix", "0"], "--cutmix takes a number above 0"),
    (["--image-resize", "20"], "from 32, which --image-size is, to 8192, not 20"),
    (["--mean", "a"], "--mean takes numbers separated by commas, not 'a'"),
    (["--mean", "1,2"], "--mean and --scale take one number each, or 3"),
    (["--standardize", "channel"], "--standardize asks the data for what --mean and --scale say"),
  ])
  func whatCannotBeIsSaid(options: [String], words: String) throws {
    let folder = try Self.makeFolder()
    let outcome = try Norma.run(Self.arguments(folder) + options + ["--out", folder.path("out")])
    #expect(outcome.status == 64 && outcome.output == "" && outcome.error.contains(words), "\(outcome.error)")
    #expect(FileAccess.kind(of: folder.path("out/model.safetensors")) == nil)
  }

  @Test(arguments: [
    (["--data", "digits", "--augment", "jitter:0.1"], "no images"),
    (["--data", "digits", "--model", "convnet:2x3,4", "--augment", "jitter:0.1"], "these are other numbers"),
    (["--data", "digits", "--image-resize", "9"], "--image-resize is for data from images:FOLDER"),
    (["--data", "digits", "--mean", "8", "--folds", "3"], "leave out --mean and --scale"),
    (["--data", "csv:x.csv", "--mean", "8"], "not for tables"),
  ])
  func whatIsForOtherDataIsSaid(options: [String], words: String) throws {
    let folder = try Folder()
    let outcome = try Norma.run(["train", "--epochs", "1", "--quiet", "--out", folder.path("out")] + options)
    #expect(outcome.status == 64 && outcome.error.contains(words), "\(outcome.error)")
  }
}

private let hasTorchvision =
  Python.has("torch", "safetensors", "PIL")
  && (try? Python.runLines("import importlib.util\nassert importlib.util.find_spec('torchvision')")) != nil
