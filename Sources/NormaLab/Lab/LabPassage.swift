/// Something that the lab's page tells where the question comes up, and that no experiment measures.
struct LabPassage: Sendable {
  let identifier: String
  let title: String
  let blocks: [ReportBlock]

  /// The page beside the lab's, whose parts can be touched.
  static let explanation = "explanation.html"

  private static func link(_ words: String, _ part: String) -> ReportBlock {
    .link(words, to: "\(explanation)#\(part)")
  }

  static let definition = LabPassage(
    identifier: "definition", title: "What batch normalization computes",
    blocks: [
      .paragraph(
        "Take one channel, which is one number that a layer gives, and its values x, one for each of the N examples of a batch. Batch normalization takes "
          + "their mean μ away and divides by their standard deviation. Whatever the weights below did to the scale of x is undone."
      ),
      .formula(
        """
        μ = (Σx)/N     v = Σ(x − μ)²/N
        x̂ᵢ = (xᵢ − μ) / √(v + ε)
        yᵢ = γ·x̂ᵢ + β
        """),
      .paragraph(
        "γ and β are learned, one of each a channel, from 1 and 0 on. Mean 0 and deviation 1 are a good place to start from, and need not be a good place "
          + "to end: with γ = √(v + ε) and β = μ the layer would give back what it got, so nothing is lost that the net could say before. But its scale is "
          + "now one number that the gradient reaches at once, and no longer the joint work of all layers below. A bias right before the layer "
          + "is left out, since μ would take it away again. ε, here 10⁻⁵, is for channels that hardly vary: with v near 0 their rounding would be blown up "
          + "to a deviation of 1, and with v = 0 they would be divided by 0."),
      link("Try it with numbers of your own: γ, β, ε, an outlier, a constant channel", "numbers"),
    ])

  static let closedForm = LabPassage(
    identifier: "closed-form", title: "The gradient in one formula",
    blocks: [
      .paragraph(
        "Let g be the gradient of the loss with respect to y, and s = √(v + ε). From y = γ·x̂ + β follow ∂β = Σg and ∂γ = Σ(g·x̂). An x acts on the loss in "
          + "three ways. By itself. Through μ: if xᵢ rises, μ rises by 1/N of that, and all rows fall by as much. And through s, which rises by x̂ᵢ/N of it, so that "
          + "every x̂ shrinks by x̂/s for each unit. Each way brings a part:"
      ),
      .formula(
        """
        by itself     γ/s · gᵢ
        through μ   − γ/s · (Σg)/N
        through s   − γ/s · x̂ᵢ·Σ(g·x̂)/N
        together
        ∂xᵢ = γ/s · (gᵢ − (Σg)/N − x̂ᵢ·Σ(g·x̂)/N)
        """),
      .paragraph(
        "(v is measured from μ, too, but that adds nothing: distances from a mean add up to 0.) So two things are taken away from the gradient, its mean and its "
          + "part along x̂. It could not be otherwise: to shift all rows alike, or to stretch them from their mean, changes no y, and what changes "
          + "nothing has no gradient. In use μ and s are constants, and of the three parts only the first is left."),
      link("Watch it go through the graph, step by step", "steps"),
    ])

  static let inference = LabPassage(
    identifier: "inference", title: "One example, and no batch",
    blocks: [
      .paragraph(
        "Once a net is in use there may be a single example, and its answer should not depend on who else asks. So while it trains, each layer keeps "
          + "running averages of its batches’ means and variances, and normalizes by them later (PyTorch’s eval mode):"),
      .formula(
        """
        M ← (1 − m)·M + m·μ
        V ← (1 − m)·V + m·v·N/(N − 1)
        yᵢ = γ·(xᵢ − M)/√(V + ε) + β
        """),
      .paragraph(
        "That is a scale and a shift that no longer change, and can be made part of the weights before them. Two things can go wrong. The averages are late: the "
          + "weights go on while M and V still remember what earlier weights gave. And they have to begin somewhere: with m = 0.1, 12 % of where they "
          + "began is left after 20 batches."),
      link("Move the momentum and the number of batches, and watch them chase the true values", "running"),
    ])

  static let noise = LabPassage(
    identifier: "noise", title: "How noisy a batch is",
    blocks: [
      .paragraph(
        "μ and v are those of N examples and stand for those of all. The mean of N values drawn by chance is typically off by their standard "
          + "deviation σ over the square root of N, and their own deviation is off by about 0.7 times as much:"),
      .formula(
        """
        μ is off by        σ/√N
        s is off by about  σ/√(2N)
        """),
      .paragraph(
        "With 32 examples that is 0.18 σ and 0.13 σ, with 4 it is 0.50 σ and 0.35 σ. The same image is therefore normalized a little differently in every batch, by "
          + "which images chance puts beside it. Four times the batch halves that noise."),
      link("Draw batches of any size, and see their means scatter", "batch-size"),
    ])

  static let axes = LabPassage(
    identifier: "axes", title: "Which values share a mean",
    blocks: [
      .paragraph(
        "In a fully connected layer a channel has N values, one an example. In a convolutional layer it has N·H·W: the places of an image share their weights, and so "
          + "they share mean and variance, too, and one γ and one β a channel. The course calls that spatial batch normalization. The other kinds average "
          + "the same block of numbers along other axes, and never over examples:"),
      .table(
        ReportTable(
          caption: "What a mean is taken over",
          columns: [
            .init("normalization"), .init("averages over"), .init("one mean for each"), .init("needs a batch"),
          ],
          rows: [
            ["batch", "examples and places", "channel", "yes"],
            ["layer", "channels and places", "example", "no"],
            ["group", "places, and the channels of a group", "example and group", "no"],
            ["instance", "places", "example and channel", "no"],
          ])),
      link("Turn the block of numbers, and see what shares a mean", "image-axes"),
    ])
}
