import ArgumentParser

/// `norma bench`: how fast, and how exact, operations and networks are on this machine.
struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Time normalization, convolution, matrix products, training and inference on this machine.",
    usage: "norma bench [<subcommand>] [<options>]",
    discussion: """
      Without a subcommand it times, and takes the options of `norma bench run`.

      EXAMPLES
        norma bench --only 'bn.*nhwc' --threads 1
        norma bench list
        norma bench accuracy batch.safetensors results.safetensors
      """,
    subcommands: [BenchRun.self, BenchList.self, BenchAccuracy.self],
    defaultSubcommand: BenchRun.self)
}
