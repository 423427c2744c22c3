import NormaTensor

extension ImageAugmentation: CustomStringConvertible {
  /// The forms of ``init(list:)``, for help texts and errors.
  public static let forms =
    "resized-crop[:SMALLEST[:LARGEST]], randaugment[:COUNT:MAGNITUDE], jitter:SHARE[:HUE], "
    + "jitter:BRIGHTNESS:CONTRAST:SATURATION:HUE, crop:PIXELS, flip and erasing:PROBABILITY"

  /// As ``init(list:)`` reads it, such as `crop:4,flip`; `none` for nothing.
  public var description: String {
    var parts: [String] = []
    if let crop = resizedCrop {
      let usual = ResizedCrop()
      var numbers: [Double] = []
      if (crop.smallestRatio, crop.largestRatio) != (usual.smallestRatio, usual.largestRatio) {
        numbers = [crop.smallestShare, crop.largestShare, crop.smallestRatio, crop.largestRatio]
      } else if crop.largestShare != 1 {
        numbers = [crop.smallestShare, crop.largestShare]
      } else if crop.smallestShare != usual.smallestShare {
        numbers = [crop.smallestShare]
      }
      parts.append((["resized-crop"] + numbers.map { "\($0)" }).joined(separator: ":"))
    }
    if let randAugment { parts.append("randaugment:\(randAugment.count):\(randAugment.magnitude)") }
    if let jitter {
      let isEven = jitter.brightness == jitter.contrast && jitter.contrast == jitter.saturation
      let numbers =
        !isEven
        ? [jitter.brightness, jitter.contrast, jitter.saturation, jitter.hue]
        : jitter.hue > 0 ? [jitter.brightness, jitter.hue] : [jitter.brightness]
      parts.append((["jitter"] + numbers.map { "\($0)" }).joined(separator: ":"))
    }
    if padding > 0 { parts.append("crop:\(padding)") }
    if flipsHorizontally { parts.append("flip") }
    if let erasing { parts.append("erasing:\(erasing.probability)") }
    return parts.isEmpty ? "none" : parts.joined(separator: ",")
  }

  /// The changes that a list such as `resized-crop,flip,jitter:0.4` names, each at most once, in any order; `none` for nothing.
  ///
  /// - Throws: ``ListError``, which says what would be right.
  public init(list: String) throws(ListError) {
    self.init()
    guard list != "none" else { return }
    for part in list.split(separator: ",", omittingEmptySubsequences: false) {
      let fields = part.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
      guard try take(fields[0], fields.dropFirst().map { Double($0) }) else {
        throw ListError(
          description: "'\(part)' is no change of images, or not with these numbers; there are \(Self.forms)")
      }
      if let problem { throw ListError(description: "'\(part)' asks for \(problem)") }
    }
  }

  /// Why a list of changes cannot be read.
  public struct ListError: Error, Equatable, Sendable, CustomStringConvertible {
    public let description: String
  }

  /// Takes in one change; false if there is none of that name with such numbers.
  private mutating func take(_ name: String, _ given: [Double?]) throws(ListError) -> Bool {
    let numbers = given.compactMap(\.self)
    guard numbers.count == given.count else { return false }
    func isNew(_ isNew: Bool) throws(ListError) {
      if !isNew { throw ListError(description: "'\(name)' is asked for twice") }
    }
    switch (name, numbers.count) {
    case ("resized-crop", 0...2), ("resized-crop", 4):
      try isNew(resizedCrop == nil)
      var crop = ResizedCrop()
      if numbers.count > 0 { crop.smallestShare = numbers[0] }
      if numbers.count > 1 { crop.largestShare = numbers[1] }
      if numbers.count > 2 { (crop.smallestRatio, crop.largestRatio) = (numbers[2], numbers[3]) }
      resizedCrop = crop
    case ("randaugment", 0):
      try isNew(randAugment == nil)
      randAugment = RandAugment()
    case ("randaugment", 2):
      try isNew(randAugment == nil)
      guard let count = Int(exactly: numbers[0]), let magnitude = Int(exactly: numbers[1]) else { return false }
      randAugment = RandAugment(count: count, magnitude: magnitude)
    case ("jitter", 1...2):
      try isNew(jitter == nil)
      jitter = ColorJitter(
        brightness: numbers[0], contrast: numbers[0], saturation: numbers[0], hue: numbers.count == 2 ? numbers[1] : 0)
    case ("jitter", 4):
      try isNew(jitter == nil)
      jitter = ColorJitter(brightness: numbers[0], contrast: numbers[1], saturation: numbers[2], hue: numbers[3])
    case ("crop", 1):
      try isNew(padding == 0)
      guard let pixels = Int(exactly: numbers[0]), pixels > 0 else { return false }
      padding = pixels
    case ("flip", 0):
      try isNew(!flipsHorizontally)
      flipsHorizontally = true
    case ("erasing", 1):
      try isNew(erasing == nil)
      erasing = RandomErasing(probability: numbers[0])
    default: return false
    }
    return true
  }
}
