import NormaTensor

/// Examples to learn from or to be tested on: features, and what should be said of them.
public struct Dataset<Element: TensorElement>: Sendable {
  /// What should be said of each example.
  public enum Targets: Sendable {
    /// One of `count` classes, numbered from 0, for each example.
    case classes([Int], count: Int)
    /// `K` numbers for each example: `[N, K]`.
    case values(Tensor<Element>)
  }

  /// The examples along the first axis: `[N, features]`, or images with the channels last, `[N, height, width, channels]`.
  ///
  /// Parts of a data set and images that were read as bytes are brought together each time this is asked for, `[N, …]` numbers:
  /// who goes through many examples takes them batch by batch, `batch(_:)`.
  public var features: Tensor<Element> {
    get { samples.features }
    set { samples = Samples(newValue) }
  }
  var samples: Samples<Element>
  /// What should be said of each of them.
  public var targets: Targets
  /// What the data are called.
  public var name: String
  /// Who made the data and under which licence, where that must be said.
  public var attribution: String?
  /// How much each example counts in the loss of a training step, `[N]` numbers of at least 0; nil if all count the same.
  public var weights: [Double]? {
    didSet {
      require(weights.map { $0.count == count } ?? true, "\(weights?.count ?? 0) weights for \(count) examples")
    }
  }
  /// What the classes are called, in the order of their numbers.
  public var classNames: [String]?
  /// What the features are called.
  public var featureNames: [String]?

  /// Features and as many targets. Class numbers must lie below the count of classes.
  public init(
    features: Tensor<Element>, targets: Targets, name: String, attribution: String? = nil, classNames: [String]? = nil,
    featureNames: [String]? = nil
  ) {
    require(features.rank >= 2, "features of shape \(features.shape) have no axis of examples and one of features")
    self.init(
      samples: Samples(features), targets: targets, name: name, attribution: attribution, classNames: classNames,
      featureNames: featureNames)
  }

  init(
    samples: Samples<Element>, targets: Targets, name: String, attribution: String? = nil,
    classNames: [String]? = nil, featureNames: [String]? = nil
  ) {
    switch targets {
    case .classes(let classes, let count):
      require(classes.count == samples.count, "\(classes.count) classes for \(samples.count) examples")
      require(classes.allSatisfy { $0 >= 0 && $0 < count }, "a class lies outside 0..<\(count)")
      require(classNames == nil || classNames?.count == count, "names for other than \(count) classes")
    case .values(let values):
      require(
        values.rank == 2 && values.shape[0] == samples.count,
        "values of shape \(values.shape) for \(samples.count) examples")
    }
    self.samples = samples
    self.targets = targets
    self.name = name
    self.attribution = attribution
    self.classNames = classNames
    self.featureNames = featureNames
  }

  /// The number of examples.
  public var count: Int { samples.count }

  /// How many examples each class has; nil if the targets are numbers.
  public var classCounts: [Int]? {
    guard case .classes(let classes, let count) = targets else { return nil }
    var counts = [Int](repeating: 0, count: count)
    for number in classes { counts[number] += 1 }
    return counts
  }

  /// The shape of one example: that of the features without the first axis.
  public var exampleShape: Shape { samples.exampleShape }

  /// The shape `[N, …]` of the features.
  public var shape: Shape { Shape([count] + Array(exampleShape)) }

  /// Whether the examples are images of any size, which are brought to one each time they are asked for.
  package var areOriginals: Bool { samples.areOriginals }

  /// The same data in another element type.
  public func converted<Other: TensorElement>(to type: Other.Type = Other.self) -> Dataset<Other> {
    let newTargets: Dataset<Other>.Targets =
      switch targets {
      case .classes(let classes, let count): .classes(classes, count: count)
      case .values(let values): .values(values.converted())
      }
    var converted = Dataset<Other>(
      features: features.converted(), targets: newTargets, name: name, attribution: attribution, classNames: classNames,
      featureNames: featureNames)
    converted.weights = weights
    return converted
  }
}
