import Foundation
import NormaData
import NormaFiles
import NormaTensor

/// A folder of PNG and JPEG files as a data set: one subfolder a class, named as the class.
public enum ImageFolder {
  /// Reads a folder.
  ///
  /// It holds a subfolder for each class; or `train`, and `test` or else `val`, which hold such subfolders each. Classes are
  /// numbered in the order of their names, images in the order of theirs. Hidden files are passed over, symbolic links
  /// are followed. The images have the shape `[N, height, width, 3]`, or that which the options ask for, and
  /// values from 0 to 255; what it takes to give them one size is `RasterImage.fitted(height:width:shorterSide:)`, at once or, where
  /// the options keep originals, whenever they are asked for.
  ///
  /// - Throws: `FileError` if something cannot be read; `FormatError` if a class has no images (one alone, where
  ///   there is no test part), a class is not known, a file is no image or a damaged one, the sizes differ and the
  ///   options name none, or all of them take more memory than the options allow.
  public static func load(_ path: String, options: ImageFolderOptions = ImageFolderOptions()) throws -> RawData {
    let (listing, testListing) = try listings(of: path, options)
    let shape = try options.shape ?? shape(ofFirst: listing)
    if options.keepsOriginals && options.shape != nil {
      var rest = options.maximumByteCount
      func examples(_ listing: ImageListing) throws -> RawDataset {
        let images = try originals(listing.paths, shape: shape, options, rest: &rest, path: path)
        return dataset(.originals(images), listing, path)
      }
      return RawData(training: try examples(listing), test: try testListing.map(examples))
    }
    try checkMemory(
      listing.paths.count + (testListing?.paths.count ?? 0), shape, scales: options.shape != nil,
      limit: options.maximumByteCount, path: path)
    func examples(_ listing: ImageListing) throws -> RawDataset {
      dataset(try features(listing.paths, shape: shape, options), listing, path)
    }
    return RawData(training: try examples(listing), test: try testListing.map(examples))
  }

  private static func dataset(
    _ features: RawDataset.Features, _ listing: ImageListing, _ path: String
  ) -> RawDataset {
    RawDataset(
      features: features, targets: .classes(listing.classes, count: listing.classNames.count),
      name: (path as NSString).lastPathComponent, classNames: listing.classNames)
  }

  /// The paths of the images that ``load(_:options:)`` would read, in the order of its examples.
  package static func paths(
    _ path: String, options: ImageFolderOptions = ImageFolderOptions()
  ) throws -> (training: [String], test: [String]?) {
    let (training, test) = try listings(of: path, options)
    return (training.paths, test?.paths)
  }

  private static func listings(
    of path: String, _ options: ImageFolderOptions
  ) throws -> (training: ImageListing, test: ImageListing?) {
    let parts = try parts(of: path)
    let listing = try ImageListing(
      parts.training, known: options.classNames, fewest: parts.test == nil && options.classNames == nil ? 2 : 1)
    guard listing.classNames.count > 1 || options.classNames != nil else {
      throw FormatError(
        file: parts.training, problem: "it has the images of one class alone, '\(listing.classNames[0])'",
        remedy: "There is something to tell apart from two classes on.")
    }
    let testListing = try parts.test.map { try ImageListing($0, known: listing.classNames, fewest: 1) }
    return (listing, testListing)
  }

  /// The folders for training and testing. `train` alone may be a class: it is a part if it has subfolders.
  private static func parts(of path: String) throws(FileError) -> (training: String, test: String?) {
    let folders = try ImageListing.subfolders(of: path)
    guard folders.contains("train"), try !ImageListing.subfolders(of: "\(path)/train").isEmpty else {
      return (path, nil)
    }
    return ("\(path)/train", ["test", "val"].first(where: folders.contains).map { "\(path)/\($0)" })
  }

  private static func shape(ofFirst listing: ImageListing) throws -> Shape {
    let image = try image(listing.paths[0])
    return [image.height, image.width, 3]
  }

  private static func image(_ path: String) throws -> RasterImage {
    try RasterImage(bytes: try bytes(path), file: path)
  }

  private static func bytes(_ path: String) throws -> [UInt8] {
    guard try FileAccess.isRegularFile(path) else {
      throw FormatError(
        file: path, problem: "it is no file but a folder or a device",
        remedy: "The folder of a class holds PNG and JPEG files alone.")
    }
    return try FileAccess.read(path)
  }

  private static func checkMemory(
    _ count: Int, _ shape: Shape, scales: Bool, limit: Int, path: String
  ) throws(FormatError) {
    let width = scales ? MemoryLayout<Float>.size : 1
    let size = Double(count) * Double(shape.elementCount) * Double(width)
    guard size > Double(limit) else { return }
    throw FormatError(
      file: path,
      problem: "\(count) images of \(shape[1]) × \(shape[0]) pixels take \(gigabytes(size)) of memory, "
        + "and \(gigabytes(Double(limit))) are allowed",
      remedy: "Give a smaller size (--image-size) or fewer images.")
  }

