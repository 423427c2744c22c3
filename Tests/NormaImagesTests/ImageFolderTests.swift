import Foundation
import NormaData
import NormaFiles
import NormaImages
import NormaTensor
import TestSupport
import Testing

@Suite struct ImageFolderTests {
  /// A folder to fill with copies of the images in `Tests/Fixtures/images`, removed with the value.
  private final class Folder {
    let url: URL

    /// Files by the places they are copied to.
    init(_ files: KeyValuePairs<String, String> = [:]) throws {
      url = try makeTemporaryDirectory()
      for (place, fixture) in files { try copy(fixture, to: place) }
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func file(_ place: String) throws -> URL {
      let file = url.appending(path: place)
      try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      return file
    }

    func copy(_ fixture: String, to place: String) throws {
      try FileManager.default.copyItem(at: fixturesDirectory.appending(path: "images/\(fixture)"), to: file(place))
    }

    func load(_ options: ImageFolderOptions = ImageFolderOptions()) throws -> (
      training: Dataset<Float>, test: Dataset<Float>?
    ) {
      try ImageFolder.load(url.path, options: options).datasets()
    }

    /// What is wrong with the folder.
    func problem(_ options: ImageFolderOptions = ImageFolderOptions()) -> String? {
      do {
        _ = try load(options)
        return nil
      } catch let error as FormatError { return error.description } catch { return "\(error)" }
    }
  }

  private static func twoClasses() throws -> Folder {
    try Folder([
      "dog/b.png": "color.png", "dog/a.jpg": "color.jpg", "cat/two.png": "palette.png", "cat/one.png": "gray.png",
    ])
  }

  private func classes(_ dataset: Dataset<Float>) -> [Int] {
    if case .classes(let classes, _) = dataset.targets { classes } else { [] }
  }

  private func pixels(_ fixture: String) throws -> [Float] {
    let path = fixturesDirectory.appending(path: "images/\(fixture)").path
    return try RasterImage(contentsOf: path).converted(toChannels: 3).pixels.map(Float.init)
  }

  @Test func subfoldersAreClassesAndTheirFilesExamples() throws {
    let folder = try Self.twoClasses()
    let data = try folder.load()
    #expect(data.test == nil)
    #expect(data.training.classNames == ["cat", "dog"] && data.training.name == folder.url.lastPathComponent)
    #expect(classes(data.training) == [0, 0, 1, 1])
    #expect(data.training.features.shape == [4, 19, 23, 3])
    for (row, fixture) in ["gray.png", "palette.png", "color.jpg", "color.png"].enumerated() {
      #expect(try data.training.features[rows: row..<row + 1].elements == pixels(fixture))
    }
    #expect(
      try DataSource(ImageFolderReader(path: folder.url.path)).read().datasets().training.features
        == data.training.features)
  }

  @Test(arguments: ["test", "val"])
  func trainAndTestHoldTheSameClasses(part: String) throws {
    let folder = try Folder([
      "train/cat/a.png": "gray.png", "train/dog/b.png": "color.png", "\(part)/dog/c.png": "palette.png",
    ])
    let data = try folder.load()
    let test = try #require(data.test)
    #expect(data.training.count == 2 && test.count == 1)
    #expect(classes(test) == [1] && test.classNames == ["cat", "dog"])
    try folder.copy("gray.png", to: "\(part)/cow/d.png")
    #expect(folder.problem()?.contains("'cow' is not one of the classes. They are: cat, dog.") == true)
  }

  @Test func aClassMayBeCalledTrain() throws {
    let folder = try Folder([
      "train/a.png": "gray.png", "train/b.png": "gray.png", "plane/a.png": "color.png", "plane/b.png": "color.png",
    ])
    #expect(try folder.load().training.classNames == ["plane", "train"])
  }

