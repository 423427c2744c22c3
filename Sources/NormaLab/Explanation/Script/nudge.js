// Part 5: a nudge of one value, and the slope of the loss.

{
  const rows = choice("nudge-row", draw);
  const size = slider("nudge-size", value => numberText(10 ** value), draw);

  function loss(nudge) {
    const channel = copied(state.channel);
    channel.x[Number(rows.value)] += nudge;
    const { y } = walk(channel, state.epsilon);
    return sum(channel.gradient.map((value, row) => value * y[row]));
  }

  function draw() {
    const row = Number(rows.value), nudge = 10 ** size.value;
    const nudges = Array.from({ length: 81 }, (_, place) => (place - 40) / 20);
    const losses = nudges.map(loss);
    const finite = losses.filter(Number.isFinite);
    const least = Math.min(...finite), most = Math.max(...finite), room = most > least ? (most - least) * 0.1 : 1;
    const point = (nudge, loss) => [180 + 80 * nudge, 206 - 186 * (loss - least + room) / (most - least + 2 * room)];
    const gradient = state.values.dx[row], middle = loss(0);
    // Of a steep line only what lies in the drawing.
    const reach = Math.min(1.2, 1.2 * (most - least + 2 * room) / Math.max(1e-300, Math.abs(gradient)));
    find("nudge-curve").setAttribute("d", line(nudges.map((nudge, place) => point(nudge, losses[place]))));
    find("nudge-tangent").setAttribute("d", line([-reach, reach].map(nudge => point(nudge, middle + gradient * nudge))));
    const below = loss(-nudge), above = loss(nudge), slope = (above - below) / (2 * nudge);
    for (const [identifier, place, value] of [["nudge-below", -nudge, below], ["nudge-above", nudge, above]]) {
      const [x, y] = point(place, value);
      find(identifier).setAttribute("cx", x.toFixed(2));
      find(identifier).setAttribute("cy", y.toFixed(2));
    }
    write("nudge-lower", numberText(below));
    write("nudge-upper", numberText(above));
    write("nudge-slope", numberText(slope));
    write("nudge-gradient", numberText(gradient));
    write("nudge-outcome", `Slope and gradient differ by ${numberText(Math.abs(slope - gradient))}.`);
  }

  watch(() => {
    listRows(rows, state.channel.x.length, row => `x in row ${row + 1}`);
    draw();
  });
}
