/// A file could be read, but what it holds is not what it should be.
public struct FormatError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The file, as it was given; a file inside an archive is `archive: file`.
  public var file: String
  /// Where in the file, such as `byte 16` or `row 3, column 2`; nil if it is about the file as a whole.
  public var location: String?
  /// What is wrong, without a full stop.
  public var problem: String
  /// What would be right or what to do, as a whole sentence.
  public var remedy: String

  /// An error about a file, or a place in it.
  public init(file: String, location: String? = nil, problem: String, remedy: String) {
    self.file = file
    self.location = location
    self.problem = problem
    self.remedy = remedy
  }

  public var description: String {
    "'\(file)'\(location.map { ", \($0)" } ?? ""): \(problem). \(remedy)"
  }
}
