/// All experiments, in the order that tells the story: why activations die, what normalization does about it, its gradient,
/// what it buys, what stands in for the batch in use, what the batch must be, and what needs none.
public enum LabCatalogue {
  /// The experiments.
  public static let experiments: [any Experiment] = parts.flatMap { $0.questions.map(\.experiment) }

  /// The experiment of a name; nil if there is none.
  public static func experiment(named name: String) -> (any Experiment)? { experiments.first { $0.name == name } }

  /// The part of the story that tells an experiment, and how.
  static func place(of name: String) -> (part: LabPart, question: LabQuestion)? {
    for part in parts {
      if let question = part.questions.first(where: { $0.experiment.name == name }) { return (part, question) }
    }
    return nil
  }

  static let parts = [
    LabPart(
      "Why it is needed",
      [
        LabQuestion(
          ActivationsByLayer(),
          lead:
            "A layer multiplies what it gets by its weights and hands it on. If that makes the numbers a little smaller, "
            + "or a little larger, the next layer does it again.", after: [.definition])
      ]),
    LabPart(
      "How it learns",
      [
        LabQuestion(
          GradientWalk(),
          lead: "Is that formula right? The gradient can also be found node by node, with no algebra at all.",
          before: [.closedForm]),
        LabQuestion(GradientSpeed(), lead: "Both ways give the same numbers. They do not cost the same."),
      ]),
    LabPart(
      "What it buys",
      [
        LabQuestion(SixLayerNetwork(), lead: "So much for one layer. Now six of them learn to tell images apart."),
        LabQuestion(
          WeightScale(),
          lead: "That net started from weights of one size. The slider above changed it; here it is done in earnest."),
        LabQuestion(
          SigmoidNetwork(),
          lead:
            "Where a unit can saturate, a bad start lasts longer still. The paper that introduced batch normalization showed that first."
        ),
        LabQuestion(
          LearningRates(), lead: "A net that is not easily thrown off course should bear larger steps."),
        LabQuestion(
          DeepLinearNetwork(),
          lead:
            "Why should it? One explanation looks along the gradient: a step can be large where the slope stays what it was."
        ),
        LabQuestion(
          NormalizationPlacement(), lead: "All of these nets normalize before the nonlinearity. That is a choice."),
      ]),
    LabPart(
      "In use, without a batch",
      [
        LabQuestion(
          ExactStatistics(), lead: "Running averages are a stand-in, and a stand-in can be late.", before: [.inference]),
        LabQuestion(
          ShiftedData(),
          lead: "If the images in use are not like those of the training, their statistics are others, too."),
      ]),
    LabPart(
      "The batch it needs",
      [
        LabQuestion(
          Regularization(),
          lead: "A net that sees each image a little differently each time might find it harder to learn by heart.",
          before: [.noise]),
        LabQuestion(BatchSize(normalization: .batch), lead: "A little noise may help. How much is too much?"),
        LabQuestion(SmallBatches(), lead: "Few images are one trouble. Images that are alike are another."),
        LabQuestion(
          GhostBatches(),
          lead:
            "The noise can also be had on purpose, by taking the moments, mean and variance, of a part of a large batch."
        ),
        LabQuestion(
          Accumulation(), lead: "Or against one’s will, where memory has room for a part of the batch only."),
        LabQuestion(PaddedSequences(), lead: "And a batch may hold rows that are not there at all."),
      ]),
    LabPart(
      "Without the batch",
      [
        LabQuestion(
          BatchSize(normalization: .layer),
          lead: "All that trouble comes from averaging over examples. Other kinds do not.",
          before: [.axes]),
        LabQuestion(RootMeanSquare(), lead: "Layer normalization takes a mean away, too. Perhaps it need not."),
      ]),
    LabPart(
      "Appendix: checks, and other homework", isAppendix: true,
      [
        LabQuestion(PublishedChecks(), lead: "The course has its students check every layer that they write."),
        LabQuestion(UpdateRules(), lead: "The same gradient can be followed in several ways."),
        LabQuestion(Overfitting(), lead: "Before a net is trained in earnest, it is tried on a few images."),
        LabQuestion(ConvolutionalNetwork(), lead: "The course ends with a convolutional net."),
        LabQuestion(Dropout(), lead: "Dropout regularizes in another way: it leaves out units by chance."),
        LabQuestion(
          HalfWidthActivations(),
          lead: "What a layer gives must be kept until its gradient is computed, which takes memory."),
      ]),
  ]
}

/// A part of the story, with a heading of its own.
struct LabPart: Sendable {
  let title: String
  /// Whether its experiments are closed until they are opened.
  let isAppendix: Bool
  let questions: [LabQuestion]

  init(_ title: String, isAppendix: Bool = false, _ questions: [LabQuestion]) {
    self.title = title
    self.isAppendix = isAppendix
    self.questions = questions
  }
}

/// A question of the story: what leads to it, the experiment that answers it, and what is told before and after.
struct LabQuestion: Sendable {
  let experiment: any Experiment
  /// What leads from the question before to this one.
  let lead: String
  let before: [LabPassage], after: [LabPassage]

  init(
    _ experiment: any Experiment, lead: String, before: [LabPassage] = [], after: [LabPassage] = []
  ) {
    self.experiment = experiment
    self.lead = lead
    self.before = before
    self.after = after
  }
}
