// Part 6: what the closed form takes away.

{
  function bars(index, numbers, others) {
    const left = index % 2 === 0 ? 4 : 192, middle = (index < 2 ? 0 : 150) + 82;
    const largest = Math.max(1e-300, ...[...numbers, ...others].map(Math.abs)), room = 164 / numbers.length;
    const path = numbers => numbers.map((number, row) => {
      const height = 56 * number / largest;
      return `M${(left + room * (row + 0.15)).toFixed(2)},${middle}v${(-height).toFixed(2)}`
        + `h${(0.7 * room).toFixed(2)}v${height.toFixed(2)}z`;
    }).join("");
    find("closed-bars-" + index).setAttribute("d", path(numbers));
    find("closed-away-" + index).setAttribute("d", path(others));
  }

  // What is nothing but the rounding of larger numbers is drawn as 0.
  function cleared(numbers, from) {
    const largest = Math.max(...from.map(Math.abs));
    return numbers.map(number => Math.abs(number) < 1e-9 * largest ? 0 : number);
  }

  watch(() => {
    const { channel, values } = state, form = closedForm(channel, values);
    const { gradient } = channel, factor = channel.gamma / values.s;
    const rest = cleared(form.rest, gradient), scale = gradient.map(value => value * factor);
    bars(0, gradient, form.meanPart);
    bars(1, cleared(form.centred, gradient), form.alongPart);
    bars(2, rest, []);
    bars(3, cleared(form.dx, scale), []);
    write("closed-mean", numberText(form.mean));
    write("closed-along", numberText(form.along));
    write("closed-factor", numberText(factor));
    write("closed-result", numberTexts(form.dx).join(",  "));
  });

  function set(gradient, words) {
    const channel = copied(state.channel);
    channel.gradient = gradient;
    change(channel);
    write("closed-outcome", `${words} ∂x is ${numberTexts(state.values.dx).join(", ")}.`);
  }
  press("closed-same", () => set(state.channel.x.map(() => 1),
    "A gradient that is the same in all rows is all mean: nothing is left but rounding."));
  press("closed-along-button", () => set([...state.values.xhat],
    "A gradient along x̂ asks for a stretch, which is undone: nothing is left but what ε lets through."));
  press("closed-one", () => set(state.channel.x.map((_, row) => row === 0 ? 1 : 0), "One row alone asks, and all rows get an answer."));
  press("closed-mixed", () => set(state.channel.x.map((_, row) => [1, -2, 0.5, 1.5][row % 4]), "Most of it is left."));
}