  @Test func imagesOfSeveralSizesNeedOneToBeNamed() throws {
    let folder = try Self.twoClasses()
    try folder.copy("small.png", to: "dog/c.png")
    let problem = try #require(folder.problem())
    #expect(problem.contains("dog/c.png': it is 5 × 4 pixels large, and the first image 23 × 19."))
    #expect(problem.contains("--image-size"))
    let fitted = try folder.load(ImageFolderOptions(shape: [7, 7, 3])).training.features
    #expect(fitted.shape == [5, 7, 7, 3])
    // Torch's figures for the fixture: see RasterImageTests.
    let file = try Safetensors(contentsOf: fixturesDirectory.appending(path: "images/expected.safetensors").path)
    let expected = try #require(file.entries["fitted.7"]?.tensor(of: Float.self)).elements
    #expect(zip(fitted[rows: 3..<4].elements, expected).allSatisfy { abs($0 - $1) <= 21 * 255 * 0x1p-24 })
    #expect(try folder.load(ImageFolderOptions(shape: [7, 9, 1])).training.exampleShape == [7, 9, 1])
  }

  @Test func theNumberOfThreadsChangesNothing() throws {
    let folder = try Self.twoClasses()
    let results = try resultsByThreadCount { try folder.load(ImageFolderOptions(shape: [8, 8, 3])).training.features }
    #expect(results.allSatisfy { haveSameBits($0, results[0]) })
  }

  @Test func knownClassesKeepTheirNumbers() throws {
    let folder = try Folder(["dog/a.png": "gray.png"])
    let data = try folder.load(ImageFolderOptions(classNames: ["cow", "cat", "dog"])).training
    #expect(classes(data) == [2] && data.classNames == ["cow", "cat", "dog"])
    #expect(folder.problem(ImageFolderOptions(classNames: ["cow", "cat"]))?.contains("'dog' is not one of") == true)
  }

  // MARK: What may stand beside images

  @Test func hiddenFilesAndFilesBesideTheClassesArePassedOver() throws {
    let folder = try Self.twoClasses()
    for place in [".DS_Store", "dog/.DS_Store", ".hidden/a.png", "README.txt"] {
      try Data("no image".utf8).write(to: folder.file(place))
    }
    #expect(try folder.load().training.count == 4)
  }

  @Test func symbolicLinksAreFollowed() throws {
    let folder = try Self.twoClasses()
    let manager = FileManager.default
    try manager.createSymbolicLink(atPath: folder.file("dog/c.png").path, withDestinationPath: "../cat/one.png")
    try manager.createSymbolicLink(atPath: folder.file("wolf").path, withDestinationPath: "dog")
    #expect(try folder.load().training.count == 8)
    try manager.createSymbolicLink(atPath: folder.file("dog/z.png").path, withDestinationPath: "nowhere.png")
    #expect(folder.problem()?.contains("dog/z.png': It is a symbolic link to 'nowhere.png'") == true)
  }

  @Test func linksInACircleArePassedOverOrNamed() throws {
    let folder = try Self.twoClasses()
    let manager = FileManager.default
    try manager.createSymbolicLink(atPath: folder.file("dog/c.png").path, withDestinationPath: "c.png")
    #expect(folder.problem()?.contains("dog/c.png") == true)
    try manager.removeItem(at: folder.file("dog/c.png"))
    try manager.createSymbolicLink(atPath: folder.file("wolf").path, withDestinationPath: "wolf")
    #expect(folder.problem() == nil)
    try manager.createSymbolicLink(atPath: folder.file("dog/up").path, withDestinationPath: "..")
    #expect(folder.problem()?.contains("dog/up': it is no file but a folder") == true)
  }

  @Test func aPipeIsNotWaitedFor() throws {
    let folder = try Self.twoClasses()
    #expect(try mkfifo(folder.file("dog/pipe.png").path, 0o600) == 0)
    #expect(folder.problem()?.contains("dog/pipe.png': it is no file but a folder or a device") == true)
  }

  // MARK: What is wrong

  @Test func aFileThatIsNoImageIsNamed() throws {
    let folder = try Self.twoClasses()
    try Data("label,1".utf8).write(to: folder.file("dog/labels.csv"))
    #expect(folder.problem()?.contains("dog/labels.csv': it is neither a PNG nor a JPEG") == true)
  }

