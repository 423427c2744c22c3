import Foundation
import ShortPrograms
import Testing

/// The programs in `Examples/ShortPrograms` do what they say, and are no longer than their twins in PyTorch.
@Suite struct ShortProgramsTests {
  @Test func anAutoencoderFindsMostOfTheDigitsAgain() throws { #expect(try autoencoder(epochs: 5) > 0.7) }

  @Test func aGeneratorLearnsACircle() throws {
    // Noise has a mean distance of 1.25; untrained, the generator's points lie anywhere.
    #expect(abs(try generativeAdversarialNetwork(steps: 1500) - 1) < 0.15)
  }

  @Test func aCriticWithAGradientPenaltyTeachesACircle() throws {
    #expect(abs(try gradientPenalty(steps: 600) - 1) < 0.15)
  }

  @Test func twoBranchesSeeADigit() throws { #expect(try twoInputs(epochs: 4) > 0.9) }

  @Test func aFrozenBackboneTellsDigitsItNeverSaw() throws { #expect(try fineTuning(epochs: 8) > 0.8) }

  @Test func aTransformerFindsWhatStandsTwice() throws { #expect(try transformer(epochs: 6) > 0.9) }

  /// Two numbers and no class find a third.
  @Test func aDecoderThatIsToldTheClassFindsMostOfTheDigitsAgain() throws {
    #expect(try classConditional(epochs: 8) > 0.6)
  }

  @Test func jointMomentsAreThoseOfTheWholeBatch() throws {
    let (own, joint) = try accumulation()
    // Five steps of rate 0.1 from gradients of some 320 terms, each normalized once.
    #expect(joint < 1e-10 && own > 1e-3)
  }

  @Test func noneIsLongerThanItsTwin() throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Examples/ShortPrograms")
    func lines(_ file: String) throws -> Int {
      try String(contentsOf: folder.appending(path: file), encoding: .utf8).split(separator: "\n")
        .map { $0.trimmingCharacters(in: .whitespaces) }
        .count { !$0.isEmpty && !$0.hasPrefix("//") && !$0.hasPrefix("#") && !$0.hasPrefix("\"\"\"") }
    }
    let twins = [
      "Autoencoder": "autoencoder", "GenerativeAdversarialNetwork": "gan", "TwoInputs": "two_inputs",
      "FineTuning": "fine_tuning", "Transformer": "transformer", "Accumulation": "accumulation",
      "ClassConditional": "class_conditional", "GradientPenalty": "gradient_penalty",
    ]
    for (program, twin) in twins {
      let (ours, theirs) = (try lines("Programs/\(program).swift"), try lines("Twins/\(twin).py"))
      #expect(ours <= theirs, "\(program): \(ours) lines, its twin \(theirs)")
    }
  }
}
