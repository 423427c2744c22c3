import ArgumentParser
import Norma

/// What examples are standardized by, where it is said rather than found in data.
struct GivenStandardization: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "What is subtracted from a sample first: one number, one a channel or one a feature, for values as norma reads them: pixels go from 0 to 255, so that networks of torchvision's take 123.675,116.28,103.53. (default: 0 where --scale is given)",
      valueName: "numbers"))
  var mean: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "What it is divided by then; for networks of torchvision's 58.395,57.12,57.375. (default: 1 where --mean is given)",
      valueName: "numbers"))
  var scale: String?

  /// Whether something is said.
  var isGiven: Bool { mean != nil || scale != nil }

  func validate() throws {
    for (option, text) in [("--mean", mean), ("--scale", scale)] {
      if let text { _ = try numbers(text, option) }
    }
  }

  private func numbers(_ text: String, _ option: String) throws -> [Double] {
    let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) }
    guard numbers.allSatisfy({ $0?.isFinite == true && (option == "--mean" || $0.map(Float.init)?.isNormal == true) })
    else {
      throw ValidationError("\(option) takes numbers separated by commas, not '\(text)'.")
    }
    return numbers.compactMap { $0 }
  }

  /// The standardization of examples of a shape; nil where nothing is said.
  func standardization(_ exampleShape: [Int]) throws -> Checkpoint.SavedStandardization? {
    guard mean != nil || scale != nil else { return nil }
    let (mean, scale) = (try mean.map { try numbers($0, "--mean") }, try scale.map { try numbers($0, "--scale") })
    let count = max(mean?.count ?? 1, scale?.count ?? 1)
    let channels = exampleShape[exampleShape.count - 1]
    guard [mean, scale].allSatisfy({ $0 == nil || $0?.count == 1 || $0?.count == count }),
      count == 1 || count == channels
    else {
      throw UsageError(
        "--mean and --scale take one number each, or \(channels): samples of shape \(Shape(exampleShape)) have as many "
          + (exampleShape.count == 1 ? "features." : "channels."))
    }
    func all(_ numbers: [Double]?, otherwise value: Double) -> [Double] {
      numbers.map { $0.count == count ? $0 : [Double](repeating: $0[0], count: count) }
        ?? [Double](repeating: value, count: count)
    }
    let isOverall = count == 1 && channels != 1
    let mode: StandardizationMode = isOverall ? .overall : exampleShape.count == 1 ? .perFeature : .perChannel
    let numbersShape: Shape = isOverall ? [] : [count]
    return Checkpoint.SavedStandardization(
      Standardization(
        mode: mode, mean: Tensor(all(mean, otherwise: 0), shape: numbersShape),
        scale: Tensor(all(scale, otherwise: 1), shape: numbersShape)))
  }
}
