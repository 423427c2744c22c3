import NormaTensor

// What cameras and eyes differ in: light, contrast, colours, sharpness. Each is a blend of the image and one that lacks it, as Pillow's
// `ImageEnhance` has it, in 32-bit numbers, cut down to whole ones: the same bytes.

extension RasterImage {
  /// The image `factor` times as bright: 0 gives black, 1 the image itself.
  public func withBrightness(_ factor: Double) -> RasterImage {
    mapped { Self.blend(0, $0, Float(factor)) }
  }

  /// The image with `factor` times the contrast: 0 gives its mean luminance everywhere, 1 the image itself.
  public func withContrast(_ factor: Double) -> RasterImage {
    let grey = converted(toChannels: 1).pixels
    var sum = 0
    for value in grey { sum += Int(value) }
    let mean = UInt8((2 * sum + grey.count) / (2 * grey.count))
    return mapped { Self.blend(mean, $0, Float(factor)) }
  }

  /// The image with colours `factor` times as strong: 0 gives grey, 1 the image itself. A grey image stays as it is.
  public func withSaturation(_ factor: Double) -> RasterImage {
    guard channelCount == 3 else { return self }
    let factor = Float(factor)
    return replacingPixels { pixels, result in
      for start in stride(from: 0, to: pixels.count, by: 3) {
        let grey = Self.luminance(pixels[start], pixels[start + 1], pixels[start + 2])
        for channel in start..<start + 3 { result[channel] = Self.blend(grey, pixels[channel], factor) }
      }
    }
  }

  /// The image with `factor` times the sharpness: 0 gives a smooth one, 1 the image itself, 2 one as much sharper.
  ///
  /// In the smooth one each value is a mean of it and its eight neighbours, in which it counts five times; those at the edges stay.
  public func withSharpness(_ factor: Double) -> RasterImage {
    guard height >= 3 && width >= 3 else { return self }
    let factor = Float(factor)
    let rowLength = width * channelCount
    return replacingPixels { pixels, result in
      for row in 0..<height {
        for index in row * rowLength..<(row + 1) * rowLength {
          let column = (index - row * rowLength) / channelCount
          guard row > 0, row < height - 1, column > 0, column < width - 1 else {
            result[index] = pixels[index]
            continue
          }
          var sum = 4 * Int32(pixels[index])
          for neighbour in [index - rowLength, index, index + rowLength] {
            sum += Int32(pixels[neighbour - channelCount]) + Int32(pixels[neighbour])
            sum += Int32(pixels[neighbour + channelCount])
          }
          // Rounded to nearest; a thirteenth has no half.
          result[index] = Self.blend(UInt8((2 * sum + 13) / 26), pixels[index], factor)
        }
      }
    }
  }

  /// The image with all colours moved on along the circle of colours: by a half turn for 0.5 and −0.5. A grey image stays as it is.
  ///
  /// Hue, saturation and value (Smith 1978) are whole numbers from 0 to 255 on the way, as in Pillow.
  public func withHueShifted(_ turns: Double) -> RasterImage {
    require(turns >= -0.5 && turns <= 0.5, "a hue shifted by \(turns) turns")
    guard channelCount == 3 else { return self }
    let shift = UInt8(truncatingIfNeeded: Int(turns * 255))
    return replacingPixels { pixels, result in
      for start in stride(from: 0, to: pixels.count, by: 3) {
        var color = HueSaturationValue(red: pixels[start], green: pixels[start + 1], blue: pixels[start + 2])
        color.hue &+= shift
        (result[start], result[start + 1], result[start + 2]) = color.redGreenBlue
      }
    }
  }

  /// `first + factor · (second − first)`, cut down to a whole number from 0 to 255.
  @inline(__always) private static func blend(_ first: UInt8, _ second: UInt8, _ factor: Float) -> UInt8 {
    if factor == 1 { return second }
    let value = Float(first) + factor * (Float(second) - Float(first))
    return value <= 0 ? 0 : value >= 255 ? 255 : UInt8(value)
  }
}

/// A colour by its place on the circle of colours, its distance from grey and its largest part, each from 0 to 255.
private struct HueSaturationValue {
  var hue: UInt8
  var saturation: UInt8
  var value: UInt8

  init(red: UInt8, green: UInt8, blue: UInt8) {
    let (largest, least) = (max(red, green, blue), min(red, green, blue))
    value = largest
    guard largest > least else {
      (hue, saturation) = (0, 0)
      return
    }
    let range = Float(largest - least)
    func distance(_ part: UInt8) -> Float { Float(largest - part) / range }
    var sixths: Float
    if red == largest {
      sixths = distance(blue) - distance(green)
    } else if green == largest {
      sixths = Float(2 + Double(distance(red)) - Double(distance(blue)))
    } else {
      sixths = Float(4 + Double(distance(green)) - Double(distance(red)))
    }
    let turns = Double(sixths) / 6 + 1
    sixths = Float(turns - turns.rounded(.down))
    hue = UInt8(min(255, Int(Double(sixths) * 255)))
    saturation = UInt8(min(255, Int(Double(range / Float(largest)) * 255)))
  }

  var redGreenBlue: (UInt8, UInt8, UInt8) {
    guard saturation > 0 else { return (value, value, value) }
    let sixths = Double(hue) * 6 / 255
    let sector = Int(sixths)
    let rest = Float(sixths - Double(sector))
    let share = Float(Double(saturation) / 255)
    func part(_ lack: Double) -> UInt8 {
      UInt8(max(0, min(255, (Double(value) * (1 - lack)).rounded(.toNearestOrAwayFromZero))))
    }
    let (least, falling) = (part(Double(share)), part(Double(share * rest)))
    let rising = part(Double(share) * (1 - Double(rest)))
    return switch sector % 6 {
    case 0: (value, rising, least)
    case 1: (falling, value, least)
    case 2: (least, value, rising)
    case 3: (least, falling, value)
    case 4: (rising, least, value)
    default: (value, least, falling)
    }
  }
}
