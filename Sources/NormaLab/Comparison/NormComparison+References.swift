extension NormComparison {
  /// The data that something was measured on.
  public struct Sample: Codable, Sendable, Equatable {
    /// How many examples.
    public var count: Int
    /// How many of each class, and what the classes are called; nil for numbers, or where they have no names.
    public var classCounts: [Int]?, classNames: [String]?
    /// The mean and the deviation of the numbers to predict, where there is one for each example.
    public var targetMean: Double?, targetDeviation: Double?

    /// Data of a size.
    public init(count: Int, classCounts: [Int]? = nil, classNames: [String]? = nil) {
      self.count = count
      self.classCounts = classCounts
      self.classNames = classNames
    }
  }

  /// Which data decide what is better.
  public enum JudgedOn: String, Codable, Sendable {
    /// Test data, which no training saw; or the validation data, where there are none. Those chose the epoch of each network, which
    /// flatters it a little.
    case test, validation
  }

  /// How good a model is on some data.
  public struct Scores: Codable, Sendable, Equatable {
    /// The metric of the comparison.
    public var metric: Double
    /// The plain accuracy, where the metric is the balanced one.
    public var accuracy: Double?
    /// The share of each class's examples that are classified rightly, where the metric is the balanced accuracy; nil for
    /// a class without examples.
    public var recalls: [Double?]

    /// Scores by their values.
    public init(metric: Double, accuracy: Double? = nil, recalls: [Double?] = []) {
      self.metric = metric
      self.accuracy = accuracy
      self.recalls = recalls
    }
  }

  /// A model that networks are held against. It depends on no seed.
  public struct Reference: Codable, Sendable, Equatable {
    /// Which one.
    public enum Kind: String, Codable, Sendable {
      /// The most frequent class, or the mean, for every example.
      case baseline = "base line"
      /// The best model without a hidden layer.
      case linear
    }

    /// Which one.
    public var kind: Kind
    /// What it does, such as "always saying the most frequent class (no)".
    public var description: String
    /// The metric on the training data.
    public var trainingMetric: Double
    /// How good it is on the validation data, and on the test data, if there are any.
    public var validation: Scores, test: Scores?

    /// A reference with its scores.
    public init(kind: Kind, description: String, trainingMetric: Double, validation: Scores, test: Scores? = nil) {
      self.kind = kind
      self.description = description
      self.trainingMetric = trainingMetric
      self.validation = validation
      self.test = test
    }
  }

  /// By how much one is better than another on the data that decide.
  public struct Difference: Codable, Sendable, Equatable {
    /// Which two: a normalization as in ``Run/norm``, or the kind of a reference.
    public var first: String, second: String
    /// The metric of the first less that of the second, seed by seed.
    public var difference: PairedDifference

    /// A difference of two.
    public init(first: String, second: String, difference: PairedDifference) {
      self.first = first
      self.second = second
      self.difference = difference
    }
  }
}
