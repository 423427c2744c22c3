import NormaTensor

// What is done to each value by itself, by a table of 256: Pillow's `ImageOps`, to the byte.

extension RasterImage {
  /// The image with the upper bits of each value alone: 0 to 8 of them.
  public func posterized(toBits count: Int) -> RasterImage {
    require((0...8).contains(count), "values of \(count) bits")
    let mask = UInt8(truncatingIfNeeded: 0xFF << (8 - count))
    return mapped { $0 & mask }
  }

  /// The image with all values from `threshold` on turned into what they lack to 255.
  public func solarized(from threshold: Double) -> RasterImage {
    mapped { Double($0) < threshold ? $0 : 255 - $0 }
  }

  /// The image with each channel's values spread, from its least and its largest, to 0 and 255.
  public func withFullContrast() -> RasterImage {
    mappedByChannel { counts in
      guard let least = counts.firstIndex(where: { $0 > 0 }), let largest = counts.lastIndex(where: { $0 > 0 }),
        least < largest
      else { return nil }
      let scale = 255 / Double(largest - least)
      return (0..<256).map { UInt8(max(0, min(255, Double($0) * scale - Double(least) * scale))) }
    }
  }

  /// The image with each channel's values spread so that all are about equally frequent.
  public func equalized() -> RasterImage {
    mappedByChannel { counts in
      guard counts.count(where: { $0 > 0 }) > 1, let largest = counts.last(where: { $0 > 0 }) else { return nil }
      let step = (counts.reduce(0, +) - largest) / 255
      guard step > 0 else { return nil }
      var sum = step / 2
      return counts.map { count in
        defer { sum += count }
        return UInt8(min(255, sum / step))
      }
    }
  }

  /// The image with a function of each value in its place.
  func mapped(_ function: (UInt8) -> UInt8) -> RasterImage {
    let table = (0...255).map { function(UInt8($0)) }
    return replacingPixels { pixels, result in
      table.withUnsafeBufferPointer { table in
        for index in pixels.indices { result[index] = table[Int(pixels[index])] }
      }
    }
  }

  /// The image with each channel's values replaced by a table of 256, which is made from how often each occurs; nil leaves them.
  private func mappedByChannel(_ table: (_ counts: [Int]) -> [UInt8]?) -> RasterImage {
    let tables = (0..<channelCount).map { channel in
      var counts = [Int](repeating: 0, count: 256)
      for index in stride(from: channel, to: pixels.count, by: channelCount) { counts[Int(pixels[index])] += 1 }
      return table(counts)
    }
    return replacingPixels { pixels, result in
      for (channel, table) in tables.enumerated() {
        for index in stride(from: channel, to: pixels.count, by: channelCount) {
          result[index] = table.map { $0[Int(pixels[index])] } ?? pixels[index]
        }
      }
    }
  }
}
