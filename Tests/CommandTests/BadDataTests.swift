import Foundation
import Norma
import Testing

/// Files whose content is not what it should be: exit status 65, and what was there before stays.
struct BadDataTests {
  /// Trains on data that are to be refused, into a folder with an earlier model.
  private func expectRefusal(
    _ folder: Folder, _ data: String, _ options: [String] = [], saying words: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    try folder.write("earlier", to: "out/model.safetensors")
    let outcome = try Norma.run(
      ["train", "--data", data, "--epochs", "1", "--model", "mlp:4", "--out", folder.path("out")] + options)
    expectFailure(outcome, status: 65, saying: words, sourceLocation: sourceLocation)
    #expect(try folder.names(in: "out") == ["model.safetensors"], sourceLocation: sourceLocation)
    #expect(try folder.bytes("out/model.safetensors") == Array("earlier".utf8), sourceLocation: sourceLocation)
  }

  // MARK: IDX

  private static let names = [
    "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte",
  ]

  private static func idx(_ shape: [Int], _ elements: [UInt8]) -> [UInt8] {
    [0, 0, 8, UInt8(shape.count)] + shape.flatMap { [0, 0, UInt8($0 >> 8), UInt8($0 & 255)] } + elements
  }

  /// Twelve images of 2 × 2 pixels in two classes.
  private static let images = idx([12, 2, 2], (0..<48).map { UInt8($0 * 5) })
  private static let labels = idx([12], (0..<12).map { UInt8($0 % 2) })

  private func makeMNIST(replacing name: String? = nil, with bytes: [UInt8] = []) throws -> Folder {
    let folder = try Folder()
    for file in Self.names {
      let whole = file.contains("images") ? Self.images : Self.labels
      try folder.write(file == name ? bytes : whole, to: "data/\(file)")
    }
    return folder
  }

  @Test func dataThatAreRefusedLeaveNoFolderBehind() throws {
    let folder = try Folder()
    let data = try folder.write("a,b,label\n1,2,x\n3,oops,y\n4,5,x\n6,7,y\n", to: "data.csv")
    for command in ["train", "compare"] {
      expectFailure(
        try Norma.run([command, "--data", "csv:\(data)", "--out", folder.path("out")]), status: 65, saying: "oops")
      #expect(try folder.names() == ["data.csv"])
    }
  }

  @Test func wholeIDXFilesAreTaken() throws {
    let folder = try makeMNIST()
    let outcome = try Norma.run([
      "train", "--data", "mnist:\(folder.path("data"))", "--epochs", "1", "--model", "mlp:4", "--out",
      folder.path("out"),
    ])
    #expect(outcome.status == 0, "\(outcome.error)")
  }

  @Test(arguments: [
    ("train-images-idx3-ubyte", Array(images.dropLast()), "cut off"),
    ("train-images-idx3-ubyte", Array(images.prefix(7)), "header"),
    ("train-images-idx3-ubyte", [], "header"),
    ("train-images-idx3-ubyte", images + [0], "follow"),
    ("train-images-idx3-ubyte", labels, "check the files' names"),
    ("train-images-idx3-ubyte", Array("<html>".utf8), "IDX"),
    ("t10k-labels-idx1-ubyte", images, "check the files' names"),
    ("t10k-labels-idx1-ubyte", idx([11], Array(repeating: 0, count: 11)), "11 labels for the 12 images"),
    ("t10k-labels-idx1-ubyte", idx([12], Array(repeating: 10, count: 12)), "the label 10"),
    ("t10k-labels-idx1-ubyte", [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 1], "gzip"),
  ])
  func aDamagedIDXFileIsNamed(file: String, bytes: [UInt8], words: String) throws {
    let folder = try makeMNIST(replacing: file, with: bytes)
    try expectRefusal(folder, "mnist:\(folder.path("data"))", saying: words)
    try expectRefusal(folder, "mnist:\(folder.path("data"))", saying: file)
  }

  // MARK: CIFAR-10

  private static func cifarBatch(labels: [UInt8]) -> [UInt8] {
    labels.flatMap { label in [label] + [UInt8](repeating: 10 * label, count: 3072) }
  }

  private static let cifarClasses = (0...9).map { "class \($0)\n" }.joined()

