import NormaFiles
import NormaTensor

/// MNIST and what was made in its likeness: 60,000 and 10,000 images of 28 × 28 pixels in ten classes, in four IDX files.
public enum MNIST {
  /// Reads a folder with MNIST's four files: `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`,
  /// `t10k-images-idx3-ubyte` and `t10k-labels-idx1-ubyte`, or `.idx3-ubyte` and `.idx1-ubyte` as endings, or with `.gz`.
  ///
  /// The images have the shape `[N, 28, 28, 1]` and values from 0 to 255.
  /// - Throws: `FileError` if a file is missing or cannot be read, `FormatError` if it is not what it should be.
  public static func load(folder: String) throws -> RawData {
    try load(
      folder: folder, name: "MNIST", attribution: "MNIST: Y. LeCun, C. Cortes and C. J. C. Burges, CC BY-SA 3.0",
      classNames: (0...9).map(String.init))
  }

  /// Reads a folder with Fashion-MNIST's four files, which are named as MNIST's: see ``load(folder:)``.
  public static func loadFashion(folder: String) throws -> RawData {
    try load(
      folder: folder, name: "Fashion-MNIST",
      attribution: "Fashion-MNIST: H. Xiao, K. Rasul and R. Vollgraf, 2017, MIT licence",
      classNames: [
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
      ])
  }

  private static func load(
    folder: String, name: String, attribution: String, classNames: [String]
  ) throws -> RawData {
    let names = try FileAccess.names(inDirectory: folder)
    func examples(_ part: String) throws -> RawDataset {
      let images = try find("\(part)-images", "idx3-ubyte", among: names, in: folder)
      let labels = try find("\(part)-labels", "idx1-ubyte", among: names, in: folder)
      let pixels = try readImages(images)
      let classes = try readLabels(labels, count: pixels.shape[0], images: images, classCount: classNames.count)
      return RawDataset(
        features: .bytes(pixels.elements, shape: Shape(Array(pixels.shape) + [1])),
        targets: .classes(classes, count: classNames.count), name: name, attribution: attribution,
        classNames: classNames)
    }
    let training = try examples("train")
    let test = try examples("t10k")
    guard let shape = training.exampleShape, let testShape = test.exampleShape, shape == testShape else {
      throw FormatError(
        file: folder,
        problem:
          "the images for training have shape \(training.exampleShape ?? []), those for testing \(test.exampleShape ?? [])",
        remedy: "Give a folder with the four files of one data set.")
    }
    return RawData(training: training, test: test)
  }

  private static func find(
    _ name: String, _ ending: String, among names: [String], in folder: String
  ) throws(FileError) -> String {
    let spellings = ["\(name)-\(ending)", "\(name).\(ending)"].flatMap { [$0, "\($0).gz"] }
    guard let found = spellings.first(where: names.contains) else {
      throw FileError(
        path: folder, operation: .read,
        reason: "The folder has no file '\(spellings[0])', nor one with .gz or spelled '\(spellings[2])'")
    }
    return "\(folder)/\(found)"
  }

  private static func readImages(_ path: String) throws -> IDXArray {
    let array = try IDXArray(contentsOf: path)
    guard array.shape.rank == 3 else {
      throw FormatError(
        file: path, problem: "images should have 3 axes, this has the shape \(array.shape)",
        remedy: array.shape.rank == 1 ? "It seems to hold labels: check the files' names." : "Download it again.")
    }
    guard array.shape.elementCount > 0 else {
      throw FormatError(file: path, problem: "it holds no images", remedy: "Download it again.")
    }
    return array
  }

  private static func readLabels(_ path: String, count: Int, images: String, classCount: Int) throws -> [Int] {
    let array = try IDXArray(contentsOf: path)
    guard array.shape.rank == 1 else {
      throw FormatError(
        file: path, problem: "labels should have 1 axis, this has the shape \(array.shape)",
        remedy: array.shape.rank == 3 ? "It seems to hold images: check the files' names." : "Download it again.")
    }
    guard array.shape[0] == count else {
      throw FormatError(
        file: path, problem: "it holds \(array.shape[0]) labels for the \(count) images in '\(images)'",
        remedy: "Give images and labels that belong together.")
    }
    if let index = array.elements.firstIndex(where: { $0 >= classCount }) {
      throw FormatError(
        file: path, location: "byte \(8 + index)", problem: "the label \(array.elements[index]) is none",
        remedy: "Labels lie between 0 and \(classCount - 1).")
    }
    return array.elements.map(Int.init)
  }
}
