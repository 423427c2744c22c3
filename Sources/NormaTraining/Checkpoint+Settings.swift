import NormaData
import NormaFiles
import NormaLayers
import NormaTensor

extension Checkpoint {
  /// What the model's outputs stand for.
  public enum Outputs: Hashable, Sendable, Codable {
    /// A score for each class.
    case classes(names: [String])
    /// Numbers.
    case values(count: Int)

    private enum CodingKeys: String, CodingKey { case classes, values }
    private enum ClassesCodingKeys: String, CodingKey { case names }
    private enum ValuesCodingKeys: String, CodingKey { case count }

    /// How many outputs there are.
    public var count: Int {
      switch self {
      case .classes(let names): names.count
      case .values(let count): count
      }
    }
  }

  /// What numbers were standardized by, in a form that is saved: in double precision, as the columns of tables need it. Where
  /// features are computed with as 32-bit numbers, as images are, these are such numbers.
  public struct SavedStandardization: Hashable, Sendable, Codable {
    /// What shares a mean and a scale.
    public var mode: StandardizationMode
    /// The shape of `mean` and `scale`.
    public var shape: [Int]
    /// What is subtracted, in row-major order.
    public var mean: [Double]
    /// What is divided by, in row-major order.
    public var scale: [Double]

    private enum CodingKeys: String, CodingKey { case mode, shape, mean, scale }
  }

  /// Everything about a model but its tensors.
  public struct Settings: Equatable, Sendable {
    /// How the network is built.
    public var architecture: ModelArchitecture
    /// The shape of one example, without the batch axis.
    public var exampleShape: [Int]
    /// What the outputs stand for.
    public var outputs: Outputs
    /// What the features were called, where they had names.
    public var featureNames: [String]?
    /// How a table's columns become features; nil for data that were no tables, and where files do not say.
    public var encoding: TableEncoding?
    /// What the features were standardized by; nil if they were left as they are.
    public var standardization: SavedStandardization?
    /// What the numbers to predict were standardized by, which is undone on what the network gives; nil if they were left as
    /// they are, and for classes.
    public var targetStandardization: SavedStandardization?
    /// How it was trained.
    public var training: TrainingConfiguration
    /// The data it was trained on, as `--data` and the other options about data name them.
    public var data: SavedData
    /// How the training went, without times: the same training gives the same checkpoint, bit for bit.
    public var history: TrainingHistory {
      didSet { history = history.withoutTimes }
    }
    /// What the shorter side of an image file is scaled to in pixels, before its middle is cut out; nil for what just covers the
    /// examples' size.
    public var shorterSide: Int?
    /// Over how many training examples the running statistics were recomputed after the training; nil if they were not.
    public var recalibrationCount: Int?
    /// The version of Norma that wrote it.
    public var version: String

    /// Settings by their parts.
    public init(
      architecture: ModelArchitecture, exampleShape: [Int], outputs: Outputs, featureNames: [String]?,
      encoding: TableEncoding? = nil, standardization: SavedStandardization?,
      targetStandardization: SavedStandardization? = nil, training: TrainingConfiguration, data: SavedData,
      history: TrainingHistory, version: String = normaVersion
    ) {
      self.architecture = architecture
      self.exampleShape = exampleShape
      self.outputs = outputs
      self.featureNames = featureNames
      self.encoding = encoding
      self.standardization = standardization
      self.targetStandardization = targetStandardization
      self.training = training
      self.data = data
      self.history = history.withoutTimes
      self.version = version
    }
  }

  /// The data a model was trained on, so that they can be asked for again.
  public struct SavedData: Hashable, Sendable, Codable {
    /// As `--data` names it, such as `digits` or `csv:iris.csv`.
    public var source: String
    /// As `--label` names it; nil where it was not given.
    public var labelColumn: String?
    /// Whether the first row of CSV holds names; nil where that was found out.
    public var hasHeader: Bool?
    /// What separates the cells of CSV, as `--separator` names it; nil where that was found out.
    public var separator: String?
    /// The decimal mark of CSV, as `--decimal` names it; nil where that was found out.
    public var decimalMark: String?
    /// How many of the training examples were set aside for validation.
    public var validationCount: Int
    /// How they were set aside; nil in files of versions that knew one way, `SplitKind.random`.
    public var split: SplitKind?

    private enum CodingKeys: String, CodingKey {
      case source, labelColumn, hasHeader, separator, decimalMark, validationCount, split
    }