  @Test func ofSeveralDamagedImagesTheFirstIsNamed() throws {
    let folder = try Self.twoClasses()
    for place in ["dog/x.png", "cat/x.png", "cat/y.png"] {
      try Data(contentsOf: fixturesDirectory.appending(path: "images/color.png")).prefix(500)
        .write(to: folder.file(place))
    }
    for _ in 0..<5 { #expect(folder.problem()?.contains("cat/x.png': the PNG is damaged or cut off") == true) }
  }

  @Test func aFolderWithoutClassesOrImagesIsRefused() throws {
    #expect(try Folder().problem()?.contains("it has no subfolders. It should hold a folder for each class") == true)
    #expect(try Folder(["a.png": "gray.png"]).problem()?.contains("it has no subfolders") == true)
    let missing = try Folder().url.appending(path: "none").path
    #expect(throws: FileError.self) { try ImageFolder.load(missing) }

    let folder = try Self.twoClasses()
    _ = try folder.file("ant/none")
    #expect(folder.problem()?.contains("ant': the class has no images. It takes one to learn from") == true)
    try folder.copy("gray.png", to: "ant/a.png")
    #expect(folder.problem()?.contains("ant': the class has one image alone. It takes one to learn from") == true)
    let one = try Folder(["dog/a.png": "gray.png", "dog/b.png": "gray.png"])
    #expect(one.problem()?.contains("one class alone, 'dog'") == true)
    let part = try Folder(["train/dog/a.png": "gray.png", "train/cat/b.png": "gray.png", "test/x.png": "gray.png"])
    #expect(part.problem()?.contains("test': it has no subfolders") == true)
  }

  @Test func originalsAreKeptAsPixelsOrFilesAndAreTheSameImages() throws {
    let folder = try Self.twoClasses()
    let scaled = try folder.load(ImageFolderOptions(shape: [7, 6, 3])).training
    var options = ImageFolderOptions(shape: [7, 6, 3], keepsOriginals: true)
    let pixelBytes = 4 * 19 * 23 * 3
    let files = try FileManager.default.subpathsOfDirectory(atPath: folder.url.path).map {
      try FileManager.default.attributesOfItem(atPath: folder.url.path + "/" + $0)
    }.filter { $0[.type] as? FileAttributeType == .typeRegular }
    let fileBytes = files.compactMap { $0[.size] as? Int }.reduce(0, +)
    #expect(fileBytes < pixelBytes)
    let augmentation = try ImageAugmentation(list: "resized-crop,flip")
    var batches: [Tensor<Float>] = []
    for limit in [pixelBytes, pixelBytes - 1, fileBytes] {
      options.maximumByteCount = limit
      let kept = try folder.load(options).training
      #expect(classes(kept) == classes(scaled) && kept.features == scaled.features)
      var random = RandomGenerator(seed: 3)
      batches.append(kept.batch([0, 2], changedBy: augmentation, using: &random).features)
    }
    #expect(batches[0] == batches[1] && batches[0] == batches[2])
    options.maximumByteCount = fileBytes - 1
    #expect(folder.problem(options)?.contains("take more memory than the") == true)
    let resized = try folder.load(ImageFolderOptions(shape: [7, 6, 3], shorterSide: 9)).training.features
    options = ImageFolderOptions(shape: [7, 6, 3], shorterSide: 9, keepsOriginals: true)
    #expect(try folder.load(options).training.features == resized && resized != scaled.features)
    try Data("no image".utf8).write(to: folder.file("dog/c.png"))
    #expect(folder.problem(options)?.contains("dog/c.png") == true)
  }

  @Test func imagesThatTakeTooMuchMemoryAreRefused() throws {
    let folder = try Self.twoClasses()
    // A byte a value; scaled images, whose values have fractions, take four.
    let size = 4 * 19 * 23 * 3
    #expect(folder.problem(ImageFolderOptions(maximumByteCount: size)) == nil)
    let problem = folder.problem(ImageFolderOptions(maximumByteCount: size - 1))
    #expect(problem?.contains("4 images of 23 × 19 pixels take") == true)
    let scaled = folder.problem(ImageFolderOptions(shape: [19, 23, 3], maximumByteCount: 4 * size - 1))
    #expect(scaled?.contains("4 images of 23 × 19 pixels take") == true)
    let large = folder.problem(ImageFolderOptions(shape: [1_000_000, 1_000_000, 3]))
    #expect(large?.contains("take 4.8e+04 GB") == true)
  }
}
