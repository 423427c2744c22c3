import ArgumentParser
import Norma

/// How processes share a training, and what that would cost.
struct ScalingOptions: ParsableArguments {
  @Flag(
    help:
      "Let each process remember what the optimizer does of an equal part of the parameters alone, and tell the others what became of them: less memory for more to send. It does not change the result."
  )
  var shardOptimizer = false

  @Option(
    help: ArgumentHelp(
      "Train nothing, but tell how long a step would take by 1, 2, 4 … up to so many processes, each on a machine like this one, over the network of --network. Batches are cut into at least as many shards.",
      valueName: "count"))
  var plan: Int?

  @Option(
    help: ArgumentHelp(
      "What connects the processes of --plan: a rate such as 1Gbit or 10Gbit, with the latency of a message if it is known, as 10Gbit:20us. (default: 1Gbit:50us)",
      valueName: "rate"))
  var network: Interconnect?

  func validate() throws {
    if let plan, !(1...TrainingConfiguration.mostShards).contains(plan) || plan.nonzeroBitCount != 1 {
      throw ValidationError("--plan takes a power of two up to \(TrainingConfiguration.mostShards), not \(plan).")
    }
    guard plan == nil || !shardOptimizer else {
      throw ValidationError("--plan counts what is sent without --shard-optimizer: leave that out.")
    }
    guard plan != nil || network == nil else { throw ValidationError("--network is about --plan: add --plan 8.") }
  }
}
