import Foundation
import NormaFiles
import NormaTensor

/// The digits that are compiled in, so that everything can be tried with no data at hand.
enum Digits {
  static let attribution =
    "Optical Recognition of Handwritten Digits: E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, 1998, CC BY 4.0"
}

extension RawDataset {
  /// The digits that are compiled in, as rows of pixels that can be images: see ``Dataset/digits()``.
  public static func digits() -> RawDataset {
    var digits = RawDataset(Dataset.digits())
    digits.imageShape = [8, 8, 1]
    return digits
  }
}

extension Dataset where Element == Float {
  /// 1,797 handwritten digits of 8 × 8 pixels with values from 0 to 16, `[1797, 64]`, in ten classes: the test part of
  /// UCI's "Optical Recognition of Handwritten Digits".
  public static func digits() -> Dataset {
    do {
      guard let archive = Data(base64Encoded: Digits.embedded) else { fatalError("the embedded digits are no base64") }
      let text = try Gzip.inflated(Array(archive), file: "digits.csv.gz")
      var dataset = try CSV.dataset(bytes: text, file: "digits", options: CSVOptions(hasHeader: false))
      dataset.attribution = Digits.attribution
      return dataset
    } catch {
      fatalError("the embedded digits are damaged: \(error)")
    }
  }
}
