import Foundation
import NormaData
import NormaFiles
import NormaTensor
import TestSupport
import Testing

/// Changes of pixels against what torchvision and Pillow make of the same images.
@Suite struct AugmentationParityTests {
  /// The images of a file and what became of them, by the operations of Norma's that should give the same.
  private struct Comparison {
    let file: Safetensors
    private(set) var compared = 0
    private(set) var differing: [String] = []

    init(_ path: String) throws { file = try Safetensors(contentsOf: path) }

    private func image(_ name: String) throws -> RasterImage {
      let entry = try #require(file.entries[name])
      return RasterImage(
        height: entry.shape[0], width: entry.shape[1], channelCount: entry.shape[2],
        pixels: entry.values(of: Float.self).elements.map { UInt8($0) })
    }

    private func result(_ fields: [String]) throws -> RasterImage {
      let image = try image("image/\(fields[1])")
      let numbers = fields.dropFirst(2).map { Double($0) ?? .nan }
      switch fields[0] {
      case "image": return image
      case "brightness": return image.withBrightness(numbers[0])
      case "contrast": return image.withContrast(numbers[0])
      case "saturation": return image.withSaturation(numbers[0])
      case "sharpness": return image.withSharpness(numbers[0])
      case "hue": return image.withHueShifted(numbers[0])
      case "resized":
        let lengths = numbers.map { Int($0) }
        return image.resized(
          PixelRectangle(top: lengths[0], left: lengths[1], height: lengths[2], width: lengths[3]),
          height: lengths[4], width: lengths[5])
      default:
        let operation = try #require(RandAugment.Operation(rawValue: fields[2]))
        return operation.applied(to: image, magnitude: Int(numbers[1]), isNegative: numbers[2] < 0)
      }
    }

    /// Compares all there is, byte by byte.
    mutating func run() throws {
      for name in file.entries.keys.sorted() where !name.hasPrefix("fallback/") {
        let (expected, found) = (try image(name), try result(name.split(separator: "/").map(String.init)))
        compared += 1
        guard found != expected else { continue }
        let distances = zip(found.pixels, expected.pixels).map { abs(Int($0) - Int($1)) }
        differing.append("\(name): \(distances.count { $0 > 0 }) of \(distances.count), up to \(distances.max() ?? 0)")
      }
    }
  }

  private static let fixture = fixturesDirectory.appending(path: "images/augmented.safetensors").path

  @Test func changesOfPixelsGiveTheirBytes() throws {
    var comparison = try Comparison(Self.fixture)
    try comparison.run()
    // No tolerance: both round in the same places, in whole and in 32-bit numbers.
    #expect(comparison.differing == [])
    #expect(comparison.compared == 6 * (1 + 4 * 6 + 6 + 6 + 4 * (5 + 2 * 9)))
  }

  @Test(.enabled(if: hasTorchvision, "NORMA_PYTHON names no Python with torchvision"), arguments: [1, 2])
  func otherImagesTooGiveTheirBytes(seed: Int) throws {
    try withTemporaryDirectory { folder in
      let path = folder.appending(path: "augmented.safetensors").path
      _ = try Python.runScript("make_augmentation_fixtures.py", path, "\(seed)")
      var comparison = try Comparison(path)
      try comparison.run()
      #expect(comparison.differing == [])
    }
  }

  @Test func whereNoCropFitsTheMiddleIsCutOut() throws {
    let file = try Safetensors(contentsOf: Self.fixture)
    var random = RandomGenerator(seed: 1)
    let crop = ResizedCrop(smallestShare: 0.9)
    for (name, entry) in file.entries where name.hasPrefix("fallback/") {
      let sides = name.split(separator: "/").dropFirst().compactMap { Int($0) }
      let expected = entry.values(of: Float.self).elements.map { Int($0) }
      let found = crop.rectangle(height: sides[0], width: sides[1], using: &random)
      #expect([found.top, found.left, found.height, found.width] == expected, "\(name)")
    }
    #expect(random.state.drawn == 4 * 20)
  }
}

private let hasTorchvision =
  Python.has("torch", "safetensors", "PIL")
  && (try? Python.runLines("import importlib.util\nassert importlib.util.find_spec('torchvision')")) != nil
