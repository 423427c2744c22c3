/// A text that names a model, such as `mlp:100,100`: a kind, and after a colon its settings.
struct ModelText {
  let text: String
  /// What stands after the colon; nil without one.
  let settings: Substring?

  /// A text about models of a kind; nil if it is about another.
  init?(_ text: String, kind: String) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts[0] == kind else { return nil }
    self.text = text
    settings = parts.count == 2 ? parts[1] : nil
  }

  /// The settings as names with values, `name=value`, separated by commas; nil without any. What has no value has an empty one.
  var options: [(name: String, value: String)]? {
    settings?.split(separator: ",", omittingEmptySubsequences: false).map { option in
      let parts = option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      return (String(parts[0]), parts.count == 2 ? String(parts[1]) : "")
    }
  }

  /// The settings as widths separated by commas; nil without any.
  func widths(like example: String) throws(ModelArchitectureError) -> [Int]? {
    guard let settings else { return nil }
    var widths: [Int] = []
    for width in settings.split(separator: ",", omittingEmptySubsequences: false) {
      guard let value = Int(width), (1...ModelArchitecture.maximumWidth).contains(value) else {
        throw ModelArchitectureError(
          "'\(width)' in '\(text)' is no width; write whole numbers from 1 to \(ModelArchitecture.maximumWidth), such as "
            + example)
      }
      widths.append(value)
    }
    return widths
  }
}
