import Foundation

/// By how much one thing is better than another, measured with several seeds that both share, and how far chance may have
/// moved that.
///
/// Two kinds of chance are told apart. The seed decides weights, order and dropout: over K seeds the mean of the differences is
/// uncertain by `t·s/√K`, where s is their standard deviation and t Student's 97.5 % quantile with K − 1 degrees of freedom. The examples
/// that they were measured on are a sample too: 1.96 standard errors. The two are independent, so their squares add. Only a
/// difference larger than that is claimed; everything else is too close to tell.
public struct PairedDifference: Codable, Sendable, Equatable {
  /// The mean over the seeds of the first less the second.
  public var mean: Double
  /// The least and the greatest of the seeds.
  public var lowest: Double, highest: Double
  /// How many seeds there were.
  public var seedCount: Int
  /// Half the width of the 95 % interval that the seeds leave; nil of a single one, which cannot tell.
  public var seedUncertainty: Double?
  /// Half the width of the 95 % interval that the examples leave.
  public var exampleUncertainty: Double

  /// The difference of at least one seed.
  ///
  /// - Parameters:
  ///   - values: the differences, one a seed.
  ///   - standardError: of their mean, from the examples that they were measured on.
  public init(_ values: [Double], standardError: Double) {
    let spread = Spread(values)
    (mean, lowest, highest, seedCount) = (spread.mean, spread.lowest, spread.highest, values.count)
    exampleUncertainty = 1.96 * standardError
    guard values.count > 1 else { return }
    seedUncertainty = Self.studentQuantile(values.count - 1) * spread.deviation / Double(values.count).squareRoot()
  }

  /// How a difference is to be read.
  public enum Reading: String, Sendable {
    /// The first is more, or less, than the second, or neither can be said.
    case more, less, tooClose
  }

  /// What both kinds of chance together leave; that of the examples alone for one seed.
  public var uncertainty: Double {
    let seeds = seedUncertainty ?? 0
    return (seeds * seeds + exampleUncertainty * exampleUncertainty).squareRoot()
  }

  /// What may be said. Of one seed nothing.
  public var reading: Reading { seedUncertainty == nil ? .tooClose : readingOfExamples }

  /// What may be said of these networks, whatever others of the same kind would do.
  var readingOfExamples: Reading {
    guard mean.isFinite, uncertainty.isFinite, abs(mean) > uncertainty else { return .tooClose }
    return mean > 0 ? .more : .less
  }

  /// Student's 97.5 % quantile by degrees of freedom; from 31 on to the first order in their inverse.
  static func studentQuantile(_ degrees: Int) -> Double {
    let quantiles = [
      12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
      2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
    ]
    return degrees <= quantiles.count ? quantiles[degrees - 1] : 1.96 + 2.37 / Double(degrees)
  }
}
