import Foundation
import Norma

/// One independent piece of the lab's work: its settings as a value that can be saved, and what came of it as another.
///
/// Its settings, the data and Norma's version are all that a run's outcome depends on, times aside. So an outcome is
/// looked up before the work is done again, and experiments with runs of equal settings share them.
public protocol LabRun: Codable, Sendable {
  /// What comes of it.
  associatedtype Outcome: Codable & Sendable
  /// What kind of work it is, as a part of file names: runs of different kinds never share an outcome.
  static var kind: String { get }
  /// Whether the outcome holds times. Such a run has the machine to itself, and its outcome is no part of the results
  /// that are the same every time.
  static var isTimed: Bool { get }
  /// Which one it is among its experiment's, in a few words; no part of its settings.
  var label: String { get }
  /// The data it needs.
  var dataset: LabDataset? { get }
  /// About how many floating-point operations it takes, for the time that is left.
  var work: Double { get }
  /// Does it. The outcome must not depend on the number of threads.
  func perform(on data: LabData) throws -> Outcome
}

extension LabRun {
  /// It holds none.
  public static var isTimed: Bool { false }
  /// None.
  public var dataset: LabDataset? { nil }
}

/// A run on a part of a set of data.
public protocol LabDataRun: LabRun {
  /// The part.
  var data: LabData.Part { get }
}

extension LabDataRun {
  /// The set that it is of.
  public var dataset: LabDataset? { data.dataset }
}

/// A set of data that experiments run on.
public enum LabDataset: String, Codable, Sendable, CaseIterable {
  /// CIFAR-10, or what is at hand of it.
  case cifar10
  /// MNIST.
  case mnist
  /// The digits that are compiled in, which stand in for the others.
  case digits

  /// The name in running text.
  public var title: String {
    switch self {
    case .cifar10: "CIFAR-10"
    case .mnist: "MNIST"
    case .digits: "the built-in digits"
    }
  }
}

/// What a lab is asked for.
public struct LabPlan: Codable, Sendable, Equatable {
  /// Whether smaller settings are used, so that everything ends within minutes.
  public var isQuick: Bool
  /// The seeds that every run is repeated with.
  public var seeds: [UInt64]

  /// A plan; by default the full settings with one seed.
  public init(isQuick: Bool = false, seeds: [UInt64] = [0]) {
    self.isQuick = isQuick
    self.seeds = seeds
  }
}
