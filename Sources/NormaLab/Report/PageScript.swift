/// The scripts of the pages, each put together from parts; what comes first is used by what follows.
///
/// A page allows its own script alone, by its hash, and reads without it.
package enum PageScript {
  /// What all reports have: charts that can be touched.
  package static let report = joined(["charts"])

  /// The lab's: its opening too, and a chapter's contents and folds.
  package static let chapter = joined(
    ["charts", "chapter", "page", "numbers", "random", "points", "network", "trainer", "learners", "opening"])

  /// The explanation's.
  package static let explanation = joined([
    "page", "numbers", "batch-normalization", "random", "state", "points", "network", "trainer", "learners", "dots",
    "numbers-table", "steps", "nudge", "closed-form", "running", "batch-means", "weight-scale", "block", "begin",
    "opening", "playground",
  ])

  private static func joined(_ names: [String]) -> String {
    let parts = names.map { name -> String in
      guard let part = PageSources.parts[name] else { preconditionFailure("no part of a script is called \(name)") }
      return part + "\n"
    }
    return "(() => {\n\"use strict\";\n\n\(parts.joined())})();\n"
  }
}
