import ShortPrograms

// swift run -c release short-programs [NAME]
let programs: [(name: String, run: () throws -> String)] = [
  ("autoencoder", { "variance found again: \(try autoencoder())" }),
  ("gan", { "mean distance from the centre of a circle of radius 1: \(try generativeAdversarialNetwork())" }),
  ("gradient-penalty", { "mean distance from the centre of a circle of radius 1: \(try gradientPenalty())" }),
  ("two-inputs", { "accuracy: \(try twoInputs())" }), ("fine-tuning", { "accuracy: \(try fineTuning())" }),
  ("transformer", { "accuracy: \(try transformer())" }),
  ("class-conditional", { "variance found again: \(try classConditional())" }),
  ("accumulation", { "furthest from the whole batch: \(try accumulation())" }),
]
let wanted = CommandLine.arguments.dropFirst()
for (name, run) in programs where wanted.isEmpty || wanted.contains(name) { print("\(name): \(try run())") }