    /// Data by their names on the command line.
    public init(
      source: String, labelColumn: String? = nil, hasHeader: Bool? = nil, separator: String? = nil,
      decimalMark: String? = nil, validationCount: Int, split: SplitKind? = .stratified
    ) {
      self.source = source
      self.labelColumn = labelColumn
      self.hasHeader = hasHeader
      self.separator = separator
      self.decimalMark = decimalMark
      self.validationCount = validationCount
      self.split = split
    }
  }
}

extension Checkpoint.Settings: Codable {
  private enum CodingKeys: String, CodingKey {
    case formatVersion, architecture, exampleShape, outputs, featureNames, encoding, standardization
    case targetStandardization, training, data, history, recalibrationCount, shorterSide, version
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      architecture: try values.decode(ModelArchitecture.self, forKey: .architecture),
      exampleShape: try values.decode([Int].self, forKey: .exampleShape),
      outputs: try values.decode(Checkpoint.Outputs.self, forKey: .outputs),
      featureNames: try values.decodeIfPresent([String].self, forKey: .featureNames),
      encoding: try values.decodeIfPresent(TableEncoding.self, forKey: .encoding),
      standardization: try values.decodeIfPresent(Checkpoint.SavedStandardization.self, forKey: .standardization),
      targetStandardization: try values.decodeIfPresent(
        Checkpoint.SavedStandardization.self, forKey: .targetStandardization),
      training: try values.decode(TrainingConfiguration.self, forKey: .training),
      data: try values.decode(Checkpoint.SavedData.self, forKey: .data),
      history: try values.decode(TrainingHistory.self, forKey: .history),
      version: try values.decode(String.self, forKey: .version))
    recalibrationCount = try values.decodeIfPresent(Int.self, forKey: .recalibrationCount)
    shorterSide = try values.decodeIfPresent(Int.self, forKey: .shorterSide)
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(Checkpoint.formatVersion, forKey: .formatVersion)
    try values.encode(architecture, forKey: .architecture)
    try values.encode(exampleShape, forKey: .exampleShape)
    try values.encode(outputs, forKey: .outputs)
    try values.encodeIfPresent(featureNames, forKey: .featureNames)
    try values.encodeIfPresent(encoding, forKey: .encoding)
    try values.encodeIfPresent(standardization, forKey: .standardization)
    try values.encodeIfPresent(targetStandardization, forKey: .targetStandardization)
    try values.encode(training, forKey: .training)
    try values.encode(data, forKey: .data)
    try values.encode(history, forKey: .history)
    try values.encodeIfPresent(recalibrationCount, forKey: .recalibrationCount)
    try values.encodeIfPresent(shorterSide, forKey: .shorterSide)
    try values.encode(version, forKey: .version)
  }
}

extension Checkpoint.SavedStandardization {
  /// The numbers of a standardization.
  public init<Element: TensorElement>(_ standardization: Standardization<Element>) {
    mode = standardization.mode
    shape = Array(standardization.mean.shape)
    mean = standardization.mean.converted(to: Double.self).elements
    scale = standardization.scale.converted(to: Double.self).elements
  }

  /// The standardization that these numbers are of.
  public func standardization<Element: TensorElement>(of type: Element.Type = Element.self) -> Standardization<Element>
  {
    Standardization(
      mode: mode, mean: Tensor(mean.map { Element($0) }, shape: Shape(shape)),
      scale: Tensor(scale.map { Element($0) }, shape: Shape(shape)))
  }

  /// Makes sure that the numbers can standardize examples of a shape.
  func check(
    _ name: String, examplesOf lengths: [Int], _ error: (String) -> FormatError
  ) throws {
    let expected =
      switch mode {
      case .perFeature: lengths
      case .perChannel: [lengths[lengths.count - 1]]
      case .overall: [Int]()
      }
    let count = expected.reduce(1, *)
    guard shape == expected, mean.count == count, scale.count == count else {
      throw error(
        """
        the \(name) of shape \(shape) has \(mean.count) means and \(scale.count) scales, and examples of shape \(lengths) \
        need \(count) of each
        """)
    }
    guard mean.allSatisfy(\.isFinite), scale.allSatisfy({ lengths.count == 3 ? Float($0).isNormal : $0.isNormal })
    else {
      throw error("the \(name) has means that are not finite, or scales that cannot be divided by")
    }
  }
}