  private static func gigabytes(_ bytes: Double) -> String { String(format: "%.3g GB", bytes / 1e9) }

  /// The images in their own sizes: as pixels where these fit into the rest of the memory, else as the bytes of their files.
  private static func originals(
    _ paths: [String], shape: Shape, _ options: ImageFolderOptions, rest: inout Int, path: String
  ) throws -> OriginalImages {
    let limit = rest
    struct Found {
      var images: [RasterImage?]
      var files: [[UInt8]]
      var pixelBytes = 0
      var fileBytes = 0
    }
    let all = Guarded(
      Found(images: Array(repeating: nil, count: paths.count), files: Array(repeating: [], count: paths.count)))
    try forEachFile(paths) { index, bytes in
      let image = try RasterImage(bytes: bytes, file: paths[index]).converted(toChannels: shape[2])
      try all.withLock { found in
        found.pixelBytes += image.pixels.count
        found.fileBytes += bytes.count
        // What does not fit will not be needed, whichever image is the first that does not.
        if found.pixelBytes <= limit { found.images[index] = image }
        if found.fileBytes <= limit { found.files[index] = bytes }
        guard min(found.pixelBytes, found.fileBytes) > limit else { return }
        throw FormatError(
          file: path,
          problem:
            "its images in their own sizes take more memory than the \(gigabytes(Double(options.maximumByteCount))) "
            + "that are allowed, as files too",
          remedy: "Make the files smaller, or leave out resized-crop, randaugment and jitter.")
      }
    }
    let found = all.withLock { $0 }
    if found.pixelBytes <= limit {
      rest -= found.pixelBytes
      return OriginalImages(found.images.compactMap(\.self), shape: shape, shorterSide: options.shorterSide)
    }
    rest -= found.fileBytes
    return OriginalImages(files: found.files, shape: shape, shorterSide: options.shorterSide) { bytes in
      guard let image = try? RasterImage(bytes: bytes, file: path) else {
        fatalError("an image of '\(path)' could be decoded before, and there is no memory for it now")
      }
      return image
    }
  }

  /// The images `[N, height, width, channels]`: as bytes, or as numbers where they are scaled, which leaves fractions.
  private static func features(
    _ paths: [String], shape: Shape, _ options: ImageFolderOptions
  ) throws -> RawDataset.Features {
    let (whole, size) = (Shape([paths.count] + Array(shape)), shape.elementCount)
    guard options.shape != nil else {
      let bytes = try [UInt8](unsafeUninitializedCapacity: whole.elementCount) { bytes, count in
        let bytes = UnsafeMutableBufferPointer(rebasing: bytes[..<whole.elementCount])
        try forEachImage(paths) { index, image in
          guard (image.height, image.width) == (shape[0], shape[1]) else {
            throw FormatError(
              file: paths[index],
              problem: "it is \(image.width) × \(image.height) pixels large, and the first image "
                + "\(shape[1]) × \(shape[0])",
              remedy: "Give the size to bring all images to: --image-size.")
          }
          let pixels = image.converted(toChannels: shape[2]).pixels
          _ = UnsafeMutableBufferPointer(rebasing: bytes[(index * size)...]).initialize(from: pixels)
        }
        count = whole.elementCount
      }
      return .bytes(bytes, shape: whole)
    }
    return .floats(
      try Tensor(shape: whole) { numbers in
        try forEachImage(paths) { index, image in
          image.converted(toChannels: shape[2])
            .fitted(height: shape[0], width: shape[1], shorterSide: options.shorterSide).withUnsafeElements {
              _ = UnsafeMutableBufferPointer(rebasing: numbers[(index * size)...]).initialize(from: $0)
            }
        }
      })
  }

  /// Reads images on all threads. Of several that cannot be read, the first is told of.
  private static func forEachImage(_ paths: [String], _ body: (Int, RasterImage) throws -> Void) throws {
    try forEachFile(paths) { try body($0, try RasterImage(bytes: $1, file: paths[$0])) }
  }

  /// Reads files on all threads. Of several that cannot be read, the first is told of.
  private static func forEachFile(_ paths: [String], _ body: (Int, [UInt8]) throws -> Void) throws {
    let failure = Guarded<(index: Int, error: any Error)?>(nil)
    Parallel.forEach(paths.count) { index in
      guard failure.withLock({ $0.map { index < $0.index } ?? true }) else { return }
      do { try body(index, try bytes(paths[index])) } catch {
        failure.withLock { if $0.map({ index < $0.index }) ?? true { $0 = (index, error) } }
      }
    }
    if let failure = failure.withLock({ $0 }) { throw failure.error }
  }
}