  @Test(arguments: [
    ("data_batch_1.bin", Array(cifarBatch(labels: [1, 2]).dropLast()), "whole number of records"),
    ("data_batch_1.bin", cifarBatch(labels: [1, 10]), "the label 10 of record 2"),
    ("test_batch.bin", [], "whole number of records"),
    ("batches.meta.txt", Array("plane\n".utf8), "10 classes"),
  ])
  func aDamagedCIFARFileIsNamed(file: String, bytes: [UInt8], words: String) throws {
    let folder = try Folder()
    for name in ["data_batch_1.bin", "test_batch.bin"] {
      try folder.write(name == file ? bytes : Self.cifarBatch(labels: [0, 1, 2, 3]), to: "data/\(name)")
    }
    try folder.write(
      file == "batches.meta.txt" ? bytes : Array(Self.cifarClasses.utf8), to: "data/batches.meta.txt")
    try expectRefusal(folder, "cifar10:\(folder.path("data"))", saying: words)
    try expectRefusal(folder, "cifar10:\(folder.path("data"))", saying: file)
  }

  @Test func anArchiveThatIsCutOffIsRefused() throws {
    let folder = try Folder()
    try folder.write([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 1], to: "cifar-10-binary.tar.gz")
    try expectRefusal(folder, "cifar10:\(folder.path("cifar-10-binary.tar.gz"))", saying: "gzip")
    try folder.write("no tar", to: "cifar.tar")
    try expectRefusal(folder, "cifar10:\(folder.path("cifar.tar"))", saying: "tar")
  }

  // MARK: CSV

  @Test(arguments: [
    ("", "no rows"),
    ("a,b,c\n", "no rows"),
    ("1,2,x\n3,4\n", "row 2"),
    ("1,2,x\n3,inf,y\n", "'inf' is no finite number"),
    ("1,2,x\n3,\"1,234\",y\n", "--decimal"),
    ("1,2,x\n3,four,y\n", "row 2, column 2"),
    ("1,2,x\n3,4,x\n", "all rows have the label"),
    ("1,2,0.5\n3,4,1.5\n3,4,2.5\n3,4,many\n", "row 4, column 3"),
    ("1,\"2,x\n3,4,y\n", "quotation mark"),
    ("x\ny\n", "none for the features"),
  ])
  func aBadCSVFileIsRefusedWithItsPlace(text: String, words: String) throws {
    let folder = try Folder()
    let file = try folder.write(text, to: "data.csv")
    try expectRefusal(folder, "csv:\(file)", saying: words)
    try expectRefusal(folder, "csv:\(file)", saying: "data.csv")
  }

  @Test func aMissingLabelColumnIsRefused() throws {
    let folder = try Folder()
    let file = try folder.write("a,b,c\n1,2,x\n3,4,y\n", to: "data.csv")
    try expectRefusal(folder, "csv:\(file)", ["--label", "d"], saying: "'a', 'b', 'c'")
    try expectRefusal(folder, "csv:\(file)", ["--label", "4"], saying: "there is no column 4")
    try expectRefusal(folder, "csv:\(file)", ["--regression"], saying: "'x' is not a number")
  }

  @Test func tooFewRowsForBatchNormalizationAreRefused() throws {
    let folder = try Folder()
    let classes = try folder.write("1,2,x\n3,4,y\n", to: "classes.csv")
    let values = try folder.write("1,2,0\n3,4,1\n", to: "values.csv")
    func train(_ file: String, _ options: [String]) throws -> Norma.Outcome {
      try Norma.run(["train", "--data", "csv:\(file)", "--validation", "1", "--out", folder.path("out")] + options)
    }
    expectFailure(try train(values, ["--regression"]), status: 64, saying: "too few for training")
    expectFailure(try train(classes, []), status: 64, saying: "training needs one of each of the 2 classes")
  }

  // MARK: explain

  @Test(arguments: [
    ("1,2\n", "no variance"), ("", "no numbers"), ("1,2\n3\n", "row 2"), ("a,b\n1,2\n3,x\n", "row 3, column 2"),
    ("1,2\n\n3,nan\n", "row 3, column 2"), ("1;2\n3;4\n", "row 2, column 1"),
  ])
  func explainRefusesABadBatch(text: String, words: String) throws {
    let folder = try Folder()
    let file = try folder.write(text, to: "batch.csv")
    expectFailure(try Norma.run(["explain", file]), status: 65, saying: words)
    expectFailure(try Norma.run(["explain", "-"], input: text), status: 65, saying: "standard input")
  }

  // MARK: Training

  @Test func aLossThatIsNoLongerFiniteEndsTraining() throws {
    let folder = try Folder()
    try expectRefusal(
      folder, "digits", ["--norm", "none", "--learning-rate", "1e30", "--quiet"], saying: "no longer finite")
  }
}
